use super::columns::{Columns, check_fitted, check_samples};
use super::saved;
use crate::{DataError, Dataset, Result};

/// What stands in for a missing value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strategy {
    /// The mean of the feature.
    Mean,
    /// The median of the feature: the mean of the two middle values where there is an even number.
    Median,
    /// The value that is most frequent, the least of those that are equally so.
    MostFrequent,
    /// This number.
    Constant(f32),
}

/// Replaces missing values, which are NaN, by numbers found in the training set: scikit-learn's `SimpleImputer`.
///
/// ```
/// use anygrad_data::{Dataset, prepare::{Imputer, Strategy}};
/// let data = Dataset::classes(vec![1.0, f32::NAN, 3.0, 8.0], [2], vec![0, 1], 2)?;
/// let imputer = Imputer::fit(&data, Strategy::Mean)?;
/// assert_eq!(imputer.apply(&data)?.inputs(), [1.0, 8.0, 3.0, 8.0]);
/// // a column that tells where a value was missing, for each feature that had such in training
/// let marked = imputer.with_indicator().apply(&data)?;
/// assert_eq!(marked.inputs(), [1.0, 8.0, 1.0, 3.0, 8.0, 0.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Imputer {
    /// What stands in, for each feature.
    pub fill: Vec<f32>,
    /// The features that had missing values in training, in order.
    pub missing: Vec<usize>,
    /// Whether a number of 0 or 1 is added to each sample for each of `missing`.
    pub indicator: bool,
}

const NAME: &str = "Imputer";

impl Imputer {
    /// Finds what stands in for each feature.
    ///
    /// # Errors
    /// [`DataError::Needs`] if there is no sample, or a feature has no value at all.
    pub fn fit(train: &Dataset, strategy: Strategy) -> Result<Self> {
        check_samples(NAME, train)?;
        let columns = Columns::features(train);
        let (mut fill, mut missing) = (Vec::with_capacity(columns.count), Vec::new());
        for column in 0..columns.count {
            let mut present: Vec<f32> = columns.values(train, column).filter(|x| !x.is_nan()).collect();
            if present.len() < train.len() {
                missing.push(column);
            }
            present.sort_by(f32::total_cmp);
            let Some(value) = stand_in(&present, strategy) else {
                let found = format!("none for feature {column}");
                return Err(DataError::needs(NAME, "one value of each feature at least", found));
            };
            fill.push(value);
        }
        Ok(Self { fill, missing, indicator: false })
    }

    /// Also adds, behind the features of each sample, one number for each feature that had missing values in training: 1
    /// where it is missing, 0 where not. The samples become flat.
    pub fn with_indicator(self) -> Self {
        Self { indicator: true, ..self }
    }

    /// The samples of `data` with every missing value replaced.
    ///
    /// # Errors
    /// [`DataError::Needs`] if it was fitted to samples of another size.
    pub fn apply(&self, data: &Dataset) -> Result<Dataset> {
        let columns = Columns::features(data);
        check_fitted(NAME, self.fill.len(), columns.count, data)?;
        let filled = |row: &[f32]| -> Vec<f32> {
            row.iter().zip(&self.fill).map(|(&x, &fill)| if x.is_nan() { fill } else { x }).collect()
        };
        if !self.indicator {
            return data.map_inputs(data.input_shape(), filled);
        }
        data.map_inputs([columns.count.saturating_add(self.missing.len())], |row| {
            let marks =
                self.missing.iter().map(|&column| f32::from(row.get(column).is_some_and(|x| x.is_nan())));
            filled(row).into_iter().chain(marks).collect()
        })
    }

    /// Where values are missing: one answer for each number of the inputs.
    pub fn mask(data: &Dataset) -> Vec<bool> {
        data.inputs().iter().map(|x| x.is_nan()).collect()
    }

    /// The numbers as text.
    pub fn to_text(&self) -> String {
        saved::line("imputer indicator", &[self.indicator])
            + &saved::line("fill", &self.fill)
            + &saved::line("missing", &self.missing)
    }

    /// What [`Imputer::to_text`] has written.
    ///
    /// # Errors
    /// [`DataError::Format`] or [`DataError::Line`] for other text.
    pub fn from_text(text: &str) -> Result<Self> {
        let (fill, missing) = (saved::values(text, NAME, "fill")?, saved::values(text, NAME, "missing")?);
        Ok(Self { fill, missing, indicator: saved::value(text, NAME, "imputer indicator")? })
    }
}

/// What stands in for a missing value among `sorted` ones; `None` if there is none to go by.
fn stand_in(sorted: &[f32], strategy: Strategy) -> Option<f32> {
    let middle = sorted.len() / 2;
    match strategy {
        Strategy::Constant(value) => Some(value),
        Strategy::Mean => {
            let sum: f64 = sorted.iter().map(|&x| f64::from(x)).sum();
            (!sorted.is_empty()).then(|| (sum / sorted.len() as f64) as f32)
        }
        Strategy::Median if sorted.len() % 2 == 1 => sorted.get(middle).copied(),
        Strategy::Median => {
            let (low, high) = (sorted.get(middle.checked_sub(1)?)?, sorted.get(middle)?);
            Some(((f64::from(*low) + f64::from(*high)) / 2.0) as f32)
        }
        Strategy::MostFrequent => {
            let runs = sorted.chunk_by(|a, b| a == b);
            let longest = runs.fold(None, |best: Option<&[f32]>, run| match best {
                Some(best) if best.len() >= run.len() => Some(best),
                _ => Some(run),
            });
            longest.and_then(|run| run.first()).copied()
        }
    }
}
