use std::cmp::Ordering;

use crate::Dataset;

/// The samples that are in both sets: pairs (number in `first`, number in `second`) whose inputs are equal, in order of
/// the first and then the second number. A model is not to be judged on what it was trained on; targets are not
/// compared. Numbers are equal as they are written: 0 equals −0, and NaN equals NaN.
///
/// ```
/// use anygrad_data::{digits, protocol::duplicates};
/// let (train, test) = digits::load()?.split(0.8, 1)?;
/// assert!(duplicates(&train, &test).is_empty());
/// let leaked = anygrad_data::Dataset::concat(&[&test, &train.take(1)])?;
/// assert_eq!(duplicates(&train, &leaked), [(0, 359)]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
pub fn duplicates(first: &Dataset, second: &Dataset) -> Vec<(usize, usize)> {
    if first.input_shape() != second.input_shape() {
        return Vec::new();
    }
    let rows: Vec<&[f32]> = first.rows().collect();
    let mut sorted: Vec<usize> = (0..rows.len()).collect();
    sorted.sort_by(|&a, &b| compare(rows[a], rows[b]));
    let mut pairs: Vec<(usize, usize)> = second
        .rows()
        .enumerate()
        .flat_map(|(number, row)| {
            let begin = sorted.partition_point(|&index| compare(rows[index], row) == Ordering::Less);
            let equal =
                sorted[begin..].iter().take_while(|&&index| compare(rows[index], row) == Ordering::Equal);
            equal.map(move |&index| (index, number))
        })
        .collect();
    pairs.sort_unstable();
    pairs
}

fn compare(a: &[f32], b: &[f32]) -> Ordering {
    // adding 0 turns -0 into 0
    let number = |x: &f32| if x.is_nan() { f32::NAN } else { x + 0.0 };
    a.iter()
        .map(number)
        .zip(b.iter().map(number))
        .fold(Ordering::Equal, |order, (x, y)| order.then(x.total_cmp(&y)))
}
