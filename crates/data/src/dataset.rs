use crate::batches::Batches;
use crate::targets::{Targets, check_length, gather_rows};
use crate::{DataError, Result};

/// Samples in memory: inputs of one shape, and what a model is to say about each.
///
/// The sample axis comes first: n samples of shape `[c, h, w]` are n·c·h·w numbers, one sample after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    inputs: Vec<f32>,
    input_shape: Vec<usize>,
    targets: Targets,
}

impl Dataset {
    /// A data set of `inputs`, each sample of shape `input_shape`, with `targets`. It may hold no sample at all.
    ///
    /// # Errors
    /// A label that names no class ([`DataError::LabelRange`], with its position and value), a shape of size 0
    /// ([`DataError::SampleShape`]), or inputs and targets that are not equally many ([`DataError::Length`]).
    pub fn new(inputs: Vec<f32>, input_shape: impl Into<Vec<usize>>, targets: Targets) -> Result<Self> {
        let input_shape = input_shape.into();
        targets.check()?;
        check_length("inputs", inputs.len(), &input_shape, targets.len())?;
        Ok(Self { inputs, input_shape, targets })
    }

    /// A data set with one class a sample: `labels` in `0..classes`.
    ///
    /// ```
    /// use anygrad_data::Dataset;
    /// let data = Dataset::classes(vec![0.0, 0.5, 1.0], [1], vec![0, 1, 1], 2)?;
    /// assert_eq!(data.len(), 3);
    /// let error = Dataset::classes(vec![0.0, 0.5, 1.0], [1], vec![0, 1, 2], 2).unwrap_err();
    /// assert_eq!(error.to_string(), "label 2 at position 2 is out of range: there are 2 classes, from 0");
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::new`].
    pub fn classes(
        inputs: Vec<f32>,
        input_shape: impl Into<Vec<usize>>,
        labels: Vec<u32>,
        classes: usize,
    ) -> Result<Self> {
        Self::new(inputs, input_shape, Targets::Classes { labels, classes })
    }

    /// A data set with numbers of shape `shape` for each sample; `[]` is one number a sample.
    ///
    /// # Errors
    /// As [`Dataset::new`].
    pub fn values(
        inputs: Vec<f32>,
        input_shape: impl Into<Vec<usize>>,
        values: Vec<f32>,
        shape: impl Into<Vec<usize>>,
    ) -> Result<Self> {
        Self::new(inputs, input_shape, Targets::Values { values, shape: shape.into() })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The inputs of all samples, one sample after the other.
    pub fn inputs(&self) -> &[f32] {
        &self.inputs
    }

    /// The shape of one sample's input.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// The input of one sample, or `None` if there are not so many.
    pub fn input(&self, index: usize) -> Option<&[f32]> {
        let size: usize = self.input_shape.iter().product();
        self.inputs.chunks_exact(size.max(1)).nth(index)
    }

    /// The targets of all samples.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// How many samples each class has, or `None` if the targets are values.
    pub fn class_counts(&self) -> Option<Vec<usize>> {
        let Targets::Classes { labels, classes } = &self.targets else { return None };
        let mut counts = vec![0; *classes];
        for &label in labels {
            counts[label as usize] += 1;
        }
        Some(counts)
    }

    /// The same samples, seen in another shape of the same size: `[784]` instead of `[1, 28, 28]`.
    ///
    /// # Errors
    /// [`DataError::SampleShape`] or [`DataError::Length`] if the sizes differ.
    pub fn with_input_shape(mut self, shape: impl Into<Vec<usize>>) -> Result<Self> {
        let shape = shape.into();
        check_length("inputs", self.inputs.len(), &shape, self.len())?;
        self.input_shape = shape;
        Ok(self)
    }

    /// The same samples with each label as a vector of 0 and a single 1, of shape `[classes]`.
    ///
    /// ```
    /// use anygrad_data::{Dataset, Targets};
    /// let data = Dataset::classes(vec![0.5], [1], vec![2], 4)?.one_hot()?;
    /// assert_eq!(data.targets(), &Targets::Values { values: vec![0.0, 0.0, 1.0, 0.0], shape: vec![4] });
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::NotClasses`] if the targets are values.
    pub fn one_hot(self) -> Result<Self> {
        let Targets::Classes { labels, classes } = &self.targets else {
            return Err(DataError::NotClasses { call: "one_hot" });
        };
        let no_size = || DataError::SampleShape { what: "targets", shape: vec![*classes] };
        let size = labels.len().checked_mul(*classes).ok_or_else(no_size)?;
        let mut values = Vec::new();
        values.try_reserve_exact(size).map_err(|_| no_size())?;
        values.resize(size, 0.0);
        for (row, &label) in values.chunks_exact_mut((*classes).max(1)).zip(labels) {
            row[label as usize] = 1.0;
        }
        Self::new(self.inputs, self.input_shape, Targets::Values { values, shape: vec![*classes] })
    }

    /// The samples that `indices` name, copied in that order; an index may come more than once.
    ///
    /// # Errors
    /// [`DataError::IndexRange`] if an index names no sample.
    pub fn subset(&self, indices: &[usize]) -> Result<Self> {
        let len = self.len();
        match indices.iter().position(|&index| index >= len) {
            Some(position) => Err(DataError::IndexRange { position, index: indices[position], len }),
            None => Ok(self.gather(indices)),
        }
    }

    /// The first `count` samples, or all if there are fewer.
    pub fn take(&self, count: usize) -> Self {
        self.gather(&(0..count.min(self.len())).collect::<Vec<_>>())
    }

    /// All samples but the first `count`.
    pub fn skip(&self, count: usize) -> Self {
        self.gather(&(count.min(self.len())..self.len()).collect::<Vec<_>>())
    }

    /// Goes through the samples `batch_size` at a time, in order unless [shuffled](Batches::shuffled); the last
    /// batch holds what is left.
    ///
    /// # Errors
    /// [`DataError::BatchSize`] if `batch_size` is 0.
    pub fn batches(&self, batch_size: usize) -> Result<Batches<'_>> {
        Batches::new(self, batch_size)
    }

    /// As [`Dataset::subset`], of indices known to be in range.
    pub(crate) fn gather(&self, indices: &[usize]) -> Self {
        Self {
            inputs: gather_rows(&self.inputs, self.input_shape.iter().product(), indices),
            input_shape: self.input_shape.clone(),
            targets: self.targets.gather(indices),
        }
    }

    /// Inputs, shape of one input, targets.
    pub fn into_parts(self) -> (Vec<f32>, Vec<usize>, Targets) {
        (self.inputs, self.input_shape, self.targets)
    }
}
