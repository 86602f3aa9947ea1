use std::fmt;

use anygrad_data::BatchTargets;

use super::inputs::{Classified, largest, paired, wrong};
use super::rates::{Average, Rate, ZeroDivision};
use crate::{Align, Prediction, Result, Table};

const NAME: &str = "confusion_matrix";

/// How often each of two answers was right and wrong.
///
/// ```
/// use anygrad_train::metrics::{BinaryConfusion, Layout, Rate, ZeroDivision};
/// let counts =
///     BinaryConfusion { true_positives: 8, false_positives: 2, false_negatives: 4, true_negatives: 6 };
/// assert_eq!(counts.accuracy(), 0.7);
/// assert_eq!(counts.rate(Rate::Precision, ZeroDivision::Zero), 0.8);
/// assert_eq!(counts.as_array(Layout::NegativeFirst), [[6, 2], [4, 8]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BinaryConfusion {
    /// Positive, and found to be.
    pub true_positives: u64,
    /// Negative, but taken for positive (type I error).
    pub false_positives: u64,
    /// Positive, but taken for negative (type II error).
    pub false_negatives: u64,
    /// Negative, and found to be.
    pub true_negatives: u64,
}

/// The order of rows (truth) and columns (prediction) of a 2×2 table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[[TP, FN], [FP, TN]]`, as in many textbooks.
    PositiveFirst,
    /// `[[TN, FP], [FN, TP]]`, scikit-learn's.
    NegativeFirst,
}

impl BinaryConfusion {
    /// Counts scores above `threshold` as positive.
    ///
    /// # Errors
    /// The lists differ in length or are empty; a score or the threshold is NaN.
    pub fn from_scores(scores: &[f32], truth: &[bool], threshold: f32) -> Result<Self> {
        paired(NAME, scores.len(), truth.len())?;
        super::inputs::no_nan(NAME, scores)?;
        if threshold.is_nan() {
            return Err(wrong(NAME, "threshold is NaN; it must be a number"));
        }
        let mut counts = Self::default();
        scores.iter().zip(truth).for_each(|(&score, &truth)| counts.add(score > threshold, truth));
        Ok(counts)
    }

    /// Counts one more answer.
    pub fn add(&mut self, prediction: bool, truth: bool) {
        *match (prediction, truth) {
            (true, true) => &mut self.true_positives,
            (true, false) => &mut self.false_positives,
            (false, true) => &mut self.false_negatives,
            (false, false) => &mut self.true_negatives,
        } += 1;
    }

    /// Number of answers.
    pub fn total(&self) -> u64 {
        self.true_positives + self.false_positives + self.false_negatives + self.true_negatives
    }

    /// `(TP + TN) / total`; NaN of no answer.
    pub fn accuracy(&self) -> f64 {
        (self.true_positives + self.true_negatives) as f64 / self.total() as f64
    }

    /// A rate of these counts: precision, recall and so on.
    pub fn rate(&self, rate: Rate, zero_division: ZeroDivision) -> f64 {
        rate.of(self, zero_division)
    }

    /// The counts as a table in the order asked for.
    pub fn as_array(&self, layout: Layout) -> [[u64; 2]; 2] {
        let Self { true_positives: tp, false_positives: fp, false_negatives: r#fn, true_negatives: tn } =
            *self;
        match layout {
            Layout::PositiveFirst => [[tp, r#fn], [fp, tn]],
            Layout::NegativeFirst => [[tn, fp], [r#fn, tp]],
        }
    }
}

impl std::ops::Add for BinaryConfusion {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            true_positives: self.true_positives + other.true_positives,
            false_positives: self.false_positives + other.false_positives,
            false_negatives: self.false_negatives + other.false_negatives,
            true_negatives: self.true_negatives + other.true_negatives,
        }
    }
}

/// How often each class was taken for each other: rows are the truth, columns the predictions, as in scikit-learn.
///
/// ```
/// use anygrad_train::metrics::{Average, ConfusionMatrix, Rate, ZeroDivision};
/// let matrix = ConfusionMatrix::from_labels(&[0, 2, 2, 0], &[0, 1, 2, 2], 3)?.names(["cat", "dog", "owl"])?;
/// assert_eq!(matrix.count(1, 2), 1); // one dog was taken for an owl
/// assert_eq!(matrix.accuracy(), 0.5);
/// assert_eq!(matrix.rate(Rate::Recall, Average::Macro, ZeroDivision::Zero), 0.5);
/// assert_eq!(matrix.to_string(), "\
/// truth  cat  dog  owl
/// -----  ---  ---  ---
/// cat      1    0    0
/// dog      0    0    1
/// owl      1    0    1");
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// Row by row.
    counts: Vec<u64>,
    names: Vec<String>,
}

impl ConfusionMatrix {
    /// A matrix of `classes` classes without an answer, with `classes²` counts; they are called by their numbers. More
    /// than 10,000 classes are taken as so many: their table has no reader, and takes 800 MB.
    pub fn new(classes: usize) -> Self {
        let classes = classes.min(10_000);
        let cells = classes * classes;
        Self { counts: vec![0; cells], names: (0..classes).map(|class| class.to_string()).collect() }
    }

    /// The matrix of predicted and true labels in `0..classes`.
    ///
    /// # Errors
    /// The lists differ in length or are empty; a label is out of range.
    pub fn from_labels(predictions: &[u32], targets: &[u32], classes: usize) -> Result<Self> {
        paired(NAME, predictions.len(), targets.len())?;
        let mut matrix = Self::new(classes);
        if let Some(label) = predictions.iter().chain(targets).find(|&&label| label as usize >= classes) {
            return Err(wrong(NAME, format!("label {label} is out of range for {classes} classes")));
        }
        for (&prediction, &target) in predictions.iter().zip(targets) {
            matrix.add(target as usize, prediction as usize);
        }
        Ok(matrix)
    }

    /// Names for the classes, to show.
    ///
    /// # Errors
    /// There are not as many names as classes.
    pub fn names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.len() != self.classes() {
            return Err(wrong(NAME, format!("{} names for {} classes", names.len(), self.classes())));
        }
        self.names = names;
        Ok(self)
    }

    /// Adds a batch: the class of each sample is that of the highest score, as for [`Accuracy`](super::Accuracy).
    ///
    /// # Errors
    /// The batch has another number of classes, or is wrong itself; the matrix is as it was.
    pub fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        let batch = Classified::new(NAME, predictions, targets)?;
        if batch.classes != self.classes() {
            let message = format!("scores of {} classes for {} classes", batch.classes, self.classes());
            return Err(wrong(NAME, message));
        }
        batch.rows().for_each(|(row, label)| self.add(label, largest(row)));
        Ok(())
    }

    fn add(&mut self, truth: usize, prediction: usize) {
        let place = truth * self.classes() + prediction;
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.names.len()
    }

    /// How many of class `truth` were predicted to be `prediction`; 0 for a class that is none.
    pub fn count(&self, truth: usize, prediction: usize) -> u64 {
        let row = self.rows().nth(truth).unwrap_or_default();
        row.get(prediction).copied().unwrap_or(0)
    }

    /// The names of the classes.
    pub fn class_names(&self) -> &[String] {
        &self.names
    }

    /// The rows, one for each true class.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks_exact(self.classes().max(1))
    }

    /// Number of answers.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many samples of the class there are, and how many were predicted.
    fn sums(&self, class: usize) -> (u64, u64) {
        let truth = self.rows().nth(class).unwrap_or_default().iter().sum();
        (truth, self.rows().filter_map(|row| row.get(class)).sum())
    }

    /// The counts of one class against all others.
    pub fn of_class(&self, class: usize) -> BinaryConfusion {
        let right = self.count(class, class);
        let (truth, predicted) = self.sums(class);
        BinaryConfusion {
            true_positives: right,
            false_positives: predicted - right,
            false_negatives: truth - right,
            true_negatives: (self.total() + right) - truth - predicted,
        }
    }

    fn right(&self) -> u64 {
        (0..self.classes()).map(|class| self.count(class, class)).sum()
    }

    /// The share of right answers; NaN of no answer.
    pub fn accuracy(&self) -> f64 {
        self.right() as f64 / self.total() as f64
    }

    /// A rate for each class against all others.
    pub fn per_class(&self, rate: Rate, zero_division: ZeroDivision) -> Vec<f64> {
        (0..self.classes()).map(|class| rate.of(&self.of_class(class), zero_division)).collect()
    }

    /// A rate over all classes, averaged.
    pub fn rate(&self, rate: Rate, average: Average, zero_division: ZeroDivision) -> f64 {
        let classes: Vec<BinaryConfusion> = (0..self.classes()).map(|class| self.of_class(class)).collect();
        average.of(&classes, rate, zero_division)
    }

    /// The mean over the classes of `TP / (TP + FP + FN)`, leaving out classes that neither the truth nor a prediction
    /// has: Keras' `MeanIoU`, for segmentation.
    pub fn mean_iou(&self) -> f64 {
        self.rate(Rate::Iou, Average::Macro, ZeroDivision::Nan)
    }

    /// Cohen's kappa: by how much the share of right answers is above that of chance, 1 at best. NaN where chance is
    /// always right.
    pub fn cohen_kappa(&self) -> f64 {
        let total = self.total() as f64;
        let (agreed, by_chance) = (self.accuracy(), self.chance() / (total * total));
        (agreed - by_chance) / (1.0 - by_chance)
    }

    /// `Σ truth · predicted` over the classes.
    fn chance(&self) -> f64 {
        let product = |(truth, predicted): (u64, u64)| truth as f64 * predicted as f64;
        (0..self.classes()).map(|class| product(self.sums(class))).sum()
    }

    /// Matthews' correlation coefficient between truth and prediction, in [−1, 1] (Gorodkin 2004 for several classes);
    /// 0 where one of them is constant, as in scikit-learn.
    pub fn matthews(&self) -> f64 {
        let total = self.total() as f64;
        let square = |pick: fn((u64, u64)) -> u64| -> f64 {
            (0..self.classes()).map(|class| (pick(self.sums(class)) as f64).powi(2)).sum()
        };
        let covariance = self.right() as f64 * total - self.chance();
        let spread = (total * total - square(|sums| sums.0)) * (total * total - square(|sums| sums.1));
        if spread == 0.0 { 0.0 } else { covariance / spread.sqrt() }
    }
}

impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.names.iter().map(|name| (name.as_str(), Align::Right));
        let mut table = Table::new(std::iter::once(("truth", Align::Left)).chain(columns));
        for (name, row) in self.names.iter().zip(self.rows()) {
            table
                .row(std::iter::once(name.clone()).chain(row.iter().map(u64::to_string)).collect::<Vec<_>>());
        }
        table.fmt(f)
    }
}
