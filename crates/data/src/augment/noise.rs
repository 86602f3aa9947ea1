use super::{Image, Transform};
use crate::error::{check_share, check_spread};
use crate::{DataError, Draws, Result};

/// Adds normal noise to every pixel: x + mean + sigma · n, cut to [0, 1] unless [`clip`](Self::clip) is false.
///
/// ```
/// use anygrad_data::augment::{GaussianNoise, Image, Transform};
/// let image = Image::new(1, 1, 2, vec![0.5, 0.5])?;
/// let noisy = GaussianNoise { sigma: 0.1, ..GaussianNoise::default() };
/// let noisy = noisy.apply(image, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert!(noisy.pixels()[0] != noisy.pixels()[1]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianNoise {
    /// The mean of the noise; 0.
    pub mean: f64,
    /// The standard deviation of the noise, at least 0; 0.1.
    pub sigma: f64,
    /// Whether values are cut to [0, 1]; true.
    pub clip: bool,
}

impl Default for GaussianNoise {
    fn default() -> Self {
        Self { mean: 0.0, sigma: 0.1, clip: true }
    }
}

impl Transform for GaussianNoise {
    /// # Errors
    /// [`DataError::Setting`] if `sigma` is not finite and at least 0, or `mean` is not finite.
    fn apply(&self, mut image: Image, draws: &mut Draws) -> Result<Image> {
        check_spread("GaussianNoise", "sigma", self.sigma)?;
        if !self.mean.is_finite() {
            return Err(DataError::setting("GaussianNoise", "mean", self.mean, "a finite number"));
        }
        for value in image.pixels_mut() {
            let noisy = (f64::from(*value) + self.mean + self.sigma * draws.normal()) as f32;
            *value = if self.clip { noisy.clamp(0.0, 1.0) } else { noisy };
        }
        Ok(image)
    }
}

/// Sets squares at random places to zero (DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks
/// with Cutout", 2017). The middle of a square is anywhere in the image, so that it may lie partly outside.
///
/// ```
/// use anygrad_data::augment::{Cutout, Image, Transform};
/// let image = Image::new(1, 4, 4, vec![1.0; 16])?;
/// let cut = Cutout::new(2).apply(image, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert!(cut.pixels().contains(&0.0));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cutout {
    /// Rows and columns of a square, 1 at least.
    pub size: usize,
    /// Number of squares; 1.
    pub holes: usize,
}

impl Cutout {
    /// One square of `size` x `size`.
    pub fn new(size: usize) -> Self {
        Self { size, holes: 1 }
    }
}

impl Transform for Cutout {
    /// # Errors
    /// [`DataError::Setting`] if the size is 0.
    fn apply(&self, mut image: Image, draws: &mut Draws) -> Result<Image> {
        if self.size == 0 {
            return Err(DataError::setting("Cutout", "size", self.size, "1 at least"));
        }
        let half = self.size / 2;
        for _ in 0..self.holes {
            let (row, column) = (draws.below(image.height()), draws.below(image.width()));
            let span = |middle: usize, size: usize| {
                (middle.saturating_sub(half), middle.saturating_add(self.size - half).min(size))
            };
            let (rows, columns) = (span(row, image.height()), span(column, image.width()));
            fill(&mut image, rows, columns, |_| 0.0);
        }
        Ok(image)
    }
}

/// Sets the pixels of the rows and columns in these ranges, in every channel.
pub(super) fn fill(
    image: &mut Image,
    rows: (usize, usize),
    columns: (usize, usize),
    mut value: impl FnMut(usize) -> f32,
) {
    let (height, width) = (image.height(), image.width());
    for (channel, plane) in image.pixels_mut().chunks_exact_mut(height * width).enumerate() {
        for row in plane.chunks_exact_mut(width).take(rows.1).skip(rows.0) {
            row.iter_mut().take(columns.1).skip(columns.0).for_each(|pixel| *pixel = value(channel));
        }
    }
}

/// Sets a rectangle of random place, area and aspect to a value, with probability [`p`](Self::p) (Zhong et al., "Random
/// Erasing Data Augmentation", 2017): torchvision's `RandomErasing`. Where ten draws do not fit, nothing is erased.
///
/// ```
/// use anygrad_data::augment::{Image, RandomErasing, Transform};
/// let image = Image::new(1, 8, 8, vec![1.0; 64])?;
/// let erased = RandomErasing { p: 1.0, ..RandomErasing::default() };
/// let erased = erased.apply(image, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert!(erased.pixels().contains(&0.0));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomErasing {
    /// The probability, from 0 to 1; 0.5.
    pub p: f64,
    /// The least and the greatest share of the image's area; (0.02, 0.33).
    pub scale: (f64, f64),
    /// The least and the greatest height / width; (0.3, 3.3).
    pub ratio: (f64, f64),
    /// What the rectangle becomes; 0.
    pub value: f32,
}

impl Default for RandomErasing {
    fn default() -> Self {
        Self { p: 0.5, scale: (0.02, 0.33), ratio: (0.3, 3.3), value: 0.0 }
    }
}

impl Transform for RandomErasing {
    /// # Errors
    /// [`DataError::Setting`] for a probability beyond [0, 1], or a range that is not above 0 and rising.
    fn apply(&self, mut image: Image, draws: &mut Draws) -> Result<Image> {
        const CALL: &str = "RandomErasing";
        check_share(CALL, "p", self.p)?;
        for (setting, (low, high), most) in [("scale", self.scale, 1.0), ("ratio", self.ratio, f64::MAX)] {
            if !(low > 0.0 && low <= high && high <= most) {
                let wanted = format!("two rising numbers above 0 and at most {most}");
                return Err(DataError::setting(CALL, setting, format!("({low}, {high})"), wanted));
            }
        }
        if !draws.chance(self.p) {
            return Ok(image);
        }
        let (height, width) = (image.height(), image.width());
        for _ in 0..10 {
            let area = (height * width) as f64 * draws.between(self.scale.0, self.scale.1);
            let ratio = draws.between(self.ratio.0.ln(), self.ratio.1.ln()).exp();
            let (h, w) = ((area * ratio).sqrt().round(), (area / ratio).sqrt().round());
            if (1.0..height as f64).contains(&h) && (1.0..width as f64).contains(&w) {
                let (h, w) = (h as usize, w as usize);
                let (top, left) = (draws.below(height - h + 1), draws.below(width - w + 1));
                fill(&mut image, (top, top + h), (left, left + w), |_| self.value);
                break;
            }
        }
        Ok(image)
    }
}
