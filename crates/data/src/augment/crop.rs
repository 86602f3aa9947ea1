use super::resize::resized;
use super::{Image, Interpolation, Transform};
use crate::{DataError, Draws, Result};

/// The part of `height` x `width` at (`top`, `left`), which may lie outside the image on any side: zeros there.
pub(super) fn cut(image: &Image, top: isize, left: isize, height: usize, width: usize) -> Result<Image> {
    Image::build(image.channels(), height, width, |channel, row, column| {
        let row = usize::try_from(top.saturating_add_unsigned(row)).ok();
        let column = usize::try_from(left.saturating_add_unsigned(column)).ok();
        row.zip(column).and_then(|(row, column)| image.get(channel, row, column)).unwrap_or(0.0)
    })
}

fn check_size(call: &'static str, height: usize, width: usize) -> Result<()> {
    if height == 0 || width == 0 {
        return Err(DataError::setting(call, "the size", format!("{height} x {width}"), "1 x 1 at least"));
    }
    Ok(())
}

/// Cuts a part of a given size at a random place, out of the image with zeros around it.
///
/// ```
/// use anygrad_data::augment::{Image, RandomCrop, Transform};
/// let image = Image::new(1, 4, 4, (0..16).map(|i| i as f32).collect())?;
/// let part = RandomCrop::new(4, 4).padding(1).apply(image, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert_eq!((part.height(), part.width()), (4, 4));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomCrop {
    height: usize,
    width: usize,
    padding: usize,
}

impl RandomCrop {
    /// A part of `height` rows and `width` columns.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, padding: 0 }
    }

    /// Zeros put around the image on each side before; 0.
    pub fn padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }
}

impl Transform for RandomCrop {
    /// # Errors
    /// [`DataError::Setting`] if the size is 0 or larger than the padded image.
    fn apply(&self, image: Image, draws: &mut Draws) -> Result<Image> {
        const CALL: &str = "RandomCrop";
        check_size(CALL, self.height, self.width)?;
        let padded = |size: usize| self.padding.checked_mul(2).and_then(|twice| twice.checked_add(size));
        let room = padded(image.height()).and_then(|height| height.checked_sub(self.height));
        let side_room = padded(image.width()).and_then(|width| width.checked_sub(self.width));
        let (Some(room), Some(side_room), Ok(padding)) = (room, side_room, isize::try_from(self.padding))
        else {
            let value = format!("{} x {}", self.height, self.width);
            let wanted = format!(
                "at most the image of {} x {} with a padding of {} around it",
                image.height(),
                image.width(),
                self.padding
            );
            return Err(DataError::setting(CALL, "the size", value, wanted));
        };
        let top = draws.below(room.saturating_add(1));
        let left = draws.below(side_room.saturating_add(1));
        cut(
            &image,
            (-padding).saturating_add_unsigned(top),
            (-padding).saturating_add_unsigned(left),
            self.height,
            self.width,
        )
    }
}

/// Cuts a part of a given size out of the middle; zeros around an image that is smaller.
///
/// ```
/// use anygrad_data::augment::{CenterCrop, Image, Transform};
/// let image = Image::new(1, 1, 4, vec![1.0, 2.0, 3.0, 4.0])?;
/// let middle = CenterCrop::new(1, 2).apply(image, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert_eq!(middle.pixels(), [2.0, 3.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CenterCrop {
    height: usize,
    width: usize,
}

impl CenterCrop {
    /// A part of `height` rows and `width` columns.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }
}

impl Transform for CenterCrop {
    /// # Errors
    /// [`DataError::Setting`] if the size is 0.
    fn apply(&self, image: Image, _: &mut Draws) -> Result<Image> {
        check_size("CenterCrop", self.height, self.width)?;
        // rounded to even on a half, as torchvision's int(round(..)) is
        let start = |have: usize, want: usize| ((have as f64 - want as f64) / 2.0).round_ties_even() as isize;
        let (top, left) = (start(image.height(), self.height), start(image.width(), self.width));
        cut(&image, top, left, self.height, self.width)
    }
}

/// Cuts a part of random area and aspect, and scales it to a given size: how ImageNet models are trained.
///
/// The area is uniform in [`scale`](Self::scale) times that of the image, the logarithm of width / height uniform in
/// that of [`ratio`](Self::ratio). Where ten draws do not fit the image, the largest middle part of a fitting aspect
/// is taken.
///
/// ```
/// use anygrad_data::augment::{Image, RandomResizedCrop, Transform};
/// let image = Image::new(3, 20, 30, vec![0.5; 1800])?;
/// let part = RandomResizedCrop::new(8, 8).apply(image, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert_eq!((part.channels(), part.height(), part.width()), (3, 8, 8));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomResizedCrop {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
    /// The least and the greatest share of the image's area; (0.08, 1).
    pub scale: (f64, f64),
    /// The least and the greatest width / height of the part; (3/4, 4/3).
    pub ratio: (f64, f64),
    /// How values between pixels are found; bilinear.
    pub interpolation: Interpolation,
}

impl RandomResizedCrop {
    /// Results of `height` rows and `width` columns, the other settings at their defaults.
    pub fn new(height: usize, width: usize) -> Self {
        let (scale, ratio) = ((0.08, 1.0), (3.0 / 4.0, 4.0 / 3.0));
        Self { height, width, scale, ratio, interpolation: Interpolation::Bilinear }
    }

    /// (top, left, height, width) of the part.
    fn part(&self, image: &Image, draws: &mut Draws) -> (usize, usize, usize, usize) {
        let (height, width) = (image.height() as f64, image.width() as f64);
        for _ in 0..10 {
            let area = height * width * draws.between(self.scale.0, self.scale.1);
            let ratio = draws.between(self.ratio.0.ln(), self.ratio.1.ln()).exp();
            let (w, h) = ((area * ratio).sqrt().round(), (area / ratio).sqrt().round());
            if (1.0..=width).contains(&w) && (1.0..=height).contains(&h) {
                let top = draws.below((height - h) as usize + 1);
                let left = draws.below((width - w) as usize + 1);
                return (top, left, h as usize, w as usize);
            }
        }
        let ratio = (width / height).clamp(self.ratio.0, self.ratio.1);
        let w = (height * ratio).round().clamp(1.0, width) as usize;
        let h = (width / ratio).round().clamp(1.0, height) as usize;
        ((image.height() - h) / 2, (image.width() - w) / 2, h, w)
    }
}

impl Transform for RandomResizedCrop {
    /// # Errors
    /// [`DataError::Setting`] if the size is 0, or a range is not above 0 and rising.
    fn apply(&self, image: Image, draws: &mut Draws) -> Result<Image> {
        const CALL: &str = "RandomResizedCrop";
        check_size(CALL, self.height, self.width)?;
        for (setting, (low, high), most) in [("scale", self.scale, 1.0), ("ratio", self.ratio, f64::MAX)] {
            if !(low > 0.0 && low <= high && high <= most) {
                let wanted = format!("two rising numbers above 0 and at most {most}");
                return Err(DataError::setting(CALL, setting, format!("({low}, {high})"), wanted));
            }
        }
        let (top, left, height, width) = self.part(&image, draws);
        let part = cut(&image, top as isize, left as isize, height, width)?;
        resized(&part, self.height, self.width, self.interpolation)
    }
}
