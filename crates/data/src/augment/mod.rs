//! Random changes of images, so that a model sees each of them in many forms: a list of transforms, and mixtures of
//! the samples of a batch.
//!
//! Images are `[channels, height, width]` with values from 0 to 1. Every random number is a function of (seed, epoch,
//! number of the sample), so that an image meets other changes in each epoch, and the same ones in each run, with any
//! number of threads. Names and formulas are torchvision's.
//!
//! ```
//! use anygrad_data::augment::{Augment, RandomCrop, RandomHorizontalFlip};
//! use anygrad_data::{Loader, LoaderSettings, digits};
//!
//! let augment = Augment::new().then(RandomHorizontalFlip::default()).then(RandomCrop::new(8, 8).padding(1));
//! let loader = Loader::new(digits::load()?, LoaderSettings::default())?.augment(augment);
//! for batch in loader.epoch(0).take(2) {
//!     assert_eq!(batch?.input_shape, [32, 1, 8, 8]);
//! }
//! # Ok::<(), anygrad_data::DataError>(())
//! ```

mod color;
mod crop;
mod flip;
mod image;
mod mix;
mod noise;
mod resize;
mod warp;

pub use self::image::Image;
pub use color::{ColorJitter, Grayscale, Normalize};
pub use crop::{CenterCrop, RandomCrop, RandomResizedCrop};
pub use flip::{RandomHorizontalFlip, RandomVerticalFlip};
pub use mix::{CutMix, MixUp};
pub use noise::{Cutout, GaussianNoise, RandomErasing};
pub use resize::{Interpolation, Resize};
pub use warp::{RandomAffine, RandomRotation};

use crate::{Batch, Dataset, Draws, Result};
use mix::Mix;

/// A change of one image.
///
/// ```
/// use anygrad_data::augment::{Augment, Image, Transform};
/// use anygrad_data::{DataError, Draws};
///
/// struct Invert;
/// impl Transform for Invert {
///     fn apply(&self, image: Image, _: &mut Draws) -> Result<Image, DataError> {
///         Ok(image.map(|value| 1.0 - value))
///     }
/// }
/// let image = Image::new(1, 1, 2, vec![0.0, 0.75])?;
/// assert_eq!(Invert.apply(image, &mut Draws::new(0, 0, 0))?.pixels(), [1.0, 0.25]);
/// let augment = Augment::new().then(Invert);
/// # Ok::<(), DataError>(())
/// ```
pub trait Transform: Send + Sync {
    /// The changed image. Random numbers come from `draws`, and from nowhere else.
    ///
    /// # Errors
    /// [`DataError::Setting`](crate::DataError::Setting) for a setting that cannot be used on this image.
    fn apply(&self, image: Image, draws: &mut Draws) -> Result<Image>;
}

/// A list of transforms, applied one after the other, and at most one mixture after them.
#[derive(Default)]
pub struct Augment {
    transforms: Vec<Box<dyn Transform>>,
    mix: Option<Mix>,
}

impl Augment {
    /// No change at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies `transform` after those before.
    pub fn then(mut self, transform: impl Transform + 'static) -> Self {
        self.transforms.push(Box::new(transform));
        self
    }

    /// Mixes the samples of each batch by [`MixUp`] or [`CutMix`], after the transforms; the targets become values.
    pub fn mix(mut self, mix: impl Into<Mix>) -> Self {
        self.mix = Some(mix.into());
        self
    }

    /// Applies the transforms and the mixture to all samples of `data`, as epoch `epoch` would see them.
    ///
    /// ```
    /// use anygrad_data::augment::{Augment, RandomRotation};
    /// let digits = anygrad_data::digits::load()?.take(20);
    /// let turned = Augment::new().then(RandomRotation::new(15.0)).dataset(&digits, 1, 0)?;
    /// // twice the samples, for a data set that is too small
    /// let both = anygrad_data::Dataset::concat(&[&digits, &turned])?;
    /// assert_eq!(both.len(), 40);
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Transform::apply`]; [`DataError::Needs`](crate::DataError::Needs) if samples are no images, or come out in
    /// different shapes.
    pub fn dataset(&self, data: &Dataset, seed: u64, epoch: u64) -> Result<Dataset> {
        if data.is_empty() {
            return Ok(data.clone());
        }
        let (mut inputs, mut shape) = (Vec::new(), data.input_shape().to_vec());
        for (index, row) in data.rows().enumerate() {
            let (input, changed) =
                self.sample(row.to_vec(), data.input_shape(), seed, epoch, index as u64)?;
            if index > 0 && changed != shape {
                let (wanted, found) = (format!("images of one shape, {shape:?}"), format!("{changed:?}"));
                return Err(crate::DataError::needs("Augment::dataset", wanted, found));
            }
            inputs.extend(input);
            shape = changed;
        }
        let changed = Dataset::new(inputs, shape, data.targets().clone())?;
        let indices: Vec<usize> = (0..data.len()).collect();
        match changed.batches(data.len())?.into_iter().next() {
            Some(batch) if self.mix.is_some() => self.mix_batch(batch, seed, epoch, &indices)?.into_dataset(),
            _ => Ok(changed),
        }
    }

    /// The transforms, on one sample.
    pub(crate) fn sample(
        &self,
        input: Vec<f32>,
        shape: &[usize],
        seed: u64,
        epoch: u64,
        index: u64,
    ) -> Result<(Vec<f32>, Vec<usize>)> {
        if self.transforms.is_empty() {
            return Ok((input, shape.to_vec()));
        }
        let &[channels, height, width] = shape else {
            let found = format!("samples of shape {shape:?}");
            return Err(crate::DataError::needs("Augment", "images [channels, height, width]", found));
        };
        let mut draws = Draws::new(seed, epoch, index);
        let mut image = Image::new(channels, height, width, input)?;
        for transform in &self.transforms {
            image = transform.apply(image, &mut draws)?;
        }
        let shape = vec![image.channels(), image.height(), image.width()];
        Ok((image.into_pixels(), shape))
    }

    /// The mixture, on the samples `indices` of one batch.
    pub(crate) fn mix_batch(&self, batch: Batch, seed: u64, epoch: u64, indices: &[usize]) -> Result<Batch> {
        match &self.mix {
            Some(mix) => mix.apply(batch, seed, epoch, indices),
            None => Ok(batch),
        }
    }
}
