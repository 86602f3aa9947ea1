use crate::error::check_share;
use crate::shuffle::Draws;
use crate::{DataError, Result};

/// A token, another, and whether they are neighbours: what word2vec is trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The token in the middle.
    pub center: u32,
    /// A token near it, or one drawn at random.
    pub context: u32,
    /// 1 for neighbours, 0 for one drawn at random.
    pub label: u32,
}

/// Which neighbours count; what is not named keeps its default.
///
/// ```
/// use anygrad_data::text::PairSettings;
/// assert_eq!(PairSettings::default(), PairSettings { window: 5, negatives: 5, shrink: true, seed: 0 });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairSettings {
    /// How far away neighbours stand at most; 5.
    pub window: usize,
    /// Tokens drawn at random for each pair of neighbours; 5.
    pub negatives: usize,
    /// Whether the window of each token is drawn from 1 to `window`, so that near neighbours count more; true.
    pub shrink: bool,
    /// Names the random numbers; 0.
    pub seed: u64,
}

impl Default for PairSettings {
    fn default() -> Self {
        Self { window: 5, negatives: 5, shrink: true, seed: 0 }
    }
}

/// Draws tokens at random in proportion to count^power, 3/4 in word2vec.
///
/// ```
/// use anygrad_data::Draws;
/// use anygrad_data::text::NegativeSampler;
/// let sampler = NegativeSampler::new(&[0, 81, 16], 0.5)?;
/// let mut draws = Draws::new(1, 0, 0);
/// let ones = (0..1300).filter(|_| sampler.draw(&mut draws) == 1).count();
/// assert!((840..960).contains(&ones));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NegativeSampler {
    /// The sum of the weights up to each token.
    sums: Vec<f64>,
}

impl NegativeSampler {
    /// Weights count^`power` for the token of each count, such as [`Vocabulary::counts`](super::Vocabulary::counts).
    ///
    /// # Errors
    /// [`DataError::Setting`] if the power is not finite and at least 0, [`DataError::Needs`] if no token ever came.
    pub fn new(counts: &[u64], power: f64) -> Result<Self> {
        crate::error::check_spread("NegativeSampler", "power", power)?;
        let weight = |&count: &u64| if count == 0 { 0.0 } else { (count as f64).powf(power) };
        let sums: Vec<f64> = counts
            .iter()
            .map(weight)
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        if sums.last().is_none_or(|sum| *sum == 0.0 || !sum.is_finite()) {
            return Err(DataError::needs(
                "NegativeSampler",
                "a count above 0",
                format!("{} counts", counts.len()),
            ));
        }
        Ok(Self { sums })
    }

    /// A token.
    pub fn draw(&self, draws: &mut Draws) -> u32 {
        let mark = draws.uniform() * self.sums.last().copied().unwrap_or(0.0);
        // a token of weight 0 ends where the one before it ends, and is passed over
        self.sums.partition_point(|&sum| sum <= mark).min(self.sums.len().saturating_sub(1)) as u32
    }
}

/// The pairs of a text for the skip-gram model with negative sampling (Mikolov et al., "Distributed Representations of
/// Words and Phrases and their Compositionality", 2013): each token with each of its neighbours, and behind each such pair
/// so many tokens drawn at random, with label 0; a draw that is one of the pair is left out.
///
/// ```
/// use anygrad_data::text::{NegativeSampler, PairSettings, skip_gram};
/// let settings = PairSettings { window: 1, negatives: 1, shrink: false, ..PairSettings::default() };
/// let sampler = NegativeSampler::new(&[1, 1, 1, 1], 0.75)?;
/// let pairs = skip_gram(&[0, 1, 2], &settings, &sampler)?;
/// let near: Vec<_> = pairs.iter().filter(|pair| pair.label == 1).map(|pair| (pair.center, pair.context)).collect();
/// assert_eq!(near, [(0, 1), (1, 0), (1, 2), (2, 1)]);
/// assert!(pairs.len() <= 8);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if the window is 0.
pub fn skip_gram(codes: &[u32], settings: &PairSettings, sampler: &NegativeSampler) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for (place, &center) in codes.iter().enumerate() {
        let mut draws = Draws::new(settings.seed, 0, place as u64);
        for context in neighbours(codes, place, settings, &mut draws)? {
            pairs.push(Pair { center, context, label: 1 });
            for _ in 0..settings.negatives {
                let drawn = sampler.draw(&mut draws);
                // word2vec leaves out what it happens to draw of the pair itself
                if drawn != context && drawn != center {
                    pairs.push(Pair { center, context: drawn, label: 0 });
                }
            }
        }
    }
    Ok(pairs)
}

/// The samples of a text for the CBOW model: for each token its neighbours, from which the model is to guess it.
///
/// ```
/// use anygrad_data::text::{PairSettings, cbow};
/// let settings = PairSettings { window: 2, shrink: false, ..PairSettings::default() };
/// assert_eq!(cbow(&[7, 8, 9], &settings)?, [(vec![8, 9], 7), (vec![7, 9], 8), (vec![7, 8], 9)]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if the window is 0.
pub fn cbow(codes: &[u32], settings: &PairSettings) -> Result<Vec<(Vec<u32>, u32)>> {
    let mut samples = Vec::new();
    for (place, &center) in codes.iter().enumerate() {
        let context = neighbours(codes, place, settings, &mut Draws::new(settings.seed, 0, place as u64))?;
        if !context.is_empty() {
            samples.push((context, center));
        }
    }
    Ok(samples)
}

/// The tokens around `place`, those before it first.
fn neighbours(codes: &[u32], place: usize, settings: &PairSettings, draws: &mut Draws) -> Result<Vec<u32>> {
    if settings.window == 0 {
        return Err(DataError::setting("PairSettings", "window", 0, "1 at least"));
    }
    let window = if settings.shrink { 1 + draws.below(settings.window) } else { settings.window };
    let (begin, end) = (place.saturating_sub(window), place.saturating_add(window).min(codes.len() - 1));
    Ok((begin..=end).filter(|&other| other != place).map(|other| codes[other]).collect())
}

/// The probability with which word2vec keeps a token in subsampling: √(t / f) + t / f, at most 1, for its share f of all
/// tokens and the threshold t, about 1e-3 to 1e-5 (the formula of the word2vec program, whose paper has √(t / f) alone).
/// Frequent words say little.
///
/// ```
/// let keep = anygrad_data::text::keep_probabilities(&[96, 4, 0], 0.01)?;
/// assert!((keep[0] - (0.01f64 / 0.96).sqrt() - 0.01 / 0.96).abs() < 1e-12);
/// assert_eq!(keep[1..], [0.75, 1.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if the threshold is not from 0 to 1.
pub fn keep_probabilities(counts: &[u64], threshold: f64) -> Result<Vec<f64>> {
    check_share("keep_probabilities", "threshold", threshold)?;
    let total: f64 = counts.iter().map(|&count| count as f64).sum();
    let keep = |&count: &u64| match count {
        0 => 1.0,
        _ => {
            let ratio = threshold * total / count as f64;
            (ratio.sqrt() + ratio).min(1.0)
        }
    };
    Ok(counts.iter().map(keep).collect())
}

/// The tokens that are left when each is kept with its probability; those without one are kept.
///
/// ```
/// let left = anygrad_data::text::subsample(&[0, 1, 0, 1, 2], &[0.0, 1.0], 7);
/// assert_eq!(left, [1, 1, 2]);
/// ```
pub fn subsample(codes: &[u32], keep: &[f64], seed: u64) -> Vec<u32> {
    let mut draws = Draws::new(seed, 1, 0);
    let mut is_kept = |code: u32| draws.chance(keep.get(code as usize).copied().unwrap_or(1.0));
    codes.iter().copied().filter(|&code| is_kept(code)).collect()
}
