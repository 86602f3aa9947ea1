//! Every reader meets 2,000 damaged forms of a valid file: it gives an error or valid data, and never panics.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::Write;

use anygrad_data::augment::Image;
use anygrad_data::cifar::{self, Labels100};
use anygrad_data::csv::{self, CsvSettings};
use anygrad_data::image_folder::{self, ImageSettings, write_png};
use anygrad_data::prepare::{Imputer, MinMaxScaler, OutlierFilter, Standardizer};
use anygrad_data::{idx, text_files};
use common::{Folder, damaged};
use flate2::{Compression, write::GzEncoder};

const COUNT: u64 = 2000;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Runs `read` on every damaged form; some must be refused, else the damage is none.
fn check(file: &[u8], read: impl Fn(&[u8]) -> bool) {
    assert!(read(file), "the file itself is valid");
    let refused = damaged(file, COUNT).filter(|bytes| !read(bytes)).count();
    assert!(refused > 20, "only {refused} refused");
}

#[test]
fn idx_files() {
    let file: Vec<u8> = [0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 4].into_iter().chain(0..12).collect();
    check(&file, |bytes| idx::parse(bytes, "f").is_ok());
    check(&gzip(&file), |bytes| idx::parse(bytes, "f").is_ok());
}

#[test]
fn cifar_files() {
    let file: Vec<u8> = (0..2).flat_map(|label| [label].into_iter().chain([7; 3073])).collect();
    check(&file, |bytes| cifar::parse_100(bytes, "f", Labels100::Fine).is_ok());
    check(&gzip(&file), |bytes| cifar::parse_100(bytes, "f", Labels100::Fine).is_ok());
}

#[test]
fn csv_tables() {
    let file = b"sex,length,\"the, rings\"\nM,0.45,15\nF,?,7\n\"I\",0.53,9\nM,-1e-3,\n".as_slice();
    let settings = CsvSettings { numeric: vec!["length".into()], ..CsvSettings::default() };
    let read = |bytes: &[u8]| match csv::parse(bytes, "f", &settings) {
        Ok(table) => {
            // what is valid can be used
            assert!(table.columns().iter().all(|column| column.values.len() == table.rows()));
            let _ = table.dataset("length");
            true
        }
        Err(_) => false,
    };
    check(file, read);
    check(&gzip(file), read);
}

#[test]
fn pictures() {
    let folder = Folder::new("fuzz-pictures");
    let image = Image::new(3, 6, 5, (0..90).map(|i| i as f32 / 90.0).collect()).unwrap();
    let path = folder.0.join("p.png");
    write_png(&image, &path).unwrap();
    // damage makes pictures claim other sizes: what is decoded stays small
    let settings = ImageSettings { max_side: 256, max_bytes: 4 << 20, ..ImageSettings::default() };
    let read = |bytes: &[u8]| image_folder::parse(bytes, "f", &settings).is_ok();
    check(&std::fs::read(&path).unwrap(), read);
    let mut jpeg = Vec::new();
    let bytes: Vec<u8> = (0..16 * 16 * 3).map(|i| (i % 251) as u8).collect();
    image::codecs::jpeg::JpegEncoder::new(&mut jpeg)
        .encode(&bytes, 16, 16, image::ExtendedColorType::Rgb8)
        .unwrap();
    check(&jpeg, read);
}

#[test]
fn texts() {
    let file = "ein schöner Film\nun très bon film\n良い映画\n";
    check(file.as_bytes(), |bytes| text_files::parse(bytes, "f").is_ok());
    check(&gzip(file.as_bytes()), |bytes| text_files::parse(bytes, "f").is_ok());
}

#[test]
fn word_vectors() {
    use anygrad_data::text::WordVectors;
    // what is valid is whole: a vector for each word
    let is_whole = |read: Result<WordVectors, anygrad_data::DataError>| {
        read.is_ok_and(|vectors| {
            assert_eq!(vectors.values().len(), vectors.len() * vectors.width());
            assert!(vectors.words().iter().all(|word| vectors.get(word).is_some()));
            true
        })
    };
    let glove = "the 0.418 0.24 -0.41\nStraße 0.1 0.2 1e-3\n. . 4 5 6\n";
    check(glove.as_bytes(), |bytes| is_whole(WordVectors::parse_glove(bytes, "f")));
    let text = format!("3 3\n{glove}");
    check(text.as_bytes(), |bytes| is_whole(WordVectors::parse_word2vec_text(bytes, "f")));
    check(&gzip(text.as_bytes()), |bytes| is_whole(WordVectors::parse_word2vec_text(bytes, "f")));
    let mut binary = b"2 3\n".to_vec();
    for word in ["Stra\u{df}e ", "cat "] {
        binary.extend(word.as_bytes());
        [0.5f32, -1.0, 3e8].iter().for_each(|x| binary.extend(x.to_le_bytes()));
        binary.push(b'\n');
    }
    check(&binary, |bytes| is_whole(WordVectors::parse_word2vec_binary(bytes, "f")));
}

#[test]
fn saved_preparations() {
    let texts = [
        ("standardizer per channel: false\nmean: 1.5 2\ndeviation: 3 4e-3\n", 0),
        ("range: 0 1\nmin: 1.5 2\nmax: 3 4e3\n", 1),
        ("imputer indicator: true\nfill: 1.5 2\nmissing: 0 1\n", 2),
        ("outlier threshold: 3\nmean: 1.5 2\ndeviation: 3 4e-3\n", 3),
    ];
    let data = anygrad_data::Dataset::values(vec![1.0, f32::NAN], [2], vec![0.0], []).unwrap();
    for (text, kind) in texts {
        check(text.as_bytes(), |bytes| {
            let text = String::from_utf8_lossy(bytes);
            // what is read can be applied, or says why not
            match kind {
                0 => Standardizer::from_text(&text).map(|scaler| drop(scaler.apply(&data))).is_ok(),
                1 => MinMaxScaler::from_text(&text).map(|scaler| drop(scaler.apply(&data))).is_ok(),
                2 => Imputer::from_text(&text).map(|imputer| drop(imputer.apply(&data))).is_ok(),
                _ => OutlierFilter::from_text(&text).map(|filter| drop(filter.apply(&data))).is_ok(),
            }
        });
    }
}
