use std::sync::Arc;

use crate::targets::{batch_shape, checked_size};
use crate::{Batch, BatchTargets, DataError, Dataset, Result, Targets};

/// One sample: an input, and what a model is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The input's numbers, the last axis running fastest.
    pub input: Vec<f32>,
    /// The target.
    pub target: Target,
}

/// What a model is to say about one sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A class, from 0.
    Class(u32),
    /// Numbers.
    Values(Vec<f32>),
}

/// Which targets the samples of a source have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// One of so many classes.
    Classes(usize),
    /// Numbers of this shape; `[]` is one number a sample.
    Values(Vec<usize>),
}

/// Samples by number, wherever they come from: a [`Dataset`] in memory, files that are read when they are asked for, or
/// numbers that are computed. A [`Loader`](crate::Loader) makes batches of it, from several threads at once.
///
/// ```
/// use anygrad_data::{DataError, Sample, Source, Target, TargetKind};
///
/// /// A billion samples that are never in memory together.
/// struct Squares;
/// impl Source for Squares {
///     fn len(&self) -> usize { 1_000_000_000 }
///     fn input_shape(&self) -> Vec<usize> { vec![1] }
///     fn target_kind(&self) -> TargetKind { TargetKind::Values(vec![]) }
///     fn sample(&self, index: usize) -> Result<Sample, DataError> {
///         let x = index as f32 / 1e9;
///         Ok(Sample { input: vec![x], target: Target::Values(vec![x * x]) })
///     }
/// }
/// assert_eq!(Squares.sample(500_000_000)?.target, Target::Values(vec![0.25]));
/// # Ok::<(), DataError>(())
/// ```
pub trait Source: Send + Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of one sample's input.
    fn input_shape(&self) -> Vec<usize>;

    /// Which targets the samples have.
    fn target_kind(&self) -> TargetKind;

    /// Sample `index`; the same for the same index, whenever and from whichever thread it is asked for.
    ///
    /// # Errors
    /// Whatever keeps the source from giving it; [`DataError::Custom`] takes an error of any kind.
    fn sample(&self, index: usize) -> Result<Sample>;
}

impl<S: Source + ?Sized> Source for Arc<S> {
    fn len(&self) -> usize {
        (**self).len()
    }
    fn input_shape(&self) -> Vec<usize> {
        (**self).input_shape()
    }
    fn target_kind(&self) -> TargetKind {
        (**self).target_kind()
    }
    fn sample(&self, index: usize) -> Result<Sample> {
        (**self).sample(index)
    }
}

impl Source for Dataset {
    fn len(&self) -> usize {
        Dataset::len(self)
    }

    fn input_shape(&self) -> Vec<usize> {
        Dataset::input_shape(self).to_vec()
    }

    fn target_kind(&self) -> TargetKind {
        match self.targets() {
            Targets::Classes { classes, .. } => TargetKind::Classes(*classes),
            Targets::Values { shape, .. } => TargetKind::Values(shape.clone()),
        }
    }

    fn sample(&self, index: usize) -> Result<Sample> {
        let (input, shape, targets) = self.subset(&[index])?.into_parts();
        debug_assert_eq!(input.len(), shape.iter().product::<usize>());
        let target = match targets {
            Targets::Classes { labels, .. } => Target::Class(labels.first().copied().unwrap_or(0)),
            Targets::Values { values, .. } => Target::Values(values),
        };
        Ok(Sample { input, target })
    }
}

/// Samples that a function makes from their number.
///
/// ```
/// use anygrad_data::{Generated, Sample, Source, Target, TargetKind};
/// let even = Generated::new(10, [1], TargetKind::Classes(2), |index| {
///     Ok(Sample { input: vec![index as f32], target: Target::Class(index as u32 % 2) })
/// });
/// assert_eq!(even.sample(3)?.target, Target::Class(1));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
pub struct Generated<F> {
    len: usize,
    input_shape: Vec<usize>,
    target_kind: TargetKind,
    make: F,
}

impl<F: Fn(usize) -> Result<Sample> + Send + Sync> Generated<F> {
    /// `len` samples of inputs of `input_shape`; sample i is `make(i)`.
    pub fn new(len: usize, input_shape: impl Into<Vec<usize>>, target_kind: TargetKind, make: F) -> Self {
        Self { len, input_shape: input_shape.into(), target_kind, make }
    }
}

impl<F: Fn(usize) -> Result<Sample> + Send + Sync> Source for Generated<F> {
    fn len(&self) -> usize {
        self.len
    }
    fn input_shape(&self) -> Vec<usize> {
        self.input_shape.clone()
    }
    fn target_kind(&self) -> TargetKind {
        self.target_kind.clone()
    }
    fn sample(&self, index: usize) -> Result<Sample> {
        (self.make)(index)
    }
}

/// The samples of several sources, one source after the other.
pub struct Concatenated {
    parts: Vec<Arc<dyn Source>>,
}

impl Concatenated {
    /// The samples of all `parts`.
    ///
    /// # Errors
    /// [`DataError::Needs`] if there is no part, or two parts differ in the shape of their inputs or in their targets.
    pub fn new(parts: Vec<Arc<dyn Source>>) -> Result<Self> {
        const CALL: &str = "Concatenated::new";
        let Some(first) = parts.first() else {
            return Err(DataError::needs(CALL, "one source at least", "none"));
        };
        let (shape, kind) = (first.input_shape(), first.target_kind());
        for (number, part) in parts.iter().enumerate() {
            if part.input_shape() != shape || part.target_kind() != kind {
                let wanted = format!("samples of shape {shape:?} with {kind:?}, as in source 0");
                let found = format!(
                    "shape {:?} with {:?} in source {number}",
                    part.input_shape(),
                    part.target_kind()
                );
                return Err(DataError::needs(CALL, wanted, found));
            }
        }
        if parts.iter().try_fold(0usize, |sum, part| sum.checked_add(part.len())).is_none() {
            return Err(DataError::needs(CALL, "fewer samples than can be counted", "more"));
        }
        Ok(Self { parts })
    }
}

impl Source for Concatenated {
    fn len(&self) -> usize {
        self.parts.iter().map(Source::len).sum()
    }
    fn input_shape(&self) -> Vec<usize> {
        self.parts.first().map(Source::input_shape).unwrap_or_default()
    }
    fn target_kind(&self) -> TargetKind {
        self.parts.first().map_or(TargetKind::Classes(0), Source::target_kind)
    }
    fn sample(&self, index: usize) -> Result<Sample> {
        let mut rest = index;
        for part in &self.parts {
            match rest.checked_sub(part.len()) {
                None => return part.sample(rest),
                Some(left) => rest = left,
            }
        }
        Err(DataError::IndexRange { position: 0, index, len: self.len() })
    }
}

/// A source whose samples go through a function when they are asked for.
///
/// ```
/// use anygrad_data::{Dataset, Mapped, Sample, Source};
/// let data = Dataset::classes(vec![1.0, 2.0], [1], vec![0, 1], 2)?;
/// let squares = Mapped::new(data, [1], |sample, _| {
///     Ok(Sample { input: sample.input.iter().map(|x| x * x).collect(), ..sample })
/// });
/// assert_eq!(squares.sample(1)?.input, [4.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
pub struct Mapped<S, F> {
    source: S,
    input_shape: Vec<usize>,
    map: F,
}

impl<S: Source, F: Fn(Sample, usize) -> Result<Sample> + Send + Sync> Mapped<S, F> {
    /// The samples of `source`, each as `map(sample, index)`, whose inputs are of `input_shape`.
    pub fn new(source: S, input_shape: impl Into<Vec<usize>>, map: F) -> Self {
        Self { source, input_shape: input_shape.into(), map }
    }
}

impl<S: Source, F: Fn(Sample, usize) -> Result<Sample> + Send + Sync> Source for Mapped<S, F> {
    fn len(&self) -> usize {
        self.source.len()
    }
    fn input_shape(&self) -> Vec<usize> {
        self.input_shape.clone()
    }
    fn target_kind(&self) -> TargetKind {
        self.source.target_kind()
    }
    fn sample(&self, index: usize) -> Result<Sample> {
        (self.map)(self.source.sample(index)?, index)
    }
}

/// Samples that come one after the other, put together: the inputs, and the targets of one kind.
pub(crate) struct Collector {
    input_shape: Vec<usize>,
    size: usize,
    kind: TargetKind,
    target_size: usize,
    inputs: Vec<f32>,
    labels: Vec<u32>,
    values: Vec<f32>,
    samples: usize,
}

impl Collector {
    pub(crate) fn new(input_shape: Vec<usize>, kind: TargetKind) -> Result<Self> {
        let size_of = |what, shape: &[usize]| {
            checked_size(shape)
                .filter(|&size| size > 0)
                .ok_or_else(|| DataError::SampleShape { what, shape: shape.to_vec() })
        };
        let size = size_of("inputs", &input_shape)?;
        let target_size = match &kind {
            TargetKind::Classes(_) => 1,
            TargetKind::Values(shape) => size_of("targets", shape)?,
        };
        let (inputs, labels, values) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { input_shape, size, kind, target_size, inputs, labels, values, samples: 0 })
    }

    pub(crate) fn push(&mut self, sample: Sample) -> Result<()> {
        let position = self.samples;
        let length = |what, shape: &[usize], wanted, found| DataError::Length {
            what,
            samples: 1,
            shape: shape.to_vec(),
            wanted,
            found,
        };
        if sample.input.len() != self.size {
            return Err(length("inputs", &self.input_shape, self.size, sample.input.len()));
        }
        match (&self.kind, sample.target) {
            (&TargetKind::Classes(classes), Target::Class(label)) => {
                if label as usize >= classes {
                    return Err(DataError::LabelRange { position, label, classes });
                }
                self.labels.push(label);
            }
            (TargetKind::Values(shape), Target::Values(values)) => {
                if values.len() != self.target_size {
                    return Err(length("targets", shape, self.target_size, values.len()));
                }
                self.values.extend(values);
            }
            (kind, target) => {
                let found = format!("{target:?} at position {position}");
                return Err(DataError::needs(
                    "a set of samples",
                    format!("targets of one kind, {kind:?}"),
                    found,
                ));
            }
        }
        self.inputs.extend(sample.input);
        self.samples += 1;
        Ok(())
    }

    pub(crate) fn into_batch(self) -> Batch {
        let targets = match self.kind {
            TargetKind::Classes(classes) => BatchTargets::Classes { labels: self.labels, classes },
            TargetKind::Values(shape) => {
                BatchTargets::Values { values: self.values, shape: batch_shape(self.samples, &shape) }
            }
        };
        Batch { inputs: self.inputs, input_shape: batch_shape(self.samples, &self.input_shape), targets }
    }

    pub(crate) fn into_dataset(self) -> Result<Dataset> {
        let targets = match self.kind {
            TargetKind::Classes(classes) => Targets::Classes { labels: self.labels, classes },
            TargetKind::Values(shape) => Targets::Values { values: self.values, shape },
        };
        Dataset::new(self.inputs, self.input_shape, targets)
    }
}
