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

    /// Divides the samples at random into `folds` parts that differ by at most one in size, and gives for each the
    /// pair (all other samples, the part). Every sample is in exactly one part. Each pair is copied when it is asked
    /// for.
    ///
    /// ```
    /// let data = anygrad_data::digits::load()?.take(103);
    /// let sizes: Vec<usize> = data.folds(5, 1)?.map(|(_, held_out)| held_out.len()).collect();
    /// assert_eq!(sizes, [21, 21, 21, 20, 20]);
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Folds`] if `folds` is less than 2 or more than the samples.
    pub fn folds(&self, folds: usize, seed: u64) -> Result<impl Iterator<Item = (Self, Self)> + '_> {
        let len = self.len();
        if folds < 2 || folds > len {
            return Err(DataError::Folds { folds, len });
        }
        let order = permutation(len, seed, SPLIT);
        // the first len % folds parts hold one more
        let start = move |fold: usize| fold * (len / folds) + fold.min(len % folds);
        Ok((0..folds).map(move |fold| {
            let (begin, end) = (start(fold), start(fold + 1));
            let others = [&order[..begin], &order[end..]].concat();
            (self.gather(&others), self.gather(&order[begin..end]))
        }))
    }
}

/// `fraction` of `len`, rounded to the nearest.
fn share(len: usize, fraction: f64) -> Result<usize> {
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
