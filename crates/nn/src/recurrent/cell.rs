//! One step of a recurrent layer, for loops of one's own.

use anygrad_graph::{Shape, Tensor};

use super::checks::wrong_state;
use super::rules::{GruRule, LstmRule, Rule, SimpleRnnRule};
use super::settings::{Biases, Settings};
use super::stack::zero_state;
use super::state::RecurrentState;
use super::weights::Weights;
use crate::{Ctx, Layer, ParamPath, tanh};

/// One step of a recurrent layer: `[n, inputs]` and a state of `[n, hidden]` tensors give the next state; made as
/// [`RnnCell`], [`LstmCell`] or [`GruCell`]. For decoders, which feed what they have just said.
///
/// Entries as in PyTorch: `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`, of the shapes and initial values of
/// [`Recurrent`](crate::Recurrent).
#[derive(Debug)]
pub struct RecurrentCell<R: Rule> {
    path: ParamPath,
    rule: R,
    settings: Settings,
    weights: Weights,
}

/// One step of a [`SimpleRnn`](crate::SimpleRnn).
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Params, RnnCell};
/// let device = Device::cpu();
/// let cell = RnnCell::new(Params::new(&device, 0).at("cell"), 3, 4);
/// let mut ctx = Ctx::eval();
/// let first = cell.step(&Tensor::ones([2, 3], &device), None, &mut ctx);
/// let second = cell.step(&Tensor::ones([2, 3], &device), Some(&first), &mut ctx);
/// assert_eq!(second.hidden.shape()[..], [2, 4]);
/// ```
pub type RnnCell = RecurrentCell<SimpleRnnRule>;

/// One step of an [`Lstm`](crate::Lstm).
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, LstmCell, Params};
/// let device = Device::cpu();
/// let cell = LstmCell::new(Params::new(&device, 0).at("cell"), 3, 4);
/// let state = cell.step(&Tensor::ones([2, 3], &device), None, &mut Ctx::eval());
/// assert!(state.cell.is_some_and(|c| c.shape()[..] == [2, 4]));
/// ```
pub type LstmCell = RecurrentCell<LstmRule>;

/// One step of a [`Gru`](crate::Gru).
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, GruCell, Params};
/// let device = Device::cpu();
/// let cell = GruCell::new(Params::new(&device, 0).at("cell"), 3, 4);
/// let state = cell.step(&Tensor::ones([2, 3], &device), None, &mut Ctx::eval());
/// assert_eq!(state.hidden.shape()[..], [2, 4]);
/// ```
pub type GruCell = RecurrentCell<GruRule>;

impl RnnCell {
    /// A cell from `inputs` features to `hidden`.
    pub fn new(path: ParamPath, inputs: usize, hidden: usize) -> Self {
        Self::with_rule(path, SimpleRnnRule { activation: tanh }, Settings::new(inputs, hidden))
    }

    /// Another function in place of [`tanh`].
    #[must_use]
    pub fn activation(mut self, function: fn(&Tensor) -> Tensor) -> Self {
        self.rule.activation = function;
        self
    }
}

impl LstmCell {
    /// A cell from `inputs` features to `hidden`.
    pub fn new(path: ParamPath, inputs: usize, hidden: usize) -> Self {
        Self::with_rule(path, LstmRule { forget_bias: None }, Settings::new(inputs, hidden))
    }
}

impl GruCell {
    /// A cell from `inputs` features to `hidden`, with the reset gate after the hidden product.
    pub fn new(path: ParamPath, inputs: usize, hidden: usize) -> Self {
        Self::with_rule(path, GruRule { reset_after: true }, Settings::new(inputs, hidden))
    }
}

impl<R: Rule> RecurrentCell<R> {
    fn with_rule(path: ParamPath, rule: R, settings: Settings) -> Self {
        let weights = Weights::new(&path, "", settings.inputs, &settings, &rule);
        Self { path, rule, settings, weights }
    }

    /// Whether there are biases; there are unless this says no.
    #[must_use]
    pub fn bias(mut self, on: bool) -> Self {
        self.settings.biases = if on { Biases::Two } else { Biases::None };
        let Self { path, rule, settings, weights } = self;
        weights.remove();
        Self::with_rule(path, rule, settings)
    }

    /// The state after reading `x` `[n, inputs]` in `state`; without one, in zeros. Its `hidden` is the output.
    #[track_caller]
    pub fn step(&self, x: &Tensor, state: Option<&RecurrentState>, ctx: &mut Ctx) -> RecurrentState {
        let mut next = None;
        let y = ctx.within(self, |_| match self.wrong(x, state) {
            Some(wrong) => wrong,
            None => {
                let hidden = self.settings.hidden;
                let before = state.cloned().unwrap_or_else(|| zero_state::<R>(x, hidden));
                let product = self.weights.of_inputs(x, &self.rule);
                let recurring = self.weights.recurring(hidden, &self.rule, x.size(0), None);
                let state = self.rule.step(&product, &before, &recurring);
                next.insert(state).hidden.clone()
            }
        });
        next.unwrap_or_else(|| RecurrentState::poisoned(&y, R::CELL_STATE))
    }

    #[track_caller]
    fn wrong(&self, x: &Tensor, state: Option<&RecurrentState>) -> Option<Tensor> {
        let weight = self.weights.input();
        let operands = [("input", x), ("weight_ih", &weight)];
        let message = self.settings.wrong().or_else(|| {
            let poisoned = operands.iter().any(|(_, t)| t.check().is_err());
            let fits = x.rank() == 2 && x.size(-1) == self.settings.inputs;
            (poisoned || !fits).then(|| {
                let inputs = self.settings.inputs;
                format!("takes [n, {inputs}]: input {}, weight_ih {}", x.shape(), weight.shape())
            })
        });
        if let Some(message) = message {
            return Some(Tensor::wrong(R::NAME, message, &operands));
        }
        wrong_state::<R>(x, state?, &Shape::from([x.size(0), self.settings.hidden]), "[n, hidden]")
    }
}

impl<R: Rule> Layer for RecurrentCell<R> {
    /// The hidden state after one step from zeros.
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.step(x, None, ctx).hidden
    }

    fn kind(&self) -> &str {
        R::CELL_KIND
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.weights.numel()
    }
}
