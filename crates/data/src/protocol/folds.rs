use crate::shuffle::{Random, SPLIT, permutation};
use crate::{DataError, Dataset, Result};

/// (the others, the part held out), for each part of `order`, which falls into parts that differ by at most one in size.
fn parts(data: &Dataset, order: Vec<usize>, folds: usize) -> impl Iterator<Item = (Dataset, Dataset)> + '_ {
    let len = order.len();
    // the first len % folds parts hold one more
    let start = move |fold: usize| fold * (len / folds) + fold.min(len % folds);
    (0..folds).map(move |fold| {
        let (begin, end) = (start(fold), start(fold + 1));
        let others = [&order[..begin], &order[end..]].concat();
        (data.gather(&others), data.gather(&order[begin..end]))
    })
}

/// A seed for the repetition `number` of what `seed` names; the first repeats what was without repetition.
fn repeated_seed(seed: u64, number: usize) -> u64 {
    if number == 0 { seed } else { Random::new(seed, SPLIT - 3).bits(number as u64) }
}

impl Dataset {
    /// Divides the samples at random into `folds` parts that differ by at most one in size, and gives for each the
    /// pair (all other samples, the part). Every sample is in exactly one part. Each pair is copied when it is asked
    /// for. To train and judge on each, see [`cross_validate`](crate::protocol::cross_validate).
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
        self.check_folds(folds)?;
        Ok(parts(self, permutation(self.len(), seed, SPLIT), folds))
    }

    /// As [`Dataset::folds`], and each class is spread evenly: the parts differ by at most one in its samples, as in
    /// scikit-learn's `StratifiedKFold`. A class of fewer samples than folds is missing from some parts.
    ///
    /// ```
    /// let digits = anygrad_data::digits::load()?;
    /// for (_, held_out) in digits.stratified_folds(10, 1)? {
    ///     // 178 zeros
    ///     assert!((17..=18).contains(&held_out.class_counts().unwrap_or_default()[0]));
    /// }
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Folds`] as [`Dataset::folds`], [`DataError::NotClasses`] if the targets are values.
    pub fn stratified_folds(
        &self,
        folds: usize,
        seed: u64,
    ) -> Result<impl Iterator<Item = (Self, Self)> + '_> {
        self.check_folds(folds)?;
        let Some(labels) = self.targets().labels() else {
            return Err(DataError::NotClasses { call: "stratified_folds" });
        };
        // sorted by class and dealt like cards: of each class, and of all, the folds get equally many but for one
        let mut dealt = permutation(self.len(), seed, SPLIT);
        dealt.sort_by_key(|&index| labels[index]);
        let mut fold_of = vec![0; self.len()];
        for (card, &index) in dealt.iter().enumerate() {
            fold_of[index] = card % folds;
        }
        let order = permutation(self.len(), seed, SPLIT - 4);
        Ok((0..folds).map(move |fold| {
            let (held_out, others): (Vec<usize>, Vec<usize>) =
                order.iter().partition(|&&index| fold_of[index] == fold);
            (self.gather(&others), self.gather(&held_out))
        }))
    }

    /// [`Dataset::folds`] `repeats` times, each time in another random order: repeats · folds pairs.
    ///
    /// ```
    /// let data = anygrad_data::digits::load()?.take(10);
    /// assert_eq!(data.repeated_folds(5, 3, 1)?.count(), 15);
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::folds`].
    pub fn repeated_folds(
        &self,
        folds: usize,
        repeats: usize,
        seed: u64,
    ) -> Result<impl Iterator<Item = (Self, Self)> + '_> {
        self.check_folds(folds)?;
        Ok((0..repeats).flat_map(move |number| {
            let order = permutation(self.len(), repeated_seed(seed, number), SPLIT);
            parts(self, order, folds)
        }))
    }

    /// [`Dataset::stratified_folds`] `repeats` times, each time in another random order.
    ///
    /// # Errors
    /// As [`Dataset::stratified_folds`].
    pub fn repeated_stratified_folds(
        &self,
        folds: usize,
        repeats: usize,
        seed: u64,
    ) -> Result<impl Iterator<Item = (Self, Self)> + '_> {
        let all: Result<Vec<_>> =
            (0..repeats).map(|number| self.stratified_folds(folds, repeated_seed(seed, number))).collect();
        Ok(all?.into_iter().flatten())
    }

    /// Each sample held out once, in their order, with all others beside it.
    ///
    /// ```
    /// let data = anygrad_data::digits::load()?.take(4);
    /// assert!(data.leave_one_out()?.all(|(others, one)| (others.len(), one.len()) == (3, 1)));
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Folds`] if there are fewer than 2 samples.
    pub fn leave_one_out(&self) -> Result<impl Iterator<Item = (Self, Self)> + '_> {
        self.check_folds(self.len())?;
        Ok(parts(self, (0..self.len()).collect(), self.len()))
    }

    fn check_folds(&self, folds: usize) -> Result<()> {
        let len = self.len();
        if folds < 2 || folds > len { Err(DataError::Folds { folds, len }) } else { Ok(()) }
    }
}
