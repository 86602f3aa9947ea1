//! The parameters of one direction of one layer, and how a step uses them.

use anygrad_graph::{Shape, Tensor};

use super::rules::Rule;
use super::settings::{Biases, Settings};
use crate::{Init, Param, ParamPath, Result};

/// `weight_ih` `[gates·hidden, inputs]`, `weight_hh` `[gates·hidden, hidden]`, `bias_ih` and `bias_hh` `[gates·hidden]`.
#[derive(Debug)]
pub(super) struct Weights {
    input: Param,
    hidden: Param,
    bias_ih: Option<Param>,
    bias_hh: Option<Param>,
}

impl Weights {
    /// Makes the parameters; `suffix` is `_l0_reverse` and the like.
    pub fn new<R: Rule>(
        path: &ParamPath,
        suffix: &str,
        inputs: usize,
        settings: &Settings,
        rule: &R,
    ) -> Self {
        let hidden = settings.hidden;
        let rows = hidden.saturating_mul(R::GATES);
        let bound = 1.0 / (hidden.max(1) as f64).sqrt();
        let pytorch = Init::Uniform { low: -bound, high: bound };
        let inits = settings.inits;
        let make = |name: &str, shape: Shape, init: Option<Init>| {
            path.parameter(&format!("{name}{suffix}"), shape, init.unwrap_or(pytorch))
        };
        let weights = Self {
            input: make("weight_ih", Shape::from([rows, inputs]), inits.input),
            hidden: make("weight_hh", Shape::from([rows, hidden]), inits.hidden),
            bias_ih: (settings.biases != Biases::None)
                .then(|| make("bias_ih", Shape::from([rows]), inits.bias)),
            bias_hh: (settings.biases == Biases::Two)
                .then(|| make("bias_hh", Shape::from([rows]), inits.bias)),
        };
        if let Some(value) = rule.forget_bias()
            && let Err(error) = weights.set_forget_bias(path, hidden, value)
        {
            path.params().lock().fail(error);
        }
        weights
    }

    /// Rows `hidden..2·hidden` of the biases: `value` in one, 0 in the other, whose sum counts.
    fn set_forget_bias(&self, path: &ParamPath, hidden: usize, value: f64) -> Result<()> {
        let params = path.params();
        for (bias, value) in [(&self.bias_ih, value), (&self.bias_hh, 0.0)] {
            let Some(bias) = bias else { continue };
            let Some(old) = params.get(bias.path()) else { continue };
            let middle = Tensor::full([hidden], value, old.dtype(), old.device());
            let rest = hidden.saturating_mul(2);
            let new = [old.slice(0, 0, hidden), middle, old.slice(0, rest, rest)];
            params.set(bias.path(), &Tensor::concat(&new.iter().collect::<Vec<_>>(), 0))?;
        }
        Ok(())
    }

    pub fn remove(self) {
        let all = [Some(self.input), Some(self.hidden), self.bias_ih, self.bias_hh];
        all.into_iter().flatten().for_each(Param::remove);
    }

    pub fn numel(&self) -> usize {
        let biases = [&self.bias_ih, &self.bias_hh].into_iter().flatten().map(Param::numel).sum::<usize>();
        self.input.numel() + self.hidden.numel() + biases
    }

    pub fn input(&self) -> Tensor {
        self.input.tensor()
    }

    /// The product of inputs `[rows, inputs]` with the input weights: `[rows, gates·hidden]`.
    #[track_caller]
    pub fn of_inputs<R: Rule>(&self, x: &Tensor, rule: &R) -> Tensor {
        let product = x.matmul(&self.input.tensor().t());
        match (&self.bias_ih, self.bias_hh.as_ref().filter(|_| rule.biases_add())) {
            (Some(input), Some(hidden)) => product + (input.tensor() + hidden.tensor()),
            (Some(input), None) => product + input.tensor(),
            _ => product,
        }
    }

    /// The hidden weights, made ready for the steps of a forward pass over `n` sequences.
    #[track_caller]
    pub fn recurring<R: Rule>(&self, hidden: usize, rule: &R, n: usize, drop: Option<Tensor>) -> Recurring {
        let weight = self.hidden.tensor();
        let rows = hidden.saturating_mul(R::GATES);
        // repeated before the steps, so that its gradient is summed over the sequences once and not at every step
        let repeated = |bias: &Param| bias.tensor().expand(Shape::from([n, rows]));
        let bias = self.bias_hh.as_ref().filter(|_| !rule.biases_add()).map(repeated);
        if !rule.splits_last_gate() {
            return Recurring { weight: weight.t().contiguous(), last: None, bias, drop, hidden };
        }
        let rows = rows.saturating_sub(hidden);
        let last = Some(weight.slice(0, rows, hidden).t().contiguous());
        Recurring { weight: weight.slice(0, 0, rows).t().contiguous(), last, bias, drop, hidden }
    }
}

/// What a step multiplies the hidden state with.
pub struct Recurring {
    /// `[hidden, gates·hidden]`, transposed once for all steps.
    weight: Tensor,
    /// The last gate's `[hidden, hidden]`, where it has a product of its own.
    last: Option<Tensor>,
    /// `[n, gates·hidden]`.
    bias: Option<Tensor>,
    /// The dropout mask of the hidden state. It is for the products alone: what is carried over stays whole.
    drop: Option<Tensor>,
    hidden: usize,
}

impl Recurring {
    /// `[n, hidden]` gives `[n, gates·hidden]`.
    #[track_caller]
    pub(super) fn product(&self, h: &Tensor) -> Tensor {
        self.dropped(h).matmul(&self.weight)
    }

    /// Gate `index` of [`product`](Recurring::product), with its bias: `[n, hidden]`.
    #[track_caller]
    pub(super) fn gate(&self, product: &Tensor, index: usize) -> Tensor {
        let gate = self.cut(product, index);
        match &self.bias {
            Some(bias) => gate + self.cut(bias, index),
            None => gate,
        }
    }

    /// Gate `index` of `[n, gates·hidden]`: `[n, hidden]`.
    #[track_caller]
    pub(super) fn cut(&self, x: &Tensor, index: usize) -> Tensor {
        x.slice(1, index.saturating_mul(self.hidden), self.hidden)
    }

    /// The last gate's product of `[n, hidden]`.
    #[track_caller]
    pub(super) fn last_product(&self, h: &Tensor) -> Tensor {
        self.dropped(h).matmul(self.last.as_ref().unwrap_or(&self.weight))
    }

    #[track_caller]
    fn dropped(&self, h: &Tensor) -> Tensor {
        match &self.drop {
            Some(drop) => h * drop,
            None => h.clone(),
        }
    }
}
