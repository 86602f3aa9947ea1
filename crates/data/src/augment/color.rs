use super::{Image, Transform};
use crate::error::check_spread;
use crate::{DataError, Draws, Result};

/// Changes brightness, contrast, saturation and hue at random, in random order: torchvision's `ColorJitter`.
///
/// With a factor f drawn from [max(0, 1 − s), 1 + s] for the setting s: brightness f·x; contrast f·x + (1 − f)·m with
/// the mean m of the lightness; saturation f·x + (1 − f)·l with the lightness l of the pixel; the hue turns by a share
/// of the circle from [−hue, hue]. Lightness is 0.2989 r + 0.587 g + 0.114 b, and every value is cut to [0, 1].
/// Saturation and hue leave images that have not three channels as they are.
///
/// ```
/// use anygrad_data::augment::{ColorJitter, Image, Transform};
/// let image = Image::new(3, 1, 1, vec![0.2, 0.4, 0.6])?;
/// let jitter = ColorJitter { brightness: 0.5, hue: 0.1, ..ColorJitter::default() };
/// let changed = jitter.apply(image, &mut anygrad_data::Draws::new(1, 0, 0))?;
/// assert!(changed.pixels().iter().all(|x| (0.0..=1.0).contains(x)));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColorJitter {
    /// The greatest change of brightness, at least 0; 0.
    pub brightness: f64,
    /// The greatest change of contrast, at least 0; 0.
    pub contrast: f64,
    /// The greatest change of saturation, at least 0; 0.
    pub saturation: f64,
    /// The greatest turn of the hue, from 0 to 0.5; 0.
    pub hue: f64,
}

impl Transform for ColorJitter {
    /// # Errors
    /// [`DataError::Setting`] for a setting out of its range.
    fn apply(&self, mut image: Image, draws: &mut Draws) -> Result<Image> {
        const CALL: &str = "ColorJitter";
        for (setting, value) in
            [("brightness", self.brightness), ("contrast", self.contrast), ("saturation", self.saturation)]
        {
            check_spread(CALL, setting, value)?;
        }
        if !(0.0..=0.5).contains(&self.hue) {
            return Err(DataError::setting(CALL, "hue", self.hue, "from 0 to 0.5"));
        }
        let mut factor = |strength: f64| draws.between((1.0 - strength).max(0.0), 1.0 + strength) as f32;
        let factors = [factor(self.brightness), factor(self.contrast), factor(self.saturation)];
        let turn = draws.between(-self.hue, self.hue) as f32;
        let mut order = [0, 1, 2, 3];
        for last in (1..order.len()).rev() {
            order.swap(last, draws.below(last + 1));
        }
        for step in order {
            match step {
                0 => image = blend(image, factors[0], |_| 0.0),
                1 => {
                    let luma = image.luma();
                    let mean = (luma.iter().map(|&x| f64::from(x)).sum::<f64>() / luma.len() as f64) as f32;
                    image = blend(image, factors[1], |_| mean);
                }
                2 if image.is_rgb() => {
                    let luma = image.luma();
                    image = blend(image, factors[2], |position| luma[position % luma.len()]);
                }
                3 if image.is_rgb() && self.hue > 0.0 => turn_hue(&mut image, turn),
                _ => {}
            }
        }
        Ok(image)
    }
}

/// factor · x + (1 − factor) · other, cut to [0, 1].
fn blend(mut image: Image, factor: f32, other: impl Fn(usize) -> f32) -> Image {
    for (position, value) in image.pixels_mut().iter_mut().enumerate() {
        *value = (factor * *value + (1.0 - factor) * other(position)).clamp(0.0, 1.0);
    }
    image
}

/// Turns the hue of a picture of three channels by `turn` circles.
fn turn_hue(image: &mut Image, turn: f32) {
    let size = image.height() * image.width();
    let (red, rest) = image.pixels_mut().split_at_mut(size);
    let (green, blue) = rest.split_at_mut(size);
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let (hue, saturation, value) = to_hsv(*r, *g, *b);
        [*r, *g, *b] = from_hsv((hue + turn).rem_euclid(1.0), saturation, value);
    }
}

/// Hue in [0, 1), saturation and value.
fn to_hsv(r: f32, g: f32, b: f32) -> (f32, f32, f32) {
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    let range = high - low;
    if range == 0.0 {
        return (0.0, 0.0, high);
    }
    let sixth = if high == r {
        (g - b) / range
    } else if high == g {
        2.0 + (b - r) / range
    } else {
        4.0 + (r - g) / range
    };
    ((sixth / 6.0).rem_euclid(1.0), range / high, high)
}

fn from_hsv(hue: f32, saturation: f32, value: f32) -> [f32; 3] {
    let sector = (hue * 6.0).floor();
    let part = hue * 6.0 - sector;
    let low = (value * (1.0 - saturation)).clamp(0.0, 1.0);
    let falling = (value * (1.0 - saturation * part)).clamp(0.0, 1.0);
    let rising = (value * (1.0 - saturation * (1.0 - part))).clamp(0.0, 1.0);
    match sector as u32 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}

/// Makes every channel the lightness, 0.2989 r + 0.587 g + 0.114 b; grey images stay as they are.
///
/// ```
/// use anygrad_data::augment::{Grayscale, Image, Transform};
/// let grey = Grayscale.apply(Image::new(3, 1, 1, vec![1.0, 0.0, 0.0])?, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert_eq!(grey.pixels(), [0.2989; 3]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grayscale;

impl Transform for Grayscale {
    fn apply(&self, image: Image, _: &mut Draws) -> Result<Image> {
        if !image.is_rgb() {
            return Ok(image);
        }
        let luma = image.luma();
        Image::new(3, image.height(), image.width(), luma.repeat(3))
    }
}

/// (x − mean) / deviation with one mean and deviation a channel, known beforehand (those of ImageNet, for example). For
/// numbers fitted on the training set see [`Standardizer`](crate::prepare::Standardizer).
///
/// ```
/// use anygrad_data::augment::{Image, Normalize, Transform};
/// let normalize = Normalize { mean: vec![0.5], deviation: vec![0.25] };
/// let image = normalize.apply(Image::new(1, 1, 2, vec![0.5, 1.0])?, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert_eq!(image.pixels(), [0.0, 2.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Normalize {
    /// The mean of each channel.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel, above 0.
    pub deviation: Vec<f32>,
}

impl Transform for Normalize {
    /// # Errors
    /// [`DataError::Setting`] if there are not as many numbers as channels, or a deviation is not above 0.
    fn apply(&self, mut image: Image, _: &mut Draws) -> Result<Image> {
        const CALL: &str = "Normalize";
        for (setting, values) in [("mean", &self.mean), ("deviation", &self.deviation)] {
            if values.len() != image.channels() {
                let wanted = format!("one number for each of the {} channels", image.channels());
                return Err(DataError::setting(CALL, setting, format!("{values:?}"), wanted));
            }
        }
        if !self.deviation.iter().all(|&deviation| deviation > 0.0) {
            return Err(DataError::setting(CALL, "deviation", format!("{:?}", self.deviation), "above 0"));
        }
        let size = image.height() * image.width();
        let planes = image.pixels_mut().chunks_exact_mut(size);
        for ((plane, mean), deviation) in planes.zip(&self.mean).zip(&self.deviation) {
            plane.iter_mut().for_each(|value| *value = (*value - mean) / deviation);
        }
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python's colorsys: rgb_to_hsv, the hue turned, hsv_to_rgb; each sixth of the circle is there.
    #[test]
    fn hues_turn_as_in_colorsys() {
        let cases: [(f32, [f32; 3], [f32; 3]); 24] = [
            (0.0, [0.9, 0.3, 0.1], [0.9, 0.3, 0.1]),
            (0.0, [0.7, 0.8, 0.2], [0.7, 0.8, 0.2]),
            (0.0, [0.1, 0.6, 0.3], [0.1, 0.6, 0.3]),
            (0.0, [0.2, 0.5, 0.9], [0.2, 0.5, 0.9]),
            (0.0, [0.4, 0.1, 0.8], [0.4, 0.1, 0.8]),
            (0.0, [0.9, 0.2, 0.6], [0.9, 0.2, 0.6]),
            (0.0, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
            (0.0, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
            (0.3, [0.9, 0.3, 0.1], [0.1, 0.9, 0.14]),
            (0.3, [0.7, 0.8, 0.2], [0.2, 0.8, 0.78]),
            (0.3, [0.1, 0.6, 0.3], [0.2, 0.1, 0.6]),
            (0.3, [0.2, 0.5, 0.9], [0.9, 0.2, 0.64]),
            (0.3, [0.4, 0.1, 0.8], [0.8, 0.26, 0.1]),
            (0.3, [0.9, 0.2, 0.6], [0.74, 0.9, 0.2]),
            (0.3, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
            (0.3, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
            (-0.45, [0.9, 0.3, 0.1], [0.1, 0.46, 0.9]),
            (-0.45, [0.7, 0.8, 0.2], [0.48, 0.2, 0.8]),
            (-0.45, [0.1, 0.6, 0.3], [0.6, 0.1, 0.25]),
            (-0.45, [0.2, 0.5, 0.9], [0.9, 0.81, 0.2]),
            (-0.45, [0.4, 0.1, 0.8], [0.29, 0.8, 0.1]),
            (-0.45, [0.9, 0.2, 0.6], [0.2, 0.9, 0.71]),
            (-0.45, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
            (-0.45, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ];
        for (turn, color, wanted) in cases {
            let mut image = Image::new(3, 1, 1, color.to_vec()).unwrap();
            turn_hue(&mut image, turn);
            let near = image.pixels().iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(near, "{turn} {color:?}: {:?} {wanted:?}", image.pixels());
        }
    }
}
