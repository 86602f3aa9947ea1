use std::fmt;

use crate::{DataError, Result};

/// The error rates of one model on the parts of the data, which tell what to work on (Ng, "Machine Learning Yearning",
/// 2018): the gap between two neighbours has one cause.
///
/// ```
/// use anygrad_data::protocol::{ErrorRates, Problem};
/// let rates = ErrorRates { bayes: 0.01, train: 0.02, train_dev: Some(0.03), dev: 0.10, test: None };
/// assert_eq!(rates.largest(), Problem::Mismatch);
/// assert!(rates.to_string().contains("mismatch"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorRates {
    /// The least error possible, for which that of people stands in.
    pub bayes: f64,
    /// On what the model was trained on.
    pub train: f64,
    /// On samples of the training set's distribution that were held out of training, if there are such.
    pub train_dev: Option<f64>,
    /// On the dev (validation) set.
    pub dev: f64,
    /// On the test set, if it has been looked at.
    pub test: Option<f64>,
}

/// The cause of a gap between two error rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Training error above the least possible: a larger model, longer training, another architecture.
    AvoidableBias,
    /// Error on unseen samples of the same distribution above that of training: more data, regularisation, a smaller
    /// model.
    Variance,
    /// Error on the dev set above that on unseen training-like samples: training data that is more like the dev set.
    Mismatch,
    /// Error on the test set above that on the dev set: the dev set was tuned to, and has to be larger.
    OverfitToDev,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AvoidableBias => "avoidable bias",
            Self::Variance => "variance",
            Self::Mismatch => "mismatch",
            Self::OverfitToDev => "overfitting to the dev set",
        })
    }
}

impl ErrorRates {
    /// Each gap with its cause: train − bayes, then train-dev − train and dev − train-dev (or dev − train, as variance,
    /// where there is no train-dev set), then test − dev.
    pub fn gaps(&self) -> Vec<(Problem, f64)> {
        let mut gaps = vec![(Problem::AvoidableBias, self.train - self.bayes)];
        match self.train_dev {
            Some(train_dev) => {
                gaps.push((Problem::Variance, train_dev - self.train));
                gaps.push((Problem::Mismatch, self.dev - train_dev));
            }
            None => gaps.push((Problem::Variance, self.dev - self.train)),
        }
        gaps.extend(self.test.map(|test| (Problem::OverfitToDev, test - self.dev)));
        gaps
    }

    /// The cause of the largest gap; the first of equal ones.
    pub fn largest(&self) -> Problem {
        let first = (Problem::AvoidableBias, f64::NEG_INFINITY);
        self.gaps().into_iter().fold(first, |best, gap| if gap.1 > best.1 { gap } else { best }).0
    }
}

impl fmt::Display for ErrorRates {
    /// One line a gap, and the largest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (problem, gap) in self.gaps() {
            writeln!(f, "{problem}: {:+.2} %", 100.0 * gap)?;
        }
        write!(f, "work on: {}", self.largest())
    }
}

/// The numbers of the `count` samples of the greatest loss, the worst first: what to look at in error analysis. A loss
/// that is NaN is worst of all; of equal ones the first sample comes first.
///
/// ```
/// assert_eq!(anygrad_data::protocol::worst(&[0.1, 2.0, f32::NAN, 2.0], 3), [2, 1, 3]);
/// ```
pub fn worst(losses: &[f32], count: usize) -> Vec<usize> {
    let rank = |index: usize| if losses[index].is_nan() { f32::INFINITY } else { losses[index] };
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&a, &b| {
        losses[b].is_nan().cmp(&losses[a].is_nan()).then_with(|| rank(b).total_cmp(&rank(a)))
    });
    order.truncate(count);
    order
}

/// The samples whose prediction is not their label, as (number, label, prediction).
///
/// ```
/// let wrong = anygrad_data::protocol::misclassified(&[0, 1, 2], &[0, 2, 2])?;
/// assert_eq!(wrong, [(1, 1, 2)]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Needs`] if they are not equally many.
pub fn misclassified(labels: &[u32], predictions: &[u32]) -> Result<Vec<(usize, u32, u32)>> {
    if labels.len() != predictions.len() {
        let wanted = format!("one prediction for each of the {} labels", labels.len());
        return Err(DataError::needs("misclassified", wanted, predictions.len().to_string()));
    }
    let all = labels.iter().zip(predictions).enumerate();
    Ok(all.filter(|(_, (a, b))| a != b).map(|(index, (&a, &b))| (index, a, b)).collect())
}
