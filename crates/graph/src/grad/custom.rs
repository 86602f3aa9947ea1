//! Another gradient for the same value.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use anygrad_layout::Layout;

use crate::Tensor;
use crate::op::{Gradients, Kind, Meta, Op, OpRef, Vjp};
use crate::scope;
use std::panic::Location;

type Rule = dyn Fn(&Vjp<'_>) -> Vec<Tensor> + Send + Sync;

/// The first input, with a gradient of the user's for the others. It is no part of a program.
struct Custom(Arc<Rule>);

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom")
    }
}

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Custom {}

impl Hash for Custom {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Op for Custom {
    fn name(&self) -> &'static str {
        "custom_vjp"
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
    fn is_alias(&self) -> bool {
        true
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let inputs = v.inputs.get(1..).unwrap_or_default();
        let parts = (self.0)(&Vjp { inputs, output: v.output, grad: v.grad });
        if parts.len() != inputs.len() {
            let message = format!("the rule gave {} gradients for {} inputs", parts.len(), inputs.len());
            let wrong = Tensor::wrong(self.name(), message, &[("output", v.output)]);
            return Some(vec![Some(wrong); v.inputs.len()]);
        }
        let checked = parts.into_iter().zip(inputs).enumerate().map(|(i, (part, input))| {
            let fits = part.shape() == input.shape() && part.dtype() == input.dtype();
            if fits || part.check().is_err() || !input.dtype().is_float() {
                return Some(part);
            }
            let of = |t: &Tensor| format!("{} {}", t.dtype(), t.shape());
            let message = format!("the gradient for input {i} is {}, the input {}", of(&part), of(input));
            Some(Tensor::wrong("custom_vjp", message, &[("gradient", &part), ("input", input)]))
        });
        // what the value was made of is not differentiated
        Some(std::iter::once(None).chain(checked).collect())
    }
    fn label(&self, i: usize, _: usize) -> String {
        if i == 0 { "value".into() } else { format!("input {}", i - 1) }
    }
}

/// `forward(inputs)`, with `backward` as its gradient: given the inputs, the output and the gradient of the loss with
/// respect to the output, it returns the gradient for each input, of that input's shape and dtype.
///
/// The value is an ordinary composition that fuses as if nothing were around it, and costs nothing. Derivatives of
/// second order are those of the rule. Only `inputs` receive gradients: what `forward` uses besides is a constant.
/// A gradient for an integer or a bool is not looked at.
///
/// Poisoned are the output if there are no inputs, and the gradients if `backward` returns another number of tensors,
/// or one of another shape or dtype than its input.
///
/// Rounding with the gradient of the identity, the straight-through estimator (Bengio, Léonard and Courville 2013,
/// <https://arxiv.org/abs/1308.3432>):
///
/// ```
/// use anygrad_graph::{Device, Tensor, custom_vjp, grad};
/// let x = Tensor::from_slice(&[0.4f32, 1.7], [2], &Device::cpu());
/// let y = custom_vjp(&[&x], |x| x[0].round(), |v| vec![v.grad.clone()]);
/// let g = grad(&y.square().sum_all(), &[&x]);
/// assert_eq!(y.to_vec::<f32>()?, [0.0, 2.0]);
/// assert_eq!(g[0].to_vec::<f32>()?, [0.0, 4.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn custom_vjp(
    inputs: &[&Tensor],
    forward: impl FnOnce(&[Tensor]) -> Tensor,
    backward: impl Fn(&Vjp<'_>) -> Vec<Tensor> + Send + Sync + 'static,
) -> Tensor {
    let caller = Location::caller();
    let given: Vec<Tensor> = inputs.iter().map(|&t| t.clone()).collect();
    if given.is_empty() {
        return scope::recorded_at(caller, || Tensor::wrong("custom_vjp", "takes at least 1 input", &[]));
    }
    let value = forward(&given);
    let operands: Vec<&Tensor> = std::iter::once(&value).chain(&given).collect();
    scope::recorded_at(caller, || {
        Tensor::record(OpRef::Shared(Arc::new(Custom(Arc::new(backward)))), &operands)
    })
}

/// The identity as a node of its own: a gradient with respect to it leaves out what other uses of its input give.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Argument;

impl Op for Argument {
    fn name(&self) -> &'static str {
        "argument"
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
    fn is_alias(&self) -> bool {
        true
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        Some(vec![Some(v.grad.clone())])
    }
}
