//! Several small charts on one sheet.

use super::axis::Axis;
use super::check::{count, finite, not_empty, same_length};
use super::frame::{Frame, Sample, legend, title};
use super::picture::{Text, fitted};
use super::{Anchor, Colour, Picture, Stroke};
use crate::Result;

/// The area of the curves of a panel.
const SIDES: (f64, f64) = (220.0, 150.0);
/// From one panel to the next.
const STEP: (f64, f64) = (300.0, 226.0);
const LEFT: f64 = 64.0;
const MOST: usize = 60;

/// A sheet for `panels` panels below `top`, and the upper left corner of each.
fn sheet(panels: usize, top: f64) -> (Picture, Vec<(f64, f64)>) {
    let columns = panels.clamp(1, 3);
    let corner = |index: usize| {
        (LEFT + STEP.0 * (index % columns) as f64, top + 26.0 + STEP.1 * (index / columns) as f64)
    };
    let rows = panels.div_ceil(columns);
    let picture = Picture::new(24.0 + STEP.0 * columns as f64, top + 12.0 + STEP.1 * rows as f64);
    (picture, (0..panels).map(corner).collect())
}

fn frame((left, top): (f64, f64), x: Axis, y: Axis) -> Frame {
    Frame { left, top, right: left + SIDES.0, bottom: top + SIDES.1, x, y }
}

fn caption(picture: &mut Picture, text: &str, (left, top): (f64, f64)) {
    let text = fitted(text, 13.0, SIDES.0);
    picture.put_text(Text::new(text, left + SIDES.0 / 2.0, top - 9.0, 13.0, Anchor::Middle).bold());
}

/// A function with its derivative, at some places.
#[derive(Clone, Debug)]
pub struct FunctionCurve<'a> {
    /// Its name.
    pub name: &'a str,
    /// The places, ascending.
    pub x: &'a [f32],
    /// The values there.
    pub y: &'a [f32],
    /// The derivatives there.
    pub slope: &'a [f32],
}

/// A panel for each function, with its curve and that of its derivative; see
/// [`activation_curves`](super::activation_curves) for functions of tensors.
///
/// # Errors
/// No curve or more than 60; fewer than two places; lengths that differ; a value that is not finite.
///
/// ```
/// use anygrad_train::pictures::{FunctionCurve, function_curves};
/// let square = FunctionCurve { name: "square", x: &[-1.0, 0.0, 1.0], y: &[1.0, 0.0, 1.0], slope: &[-2.0, 0.0, 2.0] };
/// assert!(function_curves("Functions", &[square])?.to_svg().contains(">square</text>"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn function_curves(heading: &str, curves: &[FunctionCurve<'_>]) -> Result<Picture> {
    const NAME: &str = "function curves";
    count(NAME, "the number of curves", curves.len(), 1, MOST)?;
    let (mut picture, corners) = sheet(curves.len(), 62.0);
    title(&mut picture, heading, LEFT);
    let value = Stroke::new(Colour::of(0), 2.0);
    let slope = Stroke { dashed: true, ..Stroke::new(Colour::of(1), 2.0) };
    let entries = [("value".to_owned(), Sample::Line(value)), ("derivative".to_owned(), Sample::Line(slope))];
    legend(&mut picture, &entries, (LEFT, 52.0, picture_right(curves.len())));
    for (curve, corner) in curves.iter().zip(corners) {
        let named = |what: &str| format!("{what} of {:?}", curve.name);
        count(NAME, &named("the number of places"), curve.x.len(), 2, 1_000_000)?;
        for (what, values) in [("x", curve.x), ("y", curve.y), ("slope", curve.slope)] {
            same_length(NAME, (&named(what), values.len()), (&named("x"), curve.x.len()))?;
            finite(NAME, &named(what), values.iter().copied().map(f64::from))?;
        }
        let all = |values: &'_ [f32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
        let (x, y, slopes) = (all(curve.x), all(curve.y), all(curve.slope));
        let axis = Axis::linear(y.iter().chain(&slopes).copied());
        let frame = frame(corner, Axis::within(x.iter().copied()), axis);
        frame.grid(&mut picture, true);
        frame.axes(&mut picture, "", "");
        caption(&mut picture, curve.name, corner);
        picture.line(&frame.all(x.iter().copied().zip(slopes)), slope);
        picture.line(&frame.all(x.into_iter().zip(y)), value);
    }
    Ok(picture)
}

fn picture_right(panels: usize) -> f64 {
    STEP.0 * panels.clamp(1, 3) as f64
}

/// How the values of weights, gradients or activations spread: a panel for each of them, with `bins` equal bins from
/// its least to its greatest value, and mean and standard deviation in its caption.
///
/// # Errors
/// No panel or more than 60; fewer than 2 bins or more than 200; a panel without a value, or with one that is not
/// finite.
///
/// ```
/// use anygrad_train::pictures::histograms;
/// let weights: Vec<f32> = (0..1000).map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0).collect();
/// let picture = histograms("Weights", &[("fc1.weight", &weights)], 30)?;
/// assert!(picture.to_svg().contains("fc1.weight"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn histograms(heading: &str, panels: &[(&str, &[f32])], bins: usize) -> Result<Picture> {
    const NAME: &str = "histograms";
    count(NAME, "the number of panels", panels.len(), 1, MOST)?;
    count(NAME, "bins", bins, 2, 200)?;
    let (mut picture, corners) = sheet(panels.len(), 44.0);
    title(&mut picture, heading, LEFT);
    for ((name, values), corner) in panels.iter().zip(corners) {
        not_empty(NAME, name, values)?;
        finite(NAME, name, values.iter().copied().map(f64::from))?;
        let (low, high, counts) = counted(values, bins);
        let axis = Axis::linear(counts.iter().map(|count| *count as f64).chain([0.0]));
        let frame = frame(corner, Axis::exact(low, high, 4.0), axis);
        frame.grid(&mut picture, false);
        let width = (high - low) / bins as f64;
        for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (left, bottom) = frame.at(low + width * bin as f64, 0.0);
            let (right, top) = frame.at(low + width * (bin + 1) as f64, *count as f64);
            picture.rectangle(left, top, right - left, bottom - top, Some(Colour::of(0)), None);
        }
        frame.axes(&mut picture, "", "");
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>();
        let deviation = (squares / values.len() as f64).sqrt();
        caption(&mut picture, name, corner);
        let text = format!("mean {}, deviation {}", short(mean), short(deviation));
        let (x, y) = (corner.0 + SIDES.0 / 2.0, corner.1 + SIDES.1 + 37.0);
        picture.text(text, x, y, 11.0, Anchor::Middle);
    }
    Ok(picture)
}

fn short(value: f64) -> String {
    match value == 0.0 || (1e-3..1e4).contains(&value.abs()) {
        true => format!("{value:.3}"),
        false => format!("{value:.2e}"),
    }
}

/// The range of the values, and how many lie in each bin; the greatest belongs to the last one.
fn counted(values: &[f32], bins: usize) -> (f64, f64, Vec<usize>) {
    let all = || values.iter().copied().map(f64::from);
    let (mut low, mut high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    if high - low <= 1e-9 * low.abs().max(high.abs()) {
        let room = if low == 0.0 { 1.0 } else { low.abs() / 2.0 };
        (low, high) = (low - room, high + room);
    }
    let mut counts = vec![0; bins];
    for value in all() {
        let bin = ((value - low) / (high - low) * bins as f64) as usize;
        if let Some(count) = counts.get_mut(bin.min(bins - 1)) {
            *count += 1;
        }
    }
    (low, high, counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        let values: Vec<f32> = (0..=100).map(|i| i as f32).collect();
        let (low, high, counts) = counted(&values, 10);
        assert_eq!((low, high), (0.0, 100.0));
        assert_eq!(counts, [10, 10, 10, 10, 10, 10, 10, 10, 10, 11]);
        let (low, high, counts) = counted(&[2.0; 7], 4);
        assert_eq!((low, high, counts), (1.0, 3.0, vec![0, 0, 7, 0]));
    }
}
