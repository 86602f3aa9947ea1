//! The part of a graph that gradients pass.

use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::Tensor;
use crate::tensor::{Inputs, Node, State};

/// Nodes that there is room for at first: growing costs a small step a tenth of its time.
const FIRST: usize = 64;

/// The part of the graph through which a tensor depends on some others.
pub(super) struct Paths {
    /// Nodes with their inputs, each after what it is made of.
    pub order: Vec<(Tensor, Inputs)>,
    /// The nodes that depend on one of the others, and these themselves.
    pub reaching: FxHashSet<*const Node>,
    /// The recomputations of each of the others that were met.
    pub again: Vec<(*const Node, Tensor)>,
    /// Whether the walk met a tensor that was evaluated and lost its history.
    pub released: bool,
    /// A value made of a parameter that was evaluated, if parameters are asked for.
    pub cut: Option<Tensor>,
}

impl Paths {
    pub fn find(output: &Tensor, wrt: &[&Tensor]) -> Self {
        let targets: FxHashSet<*const Node> = wrt.iter().map(|t| t.key()).collect();
        let mut paths = Paths {
            order: Vec::with_capacity(FIRST),
            reaching: targets.clone(),
            again: Vec::new(),
            released: false,
            cut: None,
        };
        let parameters = wrt.iter().any(|t| t.0.name.is_some());
        let mut seen: FxHashSet<*const Node> = FxHashSet::with_capacity_and_hasher(FIRST, FxBuildHasher);
        // with its inputs, a node is met for the second time, when all before it are done
        let mut stack: Vec<(Tensor, Option<Inputs>)> = vec![(output.clone(), None)];
        while let Some((tensor, inputs)) = stack.pop() {
            if let Some(inputs) = inputs {
                if inputs.iter().any(|t| paths.reaching.contains(&t.key())) {
                    paths.reaching.insert(tensor.key());
                    paths.order.push((tensor, inputs));
                }
                continue;
            }
            if !seen.insert(tensor.key()) {
                continue;
            }
            // what was recomputed is the same value: a derivative with respect to the one is one to the other
            let origin = tensor.0.origin.as_ref().map(|origin| origin.as_ptr());
            if let Some(origin) = origin.filter(|origin| targets.contains(origin)) {
                paths.reaching.insert(tensor.key());
                paths.again.push((origin, tensor.clone()));
            }
            if matches!(*tensor.0.state(), State::Ready(_, true)) && !targets.contains(&tensor.key()) {
                paths.released = true;
                if tensor.0.of_parameter && parameters && paths.cut.is_none() {
                    paths.cut = Some(tensor.clone());
                }
            }
            let inputs = differentiable_inputs(&tensor);
            stack.push((tensor, Some(inputs.clone())));
            stack.extend(inputs.into_iter().map(|input| (input, None)));
        }
        paths
    }
}

/// What a tensor is made of; nothing for constants, integers and truth values, which have no derivative.
fn differentiable_inputs(tensor: &Tensor) -> Inputs {
    if tensor.0.op.stops_gradient() || !tensor.dtype().is_float() {
        return Inputs::new();
    }
    match &*tensor.0.state() {
        State::Pending(inputs) => inputs.clone(),
        _ => Inputs::new(),
    }
}
