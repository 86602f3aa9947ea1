//! Random numbers on the host, for initial values, and normal numbers on the device.

use anygrad_graph::{Rng, Tensor};

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
        box_muller(self.open_pair(i))
    }

    /// Normal number `i` with mean 0 and deviation 1, drawn again until it lies in `[low, high]`; i is below 2³².
    ///
    /// Bounds far apart around 0 are met by normal numbers soon enough. Others are met by uniform ones, each kept with
    /// the probability that is its density over the largest (Robert 1995); where the density is below e⁻³⁷ of the
    /// largest, nothing would ever be kept.
    pub fn truncated(&self, i: u64, low: f64, high: f64) -> f64 {
        const TRIES: u64 = 1000; // one in 40 is kept at the worst, so that one in 10¹⁰ numbers takes more
        let likeliest = 0f64.clamp(low, high);
        let reach = (likeliest * likeliest + 74.0).sqrt() - likeliest.abs();
        let (from, to) = (low.max(likeliest - reach), high.min(likeliest + reach));
        let wide = likeliest == 0.0 && high - low > 2.5;
        let kept = (0..TRIES).find_map(|round| {
            let [a, b] = self.open_pair(i | round << 32);
            let (x, keep) = match wide {
                true => (box_muller([a, b]), true),
                false => {
                    let x = from + (to - from) * a;
                    (x, b <= ((likeliest * likeliest - x * x) / 2.0).exp())
                }
            };
            (keep && (low..=high).contains(&x)).then_some(x)
        });
        kept.unwrap_or(likeliest)
    }

    /// Two uniform numbers in (0, 1).
    fn open_pair(&self, i: u64) -> [f64; 2] {
        self.pair(i).map(|word| (f64::from(word) + 0.5) * 2f64.powi(-32))
    }
}

fn box_muller([a, b]: [f64; 2]) -> f64 {
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// Normal numbers with mean 0 and deviation 1, of the shape, dtype and device of `x`, by the method of Box and Muller.
#[track_caller]
pub(crate) fn normal_like(rng: &mut Rng, x: &Tensor) -> Tensor {
    // in (0, 1], so that the logarithm is finite
    let radius: Tensor = 1.0 - rng.uniform(x.shape(), x.device());
    let angle = rng.uniform(x.shape(), x.device()) * std::f64::consts::TAU;
    ((radius.log() * -2.0).sqrt() * angle.cos()).to_dtype(x.dtype())
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
