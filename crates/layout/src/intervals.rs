use std::ops::Range;

/// Which of the `n` inputs along an axis each of its `m` outputs adds up: intervals that move on with the output.
///
/// All arithmetic is that of whole numbers, so both backends and every size agree on the borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Intervals {
    /// Output `o` covers `[⌊o·n / m⌋, ⌈(o + 1)·n / m⌉)`: the windows of adaptive pooling. Input `i` lies in those of
    /// outputs `[⌊i·m / n⌋, ⌈(i + 1)·m / n⌉)`, so that the adjoint is this with `n` and `m` exchanged.
    Adaptive,
    /// Output `o` is the one input `⌊(step·o + first) / over⌋`, the nearest there is if that lies outside.
    Pick {
        /// Numerator of the distance between inputs.
        step: u32,
        /// Numerator of the first input.
        first: i32,
        /// Denominator of both.
        over: u32,
    },
    /// The adjoint of [`Pick`](Intervals::Pick): output `j` covers the inputs that picked it.
    Picked {
        /// As there.
        step: u32,
        /// As there.
        first: i32,
        /// As there.
        over: u32,
    },
}

impl Intervals {
    /// Those that carry the gradient back.
    pub fn adjoint(self) -> Self {
        match self {
            Self::Adaptive => Self::Adaptive,
            Self::Pick { step, first, over } => Self::Picked { step, first, over },
            Self::Picked { step, first, over } => Self::Pick { step, first, over },
        }
    }

    /// Whether every number on the way to a border fits 31 bits, as GPUs need, and nothing is divided by 0.
    pub fn fits(self, inputs: usize, outputs: usize) -> bool {
        let product = |a: usize, b: usize| (a as u64).saturating_mul(b as u64);
        let largest = match self {
            Self::Adaptive => product(inputs.saturating_add(1), outputs.saturating_add(1)),
            Self::Pick { step, first, over } | Self::Picked { step, first, over } => {
                if step == 0 || over == 0 {
                    return false;
                }
                // the axis that is picked from has indices times `over`, the other one times `step`
                let (from, to) =
                    if matches!(self, Self::Pick { .. }) { (inputs, outputs) } else { (outputs, inputs) };
                product(step as usize, to.saturating_add(1))
                    .saturating_add(product(over as usize, from.saturating_add(1)))
                    .saturating_add(u64::from(first.unsigned_abs()))
            }
        };
        largest < 1 << 31
    }

    /// The inputs of output `o`, all of them below `inputs`. Defined where [`fits`](Intervals::fits).
    pub fn of(self, o: usize, inputs: usize, outputs: usize) -> Range<usize> {
        match self {
            Self::Adaptive => {
                let m = outputs.max(1);
                (o * inputs / m).min(inputs)..((o + 1) * inputs).div_ceil(m).min(inputs)
            }
            Self::Pick { step, first, over } => {
                let at = (step as i64 * o as i64 + i64::from(first)).max(0) as usize / over.max(1) as usize;
                let at = at.min(inputs.saturating_sub(1));
                at..(at + 1).min(inputs)
            }
            Self::Picked { step, first, over } => {
                // step·i + first ≥ over·j from i = ⌈(over·j − first) / step⌉ on; the ends take what lies outside
                let border = |j: usize| {
                    let rest = (over as i64 * j as i64 - i64::from(first)).max(0) as usize;
                    rest.div_ceil(step.max(1) as usize).min(inputs)
                };
                let start = if o == 0 { 0 } else { border(o) };
                let end = if o + 1 >= outputs { inputs } else { border(o + 1) };
                start..end.max(start)
            }
        }
    }

    /// The most inputs that an output has, or a little more.
    pub fn longest(self, inputs: usize, outputs: usize) -> usize {
        match self {
            Self::Pick { .. } => 1,
            _ => (0..outputs).map(|o| self.of(o, inputs, outputs).len()).max().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether output `o` reads input `i` if and only if the adjoint's output `i` reads `o`.
    fn closes(rule: Intervals, inputs: usize, outputs: usize) {
        assert!(rule.fits(inputs, outputs) && rule.adjoint().fits(outputs, inputs));
        for o in 0..outputs {
            for i in 0..inputs {
                let there = rule.of(o, inputs, outputs).contains(&i);
                let back = rule.adjoint().of(i, outputs, inputs).contains(&o);
                assert_eq!(there, back, "{rule:?} {inputs} {outputs}: {o} {i}");
            }
        }
        assert!((0..outputs).all(|o| rule.of(o, inputs, outputs).end <= inputs));
    }

    #[test]
    fn the_adjoint_turns_the_intervals_round() {
        for inputs in 0..12 {
            for outputs in 0..12 {
                closes(Intervals::Adaptive, inputs, outputs);
                for (step, over) in [(1, 1), (2, 3), (7, 2), (1, 4), (5, 5)] {
                    for first in -9..9 {
                        closes(Intervals::Pick { step, first, over }, inputs, outputs);
                    }
                }
            }
        }
    }

    #[test]
    fn borders_are_those_of_pytorch() {
        let all = |n, m| -> Vec<_> { (0..m).map(|o| Intervals::Adaptive.of(o, n, m)).collect() };
        assert_eq!(all(5, 3), [0..2, 1..4, 3..5]);
        assert_eq!(all(2, 3), [0..1, 0..2, 1..2]);
        assert_eq!(all(4, 2), [0..2, 2..4]);
    }

    #[test]
    fn what_overflows_does_not_fit() {
        assert!(!Intervals::Adaptive.fits(1 << 16, 1 << 16));
        assert!(Intervals::Adaptive.fits(1 << 24, 7));
        assert!(!Intervals::Pick { step: 0, first: 0, over: 1 }.fits(2, 2));
        assert!(!Intervals::Adaptive.fits(usize::MAX, usize::MAX));
    }
}
