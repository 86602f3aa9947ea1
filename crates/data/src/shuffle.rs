//! Orders that are the same on every machine: Threefry-2x32-20 and Fisher-Yates.

/// The stream of the permutation that a split draws; epochs count from 0 and do not reach it.
pub(crate) const SPLIT: u64 = u64::MAX;
/// The stream that names the family of the random numbers of single samples, see [`Draws`].
const SAMPLES: u64 = u64::MAX - 16;
/// The stream of choices made once for a data set: which samples are drawn again, which labels are flipped.
pub(crate) const CHOICE: u64 = u64::MAX - 17;

/// Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011):
/// 64 random bits for each pair of key and counter, without any state.
pub(crate) fn threefry(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    const ROTATIONS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];
    // the third key word makes an all-zero key harmless; the constant is Skein's
    let keys = [key[0], key[1], 0x1BD1_1BDA ^ key[0] ^ key[1]];
    let [mut x, mut y] = [counter[0].wrapping_add(keys[0]), counter[1].wrapping_add(keys[1])];
    for group in 0..5 {
        for rotation in ROTATIONS[group % 2] {
            x = x.wrapping_add(y);
            y = y.rotate_left(rotation) ^ x;
        }
        x = x.wrapping_add(keys[(group + 1) % 3]);
        y = y.wrapping_add(keys[(group + 2) % 3]).wrapping_add(group as u32 + 1);
    }
    [x, y]
}

fn words(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

/// A numbered series of random numbers: `seed` names the family, `stream` the member (an epoch, for example).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random {
    key: [u32; 2],
}

impl Random {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        // 128 bits of names do not fit the 64-bit key, so the stream is first enciphered with the seed: for one
        // seed, different streams have different keys
        Self { key: threefry(words(seed), words(stream)) }
    }

    /// The 64 bits at `position`.
    pub(crate) fn bits(&self, position: u64) -> u64 {
        let [low, high] = threefry(self.key, words(position));
        u64::from(low) | u64::from(high) << 32
    }

    /// A number in `0..bound`; 0 if `bound` is 0. Its bias, at most bound / 2^64, cannot be noticed.
    pub(crate) fn below(&self, position: u64, bound: usize) -> usize {
        ((u128::from(self.bits(position)) * bound as u128) >> 64) as usize
    }

    /// A number in [0, 1), a multiple of 2^-24.
    pub(crate) fn uniform(&self, position: u64) -> f32 {
        (self.bits(position) >> 40) as f32 / (1u32 << 24) as f32
    }

    /// About standard normal, in (-6, 6): the sum of 12 uniform numbers less 6. Only additions, which round alike
    /// everywhere, where the logarithm and cosine of a true normal number would not.
    pub(crate) fn normal(&self, position: u64) -> f32 {
        (0..12).map(|i| self.uniform(12 * position + i)).sum::<f32>() - 6.0
    }

    /// Puts `items` in random order (Fisher-Yates, from the end).
    pub(crate) fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64, last + 1));
        }
    }
}

/// Random numbers one after the other, for the work on one sample: what (seed, epoch, sample) name, whichever thread
/// asks. A transform of the user's draws from it and is then as reproducible as those of this crate.
///
/// ```
/// use anygrad_data::Draws;
/// let (mut a, mut b) = (Draws::new(7, 0, 12), Draws::new(7, 0, 12));
/// assert_eq!((a.uniform(), a.below(10)), (b.uniform(), b.below(10)));
/// assert_ne!(a.bits(), Draws::new(7, 1, 12).bits());
/// ```
#[derive(Clone, Debug)]
pub struct Draws {
    random: Random,
    position: u64,
}

impl Draws {
    /// The series of sample `index` in `epoch`.
    pub fn new(seed: u64, epoch: u64, index: u64) -> Self {
        // another family than that of the orders, which (seed, epoch) alone names
        let family = Random::new(Random::new(seed, SAMPLES).bits(0), epoch);
        Self { random: Random { key: threefry(family.key, words(index)) }, position: 0 }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.position = self.position.wrapping_add(1);
        self.random.bits(self.position)
    }

    /// A number in [0, 1), a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number in [low, high), or `low` where both are equal.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A whole number in `0..bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// About standard normal, in (-6, 6): the sum of 12 uniform numbers less 6, which rounds alike everywhere.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    /// A number in (0, 1) of the symmetric beta distribution Beta(a, a): by Jöhnk's method (1964) for a up to 1,
    /// by Cheng's method BB (1978) above. `a` is above 0.
    pub fn beta(&mut self, a: f64) -> f64 {
        if a <= 1.0 { self.beta_johnk(a) } else { self.beta_cheng(a) }
    }

    fn beta_johnk(&mut self, a: f64) -> f64 {
        loop {
            // logarithms, since the powers of a small a leave the range of numbers
            let (x, y) = ((1.0 - self.uniform()).ln() / a, (1.0 - self.uniform()).ln() / a);
            let top = x.max(y);
            let log_sum = top + ((x - top).exp() + (y - top).exp()).ln();
            if log_sum <= 0.0 {
                return (x - log_sum).exp();
            }
        }
    }

    fn beta_cheng(&mut self, a: f64) -> f64 {
        loop {
            let (u, v) = (1.0 - self.uniform(), 1.0 - self.uniform());
            let slope = (u / (1.0 - u).max(f64::MIN_POSITIVE)).ln() / a.sqrt();
            let w = (a * slope.exp()).min(f64::MAX);
            let r = (a + a.sqrt()) * slope - 4f64.ln();
            if r + 2.0 * a * (2.0 * a / (a + w)).ln() >= (u * u * v).ln() {
                return w / (a + w);
            }
        }
    }
}

/// The numbers `0..len` in the random order that `seed` and `stream` name.
pub(crate) fn permutation(len: usize, seed: u64, stream: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    Random::new(seed, stream).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of Random123, tests/kat_vectors, "threefry2x32 20".
    #[test]
    fn threefry_gives_the_known_answers() {
        assert_eq!(threefry([0, 0], [0, 0]), [0x6b20_0159, 0x99ba_4efe]);
        assert_eq!(threefry([u32::MAX; 2], [u32::MAX; 2]), [0x1cb9_96fc, 0xbb00_2be7]);
        assert_eq!(
            threefry([0x1319_8a2e, 0x0370_7344], [0x243f_6a88, 0x85a3_08d3]),
            [0xc492_3a9c, 0x483d_f7a0]
        );
    }

    #[test]
    fn a_permutation_holds_every_number_once() {
        for len in [0, 1, 2, 3, 17, 1000] {
            let mut order = permutation(len, 3, 5);
            order.sort_unstable();
            assert_eq!(order, (0..len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn seed_and_stream_both_change_the_order() {
        let order = permutation(100, 1, 0);
        assert_eq!(order, permutation(100, 1, 0));
        assert_ne!(order, permutation(100, 2, 0));
        assert_ne!(order, permutation(100, 1, 1));
        // neither half of the seed is dropped
        assert_ne!(order, permutation(100, 1 | 1 << 40, 0));
        assert_ne!(order, permutation(100, 1, 1 << 40));
    }

    /// Frozen (assets/check_order.py prints it), so that a change of the generator, which would change every
    /// training run, is noticed.
    #[test]
    fn the_order_is_frozen() {
        assert_eq!(permutation(10, 42, 0), [6, 5, 3, 2, 4, 8, 1, 9, 0, 7]);
    }

    #[test]
    fn each_of_the_orders_of_three_is_equally_likely() {
        let mut seen = std::collections::BTreeMap::new();
        for seed in 0..6000 {
            *seen.entry(permutation(3, seed, 0)).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        // 1000 expected, standard deviation 29
        assert!(seen.values().all(|&n: &i32| (n - 1000).abs() < 120), "{seen:?}");
    }

    #[test]
    fn normal_has_mean_0_and_deviation_1() {
        let random = Random::new(9, 9);
        let values: Vec<f64> = (0..20_000).map(|i| f64::from(random.normal(i))).collect();
        let mean = values.iter().sum::<f64>() / 20_000.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 20_000.0;
        // three standard errors of each
        assert!(mean.abs() < 0.0213 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    /// Mean 1/2 and variance 1 / (4 (2 a + 1)), for both methods and a near the change between them.
    #[test]
    fn beta_has_its_mean_and_variance() {
        for a in [0.05, 0.2, 1.0, 1.01, 4.0, 50.0] {
            let mut draws = Draws::new(3, 1, 4);
            let values: Vec<f64> = (0..20_000).map(|_| draws.beta(a)).collect();
            let mean = values.iter().sum::<f64>() / 20_000.0;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 20_000.0;
            let wanted = 0.25 / (2.0 * a + 1.0);
            assert!((mean - 0.5).abs() < 4.0 * (wanted / 20_000.0).sqrt(), "{a}: mean {mean}");
            assert!((variance / wanted - 1.0).abs() < 0.05, "{a}: variance {variance}, wanted {wanted}");
            assert!(values.iter().all(|v| (0.0..=1.0).contains(v)), "{a}");
        }
    }
}
