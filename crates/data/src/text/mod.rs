//! Text to numbers: tokens, their vocabulary, counts of them, pairs of neighbours, and vectors trained by others.
//!
//! ```
//! use anygrad_data::sequence::{PadSettings, pad_sequences};
//! use anygrad_data::text::{Tokenizer, Vocabulary, VocabularySettings};
//!
//! let texts = ["The cat sat.", "The dog sat on the cat!"];
//! let tokenizer = Tokenizer::words();
//! let tokens: Vec<Vec<String>> = texts.iter().map(|text| tokenizer.tokens(text)).collect();
//! let vocabulary = Vocabulary::fit(&tokens, &VocabularySettings::default())?;
//! let codes: Vec<Vec<u32>> = tokens.iter().map(|tokens| vocabulary.encode(tokens)).collect();
//! let padded = pad_sequences(&codes, &PadSettings::default())?;
//! assert_eq!(padded.len, 6);
//! assert_eq!(vocabulary.decode(&codes[0]), ["the", "cat", "sat"]);
//! # Ok::<(), anygrad_data::DataError>(())
//! ```

mod bag;
mod dataset;
mod hashing;
mod language;
mod pairs;
mod tokens;
mod vectorizer;
mod vectors;
mod vocabulary;

pub use bag::{Bag, TfIdf};
pub use dataset::{sequence_dataset, vector_dataset};
pub use hashing::{Collisions, HashingTrick, fnv1a};
pub use language::next_token_windows;
pub use pairs::{NegativeSampler, Pair, PairSettings, cbow, keep_probabilities, skip_gram, subsample};
pub use tokens::{STOP_WORDS, Tokenizer, ngrams, sentences, without_stop_words};
pub use vectorizer::TextVectorizer;
pub use vectors::WordVectors;
pub use vocabulary::{Vocabulary, VocabularySettings};
