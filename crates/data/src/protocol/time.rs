use super::split::share;
use crate::{DataError, Dataset, Result};

impl Dataset {
    /// Divides the samples by their `times`: the earliest `fraction` of them is trained on, everything later is the
    /// test set. Samples of one time stay together, in the training set where the border falls among them; so every
    /// test time is later than every training time. Both are in order of time.
    ///
    /// ```
    /// let digits = anygrad_data::digits::load()?.take(10);
    /// let times: Vec<f64> = (0..10).rev().map(f64::from).collect();
    /// let (past, future) = digits.split_by_time(&times, 0.8)?;
    /// assert_eq!((past.len(), future.len()), (8, 2));
    /// assert_eq!(future.input(1), digits.input(0));
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Fraction`] if `fraction` is not from 0 to 1; [`DataError::Needs`] if there is not one time for each
    /// sample, or one is NaN.
    pub fn split_by_time(&self, times: &[f64], fraction: f64) -> Result<(Self, Self)> {
        const CALL: &str = "split_by_time";
        let count = share(self.len(), fraction)?;
        if times.len() != self.len() {
            let wanted = format!("one time for each of the {} samples", self.len());
            return Err(DataError::needs(CALL, wanted, times.len().to_string()));
        }
        if let Some(index) = times.iter().position(|time| time.is_nan()) {
            return Err(DataError::needs(
                CALL,
                "times that can be compared",
                format!("NaN at position {index}"),
            ));
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|&a, &b| times[a].total_cmp(&times[b]));
        let last = count.checked_sub(1).and_then(|last| order.get(last)).map(|&index| times[index]);
        let border = last.map_or(0, |last| order.partition_point(|&index| times[index] <= last));
        let (first, second) = order.split_at(border);
        Ok((self.gather(first), self.gather(second)))
    }

    /// Folds of a time series whose samples are in order of time: fold i trains on everything before its part and is
    /// judged on the part, as scikit-learn's `TimeSeriesSplit`. The parts are n / (folds + 1) samples at the end, and
    /// nothing later than a part is ever trained on.
    ///
    /// ```
    /// let data = anygrad_data::digits::load()?.take(10);
    /// let sizes: Vec<_> = data.time_folds(3)?.map(|(past, next)| (past.len(), next.len())).collect();
    /// assert_eq!(sizes, [(4, 2), (6, 2), (8, 2)]);
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Folds`] if `folds` is less than 2, or there are not more samples than folds.
    pub fn time_folds(&self, folds: usize) -> Result<impl Iterator<Item = (Self, Self)> + '_> {
        let len = self.len();
        if folds < 2 || folds >= len {
            return Err(DataError::Folds { folds, len });
        }
        let part = len / (folds + 1);
        Ok((0..folds).map(move |fold| {
            let begin = len - (folds - fold) * part;
            (self.take(begin), self.skip(begin).take(part))
        }))
    }
}

/// Checks that no test sample is from a time before the last training sample: else the model would be judged on the
/// past, which it may have learnt from the future.
///
/// ```
/// use anygrad_data::protocol::check_time_order;
/// assert!(check_time_order(&[1.0, 2.0], &[3.0, 4.0]).is_ok());
/// let error = check_time_order(&[1.0, 3.0], &[2.0, 4.0]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "check_time_order needs test times of 3 or later, the last training time, found 2 at position 0"
/// );
/// ```
///
/// # Errors
/// [`DataError::Needs`] names the first test time that comes before the last training time, or is NaN.
pub fn check_time_order(train_times: &[f64], test_times: &[f64]) -> Result<()> {
    const CALL: &str = "check_time_order";
    if let Some(index) = train_times.iter().position(|time| time.is_nan()) {
        let found = format!("NaN at position {index} of the training times");
        return Err(DataError::needs(CALL, "times that can be compared", found));
    }
    let last = train_times.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match test_times.iter().position(|&time| time.is_nan() || time < last) {
        Some(index) => {
            let wanted = format!("test times of {last} or later, the last training time");
            Err(DataError::needs(CALL, wanted, format!("{} at position {index}", test_times[index])))
        }
        None => Ok(()),
    }
}
