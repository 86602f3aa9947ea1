use super::{Image, Transform};
use crate::{DataError, Draws, Result};

/// How values between pixels are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// The value of the nearest pixel.
    Nearest,
    /// The mean of the four pixels around, weighted by nearness.
    #[default]
    Bilinear,
}

/// Scales the image to a size.
///
/// Pixel i of the result lies at (i + 1/2) · old / new − 1/2 of the image, PyTorch's `interpolate` with
/// `align_corners=False` and without its `antialias`; nearest takes the pixel ⌊i · old / new⌋.
///
/// ```
/// use anygrad_data::augment::{Image, Resize, Transform};
/// let image = Image::new(1, 1, 2, vec![0.0, 1.0])?;
/// let wide = Resize::new(1, 4).apply(image, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert_eq!(wide.pixels(), [0.0, 0.25, 0.75, 1.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Resize {
    height: usize,
    width: usize,
    interpolation: Interpolation,
}

impl Resize {
    /// To `height` rows and `width` columns, bilinear.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, interpolation: Interpolation::Bilinear }
    }

    /// With this interpolation.
    pub fn interpolation(self, interpolation: Interpolation) -> Self {
        Self { interpolation, ..self }
    }
}

impl Transform for Resize {
    /// # Errors
    /// [`DataError::Setting`] if the size is 0.
    fn apply(&self, image: Image, _: &mut Draws) -> Result<Image> {
        if self.height == 0 || self.width == 0 {
            let value = format!("{} x {}", self.height, self.width);
            return Err(DataError::setting("Resize", "the size", value, "1 x 1 at least"));
        }
        resized(&image, self.height, self.width, self.interpolation)
    }
}

/// `image` in another size, which is not 0.
pub(super) fn resized(image: &Image, height: usize, width: usize, how: Interpolation) -> Result<Image> {
    match how {
        Interpolation::Nearest => {
            let near = |i: usize, new: usize, old: usize| {
                ((i as u128 * old as u128 / new as u128) as usize).min(old - 1)
            };
            Image::build(image.channels(), height, width, |channel, row, column| {
                let (row, column) = (near(row, height, image.height()), near(column, width, image.width()));
                image.get(channel, row, column).unwrap_or(0.0)
            })
        }
        Interpolation::Bilinear => {
            let at = |i: usize, new: usize, old: usize| {
                ((i as f64 + 0.5) * old as f64 / new as f64 - 0.5).clamp(0.0, (old - 1) as f64)
            };
            Image::build(image.channels(), height, width, |channel, row, column| {
                let (y, x) = (at(row, height, image.height()), at(column, width, image.width()));
                bilinear(image, channel, y, x, 0.0)
            })
        }
    }
}

/// The value of `channel` at row `y` and column `x`, where pixels stand at whole numbers; `fill` outside the image.
pub(super) fn bilinear(image: &Image, channel: usize, y: f64, x: f64, fill: f32) -> f32 {
    let (top, left) = (y.floor(), x.floor());
    let value = |row: f64, column: f64| {
        // a negative number is no row of the image; a cast alone would make it 0
        let inside = row >= 0.0 && column >= 0.0;
        let pixel = inside.then(|| image.get(channel, row as usize, column as usize)).flatten();
        f64::from(pixel.unwrap_or(fill))
    };
    let (down, right) = (y - top, x - left);
    let upper = value(top, left) * (1.0 - right) + value(top, left + 1.0) * right;
    let lower = value(top + 1.0, left) * (1.0 - right) + value(top + 1.0, left + 1.0) * right;
    (upper * (1.0 - down) + lower * down) as f32
}

/// The value of `channel` at the pixel nearest to (`y`, `x`); `fill` outside the image.
pub(super) fn nearest(image: &Image, channel: usize, y: f64, x: f64, fill: f32) -> f32 {
    let (row, column) = (y.round_ties_even(), x.round_ties_even());
    let inside = row >= 0.0 && column >= 0.0;
    inside.then(|| image.get(channel, row as usize, column as usize)).flatten().unwrap_or(fill)
}
