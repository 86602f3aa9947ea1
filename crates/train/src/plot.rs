use std::fmt::Write;
use std::path::Path;

use crate::axis::Axis;
use crate::{Result, files};

/// A line chart, drawn as SVG.
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
    log_y: bool,
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
/// The area of the curves.
const LEFT: f64 = 78.0;
const TOP: f64 = 76.0;
const RIGHT: f64 = 696.0;
const BOTTOM: f64 = 384.0;
/// More points than this on a line are drawn without dots.
const MOST_DOTS: usize = 40;
const COLOURS: [&str; 6] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"];

impl Chart {
    /// A chart without a line.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// What the horizontal axis counts.
    pub fn x_label(self, label: impl Into<String>) -> Self {
        Self { x_label: label.into(), ..self }
    }

    /// What the vertical axis measures.
    pub fn y_label(self, label: impl Into<String>) -> Self {
        Self { y_label: label.into(), ..self }
    }

    /// Another title.
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Adds a line through `points`, pairs of x (whole numbers: epochs or steps) and y, with x ascending.
    pub fn line(mut self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.lines.push(Line { name: name.into(), points: points.into_iter().collect() });
        self
    }

    /// Makes the vertical axis logarithmic. If a value is not positive it stays linear, and its label says so.
    pub fn log_y(self) -> Self {
        Self { log_y: true, ..self }
    }

    /// Writes the chart to `path`, and makes the folders above it.
    ///
    /// # Errors
    /// [`TrainError::Io`](crate::TrainError::Io) with the path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write(path.as_ref(), &self.to_svg())
    }

    /// The text of the SVG file.
    pub fn to_svg(&self) -> String {
        let (x_axis, y_axis, y_label) = self.axes();
        let mut svg = String::new();
        // writing to a String cannot fail
        let _ = writeln!(
            svg,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#333">"##
        );
        let _ = writeln!(svg, r#"<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>"#);
        let title = escape(&self.title);
        let _ = writeln!(svg, r#"<text x="{LEFT}" y="30" font-size="18" font-weight="bold">{title}</text>"#);
        draw_grid(&mut svg, &x_axis, &y_axis);
        draw_axis_labels(&mut svg, &self.x_label, &y_label);
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            draw_line(&mut svg, &line.points, colour, &x_axis, &y_axis);
        }
        self.draw_legend(&mut svg);
        if !self.points().any(|(x, y)| x.is_finite() && y.is_finite()) {
            let (x, y) = ((LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0);
            let _ =
                writeln!(svg, r#"<text x="{x}" y="{y}" text-anchor="middle">no finite value to draw</text>"#);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.lines.iter().flat_map(|line| line.points.iter().copied())
    }

    /// The axes, and the label of the vertical one with what it says about its scale.
    fn axes(&self) -> (Axis, Axis, String) {
        let x_axis = Axis::whole(self.points().map(|(x, _)| x));
        let log = if self.log_y { Axis::log(self.points().map(|(_, y)| y)) } else { None };
        let scale = match (self.log_y, &log) {
            (false, _) => "",
            (true, Some(_)) => " (log scale)",
            (true, None) => " (linear: not all values are positive)",
        };
        let y_axis = log.unwrap_or_else(|| Axis::linear(self.points().map(|(_, y)| y)));
        (x_axis, y_axis, format!("{}{scale}", self.y_label))
    }

    fn draw_legend(&self, svg: &mut String) {
        let mut x = LEFT;
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let _ = writeln!(
                svg,
                r#"<line x1="{x}" y1="52" x2="{}" y2="52" stroke="{colour}" stroke-width="3"/><text x="{}" y="56.5">{}</text>"#,
                x + 24.0,
                x + 30.0,
                escape(&line.name)
            );
            // 7.5 is about the width of a letter at this size
            x += 30.0 + 7.5 * line.name.chars().count() as f64 + 22.0;
        }
    }
}

fn x_at(axis: &Axis, value: f64) -> f64 {
    LEFT + axis.place(value) * (RIGHT - LEFT)
}

fn y_at(axis: &Axis, value: f64) -> f64 {
    BOTTOM - axis.place(value) * (BOTTOM - TOP)
}

fn draw_grid(svg: &mut String, x_axis: &Axis, y_axis: &Axis) {
    for (value, label) in &y_axis.ticks {
        let y = y_at(y_axis, *value);
        let _ = writeln!(
            svg,
            r##"<line x1="{LEFT}" y1="{y:.1}" x2="{RIGHT}" y2="{y:.1}" stroke="#e3e3e3"/><text x="{}" y="{:.1}" text-anchor="end">{label}</text>"##,
            LEFT - 8.0,
            y + 4.5
        );
    }
    for (value, label) in &x_axis.ticks {
        let x = x_at(x_axis, *value);
        let _ = writeln!(
            svg,
            r##"<line x1="{x:.1}" y1="{BOTTOM}" x2="{x:.1}" y2="{}" stroke="#888"/><text x="{x:.1}" y="{}" text-anchor="middle">{label}</text>"##,
            BOTTOM + 5.0,
            BOTTOM + 20.0
        );
    }
    let _ = writeln!(svg, r##"<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="#888"/>"##);
}

fn draw_axis_labels(svg: &mut String, x_label: &str, y_label: &str) {
    let (x, y) = ((LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0);
    let (x_label, y_label) = (escape(x_label), escape(y_label));
    let _ = writeln!(svg, r#"<text x="{x}" y="{}" text-anchor="middle">{x_label}</text>"#, HEIGHT - 14.0);
    let turn = format!("translate(20 {y}) rotate(-90)");
    let _ = writeln!(svg, r#"<text transform="{turn}" text-anchor="middle">{y_label}</text>"#);
}

fn draw_line(svg: &mut String, points: &[(f64, f64)], colour: &str, x_axis: &Axis, y_axis: &Axis) {
    let mut path = String::new();
    let mut drawn = Vec::new();
    let mut pen_down = false;
    for &(x, y) in points {
        if x.is_finite() && y.is_finite() {
            let (x, y) = (x_at(x_axis, x), y_at(y_axis, y));
            let _ = write!(path, "{}{x:.1} {y:.1}", if pen_down { 'L' } else { 'M' });
            drawn.push((x, y));
        }
        pen_down = x.is_finite() && y.is_finite();
    }
    let _ = writeln!(
        svg,
        r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>"#
    );
    // without dots, a point between two gaps would not be seen
    if points.len() <= MOST_DOTS {
        for (x, y) in drawn {
            let _ = writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#);
        }
    }
}

/// Text as XML may hold it: marks escaped, control characters as spaces.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
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
        assert_eq!((count(&svg, "<circle"), count(&svg, COLOURS[0]), count(&svg, COLOURS[1])), (6, 5, 5));
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
}
