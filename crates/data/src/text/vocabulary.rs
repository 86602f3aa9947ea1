use std::collections::{BTreeMap, HashMap};

use crate::{DataError, Result};

/// Which tokens a [`Vocabulary`] takes in; what is not named keeps its default.
///
/// ```
/// use anygrad_data::text::VocabularySettings;
/// let settings = VocabularySettings { max_size: Some(10_000), ..VocabularySettings::default() };
/// assert_eq!((settings.min_count, settings.specials.len()), (1, 2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VocabularySettings {
    /// How often a token must come; 1.
    pub min_count: usize,
    /// How many tokens there are at most, the special ones among them; no limit if `None`.
    pub max_size: Option<usize>,
    /// Tokens that come first, whatever the text holds; `"<pad>"` and `"<unk>"`, so that padding is 0.
    pub specials: Vec<String>,
    /// The special token that stands for all that is unknown; `"<unk>"`. If `None`, unknown tokens are left out.
    pub unknown: Option<String>,
}

impl Default for VocabularySettings {
    fn default() -> Self {
        let specials = ["<pad>", "<unk>"].map(str::to_owned).to_vec();
        Self { min_count: 1, max_size: None, specials, unknown: Some("<unk>".to_owned()) }
    }
}

/// A number for each token: the special ones first, then from the most frequent down, in the order of their characters
/// where they are equally frequent. The same text gives the same numbers everywhere.
///
/// ```
/// use anygrad_data::text::{Vocabulary, VocabularySettings};
/// let texts = [vec!["b", "a", "b"], vec!["c"]];
/// let vocabulary = Vocabulary::fit(&texts, &VocabularySettings::default())?;
/// assert_eq!(vocabulary.tokens(), ["<pad>", "<unk>", "b", "a", "c"]);
/// assert_eq!(vocabulary.encode(&["c", "never seen", "b"]), [4, 1, 2]);
/// assert_eq!(vocabulary.decode(&[2, 0, 99]), ["b", "<pad>", "<unk>"]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    tokens: Vec<String>,
    counts: Vec<u64>,
    codes: HashMap<String, u32>,
    unknown: Option<u32>,
}

const NAME: &str = "Vocabulary";

impl Vocabulary {
    /// Counts the tokens of the training texts and numbers them.
    ///
    /// # Errors
    /// [`DataError::Setting`] if the unknown token is not among the special ones, one of those comes twice, or
    /// `max_size` has no room for them.
    pub fn fit<S: AsRef<str>>(texts: &[impl AsRef<[S]>], settings: &VocabularySettings) -> Result<Self> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for token in texts.iter().flat_map(|text| text.as_ref()) {
            *counts.entry(token.as_ref()).or_insert(0) += 1;
        }
        let special_counts: Vec<u64> =
            settings.specials.iter().map(|token| counts.remove(token.as_str()).unwrap_or(0)).collect();
        let mut found: Vec<(&str, u64)> = counts.into_iter().collect();
        found.retain(|(_, count)| *count >= settings.min_count as u64);
        // stable: equal counts stay in the order of the map
        found.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let room = settings.max_size.unwrap_or(usize::MAX).checked_sub(settings.specials.len());
        let Some(room) = room else {
            let value = settings.max_size.unwrap_or(0);
            let wanted = format!("{} at least, for the special tokens", settings.specials.len());
            return Err(DataError::setting(NAME, "max_size", value, wanted));
        };
        found.truncate(room);
        let tokens =
            settings.specials.iter().cloned().chain(found.iter().map(|(token, _)| (*token).to_owned()));
        let counts = special_counts.into_iter().chain(found.iter().map(|(_, count)| *count)).collect();
        Self::numbered(tokens.collect(), counts, settings.unknown.as_deref())
    }

    /// A vocabulary of `tokens` in this order, such as [`Vocabulary::tokens`] gave; `unknown` is the one of them that
    /// stands for all others.
    ///
    /// # Errors
    /// [`DataError::Setting`] if a token comes twice, or `unknown` is not among them.
    pub fn from_tokens(tokens: Vec<String>, unknown: Option<&str>) -> Result<Self> {
        let counts = vec![0; tokens.len()];
        Self::numbered(tokens, counts, unknown)
    }

    fn numbered(tokens: Vec<String>, counts: Vec<u64>, unknown: Option<&str>) -> Result<Self> {
        let mut codes = HashMap::with_capacity(tokens.len());
        for (code, token) in (0u32..).zip(&tokens) {
            if codes.insert(token.clone(), code).is_some() {
                let value = format!("{token:?} at {code}");
                return Err(DataError::setting(NAME, "tokens", value, "a token that has not come before"));
            }
        }
        let missing = |unknown: &str| {
            DataError::setting(NAME, "unknown", format!("{unknown:?}"), "one of the special tokens")
        };
        let unknown =
            unknown.map(|token| codes.get(token).copied().ok_or_else(|| missing(token))).transpose()?;
        Ok(Self { tokens, counts, codes, unknown })
    }

    /// Number of tokens, the special ones among them: the rows of an embedding.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The tokens, in the order of their numbers.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// How often each token came in the training texts, in the order of their numbers.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The number of a token, or `None` if it is unknown.
    pub fn code(&self, token: &str) -> Option<u32> {
        self.codes.get(token).copied()
    }

    /// The token of a number, or `None` if there is none.
    pub fn token(&self, code: u32) -> Option<&str> {
        self.tokens.get(code as usize).map(String::as_str)
    }

    /// The number that stands for what is unknown.
    pub fn unknown(&self) -> Option<u32> {
        self.unknown
    }

    /// The numbers of tokens: that of the unknown token for those it does not know, or none where there is no such.
    pub fn encode<S: AsRef<str>>(&self, tokens: &[S]) -> Vec<u32> {
        tokens.iter().filter_map(|token| self.code(token.as_ref()).or(self.unknown)).collect()
    }

    /// The tokens of numbers: the unknown token for a number beyond all, or none where there is no such.
    pub fn decode(&self, codes: &[u32]) -> Vec<&str> {
        let unknown = self.unknown.and_then(|code| self.token(code));
        codes.iter().filter_map(|&code| self.token(code).or(unknown)).collect()
    }

    /// A vector of 0 and a single 1 for each number: `[codes.len(), len]`, one after the other.
    ///
    /// ```
    /// use anygrad_data::text::{Vocabulary, VocabularySettings};
    /// let settings = VocabularySettings { specials: vec![], unknown: None, ..VocabularySettings::default() };
    /// let vocabulary = Vocabulary::fit(&[["a", "b"]], &settings)?;
    /// assert_eq!(vocabulary.one_hot(&[1, 0])?, [0.0, 1.0, 1.0, 0.0]);
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::LabelRange`] if a number names no token, [`DataError::SampleShape`] if the result is larger than
    /// memory can be.
    pub fn one_hot(&self, codes: &[u32]) -> Result<Vec<f32>> {
        one_hot(codes, self.len())
    }
}

/// A row of `width` numbers for each code, 1 at the place that it names.
pub(super) fn one_hot(codes: &[u32], width: usize) -> Result<Vec<f32>> {
    let shape = || vec![codes.len(), width];
    let mut values = Vec::new();
    let size = codes.len().checked_mul(width);
    if size.is_none_or(|size| values.try_reserve_exact(size).is_err()) {
        return Err(DataError::SampleShape { what: "one_hot", shape: shape() });
    }
    for (position, &code) in codes.iter().enumerate() {
        let begin = values.len();
        values.resize(begin + width, 0.0);
        match values[begin..].get_mut(code as usize) {
            Some(one) => *one = 1.0,
            None => return Err(DataError::LabelRange { position, label: code, classes: width }),
        }
    }
    Ok(values)
}
