//! Metrics of numbers.

use anygrad_data::BatchTargets;

use super::inputs::{Numbers, no_nan, paired, wrong};
use super::{Metric, count_of, foreign_state};
use crate::{Prediction, Result};

/// A running mean of a function of prediction and target.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn of(name: &str, predictions: &[f32], targets: &[f32], error: fn(f64) -> f64) -> Result<f64> {
        paired(name, predictions.len(), targets.len())?;
        no_nan(name, predictions)?;
        let mut mean = Self::default();
        for (&prediction, &target) in predictions.iter().zip(targets) {
            mean.add(error(f64::from(prediction) - f64::from(target)));
        }
        Ok(mean.value())
    }

    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn value(self) -> f64 {
        self.sum / self.count as f64
    }
}

fn square(d: f64) -> f64 {
    d * d
}

/// The mean of `|prediction − target|`: scikit-learn's `mean_absolute_error`.
///
/// ```
/// assert_eq!(anygrad_train::metrics::mean_absolute_error(&[2.5, 0.0], &[3.0, -0.5])?, 0.5);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// The lists differ in length or are empty; a prediction is NaN.
pub fn mean_absolute_error(predictions: &[f32], targets: &[f32]) -> Result<f64> {
    Mean::of("mean_absolute_error", predictions, targets, f64::abs)
}

/// The mean of `(prediction − target)²`: scikit-learn's `mean_squared_error`.
///
/// ```
/// assert_eq!(anygrad_train::metrics::mean_squared_error(&[0.0, 0.0], &[1.0, 3.0])?, 5.0);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// The lists differ in length or are empty; a prediction is NaN.
pub fn mean_squared_error(predictions: &[f32], targets: &[f32]) -> Result<f64> {
    Mean::of("mean_squared_error", predictions, targets, square)
}

/// The root of the mean of `(prediction − target)²`: scikit-learn's `root_mean_squared_error` of one output.
///
/// ```
/// assert_eq!(anygrad_train::metrics::root_mean_squared_error(&[0.0, 0.0], &[1.0, 7.0])?, 5.0);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// The lists differ in length or are empty; a prediction is NaN.
pub fn root_mean_squared_error(predictions: &[f32], targets: &[f32]) -> Result<f64> {
    Ok(Mean::of("root_mean_squared_error", predictions, targets, square)?.sqrt())
}

/// The coefficient of determination, `R² = 1 − Σ (t − p)² / Σ (t − t̄)²`: the share of the targets' variance that the
/// predictions explain; scikit-learn's `r2_score`. 1 is perfect, 0 is what the mean of the targets would reach.
///
/// Targets that are all equal have no variance to explain: R² is 1 if they are met exactly, and 0 otherwise. Of fewer
/// than two samples it is NaN.
///
/// ```
/// let r2 = anygrad_train::metrics::r2_score(&[2.5, 0.0, 2.0, 8.0], &[3.0, -0.5, 2.0, 7.0])?;
/// assert!((r2 - 0.948608137).abs() < 1e-9);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// The lists differ in length or are empty; a prediction is NaN.
pub fn r2_score(predictions: &[f32], targets: &[f32]) -> Result<f64> {
    paired("r2", predictions.len(), targets.len())?;
    no_nan("r2", predictions)?;
    let mut sums = Variance::default();
    for (&prediction, &target) in predictions.iter().zip(targets) {
        sums.add(f64::from(prediction), f64::from(target));
    }
    Ok(sums.r2())
}

macro_rules! mean_error {
    ($(#[$doc:meta])* $metric:ident $name:literal $error:expr, $finish:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $metric {
            mean: Mean,
        }

        impl $metric {
            /// The error of no sample yet.
            pub fn new() -> Self {
                Self::default()
            }
        }

        impl Metric for $metric {
            fn name(&self) -> &str {
                $name
            }

            fn reset(&mut self) {
                self.mean = Mean::default();
            }

            fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
                let batch = Numbers::new($name, predictions, targets)?;
                batch.pairs().for_each(|(p, t)| self.mean.add($error(p - t)));
                Ok(())
            }

            fn value(&self) -> f64 {
                $finish(self.mean.value())
            }

            fn state(&self) -> Option<Vec<f64>> {
                Some(vec![self.mean.sum, self.mean.count as f64])
            }

            fn restore(&mut self, state: &[f64]) -> Result<()> {
                let mean = match *state {
                    [sum, count] => count_of(count).map(|count| Mean { sum, count }),
                    _ => None,
                };
                self.mean = mean.ok_or_else(|| foreign_state(self.name(), state))?;
                Ok(())
            }
        }
    };
}

mean_error! {
    /// The mean absolute error over all elements, `mae`; see [`mean_absolute_error`].
    MeanAbsoluteError "mae" f64::abs, std::convert::identity
}

mean_error! {
    /// The mean squared error over all elements, `mse`; see [`mean_squared_error`].
    ///
    /// ```
    /// use anygrad_data::BatchTargets;
    /// use anygrad_train::Prediction;
    /// use anygrad_train::metrics::{MeanSquaredError, Metric};
    /// let mut metric = MeanSquaredError::new();
    /// for (guess, target) in [(0.0, 1.0), (0.0, 3.0)] {
    ///     let targets = BatchTargets::Values { values: vec![target], shape: vec![1, 1] };
    ///     metric.update(&Prediction { values: vec![guess], shape: vec![1, 1] }, &targets)?;
    /// }
    /// assert_eq!((metric.name(), metric.value()), ("mse", 5.0));
    /// # Ok::<(), anygrad_train::TrainError>(())
    /// ```
    MeanSquaredError "mse" square, std::convert::identity
}

mean_error! {
    /// The root of the mean squared error over all elements, `rmse`, as Keras' `RootMeanSquaredError`; with several
    /// outputs it is the root over all of them, not the mean of a root each.
    RootMeanSquaredError "rmse" square, f64::sqrt
}

/// The sums behind R² of one output, by Welford's method: large targets lose no digits.
#[derive(Clone, Copy, Debug, Default)]
struct Variance {
    count: u64,
    mean: f64,
    /// Σ (t − t̄)².
    total: f64,
    /// Σ (t − p)².
    residual: f64,
}

impl Variance {
    fn add(&mut self, prediction: f64, target: f64) {
        self.count += 1;
        let d = target - self.mean;
        self.mean += d / self.count as f64;
        self.total += d * (target - self.mean);
        self.residual += square(target - prediction);
    }

    fn r2(self) -> f64 {
        match (self.count, self.total == 0.0, self.residual == 0.0) {
            (0 | 1, ..) => f64::NAN,
            (_, true, exact) => f64::from(u8::from(exact)),
            _ => 1.0 - self.residual / self.total,
        }
    }
}

/// The coefficient of determination, `r2`; see [`r2_score`]. With several outputs a sample it is the mean of theirs.
///
/// ```
/// use anygrad_data::BatchTargets;
/// use anygrad_train::Prediction;
/// use anygrad_train::metrics::{Metric, R2Score};
/// let mut metric = R2Score::new();
/// let targets = BatchTargets::Values { values: vec![1.0, 2.0, 3.0], shape: vec![3, 1] };
/// metric.update(&Prediction { values: vec![2.0, 2.0, 2.0], shape: vec![3, 1] }, &targets)?;
/// assert_eq!(metric.value(), 0.0);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct R2Score {
    outputs: Vec<Variance>,
}

impl R2Score {
    /// R² of no sample yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Metric for R2Score {
    fn name(&self) -> &str {
        "r2"
    }

    fn reset(&mut self) {
        self.outputs.clear();
    }

    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        let batch = Numbers::new("r2", predictions, targets)?;
        if self.outputs.is_empty() {
            self.outputs.resize(batch.outputs, Variance::default());
        }
        if self.outputs.len() != batch.outputs {
            let message = format!("{} outputs a sample after {}", batch.outputs, self.outputs.len());
            return Err(wrong("r2", message));
        }
        let size = batch.outputs.max(1);
        let rows = batch.predictions.chunks_exact(size).zip(batch.targets.chunks_exact(size));
        for (predictions, targets) in rows {
            for ((output, &prediction), &target) in self.outputs.iter_mut().zip(predictions).zip(targets) {
                output.add(f64::from(prediction), f64::from(target));
            }
        }
        Ok(())
    }

    fn value(&self) -> f64 {
        self.outputs.iter().map(|output| output.r2()).sum::<f64>() / self.outputs.len() as f64
    }

    fn state(&self) -> Option<Vec<f64>> {
        let numbers = |output: &Variance| [output.count as f64, output.mean, output.total, output.residual];
        Some(self.outputs.iter().flat_map(numbers).collect())
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let (outputs, rest) = state.as_chunks::<4>();
        let output = |&[count, mean, total, residual]: &[f64; 4]| {
            Some(Variance { count: count_of(count)?, mean, total, residual })
        };
        let outputs = outputs.iter().map(output).collect::<Option<_>>().filter(|_| rest.is_empty());
        self.outputs = outputs.ok_or_else(|| foreign_state("r2", state))?;
        Ok(())
    }
}
