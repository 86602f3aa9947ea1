//! The identity that waits: how recomputed values come to be computed late.

use anygrad_layout::Layout;

use crate::op::{Gradients, Kind, Meta, Op, Vjp};

/// The first input, read when the others have been computed. [`checkpoint`](crate::checkpoint) records it: what is
/// computed from the result is another instruction than the same computed from the input, and is scheduled behind the
/// gradient that needs it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct After;

impl Op for After {
    fn name(&self) -> &'static str {
        "after"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        inputs.first().map(|&meta| meta.clone()).ok_or_else(|| "takes at least 1 input".into())
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        Some(input.clone())
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        // the value does not depend on what is waited for
        let first = (0..v.inputs.len()).map(|i| (i == 0).then(|| v.grad.clone()));
        Some(first.collect())
    }
    fn label(&self, i: usize, _: usize) -> String {
        if i == 0 { "input".into() } else { "waited for".into() }
    }
}
