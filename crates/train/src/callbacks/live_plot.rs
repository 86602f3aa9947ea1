use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use super::{Callback, Flow, Training};
use crate::history::short;
use crate::{EpochRow, History, Result};

/// Draws the loss curves in the terminal and draws them anew after every epoch, on standard error: `*` for the
/// training loss, `o` for the validation loss. Where standard error is no terminal, it does nothing. As it moves the
/// cursor, it goes with [`Progress::hidden`](crate::Progress::hidden) only.
///
/// ```no_run
/// # use anygrad_train::{Fit, Progress, callbacks::LivePlot};
/// let mut plot = LivePlot::new();
/// let fit = Fit { callbacks: &mut [&mut plot], progress: Progress::hidden(), ..Fit::default() };
/// ```
pub struct LivePlot {
    output: Option<Box<dyn Write + Send>>,
    width: usize,
    height: usize,
    /// Lines that the last picture took.
    drawn: usize,
}

impl LivePlot {
    /// 60 characters wide and 12 lines high.
    pub fn new() -> Self {
        let terminal = io::stderr().is_terminal();
        let output = terminal.then(|| Box::new(io::stderr()) as Box<dyn Write + Send>);
        Self { output, width: 60, height: 12, drawn: 0 }
    }

    /// Draws to `output`, whatever that is.
    #[must_use]
    pub fn to(mut self, output: impl Write + Send + 'static) -> Self {
        self.output = Some(Box::new(output));
        self
    }

    /// Another size of the area of the curves, in characters and lines; 0 is taken as 1.
    #[must_use]
    pub fn size(mut self, width: usize, height: usize) -> Self {
        (self.width, self.height) = (width.max(1), height.max(1));
        self
    }

    fn picture(&self, history: &History) -> String {
        let losses = |part: fn(&EpochRow) -> Option<f32>| -> Vec<f64> {
            history.rows().iter().map(|row| part(row).map_or(f64::NAN, f64::from)).collect()
        };
        let train = losses(|row| Some(row.train.loss));
        let validation = losses(|row| row.validation.as_ref().map(|scores| scores.loss));
        text_chart(&[("train", &train), ("validation", &validation)], self.width, self.height)
    }
}

impl Default for LivePlot {
    fn default() -> Self {
        Self::new()
    }
}

impl Callback for LivePlot {
    fn end_epoch(&mut self, _: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        let picture = self.picture(training.history());
        let up = self.drawn;
        self.drawn = picture.lines().count();
        if let Some(output) = &mut self.output {
            // back to where the last picture began, whose rest is wiped
            let back = if up > 0 { format!("\x1b[{up}A\x1b[J") } else { String::new() };
            // there is nobody to tell that nobody looks
            let _ = write!(output, "{back}{picture}").and_then(|()| output.flush());
        }
        Ok(Flow::Continue)
    }
}

/// Values as one line of small bars, from the least to the greatest; a space for one that is not finite.
///
/// ```
/// assert_eq!(anygrad_train::callbacks::sparkline(&[1.0, 2.0, 8.0, f64::NAN, 4.0]), "▁▂█ ▄");
/// ```
pub fn sparkline(values: &[f64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let (low, high) = range(values.iter().copied());
    let bar = |&value: &f64| match value.is_finite() {
        true => BARS[level(value, low, high, BARS.len())],
        false => ' ',
    };
    values.iter().map(bar).collect()
}

/// Curves in characters, `width` wide and `height` lines high, with the least and the greatest value beside them and a
/// legend below; each line ends with a newline. The first curve is drawn with `*`, the others with `o`, `+` and `x`. A
/// curve with more values than there is room for is thinned out; values that are not finite are left out, and curves
/// without any other value.
///
/// ```
/// let chart = anygrad_train::callbacks::text_chart(&[("loss", &[4.0, 2.0, 1.0, 1.0])], 4, 3);
/// assert_eq!(chart, "\
/// 4.0000 |*
///        | *
/// 1.0000 |  **
///         * loss
/// ");
/// ```
pub fn text_chart(curves: &[(&str, &[f64])], width: usize, height: usize) -> String {
    const MARKS: [char; 4] = ['*', 'o', '+', 'x'];
    let (width, height) = (width.clamp(1, 1000), height.clamp(1, 1000));
    let (low, high) = range(curves.iter().flat_map(|(_, values)| values.iter().copied()));
    let longest = curves.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let mut grid = vec![vec![' '; width]; height];
    let mut legend = Vec::new();
    // the first curve lies on top
    for (at, (name, values)) in curves.iter().enumerate().rev() {
        let mark = MARKS[at % MARKS.len()];
        let mut seen = false;
        for (at, &value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            let column = if longest <= width { at } else { at * width / longest };
            let row = height - 1 - level(value, low, high, height);
            if let Some(cell) = grid.get_mut(row).and_then(|row| row.get_mut(column)) {
                *cell = mark;
                seen = true;
            }
        }
        if seen {
            legend.insert(0, format!("{mark} {name}"));
        }
    }
    let (top, bottom) = (short(high as f32), short(low as f32));
    let margin = top.len().max(bottom.len());
    let mut text = String::new();
    for (at, row) in grid.iter().enumerate() {
        let label = match at {
            0 => &top,
            at if at + 1 == height => &bottom,
            _ => "",
        };
        // writing to a String cannot fail
        let _ = writeln!(text, "{label:>margin$} |{}", row.iter().collect::<String>().trim_end());
    }
    let _ = writeln!(text, "{:margin$}  {}", "", legend.join("  "));
    text
}

/// The least and the greatest finite value; 0 and 0 without any.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let ends =
        values.filter(|value| value.is_finite()).fold(None, |ends: Option<(f64, f64)>, value| match ends {
            Some((low, high)) => Some((low.min(value), high.max(value))),
            None => Some((value, value)),
        });
    ends.unwrap_or((0.0, 0.0))
}

/// Which of `levels` levels, from 0, a value stands on.
fn level(value: f64, low: f64, high: f64, levels: usize) -> usize {
    // a range that is infinite, or nothing, has one level
    let part = (value - low) / (high - low);
    let last = levels.saturating_sub(1);
    if part.is_finite() { ((part * last as f64).round().max(0.0) as usize).min(last) } else { 0 }
}
