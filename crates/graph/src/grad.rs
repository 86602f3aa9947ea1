//! Reverse-mode differentiation: records the gradients as more graph.

use std::panic::Location;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::op::Vjp;
use crate::scope;
use crate::tensor::{Node, State};
use crate::{Shape, Tensor};

/// The gradients of the scalar `loss` with respect to each of `wrt`, as tensors of their shapes. Nothing runs:
/// the gradients are more graph, and can be differentiated again.
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
    let caller = Location::caller();
    // a closure does not pass the caller on by itself
    let all_wrong = |message: String| -> Vec<Tensor> {
        let wrong = || Tensor::wrong("grad", message, &[("loss", loss)]);
        vec![scope::recorded_at(caller, wrong); wrt.len()]
    };
    if loss.check().is_err() {
        return all_wrong(String::new());
    }
    if !loss.shape().is_empty() && loss.numel() != 1 {
        return all_wrong(format!("the loss has shape {}; reduce it to a scalar first", loss.shape()));
    }
    if !loss.dtype().is_float() {
        return all_wrong(format!("the loss is {}, not a float", loss.dtype()));
    }
    let paths = Paths::find(loss, wrt);
    if let Some(cut) = &paths.cut {
        return all_wrong(format!(
            "{} was evaluated, so gradients do not reach the parameters it is made of: call grad before, or use \
             its detached() to make it a constant",
            cut.describe()
        ));
    }
    let mut sums: FxHashMap<*const Node, Tensor> = FxHashMap::default();
    sums.insert(loss.key(), loss.ones_like());
    for (node, inputs) in paths.order.iter().rev() {
        let Some(g) = sums.get(&node.key()).cloned() else { continue };
        if inputs.is_empty() {
            continue;
        }
        scope::within(node, || {
            let rule = node.0.op.vjp(&Vjp { inputs, output: node, grad: &g });
            for (i, input) in inputs.iter().enumerate().filter(|(_, t)| paths.reaching.contains(&t.key())) {
                let part = match rule.as_ref().map(|parts| parts.get(i)) {
                    Some(Some(Some(part))) => sum_to(part, input.shape()),
                    Some(_) => continue,
                    None => {
                        let message = format!("{} has no derivative", node.0.op.name());
                        Tensor::wrong("grad", message, &[("through", node)])
                    }
                };
                let sum = match sums.get(&input.key()) {
                    Some(sum) => sum + &part,
                    None => part,
                };
                sums.insert(input.key(), sum);
            }
        });
    }
    let result = |w: &&Tensor| match sums.get(&w.key()) {
        Some(sum) if w.dtype().is_float() => sum.clone(),
        _ => scope::recorded_at(caller, || unreached(loss, w, &paths)),
    };
    wrt.iter().map(result).collect()
}

fn unreached(loss: &Tensor, w: &Tensor, paths: &Paths) -> Tensor {
    if w.check().is_ok() && !w.dtype().is_float() {
        let message = format!("{} is {}, not a float", w.describe(), w.dtype());
        return Tensor::wrong("grad", message, &[("loss", loss), ("wrt", w)]);
    }
    let why = if paths.released {
        "; it was made of tensors that have been evaluated: call grad before reading the loss"
    } else {
        ""
    };
    let message = format!("the loss does not depend on {}{why}", w.describe());
    Tensor::wrong("grad", message, &[("loss", loss), ("wrt", w)])
}

/// The part of the graph through which a loss depends on some tensors.
struct Paths {
    /// Nodes with their inputs, each after what it is made of.
    order: Vec<(Tensor, Vec<Tensor>)>,
    /// The nodes that depend on one of the tensors, and these themselves.
    reaching: FxHashSet<*const Node>,
    /// Whether the walk met a tensor that was evaluated and lost its history.
    released: bool,
    /// A value made of a parameter that was evaluated, if parameters are asked for.
    cut: Option<Tensor>,
}

impl Paths {
    fn find(loss: &Tensor, wrt: &[&Tensor]) -> Self {
        let targets: FxHashSet<*const Node> = wrt.iter().map(|t| t.key()).collect();
        let mut paths = Paths { order: Vec::new(), reaching: targets.clone(), released: false, cut: None };
        let parameters = wrt.iter().any(|t| t.0.name.is_some());
        let mut seen: FxHashSet<*const Node> = FxHashSet::default();
        let mut stack = vec![(loss.clone(), false)];
        while let Some((tensor, finished)) = stack.pop() {
            if finished {
                let inputs = differentiable_inputs(&tensor);
                if inputs.iter().any(|t| paths.reaching.contains(&t.key())) {
                    paths.reaching.insert(tensor.key());
                    paths.order.push((tensor, inputs));
                }
                continue;
            }
            if !seen.insert(tensor.key()) {
                continue;
            }
            if matches!(*tensor.0.state(), State::Ready(_, true)) && !targets.contains(&tensor.key()) {
                paths.released = true;
                if tensor.0.of_parameter && parameters && paths.cut.is_none() {
                    paths.cut = Some(tensor.clone());
                }
            }
            stack.push((tensor.clone(), true));
            stack.extend(differentiable_inputs(&tensor).into_iter().map(|t| (t, false)));
        }
        paths
    }
}

/// What a tensor is made of; nothing for constants, integers and truth values, which have no derivative.
fn differentiable_inputs(tensor: &Tensor) -> Vec<Tensor> {
    if tensor.0.op.stops_gradient() || !tensor.dtype().is_float() {
        return Vec::new();
    }
    match &*tensor.0.state() {
        State::Pending(inputs) => inputs.to_vec(),
        _ => Vec::new(),
    }
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
