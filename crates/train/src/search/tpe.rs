use super::choices::{Choices, Value};
use super::space::{Dimension, Space};
use super::study::{State, TrialRecord};
use super::wrong;
use crate::Result;
use crate::random::Random;

/// The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter
/// optimization", 2011).
///
/// The finished trials are parted into the best share γ and the rest. For each parameter, l(x) is the density of the
/// former and g(x) that of the latter: a mixture of one normal distribution at each value, as wide as the larger of
/// the distances to its neighbours, and a wide one over the whole range. Of several values drawn from l, the one of
/// the greatest l(x)/g(x) is tried: the expected improvement grows with that ratio. For names, l and g are their
/// shares. Trials that still run, failed or were pruned count among the rest, so that several workers keep away from
/// each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Tpe {
    /// How many trials.
    pub trials: usize,
    /// Random trials at the beginning.
    pub random_trials: usize,
    /// The share of good trials (γ), in (0, 1).
    pub good_share: f64,
    /// Values of each parameter that are drawn and compared.
    pub candidates: usize,
}

impl Default for Tpe {
    /// 60 trials, 10 of them random; the best 15 % are good; 24 candidates.
    fn default() -> Self {
        Self { trials: 60, random_trials: 10, good_share: 0.15, candidates: 24 }
    }
}

impl Tpe {
    pub(crate) fn check(&self) -> Result<()> {
        for (name, value) in [("trials", self.trials), ("candidates", self.candidates)] {
            if value == 0 {
                return Err(wrong(format!("{name} is 0: it has to be at least 1")));
            }
        }
        match self.good_share > 0.0 && self.good_share < 1.0 {
            true => Ok(()),
            false => Err(wrong(format!("good_share is {}: it has to be between 0 and 1", self.good_share))),
        }
    }

    /// The choices of the next trial. `sign` makes less better.
    pub(crate) fn propose(
        &self,
        space: &Space,
        trials: &[TrialRecord],
        seed: u64,
        sign: f64,
    ) -> Result<Choices> {
        let number = trials.len() as u64;
        let value = |trial: &TrialRecord| match trial.state {
            State::Complete => trial.value.map(|value| sign * value),
            _ => None,
        };
        let mut finished: Vec<(f64, usize)> =
            trials.iter().enumerate().filter_map(|(index, trial)| Some((value(trial)?, index))).collect();
        if trials.len() < self.random_trials || finished.len() < 2 {
            return space.sample(seed, number);
        }
        finished.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let count = ((finished.len() as f64 * self.good_share).ceil() as usize).clamp(1, finished.len() - 1);
        let good: Vec<usize> = finished.iter().take(count).map(|(_, index)| *index).collect();

        Ok(space.choose(|dimension, entry| {
            // a parameter that depends on a choice has been seen by some trials only
            let seen = |is_good: bool| -> Vec<f64> {
                let chosen = trials.iter().enumerate().filter(|(index, _)| good.contains(index) == is_good);
                let values = chosen.filter_map(|(_, trial)| trial.choices.get(&entry.name));
                values.filter_map(|value| entry.dimension.inner(value)).collect()
            };
            let random =
                Random::new(seed ^ 0x7470_6500, number.wrapping_mul(1 << 16).wrapping_add(dimension as u64));
            self.best_candidate(&entry.dimension, &seen(true), &seen(false), random)
        }))
    }

    fn best_candidate(&self, dimension: &Dimension, good: &[f64], bad: &[f64], random: Random) -> Value {
        let (good, bad) = (Density::new(dimension, good), Density::new(dimension, bad));
        let mut best = (f64::NEG_INFINITY, 0.0);
        for candidate in 0..self.candidates as u64 {
            let place = good.draw(random, candidate << 16);
            let gain = good.at(place).ln() - bad.at(place).ln();
            if gain > best.0 {
                best = (gain, place);
            }
        }
        dimension.value(best.1)
    }
}

/// The density of the values of one parameter.
enum Density {
    /// Normal distributions within a range: mean and deviation of each.
    Numbers { range: (f64, f64), parts: Vec<(f64, f64)> },
    /// The probability of each name.
    Names(Vec<f64>),
}

impl Density {
    fn new(dimension: &Dimension, seen: &[f64]) -> Self {
        let range = dimension.range();
        let Dimension::Choice(names) = dimension else { return Self::of_numbers(range, seen) };
        // each name is taken as seen once more than it was
        let mut counts = vec![1.0; names.len()];
        for place in seen {
            if let Some(count) = counts.get_mut(*place as usize) {
                *count += 1.0;
            }
        }
        let all: f64 = counts.iter().sum();
        Self::Names(counts.into_iter().map(|count| count / all).collect())
    }

    fn of_numbers(range: (f64, f64), seen: &[f64]) -> Self {
        let (low, high) = range;
        let width = (high - low).max(f64::MIN_POSITIVE);
        let mut places = seen.to_vec();
        // the wide one stands in the middle and counts as a neighbour
        places.push((low + high) / 2.0);
        places.sort_by(f64::total_cmp);
        let prior = places.iter().position(|place| *place == (low + high) / 2.0).unwrap_or_default();
        let narrowest = width / (1.0 + places.len() as f64).min(100.0);
        let part = |index: usize| {
            let at = |index: usize| places.get(index).copied();
            let place = at(index).unwrap_or(low);
            let left = place - index.checked_sub(1).and_then(at).unwrap_or(low);
            let right = at(index + 1).unwrap_or(high) - place;
            let deviation = if index == prior { width } else { left.max(right).clamp(narrowest, width) };
            (place, deviation)
        };
        Self::Numbers { range, parts: (0..places.len()).map(part).collect() }
    }

    /// A value drawn from it. Positions from `position` on are used up, fewer than 2^16 of them.
    fn draw(&self, random: Random, position: u64) -> f64 {
        match self {
            Self::Names(shares) => {
                let mut left = random.uniform(position);
                let chosen = shares.iter().position(|share| {
                    left -= share;
                    left < 0.0
                });
                chosen.unwrap_or(shares.len().saturating_sub(1)) as f64
            }
            Self::Numbers { range: (low, high), parts } => {
                let (mean, deviation) =
                    parts.get(random.below(position, parts.len())).copied().unwrap_or_default();
                // the range is at least as wide as the deviation, so that most draws are within it
                let mut draws = (1..100).map(|attempt| mean + deviation * random.normal(position + attempt));
                draws.find(|place| (low..=high).contains(&place)).unwrap_or(mean.clamp(*low, *high))
            }
        }
    }

    fn at(&self, place: f64) -> f64 {
        match self {
            Self::Names(shares) => shares.get(place as usize).copied().unwrap_or(f64::MIN_POSITIVE),
            Self::Numbers { range: (low, high), parts } => {
                let density = |(mean, deviation): &(f64, f64)| {
                    let within = cumulated((high - mean) / deviation) - cumulated((low - mean) / deviation);
                    let bell = (-0.5 * ((place - mean) / deviation).powi(2)).exp();
                    bell / (deviation * within.max(1e-12))
                };
                (parts.iter().map(density).sum::<f64>() / parts.len().max(1) as f64).max(f64::MIN_POSITIVE)
            }
        }
    }
}

/// The distribution function of the standard normal distribution, to 1.5e-7 (Abramowitz and Stegun, 7.1.26).
fn cumulated(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let erf = 1.0 - series.iter().fold(0.0, |sum, factor| sum * t + factor) * t * (-z * z).exp();
    if x < 0.0 { 0.5 - erf / 2.0 } else { 0.5 + erf / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_function_has_its_known_values() {
        for (x, wanted) in [(0.0, 0.5), (1.0, 0.841_344_746), (-1.96, 0.024_997_895), (3.0, 0.998_650_102)] {
            assert!((cumulated(x) - wanted).abs() < 2e-7, "{x}");
        }
    }

    #[test]
    fn densities_integrate_to_one_and_draws_follow_them() {
        let dimension = Dimension::Number { low: -1.0, high: 3.0, log: false };
        let density = Density::new(&dimension, &[0.5, 0.7, 2.9]);
        let step = 4.0 / 2000.0;
        // the density lacks the factor 1/√(2π), which cancels in ratios
        let whole = std::f64::consts::TAU.sqrt();
        let mass = |to: f64| -> f64 {
            let steps = ((to + 1.0) / step) as usize;
            (0..steps).map(|i| density.at(-1.0 + step * (i as f64 + 0.5)) * step / whole).sum()
        };
        assert!((mass(3.0) - 1.0).abs() < 1e-3, "{}", mass(3.0));
        let random = Random::new(3, 0);
        let draws: Vec<f64> = (0..4000).map(|i| density.draw(random, i << 16)).collect();
        for to in [0.0, 0.6, 1.5, 2.5] {
            let share = draws.iter().filter(|draw| **draw < to).count() as f64 / 4000.0;
            assert!((share - mass(to)).abs() < 0.03, "{to}: {share} {}", mass(to));
        }
    }

    #[test]
    fn names_seen_more_often_are_drawn_more_often() {
        let dimension = Dimension::Choice(vec!["a".into(), "b".into(), "c".into()]);
        let density = Density::new(&dimension, &[1.0, 1.0, 1.0]);
        assert_eq!((density.at(0.0), density.at(1.0)), (1.0 / 6.0, 4.0 / 6.0));
        let random = Random::new(4, 0);
        let share = (0..3000).filter(|i| density.draw(random, i << 16) == 1.0).count() as f64 / 3000.0;
        assert!((share - 4.0 / 6.0).abs() < 0.03, "{share}");
    }
}
