use super::columns::{Columns, check_fitted, check_samples};
use super::saved;
use super::standardizer::moments;
use crate::{DataError, Dataset, Result};

/// Finds samples with a number far from the rest: |x − mean| > threshold · deviation for one of the features, with mean
/// and deviation of the training set (the z-score).
///
/// Outliers widen the deviation that they are measured with: among n samples none has a z-score above (n − 1) / √n.
///
/// ```
/// use anygrad_data::{Dataset, prepare::OutlierFilter};
/// let mut inputs: Vec<f32> = (0..99).map(|i| (i % 10) as f32).collect();
/// inputs.push(1000.0);
/// let data = Dataset::values(inputs, [1], vec![0.0; 100], [])?;
/// let filter = OutlierFilter::fit(&data, 3.0)?;
/// assert_eq!(filter.outliers(&data)?, [99]);
/// assert_eq!(filter.apply(&data)?.len(), 99);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OutlierFilter {
    /// The mean of each feature.
    pub mean: Vec<f64>,
    /// The standard deviation of each feature.
    pub deviation: Vec<f64>,
    /// How many deviations are too many.
    pub threshold: f64,
}

const NAME: &str = "OutlierFilter";

impl OutlierFilter {
    /// Mean and deviation of every number of a sample, over the samples of the training set. Missing values (NaN) are
    /// left out, and are no outliers.
    ///
    /// # Errors
    /// [`DataError::Setting`] if the threshold is not above 0, [`DataError::Needs`] if there is no sample.
    pub fn fit(train: &Dataset, threshold: f64) -> Result<Self> {
        if threshold.is_nan() || threshold <= 0.0 {
            return Err(DataError::setting(NAME, "threshold", threshold, "above 0"));
        }
        check_samples(NAME, train)?;
        let columns = Columns::features(train);
        let (mean, deviation) =
            (0..columns.count).map(|column| moments(|| columns.values(train, column))).unzip();
        Ok(Self { mean, deviation, threshold })
    }

    /// The numbers of the samples that are outliers.
    ///
    /// # Errors
    /// [`DataError::Needs`] if it was fitted to samples of another size.
    pub fn outliers(&self, data: &Dataset) -> Result<Vec<usize>> {
        let columns = Columns::features(data);
        check_fitted(NAME, self.mean.len().min(self.deviation.len()), columns.count, data)?;
        let far = |row: &[f32]| {
            let scales = self.mean.iter().zip(&self.deviation);
            row.iter()
                .zip(scales)
                .any(|(&x, (mean, deviation))| (f64::from(x) - mean).abs() > self.threshold * deviation)
        };
        Ok(data.rows().enumerate().filter(|(_, row)| far(row)).map(|(index, _)| index).collect())
    }

    /// The samples that are no outliers.
    ///
    /// # Errors
    /// As [`OutlierFilter::outliers`].
    pub fn apply(&self, data: &Dataset) -> Result<Dataset> {
        let outliers = self.outliers(data)?;
        Ok(data.filter(|index, _| outliers.binary_search(&index).is_err()))
    }

    /// The numbers as text.
    pub fn to_text(&self) -> String {
        saved::line("outlier threshold", &[self.threshold])
            + &saved::line("mean", &self.mean)
            + &saved::line("deviation", &self.deviation)
    }

    /// What [`OutlierFilter::to_text`] has written.
    ///
    /// # Errors
    /// [`DataError::Format`] or [`DataError::Line`] for other text.
    pub fn from_text(text: &str) -> Result<Self> {
        let threshold = saved::value(text, NAME, "outlier threshold")?;
        let (mean, deviation) = (saved::values(text, NAME, "mean")?, saved::values(text, NAME, "deviation")?);
        saved::check_pair(NAME, ["mean", "deviation"], [mean.len(), deviation.len()])?;
        Ok(Self { mean, deviation, threshold })
    }
}
