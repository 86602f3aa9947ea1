use super::resize::{bilinear, nearest};
use super::{Image, Interpolation, Transform};
use crate::{DataError, Draws, Result};

/// Where a pixel of the result comes from, seen from the middle of the image: x' = a x + b y + c, y' = d x + e y + f.
struct Inverse([f64; 6]);

/// Cosine and sine of `degrees`, exact for quarter turns.
fn turn(degrees: f64) -> (f64, f64) {
    match degrees.rem_euclid(360.0) {
        0.0 => (1.0, 0.0),
        90.0 => (0.0, 1.0),
        180.0 => (-1.0, 0.0),
        270.0 => (0.0, -1.0),
        other => (other.to_radians().cos(), other.to_radians().sin()),
    }
}

impl Inverse {
    /// The inverse of: shear along x, turn by `degrees` clockwise (y points down), scale, move by `shift` (x, y) pixels;
    /// torchvision's `_get_inverse_affine_matrix`.
    fn new(degrees: f64, scale: f64, shear: f64, shift: (f64, f64)) -> Self {
        let ((cos, sin), slant) = (turn(degrees), shear.to_radians().tan());
        let [a, b, c, d] = [cos, -cos * slant - sin, sin, -sin * slant + cos];
        // the determinant of [a b; c d] is 1
        let rows = [d / scale, -b / scale, -c / scale, a / scale];
        let x = -(rows[0] * shift.0 + rows[1] * shift.1);
        let y = -(rows[2] * shift.0 + rows[3] * shift.1);
        Self([rows[0], rows[1], x, rows[2], rows[3], y])
    }

    fn apply(&self, image: &Image, how: Interpolation, fill: f32) -> Result<Image> {
        let [a, b, c, d, e, f] = self.0;
        let (middle_y, middle_x) = ((image.height() - 1) as f64 / 2.0, (image.width() - 1) as f64 / 2.0);
        Image::build(image.channels(), image.height(), image.width(), |channel, row, column| {
            let (y, x) = (row as f64 - middle_y, column as f64 - middle_x);
            let (from_x, from_y) = (a * x + b * y + c + middle_x, d * x + e * y + f + middle_y);
            match how {
                Interpolation::Nearest => nearest(image, channel, from_y, from_x, fill),
                Interpolation::Bilinear => bilinear(image, channel, from_y, from_x, fill),
            }
        })
    }
}

fn check_range(call: &'static str, setting: &'static str, range: (f64, f64)) -> Result<()> {
    if range.0.is_finite() && range.1.is_finite() && range.0 <= range.1 {
        return Ok(());
    }
    let value = format!("({}, {})", range.0, range.1);
    Err(DataError::setting(call, setting, value, "two rising finite numbers"))
}

/// Turns the image around its middle by a random angle; what comes from outside is [`fill`](Self::fill).
///
/// ```
/// use anygrad_data::augment::{Image, RandomRotation, Transform};
/// let image = Image::new(1, 2, 2, vec![1.0, 2.0, 3.0, 4.0])?;
/// let quarter = RandomRotation { degrees: (90.0, 90.0), ..RandomRotation::default() };
/// let turned = quarter.apply(image, &mut anygrad_data::Draws::new(0, 0, 0))?;
/// assert_eq!(turned.pixels(), [2.0, 4.0, 1.0, 3.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomRotation {
    /// The least and the greatest angle, counter-clockwise, in degrees; (−10, 10).
    pub degrees: (f64, f64),
    /// How values between pixels are found; bilinear.
    pub interpolation: Interpolation,
    /// The value outside the image; 0.
    pub fill: f32,
}

impl Default for RandomRotation {
    fn default() -> Self {
        Self { degrees: (-10.0, 10.0), interpolation: Interpolation::Bilinear, fill: 0.0 }
    }
}

impl RandomRotation {
    /// An angle from −`degrees` to `degrees`.
    pub fn new(degrees: f64) -> Self {
        Self { degrees: (-degrees, degrees), ..Self::default() }
    }
}

impl Transform for RandomRotation {
    /// # Errors
    /// [`DataError::Setting`] if the angles are not finite and rising.
    fn apply(&self, image: Image, draws: &mut Draws) -> Result<Image> {
        check_range("RandomRotation", "degrees", self.degrees)?;
        let degrees = draws.between(self.degrees.0, self.degrees.1);
        Inverse::new(-degrees, 1.0, 0.0, (0.0, 0.0)).apply(&image, self.interpolation, self.fill)
    }
}

/// Turns, moves, scales and shears the image around its middle, each at random: torchvision's `RandomAffine`.
///
/// ```
/// use anygrad_data::augment::{Image, RandomAffine, Transform};
/// let image = Image::new(1, 1, 3, vec![1.0, 2.0, 3.0])?;
/// let still = RandomAffine { degrees: (0.0, 0.0), ..RandomAffine::default() };
/// assert_eq!(still.apply(image.clone(), &mut anygrad_data::Draws::new(0, 0, 0))?, image);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomAffine {
    /// The least and the greatest angle, clockwise, in degrees; (−10, 10).
    pub degrees: (f64, f64),
    /// The greatest move, as shares of width and height, from 0 to 1; (0, 0).
    pub translate: (f64, f64),
    /// The least and the greatest scale; (1, 1).
    pub scale: (f64, f64),
    /// The least and the greatest shear along x, in degrees; (0, 0).
    pub shear: (f64, f64),
    /// How values between pixels are found; bilinear.
    pub interpolation: Interpolation,
    /// The value outside the image; 0.
    pub fill: f32,
}

impl Default for RandomAffine {
    fn default() -> Self {
        Self {
            degrees: (-10.0, 10.0),
            translate: (0.0, 0.0),
            scale: (1.0, 1.0),
            shear: (0.0, 0.0),
            interpolation: Interpolation::Bilinear,
            fill: 0.0,
        }
    }
}

impl Transform for RandomAffine {
    /// # Errors
    /// [`DataError::Setting`] for a range that is not finite and rising, a scale that is not above 0, a move beyond 1, or
    /// a shear of 90 degrees or more.
    fn apply(&self, image: Image, draws: &mut Draws) -> Result<Image> {
        const CALL: &str = "RandomAffine";
        for (setting, range) in [("degrees", self.degrees), ("scale", self.scale), ("shear", self.shear)] {
            check_range(CALL, setting, range)?;
        }
        crate::error::check_share(CALL, "translate.0", self.translate.0)?;
        crate::error::check_share(CALL, "translate.1", self.translate.1)?;
        if self.scale.0 <= 0.0 {
            return Err(DataError::setting(CALL, "scale.0", self.scale.0, "above 0"));
        }
        if self.shear.0 <= -90.0 || self.shear.1 >= 90.0 {
            let value = format!("({}, {})", self.shear.0, self.shear.1);
            return Err(DataError::setting(CALL, "shear", value, "between -90 and 90 degrees"));
        }
        let degrees = draws.between(self.degrees.0, self.degrees.1);
        // whole pixels, as torchvision moves
        let mut step = |share: f64, size: usize| {
            let most = share * size as f64;
            draws.between(-most, most).round_ties_even()
        };
        let shift = (step(self.translate.0, image.width()), step(self.translate.1, image.height()));
        let scale = draws.between(self.scale.0, self.scale.1);
        let shear = draws.between(self.shear.0, self.shear.1);
        Inverse::new(degrees, scale, shear, shift).apply(&image, self.interpolation, self.fill)
    }
}
