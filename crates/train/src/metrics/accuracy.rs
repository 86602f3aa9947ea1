use anygrad_data::BatchTargets;

use super::inputs::{Binary, Classified, largest, paired, wrong};
use super::{Metric, count_of, foreign_state};
use crate::{Prediction, Result};

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Share {
    hits: u64,
    total: u64,
}

impl Share {
    fn add(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.total += 1;
    }

    /// NaN of nothing.
    fn value(self) -> f64 {
        self.hits as f64 / self.total as f64
    }

    fn state(self) -> Vec<f64> {
        vec![self.hits as f64, self.total as f64]
    }

    fn of(state: &[f64]) -> Option<Self> {
        match *state {
            [hits, total] => Some(Self { hits: count_of(hits)?, total: count_of(total)? }),
            _ => None,
        }
    }
}

/// The share of predicted labels that are right: scikit-learn's `accuracy_score`.
///
/// ```
/// assert_eq!(anygrad_train::metrics::accuracy(&[0, 2, 1, 1], &[0, 1, 1, 1])?, 0.75);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// The lists differ in length or are empty.
pub fn accuracy(predictions: &[u32], targets: &[u32]) -> Result<f64> {
    paired("accuracy", predictions.len(), targets.len())?;
    let mut share = Share::default();
    predictions.iter().zip(targets).for_each(|(prediction, target)| share.add(prediction == target));
    Ok(share.value())
}

/// The share of samples whose highest score is at the label: Keras' `categorical_accuracy` and
/// `sparse_categorical_accuracy`. Of equal scores the first one counts.
///
/// Takes scores `[n, classes]`, any numbers, with labels or one-hot targets `[n, classes]`.
///
/// ```
/// use anygrad_data::BatchTargets;
/// use anygrad_train::Prediction;
/// use anygrad_train::metrics::{Accuracy, Metric};
/// let mut metric = Accuracy::new();
/// let scores = Prediction { values: vec![0.0, 2.0, 1.0, 3.0, 0.0, 0.0], shape: vec![2, 3] };
/// metric.update(&scores, &BatchTargets::Classes { labels: vec![1, 2], classes: 3 })?;
/// assert_eq!(metric.value(), 0.5);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Accuracy {
    share: Share,
}

impl Accuracy {
    /// The accuracy of no sample yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Metric for Accuracy {
    fn name(&self) -> &str {
        "accuracy"
    }

    fn reset(&mut self) {
        self.share = Share::default();
    }

    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        let batch = Classified::new(self.name(), predictions, targets)?;
        batch.rows().for_each(|(row, label)| self.share.add(largest(row) == label));
        Ok(())
    }

    fn value(&self) -> f64 {
        self.share.value()
    }

    fn state(&self) -> Option<Vec<f64>> {
        Some(self.share.state())
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.share = Share::of(state).ok_or_else(|| foreign_state(self.name(), state))?;
        Ok(())
    }
}

/// The share of elements whose score is on the right side of a threshold: above it is positive, as in Keras'
/// `binary_accuracy`. With several labels a sample every one counts.
///
/// Takes one score a sample, or scores `[n, ..]`, with labels or targets that are 0 or 1. For probabilities the
/// threshold is 0.5; for logits, without a sigmoid, 0.0. A higher threshold finds fewer positives, of which more are
/// right: precision tends to rise, recall falls.
///
/// ```
/// use anygrad_data::BatchTargets;
/// use anygrad_train::Prediction;
/// use anygrad_train::metrics::{BinaryAccuracy, Metric};
/// let scores = Prediction { values: vec![0.9, 0.4, 0.6, 0.1], shape: vec![4, 1] };
/// let targets = BatchTargets::Values { values: vec![1.0, 1.0, 0.0, 0.0], shape: vec![4, 1] };
/// let mut metric = BinaryAccuracy::new(0.5);
/// metric.update(&scores, &targets)?;
/// assert_eq!(metric.value(), 0.5);
/// let mut metric = BinaryAccuracy::new(0.3);
/// metric.update(&scores, &targets)?;
/// assert_eq!(metric.value(), 0.75);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BinaryAccuracy {
    threshold: f32,
    share: Share,
}

impl BinaryAccuracy {
    /// Scores above `threshold` are positive.
    pub fn new(threshold: f32) -> Self {
        Self { threshold, share: Share::default() }
    }
}

impl Default for BinaryAccuracy {
    fn default() -> Self {
        Self::new(0.5)
    }
}

impl Metric for BinaryAccuracy {
    fn name(&self) -> &str {
        "binary_accuracy"
    }

    fn reset(&mut self) {
        self.share = Share::default();
    }

    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        if self.threshold.is_nan() {
            return Err(wrong(self.name(), "threshold is NaN; it must be a number"));
        }
        let batch = Binary::new(self.name(), predictions, targets)?;
        batch.pairs().for_each(|(score, truth)| self.share.add((score > self.threshold) == truth));
        Ok(())
    }

    fn value(&self) -> f64 {
        self.share.value()
    }

    fn state(&self) -> Option<Vec<f64>> {
        Some(self.share.state())
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.share = Share::of(state).ok_or_else(|| foreign_state(self.name(), state))?;
        Ok(())
    }
}

/// The share of samples whose label is among the k highest scores: Keras' `top_k_categorical_accuracy`. A label whose
/// score ties with the k-th highest counts if fewer than k scores are higher.
///
/// Takes scores `[n, classes]` with labels or one-hot targets.
///
/// ```
/// use anygrad_data::BatchTargets;
/// use anygrad_train::Prediction;
/// use anygrad_train::metrics::{Metric, TopKAccuracy};
/// let mut metric = TopKAccuracy::new(2);
/// let scores = Prediction { values: vec![0.5, 0.3, 0.2, 0.5, 0.3, 0.2], shape: vec![2, 3] };
/// metric.update(&scores, &BatchTargets::Classes { labels: vec![1, 2], classes: 3 })?;
/// assert_eq!((metric.name(), metric.value()), ("top_2_accuracy", 0.5));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TopKAccuracy {
    k: usize,
    name: String,
    share: Share,
}

impl TopKAccuracy {
    /// Among the `k` highest scores, at least 1.
    pub fn new(k: usize) -> Self {
        Self { k, name: format!("top_{k}_accuracy"), share: Share::default() }
    }
}

impl Metric for TopKAccuracy {
    fn name(&self) -> &str {
        &self.name
    }

    fn reset(&mut self) {
        self.share = Share::default();
    }

    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        if self.k == 0 {
            return Err(wrong(&self.name, "k is 0; it must be at least 1"));
        }
        let batch = Classified::new(&self.name, predictions, targets)?;
        for (row, label) in batch.rows() {
            let Some(own) = row.get(label) else { continue };
            let higher = row.iter().filter(|score| *score > own).count();
            self.share.add(higher < self.k);
        }
        Ok(())
    }

    fn value(&self) -> f64 {
        self.share.value()
    }

    fn state(&self) -> Option<Vec<f64>> {
        Some(self.share.state())
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.share = Share::of(state).ok_or_else(|| foreign_state(self.name(), state))?;
        Ok(())
    }
}
