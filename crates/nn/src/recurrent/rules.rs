//! What one step of each kind of recurrent layer computes.

use std::fmt::Debug;

use anygrad_graph::Tensor;

use super::state::RecurrentState;
use super::weights::Recurring;

/// One step of a recurrent layer: how the state follows from the input and the state before.
pub trait Rule: Clone + Debug + Send + Sync + 'static {
    /// The layer's name, for summaries.
    const KIND: &'static str;
    /// The cell's name, for summaries.
    const CELL_KIND: &'static str;
    /// The name in error messages.
    const NAME: &'static str;
    /// How many blocks of rows the weights have.
    const GATES: usize;
    /// Whether there is a cell state besides the hidden state.
    const CELL_STATE: bool;

    /// Whether the bias of the hidden product may be added to the input product of all steps at once.
    fn biases_add(&self) -> bool {
        true
    }

    /// Whether the hidden weights are used as two matrices: all gates but the last, and the last.
    fn splits_last_gate(&self) -> bool {
        false
    }

    /// What the forget gate's bias starts at, if something has been said.
    fn forget_bias(&self) -> Option<f64> {
        None
    }

    /// The next state, from the products of this step's input `[n, gates·hidden]` and the state before.
    #[doc(hidden)]
    fn step(&self, input: &Tensor, before: &RecurrentState, hidden: &Recurring) -> RecurrentState;
}

/// `h′ = tanh(W·x + b + U·h + c)`; the tanh can be exchanged.
#[derive(Clone, Copy, Debug)]
pub struct SimpleRnnRule {
    pub(crate) activation: fn(&Tensor) -> Tensor,
}

impl Rule for SimpleRnnRule {
    const KIND: &'static str = "SimpleRnn";
    const CELL_KIND: &'static str = "RnnCell";
    const NAME: &'static str = "simple_rnn";
    const GATES: usize = 1;
    const CELL_STATE: bool = false;

    fn step(&self, input: &Tensor, before: &RecurrentState, hidden: &Recurring) -> RecurrentState {
        let product = hidden.product(&before.hidden);
        RecurrentState::new((self.activation)(&(input + product)))
    }
}

/// The gates of an LSTM, in the order i, f, g, o.
#[derive(Clone, Copy, Debug)]
pub struct LstmRule {
    pub(crate) forget_bias: Option<f64>,
}

impl Rule for LstmRule {
    const KIND: &'static str = "Lstm";
    const CELL_KIND: &'static str = "LstmCell";
    const NAME: &'static str = "lstm";
    const GATES: usize = 4;
    const CELL_STATE: bool = true;

    fn forget_bias(&self) -> Option<f64> {
        self.forget_bias
    }

    fn step(&self, input: &Tensor, before: &RecurrentState, hidden: &Recurring) -> RecurrentState {
        let product = hidden.product(&before.hidden);
        let gate = |index| hidden.cut(input, index) + hidden.gate(&product, index);
        let (i, f, g, o) = (gate(0).sigmoid(), gate(1).sigmoid(), gate(2).tanh(), gate(3).sigmoid());
        let kept = before.cell.as_ref().unwrap_or(&before.hidden);
        let cell = f * kept + i * g;
        RecurrentState::with_cell(o * cell.tanh(), cell)
    }
}

/// The gates of a GRU, in the order r, z, n.
#[derive(Clone, Copy, Debug)]
pub struct GruRule {
    pub(crate) reset_after: bool,
}

impl Rule for GruRule {
    const KIND: &'static str = "Gru";
    const CELL_KIND: &'static str = "GruCell";
    const NAME: &'static str = "gru";
    const GATES: usize = 3;
    const CELL_STATE: bool = false;

    fn biases_add(&self) -> bool {
        !self.reset_after
    }

    fn splits_last_gate(&self) -> bool {
        !self.reset_after
    }

    fn step(&self, input: &Tensor, before: &RecurrentState, hidden: &Recurring) -> RecurrentState {
        let h = &before.hidden;
        let product = hidden.product(h);
        let gate = |index| (hidden.cut(input, index) + hidden.gate(&product, index)).sigmoid();
        let (r, z) = (gate(0), gate(1));
        let last = match self.reset_after {
            true => r * hidden.gate(&product, 2),
            false => hidden.last_product(&(r * h)),
        };
        let n = (hidden.cut(input, 2) + last).tanh();
        // (1 − z)·n + z·h
        RecurrentState::new(&n + z * (h - &n))
    }
}
