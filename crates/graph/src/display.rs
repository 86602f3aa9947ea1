//! Tensors as text: `{}` shows values, `{:?}` one line without any.

use std::fmt;

use crate::error::Error;
use crate::read::{as_f64, storage};
use crate::{DType, Tensor};

/// With more elements than this, only the edges of each axis are shown.
const THRESHOLD: usize = 1000;
/// Elements at each end of an axis that are shown then.
const EDGE: usize = 3;
/// Digits behind the point, unless the format says otherwise: `{:.2}`.
const PRECISION: usize = 4;
/// Columns of a line.
const LINE: usize = 80;

/// Shape, dtype and device in a line, and the values as PyTorch prints them: aligned, four digits behind the point
/// (`{:.2}`: two), as powers of ten where sizes differ by more than a thousand, and only the first and last three of
/// each axis if there are more than a thousand.
///
/// A tensor that is not computed yet is evaluated, so take gradients before. A poisoned tensor, or one whose
/// evaluation fails, shows its error; nothing panics.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// let t = Tensor::from_slice(&[1.0f32, -2.5, 0.0, f32::NAN], [2, 2], &Device::cpu());
/// assert!(t.to_string().ends_with("[[ 1.0000, -2.5000],\n [ 0.0000,     nan]]"), "{t}");
/// assert!(t.to_string().starts_with("f32 [2, 2] on CPU"));
/// ```
impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Err(error) = self.check() {
            return write!(f, "poisoned tensor: {error}");
        }
        if let Some(name) = &self.0.name {
            write!(f, "{name}: ")?;
        }
        writeln!(f, "{} {} on {}", self.dtype(), self.shape(), self.device())?;
        match picture(self, f.precision().unwrap_or(PRECISION)) {
            Ok(text) => f.write_str(&text),
            Err(error) => write!(f, "no value: {error}"),
        }
    }
}

fn picture(tensor: &Tensor, precision: usize) -> Result<String, Error> {
    let data = as_f64(&storage(tensor)?);
    let shape: &[usize] = tensor.shape();
    if data.is_empty() {
        return Ok("[]".into());
    }
    // a scalar is shown as a whole, and everything up to the threshold
    let axes = shape.iter().map(|&size| shown(size, data.len() > THRESHOLD)).collect();
    let mut printer = Printer { data: &data, shape, axes, format: Format::default() };
    printer.format = Format::new(&printer.visible(), tensor.dtype(), precision);
    Ok(printer.print())
}

/// The positions along an axis that are shown; `None` stands for what is left out.
fn shown(size: usize, short: bool) -> Vec<Option<usize>> {
    if short && size > 2 * EDGE {
        let ends = (0..EDGE).map(Some).chain([None]);
        ends.chain((size - EDGE..size).map(Some)).collect()
    } else {
        (0..size).map(Some).collect()
    }
}

/// How all elements of a tensor are written.
#[derive(Default)]
struct Format {
    style: Style,
    precision: usize,
    width: usize,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Style {
    #[default]
    Integer,
    Truth,
    /// A float that is a whole number, as all of them are: `3.`
    Whole,
    Fixed,
    Power,
}

impl Format {
    fn new(values: &[f64], dtype: DType, precision: usize) -> Self {
        let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite() && *v != 0.0).collect();
        let style = match dtype {
            DType::Bool => Style::Truth,
            _ if !dtype.is_float() => Style::Integer,
            _ => {
                let low = finite.iter().fold(f64::INFINITY, |low, v| low.min(v.abs()));
                let high = finite.iter().fold(0.0f64, |high, v| high.max(v.abs()));
                if !finite.is_empty() && (high / low > 1000.0 || high > 1e8 || low < 1e-4) {
                    Style::Power
                } else if finite.iter().all(|v| v.fract() == 0.0) {
                    Style::Whole
                } else {
                    Style::Fixed
                }
            }
        };
        let mut format = Self { style, precision, width: 0 };
        format.width = values.iter().map(|&v| format.plain(v).len()).max().unwrap_or(0);
        format
    }

    fn plain(&self, value: f64) -> String {
        if value.is_nan() {
            return "nan".into();
        }
        if value.is_infinite() {
            return if value > 0.0 { "inf".into() } else { "-inf".into() };
        }
        match self.style {
            Style::Truth => (value != 0.0).to_string(),
            Style::Integer => value.to_string(),
            Style::Whole => format!("{value:.0}."),
            Style::Fixed => format!("{value:.*}", self.precision),
            Style::Power => {
                // Rust writes 1.5e-3 where others write 1.5000e-03
                let text = format!("{value:.*e}", self.precision);
                match text.split_once('e') {
                    Some((digits, power)) => {
                        let (sign, power) = power.strip_prefix('-').map_or(('+', power), |p| ('-', p));
                        format!("{digits}e{sign}{power:0>2}")
                    }
                    None => text,
                }
            }
        }
    }
}

struct Printer<'a> {
    data: &'a [f64],
    shape: &'a [usize],
    /// For each axis, what is shown along it.
    axes: Vec<Vec<Option<usize>>>,
    format: Format,
}

impl Printer<'_> {
    /// The places of all shown entries of some outer axes, counted in units of what lies inside of them.
    fn places(&self, axes: &[Vec<Option<usize>>]) -> Vec<usize> {
        let mut places = vec![0usize];
        for (axis, &size) in axes.iter().zip(self.shape) {
            let along = |place: usize| axis.iter().flatten().map(move |i| place * size + i);
            places = places.into_iter().flat_map(along).collect();
        }
        places
    }

    /// The elements that are shown.
    fn visible(&self) -> Vec<f64> {
        self.places(&self.axes).into_iter().filter_map(|place| self.data.get(place).copied()).collect()
    }

    /// The whole picture: lines along the last axis, put between brackets axis by axis from the inside out.
    fn print(&self) -> String {
        let Some((last, outer)) = self.axes.split_last() else {
            return self.data.first().map(|&value| self.format.plain(value)).unwrap_or_default();
        };
        let depth = outer.len();
        let mut parts: Vec<String> =
            self.places(outer).into_iter().map(|place| self.row(place, last, depth)).collect();
        for (axis, entries) in outer.iter().enumerate().rev() {
            let between = format!(",{}{}", "\n".repeat(depth - axis), " ".repeat(axis + 1));
            let count = entries.iter().flatten().count().max(1);
            let group = |chunk: &[String]| {
                let mut chunk = chunk.iter();
                let part = |entry: &Option<usize>| match entry {
                    Some(_) => chunk.next().cloned().unwrap_or_default(),
                    None => "...".into(),
                };
                format!("[{}]", entries.iter().map(part).collect::<Vec<String>>().join(&between))
            };
            parts = parts.chunks(count).map(group).collect();
        }
        parts.concat()
    }

    /// One line along the last axis, or several if it is long.
    fn row(&self, place: usize, last: &[Option<usize>], depth: usize) -> String {
        let size = self.shape.last().copied().unwrap_or(1);
        let indent = depth + 1;
        let a_line = (LINE.saturating_sub(indent) / (self.format.width + 2)).max(1);
        let entry = |entry: &Option<usize>| match entry {
            Some(j) => {
                let value = self.data.get(place * size + j).copied().unwrap_or(f64::NAN);
                format!("{:>1$}", self.format.plain(value), self.format.width)
            }
            None => " ...".into(),
        };
        let entries: Vec<String> = last.iter().map(entry).collect();
        let lines: Vec<String> = entries.chunks(a_line).map(|line| line.join(", ")).collect();
        format!("[{}]", lines.join(&format!(",\n{}", " ".repeat(indent))))
    }
}
