use std::path::Path;

use super::axis::Axis;
use super::frame::{Frame, Sample, legend, marker, title};
use super::picture::Text;
use super::{Anchor, Colour, Picture, Stroke};
use crate::Result;

/// Lines and points over two axes, drawn as SVG or PNG.
///
/// Values that are not finite (a loss that became NaN) break the line. Drawn on white, in colours that people with
/// any colour vision tell apart (Okabe and Ito, "Color universal design", 2008).
///
/// ```
/// use anygrad_train::Chart;
/// let svg = Chart::new("Loss")
///     .x_label("epoch")
///     .y_label("loss")
///     .line("train", [(1.0, 2.3), (2.0, 0.4), (3.0, 0.1)])
///     .log_y()
///     .to_svg();
/// assert!(svg.starts_with("<svg") && svg.contains("loss (log scale)"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Chart {
    title: String,
    x_label: String,
    y_label: String,
    log_x: bool,
    log_y: bool,
    x_range: Option<(f64, f64)>,
    y_range: Option<(f64, f64)>,
    size: Option<(f64, f64)>,
    series: Vec<Series>,
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    kind: Kind,
    colour: Colour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Line,
    Bare,
    /// A grey dashed line.
    Guide,
    Points,
}

const SIZE: (f64, f64) = (720.0, 440.0);
/// What the area of the curves leaves free on each side.
const LEFT: f64 = 84.0;
const TOP: f64 = 76.0;
const RIGHT: f64 = 24.0;
const BOTTOM: f64 = 56.0;
/// More points than this on a line are drawn without dots.
const MOST_DOTS: usize = 40;

impl Chart {
    /// A chart without a line.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// What the horizontal axis counts.
    #[must_use]
    pub fn x_label(self, label: impl Into<String>) -> Self {
        Self { x_label: label.into(), ..self }
    }

    /// What the vertical axis measures.
    #[must_use]
    pub fn y_label(self, label: impl Into<String>) -> Self {
        Self { y_label: label.into(), ..self }
    }

    /// Another title.
    #[must_use]
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Adds a line through `points`, pairs of x and y in the order in which they are joined. Where all x of a chart
    /// of lines are whole numbers (epochs or steps), ticks stand at whole numbers only.
    #[must_use]
    pub fn line(self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.with(name, points, Kind::Line)
    }

    /// Like [`Chart::line`], without dots where points are few.
    pub(crate) fn line_without_dots(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.with(name, points, Kind::Bare)
    }

    /// Another size than 720 by 440 pixels; at least 240 by 200. A long legend adds to the height.
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: Some((width.max(240.0), height.max(200.0))), ..self }
    }

    /// Adds points that are not joined, pairs of x and y.
    #[must_use]
    pub fn points(self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.with(name, points, Kind::Points)
    }

    /// Adds a grey dashed line for comparison: chance, a bar, the ideal.
    #[must_use]
    pub fn guide(self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.with(name, points, Kind::Guide)
    }

    fn with(
        mut self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
        kind: Kind,
    ) -> Self {
        let colour = match kind {
            Kind::Guide => Colour::AXIS,
            _ => Colour::of(self.series.iter().filter(|series| series.kind != Kind::Guide).count()),
        };
        self.series.push(Series { name: name.into(), points: points.into_iter().collect(), kind, colour });
        self
    }

    /// Makes the horizontal axis logarithmic. If a value is not positive it stays linear, and its label says so.
    #[must_use]
    pub fn log_x(self) -> Self {
        Self { log_x: true, ..self }
    }

    /// Makes the vertical axis logarithmic. If a value is not positive it stays linear, and its label says so.
    #[must_use]
    pub fn log_y(self) -> Self {
        Self { log_y: true, ..self }
    }

    /// Lets the horizontal axis reach from `low` to `high` at least.
    #[must_use]
    pub fn x_range(self, low: f64, high: f64) -> Self {
        Self { x_range: Some((low, high)), ..self }
    }

    /// Lets the vertical axis reach from `low` to `high` at least.
    #[must_use]
    pub fn y_range(self, low: f64, high: f64) -> Self {
        Self { y_range: Some((low, high)), ..self }
    }

    /// Writes the chart to `path`, as SVG or PNG by its extension, and makes the folders above it.
    ///
    /// # Errors
    /// The extension is neither `svg` nor `png`, and [`TrainError::Io`](crate::TrainError::Io) with the path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.draw().save(path)
    }

    /// The text of the SVG file.
    pub fn to_svg(&self) -> String {
        self.draw().to_svg()
    }

    /// The bytes of the PNG file; see [`Picture::to_png`].
    ///
    /// # Errors
    /// The feature `png` is off.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        self.draw().to_png()
    }

    /// The drawing, to which more can be added.
    pub fn draw(&self) -> Picture {
        let entries: Vec<_> = self.series.iter().enumerate().map(|(i, series)| series.entry(i)).collect();
        // a first drawing tells how many lines the legend needs
        let (width, height) = self.size.unwrap_or(SIZE);
        let place = (LEFT, 52.0, width - RIGHT);
        let taller = legend(&mut Picture::new(width, height), &entries, place);
        let mut picture = Picture::new(width, height + taller);
        title(&mut picture, &self.title, LEFT);
        legend(&mut picture, &entries, place);

        let (x, x_label) = self.x_axis();
        let (y, y_label) = self.y_axis();
        let (top, right, bottom) = (TOP + taller, width - RIGHT, height + taller - BOTTOM);
        let frame = Frame { left: LEFT, top, right, bottom, x, y };
        frame.grid(&mut picture, self.series.iter().any(|series| series.kind == Kind::Points));
        frame.axes(&mut picture, &x_label, &y_label);
        for (index, series) in self.series.iter().enumerate() {
            series.draw(&mut picture, &frame, index);
        }
        if !self.xs().zip(self.ys()).any(|(x, y)| x.is_finite() && y.is_finite()) {
            let (x, y) = ((LEFT + right) / 2.0, (top + bottom) / 2.0);
            picture.put_text(Text::new("no finite value to draw", x, y, 13.0, Anchor::Middle));
        }
        picture
    }

    fn xs(&self) -> impl Iterator<Item = f64> + '_ {
        self.series.iter().flat_map(|series| series.points.iter().map(|(x, _)| *x))
    }

    fn ys(&self) -> impl Iterator<Item = f64> + '_ {
        self.series.iter().flat_map(|series| series.points.iter().map(|(_, y)| *y))
    }

    /// The horizontal axis, and its label with what it says about its scale.
    fn x_axis(&self) -> (Axis, String) {
        let values = reaching(self.xs(), self.x_range);
        let all = || values.iter().copied();
        let joined = self.series.iter().all(|series| series.kind != Kind::Points);
        let whole = all().filter(|value| value.is_finite()).all(|value| value.fract() == 0.0);
        scaled(&self.x_label, &values, self.log_x, || match joined {
            true if whole => Axis::whole(all()),
            true => Axis::within(all()),
            false => Axis::linear(all()),
        })
    }

    fn y_axis(&self) -> (Axis, String) {
        let values = reaching(self.ys(), self.y_range);
        scaled(&self.y_label, &values, self.log_y, || Axis::linear(values.iter().copied()))
    }
}

fn reaching(values: impl Iterator<Item = f64>, range: Option<(f64, f64)>) -> Vec<f64> {
    values.chain(range.into_iter().flat_map(|(low, high)| [low, high])).collect()
}

/// The logarithmic axis if it is wanted and possible, or the linear one.
fn scaled(label: &str, values: &[f64], log: bool, linear: impl FnOnce() -> Axis) -> (Axis, String) {
    match if log { Axis::log(values.iter().copied()) } else { None } {
        Some(axis) => (axis, format!("{label} (log scale)")),
        None if log => (linear(), format!("{label} (linear: not all values are positive)")),
        None => (linear(), label.to_owned()),
    }
}

impl Series {
    fn entry(&self, index: usize) -> (String, Sample) {
        let sample = match self.kind {
            Kind::Line | Kind::Bare => Sample::Line(Stroke::new(self.colour, 2.0)),
            Kind::Guide => Sample::Line(Stroke { dashed: true, ..Stroke::new(self.colour, 1.5) }),
            Kind::Points => Sample::Marker(index, self.colour),
        };
        (self.name.clone(), sample)
    }

    fn draw(&self, picture: &mut Picture, frame: &Frame, index: usize) {
        let points = frame.all(self.points.iter().copied());
        match self.kind {
            Kind::Guide => picture.line(&points, Stroke { dashed: true, ..Stroke::new(self.colour, 1.5) }),
            Kind::Line | Kind::Bare => {
                picture.line(&points, Stroke::new(self.colour, 2.0));
                // without dots, a point between two gaps would not be seen
                if self.kind == Kind::Line && points.len() <= MOST_DOTS {
                    points.iter().for_each(|(x, y)| picture.circle(*x, *y, 3.0, Some(self.colour), None));
                }
            }
            Kind::Points => {
                points.iter().for_each(|at| marker(picture, index, *at, 4.0, self.colour));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(svg: &str, part: &str) -> usize {
        svg.matches(part).count()
    }

    #[test]
    fn a_chart_has_title_labels_legend_ticks_and_curves() {
        let svg = Chart::new("Loss <of> a & b\u{7}")
            .x_label("epoch")
            .y_label("loss")
            .line("train", [(1.0, 1.0), (2.0, 0.5), (3.0, 0.25)])
            .line("validation", [(1.0, 0.9), (2.0, 0.6), (3.0, 0.4)])
            .to_svg();
        for text in
            ["Loss &lt;of&gt; a &amp; b <", ">epoch<", ">loss<", ">train<", ">validation<", ">0.4<", ">3<"]
        {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
        assert_eq!((count(&svg, "<circle"), count(&svg, "#0072B2"), count(&svg, "#D55E00")), (6, 5, 5));
        // y runs from 0.2 to 1.0: the first point of train stands at the upper left corner
        assert!(svg.contains(&format!("M{LEFT:.1} {TOP:.1}L")), "{svg}");
    }

    #[test]
    fn values_that_are_not_finite_break_the_line() {
        let values = [1.0, 2.0, f64::NAN, 3.0, f64::INFINITY, 4.0, 5.0];
        let points = values.iter().enumerate().map(|(x, &y)| (x as f64, y));
        let svg = Chart::new("").line("l", points).to_svg();
        let path = svg.lines().find(|line| line.contains(r#"stroke-width="2""#)).unwrap();
        assert_eq!((count(path, "M"), count(path, "L")), (3, 2));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn nothing_or_one_point_can_be_drawn() {
        assert!(Chart::new("").to_svg().contains("no finite value to draw"));
        assert!(
            Chart::new("").log_y().line("l", [(1.0, f64::NAN)]).to_svg().contains("no finite value to draw")
        );
        let svg = Chart::new("").line("l", [(1.0, 0.0)]).to_svg();
        assert_eq!(count(&svg, "<circle"), 1);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn a_log_scale_is_used_or_its_absence_said() {
        let chart =
            |low: f64| Chart::new("").y_label("loss").line("l", [(1.0, low), (2.0, 10.0)]).log_y().to_svg();
        assert!(chart(0.1).contains(">loss (log scale)<"));
        assert!(chart(0.0).contains(">loss (linear: not all values are positive)<"));
    }

    #[test]
    fn a_long_legend_takes_more_lines_and_shifts_the_rest() {
        let mut chart = Chart::new("Many");
        for index in 0..12 {
            chart = chart.points(format!("a rather long name {index}"), [(0.5, 1.0), (1.5, 2.0)]);
        }
        let picture = chart.draw();
        assert!(picture.height() > SIZE.1 + 30.0, "{}", picture.height());
        assert_eq!(picture.to_svg(), chart.to_svg());
    }
}
