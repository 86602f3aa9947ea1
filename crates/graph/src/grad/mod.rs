//! Reverse-mode differentiation: records the gradients as more graph.

mod check;
mod checkpoint;
mod custom;
mod functions;
mod paths;
mod sums;

use std::panic::Location;

use rustc_hash::{FxBuildHasher, FxHashMap};

pub use check::{GradCheck, GradReport, WorstElement, grad_check};
pub use checkpoint::checkpoint;
pub(crate) use checkpoint::{Segment, current_segment};
pub use custom::custom_vjp;
pub use functions::{gradient, hessian, hessian_vector_product, jacobian, value_and_grad};

use self::checkpoint::Recompute;
use self::paths::Paths;
use self::sums::Parts;
use crate::op::Vjp;
use crate::scope;
use crate::tensor::Node;
use crate::{Shape, Tensor};

/// The gradients of the scalar `loss` with respect to each of `wrt`, as tensors of their shapes. Nothing runs:
/// the gradients are more graph, and can be differentiated again.
///
/// A tensor that is used several times receives the sum of the gradients of its uses.
///
/// Poisoned, with the reason, are the gradients of a loss that is not a float scalar, of a tensor that the loss
/// does not depend on, of one that is not a float, and of one that the loss depends on through an op without a
/// derivative.
///
/// A tensor that has been evaluated is a constant: it has let go of what it was made of. So call `grad` before
/// anything between `wrt` and the loss is read or evaluated. With respect to parameters (named leaves) that is an
/// error; [`Tensor::detached`] or [`Tensor::stop_gradient`] says that a constant is meant. With respect to other
/// leaves nothing can tell, if only a part of the paths is gone.
///
/// ```
/// use anygrad_graph::{Device, Tensor, grad};
/// let x = Tensor::from_slice(&[3.0f32], [1], &Device::cpu());
/// let y = (&x * &x + &x).sum_all();
/// assert_eq!(grad(&y, &[&x])[0].to_vec::<f32>()?, [7.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn grad(loss: &Tensor, wrt: &[&Tensor]) -> Vec<Tensor> {
    Backward { name: "grad", caller: Location::caller(), zeros: false }.of_loss(loss, wrt)
}

/// As [`grad`], with zeros as the gradient of a tensor that the loss does not depend on, instead of an error.
///
/// ```
/// use anygrad_graph::{Device, Tensor, grad_or_zeros};
/// let [x, y] = [1.0f32, 2.0].map(|v| Tensor::from_slice(&[v], [1], &Device::cpu()));
/// let gradients = grad_or_zeros(&x.square().sum_all(), &[&x, &y]);
/// assert_eq!(gradients[1].to_vec::<f32>()?, [0.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn grad_or_zeros(loss: &Tensor, wrt: &[&Tensor]) -> Vec<Tensor> {
    Backward { name: "grad_or_zeros", caller: Location::caller(), zeros: true }.of_loss(loss, wrt)
}

/// The product `cotangentᵀ · ∂output/∂w` for each `w` of `wrt`: backpropagation that starts with `cotangent`, of the
/// output's shape and dtype, where [`grad`] starts with 1. It is the gradient of `Σ cotangent · output` for a
/// constant cotangent, and all that is said of [`grad`] holds.
///
/// ```
/// use anygrad_graph::{Device, Tensor, grad_with};
/// let cpu = Device::cpu();
/// let x = Tensor::from_slice(&[1.0f32, 2.0], [2], &cpu);
/// let v = Tensor::from_slice(&[10.0f32, 100.0], [2], &cpu);
/// let gradients = grad_with(&x.square(), &v, &[&x]);
/// assert_eq!(gradients[0].to_vec::<f32>()?, [20.0, 400.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn grad_with(output: &Tensor, cotangent: &Tensor, wrt: &[&Tensor]) -> Vec<Tensor> {
    let backward = Backward { name: "grad_with", caller: Location::caller(), zeros: false };
    backward.with(output, cotangent, wrt)
}

/// One call of a function that gives gradients.
#[derive(Clone, Copy)]
struct Backward {
    /// The function the user called, for messages.
    name: &'static str,
    caller: &'static Location<'static>,
    /// Whether what is not reached has the gradient 0.
    zeros: bool,
}

impl Backward {
    fn of_loss(self, loss: &Tensor, wrt: &[&Tensor]) -> Vec<Tensor> {
        if loss.check().is_ok() && !loss.shape().is_empty() && loss.numel() != 1 {
            let message = format!("the loss has shape {}; reduce it to a scalar first", loss.shape());
            return self.all_wrong(message, &[("loss", loss)], wrt.len());
        }
        if loss.check().is_err() || !loss.dtype().is_float() {
            let message = format!("the loss is {}, not a float", loss.dtype());
            return self.all_wrong(message, &[("loss", loss)], wrt.len());
        }
        let ones = scope::recorded_at(self.caller, || loss.ones_like());
        self.run(loss, ones, wrt)
    }

    fn with(self, output: &Tensor, cotangent: &Tensor, wrt: &[&Tensor]) -> Vec<Tensor> {
        let operands = [("output", output), ("cotangent", cotangent)];
        let like = |a: &Tensor, b: &Tensor| a.shape() == b.shape() && a.dtype() == b.dtype();
        if output.check().is_err() || cotangent.check().is_err() || !like(output, cotangent) {
            let of = |t: &Tensor| format!("{} {}", t.dtype(), t.shape());
            let message = format!("the cotangent is {}, the output {}", of(cotangent), of(output));
            return self.all_wrong(message, &operands, wrt.len());
        }
        if !output.dtype().is_float() {
            let message = format!("the output is {}, not a float", output.dtype());
            return self.all_wrong(message, &operands, wrt.len());
        }
        if output.device() != cotangent.device() {
            let devices = format!("{} and {}", output.device(), cotangent.device());
            let message = format!("the output and the cotangent are on two devices: {devices}");
            return self.all_wrong(message, &operands, wrt.len());
        }
        self.run(output, cotangent.clone(), wrt)
    }

    /// An error about these tensors at the caller's line.
    fn wrong(self, message: String, operands: &[(&str, &Tensor)]) -> Tensor {
        scope::recorded_at(self.caller, || Tensor::wrong(self.name, message, operands))
    }

    fn all_wrong(self, message: String, operands: &[(&str, &Tensor)], count: usize) -> Vec<Tensor> {
        vec![self.wrong(message, operands); count]
    }

    fn run(self, output: &Tensor, seed: Tensor, wrt: &[&Tensor]) -> Vec<Tensor> {
        let paths = Paths::find(output, wrt);
        if let Some(cut) = &paths.cut {
            let message = format!(
                "{} was evaluated, so gradients do not reach the parameters it is made of: call grad before, or \
                 use its detached() to make it a constant",
                cut.describe()
            );
            return self.all_wrong(message, &[("loss", output)], wrt.len());
        }
        let mut sums = self.walk(output, seed, &paths);
        for (target, again) in &paths.again {
            let Some(more) = sums.get_mut(&again.key()).and_then(|parts| summed(parts, again)) else {
                continue;
            };
            sums.entry(*target).or_default().add(more, again);
        }
        let mut result = |w: &&Tensor| match sums.get_mut(&w.key()).and_then(|parts| summed(parts, w)) {
            Some(sum) if w.dtype().is_float() => sum,
            _ => self.unreached(output, w, &paths),
        };
        wrt.iter().map(&mut result).collect()
    }

    /// The gradients of every node that depends on one that is asked for.
    fn walk(self, output: &Tensor, seed: Tensor, paths: &Paths) -> FxHashMap<*const Node, Parts> {
        let room = 2 * paths.order.len();
        let mut sums: FxHashMap<*const Node, Parts> =
            FxHashMap::with_capacity_and_hasher(room, FxBuildHasher);
        sums.insert(output.key(), Parts::whole(seed));
        let mut recompute = Recompute::default();
        for (node, inputs) in paths.order.iter().rev() {
            let Some(g) = sums.get_mut(&node.key()).and_then(|parts| summed(parts, node)) else { continue };
            scope::within(node, || {
                let again = recompute.values(node, inputs, &g);
                let (values, value) = again.as_ref().map_or((&inputs[..], node), |(i, o)| (&i[..], o));
                let rule = node.0.op.vjp(&Vjp { inputs: values, output: value, grad: &g });
                for (i, input) in inputs.iter().enumerate().filter(|(_, t)| paths.reaching.contains(&t.key()))
                {
                    let part = match rule.as_ref().map(|parts| parts.get(i)) {
                        Some(Some(Some(part))) => sum_to(part, input.shape()),
                        Some(_) => continue,
                        None => {
                            let message = format!("{} has no derivative", node.0.op.name());
                            Tensor::wrong(self.name, message, &[("through", node)])
                        }
                    };
                    sums.entry(input.key()).or_default().add(part, node);
                }
            });
        }
        sums
    }

    fn unreached(self, loss: &Tensor, w: &Tensor, paths: &Paths) -> Tensor {
        let operands = [("loss", loss), ("wrt", w)];
        if w.check().is_ok() && !w.dtype().is_float() {
            return self.wrong(format!("{} is {}, not a float", w.describe(), w.dtype()), &operands);
        }
        if self.zeros && !paths.released && w.check().is_ok() {
            return scope::recorded_at(self.caller, || w.zeros_like());
        }
        let why = if paths.released {
            "; it was made of tensors that have been evaluated: call grad before reading the loss"
        } else {
            ""
        };
        self.wrong(format!("the loss does not depend on {}{why}", w.describe()), &operands)
    }
}

/// The gradient of `node`, put together as part of its line and layer.
fn summed(parts: &mut Parts, node: &Tensor) -> Option<Tensor> {
    scope::within(node, || parts.sum())
}

/// Sums a gradient over the axes along which its input was repeated.
fn sum_to(g: &Tensor, shape: &Shape) -> Tensor {
    if g.shape() == shape || g.check().is_err() {
        return g.clone();
    }
    let added = g.rank().saturating_sub(shape.rank());
    let repeated = |axis: &usize| {
        *axis < added || (shape.get(*axis - added) == Some(&1) && g.shape().get(*axis) != Some(&1))
    };
    let axes: Vec<isize> = (0..g.rank()).filter(repeated).map(|axis| axis as isize).collect();
    g.sum(&axes).reshape(shape)
}
