use std::fmt;

use anygrad_graph::Tensor;

use super::Loss;

/// The losses of a network with several outputs, added up: `Σ wᵢ·lossᵢ(outputᵢ, targetᵢ)`, as Keras does with
/// `loss_weights`. [`average`](Losses::average) divides by the sum of the weights, so that with equal weights the loss
/// is the mean of the losses.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Losses, cross_entropy, mse};
/// let device = Device::cpu();
/// let (scores, labels) = (Tensor::zeros([2, 4], &device), Tensor::from_slice(&[3u32, 0], [2], &device));
/// let (size, true_size) = (Tensor::zeros([2, 1], &device), Tensor::ones([2, 1], &device));
///
/// let losses = Losses::new().with(cross_entropy, 1.0).with(mse, 0.5);
/// let loss = losses.loss(&[(&scores, &labels), (&size, &true_size)]);
/// assert!((loss.item()? - (4f32.ln() + 0.5)).abs() < 1e-6);
///
/// let losses = Losses::new().with(cross_entropy, 1.0).with(mse, 1.0).average();
/// let loss = losses.loss(&[(&scores, &labels), (&size, &true_size)]);
/// assert!((loss.item()? - (4f32.ln() + 1.0) / 2.0).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Default)]
pub struct Losses {
    parts: Vec<(Box<dyn Loss>, f64)>,
    average: bool,
}

impl Losses {
    /// No loss, to which losses are added.
    pub fn new() -> Self {
        Self::default()
    }

    /// With `loss` for the next output, times `weight`, which is finite and at least 0.
    #[must_use]
    pub fn with(mut self, loss: impl Loss + 'static, weight: f64) -> Self {
        self.parts.push((Box::new(loss), weight));
        self
    }

    /// The weighted mean `Σ wᵢ·lossᵢ / Σ wᵢ` in place of the sum.
    #[must_use]
    pub fn average(self) -> Self {
        Self { average: true, ..self }
    }

    /// Number of losses.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The loss of each output by itself, without its weight: to show, or to sum up otherwise. `pairs` are outputs with
    /// their targets, in the order of the losses; those beyond the shorter of the two lists are left out.
    #[track_caller]
    pub fn parts(&self, pairs: &[(&Tensor, &Tensor)]) -> Vec<Tensor> {
        let mut parts = Vec::with_capacity(pairs.len());
        for ((loss, _), (output, target)) in self.parts.iter().zip(pairs) {
            parts.push(loss.loss(output, target));
        }
        parts
    }

    /// The weighted sum over all outputs, a scalar; `pairs` are outputs with their targets, one for each loss, in the
    /// order of the losses.
    #[track_caller]
    pub fn loss(&self, pairs: &[(&Tensor, &Tensor)]) -> Tensor {
        let operands: Vec<(&str, &Tensor)> =
            pairs.iter().flat_map(|(output, target)| [("output", *output), ("target", *target)]).collect();
        if let Some(message) = self.wrong(pairs.len()) {
            return Tensor::wrong("losses", message, &operands);
        }
        let mut sum: Option<Tensor> = None;
        for (loss, (_, weight)) in self.parts(pairs).into_iter().zip(&self.parts) {
            if loss.check().is_ok() && loss.rank() != 0 {
                let message =
                    format!("a loss is {}, not a scalar; give it Reduction::Mean or Sum", loss.shape());
                return Tensor::wrong("losses", message, &operands);
            }
            let part = loss * *weight;
            sum = Some(sum.map_or(part.clone(), |sum| sum + part));
        }
        match sum {
            Some(sum) if self.average => sum * (1.0 / self.total()),
            Some(sum) => sum,
            None => Tensor::wrong("losses", "there is no loss", &operands),
        }
    }

    fn total(&self) -> f64 {
        self.parts.iter().map(|(_, weight)| weight).sum()
    }

    fn wrong(&self, pairs: usize) -> Option<String> {
        if pairs != self.parts.len() {
            return Some(format!("{} losses for {pairs} outputs with targets", self.parts.len()));
        }
        if let Some((_, weight)) =
            self.parts.iter().find(|(_, weight)| !(weight.is_finite() && *weight >= 0.0))
        {
            return Some(format!("a weight is {weight}; it must be finite and at least 0"));
        }
        (self.average && self.total() <= 0.0 && pairs > 0)
            .then(|| "all weights are 0, so there is no mean".to_owned())
    }
}

impl fmt::Debug for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weights: Vec<f64> = self.parts.iter().map(|(_, weight)| *weight).collect();
        f.debug_struct("Losses").field("weights", &weights).field("average", &self.average).finish()
    }
}
