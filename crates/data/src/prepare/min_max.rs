use super::columns::{Columns, check_fitted, check_samples};
use super::saved;
use crate::{DataError, Dataset, Result};

/// Brings each feature to a range: low + (x − min) · (high − low) / (max − min).
///
/// A feature that is the same in all samples becomes `low`: max − min counts as 1. As scikit-learn's `MinMaxScaler`;
/// values of other sets beyond min and max land beyond the range. Missing values (NaN) are left out when it is fitted
/// and stay when it is applied.
///
/// ```
/// use anygrad_data::{Dataset, prepare::MinMaxScaler};
/// let data = Dataset::classes(vec![1.0, 2.0, 5.0], [1], vec![0, 1, 1], 2)?;
/// let scaler = MinMaxScaler::fit(&data, (-1.0, 1.0))?;
/// assert_eq!(scaler.apply(&data)?.inputs(), [-1.0, -0.5, 1.0]);
/// assert_eq!(scaler.inverse(&scaler.apply(&data)?)?, data);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MinMaxScaler {
    /// The least value of each feature; NaN where all values were missing.
    pub min: Vec<f64>,
    /// The greatest value of each feature.
    pub max: Vec<f64>,
    /// What the least and the greatest value become.
    pub range: (f64, f64),
}

const NAME: &str = "MinMaxScaler";

impl MinMaxScaler {
    /// Least and greatest value of every number of a sample, over the samples of the training set.
    ///
    /// # Errors
    /// [`DataError::Setting`] if the range is not finite and rising, [`DataError::Needs`] if there is no sample.
    pub fn fit(train: &Dataset, range: (f64, f64)) -> Result<Self> {
        if !(range.0 < range.1 && range.0.is_finite() && range.1.is_finite()) {
            let value = format!("({}, {})", range.0, range.1);
            return Err(DataError::setting(NAME, "range", value, "two finite numbers, the lower first"));
        }
        check_samples(NAME, train)?;
        let columns = Columns::features(train);
        let fold = |column, pick: fn(f64, f64) -> f64| {
            // f64::min and f64::max take the other number where one is NaN
            columns.values(train, column).map(f64::from).fold(f64::NAN, pick)
        };
        let ends = |pick| (0..columns.count).map(|column| fold(column, pick)).collect();
        Ok(Self { min: ends(f64::min), max: ends(f64::max), range })
    }

    /// The samples of `data` in the range.
    ///
    /// # Errors
    /// [`DataError::Needs`] if it was fitted to samples of another size.
    pub fn apply(&self, data: &Dataset) -> Result<Dataset> {
        let (columns, (low, high)) = (self.columns(data)?, self.range);
        columns.map(data, |column, x| {
            (low + (f64::from(x) - self.min[column]) * (high - low) / self.width(column)) as f32
        })
    }

    /// The samples of `data` back in the units of the user.
    ///
    /// # Errors
    /// As [`MinMaxScaler::apply`].
    pub fn inverse(&self, data: &Dataset) -> Result<Dataset> {
        let (columns, (low, high)) = (self.columns(data)?, self.range);
        columns.map(data, |column, x| {
            (self.min[column] + (f64::from(x) - low) * self.width(column) / (high - low)) as f32
        })
    }

    fn width(&self, column: usize) -> f64 {
        match self.max[column] - self.min[column] {
            0.0 => 1.0,
            width => width,
        }
    }

    fn columns(&self, data: &Dataset) -> Result<Columns> {
        let columns = Columns::features(data);
        check_fitted(NAME, self.min.len().min(self.max.len()), columns.count, data)?;
        Ok(columns)
    }

    /// The numbers as text.
    pub fn to_text(&self) -> String {
        saved::line("range", &[self.range.0, self.range.1])
            + &saved::line("min", &self.min)
            + &saved::line("max", &self.max)
    }

    /// What [`MinMaxScaler::to_text`] has written.
    ///
    /// # Errors
    /// [`DataError::Format`] or [`DataError::Line`] for other text.
    pub fn from_text(text: &str) -> Result<Self> {
        let range: Vec<f64> = saved::values(text, NAME, "range")?;
        let &[low, high] = range.as_slice() else {
            return Err(DataError::format(NAME, "two numbers for range", range.len().to_string()));
        };
        let (min, max) = (saved::values(text, NAME, "min")?, saved::values(text, NAME, "max")?);
        saved::check_pair(NAME, ["min", "max"], [min.len(), max.len()])?;
        Ok(Self { min, max, range: (low, high) })
    }
}
