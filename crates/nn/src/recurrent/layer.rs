//! Recurrent layers: stacked, in one or two directions.

use anygrad_graph::Tensor;

use super::rules::{GruRule, LstmRule, Rule, SimpleRnnRule};
use super::settings::{Biases, Merge, Settings};
use super::state::RecurrentState;
use super::weights::Weights;
use crate::{Ctx, Init, Layer, ParamPath, tanh};

/// A recurrent layer that reads `[n, steps, inputs]`, batch first; made as [`SimpleRnn`], [`Lstm`] or [`Gru`].
///
/// [`forward`](Layer::forward) starts from zeros and gives the last output `[n, features]`, or, with
/// [`return_sequences`](Recurrent::return_sequences), the outputs of all steps `[n, steps, features]`, for the next
/// recurrent layer to read. `features` is `hidden`, or `2·hidden` if two directions are joined.
/// [`forward_states`](Recurrent::forward_states) starts from a given state and gives the final one, and
/// [`forward_masked`](Recurrent::forward_masked) leaves padded steps out.
///
/// Entries, as in PyTorch, so that its files load: `weight_ih_l0` `[gates·hidden, inputs]`, `weight_hh_l0`
/// `[gates·hidden, hidden]`, `bias_ih_l0` and `bias_hh_l0` `[gates·hidden]`, then `_l1` and so on, with `_reverse`
/// behind it for the reverse direction. All start uniform in ±1/√hidden. Keras's `kernel` and `recurrent_kernel` are
/// `weight_ih` and `weight_hh` transposed; the gates of its GRU are in the order z, r, n.
///
/// The product of all inputs with `weight_ih` is one product; the steps are recorded one by one, so that a layer takes
/// a plan for each number of steps it is run on.
#[derive(Debug)]
pub struct Recurrent<R: Rule> {
    path: ParamPath,
    pub(super) rule: R,
    pub(super) settings: Settings,
    /// Layer by layer, the forward direction before the reverse one.
    pub(super) weights: Vec<Weights>,
}

/// The simple recurrent layer of Elman (1990): `h′ = tanh(W·x + b + U·h + c)`. See [`Recurrent`] for shapes, entries
/// and settings.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Params, SimpleRnn};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let rnn = SimpleRnn::new(params.at("rnn"), 8, 16);
/// let x = Tensor::ones([4, 10, 8], &device);
/// assert_eq!(rnn.forward(&x, &mut Ctx::eval()).shape()[..], [4, 16]);
/// ```
pub type SimpleRnn = Recurrent<SimpleRnnRule>;

/// Long short-term memory (Hochreiter and Schmidhuber 1997; with forget gates, Gers et al. 2000): from
/// `W·x + b + U·h + c`, cut into four gates in PyTorch's and Keras's order i, f, g, o,
///
/// ```text
/// i, f, o = sigmoid;  g = tanh;  c′ = f·c + i·g;  h′ = o·tanh(c′)
/// ```
///
/// See [`Recurrent`] for shapes, entries and settings.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Linear, Lstm, Merge, Params, Sequential};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let model = Sequential::new()
///     .then(Lstm::new(params.at("lstm"), 8, 16).layers(2).bidirectional(Merge::Concat).dropout(0.2))
///     .then(Linear::new(params.at("fc"), 32, 3));
/// let x = Tensor::ones([4, 5, 8], &device);
/// assert_eq!(model.forward(&x, &mut Ctx::eval()).shape()[..], [4, 3]);
/// ```
pub type Lstm = Recurrent<LstmRule>;

/// Gated recurrent unit (Cho et al. 2014). Gates in PyTorch's order r, z, n:
///
/// ```text
/// r, z = sigmoid(W·x + b + U·h + c);  n = tanh(Wₙ·x + bₙ + r·(Uₙ·h + cₙ));  h′ = (1 − z)·n + z·h
/// ```
///
/// This is the form of PyTorch, cuDNN and Keras (`reset_after=True`); see [`reset_after`](Gru::reset_after) for that of
/// the paper. The paper's text, and Chung et al. 2014, swap `z` and `1 − z`. See [`Recurrent`] for shapes, entries and
/// settings.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Gru, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let gru = Gru::new(params.at("gru"), 8, 16).return_sequences(true);
/// let x = Tensor::ones([4, 5, 8], &device);
/// let (y, state) = gru.forward_states(&x, None, &mut Ctx::eval());
/// assert_eq!(y.shape()[..], [4, 5, 16]);
/// assert_eq!(state.hidden.shape()[..], [1, 4, 16]);
/// ```
pub type Gru = Recurrent<GruRule>;

impl SimpleRnn {
    /// A layer from `inputs` features to `hidden`.
    pub fn new(path: ParamPath, inputs: usize, hidden: usize) -> Self {
        Self::with_rule(path, SimpleRnnRule { activation: tanh }, Settings::new(inputs, hidden))
    }

    /// Another function in place of [`tanh`]: [`relu`](crate::relu), PyTorch's `nonlinearity="relu"`, whose state can
    /// grow without bound.
    #[must_use]
    pub fn activation(mut self, function: fn(&Tensor) -> Tensor) -> Self {
        self.rule.activation = function;
        self
    }
}

impl Lstm {
    /// A layer from `inputs` features to `hidden`.
    pub fn new(path: ParamPath, inputs: usize, hidden: usize) -> Self {
        Self::with_rule(path, LstmRule { forget_bias: None }, Settings::new(inputs, hidden))
    }

    /// What the forget gate's bias starts at; 1 makes a new layer remember (Jozefowicz et al. 2015, Keras's
    /// `unit_forget_bias`). With two biases it is that of their sum.
    #[must_use]
    pub fn forget_bias(mut self, value: f64) -> Self {
        self.rule.forget_bias = Some(value);
        self.rebuilt()
    }
}

impl Gru {
    /// A layer from `inputs` features to `hidden`.
    pub fn new(path: ParamPath, inputs: usize, hidden: usize) -> Self {
        Self::with_rule(path, GruRule { reset_after: true }, Settings::new(inputs, hidden))
    }

    /// Whether the reset gate is applied after the hidden product, as it is unless this says no. Before it, as in the
    /// paper and in Keras's `reset_after=False`, `n = tanh(Wₙ·x + bₙ + Uₙ·(r·h))`; then there is one bias alone.
    #[must_use]
    pub fn reset_after(mut self, on: bool) -> Self {
        self.rule.reset_after = on;
        self.settings.biases = match self.settings.biases {
            Biases::None => Biases::None,
            _ if on => Biases::Two,
            _ => Biases::One,
        };
        self.rebuilt()
    }
}

impl<R: Rule> Recurrent<R> {
    fn with_rule(path: ParamPath, rule: R, settings: Settings) -> Self {
        Self { path, rule, settings, weights: Vec::new() }.rebuilt()
    }

    /// With the parameters that belong to the settings.
    fn rebuilt(mut self) -> Self {
        self.weights.drain(..).for_each(Weights::remove);
        for layer in 0..self.settings.layers {
            for suffix in ["", "_reverse"].into_iter().take(self.settings.directions()) {
                let suffix = format!("_l{layer}{suffix}");
                let inputs = self.settings.inputs_of(layer);
                self.weights.push(Weights::new(&self.path, &suffix, inputs, &self.settings, &self.rule));
            }
        }
        self
    }

    /// Number of layers, each of which reads the outputs of the one before; 1 unless this says otherwise.
    #[must_use]
    pub fn layers(mut self, count: usize) -> Self {
        self.settings.layers = count;
        self.rebuilt()
    }

    /// Reads the sequence in both directions, each with weights of its own, and merges the outputs: in every layer of
    /// a stack. Without [`return_sequences`](Recurrent::return_sequences) the final states of the two are merged.
    #[must_use]
    pub fn bidirectional(mut self, merge: Merge) -> Self {
        self.settings.merge = Some(merge);
        self.rebuilt()
    }

    /// Reads the sequence from its end, Keras's `go_backwards`; outputs stay in the order of the input, which is how
    /// PyTorch has those of a reverse direction. A bidirectional layer does both in any case.
    #[must_use]
    pub fn reverse(mut self, on: bool) -> Self {
        self.settings.reverse = on;
        self
    }

    /// Whether the output is that of all steps, `[n, steps, features]`, instead of the last; no unless this says so, as
    /// in Keras. PyTorch's modules give all steps.
    #[must_use]
    pub fn return_sequences(mut self, on: bool) -> Self {
        self.settings.return_sequences = on;
        self
    }

    /// Whether there are biases; there are unless this says no.
    #[must_use]
    pub fn bias(mut self, on: bool) -> Self {
        self.settings.biases = if on { Biases::Two } else { Biases::None };
        self.rebuilt()
    }

    /// One bias a gate, `bias_ih`, as Keras's SimpleRNN and LSTM have it, instead of PyTorch's two, of which only the
    /// sum counts.
    #[must_use]
    pub fn single_bias(mut self) -> Self {
        self.settings.biases = Biases::One;
        self.rebuilt()
    }

    /// In training, drops elements of what one layer of a stack gives to the next with probability `p` in [0, 1): a
    /// mask for every step, as PyTorch's `dropout`.
    #[must_use]
    pub fn dropout(mut self, p: f64) -> Self {
        self.settings.dropout = p;
        self
    }

    /// In training, drops elements of the input of every layer with probability `p` in [0, 1): one mask for all steps
    /// of a sequence, as Keras's `dropout`.
    #[must_use]
    pub fn input_dropout(mut self, p: f64) -> Self {
        self.settings.input_dropout = p;
        self
    }

    /// In training, drops elements of the hidden state in its product with the weights with probability `p` in [0, 1):
    /// one mask for all steps of a sequence (Gal and Ghahramani 2016), as Keras's `recurrent_dropout`. What is carried
    /// over to the next step stays whole.
    #[must_use]
    pub fn recurrent_dropout(mut self, p: f64) -> Self {
        self.settings.recurrent_dropout = p;
        self
    }

    /// Other initial values for the weights of the inputs.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.settings.inits.input = Some(init);
        self.rebuilt()
    }

    /// Other initial values for the weights of the hidden state.
    #[must_use]
    pub fn recurrent_init(mut self, init: Init) -> Self {
        self.settings.inits.hidden = Some(init);
        self.rebuilt()
    }

    /// Other initial values for the biases.
    #[must_use]
    pub fn bias_init(mut self, init: Init) -> Self {
        self.settings.inits.bias = Some(init);
        self.rebuilt()
    }

    /// The output for `x` `[n, steps, inputs]`, and the final state of each layer and direction. Without `state` it
    /// starts from zeros.
    #[track_caller]
    pub fn forward_states(
        &self,
        x: &Tensor,
        state: Option<&RecurrentState>,
        ctx: &mut Ctx,
    ) -> (Tensor, RecurrentState) {
        self.run(x, None, state, ctx)
    }

    /// As [`forward_states`](Recurrent::forward_states) for padded sequences: `mask` is bool `[n, steps]`, true where a
    /// step is real; see [`length_mask`](crate::length_mask). A padded step leaves the state as it is, and its output
    /// is 0. So the final state, and the last output, are those of the last real step, and a reverse direction starts
    /// there, as with PyTorch's packed sequences. What is in the padding changes no output and no gradient.
    #[track_caller]
    pub fn forward_masked(
        &self,
        x: &Tensor,
        mask: &Tensor,
        state: Option<&RecurrentState>,
        ctx: &mut Ctx,
    ) -> (Tensor, RecurrentState) {
        self.run(x, Some(mask), state, ctx)
    }

    #[track_caller]
    fn run(
        &self,
        x: &Tensor,
        mask: Option<&Tensor>,
        state: Option<&RecurrentState>,
        ctx: &mut Ctx,
    ) -> (Tensor, RecurrentState) {
        let mut last = None;
        let y = ctx.within(self, |ctx| match self.wrong(x, mask, state) {
            Some(wrong) => wrong,
            None => {
                let (y, state) = self.stacked(x, mask, state, ctx);
                last = Some(state);
                y
            }
        });
        let state = last.unwrap_or_else(|| RecurrentState::poisoned(&y, R::CELL_STATE));
        (y, state)
    }
}

impl<R: Rule> Layer for Recurrent<R> {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.run(x, None, None, ctx).0
    }

    fn kind(&self) -> &str {
        R::KIND
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.weights.iter().map(Weights::numel).sum()
    }
}
