//! Metrics of the order of scores, over all batches of a data set.

use anygrad_data::BatchTargets;

use super::inputs::{Binary, Classified, wrong};
use super::{Metric, average_precision, count_of, foreign_state, roc_auc};
use crate::{Prediction, Result};

/// All scores so far with whether they are positive, by class or label.
#[derive(Clone, Debug, Default)]
struct Columns {
    scores: Vec<Vec<f32>>,
    truth: Vec<Vec<bool>>,
}

impl Columns {
    /// `[n, classes]` with labels is one column a class against the rest; one score a sample is one column; `[n, labels]`
    /// with targets of that shape is one column a label.
    fn add(&mut self, name: &str, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        let several = predictions.shape.get(1).is_some_and(|&classes| classes > 1);
        if several && targets.labels().is_some() {
            let batch = Classified::new(name, predictions, targets)?;
            self.widen(name, batch.classes)?;
            for (row, label) in batch.rows() {
                self.push(row.iter().enumerate().map(|(class, &score)| (score, class == label)));
            }
        } else {
            let batch = Binary::new(name, predictions, targets)?;
            self.widen(name, batch.outputs)?;
            let pairs: Vec<(f32, bool)> = batch.pairs().collect();
            pairs.chunks_exact(batch.outputs.max(1)).for_each(|row| self.push(row.iter().copied()));
        }
        Ok(())
    }

    fn widen(&mut self, name: &str, columns: usize) -> Result<()> {
        if self.scores.is_empty() {
            self.scores.resize(columns, Vec::new());
            self.truth.resize(columns, Vec::new());
        }
        if self.scores.len() == columns {
            return Ok(());
        }
        Err(wrong(name, format!("{columns} scores a sample after {}", self.scores.len())))
    }

    fn push(&mut self, row: impl Iterator<Item = (f32, bool)>) {
        for ((scores, truths), (score, truth)) in self.scores.iter_mut().zip(&mut self.truth).zip(row) {
            scores.push(score);
            truths.push(truth);
        }
    }

    /// The number of columns, and each with its scores and, in their order, whether they are positive.
    fn state(&self) -> Vec<f64> {
        let columns = self.scores.iter().zip(&self.truth).flat_map(|(scores, truth)| {
            let scores = scores.iter().copied().map(f64::from);
            scores.chain(truth.iter().copied().map(f64::from))
        });
        std::iter::once(self.scores.len() as f64).chain(columns).collect()
    }

    fn of(state: &[f64]) -> Option<Self> {
        let (&columns, rest) = state.split_first()?;
        let columns = usize::try_from(count_of(columns)?).ok()?;
        if columns == 0 {
            return rest.is_empty().then(Self::default);
        }
        let parts = columns.checked_mul(2)?;
        if !rest.len().is_multiple_of(parts) || rest.is_empty() {
            return None;
        }
        let halves: Vec<&[f64]> = rest.chunks_exact(rest.len() / parts).collect();
        let (pairs, _) = halves.as_chunks::<2>();
        let scores = pairs.iter().map(|[scores, _]| scores.iter().map(|&score| score as f32).collect());
        let truth = pairs.iter().map(|[_, truth]| truth.iter().map(|&truth| truth != 0.0).collect());
        Some(Self { scores: scores.collect(), truth: truth.collect() })
    }

    /// The mean of `function` over the columns for which it is a number.
    fn mean(&self, function: fn(&[f32], &[bool]) -> Result<f64>) -> f64 {
        let columns = self.scores.iter().zip(&self.truth);
        let values: Vec<f64> = columns
            .filter_map(|(scores, truth)| function(scores, truth).ok())
            .filter(|value| !value.is_nan())
            .collect();
        values.iter().sum::<f64>() / values.len() as f64
    }
}

/// The area under the ROC curve, `auc`: 0.5 for scores that say nothing, 1 for a perfect order.
///
/// Takes one score a sample with targets 0 and 1; scores `[n, classes]` with labels, where it is the mean over the
/// classes of each against the rest (scikit-learn's `multi_class="ovr"`); or `[n, labels]` with targets 0 and 1 of that
/// shape, where it is the mean over the labels. Classes of which all or no samples are positive are left out; NaN if
/// none is left. Keeps all scores, as their order is not known before the last one.
///
/// ```
/// use anygrad_data::BatchTargets;
/// use anygrad_train::Prediction;
/// use anygrad_train::metrics::{Metric, RocAuc};
/// let mut auc = RocAuc::new();
/// let targets = BatchTargets::Classes { labels: vec![0, 0, 1, 1], classes: 2 };
/// auc.update(&Prediction { values: vec![0.1, 0.4, 0.35, 0.8], shape: vec![4] }, &targets)?;
/// assert_eq!(auc.value(), 0.75);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RocAuc {
    columns: Columns,
}

impl RocAuc {
    /// The area of no sample yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Metric for RocAuc {
    fn name(&self) -> &str {
        "auc"
    }

    fn reset(&mut self) {
        self.columns = Columns::default();
    }

    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        self.columns.add("auc", predictions, targets)
    }

    fn value(&self) -> f64 {
        self.columns.mean(roc_auc)
    }

    fn state(&self) -> Option<Vec<f64>> {
        Some(self.columns.state())
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.columns = Columns::of(state).ok_or_else(|| foreign_state("auc", state))?;
        Ok(())
    }
}

/// Average precision, `average_precision`, and over several classes or labels their mean (mean average precision). Takes
/// what [`RocAuc`] takes. A class without a positive sample counts 0, as in scikit-learn.
///
/// ```
/// use anygrad_data::BatchTargets;
/// use anygrad_train::Prediction;
/// use anygrad_train::metrics::{AveragePrecision, Metric};
/// let mut metric = AveragePrecision::new();
/// let targets = BatchTargets::Classes { labels: vec![0, 0, 1, 1], classes: 2 };
/// metric.update(&Prediction { values: vec![0.1, 0.4, 0.35, 0.8], shape: vec![4] }, &targets)?;
/// assert!((metric.value() - 0.833333).abs() < 1e-6);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct AveragePrecision {
    columns: Columns,
}

impl AveragePrecision {
    /// The precision of no sample yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Metric for AveragePrecision {
    fn name(&self) -> &str {
        "average_precision"
    }

    fn reset(&mut self) {
        self.columns = Columns::default();
    }

    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        self.columns.add("average_precision", predictions, targets)
    }

    fn value(&self) -> f64 {
        self.columns.mean(average_precision)
    }

    fn state(&self) -> Option<Vec<f64>> {
        Some(self.columns.state())
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.columns = Columns::of(state).ok_or_else(|| foreign_state("average_precision", state))?;
        Ok(())
    }
}
