use anygrad_graph::Rng;

/// A numbered series of random numbers on the host: `seed` names the family, `stream` the member. The number at a
/// position is a function of these three alone (Threefry-2x32-20), whoever asks for it, and in whatever order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random {
    seed: u64,
}

impl Random {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self { seed: bits(seed, stream) }
    }

    /// A number in [0, 1), a multiple of 2⁻⁵³.
    pub(crate) fn uniform(self, position: u64) -> f64 {
        (bits(self.seed, position) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About standard normal, in (-6, 6): the sum of 12 uniform numbers less 6. Only additions, which round alike on
    /// every machine.
    pub(crate) fn normal(self, position: u64) -> f64 {
        (0..12).map(|part| self.uniform(position.wrapping_mul(12).wrapping_add(part))).sum::<f64>() - 6.0
    }

    /// A number in `0..bound`; 0 if `bound` is 0.
    pub(crate) fn below(self, position: u64, bound: usize) -> usize {
        ((u128::from(bits(self.seed, position)) * bound as u128) >> 64) as usize
    }
}

fn bits(seed: u64, position: u64) -> u64 {
    let [low, high] = Rng::from_state(seed, position).next_key();
    u64::from(low) | u64::from(high) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_seed_stream_and_position() {
        let number = |seed, stream, position| Random::new(seed, stream).uniform(position);
        assert_eq!(number(1, 2, 3), number(1, 2, 3));
        let others = [number(2, 2, 3), number(1, 3, 3), number(1, 2, 4), number(1 | 1 << 40, 2, 3)];
        assert!(others.iter().all(|other| *other != number(1, 2, 3)));
    }

    #[test]
    fn the_moments_are_right() {
        let random = Random::new(5, 0);
        let moments = |of: &dyn Fn(u64) -> f64| {
            let values: Vec<f64> = (0..20_000).map(of).collect();
            let mean = values.iter().sum::<f64>() / 20_000.0;
            (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 20_000.0)
        };
        // three standard errors
        let (mean, variance) = moments(&|i| random.uniform(i));
        assert!((mean - 0.5).abs() < 0.0062 && (variance - 1.0 / 12.0).abs() < 0.0016, "{mean} {variance}");
        let (mean, variance) = moments(&|i| random.normal(i));
        assert!(mean.abs() < 0.0213 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        let counts = (0..3000).fold([0; 3], |mut counts, i| {
            counts[random.below(i, 3)] += 1;
            counts
        });
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }
}
