use crate::{DataError, Result};

/// What a model is to say about each sample of a data set.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// One class a sample.
    Classes {
        /// A label in `0..classes` for each sample.
        labels: Vec<u32>,
        /// Number of classes.
        classes: usize,
    },
    /// Numbers for each sample.
    Values {
        /// The numbers of all samples, one sample after the other.
        values: Vec<f32>,
        /// The shape of one sample's numbers; `[]` is one number a sample.
        shape: Vec<usize>,
    },
}

impl Targets {
    /// Number of samples: labels, or values / product of the shape (0 if the shape has no size).
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { labels, .. } => labels.len(),
            Self::Values { values, shape } => {
                checked_size(shape).and_then(|size| values.len().checked_div(size)).unwrap_or(0)
            }
        }
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels, if these are classes.
    pub fn labels(&self) -> Option<&[u32]> {
        match self {
            Self::Classes { labels, .. } => Some(labels),
            Self::Values { .. } => None,
        }
    }

    /// Checks every label against the number of classes, or the number of values against the shape.
    ///
    /// # Errors
    /// [`DataError::ClassCount`], [`DataError::LabelRange`], [`DataError::SampleShape`] or [`DataError::Length`].
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            &Self::Classes { classes, .. } if u32::try_from(classes).is_err() => {
                Err(DataError::ClassCount { classes })
            }
            &Self::Classes { ref labels, classes } => {
                match labels.iter().position(|&label| label as usize >= classes) {
                    Some(position) => {
                        Err(DataError::LabelRange { position, label: labels[position], classes })
                    }
                    None => Ok(()),
                }
            }
            Self::Values { values, shape } => {
                check_length("targets", values.len(), shape, self.len())?;
                Ok(())
            }
        }
    }

    /// The targets of the samples that `indices` name, in that order. The indices are in range: the caller checks.
    pub(crate) fn gather(&self, indices: &[usize]) -> Self {
        match self {
            Self::Classes { labels, classes } => {
                Self::Classes { labels: indices.iter().map(|&i| labels[i]).collect(), classes: *classes }
            }
            Self::Values { values, shape } => Self::Values {
                values: gather_rows(values, shape.iter().product(), indices),
                shape: shape.clone(),
            },
        }
    }
}

/// The targets of one batch.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchTargets {
    /// One class a sample.
    Classes {
        /// A label in `0..classes` for each of the b samples.
        labels: Vec<u32>,
        /// Number of classes.
        classes: usize,
    },
    /// Numbers for each sample.
    Values {
        /// The numbers of all samples, one sample after the other.
        values: Vec<f32>,
        /// The shape `[b, ..]` of the whole batch.
        shape: Vec<usize>,
    },
}

impl BatchTargets {
    /// The labels, if these are classes.
    pub fn labels(&self) -> Option<&[u32]> {
        match self {
            Self::Classes { labels, .. } => Some(labels),
            Self::Values { .. } => None,
        }
    }

    pub(crate) fn new(targets: Targets, samples: usize) -> Self {
        match targets {
            Targets::Classes { labels, classes } => Self::Classes { labels, classes },
            Targets::Values { values, shape } => Self::Values { values, shape: batch_shape(samples, &shape) },
        }
    }
}

/// `[samples, ..shape]`.
pub(crate) fn batch_shape(samples: usize, shape: &[usize]) -> Vec<usize> {
    std::iter::once(samples).chain(shape.iter().copied()).collect()
}

/// The product of the sizes; `None` if it overflows.
pub(crate) fn checked_size(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |size, &axis| size.checked_mul(axis))
}

/// Checks that `found` numbers are `samples` samples of `shape`, and returns the size of one.
pub(crate) fn check_length(
    what: &'static str,
    found: usize,
    shape: &[usize],
    samples: usize,
) -> Result<usize> {
    let no_size = || DataError::SampleShape { what, shape: shape.to_vec() };
    let size = checked_size(shape).filter(|&size| size > 0).ok_or_else(no_size)?;
    let wanted = size.checked_mul(samples).ok_or_else(no_size)?;
    if wanted == found {
        Ok(size)
    } else {
        Err(DataError::Length { what, samples, shape: shape.to_vec(), wanted, found })
    }
}

/// The rows of `size` numbers that `indices` name, one after the other.
pub(crate) fn gather_rows(values: &[f32], size: usize, indices: &[usize]) -> Vec<f32> {
    let mut rows = Vec::with_capacity(indices.len() * size);
    for &index in indices {
        rows.extend_from_slice(&values[index * size..][..size]);
    }
    rows
}
