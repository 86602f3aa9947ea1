//! Metrics of probabilities.

use anygrad_data::BatchTargets;

use super::inputs::{Binary, Classified, wrong};
use super::{Metric, count_of, foreign_state};
use crate::{Prediction, Result};

/// What the outputs of a model are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Outputs {
    #[default]
    Probabilities,
    Logits,
}

/// The mean of `−ln p(truth)`, `log_loss`: scikit-learn's `log_loss`. Probabilities are held between the rounding unit
/// of f32, 1.2e-7, and 1 less that, so that a certain error costs 15.9 and not ∞.
///
/// Takes probabilities `[n, classes]` with labels, or one a sample with targets 0 and 1; with
/// [`from_logits`](LogLoss::from_logits), scores before a softmax or sigmoid.
///
/// ```
/// use anygrad_data::BatchTargets;
/// use anygrad_train::Prediction;
/// use anygrad_train::metrics::{LogLoss, Metric};
/// let mut metric = LogLoss::new();
/// let targets = BatchTargets::Classes { labels: vec![0, 1], classes: 2 };
/// metric.update(&Prediction { values: vec![0.5, 0.5, 0.75, 0.25], shape: vec![2, 2] }, &targets)?;
/// assert!((metric.value() - (2f64.ln() + 4f64.ln()) / 2.0).abs() < 1e-12);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct LogLoss {
    outputs: Outputs,
    sum: f64,
    count: u64,
}

impl LogLoss {
    /// Of probabilities.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of scores before a softmax, or before a sigmoid where there is one a sample.
    pub fn from_logits() -> Self {
        Self { outputs: Outputs::Logits, ..Self::default() }
    }

    fn add(&mut self, name: &str, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        let several =
            predictions.shape.len() > 2 || predictions.shape.get(1).is_some_and(|&classes| classes > 1);
        let losses: Vec<f64> = if several && (targets.labels().is_some() || predictions.shape.len() > 2) {
            let batch = Classified::new(name, predictions, targets)?;
            self.probable(name, &batch.scores)?;
            batch.rows().map(|(row, label)| self.of_class(row, label)).collect()
        } else {
            let batch = Binary::new(name, predictions, targets)?;
            self.probable(name, batch.scores)?;
            batch.pairs().map(|(score, truth)| self.of_truth(f64::from(score), truth)).collect()
        };
        self.sum += losses.iter().sum::<f64>();
        self.count += losses.len() as u64;
        Ok(())
    }

    fn probable(&self, name: &str, values: &[f32]) -> Result<()> {
        let wild = values.iter().find(|p| !(0.0..=1.0).contains(*p));
        match (self.outputs, wild) {
            (Outputs::Probabilities, Some(p)) => {
                Err(wrong(name, format!("a prediction is {p}; it must be in [0, 1], or take from_logits")))
            }
            _ => Ok(()),
        }
    }

    fn of_class(&self, row: &[f32], label: usize) -> f64 {
        let own = row.get(label).copied().map_or(f64::NAN, f64::from);
        match self.outputs {
            Outputs::Probabilities => -held(own).ln(),
            Outputs::Logits => {
                let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f64 = row.iter().map(|&x| f64::from(x - largest).exp()).sum();
                sum.ln() + f64::from(largest) - own
            }
        }
    }

    fn of_truth(&self, score: f64, truth: bool) -> f64 {
        match self.outputs {
            Outputs::Probabilities => -held(if truth { score } else { 1.0 - score }).ln(),
            Outputs::Logits => {
                // ln(1 + eᶻ) without overflow
                let z = if truth { -score } else { score };
                z.max(0.0) + (-z.abs()).exp().ln_1p()
            }
        }
    }
}

fn held(p: f64) -> f64 {
    let eps = f64::from(f32::EPSILON);
    p.clamp(eps, 1.0 - eps)
}

impl Metric for LogLoss {
    fn name(&self) -> &str {
        "log_loss"
    }

    fn reset(&mut self) {
        (self.sum, self.count) = (0.0, 0);
    }

    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        self.add("log_loss", predictions, targets)
    }

    fn value(&self) -> f64 {
        self.sum / self.count as f64
    }

    fn state(&self) -> Option<Vec<f64>> {
        Some(vec![self.sum, self.count as f64])
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let numbers = match *state {
            [sum, count] => count_of(count).map(|count| (sum, count)),
            _ => None,
        };
        (self.sum, self.count) = numbers.ok_or_else(|| foreign_state("log_loss", state))?;
        Ok(())
    }
}

/// Perplexity, `e` to the mean cross-entropy: among how many equally likely tokens a language model is undecided. Takes
/// what [`LogLoss`] takes, or `[n, tokens, *time]` with one class a place.
///
/// ```
/// use anygrad_data::BatchTargets;
/// use anygrad_train::Prediction;
/// use anygrad_train::metrics::{Metric, Perplexity};
/// let mut metric = Perplexity::from_logits();
/// let targets = BatchTargets::Classes { labels: vec![3], classes: 8 };
/// metric.update(&Prediction { values: vec![0.0; 8], shape: vec![1, 8] }, &targets)?;
/// assert!((metric.value() - 8.0).abs() < 1e-12);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Perplexity {
    loss: LogLoss,
}

impl Perplexity {
    /// Of probabilities.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of scores before a softmax.
    pub fn from_logits() -> Self {
        Self { loss: LogLoss::from_logits() }
    }
}

impl Metric for Perplexity {
    fn name(&self) -> &str {
        "perplexity"
    }

    fn reset(&mut self) {
        self.loss.reset();
    }

    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        self.loss.add("perplexity", predictions, targets)
    }

    fn value(&self) -> f64 {
        self.loss.value().exp()
    }

    fn state(&self) -> Option<Vec<f64>> {
        self.loss.state()
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.loss.restore(state).map_err(|_| foreign_state("perplexity", state))
    }
}
