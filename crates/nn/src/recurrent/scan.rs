//! A rule run over time.

use anygrad_graph::Tensor;

use super::rules::Rule;
use super::state::RecurrentState;
use super::steps::{cut_steps, rows_by_step};
use super::weights::Weights;

/// What one direction of one layer is run on.
pub(super) struct Run<'a> {
    /// `[n, t, inputs]`.
    pub x: &'a Tensor,
    /// `[n, hidden]`.
    pub initial: RecurrentState,
    /// For each step a bool `[n, 1]`, which steps of the sequences are real.
    pub keep: Option<&'a [Tensor]>,
    /// What the hidden state is multiplied with before each product: one dropout mask for all of them.
    pub drop: Option<Tensor>,
    /// Whether time runs from the last step to the first.
    pub reverse: bool,
}

impl Run<'_> {
    /// The outputs `[n, hidden]` of the steps in the order of the input, and the last state.
    #[track_caller]
    pub fn scan<R: Rule>(
        self,
        weights: &Weights,
        rule: &R,
        hidden_size: usize,
    ) -> (Vec<Tensor>, RecurrentState) {
        let (n, count) = (self.x.size(0), self.x.size(1));
        let products = cut_steps(&weights.of_inputs(&rows_by_step(self.x), rule), n, count);
        let hidden = weights.recurring(hidden_size, rule, n, self.drop);
        let zero = Tensor::number(0.0, self.x.dtype(), self.x.device());
        let mut state = self.initial;
        let mut outputs = Vec::with_capacity(count);
        for at in 0..count {
            let t = if self.reverse { count - 1 - at } else { at };
            let Some(input) = products.get(t) else { continue };
            let next = rule.step(input, &state, &hidden);
            match self.keep.and_then(|keep| keep.get(t)) {
                Some(keep) => {
                    outputs.push(keep.select(&next.hidden, &zero));
                    state = next.where_kept(keep, &state);
                }
                None => {
                    outputs.push(next.hidden.clone());
                    state = next;
                }
            }
        }
        if self.reverse {
            outputs.reverse();
        }
        (outputs, state)
    }
}
