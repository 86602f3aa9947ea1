use super::columns::{Columns, check_fitted, check_samples};
use super::saved;
use crate::{Dataset, Result};

/// Brings each feature, or each channel, to mean 0 and standard deviation 1: (x − mean) / deviation.
///
/// The deviation is √(Σ (x − mean)² / n). A feature that is the same in all samples is only moved: its deviation counts
/// as 1. All of it as scikit-learn's `StandardScaler`, which also leaves out missing values (NaN) when it is fitted, and
/// leaves them in when it is applied.
///
/// ```
/// use anygrad_data::{Dataset, prepare::Standardizer};
/// let data = Dataset::classes(vec![1.0, 7.0, 3.0, 7.0], [2], vec![0, 1], 2)?;
/// let scaler = Standardizer::fit(&data)?;
/// assert_eq!((&scaler.mean[..], &scaler.deviation[..]), (&[2.0, 7.0][..], &[1.0, 1.0][..]));
/// assert_eq!(scaler.apply(&data)?.inputs(), [-1.0, 0.0, 1.0, 0.0]);
/// assert_eq!(scaler.inverse(&scaler.apply(&data)?)?, data);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standardizer {
    /// The mean of each feature or channel; NaN where all values were missing.
    pub mean: Vec<f64>,
    /// The standard deviation of each; 1 where it is 0.
    pub deviation: Vec<f64>,
    /// Whether a number is shared by a channel, the first axis of a sample, or belongs to one feature.
    pub per_channel: bool,
}

const NAME: &str = "Standardizer";

impl Standardizer {
    /// Mean and deviation of every number of a sample, over the samples of the training set.
    ///
    /// # Errors
    /// [`DataError::Needs`](crate::DataError::Needs) if there is no sample.
    pub fn fit(train: &Dataset) -> Result<Self> {
        Self::fit_columns(train, Columns::features(train), false)
    }

    /// Mean and deviation of every channel, over the samples and pixels of the training set: for pictures
    /// `[channels, height, width]`.
    ///
    /// # Errors
    /// [`DataError::Needs`](crate::DataError::Needs) if there is no sample.
    pub fn fit_per_channel(train: &Dataset) -> Result<Self> {
        Self::fit_columns(train, Columns::channels(train), true)
    }

    fn fit_columns(train: &Dataset, columns: Columns, per_channel: bool) -> Result<Self> {
        check_samples(NAME, train)?;
        let (mean, deviation) =
            (0..columns.count).map(|column| moments(|| columns.values(train, column))).unzip();
        Ok(Self { mean, deviation, per_channel })
    }

    /// The samples of `data` with (x − mean) / deviation for x.
    ///
    /// # Errors
    /// [`DataError::Needs`](crate::DataError::Needs) if it was fitted to samples of another size.
    pub fn apply(&self, data: &Dataset) -> Result<Dataset> {
        let columns = self.columns(data)?;
        columns.map(data, |column, x| ((f64::from(x) - self.mean[column]) / self.deviation[column]) as f32)
    }

    /// The samples of `data` with x · deviation + mean for x: back in the units of the user.
    ///
    /// # Errors
    /// As [`Standardizer::apply`].
    pub fn inverse(&self, data: &Dataset) -> Result<Dataset> {
        let columns = self.columns(data)?;
        columns.map(data, |column, x| (f64::from(x) * self.deviation[column] + self.mean[column]) as f32)
    }

    fn columns(&self, data: &Dataset) -> Result<Columns> {
        let columns = if self.per_channel { Columns::channels(data) } else { Columns::features(data) };
        check_fitted(NAME, self.mean.len().min(self.deviation.len()), columns.count, data)?;
        Ok(columns)
    }

    /// The numbers as text.
    pub fn to_text(&self) -> String {
        saved::line("standardizer per channel", &[self.per_channel])
            + &saved::line("mean", &self.mean)
            + &saved::line("deviation", &self.deviation)
    }

    /// What [`Standardizer::to_text`] has written.
    ///
    /// # Errors
    /// [`DataError::Format`](crate::DataError::Format) or [`DataError::Line`](crate::DataError::Line) for other text.
    pub fn from_text(text: &str) -> Result<Self> {
        let per_channel = saved::value(text, NAME, "standardizer per channel")?;
        let (mean, deviation) = (saved::values(text, NAME, "mean")?, saved::values(text, NAME, "deviation")?);
        saved::check_pair(NAME, ["mean", "deviation"], [mean.len(), deviation.len()])?;
        Ok(Self { mean, deviation, per_channel })
    }
}

/// Mean and deviation of the values that are not NaN; a deviation of 0 is 1. Sums of equal
/// 32-bit numbers are exact in 64 bits, so that a constant feature has a deviation of 0 indeed.
pub(super) fn moments<I: Iterator<Item = f32>>(values: impl Fn() -> I) -> (f64, f64) {
    let present = || values().filter(|x| !x.is_nan()).map(f64::from);
    let n = present().count() as f64;
    let mean = present().sum::<f64>() / n;
    let variance = present().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
}
