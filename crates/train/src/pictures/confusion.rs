use super::axis::Axis;
use super::check::{count, same_length, wrong};
use super::frame::{SIZE, colour_bar, title};
use super::picture::{Text, fitted, text_width};
use super::{Anchor, Colour, ColourMap, Picture, Stroke};
use crate::Result;

/// What the numbers of a confusion matrix are divided by (as `normalize` of scikit-learn).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Normalise {
    /// Nothing: counts are shown.
    #[default]
    Counts,
    /// The samples of each true class: rows sum to 1, and the diagonal is the recall.
    Truth,
    /// The predictions of each class: columns sum to 1, and the diagonal is the precision.
    Prediction,
    /// All samples: everything sums to 1.
    All,
}

/// The confusion matrix: a row for each true class, a column for each predicted one.
///
/// `counts` holds `classes.len()`² numbers, row after row. Name the positive class first to have true positives at
/// the upper left; name the negative class first for the layout of scikit-learn. A row (or column) without a sample
/// is shown as 0, as in scikit-learn.
///
/// # Errors
/// No class or more than 100; another number of counts.
///
/// ```
/// use anygrad_train::pictures::{Normalise, confusion_matrix};
/// let picture = confusion_matrix(&[45, 5, 10, 40], &["spam", "mail"], Normalise::Truth)?;
/// assert!(picture.to_svg().contains(">0.90<"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn confusion_matrix(
    counts: &[usize],
    classes: &[impl AsRef<str>],
    normalise: Normalise,
) -> Result<Picture> {
    const NAME: &str = "confusion matrix";
    let side = classes.len();
    count(NAME, "the number of classes", side, 1, 100)?;
    same_length(NAME, ("counts", counts.len()), ("classes², its square matrix,", side * side))?;
    if counts.iter().any(|&count| count as u64 > 1 << 53) {
        return Err(wrong(NAME, "a count is above 2^53, more than is drawn exactly"));
    }
    let shares = shares(counts, side, normalise);

    let names: Vec<_> = classes.iter().map(|class| fitted(class.as_ref(), SIZE, 150.0)).collect();
    let widest = names.iter().map(|name| text_width(name, SIZE)).fold(20.0, f64::max);
    let texts: Vec<_> =
        counts.iter().zip(&shares).map(|(count, share)| cell(*count, *share, normalise)).collect();
    let needed = texts.iter().map(|text| text_width(text, SIZE)).fold(0.0, f64::max) + 10.0;
    // names of the columns stand upright where they are wider than a column
    let size = needed.max(if side <= 4 {
        90.0
    } else if side <= 12 {
        44.0
    } else {
        22.0
    });
    let upright = widest + 6.0 > size;
    let below = if upright { widest + 12.0 } else { 20.0 };
    let (left, top, extent) = (60.0 + widest, 60.0, size * side as f64);
    let mut picture = Picture::new((left + extent + 130.0).max(320.0), top + extent + below + 44.0);

    title(&mut picture, heading(normalise), 20.0);
    let highest = shares.iter().copied().fold(0.0, f64::max);
    let scale = Axis::exact(0.0, if highest > 0.0 { highest } else { 1.0 }, 5.0);
    for (index, (share, text)) in shares.iter().zip(&texts).enumerate() {
        let (x, y) = (left + size * (index % side) as f64, top + size * (index / side) as f64);
        let colour = ColourMap::Blues.at(scale.place(*share));
        picture.rectangle(x, y, size, size, Some(colour), Some(Stroke::new(Colour::WHITE, 1.0)));
        let ink = if colour.is_light() { Colour::TEXT } else { Colour::WHITE };
        let middle = (x + size / 2.0, y + size / 2.0 + 4.5);
        picture.put_text(Text::new(text, middle.0, middle.1, SIZE, Anchor::Middle).colour(ink));
    }
    let (right, bottom) = (left + extent, top + extent);
    for (index, name) in names.iter().enumerate() {
        let middle = (index as f64 + 0.5) * size;
        picture.text(name, left - 8.0, top + middle + 4.5, SIZE, Anchor::End);
        match upright {
            true => {
                let text = Text::new(name, left + middle + 4.5, bottom + 8.0, SIZE, Anchor::End);
                picture.put_text(text.upwards());
            }
            false => picture.text(name, left + middle, bottom + 20.0, SIZE, Anchor::Middle),
        }
    }
    let (across, down) = ((left + right) / 2.0, (top + bottom) / 2.0);
    picture.text("predicted class", across, bottom + below + 22.0, SIZE, Anchor::Middle);
    picture
        .put_text(Text::new("true class", left - 8.0 - widest - 16.0, down, SIZE, Anchor::Middle).upwards());
    let label = if normalise == Normalise::Counts { "samples" } else { "share" };
    colour_bar(&mut picture, ColourMap::Blues, &scale, (right + 20.0, top, bottom), label);
    Ok(picture)
}

fn heading(normalise: Normalise) -> &'static str {
    match normalise {
        Normalise::Counts => "Confusion matrix",
        Normalise::Truth => "Confusion matrix, share of each true class",
        Normalise::Prediction => "Confusion matrix, share of each prediction",
        Normalise::All => "Confusion matrix, share of all samples",
    }
}

fn cell(count: usize, share: f64, normalise: Normalise) -> String {
    match normalise {
        Normalise::Counts => count.to_string(),
        _ => format!("{share:.2}"),
    }
}

/// The numbers as they are shown.
fn shares(counts: &[usize], side: usize, normalise: Normalise) -> Vec<f64> {
    let sum = |of: &dyn Fn(usize) -> bool| -> f64 {
        let chosen = counts.iter().enumerate().filter(|(index, _)| of(*index));
        chosen.map(|(_, count)| *count as f64).sum()
    };
    let share = |(index, count): (usize, &usize)| {
        let whole = match normalise {
            Normalise::Counts => 1.0,
            Normalise::Truth => sum(&|other| other / side == index / side),
            Normalise::Prediction => sum(&|other| other % side == index % side),
            Normalise::All => sum(&|_| true),
        };
        if whole == 0.0 { 0.0 } else { *count as f64 / whole }
    };
    counts.iter().enumerate().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_rows_columns_or_all() {
        let shown = |normalise| shares(&[3, 1, 0, 4], 2, normalise);
        assert_eq!(shown(Normalise::Counts), [3.0, 1.0, 0.0, 4.0]);
        assert_eq!(shown(Normalise::Truth), [0.75, 0.25, 0.0, 1.0]);
        assert_eq!(shown(Normalise::Prediction), [1.0, 0.2, 0.0, 0.8]);
        assert_eq!(shown(Normalise::All), [0.375, 0.125, 0.0, 0.5]);
        assert_eq!(shares(&[0, 0, 1, 1], 2, Normalise::Truth), [0.0, 0.0, 0.5, 0.5]);
    }
}
