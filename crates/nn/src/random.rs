//! Random numbers on the host, for initial values.

use anygrad_graph::Rng;

/// A stream of random words that is a function of a seed and a path, and of nothing else: adding, removing or
/// reordering layers leaves the initial values of the others as they were.
///
/// The key is the seed, mixed with the bytes of the path eight at a time and then with their number, each time by
/// one Threefry-2x32-20 block. Word `i` of the stream is word `i mod 2` of block `i / 2` under that key.
pub(crate) struct Stream {
    key: u64,
}

impl Stream {
    pub fn new(seed: u64, path: &str) -> Self {
        let mixed = path.as_bytes().chunks(8).fold(seed, |key, chunk| {
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(chunk).for_each(|(to, &from)| *to = from);
            join(block(key, u64::from_le_bytes(bytes)))
        });
        Self { key: join(block(mixed, path.len() as u64)) }
    }

    /// Words `2·i` and `2·i + 1`.
    pub fn pair(&self, i: u64) -> [u32; 2] {
        block(self.key, i)
    }

    /// Uniform number `i` in [0, 1), a multiple of 2⁻²⁴, so that f32 holds it exactly.
    pub fn uniform(&self, i: u64) -> f64 {
        let word = self.pair(i / 2)[(i % 2) as usize];
        f64::from(word >> 8) * 2f64.powi(-24)
    }

    /// Normal number `i` with mean 0 and deviation 1, by the method of Box and Muller (1958).
    pub fn normal(&self, i: u64) -> f64 {
        let [a, b] = self.pair(i).map(|word| (f64::from(word) + 0.5) * 2f64.powi(-32));
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }
}

/// The Threefry block `counter` under `key`: the key of draw `counter` of the stream seeded by `key`.
fn block(key: u64, counter: u64) -> [u32; 2] {
    Rng::from_state(key, counter).next_key()
}

fn join([low, high]: [u32; 2]) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_distributions() {
        let stream = Stream::new(7, "fc1.weight");
        let n = 20_000;
        let moments = |draw: &dyn Fn(u64) -> f64| {
            let mean = (0..n).map(draw).sum::<f64>() / n as f64;
            let variance = (0..n).map(|i| (draw(i) - mean).powi(2)).sum::<f64>() / n as f64;
            (mean, variance)
        };
        // four standard errors of the mean and of the variance
        let (mean, variance) = moments(&|i| stream.uniform(i));
        assert!((mean - 0.5).abs() < 0.009 && (variance - 1.0 / 12.0).abs() < 0.0025, "{mean} {variance}");
        let (mean, variance) = moments(&|i| stream.normal(i));
        assert!(mean.abs() < 0.029 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
    }

    #[test]
    fn seed_and_path_choose_the_stream() {
        let first = |seed, path| Stream::new(seed, path).pair(0);
        assert_eq!(first(1, "a"), first(1, "a"));
        let different =
            [first(1, "a"), first(2, "a"), first(1, "b"), first(1, "a\0"), first(1, ""), first(1 << 40, "a")];
        for (i, x) in different.iter().enumerate() {
            assert!(different[..i].iter().all(|y| x != y), "stream {i} is a repeat");
        }
    }
}
