use crate::shuffle::{Random, SPLIT, permutation};
use crate::{DataError, Dataset, Result};

impl Dataset {
    /// Divides the samples at random into two sets without a common sample; the first holds `fraction` of them,
    /// rounded to the nearest number. Both are in random order, and the same `seed` gives the same sets everywhere.
    ///
    /// ```
    /// let (train, test) = anygrad_data::digits::load()?.split(0.98, 1)?;
    /// assert_eq!((train.len(), test.len()), (1761, 36));
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Fraction`] if `fraction` is not from 0 to 1.
    pub fn split(&self, fraction: f64, seed: u64) -> Result<(Self, Self)> {
        let count = share(self.len(), fraction)?;
        let order = permutation(self.len(), seed, SPLIT);
        let (first, second) = order.split_at(count);
        Ok((self.gather(first), self.gather(second)))
    }

    /// As [`Dataset::split`], and every class is divided in the same proportion: its share in the first set is
    /// within one sample of `fraction` of it, and the first set holds as many as [`Dataset::split`] gives.
    ///
    /// # Errors
    /// [`DataError::Fraction`] if `fraction` is not from 0 to 1, [`DataError::NotClasses`] if the targets are values.
    pub fn stratified(&self, fraction: f64, seed: u64) -> Result<(Self, Self)> {
        let total = share(self.len(), fraction)?;
        let (Some(labels), Some(counts)) = (self.targets().labels(), self.class_counts()) else {
            return Err(DataError::NotClasses { call: "stratified" });
        };
        let mut room = apportion(&counts, fraction, total);
        // one random order over all classes, so that neither set is sorted by class
        let (mut first, mut second) = (Vec::with_capacity(total), Vec::with_capacity(self.len() - total));
        for index in permutation(self.len(), seed, SPLIT) {
            let left = &mut room[labels[index] as usize];
            if *left > 0 {
                *left -= 1;
                first.push(index);
            } else {
                second.push(index);
            }
        }
        // of each class the first set took the earliest, so its tail would be poor in classes that filled early
        Random::new(seed, SPLIT - 1).shuffle(&mut first);
        Random::new(seed, SPLIT - 2).shuffle(&mut second);
        Ok((self.gather(&first), self.gather(&second)))
    }

    /// Divides the samples at random into as many sets as there are `shares`, without a common sample: training,
    /// validation and test set in one call. The shares sum to 1; each set ends at its rounded place, so that together
    /// they hold every sample once. All are drawn from one random order: they have the same distribution.
    ///
    /// ```
    /// let parts = anygrad_data::digits::load()?.splits(&[0.8, 0.1, 0.1], 1)?;
    /// assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [1438, 179, 180]);
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Fraction`] if a share is not from 0 to 1, [`DataError::Setting`] if they do not sum to 1.
    pub fn splits(&self, shares: &[f64], seed: u64) -> Result<Vec<Self>> {
        let (mut sum, mut ends) = (0.0, Vec::with_capacity(shares.len()));
        for &part in shares {
            share(self.len(), part)?;
            sum += part;
            ends.push(share(self.len(), f64::min(sum, 1.0))?);
        }
        if (sum - 1.0).abs() > 1e-9 {
            return Err(DataError::setting(
                "splits",
                "shares",
                format!("{shares:?}"),
                "numbers that sum to 1",
            ));
        }
        let order = permutation(self.len(), seed, SPLIT);
        let begins = std::iter::once(0).chain(ends.iter().copied());
        // shares that sum to 1 but for rounding end at the last sample
        let last = ends.len().saturating_sub(1);
        let end = |part: usize, end: usize| if part == last { self.len() } else { end };
        let ranges = begins.zip(ends.iter().enumerate());
        Ok(ranges.map(|(begin, (part, &stop))| self.gather(&order[begin..end(part, stop)])).collect())
    }

    /// Divides samples of two sources, where the model is to serve only one, the target: all others go to the training
    /// set, and of the target's `dev` and `test` are the shares held out for those sets, the rest is trained on. Never
    /// mix the sources first: the dev set names the goal, and it must be the target alone.
    ///
    /// `is_target` tells for each sample whether it is of the target's source. Gives (training, dev, test).
    ///
    /// ```
    /// let digits = anygrad_data::digits::load()?.take(1000);
    /// let is_target: Vec<bool> = (0..1000).map(|i| i < 200).collect();
    /// let (train, dev, test) = digits.split_with_target(&is_target, 0.25, 0.25, 1)?;
    /// assert_eq!((train.len(), dev.len(), test.len()), (900, 50, 50));
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Fraction`] if a share, or their sum, is not from 0 to 1; [`DataError::Needs`] if `is_target` is not as
    /// long as the data set.
    pub fn split_with_target(
        &self,
        is_target: &[bool],
        dev: f64,
        test: f64,
        seed: u64,
    ) -> Result<(Self, Self, Self)> {
        if is_target.len() != self.len() {
            let wanted = format!("one answer for each of the {} samples", self.len());
            return Err(DataError::needs("split_with_target", wanted, is_target.len().to_string()));
        }
        let (targets, mut train): (Vec<usize>, Vec<usize>) =
            permutation(self.len(), seed, SPLIT).into_iter().partition(|&index| is_target[index]);
        share(0, dev + test)?;
        let dev = share(targets.len(), dev)?;
        let test = share(targets.len(), test)?.min(targets.len() - dev);
        let (held_out, trained_on) = targets.split_at(dev + test);
        train.extend(trained_on);
        Random::new(seed, SPLIT - 1).shuffle(&mut train);
        Ok((self.gather(&train), self.gather(&held_out[..dev]), self.gather(&held_out[dev..])))
    }
}

/// `fraction` of `len`, rounded to the nearest.
pub(crate) fn share(len: usize, fraction: f64) -> Result<usize> {
    // also refuses NaN
    if (0.0..=1.0).contains(&fraction) {
        Ok(((len as f64 * fraction).round() as usize).min(len))
    } else {
        Err(DataError::Fraction { fraction })
    }
}

/// Numbers near `fraction` of each count that sum to `total`: all are rounded down, and those that lost most get one
/// back (largest remainders; the lower class first where they tie).
fn apportion(counts: &[usize], fraction: f64, total: usize) -> Vec<usize> {
    let mut shares: Vec<usize> = counts.iter().map(|&n| (n as f64 * fraction).floor() as usize).collect();
    let lost = |class: usize| counts[class] as f64 * fraction - (counts[class] as f64 * fraction).floor();
    let mut by_loss: Vec<usize> = (0..counts.len()).collect();
    by_loss.sort_by(|&a, &b| lost(b).total_cmp(&lost(a)));
    let missing = total.saturating_sub(shares.iter().sum());
    for class in by_loss.into_iter().filter(|&class| counts[class] > 0).take(missing) {
        shares[class] = (shares[class] + 1).min(counts[class]);
    }
    shares
}
