use std::fmt;

use crate::Dataset;

/// The scores of a model on several folds.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// One score a fold, in their order.
    pub scores: Vec<f64>,
}

impl Scores {
    /// The mean of the scores; NaN if there are none.
    pub fn mean(&self) -> f64 {
        self.scores.iter().sum::<f64>() / self.scores.len() as f64
    }

    /// The standard deviation of the scores around their mean, √(Σ (s − mean)² / n), as numpy's `std`.
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        (self.scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / self.scores.len() as f64)
            .sqrt()
    }
}

impl fmt::Display for Scores {
    /// "mean ± deviation over n folds".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} ± {:.4} over {} folds", self.mean(), self.deviation(), self.scores.len())
    }
}

/// Trains and judges on every fold: `score` gets (the samples to train on, those held out) and gives a number, such as
/// the accuracy on those held out. It is to make a new model each time.
///
/// ```
/// use anygrad_data::{DataError, digits, protocol::cross_validate};
/// let digits = digits::load()?.take(200);
/// // the share of the class that is most frequent in training: what any model has to beat
/// let scores = cross_validate(digits.stratified_folds(5, 1)?, |train, held_out| {
///     let counts = train.class_counts().unwrap_or_default();
///     let guess = (0..counts.len()).max_by_key(|&class| counts[class]).unwrap_or(0);
///     let right = held_out.class_counts().unwrap_or_default()[guess];
///     Ok::<_, DataError>(right as f64 / held_out.len() as f64)
/// })?;
/// assert!(scores.scores.len() == 5 && scores.mean() < 0.2);
/// # Ok::<(), DataError>(())
/// ```
///
/// # Errors
/// The first error of `score`; the folds after it are not run.
pub fn cross_validate<E>(
    folds: impl IntoIterator<Item = (Dataset, Dataset)>,
    mut score: impl FnMut(&Dataset, &Dataset) -> Result<f64, E>,
) -> Result<Scores, E> {
    let scores = folds.into_iter().map(|(train, held_out)| score(&train, &held_out));
    Ok(Scores { scores: scores.collect::<Result<_, E>>()? })
}
