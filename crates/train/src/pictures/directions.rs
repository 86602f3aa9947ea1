//! Directions along which a loss surface is looked at.

use super::check::{finite, same_length, wrong};
use crate::Result;
use crate::random::Random;

/// A random direction for each weight, normalised by filter (Li et al., "Visualizing the loss landscape of neural
/// nets", 2018): normal numbers, scaled so that each filter, a row of the first axis, has the norm of that filter of
/// the weight. Without this, layers that are the same up to a factor would look sharper or flatter than each other.
/// Weights of fewer than two axes (biases, gains of normalisations) stay where they are: their direction is 0.
///
/// `weights` are shapes with values; the two directions of a surface are those of two seeds.
///
/// # Errors
/// Values that do not fill their shape, or are not finite.
///
/// ```
/// use anygrad_train::pictures::filter_normalised;
/// let directions = filter_normalised(&[(&[2, 2], &[3.0, 4.0, 0.0, 1.0]), (&[2], &[1.0, 1.0])], 7)?;
/// let norm = |row: &[f32]| (row[0] * row[0] + row[1] * row[1]).sqrt();
/// assert!((norm(&directions[0][..2]) - 5.0).abs() < 1e-5 && (norm(&directions[0][2..]) - 1.0).abs() < 1e-6);
/// assert_eq!(directions[1], [0.0, 0.0]);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn filter_normalised(weights: &[(&[usize], &[f32])], seed: u64) -> Result<Vec<Vec<f32>>> {
    const NAME: &str = "directions";
    let direction = |(index, (shape, values)): (usize, &(&[usize], &[f32]))| {
        let name = format!("weight {index}");
        let size = shape.iter().try_fold(1usize, |size, side| size.checked_mul(*side));
        let size = size.ok_or_else(|| wrong(NAME, format!("{name} has the shape {shape:?}")))?;
        same_length(NAME, (&name, values.len()), (&format!("its shape {shape:?}"), size))?;
        finite(NAME, &name, values.iter().copied().map(f64::from))?;
        Ok(match shape {
            [filters, _, ..] if size > 0 => {
                let random = Random::new(seed, index as u64);
                by_filter(values, size / filters, random)
            }
            _ => vec![0.0; size],
        })
    };
    weights.iter().enumerate().map(direction).collect()
}

fn by_filter(values: &[f32], size: usize, random: Random) -> Vec<f32> {
    let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let mut direction = Vec::with_capacity(values.len());
    for filter in values.chunks(size) {
        let start = direction.len();
        let drawn: Vec<f64> =
            (start..start + filter.len()).map(|place| random.normal(place as u64)).collect();
        let wanted = norm(&filter.iter().copied().map(f64::from).collect::<Vec<_>>());
        let scale = wanted / norm(&drawn).max(f64::MIN_POSITIVE);
        direction.extend(drawn.iter().map(|value| (value * scale) as f32));
    }
    direction
}
