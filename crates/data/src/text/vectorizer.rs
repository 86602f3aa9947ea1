use super::{Tokenizer, Vocabulary, VocabularySettings, sequence_dataset};
use crate::sequence::{PadSettings, Padded, pad_sequences};
use crate::{Dataset, Result};

/// Texts to numbers in one call: a [`Tokenizer`], the [`Vocabulary`] of the training texts, and padding to one length.
///
/// ```
/// use anygrad_data::text::TextVectorizer;
/// let train = ["the cat sat", "the dog sat down"];
/// let vectorizer = TextVectorizer::fit(&train)?;
/// let padded = vectorizer.apply(&["the cat sat down", "a cat"])?;
/// // 0 fills up, 1 is unknown, then the most frequent first
/// assert_eq!(padded.values, [3, 4, 2, 6, 0, 0, 1, 4]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TextVectorizer {
    /// How a text falls into tokens.
    pub tokenizer: Tokenizer,
    /// The numbers of the tokens.
    pub vocabulary: Vocabulary,
    /// How texts become equally long.
    pub padding: PadSettings<u32>,
}

impl TextVectorizer {
    /// Counts the words of the training texts; each result is as long as the longest training text.
    ///
    /// # Errors
    /// As [`TextVectorizer::fit_with`]: none for these settings.
    pub fn fit(train: &[impl AsRef<str>]) -> Result<Self> {
        Self::fit_with(train, Tokenizer::words(), &VocabularySettings::default(), PadSettings::default())
    }

    /// As [`TextVectorizer::fit`], with other tokens, another vocabulary and another length. Where `padding` names no
    /// length it is that of the longest training text.
    ///
    /// # Errors
    /// As [`Vocabulary::fit`].
    pub fn fit_with(
        train: &[impl AsRef<str>],
        tokenizer: Tokenizer,
        vocabulary: &VocabularySettings,
        padding: PadSettings<u32>,
    ) -> Result<Self> {
        let tokens: Vec<Vec<String>> = train.iter().map(|text| tokenizer.tokens(text.as_ref())).collect();
        let vocabulary = Vocabulary::fit(&tokens, vocabulary)?;
        let longest = tokens.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let padding = PadSettings { max_len: padding.max_len.or(Some(longest)), ..padding };
        Ok(Self { tokenizer, vocabulary, padding })
    }

    /// The numbers of the tokens of each text, all equally many, with masks and lengths.
    ///
    /// # Errors
    /// As [`pad_sequences`].
    pub fn apply(&self, texts: &[impl AsRef<str>]) -> Result<Padded<u32>> {
        let encode = |text: &str| self.vocabulary.encode(&self.tokenizer.tokens(text));
        let codes: Vec<Vec<u32>> = texts.iter().map(|text| encode(text.as_ref())).collect();
        pad_sequences(&codes, &self.padding)
    }

    /// Texts with their classes as samples `[length]` for an embedding.
    ///
    /// ```
    /// use anygrad_data::{synthetic, text::TextVectorizer};
    /// let (texts, labels): (Vec<String>, Vec<u32>) = synthetic::reviews(100, 1).into_iter().unzip();
    /// let (train, test) = texts.split_at(80);
    /// let vectorizer = TextVectorizer::fit(train)?;
    /// let test = vectorizer.dataset(test, labels[80..].to_vec(), 2)?;
    /// assert_eq!(test.len(), 20);
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`pad_sequences`] and [`Dataset::classes`].
    pub fn dataset(&self, texts: &[impl AsRef<str>], labels: Vec<u32>, classes: usize) -> Result<Dataset> {
        let padded = self.apply(texts)?;
        sequence_dataset(&padded.values, padded.len, labels, classes)
    }
}
