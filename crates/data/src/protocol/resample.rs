use crate::error::check_share;
use crate::shuffle::{CHOICE, Random};
use crate::{DataError, Dataset, Result, Targets};

impl Dataset {
    /// A weight for each class that makes all classes count alike in a loss: n / (k · nᵢ) for n samples, of which nᵢ are
    /// of class i, and k classes that have any; scikit-learn's "balanced". A class without samples has weight 0.
    ///
    /// ```
    /// use anygrad_data::Dataset;
    /// let data = Dataset::classes(vec![0.0; 4], [1], vec![0, 0, 0, 1], 2)?;
    /// assert_eq!(data.class_weights()?, [2.0 / 3.0, 2.0]);
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::NotClasses`] if the targets are values.
    pub fn class_weights(&self) -> Result<Vec<f32>> {
        let counts = self.class_counts().ok_or(DataError::NotClasses { call: "class_weights" })?;
        let present = counts.iter().filter(|&&count| count > 0).count();
        let weight = |count: usize| self.len() as f64 / (present as f64 * count as f64);
        Ok(counts.iter().map(|&count| if count > 0 { weight(count) as f32 } else { 0.0 }).collect())
    }

    /// The weight of each sample: that of its class.
    ///
    /// # Errors
    /// [`DataError::NotClasses`] if the targets are values, [`DataError::Needs`] if there is not one weight a class.
    pub fn sample_weights(&self, class_weights: &[f32]) -> Result<Vec<f32>> {
        let Targets::Classes { labels, classes } = self.targets() else {
            return Err(DataError::NotClasses { call: "sample_weights" });
        };
        if class_weights.len() != *classes {
            let wanted = format!("one weight for each of the {classes} classes");
            return Err(DataError::needs("sample_weights", wanted, class_weights.len().to_string()));
        }
        Ok(labels.iter().map(|&label| class_weights[label as usize]).collect())
    }

    /// All samples, and of each class so many again, drawn at random with replacement, that all classes are as large as
    /// the largest. In random order. Only for training sets: a copy must not be on both sides of a split.
    ///
    /// ```
    /// use anygrad_data::Dataset;
    /// let data = Dataset::classes(vec![0.0; 4], [1], vec![0, 0, 0, 1], 2)?;
    /// assert_eq!(data.oversample(1)?.class_counts(), Some(vec![3, 3]));
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::NotClasses`] if the targets are values.
    pub fn oversample(&self, seed: u64) -> Result<Self> {
        let by_class = self.by_class("oversample")?;
        let largest = by_class.iter().map(Vec::len).max().unwrap_or(0);
        let (random, mut position) = (Random::new(seed, CHOICE), 0);
        let mut chosen: Vec<usize> = Vec::new();
        for class in by_class.iter().filter(|class| !class.is_empty()) {
            chosen.extend(class);
            for _ in class.len()..largest {
                chosen.push(class[random.below(position, class.len())]);
                position += 1;
            }
        }
        Random::new(seed, CHOICE - 1).shuffle(&mut chosen);
        Ok(self.gather(&chosen))
    }

    /// Of each class as many samples as the smallest has, drawn at random; classes without samples do not count. In
    /// random order.
    ///
    /// ```
    /// use anygrad_data::Dataset;
    /// let data = Dataset::classes(vec![0.0; 4], [1], vec![0, 0, 0, 1], 2)?;
    /// assert_eq!(data.undersample(1)?.class_counts(), Some(vec![1, 1]));
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::NotClasses`] if the targets are values.
    pub fn undersample(&self, seed: u64) -> Result<Self> {
        let mut by_class = self.by_class("undersample")?;
        let smallest = by_class.iter().map(Vec::len).filter(|&len| len > 0).min().unwrap_or(0);
        let mut chosen: Vec<usize> = Vec::new();
        for (number, class) in by_class.iter_mut().enumerate() {
            Random::new(seed.wrapping_add(number as u64), CHOICE).shuffle(class);
            chosen.extend(class.iter().take(smallest));
        }
        Random::new(seed, CHOICE - 1).shuffle(&mut chosen);
        Ok(self.gather(&chosen))
    }

    /// A bootstrap sample: as many samples, drawn at random with replacement, and those that were not drawn (about 37 %),
    /// to judge on (Efron, 1979).
    ///
    /// ```
    /// let data = anygrad_data::digits::load()?;
    /// let (drawn, left) = data.bootstrap(1);
    /// assert!(drawn.len() == 1797 && (600..720).contains(&left.len()));
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    pub fn bootstrap(&self, seed: u64) -> (Self, Self) {
        let random = Random::new(seed, CHOICE - 2);
        let drawn: Vec<usize> = (0..self.len() as u64).map(|i| random.below(i, self.len())).collect();
        let mut seen = vec![false; self.len()];
        drawn.iter().for_each(|&index| seen[index] = true);
        let left: Vec<usize> = (0..self.len()).filter(|&index| !seen[index]).collect();
        (self.gather(&drawn), self.gather(&left))
    }

    /// The same samples, of which a random `fraction` (rounded) has a wrong label, each other class being equally likely:
    /// to see what wrong labels do to a model.
    ///
    /// ```
    /// let data = anygrad_data::digits::load()?.take(100);
    /// let noisy = data.with_wrong_labels(0.1, 1)?;
    /// let labels = |data: &anygrad_data::Dataset| data.targets().labels().unwrap_or_default().to_vec();
    /// assert_eq!(labels(&data).iter().zip(labels(&noisy)).filter(|(a, b)| *a != b).count(), 10);
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::NotClasses`] if the targets are values, [`DataError::Setting`] if `fraction` is not from 0 to 1 or
    /// there is only one class.
    pub fn with_wrong_labels(&self, fraction: f64, seed: u64) -> Result<Self> {
        const CALL: &str = "with_wrong_labels";
        check_share(CALL, "fraction", fraction)?;
        let Targets::Classes { labels, classes } = self.targets() else {
            return Err(DataError::NotClasses { call: CALL });
        };
        if *classes < 2 {
            return Err(DataError::setting(CALL, "the number of classes", classes, "2 at least"));
        }
        let (mut order, random) = ((0..self.len()).collect::<Vec<_>>(), Random::new(seed, CHOICE - 3));
        random.shuffle(&mut order);
        let mut labels = labels.clone();
        let count = (self.len() as f64 * fraction).round() as usize;
        for &index in order.iter().take(count) {
            let step = Random::new(seed, CHOICE - 4).below(index as u64, classes - 1) + 1;
            labels[index] = ((labels[index] as usize + step) % classes) as u32;
        }
        let targets = Targets::Classes { labels, classes: *classes };
        Self::new(self.inputs().to_vec(), self.input_shape(), targets)
    }

    /// The samples of each class, in their order.
    fn by_class(&self, call: &'static str) -> Result<Vec<Vec<usize>>> {
        let Targets::Classes { labels, classes } = self.targets() else {
            return Err(DataError::NotClasses { call });
        };
        let mut by_class = vec![Vec::new(); *classes];
        for (index, &label) in labels.iter().enumerate() {
            by_class[label as usize].push(index);
        }
        Ok(by_class)
    }
}
