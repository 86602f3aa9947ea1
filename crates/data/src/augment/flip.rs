use super::{Image, Transform};
use crate::error::check_share;
use crate::{Draws, Result};

/// Mirrors the image left to right with probability [`p`](Self::p).
///
/// ```
/// use anygrad_data::augment::{Image, RandomHorizontalFlip, Transform};
/// let image = Image::new(1, 1, 3, vec![1.0, 2.0, 3.0])?;
/// let flipped = RandomHorizontalFlip { p: 1.0 }.apply(image, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert_eq!(flipped.pixels(), [3.0, 2.0, 1.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomHorizontalFlip {
    /// The probability, from 0 to 1; 0.5.
    pub p: f64,
}

/// Mirrors the image upside down with probability [`p`](Self::p).
///
/// ```
/// use anygrad_data::augment::{Image, RandomVerticalFlip, Transform};
/// let image = Image::new(1, 3, 1, vec![1.0, 2.0, 3.0])?;
/// let flipped = RandomVerticalFlip { p: 1.0 }.apply(image, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert_eq!(flipped.pixels(), [3.0, 2.0, 1.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomVerticalFlip {
    /// The probability, from 0 to 1; 0.5.
    pub p: f64,
}

impl Default for RandomHorizontalFlip {
    fn default() -> Self {
        Self { p: 0.5 }
    }
}

impl Default for RandomVerticalFlip {
    fn default() -> Self {
        Self { p: 0.5 }
    }
}

impl Transform for RandomHorizontalFlip {
    fn apply(&self, mut image: Image, draws: &mut Draws) -> Result<Image> {
        check_share("RandomHorizontalFlip", "p", self.p)?;
        if draws.chance(self.p) {
            let width = image.width();
            image.pixels_mut().chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
        Ok(image)
    }
}

impl Transform for RandomVerticalFlip {
    fn apply(&self, mut image: Image, draws: &mut Draws) -> Result<Image> {
        check_share("RandomVerticalFlip", "p", self.p)?;
        if draws.chance(self.p) {
            let (height, width) = (image.height(), image.width());
            for plane in image.pixels_mut().chunks_exact_mut(height * width) {
                let upside_down: Vec<f32> = plane.chunks_exact(width).rev().flatten().copied().collect();
                plane.copy_from_slice(&upside_down);
            }
        }
        Ok(image)
    }
}
