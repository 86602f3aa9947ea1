//! Values counted in TensorFlow's buckets.

use super::protobuf::Message;

/// How much wider each bucket is than the one before it.
const GROWTH: f64 = 1.1;
/// The first limit above 0; limits grow from it to 10²⁰.
const SMALLEST: f64 = 1e-12;
const LARGEST: f64 = 1e20;

/// A `HistogramProto` of the values that are finite: least, greatest, number, sum and sum of squares, and counts in
/// buckets whose limits are ±10⁻¹²·1.1ᵏ and 0, as TensorFlow and PyTorch draw them. Empty buckets at the ends are
/// left out, but for one in front, so that the first full one has a left edge.
pub(super) fn histogram(values: impl Iterator<Item = f64>) -> Message {
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    let limits = limits();
    let mut counts = vec![0.0; limits.len()];
    for value in &values {
        // the last limit is above every number
        let at = limits.partition_point(|limit| limit <= value);
        if let Some(count) = counts.get_mut(at) {
            *count += 1.0;
        }
    }
    let full = |count: &f64| *count > 0.0;
    let first = counts.iter().position(full).unwrap_or(0).saturating_sub(1);
    let last = counts.iter().rposition(full).unwrap_or(0);
    let kept = |list: &[f64]| list.get(first..=last).unwrap_or_default().to_vec();
    let bounds = match values.is_empty() {
        true => [0.0, 0.0],
        false => {
            [values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max)]
        }
    };
    Message::new()
        .double(1, bounds[0])
        .double(2, bounds[1])
        .double(3, values.len() as f64)
        .double(4, values.iter().fold(0.0, |sum, value| sum + value))
        .double(5, values.iter().map(|value| value * value).sum())
        .doubles(6, &kept(&limits))
        .doubles(7, &kept(&counts))
}

/// The upper ends of the buckets, ascending; the last is the largest number.
fn limits() -> Vec<f64> {
    let positive: Vec<f64> = std::iter::successors(Some(SMALLEST), |limit| Some(limit * GROWTH))
        .take_while(|&x| x < LARGEST)
        .collect();
    let negative = positive.iter().rev().map(|limit| -limit);
    negative.chain([0.0]).chain(positive.iter().copied()).chain([f64::MAX]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_ascend_through_zero() {
        let limits = limits();
        // 774 = ⌈ln(10³²) / ln 1.1⌉ limits on each side
        assert_eq!(limits.len(), 2 * 774 + 2);
        assert!(limits.is_sorted_by(|a, b| a < b));
        assert_eq!(limits.get(774), Some(&0.0));
    }
}
