//! What can be chosen about a recurrent layer.

use anygrad_graph::Tensor;

use crate::Init;

/// How the two directions of a bidirectional layer become one output; Keras's `merge_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merge {
    /// One after the other along the features: `2·hidden` of them. The only one PyTorch has.
    Concat,
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// Their product.
    Mul,
}

impl Merge {
    /// How many features come out of two directions of `hidden` each.
    pub(crate) fn features(self, hidden: usize) -> usize {
        match self {
            Merge::Concat => hidden.saturating_mul(2),
            Merge::Sum | Merge::Mean | Merge::Mul => hidden,
        }
    }

    #[track_caller]
    pub(crate) fn of(self, forward: &Tensor, reverse: &Tensor) -> Tensor {
        match self {
            Merge::Concat => Tensor::concat(&[forward, reverse], -1),
            Merge::Sum => forward + reverse,
            Merge::Mean => (forward + reverse) * 0.5,
            Merge::Mul => forward * reverse,
        }
    }
}

/// Which biases there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Biases {
    None,
    /// `bias_ih` alone, as Keras has it.
    One,
    /// `bias_ih` and `bias_hh`, as PyTorch and cuDNN have them.
    Two,
}

/// Initial values; none stands for PyTorch's, uniform in ±1/√hidden.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inits {
    pub input: Option<Init>,
    pub hidden: Option<Init>,
    pub bias: Option<Init>,
}

/// Settings of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub inputs: usize,
    pub hidden: usize,
    pub layers: usize,
    pub merge: Option<Merge>,
    pub biases: Biases,
    pub inits: Inits,
    pub return_sequences: bool,
    pub reverse: bool,
    pub dropout: f64,
    pub input_dropout: f64,
    pub recurrent_dropout: f64,
}

impl Settings {
    pub fn new(inputs: usize, hidden: usize) -> Self {
        Self {
            inputs,
            hidden,
            layers: 1,
            merge: None,
            biases: Biases::Two,
            inits: Inits::default(),
            return_sequences: false,
            reverse: false,
            dropout: 0.0,
            input_dropout: 0.0,
            recurrent_dropout: 0.0,
        }
    }

    pub fn directions(&self) -> usize {
        if self.merge.is_some() { 2 } else { 1 }
    }

    /// Features of the input of layer `index`.
    pub fn inputs_of(&self, index: usize) -> usize {
        match index {
            0 => self.inputs,
            _ => self.merge.map_or(self.hidden, |merge| merge.features(self.hidden)),
        }
    }

    /// What is wrong with the settings, if anything.
    pub fn wrong(&self) -> Option<String> {
        let sizes = [("inputs", self.inputs), ("hidden", self.hidden), ("layers", self.layers)];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Some(format!("{name} is 0; it must be at least 1"));
        }
        let rates = [
            ("dropout", self.dropout),
            ("input_dropout", self.input_dropout),
            ("recurrent_dropout", self.recurrent_dropout),
        ];
        let bad = rates.iter().find(|(_, p)| !(0.0..1.0).contains(p))?;
        Some(format!("{} is {}; it must be at least 0 and below 1", bad.0, bad.1))
    }
}
