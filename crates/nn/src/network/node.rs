//! One use of a layer in a network.

use anygrad_graph::{DType, Shape, Tensor};

use crate::{Ctx, Layer};

/// What turns some tensors into one.
pub(super) type Function = dyn Fn(&[Tensor], &mut Ctx) -> Tensor + Send + Sync;

pub(super) enum Action {
    /// Given by the user: its shape without the batch axis, and its dtype.
    Input(Shape, DType),
    Layer(Box<dyn Layer>),
    Function(Box<Function>),
}

pub(super) struct Node {
    /// What it is called in errors and summaries: the path of its parameters, or its kind and a number.
    pub name: String,
    pub kind: String,
    pub action: Action,
    /// The places of what it reads.
    pub inputs: Vec<usize>,
    /// The shape of its output for a batch of 1.
    pub output: Shape,
    /// Scalars in the parameters that no node before it has.
    pub parameters: usize,
}

/// What is told apart in an error: the name, and the kind where it is not the name already.
pub(super) fn described(name: &str, kind: &str) -> String {
    if name.starts_with(kind) { name.to_owned() } else { format!("{name} ({kind})") }
}

impl Action {
    /// The output for `inputs`, which come from the nodes called `producers`. What does not fit is an error which names
    /// these, `consumer`, and the shapes.
    #[track_caller]
    pub fn apply(&self, consumer: &str, inputs: &[Tensor], producers: &[String], ctx: &mut Ctx) -> Tensor {
        if let Some(poisoned) = inputs.iter().find(|t| t.check().is_err()) {
            return poisoned.clone();
        }
        let output = match (self, inputs) {
            (Action::Layer(layer), [x]) => layer.forward(x, ctx),
            (Action::Function(function), _) => function(inputs, ctx),
            (Action::Layer(_) | Action::Input(..), _) => {
                Tensor::wrong("network", format!("{consumer} does not take {} inputs", inputs.len()), &[])
            }
        };
        let Err(error) = output.check() else { return output };
        let given: Vec<String> =
            inputs.iter().zip(producers).map(|(t, from)| format!("{} from {from}", t.shape())).collect();
        let text = error.to_string();
        let reason = text.lines().next().unwrap_or_default();
        let message = format!("{consumer} does not take {}: {reason}", given.join(" and "));
        let operands: Vec<(&str, &Tensor)> =
            producers.iter().map(String::as_str).zip(inputs.iter()).collect();
        Tensor::wrong("network", message, &operands)
    }
}
