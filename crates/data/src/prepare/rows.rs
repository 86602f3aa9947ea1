use crate::{DataError, Dataset, Result};

/// How long a row of numbers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// The sum of the absolute values.
    L1,
    /// The root of the sum of the squares.
    L2,
    /// The greatest absolute value.
    Max,
}

/// Each sample divided by its norm, so that its length is 1; a sample of zeros stays as it is. As scikit-learn's
/// `Normalizer`: nothing is fitted.
///
/// ```
/// use anygrad_data::{Dataset, prepare::{Norm, normalize}};
/// let data = Dataset::classes(vec![3.0, 4.0, 0.0, 0.0], [2], vec![0, 1], 2)?;
/// assert_eq!(normalize(&data, Norm::L2)?.inputs(), [0.6, 0.8, 0.0, 0.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// None: the samples keep their shape.
pub fn normalize(data: &Dataset, norm: Norm) -> Result<Dataset> {
    data.map_inputs(data.input_shape(), |row| {
        let values = row.iter().map(|&x| f64::from(x).abs());
        let length = match norm {
            Norm::L1 => values.sum::<f64>(),
            Norm::L2 => values.map(|x| x * x).sum::<f64>().sqrt(),
            Norm::Max => values.fold(0.0, f64::max),
        };
        let length = if length == 0.0 { 1.0 } else { length };
        row.iter().map(|&x| (f64::from(x) / length) as f32).collect()
    })
}

/// ln(1 + x) for each number: for amounts that span orders of magnitude. Its inverse is [`exp_m1`].
///
/// ```
/// use anygrad_data::{Dataset, prepare::{exp_m1, log1p}};
/// let data = Dataset::classes(vec![0.0, 999.0], [1], vec![0, 1], 2)?;
/// let logs = log1p(&data)?;
/// assert!((logs.inputs()[1] - 1000f32.ln()).abs() < 1e-6);
/// assert!((exp_m1(&logs)?.inputs()[1] - 999.0).abs() < 1e-3);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Needs`] names the first sample with a number that is not above −1.
pub fn log1p(data: &Dataset) -> Result<Dataset> {
    for (sample, row) in data.rows().enumerate() {
        // NaN, a missing value, stays one
        if let Some(x) = row.iter().find(|&&x| x <= -1.0) {
            let found = format!("{x} in sample {sample}");
            return Err(DataError::needs("log1p", "numbers above -1", found));
        }
    }
    data.map_inputs(data.input_shape(), |row| row.iter().map(|&x| f64::from(x).ln_1p() as f32).collect())
}

/// eˣ − 1 for each number: the inverse of [`log1p`].
///
/// # Errors
/// None: the samples keep their shape.
pub fn exp_m1(data: &Dataset) -> Result<Dataset> {
    data.map_inputs(data.input_shape(), |row| row.iter().map(|&x| f64::from(x).exp_m1() as f32).collect())
}
