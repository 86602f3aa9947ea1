use crate::{DataError, Dataset, Result};

/// What the numbers of a sample share their scale with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Number of columns: numbers in a sample, or channels.
    pub(super) count: usize,
    /// Numbers of a sample in one column: 1, or height · width.
    pub(super) width: usize,
}

impl Columns {
    /// Every number of a sample for itself.
    pub(super) fn features(data: &Dataset) -> Self {
        Self { count: data.input_shape().iter().product(), width: 1 }
    }

    /// The first axis of a sample, `[channels, ..]`.
    pub(super) fn channels(data: &Dataset) -> Self {
        let size: usize = data.input_shape().iter().product();
        // the data set has checked that its shape has a size
        let count = data.input_shape().first().copied().unwrap_or(1);
        Self { count, width: size / count.max(1) }
    }

    /// The numbers of column `column` of all samples.
    pub(super) fn values<'a>(self, data: &'a Dataset, column: usize) -> impl Iterator<Item = f32> + 'a {
        data.rows().flat_map(move |row| row[column * self.width..][..self.width].iter().copied())
    }

    /// The inputs of `data`, each number as `change(column, number)` makes it.
    pub(super) fn map(self, data: &Dataset, change: impl Fn(usize, f32) -> f32) -> Result<Dataset> {
        let inputs = data.rows().flat_map(|row| {
            row.iter().enumerate().map(|(position, &value)| change(position / self.width, value))
        });
        Dataset::new(inputs.collect(), data.input_shape(), data.targets().clone())
    }
}

/// Fails if there is no sample to fit to.
pub(super) fn check_samples(call: &'static str, data: &Dataset) -> Result<()> {
    if data.is_empty() {
        return Err(DataError::needs(call, "one sample at least", "none"));
    }
    Ok(())
}

/// Fails if what was fitted to `fitted` columns meets a data set of others.
pub(super) fn check_fitted(call: &'static str, fitted: usize, found: usize, data: &Dataset) -> Result<()> {
    if fitted == found {
        return Ok(());
    }
    let wanted = format!("samples of {fitted} numbers or channels, which it was fitted to");
    Err(DataError::needs(call, wanted, format!("{found}, in samples of shape {:?}", data.input_shape())))
}
