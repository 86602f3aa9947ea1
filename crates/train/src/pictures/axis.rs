//! Where the values of an axis stand, and which of them are written beside it.

/// One axis of a chart.
#[derive(Debug)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    log: bool,
    /// Values with their labels, ascending.
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis over `values` that begins and ends at a tick. Values that are not finite are left out.
    pub(crate) fn linear(values: impl Iterator<Item = f64>) -> Self {
        let (min, max) = widened(range(values), |value| if value == 0.0 { 1.0 } else { value.abs() / 2.0 });
        let step = nice((max - min) / 5.0);
        let (first, last) = ((min / step).floor(), (max / step).ceil());
        Self::with_steps(first * step, last * step, step)
    }

    /// An axis over whole numbers, epochs for example, with ticks at whole numbers only and no room at the ends.
    pub(crate) fn whole(values: impl Iterator<Item = f64>) -> Self {
        let (min, max) = widened(range(values), |_| 0.5);
        let step = nice((max - min) / 8.0).max(1.0);
        let mut axis = Self::with_steps((min / step).ceil() * step, (max / step).floor() * step, step);
        (axis.low, axis.high) = (min, max);
        axis
    }

    /// An axis over `values` without room at the ends.
    pub(crate) fn within(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(values).unwrap_or((0.0, 1.0));
        Self::exact(low, high, 8.0)
    }

    /// A logarithmic axis over `values`, or `None` if one of them is not positive or none is finite.
    pub(crate) fn log(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (min, max) = range(values).filter(|&(min, _)| min > 0.0)?;
        let decades = max.log10().floor() as i32 - min.log10().floor() as i32;
        // 1, 2 and 5 of every decade, as long as they do not crowd
        let marks: &[f64] = if decades <= 3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = 1 + decades / 10;
        let candidates: Vec<f64> = (min.log10().floor() as i32 - every..=max.log10().floor() as i32 + every)
            .filter(|exponent| exponent.rem_euclid(every) == 0)
            .flat_map(|exponent| marks.iter().map(move |mark| mark * 10f64.powi(exponent)))
            .collect();
        let low = candidates.iter().copied().rev().find(|&mark| mark <= min).unwrap_or(min);
        let mut high = candidates.iter().copied().find(|&mark| mark >= max).unwrap_or(max);
        if low == high {
            high = candidates.iter().copied().find(|&mark| mark > low).unwrap_or(low * 10.0);
        }
        let ticks = candidates.into_iter().filter(|mark| (low..=high).contains(mark));
        Some(Self { low, high, log: true, ticks: ticks.map(|mark| (mark, plain(mark))).collect() })
    }

    /// A linear axis from `low` to `high` exactly, with about `count` ticks within it.
    pub(crate) fn exact(low: f64, high: f64, count: f64) -> Self {
        let (low, high) = widened(range([low, high].into_iter()), |value| 1.0f64.max(value.abs() / 2.0));
        let step = nice((high - low) / count);
        // a millionth of a step is rounding
        let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
        let mut axis = Self::with_steps(first * step, last * step, step);
        (axis.low, axis.high) = (low, high);
        axis
    }

    /// A logarithmic axis from `low` to `high` exactly, both positive.
    pub(crate) fn exact_log(low: f64, high: f64) -> Option<Self> {
        let mut axis = Self::log([low, high].into_iter())?;
        (axis.low, axis.high) = (low, if high > low { high } else { low * 10.0 });
        axis.ticks.retain(|(value, _)| (axis.low * 0.999_999..=axis.high * 1.000_001).contains(value));
        Some(axis)
    }

    /// An axis with a name at each whole number from 0, and half a step of room at both ends.
    pub(crate) fn names(names: &[String]) -> Self {
        let ticks = names.iter().enumerate().map(|(index, name)| (index as f64, name.clone())).collect();
        Self { low: -0.5, high: names.len().max(1) as f64 - 0.5, log: false, ticks }
    }

    /// The value at its low end.
    pub(crate) fn low(&self) -> f64 {
        self.low
    }

    /// The value at its high end.
    pub(crate) fn high(&self) -> f64 {
        self.high
    }

    /// Where `value` stands: 0 at the low end, 1 at the high end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        if self.log {
            (value / self.low).log10() / (self.high / self.low).log10()
        } else {
            // what is not finite stays so, and breaks lines
            let value = if value.is_finite() { value.clamp(-MOST, MOST) } else { value };
            (value - self.low) / (self.high - self.low)
        }
    }

    fn with_steps(low: f64, high: f64, step: f64) -> Self {
        // the count is bounded, so that a step too small for the numbers cannot make endless ticks
        let count = ((high - low) / step).round().clamp(0.0, 20.0) as i32;
        let largest = low.abs().max(high.abs());
        let ticks = (0..=count).map(|i| low + f64::from(i) * step);
        Self {
            low,
            high,
            log: false,
            ticks: ticks.map(|value| (value, label(value, step, largest))).collect(),
        }
    }
}

/// Beyond this the difference of two values would overflow; such values stand at the end of an axis.
const MOST: f64 = 1e307;
/// Values closer than this are one: their difference has too few digits to be divided.
const LEAST: f64 = 1e-290;

/// The least and the greatest of the finite values.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let values = values.map(|value| if value.is_finite() { value.clamp(-MOST, MOST) } else { value });
    values.filter(|value| value.is_finite()).fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((min, max)) => Some((min.min(value), max.max(value))),
    })
}

/// A range that is not a single point: such a one is widened by `room` to both sides; without any value, 0 to 1.
fn widened(range: Option<(f64, f64)>, room: impl Fn(f64) -> f64) -> (f64, f64) {
    match range {
        None => (0.0, 1.0),
        Some((min, max)) if max - min < LEAST && max.abs() < LEAST => (min - 1.0, max + 1.0),
        // closer than the labels could tell apart is a single point, too
        Some((min, max)) if max - min <= 1e-9 * min.abs().max(max.abs()) => {
            (min - room(min), max + room(max))
        }
        Some(range) => range,
    }
}

/// The least of 1, 2 and 5 times a power of ten that is not below `step`.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|mark| mark * power)
        .find(|&nice| nice >= step * 0.999_999)
        .unwrap_or(10.0 * power)
}

/// A tick's label, with as many digits as tell it from its neighbours.
fn label(value: f64, step: f64, largest: f64) -> String {
    let decimals = (-step.log10().floor()).clamp(0.0, 400.0) as usize;
    // what is nothing but the rounding of a multiple of the step
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    if largest < 1e6 && decimals <= 4 {
        format!("{value:.decimals$}")
    } else if value == 0.0 {
        "0".to_owned()
    } else {
        let digits = (value.abs().log10().floor() - step.log10().floor()).clamp(0.0, 17.0) as usize;
        format!("{value:.digits$e}")
    }
}

/// A number with few digits, in the shorter of the two ways to write it.
fn plain(value: f64) -> String {
    // the product of a mark and a power of ten may be one bit off: 5e-3 is written so, not 5.000000000000001e-3
    if (1e-4..1e6).contains(&value) {
        format!("{}", (value * 1e4).round() / 1e4)
    } else {
        format!("{value:.0e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_the_values_between_them() {
        assert_eq!(
            labels(&Axis::linear([0.03, 0.97].into_iter())),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(labels(&Axis::linear([-2.0, 3.0].into_iter())), ["-2", "-1", "0", "1", "2", "3"]);
        assert_eq!(
            labels(&Axis::linear([1e7, 3e7].into_iter())),
            ["1.0e7", "1.5e7", "2.0e7", "2.5e7", "3.0e7"]
        );
        assert_eq!(labels(&Axis::whole([1.0, 5.0].into_iter())), ["1", "2", "3", "4", "5"]);
        assert_eq!(labels(&Axis::whole([1.0, 10.0].into_iter())), ["2", "4", "6", "8", "10"]);
        assert_eq!(labels(&Axis::whole([3.0].into_iter())), ["3"]);
    }

    #[test]
    fn logarithmic_ticks_are_decades_or_their_parts() {
        let axis = |values: &[f64]| Axis::log(values.iter().copied());
        assert_eq!(labels(&axis(&[0.03, 0.9]).unwrap()), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(
            labels(&axis(&[0.002, 900.0]).unwrap()),
            ["0.001", "0.01", "0.1", "1", "10", "100", "1000"]
        );
        assert_eq!(labels(&axis(&[0.5]).unwrap()), ["0.5", "1"]);
        assert!(axis(&[1.0, 0.0]).is_none() && axis(&[1.0, -1.0]).is_none() && axis(&[f64::NAN]).is_none());
        let middle = axis(&[1.0, 100.0]).unwrap().place(10.0);
        assert!((middle - 0.5).abs() < 1e-12);
    }

    #[test]
    fn any_values_give_few_ticks_and_places_within_the_axis() {
        let extremes =
            [0.0, 1e-45, -1e-45, 1.0, 1.0 + 1e-15, -3.4e38, 3.4e38, 1e8, 1e8 + 1.0, f64::NAN, f64::INFINITY];
        for a in extremes {
            for b in extremes {
                let values = [a, b].into_iter();
                let axes = [Some(Axis::linear(values.clone())), Axis::log(values.clone())];
                for axis in axes.into_iter().flatten() {
                    assert!((2..=25).contains(&axis.ticks.len()), "{a} {b} {axis:?}");
                    for value in values.clone().filter(|value| value.is_finite()) {
                        assert!((-1e-6..=1.000_001).contains(&axis.place(value)), "{a} {b} {axis:?}");
                    }
                }
            }
        }
        assert_eq!(labels(&Axis::linear([].into_iter())).len(), 6);
    }
}
