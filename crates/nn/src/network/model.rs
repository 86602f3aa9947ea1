use std::panic::Location;
use std::sync::Arc;

use anygrad_graph::{Tensor, recorded_at};

use super::node::{Action, Node, described};
use super::table::{NetworkRow, NetworkSummary};
use crate::{Ctx, Layer};

/// A model made of a [`Network`](crate::Network). With one input and one output it is a [`Layer`].
pub struct NetworkModel {
    /// In the order in which they were made, each after what it reads.
    nodes: Vec<Arc<Node>>,
    /// Whether an output depends on the node.
    needed: Vec<bool>,
    outputs: Vec<usize>,
}

impl NetworkModel {
    pub(super) fn new(nodes: &[Arc<Node>], outputs: Vec<usize>) -> Self {
        let mut needed = vec![false; nodes.len()];
        let mut stack = outputs.clone();
        while let Some(at) = stack.pop() {
            let (Some(flag), Some(node)) = (needed.get_mut(at), nodes.get(at)) else { continue };
            if !std::mem::replace(flag, true) {
                stack.extend(&node.inputs);
            }
        }
        Self { nodes: nodes.to_vec(), needed, outputs }
    }

    /// The nodes that count, with their places.
    fn used(&self) -> impl Iterator<Item = (usize, &Node)> {
        let all = self.nodes.iter().zip(&self.needed).enumerate();
        all.filter(|(_, (_, needed))| **needed).map(|(at, (node, _))| (at, &**node))
    }

    /// The names of the inputs, in the order in which they are given.
    pub fn inputs(&self) -> Vec<&str> {
        let inputs = self.used().filter(|(_, node)| matches!(node.action, Action::Input(..)));
        inputs.map(|(_, node)| node.name.as_str()).collect()
    }

    /// Records the outputs for `inputs`, one for each of [`inputs`](NetworkModel::inputs), with the batch axis in front.
    /// What does not fit poisons the outputs that depend on it; the error names both layers and their shapes.
    #[track_caller]
    pub fn forward_all(&self, inputs: &[&Tensor], ctx: &mut Ctx) -> Vec<Tensor> {
        let caller = Location::caller();
        recorded_at(caller, || {
            let names = self.inputs();
            if names.len() != inputs.len() {
                let message =
                    format!("takes {} inputs ({}), not {}", names.len(), names.join(", "), inputs.len());
                return vec![Tensor::wrong("network", message, &[]); self.outputs.len()];
            }
            self.run(inputs, ctx)
        })
    }

    #[track_caller]
    fn run(&self, inputs: &[&Tensor], ctx: &mut Ctx) -> Vec<Tensor> {
        let mut given = inputs.iter();
        let mut values: Vec<Option<Tensor>> = vec![None; self.nodes.len()];
        for (at, node) in self.used() {
            let value = match &node.action {
                Action::Input(shape, dtype) => given.next().map(|&x| {
                    // in mixed precision a float input is f16
                    let kind = x.dtype() == *dtype || x.dtype().is_float() && dtype.is_float();
                    if x.check().is_err() || kind && x.rank() == shape.rank() + 1 {
                        return x.clone();
                    }
                    let message = format!(
                        "the input {} is {dtype} [n, ..] with {} axes, {shape} behind the batch: {} {}",
                        node.name,
                        shape.rank() + 1,
                        x.dtype(),
                        x.shape()
                    );
                    Tensor::wrong("network", message, &[(&node.name, x)])
                }),
                action => {
                    let read = |at: &usize| values.get(*at).cloned().flatten();
                    let read: Vec<Tensor> = node.inputs.iter().filter_map(read).collect();
                    let producers: Vec<String> = node
                        .inputs
                        .iter()
                        .filter_map(|&at| self.nodes.get(at))
                        .map(|node| described(&node.name, &node.kind))
                        .collect();
                    Some(action.apply(&described(&node.name, &node.kind), &read, &producers, ctx))
                }
            };
            if let Some(place) = values.get_mut(at) {
                *place = value;
            }
        }
        let missing = || Tensor::wrong("network", "an output was not computed", &[]);
        let output = |at: &usize| values.get(*at).cloned().flatten().unwrap_or_else(missing);
        self.outputs.iter().map(output).collect()
    }

    /// The layers with what they read, their outputs for a batch of 1, and their parameters.
    pub fn summary(&self) -> NetworkSummary {
        let row = |(_, node): (usize, &Node)| NetworkRow {
            name: node.name.clone(),
            layer: node.kind.clone(),
            output: node.output.clone(),
            parameters: node.parameters,
            inputs: node
                .inputs
                .iter()
                .filter_map(|&at| self.nodes.get(at))
                .map(|from| from.name.clone())
                .collect(),
        };
        NetworkSummary { rows: self.used().map(row).collect() }
    }
}

impl Layer for NetworkModel {
    /// The output of a model with one input and one output.
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        match &self.forward_all(&[x], ctx)[..] {
            [y] => y.clone(),
            several => {
                let message =
                    format!("the model has {} outputs; use forward_all for all of them", several.len());
                Tensor::wrong("network", message, &[("input", x)])
            }
        }
    }

    fn kind(&self) -> &str {
        "Network"
    }
}

impl std::fmt::Debug for NetworkModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.used().map(|(_, node)| &node.name)).finish()
    }
}
