use crate::text::Vocabulary;
use crate::{DataError, Result};

/// How a text is counted into one vector: a bag, which forgets the order of its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bag {
    /// How often each token comes.
    #[default]
    Count,
    /// 1 for each token that comes, once or more often: "multi-hot".
    Binary,
    /// The share of each token among all of the text.
    Frequency,
}

impl Bag {
    /// The vector of one text, of `size` numbers; tokens beyond are left out.
    ///
    /// ```
    /// use anygrad_data::text::Bag;
    /// assert_eq!(Bag::Count.vector(&[2, 0, 2, 2], 4), [1.0, 0.0, 3.0, 0.0]);
    /// assert_eq!(Bag::Binary.vector(&[2, 0, 2, 2], 4), [1.0, 0.0, 1.0, 0.0]);
    /// assert_eq!(Bag::Frequency.vector(&[2, 0, 2, 2], 4), [0.25, 0.0, 0.75, 0.0]);
    /// ```
    pub fn vector(self, codes: &[u32], size: usize) -> Vec<f32> {
        let mut counts = vec![0.0; size];
        let mut total = 0.0;
        for &code in codes {
            if let Some(count) = counts.get_mut(code as usize) {
                *count += 1.0;
                total += 1.0;
            }
        }
        match self {
            Self::Count => {}
            Self::Binary => counts.iter_mut().for_each(|count| *count = f32::min(*count, 1.0)),
            Self::Frequency => counts.iter_mut().for_each(|count| *count /= f32::max(total, 1.0)),
        }
        counts
    }
}

/// Counts of tokens, weighted by how few texts hold them: term frequency times inverse document frequency.
///
/// The weight of token t is ln((1 + n) / (1 + nₜ)) + 1 for n training texts of which nₜ hold it, and each vector is divided
/// by its length: scikit-learn's `TfidfTransformer` with its defaults.
///
/// ```
/// use anygrad_data::text::TfIdf;
/// let weights = TfIdf::fit(&[vec![0, 1], vec![0, 0]], 2);
/// // token 0 is in both texts, token 1 in one
/// assert_eq!(weights.idf[0], 1.0);
/// assert!((weights.idf[1] - (1.5f64.ln() + 1.0)).abs() < 1e-12);
/// let vector = weights.vector(&[0, 1]);
/// assert!((vector[0].hypot(vector[1]) - 1.0).abs() < 1e-6 && vector[1] > vector[0]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TfIdf {
    /// The weight of each token.
    pub idf: Vec<f64>,
}

impl TfIdf {
    /// Counts in how many of the training texts each of `size` tokens comes.
    pub fn fit(texts: &[impl AsRef<[u32]>], size: usize) -> Self {
        let mut holding = vec![0u64; size];
        for text in texts {
            let mut codes = text.as_ref().to_vec();
            codes.sort_unstable();
            codes.dedup();
            for code in codes {
                if let Some(count) = holding.get_mut(code as usize) {
                    *count += 1;
                }
            }
        }
        let n = texts.len() as f64;
        Self { idf: holding.into_iter().map(|count| ((1.0 + n) / (1.0 + count as f64)).ln() + 1.0).collect() }
    }

    /// As [`TfIdf::fit`], of texts that `vocabulary` has numbered.
    ///
    /// # Errors
    /// [`DataError::LabelRange`] if a number names no token of it.
    pub fn fit_vocabulary(texts: &[impl AsRef<[u32]>], vocabulary: &Vocabulary) -> Result<Self> {
        let classes = vocabulary.len();
        let mut all = texts.iter().flat_map(|text| text.as_ref()).enumerate();
        match all.find(|(_, code)| **code as usize >= classes) {
            Some((position, &label)) => Err(DataError::LabelRange { position, label, classes }),
            None => Ok(Self::fit(texts, classes)),
        }
    }

    /// The weighted vector of one text, of length 1 (0 if it has no known token).
    pub fn vector(&self, codes: &[u32]) -> Vec<f32> {
        let counts = Bag::Count.vector(codes, self.idf.len());
        let weighted: Vec<f64> =
            counts.iter().zip(&self.idf).map(|(&count, idf)| f64::from(count) * idf).collect();
        let length = weighted.iter().map(|x| x * x).sum::<f64>().sqrt();
        let length = if length == 0.0 { 1.0 } else { length };
        weighted.into_iter().map(|x| (x / length) as f32).collect()
    }
}
