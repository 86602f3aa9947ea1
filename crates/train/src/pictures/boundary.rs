use super::check::{count, finite, not_empty, same_length, wrong};
use super::field::{Field, centres};
use super::frame::{Sample, legend, marker, title};
use super::{Colour, Picture, Stroke};
use crate::Result;

/// What a classifier says about points.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The class of each point.
    Classes(Vec<usize>),
    /// The probability of the second class, for each point, of two classes.
    Probabilities(Vec<f32>),
}

const NAME: &str = "decision boundary";
/// Cells along each side of the picture.
const CELLS: usize = 160;

/// The regions that a classifier gives to its classes in the plane of two features, with `points` and their classes
/// `labels` drawn on it.
///
/// `decide` is called once, with 160 · 160 points that cover the data and a tenth more on each side. Where it returns
/// probabilities, the picture shades from one class to the other, with a line where both are equally likely, at 0.5.
///
/// # Errors
/// No point; lengths that differ; a value that is not finite; a class at or beyond `classes.len()`; a probability
/// outside [0, 1], or probabilities for other than two classes; what `decide` returns.
///
/// ```
/// use anygrad_train::pictures::{Decision, decision_boundary};
/// let (points, labels) = ([[0.0, 0.0], [1.0, 1.0]], [0, 1]);
/// let picture = decision_boundary("A line", &points, &labels, &["low", "high"], |points| {
///     Ok(Decision::Classes(points.iter().map(|[x, y]| usize::from(x + y > 1.0)).collect()))
/// })?;
/// assert!(picture.to_svg().contains(">high</text>"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn decision_boundary(
    heading: &str,
    points: &[[f32; 2]],
    labels: &[usize],
    classes: &[impl AsRef<str>],
    decide: impl FnOnce(&[[f32; 2]]) -> Result<Decision>,
) -> Result<Picture> {
    not_empty(NAME, "points", points)?;
    same_length(NAME, ("labels", labels.len()), ("points", points.len()))?;
    finite(NAME, "points, flattened,", points.iter().flatten().copied().map(f64::from))?;
    count(NAME, "the number of classes", classes.len(), 1, 100)?;
    known(labels, classes.len(), "labels")?;

    let (x, y) = (reach(points.iter().map(|[x, _]| *x)), reach(points.iter().map(|[_, y]| *y)));
    let cells: Vec<_> = centres(x, y, CELLS).into_iter().map(|(x, y)| [x as f32, y as f32]).collect();
    let decision = decide(&cells)?;

    let (left, extent) = (70.0, 460.0);
    let sample = |(index, name): (usize, &_)| {
        (AsRef::<str>::as_ref(name).to_owned(), Sample::Marker(index, Colour::of(index)))
    };
    let entries: Vec<_> = classes.iter().enumerate().map(sample).collect();
    let place = (left, 52.0, left + extent);
    let taller = legend(&mut Picture::new(0.0, 0.0), &entries, place);
    let mut picture = Picture::new(left + extent + 30.0, 76.0 + taller + extent + 60.0);
    title(&mut picture, heading, left);
    legend(&mut picture, &entries, place);

    let field = |values| Field { x, y, columns: CELLS, values };
    let frame = field(Vec::new()).frame((left, 76.0 + taller), (extent, extent));
    match decision {
        Decision::Classes(classes_of) => {
            same_length(NAME, ("the decision", classes_of.len()), ("its points", cells.len()))?;
            known(&classes_of, classes.len(), "the decision")?;
            let values = classes_of.iter().map(|class| *class as f64).collect();
            field(values).fill(&mut picture, &frame, |class| shade(class as usize, 0.3));
            for class in 0..classes.len() {
                let inside = |of: &usize| if *of == class { 1.0 } else { 0.0 };
                let values = classes_of.iter().map(inside).collect();
                field(values).draw_contour(&mut picture, &frame, 0.5, Stroke::new(Colour::WHITE, 1.5));
            }
        }
        Decision::Probabilities(shares) => {
            same_length(NAME, ("the decision", shares.len()), ("its points", cells.len()))?;
            probabilities(&shares, classes.len())?;
            let field = field(shares.iter().copied().map(f64::from).collect());
            field.fill(&mut picture, &frame, |share| match share < 0.5 {
                true => shade(0, 0.6 * (1.0 - 2.0 * share)),
                false => shade(1, 0.6 * (2.0 * share - 1.0)),
            });
            field.draw_contour(&mut picture, &frame, 0.5, Stroke::new(Colour::TEXT, 2.0));
        }
    }
    frame.axes(&mut picture, "feature 1", "feature 2");
    for ([x, y], label) in points.iter().zip(labels) {
        let at = frame.at(f64::from(*x), f64::from(*y));
        marker(&mut picture, *label, at, 4.0, Colour::of(*label));
    }
    Ok(picture)
}

fn shade(class: usize, share: f64) -> Colour {
    Colour::of(class).mixed(Colour::WHITE, share)
}

/// The range of the values and a tenth of it more at both ends.
pub(super) fn reach(values: impl Iterator<Item = f32>) -> (f64, f64) {
    let first = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.map(f64::from).fold(first, |(low, high), v| (low.min(v), high.max(v)));
    let room = if high > low { (high - low) / 10.0 } else { 1.0f64.max(high.abs() / 10.0) };
    (low - room, high + room)
}

fn known(labels: &[usize], classes: usize, name: &str) -> Result<()> {
    match labels.iter().enumerate().find(|(_, label)| **label >= classes) {
        Some((index, label)) => {
            Err(wrong(NAME, format!("{name}[{index}] is class {label}, and there are {classes} classes")))
        }
        None => Ok(()),
    }
}

fn probabilities(shares: &[f32], classes: usize) -> Result<()> {
    if classes != 2 {
        return Err(wrong(NAME, format!("probabilities are those of two classes, and there are {classes}")));
    }
    match shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
        Some(share) => Err(wrong(NAME, format!("the decision holds {share}, which is no probability"))),
        None => Ok(()),
    }
}
