//! What metrics read out of a batch, checked.

use std::borrow::Cow;

use anygrad_data::BatchTargets;

use crate::{Prediction, Result, TrainError};

/// The error of the metric `name`.
pub(super) fn wrong(name: &str, message: impl Into<String>) -> TrainError {
    TrainError::Metric { name: name.to_owned(), message: message.into() }
}

/// An error if one of the scores is NaN, which no order or threshold knows what to do with.
pub(super) fn no_nan(name: &str, values: &[f32]) -> Result<()> {
    match values.iter().position(|value| value.is_nan()) {
        Some(at) => Err(wrong(name, format!("the prediction is NaN (element {at})"))),
        None => Ok(()),
    }
}

/// An error unless two lists that belong together are equally long, and not empty.
pub(super) fn paired(name: &str, predictions: usize, targets: usize) -> Result<()> {
    if predictions != targets {
        return Err(wrong(name, format!("{predictions} predictions for {targets} targets")));
    }
    if predictions == 0 {
        return Err(wrong(name, "there is no sample"));
    }
    Ok(())
}

/// Scores with the true class of each row. A row is a sample, or a place of one.
pub(super) struct Classified<'a> {
    /// `[rows, classes]`.
    pub(super) scores: Cow<'a, [f32]>,
    pub(super) classes: usize,
    pub(super) labels: Cow<'a, [u32]>,
}

impl<'a> Classified<'a> {
    /// Targets are labels, or `[n, classes]` with the largest number at the class (one-hot); for scores
    /// `[n, classes, *space]` they are `[n, *space]`, the numbers of classes.
    pub(super) fn new(name: &str, predictions: &'a Prediction, targets: &'a BatchTargets) -> Result<Self> {
        let shape = predictions.shape.as_slice();
        let [samples, classes, space @ ..] = shape else {
            return Err(wrong(name, format!("takes scores [n, classes]: predictions {shape:?}")));
        };
        let (samples, classes) = (*samples, *classes);
        let labels: Cow<'a, [u32]> = match targets {
            BatchTargets::Classes { labels, .. } => labels.into(),
            BatchTargets::Values { values, shape: given } if space.is_empty() && given == shape => {
                values.chunks_exact(classes.max(1)).map(|row| largest(row) as u32).collect()
            }
            BatchTargets::Values { values, shape: given }
                if given.split_first() == Some((&samples, space)) && !space.is_empty() =>
            {
                values.iter().map(|&value| class(name, value)).collect::<Result<_>>()?
            }
            BatchTargets::Values { shape: given, .. } => {
                let message = format!(
                    "takes labels, one-hot rows, or a class for each place: predictions {shape:?}, targets {given:?}"
                );
                return Err(wrong(name, message));
            }
        };
        let places = space.iter().try_fold(1usize, |size, &axis| size.checked_mul(axis));
        let rows = places.and_then(|places| places.checked_mul(samples));
        let numbers = rows.and_then(|rows| rows.checked_mul(classes));
        if rows != Some(labels.len()) || numbers != Some(predictions.values.len()) {
            return Err(wrong(name, format!("predictions {shape:?} for {} labels", labels.len())));
        }
        if let Some(label) = labels.iter().find(|&&label| label as usize >= classes) {
            return Err(wrong(name, format!("label {label} is out of range for {classes} classes")));
        }
        no_nan(name, &predictions.values)?;
        let scores = classes_last(&predictions.values, classes, places.unwrap_or(1));
        Ok(Self { scores, classes, labels })
    }

    /// The scores of each sample with its class.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[f32], usize)> {
        self.scores.chunks_exact(self.classes.max(1)).zip(self.labels.iter().map(|&label| label as usize))
    }
}

/// `[n, classes, places]` as `[n, places, classes]`.
fn classes_last(values: &[f32], classes: usize, places: usize) -> Cow<'_, [f32]> {
    if places == 1 {
        return values.into();
    }
    let mut turned = Vec::with_capacity(values.len());
    for sample in values.chunks_exact(classes.saturating_mul(places).max(1)) {
        for place in 0..places {
            turned.extend(sample.iter().skip(place).step_by(places));
        }
    }
    turned.into()
}

fn class(name: &str, value: f32) -> Result<u32> {
    let label = value as u32;
    if label as f32 == value {
        return Ok(label);
    }
    Err(wrong(name, format!("a target is {value}; it must be the number of a class")))
}

/// The position of the largest number, the first one of equals.
pub(super) fn largest(row: &[f32]) -> usize {
    let better = |(best, most): (usize, f32), (at, &value): (usize, &f32)| {
        if value > most { (at, value) } else { (best, most) }
    };
    row.iter().enumerate().fold((0, f32::NEG_INFINITY), better).0
}

/// A score for each element, with whether it is positive. `outputs` elements belong to one sample.
pub(super) struct Binary<'a> {
    pub(super) scores: &'a [f32],
    pub(super) truth: Vec<bool>,
    pub(super) outputs: usize,
}

impl<'a> Binary<'a> {
    /// One score a sample with labels 0 and 1, or scores `[b, ..]` with targets 0 and 1 of as many elements.
    pub(super) fn new(name: &str, predictions: &'a Prediction, targets: &BatchTargets) -> Result<Self> {
        let scores = &predictions.values;
        let truth: Vec<bool> = match targets {
            BatchTargets::Classes { labels, .. } => {
                labels.iter().map(|&label| truth(name, label as f32)).collect::<Result<_>>()?
            }
            BatchTargets::Values { values, .. } => {
                values.iter().map(|&value| truth(name, value)).collect::<Result<_>>()?
            }
        };
        let samples = predictions.shape.first().copied().unwrap_or(1);
        if truth.len() != scores.len() || samples != sample_count(targets) {
            let message = format!(
                "takes one score for each target that is 0 or 1: predictions {:?}, {} targets",
                predictions.shape,
                truth.len()
            );
            return Err(wrong(name, message));
        }
        no_nan(name, scores)?;
        Ok(Self { scores, truth, outputs: scores.len().checked_div(samples).unwrap_or(1) })
    }

    /// Each score with whether it is positive.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (f32, bool)> {
        self.scores.iter().copied().zip(self.truth.iter().copied())
    }
}

fn truth(name: &str, value: f32) -> Result<bool> {
    if value == 0.0 || value == 1.0 {
        return Ok(value == 1.0);
    }
    Err(wrong(name, format!("a target is {value}; it must be 0 or 1")))
}

fn sample_count(targets: &BatchTargets) -> usize {
    match targets {
        BatchTargets::Classes { labels, .. } => labels.len(),
        BatchTargets::Values { shape, .. } => shape.first().copied().unwrap_or(1),
    }
}

/// Predicted and true numbers, `outputs` for each sample.
pub(super) struct Numbers<'a> {
    pub(super) predictions: &'a [f32],
    pub(super) targets: &'a [f32],
    pub(super) outputs: usize,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(name: &str, predictions: &'a Prediction, targets: &'a BatchTargets) -> Result<Self> {
        let BatchTargets::Values { values, shape } = targets else {
            return Err(wrong(name, "takes numbers as targets, not labels"));
        };
        let samples = predictions.shape.first().copied().unwrap_or(1);
        if values.len() != predictions.values.len() || samples != sample_count(targets) {
            let message = format!("predictions {:?}, targets {shape:?}", predictions.shape);
            return Err(wrong(name, message));
        }
        no_nan(name, &predictions.values)?;
        let outputs = values.len().checked_div(samples).unwrap_or(1);
        Ok(Self { predictions: &predictions.values, targets: values, outputs })
    }

    /// Each prediction with its target.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        self.predictions.iter().zip(self.targets).map(|(&p, &t)| (f64::from(p), f64::from(t)))
    }
}
