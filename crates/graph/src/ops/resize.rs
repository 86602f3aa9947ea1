//! Resizing along the spatial axes: nearest elements, and what lies between them.

use anygrad_layout::{DType, Intervals};

use super::adaptive::{check, column};
use super::interval::IntervalSum;
use super::record_as;
use crate::Tensor;

/// Which inputs an output of [`Tensor::resize`] is made of. `n` is the input's size along an axis, `m` the output's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resize {
    /// Output `o` is input `⌊o·n / m⌋`: PyTorch's `nearest`.
    Nearest,
    /// Output `o` is input `⌊(o + ½)·n / m⌋`, the one whose middle is nearest: PyTorch's `nearest-exact`.
    NearestExact,
    /// Linear between the two inputs beside `(o + ½)·n / m − ½`; the edge goes on beyond the outer ones: PyTorch's
    /// `linear`, `bilinear` and `trilinear` with `align_corners=False`. Shrinking does not average.
    Linear,
    /// Linear between the two inputs beside `o·(n − 1) / (m − 1)`: corners stay corners, `align_corners=True`. A single
    /// output is the first input.
    LinearCorners,
    /// Through the four inputs about `(o + ½)·n / m − ½` (Keys 1981, a = −¾): PyTorch's `bicubic` with
    /// `align_corners=False`, also along one axis or three.
    Cubic,
    /// The same about `o·(n − 1) / (m − 1)`: `align_corners=True`.
    CubicCorners,
}

impl Tensor {
    /// `[N, C, *n]` resized to `[N, C, *size]`, one axis after the other, up or down. Whole numbers say which inputs
    /// are meant, so that no size is off by one for a rounding. (PyTorch rounds `n / m` to f32 for `nearest`, and
    /// takes a wrong input now and then.)
    ///
    /// ```
    /// # use anygrad_graph::{Device, Resize, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [1, 1, 2, 2], &Device::cpu());
    /// let y = x.resize(&[2, 4], Resize::Nearest);
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]);
    /// let y = x.resize(&[2, 3], Resize::LinearCorners);
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 1.5, 2.0, 3.0, 3.5, 4.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn resize(&self, size: &[usize], mode: Resize) -> Tensor {
        if let Some(y) = self.in_single(|x| x.resize(size, mode)) {
            return y;
        }
        if let Err(message) = check(self, size) {
            return Tensor::wrong("resize", message, &[("input", self)]);
        }
        let mut y = self.clone();
        for (i, &m) in size.iter().enumerate() {
            // as large as before, every output is its input
            if y.size(i as isize + 2) != m {
                y = along(&y, i + 2, m, mode);
            }
        }
        y
    }

    /// Resized by a factor along every spatial axis, to `⌊n·factor⌋`. The positions follow from the sizes, as with
    /// PyTorch's `recompute_scale_factor=True`; the two differ where `n·factor` is not whole.
    #[track_caller]
    pub fn resize_by(&self, factor: f64, mode: Resize) -> Tensor {
        if !(factor > 0.0 && factor.is_finite()) {
            return Tensor::wrong(
                "resize",
                format!("the factor {factor} is not positive"),
                &[("input", self)],
            );
        }
        let size: Vec<usize> =
            self.shape().iter().skip(2).map(|&n| (n as f64 * factor).floor() as usize).collect();
        self.resize(&size, mode)
    }
}

/// The position of an output among the inputs: `(step·o + first) / over`.
#[derive(Clone, Copy)]
struct Line {
    step: i128,
    first: i128,
    over: i128,
}

impl Line {
    fn new(step: i128, first: i128, over: i128) -> Self {
        let divisor = [step, first, over].into_iter().fold(0, common_divisor).max(1);
        Self { step: step / divisor, first: first / divisor, over: over / divisor }
    }

    fn of(mode: Resize, n: usize, m: usize) -> Self {
        let (n, m) = (n as i128, m as i128);
        match mode {
            Resize::Nearest => Self::new(n, 0, m),
            Resize::NearestExact => Self::new(2 * n, n, 2 * m),
            Resize::Linear | Resize::Cubic => Self::new(2 * n, n - m, 2 * m),
            // all outputs are at the first input: with one of them the step does not count
            Resize::LinearCorners | Resize::CubicCorners if n == 1 || m == 1 => Self::new(1, 0, m.max(1)),
            Resize::LinearCorners | Resize::CubicCorners => Self::new(n - 1, 0, m - 1),
        }
    }

    /// What [`Intervals::Pick`] takes, `shift` inputs further; `None` if it does not fit.
    fn pick(self, shift: i128) -> Option<Intervals> {
        Some(Intervals::Pick {
            step: u32::try_from(self.step).ok()?,
            first: i32::try_from(self.first + shift * self.over).ok()?,
            over: u32::try_from(self.over).ok()?,
        })
    }
}

fn common_divisor(a: i128, b: i128) -> i128 {
    if b == 0 { a.abs() } else { common_divisor(b, a % b) }
}

#[track_caller]
fn along(x: &Tensor, axis: usize, m: usize, mode: Resize) -> Tensor {
    let line = Line::of(mode, x.size(axis as isize), m);
    let pick = |shift: i128| match line.pick(shift) {
        Some(intervals) => record_as("resize", IntervalSum { axis, size: m, intervals }, &[x]),
        None => {
            let message = format!("{} to {m} along axis {axis} is too large for 31 bits", x.shape());
            Tensor::wrong("resize", message, &[("input", x)])
        }
    };
    match mode {
        Resize::Nearest | Resize::NearestExact => pick(0),
        Resize::Linear | Resize::LinearCorners => {
            let (left, right) = (pick(0), pick(1));
            if left.check().is_err() || right.check().is_err() {
                return left + right;
            }
            // before the first input both are the first input, so that the fraction does not count
            let part = fraction(x, axis, m, line);
            left * (1.0 - &part) + right * part
        }
        Resize::Cubic | Resize::CubicCorners => {
            let inputs = [pick(-1), pick(0), pick(1), pick(2)];
            if let Some(wrong) = inputs.iter().find(|input| input.check().is_err()) {
                return wrong.clone();
            }
            let part = fraction(x, axis, m, line);
            let weights = cubic(&part);
            let terms = inputs.into_iter().zip(weights).map(|(input, weight)| input * weight);
            terms.reduce(|sum, term| sum + term).unwrap_or_else(|| x.clone())
        }
    }
}

/// How far each position lies behind the input before it: `(step·o + first) mod over / over`. Exact, from whole
/// numbers below 2^31, as the intervals were checked.
#[track_caller]
fn fraction(x: &Tensor, axis: usize, m: usize, line: Line) -> Tensor {
    let at = Tensor::iota(m, x.device()).to_dtype(DType::I32) * line.step as i32 + line.first as i32;
    let rest = at.remainder(line.over as i32).to_dtype(x.dtype());
    (rest / line.over as f64).reshape(column(x, axis, m))
}

/// The weights of the inputs at −1, 0, 1 and 2, for a position `t` in [0, 1), `s` away: with a = −¾
/// `(a + 2)s³ − (a + 3)s² + 1` for s < 1, and for 1 ≤ s < 2 `a·(s³ − 5s² + 8s − 4) = a·(s − 1)·(s − 2)²`, which as a
/// product loses no digits.
#[track_caller]
fn cubic(t: &Tensor) -> [Tensor; 4] {
    let a = -0.75;
    let near = |s: &Tensor| (s * (a + 2.0) - (a + 3.0)) * s.square() + 1.0;
    let back: Tensor = 1.0 - t;
    [t * a * back.square(), near(t), near(&back), &back * a * t.square()]
}
