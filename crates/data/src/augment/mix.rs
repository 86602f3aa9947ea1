use crate::{Batch, BatchTargets, DataError, Draws, Result};

/// Makes each sample a mean of two of its batch: λ x + (1 − λ) x' and λ y + (1 − λ) y', with λ of Beta(alpha, alpha)
/// (Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2017). Labels become vectors of probabilities.
///
/// Each sample has its own λ and its own partner. Takes inputs of any shape.
///
/// ```
/// use anygrad_data::augment::{Augment, MixUp};
/// let digits = anygrad_data::digits::load()?.take(20);
/// let mixed = Augment::new().mix(MixUp { alpha: 0.2 }).dataset(&digits, 1, 0)?;
/// let anygrad_data::Targets::Values { shape, .. } = mixed.targets() else { unreachable!() };
/// assert_eq!(shape, &[10]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MixUp {
    /// How evenly two samples are mixed: near 0 hardly, 1 uniformly, larger ever nearer to a half; 0.2.
    pub alpha: f64,
}

/// Puts a rectangle of another sample of the batch into each image, and mixes the targets by its area (Yun et al.,
/// "CutMix: Regularization Strategy to Train Strong Classifiers", 2019). Labels become vectors of probabilities.
///
/// The rectangle has √(1 − λ) of the height and of the width, with λ of Beta(alpha, alpha), and its middle anywhere; it
/// is cut at the edge, and the targets take the share that is left.
///
/// ```
/// use anygrad_data::augment::{Augment, CutMix};
/// let digits = anygrad_data::digits::load()?.take(20);
/// let mixed = Augment::new().mix(CutMix::default()).dataset(&digits, 1, 0)?;
/// assert_eq!(mixed.input_shape(), [1, 8, 8]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CutMix {
    /// How evenly two samples are mixed; 1.
    pub alpha: f64,
}

impl Default for MixUp {
    fn default() -> Self {
        Self { alpha: 0.2 }
    }
}

impl Default for CutMix {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

/// A mixture of the samples of a batch: [`MixUp`] or [`CutMix`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Mix {
    /// Means of two samples.
    MixUp(MixUp),
    /// A rectangle of another sample.
    CutMix(CutMix),
}

impl From<MixUp> for Mix {
    fn from(mix: MixUp) -> Self {
        Self::MixUp(mix)
    }
}

impl From<CutMix> for Mix {
    fn from(mix: CutMix) -> Self {
        Self::CutMix(mix)
    }
}

impl Mix {
    pub(super) fn apply(&self, batch: Batch, seed: u64, epoch: u64, indices: &[usize]) -> Result<Batch> {
        let (call, alpha) = match self {
            Self::MixUp(mix) => ("MixUp", mix.alpha),
            Self::CutMix(mix) => ("CutMix", mix.alpha),
        };
        if !(alpha.is_finite() && alpha > 0.0) {
            return Err(DataError::setting(call, "alpha", alpha, "a finite number above 0"));
        }
        let count = batch.len();
        let Some(size) = batch.inputs.len().checked_div(count) else { return Ok(batch) };
        let area = match (self, batch.input_shape.as_slice()) {
            (Self::MixUp(_), _) => None,
            (Self::CutMix(_), &[_, _, height, width]) => Some((height, width)),
            (Self::CutMix(_), shape) => {
                let found = format!("a batch of shape {shape:?}");
                return Err(DataError::needs(call, "images [b, channels, height, width]", found));
            }
        };
        let (targets, target_size, target_shape) = values(batch.targets, count)?;
        let mut mixed = (batch.inputs.clone(), targets.clone());
        for (place, &index) in indices.iter().enumerate().take(count) {
            // far from the numbers that the transforms of this sample drew
            let mut draws = Draws::new(seed.rotate_left(32) ^ u64::from(u32::MAX), epoch, index as u64);
            let (partner, lambda) = (draws.below(count), draws.beta(alpha));
            let from = &batch.inputs[partner * size..][..size];
            let into = &mut mixed.0[place * size..][..size];
            let lambda = match area {
                None => {
                    blend(into, from, lambda);
                    lambda
                }
                Some((height, width)) => paste(into, from, height, width, lambda, &mut draws),
            };
            blend(
                &mut mixed.1[place * target_size..][..target_size],
                &targets[partner * target_size..],
                lambda,
            );
        }
        let targets = BatchTargets::Values { values: mixed.1, shape: target_shape };
        Ok(Batch { inputs: mixed.0, input_shape: batch.input_shape, targets })
    }
}

/// λ into + (1 − λ) from.
fn blend(into: &mut [f32], from: &[f32], lambda: f64) {
    for (a, &b) in into.iter_mut().zip(from) {
        *a = (lambda * f64::from(*a) + (1.0 - lambda) * f64::from(b)) as f32;
    }
}

/// Puts a rectangle of `from` into `into`; the share of `into` that is left.
fn paste(into: &mut [f32], from: &[f32], height: usize, width: usize, lambda: f64, draws: &mut Draws) -> f64 {
    let side = (1.0 - lambda).max(0.0).sqrt();
    let mut span = |size: usize| {
        let (cut, middle) = ((size as f64 * side) as usize, draws.below(size));
        (middle.saturating_sub(cut / 2), (middle + cut.div_ceil(2)).min(size))
    };
    let (rows, columns) = (span(height), span(width));
    for (plane, other) in into.chunks_exact_mut(height * width).zip(from.chunks_exact(height * width)) {
        for row in rows.0..rows.1 {
            let range = row * width + columns.0..row * width + columns.1;
            plane[range.clone()].copy_from_slice(&other[range]);
        }
    }
    let taken = (rows.1 - rows.0) * (columns.1 - columns.0);
    1.0 - taken as f64 / (height * width) as f64
}

/// Targets as numbers, the numbers of one sample, and the shape of all: labels as vectors of 0 and a single 1.
fn values(targets: BatchTargets, count: usize) -> Result<(Vec<f32>, usize, Vec<usize>)> {
    match targets {
        BatchTargets::Values { values, shape } => {
            let size = values.len().checked_div(count).unwrap_or(0);
            Ok((values, size, shape))
        }
        BatchTargets::Classes { labels, classes } => {
            let no_size = || DataError::SampleShape { what: "targets", shape: vec![classes] };
            let mut values = vec![0.0; labels.len().checked_mul(classes).ok_or_else(no_size)?];
            for (row, &label) in values.chunks_exact_mut(classes.max(1)).zip(&labels) {
                if let Some(one) = row.get_mut(label as usize) {
                    *one = 1.0;
                }
            }
            Ok((values, classes, vec![labels.len(), classes]))
        }
    }
}
