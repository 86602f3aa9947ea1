//! Data sets from iterators, from sources and from one another.

use crate::source::Collector;
use crate::{DataError, Dataset, Result, Sample, Source, TargetKind, Targets};

impl Dataset {
    /// A data set of the samples that an iterator gives.
    ///
    /// ```
    /// use anygrad_data::{Dataset, Sample, Target, TargetKind};
    /// let samples = (0..4).map(|i| Ok(Sample { input: vec![i as f32], target: Target::Class(i % 2) }));
    /// let data = Dataset::from_samples([1], TargetKind::Classes(2), samples)?;
    /// assert_eq!((data.len(), data.inputs()), (4, &[0.0, 1.0, 2.0, 3.0][..]));
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// The first error the iterator gives; [`DataError::Length`], [`DataError::LabelRange`] or [`DataError::Needs`] for
    /// a sample of another shape, class or kind of target.
    pub fn from_samples(
        input_shape: impl Into<Vec<usize>>,
        targets: TargetKind,
        samples: impl IntoIterator<Item = Result<Sample>>,
    ) -> Result<Self> {
        let mut collector = Collector::new(input_shape.into(), targets)?;
        for sample in samples {
            collector.push(sample?)?;
        }
        collector.into_dataset()
    }

    /// All samples of `source`, in memory.
    ///
    /// # Errors
    /// As [`Dataset::from_samples`].
    pub fn from_source(source: &dyn Source) -> Result<Self> {
        let samples = (0..source.len()).map(|index| source.sample(index));
        Self::from_samples(source.input_shape(), source.target_kind(), samples)
    }

    /// The samples of all `parts`, one part after the other.
    ///
    /// ```
    /// let digits = anygrad_data::digits::load()?;
    /// let both = anygrad_data::Dataset::concat(&[&digits.take(10), &digits.skip(1790)])?;
    /// assert_eq!(both.len(), 17);
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Needs`] if there is no part, or two parts differ in the shape of their inputs or in their targets.
    pub fn concat(parts: &[&Self]) -> Result<Self> {
        const CALL: &str = "Dataset::concat";
        let Some(first) = parts.first() else {
            return Err(DataError::needs(CALL, "one data set at least", "none"));
        };
        let (mut inputs, shape, mut targets) = (*first).clone().into_parts();
        for (number, part) in parts.iter().enumerate().skip(1) {
            let fits = match (&mut targets, part.targets()) {
                (Targets::Classes { labels, classes }, Targets::Classes { labels: more, classes: other }) => {
                    labels.extend(more);
                    classes == other
                }
                (Targets::Values { values, shape }, Targets::Values { values: more, shape: other }) => {
                    values.extend(more);
                    shape == other
                }
                _ => false,
            };
            if !fits || part.input_shape() != shape {
                let kind = |data: &Self| {
                    format!("samples of shape {:?} with {:?}", data.input_shape(), data.target_kind())
                };
                let wanted = format!("{}, as in part 0", kind(first));
                return Err(DataError::needs(CALL, wanted, format!("{} in part {number}", kind(part))));
            }
            inputs.extend(part.inputs());
        }
        Self::new(inputs, shape, targets)
    }

    /// The same samples with each input as `map` makes it, of shape `shape`.
    ///
    /// ```
    /// use anygrad_data::Dataset;
    /// // the feature x² + y² makes a ring linearly separable
    /// let data = Dataset::classes(vec![3.0, 4.0], [2], vec![0], 2)?;
    /// let more = data.map_inputs([3], |p| vec![p[0], p[1], p[0] * p[0] + p[1] * p[1]])?;
    /// assert_eq!(more.inputs(), [3.0, 4.0, 25.0]);
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::SampleShape`] or [`DataError::Length`] if what `map` gives is not of shape `shape`.
    pub fn map_inputs(&self, shape: impl Into<Vec<usize>>, map: impl Fn(&[f32]) -> Vec<f32>) -> Result<Self> {
        let (shape, mut inputs) = (shape.into(), Vec::new());
        let size = crate::targets::check_length("inputs", 0, &shape, 0)?;
        for row in self.rows() {
            let mapped = map(row);
            if mapped.len() != size {
                let (samples, wanted, found) = (1, size, mapped.len());
                return Err(DataError::Length { what: "inputs", samples, shape, wanted, found });
            }
            inputs.extend(mapped);
        }
        Self::new(inputs, shape, self.targets().clone())
    }

    /// The samples for which `keep` is true, in their order; it gets the number and the input of each.
    pub fn filter(&self, mut keep: impl FnMut(usize, &[f32]) -> bool) -> Self {
        let kept: Vec<usize> = self
            .rows()
            .enumerate()
            .filter(|(index, row)| keep(*index, row))
            .map(|(index, _)| index)
            .collect();
        self.gather(&kept)
    }

    /// The inputs one by one.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.inputs().chunks_exact(self.input_shape().iter().product::<usize>().max(1))
    }
}
