//! Checks of what is to be drawn.

use crate::{Result, TrainError};

pub(crate) fn wrong(picture: &'static str, message: impl Into<String>) -> TrainError {
    TrainError::Picture { picture, message: message.into() }
}

/// `values` holds at least one.
pub(crate) fn not_empty<T>(picture: &'static str, name: &str, values: &[T]) -> Result<()> {
    match values {
        [] => Err(wrong(picture, format!("{name} is empty"))),
        _ => Ok(()),
    }
}

/// All values are numbers; the message names the first that is not.
pub(crate) fn finite(picture: &'static str, name: &str, values: impl IntoIterator<Item = f64>) -> Result<()> {
    match values.into_iter().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((index, value)) => {
            Err(wrong(picture, format!("{name}[{index}] is {value}, not a finite number")))
        }
        None => Ok(()),
    }
}

/// Two lengths that have to agree, each with the name of what it is the length of.
pub(crate) fn same_length(
    picture: &'static str,
    (name, length): (&str, usize),
    (other, wanted): (&str, usize),
) -> Result<()> {
    match length == wanted {
        true => Ok(()),
        false => Err(wrong(picture, format!("{name} has {length} values, and {other} {wanted}"))),
    }
}

/// A range of an axis: two finite numbers, ascending.
pub(crate) fn range(picture: &'static str, name: &str, (low, high): (f64, f64)) -> Result<()> {
    match low.is_finite() && high.is_finite() && low < high {
        true => Ok(()),
        false => Err(wrong(
            picture,
            format!("{name} is ({low}, {high}): it has to be two finite numbers, ascending"),
        )),
    }
}

/// A count between bounds, which keep a slip from filling the memory.
pub(crate) fn count(
    picture: &'static str,
    name: &str,
    count: usize,
    least: usize,
    most: usize,
) -> Result<()> {
    match (least..=most).contains(&count) {
        true => Ok(()),
        false => Err(wrong(picture, format!("{name} is {count}: it has to be from {least} to {most}"))),
    }
}
