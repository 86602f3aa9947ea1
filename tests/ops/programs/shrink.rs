//! Makes a failing program smaller while it still fails, greedily.

use std::panic::catch_unwind;

use anygrad_graph::{DType, Device, eval};

use crate::programs::execute::Failure;
use crate::programs::program::{LARGEST, Node, Program};
use crate::run::read;

/// Programs that are tried at most.
const TRIES: usize = 4000;

/// The smallest program found that fails in the way `failure` says, with its own failure.
pub fn shrink(
    program: &Program,
    failure: &Failure,
    run: impl Fn(&Program) -> Result<(), Failure>,
) -> (Program, Failure) {
    let mut shrinker = Shrinker { best: program.clone(), failure: failure.clone(), tries: TRIES, run: &run };
    let moves = [
        Shrinker::ends,
        Shrinker::early_outputs,
        Shrinker::cut,
        Shrinker::bypass,
        Shrinker::sizes,
        Shrinker::values,
    ];
    loop {
        let mut smaller = false;
        for step in moves {
            smaller |= step(&mut shrinker);
        }
        if !smaller || shrinker.tries == 0 {
            return (shrinker.best, shrinker.failure);
        }
    }
}

struct Shrinker<'a> {
    best: Program,
    failure: Failure,
    tries: usize,
    run: &'a dyn Fn(&Program) -> Result<(), Failure>,
}

impl Shrinker<'_> {
    /// Takes `smaller` if it fails in the same way.
    fn takes(&mut self, smaller: Program) -> bool {
        if self.tries == 0 {
            return false;
        }
        self.tries -= 1;
        let smaller = smaller.without_dead();
        match (self.run)(&smaller) {
            Err(failure) if failure.is_like(&self.failure) => {
                (self.best, self.failure) = (smaller, failure);
                true
            }
            _ => false,
        }
    }

    /// Fewer outputs, nothing held, no gradients.
    fn ends(&mut self) -> bool {
        let mut smaller = false;
        if self.best.gradients {
            smaller |= self.takes(Program { gradients: false, ..self.best.clone() });
        }
        if !self.best.leaves_held {
            smaller |= self.takes(Program { leaves_held: true, ..self.best.clone() });
        }
        let mut i = 0;
        while i < self.best.held.len() {
            let mut next = self.best.clone();
            next.held.remove(i);
            if self.takes(next) { smaller = true } else { i += 1 }
        }
        let mut i = 0;
        while self.best.outputs.len() > 1 && i < self.best.outputs.len() {
            let mut next = self.best.clone();
            next.outputs.remove(i);
            if self.takes(next) { smaller = true } else { i += 1 }
        }
        smaller
    }

    /// The first node alone that is wrong.
    fn early_outputs(&mut self) -> bool {
        for i in 0..self.best.nodes.len().saturating_sub(1) {
            let next = Program { outputs: vec![i], held: Vec::new(), ..self.best.clone() };
            if matches!(self.best.nodes[i], Node::Step { .. }) && self.takes(next) {
                return true;
            }
        }
        false
    }

    /// Steps replaced by leaves with their values.
    fn cut(&mut self) -> bool {
        let mut smaller = false;
        let mut i = self.best.nodes.len();
        while i > 0 {
            i -= 1;
            if i >= self.best.nodes.len() || !matches!(self.best.nodes[i], Node::Step { .. }) {
                continue;
            }
            // computing its value may panic as well
            let leaf = catch_unwind(|| as_leaf(&self.best, i)).unwrap_or_default();
            if let Some(leaf) = leaf {
                let mut next = self.best.clone();
                next.nodes[i] = leaf;
                smaller |= self.takes(next);
            }
        }
        smaller
    }

    /// Steps left out: what reads them reads one of their operands, or an earlier node.
    fn bypass(&mut self) -> bool {
        let mut smaller = false;
        let mut i = self.best.nodes.len();
        while i > 0 {
            i -= 1;
            for instead in 0..i {
                if i >= self.best.nodes.len() {
                    break;
                }
                let mut next = self.best.clone();
                let redirect = |ids: &mut Vec<usize>| {
                    ids.iter_mut().filter(|id| **id == i).for_each(|id| *id = instead);
                };
                for node in &mut next.nodes {
                    if let Node::Step { operands, .. } = node {
                        redirect(operands);
                    }
                }
                redirect(&mut next.outputs);
                redirect(&mut next.held);
                if self.takes(next) {
                    smaller = true;
                    break;
                }
            }
        }
        smaller
    }

    /// Smaller leaves: each size everywhere, then each axis of each leaf, then fewer axes.
    fn sizes(&mut self) -> bool {
        let mut smaller = false;
        let mut sizes: Vec<usize> = self.leaf_shapes().into_iter().flatten().filter(|&n| n > 1).collect();
        sizes.sort_unstable();
        sizes.dedup();
        for size in sizes.into_iter().rev() {
            for less in [1, 2, size / 2, size - 1] {
                let change = |_: usize, shape: &mut Vec<usize>| {
                    shape.iter_mut().filter(|n| **n == size).for_each(|n| *n = less);
                };
                if less < size && self.reshape_leaves(&change) {
                    smaller = true;
                    break;
                }
            }
        }
        let leaves = self.leaf_shapes().len();
        for at in 0..leaves {
            for axis in (0..self.leaf_shapes().get(at).map_or(0, Vec::len)).rev() {
                let size = self.leaf_shapes().get(at).and_then(|s| s.get(axis).copied()).unwrap_or(0);
                for less in [1, 2, size / 2, size.saturating_sub(1)] {
                    let change = |i: usize, shape: &mut Vec<usize>| {
                        if i == at && axis < shape.len() {
                            shape[axis] = less;
                        }
                    };
                    if less < size && self.reshape_leaves(&change) {
                        smaller = true;
                        break;
                    }
                }
                let fewer = |i: usize, shape: &mut Vec<usize>| {
                    if i == at && axis < shape.len() {
                        shape.remove(axis);
                    }
                };
                smaller |= self.reshape_leaves(&fewer);
            }
        }
        smaller
    }

    fn leaf_shapes(&self) -> Vec<Vec<usize>> {
        let shape = |node: &Node| match node {
            Node::Leaf { shape, .. } => Some(shape.clone()),
            Node::Step { .. } => None,
        };
        self.best.nodes.iter().filter_map(shape).collect()
    }

    fn reshape_leaves(&mut self, change: &dyn Fn(usize, &mut Vec<usize>)) -> bool {
        let mut next = self.best.clone();
        let mut changed = false;
        let leaves = next.nodes.iter_mut().filter(|node| matches!(node, Node::Leaf { .. }));
        for (i, node) in leaves.enumerate() {
            if let Node::Leaf { shape, values, .. } = node {
                let before = shape.clone();
                change(i, shape);
                changed |= *shape != before;
                if shape.iter().map(|&n| n.max(1)).product::<usize>() > LARGEST {
                    return false;
                }
                let count = shape.iter().product();
                *values = values.iter().copied().chain([1.0]).cycle().take(count).collect();
            }
        }
        changed && self.takes(next)
    }

    /// Rounder numbers.
    fn values(&mut self) -> bool {
        let mut smaller = false;
        let rounders: [fn(f64) -> f64; 3] = [|_| 1.0, f64::round, |v| (v * 8.0).round() / 8.0];
        for i in 0..self.best.nodes.len() {
            for round in rounders {
                let mut next = self.best.clone();
                if let Some(Node::Leaf { values, .. }) = next.nodes.get_mut(i) {
                    let before = values.clone();
                    values.iter_mut().for_each(|v| *v = round(*v));
                    if *values != before && self.takes(next) {
                        smaller = true;
                        break;
                    }
                }
            }
        }
        smaller
    }
}

/// A leaf with the values that node `i` has in f64, rounded to f32. Those of a step without its operands.
fn as_leaf(program: &Program, i: usize) -> Option<Node> {
    let recorded = program.record(&Device::cpu(), DType::F64).ok()?;
    let tensor = &recorded.get(i)?.tensor;
    eval(&[tensor]).ok()?;
    let dtype = if tensor.dtype().is_float() { DType::F32 } else { tensor.dtype() };
    let rounded = |v: &f64| if dtype == DType::F32 { f64::from(*v as f32) } else { *v };
    let values = read(tensor).ok()?.iter().map(rounded).collect();
    Some(Node::Leaf { dtype, shape: tensor.shape().to_vec(), values })
}
