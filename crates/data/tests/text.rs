//! Tokens, vocabularies, bags, hashing, pairs and word vectors.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::Write;

use anygrad_data::sequence::{PadSettings, pad_sequences};
use anygrad_data::text::*;
use anygrad_data::{DataError, Draws, synthetic};
use common::Folder;
use flate2::{Compression, write::GzEncoder};

fn golden(name: &str) -> Vec<f64> {
    let lines = include_str!("golden/text.txt").lines();
    let line = lines.filter_map(|line| line.split_once(": ")).find(|(found, _)| *found == name).unwrap();
    line.1.split(' ').map(|number| number.parse().unwrap()).collect()
}

#[test]
fn text_falls_into_words_characters_and_sentences() {
    let words = Tokenizer::words();
    assert_eq!(words.tokens("The cat sat"), ["the", "cat", "sat"]);
    assert_eq!(words.tokens("  'It’s' über—alles; x_1,don't!"), ["it’s", "über", "alles", "x_1", "don't"]);
    assert_eq!(words.clone().lowercase(false).tokens("The Cat"), ["The", "Cat"]);
    assert_eq!(words.tokens(" .. ''"), Vec::<String>::new());
    assert_eq!(Tokenizer::characters().tokens("Ä b"), ["Ä", " ", "b"]);
    assert_eq!(Tokenizer::characters().ngrams(2, 3).tokens("abcd"), ["ab", "bc", "cd", "abc", "bcd"]);
    assert_eq!(words.ngrams(2, 2).tokens("The cat sat"), ["the cat", "cat sat"]);
    assert_eq!(
        sentences("One. Two!? Three... four 3.5 \"Five.\" (Six.) end"),
        ["One.", "Two!?", "Three...", "four 3.5 \"Five.\"", "(Six.)", "end"]
    );
    assert_eq!(sentences("一。二！（三？）四"), ["一。", "二！", "（三？", "）四"]);
    assert!(sentences(" \n ").is_empty());
}

#[test]
fn ngrams_up_to_n_are_all_runs() {
    let tokens = Tokenizer::words().tokens("The cat sat on the mat");
    let grams = ngrams(&tokens, 1, 2);
    assert_eq!(grams.len(), 11);
    // scikit-learn's CountVectorizer(ngram_range=(1, 2)) on the same text, each once
    let mut different = grams.clone();
    different.sort();
    different.dedup();
    assert_eq!(
        different,
        ["cat", "cat sat", "mat", "on", "on the", "sat", "sat on", "the", "the cat", "the mat"]
    );
    assert_eq!(ngrams(&tokens, 0, 100).len(), 21);
    assert!(
        ngrams(&tokens, 7, 9).is_empty() && ngrams(&[], 1, 2).is_empty() && ngrams(&tokens, 3, 2).is_empty()
    );
}

#[test]
fn a_vocabulary_counts_cuts_and_knows_what_it_does_not_know() {
    let texts = [vec!["b", "a", "b", "<unk>"], vec!["c", "a", "d", "b"]];
    let fit = |settings: VocabularySettings| Vocabulary::fit(&texts, &settings);
    let all = fit(VocabularySettings::default()).unwrap();
    assert_eq!(all.tokens(), ["<pad>", "<unk>", "b", "a", "c", "d"]);
    assert_eq!(all.counts(), [0, 1, 3, 2, 1, 1]);
    assert_eq!(all.encode(&["a", "zebra", "<pad>"]), [3, 1, 0]);
    assert_eq!(all.decode(&all.encode(&["c", "d", "zebra"])), ["c", "d", "<unk>"]);
    let frequent = fit(VocabularySettings { min_count: 2, ..Default::default() }).unwrap();
    assert_eq!(frequent.tokens()[2..], ["b", "a"]);
    let small = fit(VocabularySettings { max_size: Some(3), ..Default::default() }).unwrap();
    assert_eq!((small.len(), small.encode(&["a", "b"])), (3, vec![1, 2]));
    let closed = fit(VocabularySettings { specials: vec![], unknown: None, ..Default::default() }).unwrap();
    assert_eq!((closed.encode(&["zebra", "b"]), closed.decode(&[0, 99])), (vec![0], vec!["b"]));
    // the same again from the tokens alone
    let again = Vocabulary::from_tokens(all.tokens().to_vec(), Some("<unk>")).unwrap();
    assert_eq!(again.encode(&["b", "zebra"]), all.encode(&["b", "zebra"]));

    let error = |settings| fit(settings).unwrap_err().to_string();
    assert_eq!(
        error(VocabularySettings { max_size: Some(1), ..Default::default() }),
        "Vocabulary: max_size is 1; it must be 2 at least, for the special tokens"
    );
    assert_eq!(
        error(VocabularySettings { unknown: Some("?".into()), ..Default::default() }),
        "Vocabulary: unknown is \"?\"; it must be one of the special tokens"
    );
    assert_eq!(
        error(VocabularySettings { specials: vec!["<unk>".into(), "<unk>".into()], ..Default::default() }),
        "Vocabulary: tokens is \"<unk>\" at 1; it must be a token that has not come before"
    );
}

#[test]
fn one_hot_rows_hold_a_single_one() {
    let vocabulary = Vocabulary::fit(&[["a", "b", "c"]], &VocabularySettings::default()).unwrap();
    let codes = vocabulary.encode(&["c", "a", "x"]);
    let rows = vocabulary.one_hot(&codes).unwrap();
    assert_eq!(rows.len(), 15);
    for (row, &code) in rows.chunks(5).zip(&codes) {
        assert_eq!((row.iter().sum::<f32>(), row[code as usize]), (1.0, 1.0));
    }
    assert!(matches!(
        vocabulary.one_hot(&[0, 5]),
        Err(DataError::LabelRange { position: 1, label: 5, classes: 5 })
    ));
}

/// scikit-learn's CountVectorizer and TfidfTransformer, see golden/text.py.
#[test]
fn bags_are_scikit_learns() {
    let tokens = ["a", "b", "c", "d", "e", "f"].map(String::from).to_vec();
    let vocabulary = Vocabulary::from_tokens(tokens, None).unwrap();
    let texts = ["a b a c", "b b d", "a d d e", "", "c"]
        .map(|text| vocabulary.encode(&Tokenizer::spaced().tokens(text)));
    let counts: Vec<f32> = texts.iter().flat_map(|codes| Bag::Count.vector(codes, 6)).collect();
    assert_eq!(counts, golden("counts").iter().map(|&x| x as f32).collect::<Vec<_>>());
    let weights = TfIdf::fit_vocabulary(&texts, &vocabulary).unwrap();
    assert!(weights.idf.iter().zip(golden("idf")).all(|(a, b)| (a - b).abs() < 1e-12));
    let vectors: Vec<f32> = texts.iter().flat_map(|codes| weights.vector(codes)).collect();
    assert!(vectors.iter().zip(golden("tfidf")).all(|(&a, b)| (f64::from(a) - b).abs() < 1e-7));
    assert!(TfIdf::fit_vocabulary(&[vec![6]], &vocabulary).is_err());
    let data = vector_dataset(texts.iter().map(|codes| Bag::Binary.vector(codes, 6)), vec![0, 1, 0, 1, 0], 2)
        .unwrap();
    assert_eq!(data.input(0).unwrap(), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    assert!(vector_dataset([vec![0.0], vec![0.0, 1.0]], vec![0, 0], 1).is_err());
}

#[test]
fn the_hash_is_fnv_1a_and_collisions_are_counted() {
    // the test vectors of the hash's authors
    assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    let words: Vec<String> = (0..200).map(|i| format!("word{i}")).collect();
    let wide = HashingTrick::new(1_000_000).unwrap().collisions(&words);
    let narrow = HashingTrick::new(50).unwrap().collisions(&words);
    assert_eq!((wide.tokens, wide.colliding), (200, 0));
    assert!(narrow.colliding > 150);
    assert_eq!(narrow.to_string(), format!("{} of 200 tokens share one of 50 numbers", narrow.colliding));
    let padded = HashingTrick::with_padding(7).unwrap();
    let codes = padded.encode(&words);
    assert!(codes.iter().all(|code| (1..7).contains(code)) && (1..7).all(|code| codes.contains(&code)));
    assert_eq!(padded.one_hot(&words[..2]).unwrap().iter().sum::<f32>(), 2.0);
    let message = HashingTrick::with_padding(1).unwrap_err().to_string();
    assert_eq!(message, "HashingTrick: size is 1; it must be from 2 to 4294967295");
}

#[test]
fn pairs_are_neighbours_and_drawn_tokens_are_not() {
    let codes: Vec<u32> = (0..300).map(|i| i * 7 % 11).collect();
    let sampler = NegativeSampler::new(&[30; 11], 0.75).unwrap();
    let settings = PairSettings { window: 3, negatives: 4, ..PairSettings::default() };
    let pairs = skip_gram(&codes, &settings, &sampler).unwrap();
    assert_eq!(pairs, skip_gram(&codes, &settings, &sampler).unwrap());
    assert_ne!(pairs, skip_gram(&codes, &PairSettings { seed: 1, ..settings.clone() }, &sampler).unwrap());
    let near = pairs.iter().filter(|pair| pair.label == 1).count();
    // windows of 1, 2 and 3 alike: 4 neighbours on the average
    assert!((1100..1300).contains(&near), "{near}");
    let drawn = pairs.len() - near;
    assert!(drawn > 3 * near && drawn <= 4 * near);
    // tokens that stand 1 to 3 apart differ by 7, 14 or 21 mod 11
    assert!(
        pairs
            .iter()
            .filter(|pair| pair.label == 1)
            .all(|pair| { [7, 3, 10, 4, 8, 1].contains(&((pair.context + 11 - pair.center) % 11)) })
    );
    let wide = cbow(&codes, &PairSettings { window: 1000, shrink: false, ..settings.clone() }).unwrap();
    assert!(wide.len() == 300 && wide.iter().all(|(context, _)| context.len() == 299));
    assert!(cbow(&[5], &settings).unwrap().is_empty() && cbow(&[], &settings).unwrap().is_empty());
    let message = cbow(&codes, &PairSettings { window: 0, ..settings }).unwrap_err().to_string();
    assert_eq!(message, "PairSettings: window is 0; it must be 1 at least");
    assert!(NegativeSampler::new(&[0, 0], 0.75).is_err() && NegativeSampler::new(&[], 0.75).is_err());
    // a token that never came is never drawn, at either end
    let ends = NegativeSampler::new(&[0, 5, 0, 5, 0], 1.0).unwrap();
    let mut draws = Draws::new(0, 0, 0);
    assert!((0..500).all(|_| [1, 3].contains(&ends.draw(&mut draws))));
}

#[test]
fn subsampling_thins_what_is_frequent() {
    let codes: Vec<u32> = (0..10_000).map(|i| u32::from(i % 100 == 0)).collect();
    let keep = keep_probabilities(&[9900, 100], 0.01).unwrap();
    let left = subsample(&codes, &keep, 3);
    let zeros = left.iter().filter(|&&code| code == 0).count() as f64;
    let wanted = 9900.0 * keep[0];
    assert!((zeros - wanted).abs() < 5.0 * wanted.sqrt(), "{zeros} {wanted}");
    assert_eq!((keep[1], left.len() - zeros as usize), (1.0, 100));
    assert!(keep_probabilities(&[1], 1.5).is_err());
}

#[test]
fn glove_files_are_read_and_their_damage_is_named() {
    // five lines, a word with a space in it, and one that comes twice
    let text = "the 0.1 0.2 0.3\nof 1 2 3\n. . 4 5 6\ncat -1e-2 0 7\nof 9 9 9\n";
    let vectors = WordVectors::parse_glove(text.as_bytes(), "g").unwrap();
    assert_eq!(vectors.words(), ["the", "of", ". .", "cat"]);
    assert_eq!((vectors.width(), vectors.get("of")), (3, Some(&[1.0, 2.0, 3.0][..])));
    assert_eq!(vectors.get(". ."), Some(&[4.0, 5.0, 6.0][..]));
    assert_eq!(vectors.get("cat"), Some(&[-0.01, 0.0, 7.0][..]));
    let error = |text: &str| WordVectors::parse_glove(text.as_bytes(), "g").unwrap_err().to_string();
    assert_eq!(error("a 1 2\nb 1\n"), "g, line 2: wanted a word and finite numbers, found \"b\"");
    assert_eq!(error("a 1 2\n5\n"), "g, line 2: wanted a word and 2 numbers, found 1 fields");
    assert_eq!(error("a 1 2\nb 1 inf\n"), "g, line 2: wanted a word and finite numbers, found \"inf\"");
    assert_eq!(error("alone\n"), "g, line 1: wanted a word and its numbers, found \"alone\"");
    assert_eq!(error(""), "g: wanted a word and its numbers in each line, found an empty file");
    assert!(WordVectors::parse_glove(b"\xFF 1 2\n", "g").unwrap_err().to_string().contains("UTF-8"));

    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let folder = Folder::new("glove");
    let path = folder.write("v.txt.gz", gzip.finish().unwrap());
    assert_eq!(WordVectors::read_glove(&path).unwrap(), vectors);
}

fn binary(header: &str, words: &[(&str, &[f32])], newline: &str) -> Vec<u8> {
    let mut bytes = header.as_bytes().to_vec();
    for (word, vector) in words {
        bytes.extend(word.as_bytes());
        bytes.push(b' ');
        vector.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
        bytes.extend(newline.as_bytes());
    }
    bytes
}

#[test]
fn word2vec_files_are_read_and_a_false_header_costs_nothing() {
    let words: [(&str, &[f32]); 2] = [("Straße", &[1.5, -2.0, 0.1]), ("cat", &[3.0, 0.0, -1e-20])];
    let text = "2 3\nStraße 1.5 -2.0 0.1 \ncat 3 0 -1e-20 \n";
    let from_text = WordVectors::parse_word2vec_text(text.as_bytes(), "w").unwrap();
    // word2vec writes a new line behind each vector, gensim does not
    for newline in ["\n", ""] {
        let bytes = binary("2 3\n", &words, newline);
        assert_eq!(WordVectors::parse_word2vec_binary(&bytes, "w").unwrap(), from_text);
    }
    assert_eq!(from_text.get("Straße"), Some(&[1.5, -2.0, 0.1][..]));
    let error = |bytes: &[u8]| WordVectors::parse_word2vec_binary(bytes, "w").unwrap_err().to_string();
    let whole = binary("2 3\n", &words, "");
    assert_eq!(
        error(&whole[..whole.len() - 1]),
        "w: wanted a word, a space and 12 bytes of numbers, found 11 bytes in word 1"
    );
    assert_eq!(error(&binary("3 3\n", &words, "")), "w: wanted 3 words, as the first line says, found 2");
    assert_eq!(error(&binary("1 3\n", &words, "")), "w: wanted 1 words, as the first line says, found more");
    assert!(error(&binary("2 4\n", &words, "")).starts_with("w: wanted "));
    assert!(error(&binary("2 1000000000000\n", &words, "")).contains("bytes of numbers"));
    assert!(error(&binary("99999999999999 3\n", &words, "")).ends_with("found 2"));
    let most = format!("2 {}\n", usize::MAX);
    assert!(error(&binary(&most, &words, "")).starts_with("w: wanted vectors that fit in memory"));
    let header = "w, line 1: wanted the number of words and that of the numbers of each, above 0, found ";
    for wrong in ["", "2\n", "0 3\n", "2 -1\n", "two three\n", "1 2 3\n"] {
        assert!(error(wrong.as_bytes()).starts_with(header), "{wrong:?}");
        assert!(WordVectors::parse_word2vec_text(wrong.as_bytes(), "w").is_err());
    }
    assert!(error(&binary("1 1\n", &[("nan", &[f32::NAN])], "")).starts_with("w: wanted finite numbers"));
    assert!(WordVectors::parse_word2vec_text(b"1 3\na 1 2\n", "w").is_err());
}

#[test]
fn neighbours_are_near_by_cosine() {
    let text = b"apple 1 0.1\npear 2 0.3\ncar -0.2 3\nnull 0 0\n";
    let vectors = WordVectors::parse_glove(text, "g").unwrap();
    let near = vectors.nearest("apple", 9);
    assert_eq!(near.iter().map(|(word, _)| *word).collect::<Vec<_>>(), ["pear", "car", "null"]);
    let wanted = 2.03 / (1.01f64 * 4.09).sqrt();
    assert!((near[0].1 - wanted).abs() < 1e-6 && vectors.similarity("apple", "null") == Some(0.0));
    assert!(vectors.nearest("plane", 3).is_empty() && vectors.similarity("apple", "plane").is_none());
}

#[test]
fn windows_of_text_are_one_step_apart() {
    let codes: Vec<u32> = (0..10).collect();
    let data = next_token_windows(&codes, 4, 3).unwrap();
    assert_eq!(data.len(), 2);
    assert_eq!(data.input(1).unwrap(), [3.0, 4.0, 5.0, 6.0]);
    assert_eq!(next_token_windows(&codes, 9, 1).unwrap().len(), 1);
    assert!(next_token_windows(&codes, 10, 1).is_err() && next_token_windows(&codes, 0, 1).is_err());
    assert!(next_token_windows(&codes, usize::MAX, 1).is_err());
    let message = next_token_windows(&[0, 1 << 25, 0], 1, 1).unwrap_err().to_string();
    assert!(message.ends_with("found 33554432 at position 1"), "{message}");
}

/// Strings to a data set in a few calls, and a bag of words tells the classes apart: with words, then their pairs.
#[test]
fn reviews_become_samples_and_hold_their_class() {
    let (texts, labels): (Vec<String>, Vec<u32>) = synthetic::reviews(400, 5).into_iter().unzip();
    let tokenizer = Tokenizer::words().ngrams(1, 2);
    let tokens: Vec<Vec<String>> = texts.iter().map(|text| tokenizer.tokens(text)).collect();
    let (train, test) = tokens.split_at(300);
    let vocabulary = Vocabulary::fit(train, &VocabularySettings::default()).unwrap();
    let codes: Vec<Vec<u32>> = tokens.iter().map(|tokens| vocabulary.encode(tokens)).collect();
    let padded = pad_sequences(&codes, &PadSettings::default()).unwrap();
    let data = sequence_dataset(&padded.values, padded.len, labels.clone(), 2).unwrap();
    assert_eq!((data.len(), data.class_counts().unwrap()), (400, vec![200, 200]));
    // the same in one call
    let settings =
        (VocabularySettings::default(), PadSettings { max_len: Some(padded.len), ..PadSettings::default() });
    let vectorizer =
        TextVectorizer::fit_with(&texts[..300], tokenizer.clone(), &settings.0, settings.1).unwrap();
    assert_eq!(vectorizer.dataset(&texts, labels.clone(), 2).unwrap(), data);
    assert!(vectorizer.dataset(&texts, vec![0], 2).is_err());
    // naive Bayes on pairs of words
    let mut votes = vec![[1.0f64; 2]; vocabulary.len()];
    for (codes, &label) in codes[..300].iter().zip(&labels) {
        codes.iter().for_each(|&code| votes[code as usize][label as usize] += 1.0);
    }
    let right = codes[300..].iter().zip(&labels[300..]).filter(|(codes, label)| {
        let score: f64 =
            codes.iter().map(|&code| (votes[code as usize][1] / votes[code as usize][0]).ln()).sum();
        u32::from(score > 0.0) == **label
    });
    assert_eq!(test.len(), 100);
    let right = right.count();
    assert!(right >= 85, "{right}");
}
