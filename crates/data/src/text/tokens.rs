/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Words,
    Spaced,
    Characters,
}

/// Splits text into tokens: words, or characters.
///
/// ```
/// use anygrad_data::text::Tokenizer;
/// assert_eq!(Tokenizer::words().tokens("The cat sat, didn't it?"), ["the", "cat", "sat", "didn't", "it"]);
/// assert_eq!(Tokenizer::spaced().tokens("it 's fine ."), ["it", "'s", "fine", "."]);
/// assert_eq!(Tokenizer::characters().tokens("The cat sat").len(), 11);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokenizer {
    unit: Unit,
    lowercase: bool,
    ngrams: (usize, usize),
}

impl Tokenizer {
    /// Words in lower case: runs of letters, digits and `_` in any script, with an apostrophe between letters. Everything
    /// else parts words and is left out.
    pub fn words() -> Self {
        Self { unit: Unit::Words, lowercase: true, ngrams: (1, 1) }
    }

    /// What stands between spaces, as it is: for text that was tokenised before.
    pub fn spaced() -> Self {
        Self { unit: Unit::Spaced, lowercase: false, ngrams: (1, 1) }
    }

    /// Every character (Unicode scalar value), spaces too, as it is.
    pub fn characters() -> Self {
        Self { unit: Unit::Characters, lowercase: false, ngrams: (1, 1) }
    }

    /// Whether letters become small ones: true for words, false for the others, unless set.
    pub fn lowercase(self, lowercase: bool) -> Self {
        Self { lowercase, ..self }
    }

    /// Gives n-grams of `low` to `high` tokens in place of single ones, see [`ngrams`].
    pub fn ngrams(self, low: usize, high: usize) -> Self {
        Self { ngrams: (low, high), ..self }
    }

    /// The tokens of `text`, in order.
    pub fn tokens(&self, text: &str) -> Vec<String> {
        let text = if self.lowercase { text.to_lowercase() } else { text.to_owned() };
        let tokens: Vec<String> = match self.unit {
            Unit::Words => words(&text).map(str::to_owned).collect(),
            Unit::Spaced => text.split_whitespace().map(str::to_owned).collect(),
            Unit::Characters => text.chars().map(String::from).collect(),
        };
        let joint = if self.unit == Unit::Characters { "" } else { " " };
        match self.ngrams {
            (1, 1) => tokens,
            (low, high) => joined_ngrams(&tokens, low, high, joint),
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '\'' || c == '\u{2019}';
    text.split(move |c| !in_word(c))
        .map(|word| word.trim_matches(['\'', '\u{2019}']))
        .filter(|word| !word.is_empty())
}

/// All runs of `low` to `high` neighbouring tokens, joined by a space: first those of `low` tokens in their order, then
/// those of one more. With `low` 1 this is the "bag of n-grams" that holds the shorter ones too; with `low` = `high`
/// strictly n-grams. Runs of 0 tokens are none.
///
/// ```
/// use anygrad_data::text::{Tokenizer, ngrams};
/// let tokens = Tokenizer::words().tokens("The cat sat on the mat");
/// assert_eq!(ngrams(&tokens, 2, 2), ["the cat", "cat sat", "sat on", "on the", "the mat"]);
/// assert_eq!(ngrams(&tokens, 1, 2).len(), 11);
/// ```
pub fn ngrams(tokens: &[String], low: usize, high: usize) -> Vec<String> {
    joined_ngrams(tokens, low, high, " ")
}

fn joined_ngrams(tokens: &[String], low: usize, high: usize, joint: &str) -> Vec<String> {
    let sizes = low.max(1)..=high.min(tokens.len());
    sizes.flat_map(|size| tokens.windows(size).map(|run| run.join(joint))).collect()
}

/// The sentences of a text: cut behind `.`, `!`, `?` or their full-width forms, with closing quotes and brackets behind
/// them, where white space follows or the script needs none. Abbreviations such as "Dr." are cut as well.
///
/// ```
/// use anygrad_data::text::sentences;
/// assert_eq!(sentences("It rained. \"Really?\" Yes! 3.5 mm"), ["It rained.", "\"Really?\"", "Yes!", "3.5 mm"]);
/// assert_eq!(sentences("下雨了。真的？"), ["下雨了。", "真的？"]);
/// ```
pub fn sentences(text: &str) -> Vec<&str> {
    let (mut sentences, mut start) = (Vec::new(), 0);
    let mut characters = text.char_indices().peekable();
    let mut ended = None;
    while let Some((_, c)) = characters.next() {
        ended = match c {
            '.' | '!' | '?' => Some(false),
            '。' | '！' | '？' => Some(true),
            '"' | '\'' | ')' | ']' | '”' | '’' | '」' => ended,
            _ => None,
        };
        let (next, space) = characters.peek().map_or((text.len(), true), |&(at, c)| (at, c.is_whitespace()));
        // a closing quote or a second mark belongs to the sentence before it
        let closing = characters.peek().is_some_and(|(_, c)| "\"')]”’」.!?。！？".contains(*c));
        if ended.is_some_and(|wide| space || wide && !closing) {
            sentences.push(&text[start..next]);
            start = next;
            ended = None;
        }
    }
    sentences.push(&text[start..]);
    sentences.into_iter().map(str::trim).filter(|sentence| !sentence.is_empty()).collect()
}

/// English words that carry little meaning of their own. "not", "no" and their kin are left out: they turn the meaning.
pub const STOP_WORDS: [&str; 60] = [
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but",
    "by", "can", "do", "does", "for", "from", "had", "has", "have", "he", "her", "his", "i", "if", "in",
    "into", "is", "it", "its", "me", "my", "of", "on", "or", "our", "she", "so", "that", "the", "their",
    "them", "they", "this", "to", "was", "we", "were", "what", "which", "who", "will", "with", "would",
    "you", "your",
];

/// The tokens that are not among `stop_words`.
///
/// ```
/// use anygrad_data::text::{STOP_WORDS, Tokenizer, without_stop_words};
/// let tokens = Tokenizer::words().tokens("The film is not a disaster");
/// assert_eq!(without_stop_words(tokens, &STOP_WORDS), ["film", "not", "disaster"]);
/// ```
pub fn without_stop_words(tokens: Vec<String>, stop_words: &[&str]) -> Vec<String> {
    tokens.into_iter().filter(|token| !stop_words.contains(&token.as_str())).collect()
}
