//! The identity that gradients do not pass.

use anygrad_layout::Layout;

use crate::Tensor;
use crate::op::{Kind, Meta, Op};

/// The same value; no gradient.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct StopGradient;

impl Op for StopGradient {
    fn name(&self) -> &'static str {
        "stop_gradient"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        inputs.first().map(|&meta| meta.clone()).ok_or_else(|| "takes 1 input".into())
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        Some(input.clone())
    }
    fn stops_gradient(&self) -> bool {
        true
    }
}

impl Tensor {
    /// The same value as a constant: gradients do not pass.
    #[track_caller]
    pub fn stop_gradient(&self) -> Tensor {
        Tensor::record(StopGradient, &[self])
    }
}
