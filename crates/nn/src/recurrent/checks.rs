//! What is wrong with what a recurrent layer is given.

use anygrad_graph::{DType, Shape, Tensor};

use super::layer::Recurrent;
use super::rules::Rule;
use super::state::RecurrentState;
use super::weights::Weights;

impl<R: Rule> Recurrent<R> {
    /// What is wrong with the settings or the inputs, if anything.
    #[track_caller]
    pub(super) fn wrong(
        &self,
        x: &Tensor,
        mask: Option<&Tensor>,
        state: Option<&RecurrentState>,
    ) -> Option<Tensor> {
        let weight = self.weights.first().map(Weights::input);
        if let Some(message) = self.settings.wrong() {
            return Some(Tensor::wrong(R::NAME, message, &[("input", x)]));
        }
        let weight = weight?;
        let inputs = self.settings.inputs;
        let given = [("input", x), ("weight_ih_l0", &weight)];
        if given.iter().any(|(_, t)| t.check().is_err()) {
            return Some(Tensor::wrong(R::NAME, "", &given));
        }
        if x.rank() != 3 || x.size(-1) != inputs {
            let message = format!(
                "takes [n, steps, {inputs}]: input {}, weight_ih_l0 {}{}",
                x.shape(),
                weight.shape(),
                if x.rank() == 2 {
                    "; a recurrent layer before this one needs return_sequences(true)"
                } else {
                    ""
                }
            );
            return Some(Tensor::wrong(R::NAME, message, &given));
        }
        if x.size(1) == 0 {
            let message = format!("takes at least 1 step: input {}", x.shape());
            return Some(Tensor::wrong(R::NAME, message, &given));
        }
        mask.and_then(|mask| wrong_mask(R::NAME, x, mask)).or_else(|| self.wrong_state(x, state?))
    }

    #[track_caller]
    fn wrong_state(&self, x: &Tensor, state: &RecurrentState) -> Option<Tensor> {
        let expected = Shape::from([self.weights.len(), x.size(0), self.settings.hidden]);
        wrong_state::<R>(x, state, &expected, "[layers · directions, n, hidden]")
    }
}

/// What is wrong with a state that should be of shape `expected`, if anything.
#[track_caller]
pub(super) fn wrong_state<R: Rule>(
    x: &Tensor,
    state: &RecurrentState,
    expected: &Shape,
    meaning: &str,
) -> Option<Tensor> {
    if R::CELL_STATE != state.cell.is_some() {
        let message = match R::CELL_STATE {
            true => "the state has no cell state; use RecurrentState::with_cell(hidden, cell)",
            false => "the state has a cell state, which is for an LSTM; use RecurrentState::new(hidden)",
        };
        return Some(Tensor::wrong(R::NAME, message, &[("hidden", &state.hidden)]));
    }
    for (name, tensor) in [("hidden", Some(&state.hidden)), ("cell", state.cell.as_ref())] {
        let Some(tensor) = tensor else { continue };
        let operands = [("input", x), (name, tensor)];
        if tensor.check().is_err() || tensor.shape() != expected || tensor.dtype() != x.dtype() {
            let message = format!(
                "the {name} state is {meaning}, {} {expected}: {} {}, input {}",
                x.dtype(),
                tensor.dtype(),
                tensor.shape(),
                x.shape()
            );
            return Some(Tensor::wrong(R::NAME, message, &operands));
        }
    }
    None
}

#[track_caller]
fn wrong_mask(name: &'static str, x: &Tensor, mask: &Tensor) -> Option<Tensor> {
    let fits = mask.shape()[..] == x.shape()[..2] && mask.dtype() == DType::Bool;
    if fits && mask.check().is_ok() {
        return None;
    }
    let message =
        format!("the mask is bool [n, steps]: input {}, mask {} {}", x.shape(), mask.dtype(), mask.shape());
    Some(Tensor::wrong(name, message, &[("input", x), ("mask", mask)]))
}
