use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::path::Path;

use super::Vocabulary;
use crate::readers::{file_error, open, unpacked};
use crate::{DataError, Result};

/// The longest line, or word of a binary file, that is read: longer ones are damage, and must not fill the memory.
const LONGEST: u64 = 1 << 24;

/// Vectors of words that were trained elsewhere: GloVe (Pennington, Socher and Manning, 2014), word2vec (Mikolov et al.,
/// 2013), fastText's .vec. Files may be gzipped. Where a word comes twice the first counts.
///
/// ```
/// use anygrad_data::text::WordVectors;
/// let vectors = WordVectors::parse_glove(b"king 0.9 0.1\nqueen 0.8 0.2\napple -0.5 0.9\n", "toy")?;
/// assert_eq!((vectors.len(), vectors.width()), (3, 2));
/// assert_eq!(vectors.get("apple"), Some(&[-0.5, 0.9][..]));
/// assert_eq!(vectors.nearest("king", 1)[0].0, "queen");
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct WordVectors {
    words: Vec<String>,
    places: HashMap<String, usize>,
    width: usize,
    values: Vec<f32>,
}

impl WordVectors {
    /// Reads GloVe's text: a word and its numbers a line, parted by spaces.
    ///
    /// # Errors
    /// [`DataError::Io`] if it cannot be read, [`DataError::Line`] names the line that has fewer numbers than the first,
    /// something else in place of a finite number, or is not UTF-8; [`DataError::Format`] if there is no word.
    pub fn read_glove(path: &Path) -> Result<Self> {
        glove(open(path)?, &path.display().to_string())
    }

    /// As [`WordVectors::read_glove`], of a file that is already in memory; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`WordVectors::read_glove`].
    pub fn parse_glove(bytes: &[u8], name: &str) -> Result<Self> {
        glove(unpacked(bytes).map_err(|error| file_error(name, error))?, name)
    }

    /// Reads word2vec's text, which fastText's .vec is too: a line "words numbers", then as GloVe's.
    ///
    /// # Errors
    /// As [`WordVectors::read_glove`]; also if there are not as many words as the first line says.
    pub fn read_word2vec_text(path: &Path) -> Result<Self> {
        word2vec_text(open(path)?, &path.display().to_string())
    }

    /// As [`WordVectors::read_word2vec_text`], of a file that is already in memory; `name` is what errors call it.
    ///
    /// ```
    /// use anygrad_data::text::WordVectors;
    /// let error = WordVectors::parse_word2vec_text(b"2 3\nthe 1 2 3\n", "cut").unwrap_err();
    /// assert_eq!(error.to_string(), "cut: wanted 2 words, as the first line says, found 1");
    /// ```
    ///
    /// # Errors
    /// As [`WordVectors::read_word2vec_text`].
    pub fn parse_word2vec_text(bytes: &[u8], name: &str) -> Result<Self> {
        word2vec_text(unpacked(bytes).map_err(|error| file_error(name, error))?, name)
    }

    /// Reads word2vec's binary form: a line "words numbers", then for each word its letters, a space, and its numbers as
    /// 32-bit floats, lowest byte first.
    ///
    /// # Errors
    /// [`DataError::Io`] if it cannot be read, [`DataError::Format`] names the word at which it is cut, not UTF-8 or not
    /// finite.
    pub fn read_word2vec_binary(path: &Path) -> Result<Self> {
        word2vec_binary(open(path)?, &path.display().to_string())
    }

    /// As [`WordVectors::read_word2vec_binary`], of a file that is already in memory; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`WordVectors::read_word2vec_binary`].
    pub fn parse_word2vec_binary(bytes: &[u8], name: &str) -> Result<Self> {
        word2vec_binary(unpacked(bytes).map_err(|error| file_error(name, error))?, name)
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The words, in the order of the file.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// All vectors `[len, width]`, in the order of the words.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The vector of a word, or `None` if it has none.
    pub fn get(&self, word: &str) -> Option<&[f32]> {
        self.values.chunks_exact(self.width.max(1)).nth(*self.places.get(word)?)
    }

    /// The rows of an embedding for `vocabulary`, `[vocabulary.len(), width]`, and the numbers of the tokens that have no
    /// vector here, whose rows are zeros.
    ///
    /// ```
    /// use anygrad_data::text::{Vocabulary, WordVectors};
    /// let vectors = WordVectors::parse_glove(b"cat 1 2\ndog 3 4\n", "toy")?;
    /// let vocabulary = Vocabulary::from_tokens(["<unk>", "dog", "cat"].map(String::from).to_vec(), Some("<unk>"))?;
    /// let (rows, missing) = vectors.matrix(&vocabulary);
    /// assert_eq!((rows, missing), (vec![0.0, 0.0, 3.0, 4.0, 1.0, 2.0], vec![0]));
    /// # Ok::<(), anygrad_data::DataError>(())
    /// ```
    pub fn matrix(&self, vocabulary: &Vocabulary) -> (Vec<f32>, Vec<u32>) {
        let (mut rows, mut missing) = (Vec::new(), Vec::new());
        for (code, token) in (0..).zip(vocabulary.tokens()) {
            match self.get(token) {
                Some(vector) => rows.extend_from_slice(vector),
                None => {
                    rows.extend(std::iter::repeat_n(0.0, self.width));
                    missing.push(code);
                }
            }
        }
        (rows, missing)
    }

    /// The cosine of the angle between the vectors of two words, a · b / (‖a‖ ‖b‖); `None` if one has none, 0 if one is
    /// all zeros.
    pub fn similarity(&self, a: &str, b: &str) -> Option<f64> {
        Some(cosine(self.get(a)?, self.get(b)?))
    }

    /// The `count` words whose vectors are most similar to that of `word`, with the cosine, the most similar first; none
    /// if it has no vector.
    pub fn nearest(&self, word: &str, count: usize) -> Vec<(&str, f64)> {
        let Some(vector) = self.get(word) else { return Vec::new() };
        let rows = self.words.iter().zip(self.values.chunks_exact(self.width.max(1)));
        let others = rows.filter(|(other, _)| *other != word);
        let mut near: Vec<(&str, f64)> =
            others.map(|(other, row)| (other.as_str(), cosine(vector, row))).collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1));
        near.truncate(count);
        near
    }

    fn empty(width: usize) -> Self {
        Self { words: vec![], places: HashMap::new(), width, values: vec![] }
    }

    /// Adds a word; where it is there already the first stays.
    fn push(&mut self, word: &str, vector: &[f32]) {
        if !self.places.contains_key(word) {
            self.places.insert(word.to_owned(), self.words.len());
            self.words.push(word.to_owned());
            self.values.extend_from_slice(vector);
        }
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    match (dot(a, a) * dot(b, b)).sqrt() {
        0.0 => 0.0,
        norms => dot(a, b) / norms,
    }
}

/// A text file line by line.
struct Lines<'a, R> {
    reader: R,
    name: &'a str,
    number: u64,
}

impl<R: BufRead> Lines<'_, R> {
    /// The next line without its end and the spaces before it; `None` at the end of the file.
    fn next(&mut self) -> Result<Option<String>> {
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut bytes);
        let count = read.map_err(|error| file_error(self.name, error))? as u64;
        self.number += 1;
        if count == 0 {
            return Ok(None);
        }
        if count == LONGEST && bytes.last() != Some(&b'\n') {
            return Err(self.wrong(format!("fewer than {LONGEST} bytes"), "more"));
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| self.wrong("UTF-8 text", error.utf8_error().to_string()))?;
        Ok(Some(text.trim_end_matches(['\n', '\r', ' ', '\t']).to_owned()))
    }

    fn wrong(&self, wanted: impl Into<String>, found: impl Into<String>) -> DataError {
        DataError::line(self.name, self.number, wanted, found)
    }

    /// A word and `width` numbers. The numbers are counted from the end: a word of GloVe may have spaces in it.
    fn entry<'l>(&self, line: &'l str, width: usize, vector: &mut Vec<f32>) -> Result<&'l str> {
        vector.clear();
        let mut fields = line.rsplitn(width.saturating_add(1), ' ');
        for field in fields.by_ref().take(width) {
            let number = field.parse::<f32>().ok().filter(|number| number.is_finite());
            vector.push(number.ok_or_else(|| self.wrong("a word and finite numbers", format!("{field:?}")))?);
        }
        let short = || {
            self.wrong(format!("a word and {width} numbers"), format!("{} fields", line.split(' ').count()))
        };
        let word = fields.next().ok_or_else(short)?;
        vector.reverse();
        Ok(word)
    }
}

fn glove(reader: impl BufRead, name: &str) -> Result<WordVectors> {
    let mut lines = Lines { reader, name, number: 0 };
    let (mut vectors, mut vector) = (WordVectors::empty(0), Vec::new());
    while let Some(line) = lines.next()? {
        if vectors.width == 0 {
            vectors.width = line.split(' ').count() - 1;
            if vectors.width == 0 {
                return Err(lines.wrong("a word and its numbers", format!("{line:?}")));
            }
        }
        let word = lines.entry(&line, vectors.width, &mut vector)?;
        vectors.push(word, &vector);
    }
    if vectors.is_empty() {
        return Err(DataError::format(name, "a word and its numbers in each line", "an empty file"));
    }
    Ok(vectors)
}

/// Words and numbers of a vector, from the first line.
fn header(lines: &mut Lines<'_, impl BufRead>) -> Result<(usize, usize)> {
    let line = lines.next()?.unwrap_or_default();
    let mut numbers = line.split_whitespace().map(str::parse::<usize>);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(words)), Some(Ok(width)), None) if words > 0 && width > 0 => Ok((words, width)),
        _ => {
            // a binary file of another kind may have a very long first line
            let found: String = line.chars().take(40).collect();
            Err(lines
                .wrong("the number of words and that of the numbers of each, above 0", format!("{found:?}")))
        }
    }
}

fn word2vec_text(reader: impl BufRead, name: &str) -> Result<WordVectors> {
    let mut lines = Lines { reader, name, number: 0 };
    let (words, width) = header(&mut lines)?;
    let (mut vectors, mut vector, mut count) = (WordVectors::empty(width), Vec::new(), 0usize);
    while let Some(line) = lines.next()? {
        let word = lines.entry(&line, width, &mut vector)?;
        vectors.push(word, &vector);
        count += 1;
    }
    check_count(name, words, count)?;
    Ok(vectors)
}

fn word2vec_binary(reader: impl BufRead, name: &str) -> Result<WordVectors> {
    let mut lines = Lines { reader, name, number: 0 };
    let (words, width) = header(&mut lines)?;
    let mut reader = lines.reader;
    let Some(size) = width.checked_mul(4).filter(|&size| size <= isize::MAX as usize) else {
        return Err(DataError::format(name, "vectors that fit in memory", format!("{width} numbers each")));
    };
    let mut vectors = WordVectors::empty(width);
    let mut count = 0;
    let (mut word, mut bytes) = (Vec::new(), Vec::new());
    while count < words {
        word.clear();
        bytes.clear();
        let mut read = || {
            reader.by_ref().take(LONGEST).read_until(b' ', &mut word)?;
            // memory grows with what is there, not with what the header claims
            reader.by_ref().take(size as u64).read_to_end(&mut bytes)
        };
        read().map_err(|error| file_error(name, error))?;
        if word.iter().all(|byte| byte.is_ascii_whitespace()) && bytes.is_empty() {
            break;
        }
        let wrong =
            |wanted: &str, found: String| DataError::format(name, wanted, format!("{found} in word {count}"));
        if word.pop() != Some(b' ') || bytes.len() != size {
            let wanted = format!("a word, a space and {size} bytes of numbers");
            return Err(wrong(&wanted, format!("{} bytes", bytes.len())));
        }
        let text = std::str::from_utf8(&word).map_err(|error| wrong("words in UTF-8", error.to_string()))?;
        let vector: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four)).collect();
        if let Some(number) = vector.iter().find(|number| !number.is_finite()) {
            return Err(wrong("finite numbers", number.to_string()));
        }
        // word2vec ends each vector by a new line, gensim does not
        vectors.push(text.trim_start_matches('\n'), &vector);
        count += 1;
    }
    let mut rest = Vec::new();
    reader.take(LONGEST).read_to_end(&mut rest).map_err(|error| file_error(name, error))?;
    let more = rest.iter().any(|byte| !byte.is_ascii_whitespace());
    check_count(name, words, count.saturating_add(usize::from(more)))?;
    Ok(vectors)
}

fn check_count(name: &str, wanted: usize, found: usize) -> Result<()> {
    if wanted == found {
        return Ok(());
    }
    let found = if found > wanted { "more".to_owned() } else { found.to_string() };
    Err(DataError::format(name, format!("{wanted} words, as the first line says"), found))
}
