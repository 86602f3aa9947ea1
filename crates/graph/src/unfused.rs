//! Running a graph op by op, on the side: what was recorded stays as it is.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::Tensor;
use crate::error::Error;
use crate::eval::eval;
use crate::op::Kind;
use crate::tensor::{Inputs, Node, State};

/// The values of `tensors`, computed one recorded op after the other: each in a run of its own, nothing fused, no
/// memory used twice. The tensors themselves are not evaluated, and keep their history.
///
/// It is slow and takes the memory of all intermediate values that are needed yet. It is there to find out whether
/// a number depends on what the planner did: the planner's results are to be these, but for the order of additions.
///
/// # Errors
/// As [`eval`](crate::eval).
///
/// ```
/// use anygrad_graph::{Device, Tensor, eval_unfused};
/// let x = Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu());
/// let y = (&x * 2.0).exp();
/// let alone = eval_unfused(&[&y])?;
/// assert!(!y.is_evaluated());
/// assert_eq!(alone[0].to_vec::<f32>()?, y.to_vec::<f32>()?);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
pub fn eval_unfused(tensors: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
    walk(tensors, |_| Ok(()))
}

/// One op of a walk.
pub(crate) struct Visit<'a> {
    /// What was recorded.
    pub recorded: &'a Tensor,
    /// What its inputs were recorded as.
    pub inputs: &'a [Tensor],
    /// The computed inputs.
    pub input_values: &'a [Tensor],
    /// The computed output.
    pub value: &'a Tensor,
}

/// Computes what `tensors` are made of, op by op in the order of the program, and hands each op to `visit`. Leaves
/// are visited as well. Returns the values of `tensors`.
pub(crate) fn walk(
    tensors: &[&Tensor],
    mut visit: impl FnMut(&Visit<'_>) -> Result<(), Error>,
) -> Result<Vec<Tensor>, Error> {
    for tensor in tensors {
        tensor.check()?;
    }
    let order = order(tensors);
    let mut uses: FxHashMap<*const Node, usize> = FxHashMap::default();
    let read = order.iter().flat_map(|(_, inputs)| inputs.iter());
    read.chain(tensors.iter().copied()).for_each(|t| *uses.entry(t.key()).or_default() += 1);
    let mut values: FxHashMap<*const Node, Tensor> = FxHashMap::default();
    for (recorded, inputs) in &order {
        let found: Option<Inputs> = inputs.iter().map(|t| values.get(&t.key()).cloned()).collect();
        let input_values =
            found.ok_or_else(|| Error::invalid("eval_unfused", "an input was not computed"))?;
        let value = if recorded.is_evaluated() { recorded.clone() } else { recorded.again(&input_values) };
        // numbers and counting are read as what they are, as in any other run
        if !matches!(recorded.0.op.kind(), Kind::Number | Kind::Iota) {
            eval(&[&value])?;
        }
        visit(&Visit { recorded, inputs, input_values: &input_values, value: &value })?;
        values.insert(recorded.key(), value);
        for input in inputs {
            let left = uses.get_mut(&input.key());
            if left.is_some_and(|left| {
                *left = left.saturating_sub(1);
                *left == 0
            }) {
                values.remove(&input.key());
            }
        }
    }
    let lost = || Error::invalid("eval_unfused", "an output was not computed");
    tensors.iter().map(|t| values.get(&t.key()).cloned().ok_or_else(lost)).collect()
}

/// The nodes that `tensors` are made of with their inputs, each after these.
pub(crate) fn order(tensors: &[&Tensor]) -> Vec<(Tensor, Inputs)> {
    let mut order = Vec::new();
    let mut entered: FxHashSet<*const Node> = FxHashSet::default();
    let mut stack: Vec<(Tensor, Option<Inputs>)> =
        tensors.iter().rev().map(|t| ((*t).clone(), None)).collect();
    while let Some((tensor, ready)) = stack.pop() {
        if let Some(inputs) = ready {
            order.push((tensor, inputs));
            continue;
        }
        if !entered.insert(tensor.key()) {
            continue;
        }
        let inputs = match &*tensor.0.state() {
            State::Pending(inputs) => inputs.clone(),
            _ => Inputs::new(),
        };
        stack.push((tensor, Some(inputs.clone())));
        stack.extend(inputs.into_iter().rev().map(|t| (t, None)));
    }
    order
}
