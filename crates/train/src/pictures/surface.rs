use std::fmt::Write;

use super::axis::Axis;
use super::check::{count, range, wrong};
use super::field::{Field, centres};
use super::frame::{Frame, Sample, colour_bar, legend, marker, title};
use super::{Colour, ColourMap, Picture, Stroke};
use crate::Result;

const NAME: &str = "loss surface";

/// A loss over two numbers: two parameters, or the way along two directions in the space of all parameters.
///
/// ```
/// use anygrad_train::pictures::LossSurface;
/// let surface = LossSurface::measure((-1.0, 1.0), (-1.0, 1.0), 20, |a, b| Ok(a * a + 10.0 * b * b))?;
/// assert_eq!(surface.losses().len(), 400);
/// assert!(surface.to_csv().starts_with("first,second,loss\n-0.95,-0.95,9.9275"));
/// assert!(surface.picture("Bowl")?.to_svg().contains(">Bowl</text>"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LossSurface {
    field: Field,
}

impl LossSurface {
    /// Calls `loss` at the centres of `cells`² equal cells over the two ranges, one row after the other. A loss that
    /// is not finite leaves a hole.
    ///
    /// # Errors
    /// A range that does not ascend; fewer than 2 cells on a side or more than 512; what `loss` returns.
    pub fn measure(
        first: (f64, f64),
        second: (f64, f64),
        cells: usize,
        mut loss: impl FnMut(f64, f64) -> Result<f64>,
    ) -> Result<Self> {
        range(NAME, "the first range", first)?;
        range(NAME, "the second range", second)?;
        count(NAME, "the number of cells on a side", cells, 2, 512)?;
        let values = centres(first, second, cells).into_iter().map(|(a, b)| loss(a, b));
        Ok(Self {
            field: Field { x: first, y: second, columns: cells, values: values.collect::<Result<_>>()? },
        })
    }

    /// The losses, row after row: the first number changes fastest.
    pub fn losses(&self) -> &[f64] {
        &self.field.values
    }

    /// A line for each cell: the two numbers and the loss.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("first,second,loss\n");
        let places = centres(self.field.x, self.field.y, self.field.columns);
        for ((first, second), loss) in places.into_iter().zip(&self.field.values) {
            // writing to a String cannot fail
            let _ = writeln!(text, "{first},{second},{loss}");
        }
        text
    }

    /// The surface as colours with lines of equal loss. Colours are logarithmic where all losses are positive and the
    /// greatest is above 50 times the least.
    ///
    /// # Errors
    /// No loss is finite.
    pub fn picture(&self, heading: &str) -> Result<Picture> {
        self.with_paths(heading, ("first direction", "second direction"), &[])
    }

    /// The surface with the ways of gradient descents on it, each a list of places with a name for the legend: from
    /// the circle to the diamond. Parts outside of the ranges are left out. `labels` are those of the two axes.
    ///
    /// # Errors
    /// No loss is finite.
    ///
    /// ```
    /// use anygrad_train::pictures::LossSurface;
    /// let surface = LossSurface::measure((-2.0, 2.0), (-1.0, 1.0), 60, |a, b| Ok(a * a + 9.0 * b * b))?;
    /// let (mut at, mut path) = ([-1.8, 0.9], vec![]);
    /// for _ in 0..20 {
    ///     path.push(at);
    ///     at = [at[0] * 0.8, at[1] * -0.8];
    /// }
    /// let picture = surface.with_paths("Descent", ("w", "b"), &[("full batches", &path)])?;
    /// assert!(picture.to_svg().contains(">full batches</text>"));
    /// # Ok::<(), anygrad_train::TrainError>(())
    /// ```
    pub fn with_paths(
        &self,
        heading: &str,
        labels: (&str, &str),
        paths: &[(&str, &[[f64; 2]])],
    ) -> Result<Picture> {
        let (axis, logarithmic) = self.scale()?;
        let (left, extent) = (84.0, 420.0);
        let names: Vec<_> =
            paths.iter().enumerate().map(|(index, (name, _))| path_sample(index, name)).collect();
        let place = (left, 52.0, left + extent);
        let taller = legend(&mut Picture::new(0.0, 0.0), &names, place);
        let top = if paths.is_empty() { 56.0 } else { 76.0 + taller };
        let mut picture = Picture::new(left + extent + 130.0, top + extent + 60.0);
        title(&mut picture, heading, left);
        legend(&mut picture, &names, place);

        let frame = self.field.frame((left, top), (extent, extent));
        self.field.fill(&mut picture, &frame, |loss| match loss.is_finite() {
            true => ColourMap::Viridis.at(axis.place(loss)),
            false => Colour::GRID,
        });
        for level in levels(&axis, logarithmic) {
            let stroke = Stroke::new(Colour::WHITE.with_opacity(0.6), 1.0);
            self.field.draw_contour(&mut picture, &frame, level, stroke);
        }
        for (index, (_, path)) in paths.iter().enumerate() {
            self.draw_path(&mut picture, &frame, index, path);
        }
        frame.axes(&mut picture, labels.0, labels.1);
        let label = if logarithmic { "loss (log scale)" } else { "loss" };
        let right = left + extent;
        colour_bar(&mut picture, ColourMap::Viridis, &axis, (right + 20.0, top, top + extent), label);
        Ok(picture)
    }

    /// The axis of the colours, and whether it is logarithmic.
    fn scale(&self) -> Result<(Axis, bool)> {
        let finite = || self.field.values.iter().copied().filter(|loss| loss.is_finite());
        let (low, high) =
            finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return Err(wrong(NAME, "no loss is finite"));
        }
        let log = if low > 0.0 && high / low > 50.0 { Axis::exact_log(low, high) } else { None };
        let logarithmic = log.is_some();
        Ok((log.unwrap_or_else(|| Axis::exact(low, high, 6.0)), logarithmic))
    }

    fn draw_path(&self, picture: &mut Picture, frame: &Frame, index: usize, path: &[[f64; 2]]) {
        let ((x0, x1), (y0, y1)) = (self.field.x, self.field.y);
        // a place outside breaks the line, as one that is not finite does
        let inside = |&[x, y]: &[f64; 2]| match (x0..=x1).contains(&x) && (y0..=y1).contains(&y) {
            true => frame.at(x, y),
            false => (f64::NAN, f64::NAN),
        };
        let points: Vec<_> = path.iter().map(inside).collect();
        let colour = path_colour(index);
        picture.line(&points, Stroke::new(Colour::hex(0x222222), 3.4));
        picture.line(&points, Stroke::new(colour, 2.0));
        if points.len() <= 200 {
            for (x, y) in &points {
                picture.circle(*x, *y, 2.2, Some(colour), Some(Stroke::new(Colour::hex(0x222222), 0.6)));
            }
        }
        for (shape, end) in [(0, points.first()), (3, points.last())] {
            if let Some(end) = end {
                marker(picture, shape, *end, 6.0, colour);
            }
        }
    }
}

/// Colours that are seen on viridis.
fn path_colour(index: usize) -> Colour {
    let colours = [0xFFFFFF, 0xFF7F50, 0xFF9EDB, 0x000000];
    Colour::hex(colours.into_iter().cycle().nth(index % colours.len()).unwrap_or_default())
}

fn path_sample(index: usize, name: &str) -> (String, Sample) {
    (name.to_owned(), Sample::Outlined(path_colour(index)))
}

/// Twelve levels that part the axis evenly.
fn levels(axis: &Axis, logarithmic: bool) -> impl Iterator<Item = f64> + '_ {
    (1..=12).map(move |step| {
        let share = f64::from(step) / 13.0;
        match logarithmic {
            true => axis.low() * (axis.high() / axis.low()).powf(share),
            false => axis.low() + (axis.high() - axis.low()) * share,
        }
    })
}
