//! The layers of a stack one after the other, with their dropout.

use anygrad_graph::{Shape, Tensor};

use super::layer::Recurrent;
use super::rules::Rule;
use super::scan::Run;
use super::state::RecurrentState;
use super::steps::stack_steps;
use crate::Ctx;

impl<R: Rule> Recurrent<R> {
    /// The layers one after the other.
    pub(super) fn stacked(
        &self,
        x: &Tensor,
        mask: Option<&Tensor>,
        state: Option<&RecurrentState>,
        ctx: &mut Ctx,
    ) -> (Tensor, RecurrentState) {
        let settings = &self.settings;
        let keep = mask.map(|mask| mask.unsqueeze(2).unbind(1));
        let mut finals: Vec<RecurrentState> = Vec::with_capacity(self.weights.len());
        let mut x = x.clone();
        let directions = settings.directions();
        for (layer, weights) in self.weights.chunks(directions).enumerate() {
            let n = x.size(0);
            if layer > 0 && settings.dropout > 0.0 && ctx.training {
                x = &x * scaled_mask(settings.dropout, x.shape(), &x, ctx);
            }
            if settings.input_dropout > 0.0 && ctx.training {
                x = &x * scaled_mask(settings.input_dropout, &Shape::from([n, 1, x.size(2)]), &x, ctx);
            }
            let sequences = settings.return_sequences || layer + 1 < settings.layers;
            let mut outputs = Vec::with_capacity(directions);
            for (direction, weights) in weights.iter().enumerate() {
                let drop = (settings.recurrent_dropout > 0.0 && ctx.training).then(|| {
                    scaled_mask(settings.recurrent_dropout, &Shape::from([n, settings.hidden]), &x, ctx)
                });
                let run = Run {
                    x: &x,
                    initial: self.initial(state, finals.len(), &x),
                    keep: keep.as_deref(),
                    drop,
                    reverse: direction == 1 || directions == 1 && settings.reverse,
                };
                let (steps, last) = run.scan(weights, &self.rule, settings.hidden);
                outputs.push(match sequences {
                    true => stack_steps(&steps),
                    false => last.hidden.clone(),
                });
                finals.push(last);
            }
            x = match (settings.merge, &outputs[..]) {
                (Some(merge), [forward, reverse]) => merge.of(forward, reverse),
                (_, [only, ..]) => only.clone(),
                _ => x,
            };
        }
        (x, RecurrentState::stack(&finals))
    }

    /// The initial state of one direction of one layer.
    fn initial(&self, state: Option<&RecurrentState>, index: usize, x: &Tensor) -> RecurrentState {
        match state {
            Some(state) => state.part(index),
            None => zero_state::<R>(x, self.settings.hidden),
        }
    }
}

/// Zeros for `x` `[n, ..]`.
#[track_caller]
pub(super) fn zero_state<R: Rule>(x: &Tensor, hidden: usize) -> RecurrentState {
    let zeros = Tensor::full([x.size(0), hidden], 0.0, x.dtype(), x.device());
    RecurrentState { cell: R::CELL_STATE.then(|| zeros.clone()), hidden: zeros }
}

/// 1 / (1 − p) with probability 1 − p, 0 with probability p, of the dtype of `like`.
#[track_caller]
pub(crate) fn scaled_mask(p: f64, shape: &Shape, like: &Tensor, ctx: &mut Ctx) -> Tensor {
    let keep = ctx.rng.bernoulli(1.0 - p, shape, like.device());
    keep.to_dtype(like.dtype()) / (1.0 - p)
}
