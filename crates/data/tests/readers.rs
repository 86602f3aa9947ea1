//! The IDX reader, the embedded digits, and MNIST's folder.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;

use anygrad_data::idx::{self, Idx, IdxValues};
use anygrad_data::{DataError, digits, mnist};
use common::Folder;
use flate2::{Compression, write::GzEncoder};

fn header(code: u8, sizes: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0, 0, code, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn error(bytes: &[u8]) -> String {
    idx::parse(bytes, "f").unwrap_err().to_string()
}

#[test]
fn every_type_and_rank_is_read_plain_and_gzipped() {
    let cases = [
        (0x08, vec![1, 255], IdxValues::U8(vec![1, 255])),
        (0x09, vec![1, 255], IdxValues::I8(vec![1, -1])),
        (0x0B, vec![1, 0, 255, 254], IdxValues::I16(vec![256, -2])),
        (0x0C, vec![0, 1, 0, 0, 255, 255, 255, 255], IdxValues::I32(vec![65536, -1])),
        (0x0D, [1.5f32, -0.1].map(f32::to_be_bytes).concat(), IdxValues::F32(vec![1.5, -0.1])),
        (0x0E, [1.5f64, -0.1].map(f64::to_be_bytes).concat(), IdxValues::F64(vec![1.5, -0.1])),
    ];
    for (code, body, values) in cases {
        let file = [header(code, &[1, 2]), body].concat();
        let wanted = Idx { shape: vec![1, 2], values };
        assert_eq!(idx::parse(&file, "f").unwrap(), wanted);
        assert_eq!(idx::parse(&gzip(&file), "f").unwrap(), wanted);
    }
    let scalar = idx::parse(&[header(0x08, &[]), vec![7]].concat(), "f").unwrap();
    assert_eq!((scalar.shape, scalar.values), (vec![], IdxValues::U8(vec![7])));
    let empty = idx::parse(&header(0x08, &[0, 28]), "f").unwrap();
    assert_eq!((empty.shape, empty.values), (vec![0, 28], IdxValues::U8(vec![])));
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    assert_eq!(error(b"PNG!"), "f: wanted an IDX header: 0, 0, type, rank, found bytes [50, 4e, 47, 21]");
    assert_eq!(error(&[]), "f: wanted an IDX header: 0, 0, type, rank, found bytes []");
    assert_eq!(error(&header(0x0A, &[1])), "f: wanted an IDX type: 0x08, 0x09 or 0x0b to 0x0e, found 0x0a");
    assert_eq!(error(&[0, 0, 8, 2, 0, 0]), "f: wanted 2 sizes of 4 bytes, found 2 bytes of them");
    let short = [header(0x0B, &[3]), vec![0; 5]].concat();
    assert_eq!(error(&short), "f: wanted 6 bytes for the sizes [3], found 5");
    assert_eq!(error(&[short, vec![0; 9]].concat()), "f: wanted 6 bytes for the sizes [3], found more");
    // a header that claims terabytes costs nothing; one beyond 64 bits is refused
    assert!(error(&header(0x0E, &[u32::MAX, 1000])).ends_with("found 0"));
    let absurd = error(&header(0x0E, &[u32::MAX, u32::MAX, 9]));
    assert!(absurd.starts_with("f: wanted an array that fits in memory"), "{absurd}");

    let whole = gzip(&[header(0x08, &[300]), (0..300u32).map(|i| (i * i % 251) as u8).collect()].concat());
    for cut in [3, 12, whole.len() / 2, whole.len() - 1] {
        let message = error(&whole[..cut]);
        assert!(message.starts_with("f: wanted a whole gzip stream"), "{cut}: {message}");
    }
    let mut damaged = whole.clone();
    // the check sum, 8 bytes before the end
    damaged[whole.len() - 8] ^= 1;
    assert!(error(&damaged).starts_with("f: wanted a whole gzip stream"));
}

#[test]
fn no_damage_makes_the_reader_panic() {
    let file = gzip(&[header(0x08, &[2, 3]), vec![1, 2, 3, 4, 5, 6]].concat());
    for position in 0..file.len() {
        for value in [0, 1, 0x7F, 0x80, 0xFF] {
            let mut changed = file.clone();
            changed[position] = value;
            let _ = idx::parse(&changed, "f");
        }
    }
}

/// The first digit, as the CSV it was made from has it, and the number of each digit that UCI states.
#[test]
fn the_digits_are_those_of_the_source() {
    let digits = digits::load().unwrap();
    #[rustfmt::skip]
    let zero = [
        0,  0,  5, 13,  9,  1, 0, 0,
        0,  0, 13, 15, 10, 15, 5, 0,
        0,  3, 15,  2,  0, 11, 8, 0,
        0,  4, 12,  0,  0,  8, 8, 0,
        0,  5,  8,  0,  0,  9, 8, 0,
        0,  4, 11,  0,  1, 12, 7, 0,
        0,  2, 14,  5, 10, 12, 0, 0,
        0,  0,  6, 13, 10,  0, 0, 0,
    ];
    assert_eq!(digits.input(0).unwrap(), zero.map(|level| level as f32 / 16.0));
    assert_eq!(digits.targets().labels().unwrap()[..12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    assert_eq!(digits.class_counts().unwrap(), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    // scikit-learn: load_digits().data.sum() is 561718
    assert_eq!(digits.inputs().iter().map(|&x| f64::from(x) * 16.0).sum::<f64>(), 561_718.0);
}

fn write_mnist(dir: &Path, spelling: &str, train_labels: &[u8]) {
    let image = |n: u32| [header(0x08, &[n, 2, 3]), (0..n as u8 * 6).collect()].concat();
    let label = |values: &[u8]| [header(0x08, &[values.len() as u32]), values.to_vec()].concat();
    fs::write(dir.join(format!("train-images{spelling}idx3-ubyte")), image(2)).unwrap();
    fs::write(dir.join(format!("train-labels{spelling}idx1-ubyte.gz")), gzip(&label(train_labels))).unwrap();
    fs::write(dir.join(format!("t10k-images{spelling}idx3-ubyte.gz")), gzip(&image(1))).unwrap();
    // unpacked by a browser that left the name: the content decides
    fs::write(dir.join(format!("t10k-labels{spelling}idx1-ubyte.gz")), label(&[9])).unwrap();
}

#[test]
fn mnist_is_found_under_each_spelling() {
    for (name, spelling) in [("dash", "-"), ("dot", ".")] {
        let folder = Folder::new(name);
        write_mnist(&folder.0, spelling, &[3, 1]);
        let (train, test) = mnist::load(&folder.0).unwrap();
        assert_eq!((train.len(), train.input_shape()), (2, &[1, 2, 3][..]));
        assert_eq!(train.input(1).unwrap(), [6.0, 7.0, 8.0, 9.0, 10.0, 11.0].map(|byte: f32| byte / 255.0));
        assert_eq!(train.targets().labels(), Some(&[3, 1][..]));
        assert_eq!((test.len(), test.targets().labels()), (1, Some(&[9][..])));
    }
}

#[test]
fn mnist_says_which_file_is_wrong() {
    let folder = Folder::new("wrong");
    let error = mnist::load(&folder.0).unwrap_err();
    let DataError::Missing { names, .. } = &error else { panic!("{error}") };
    assert_eq!(names[..2], ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"]);
    assert!(error.to_string().contains("anygrad-data-wrong"));

    write_mnist(&folder.0, "-", &[3, 1, 4]);
    let message = mnist::load(&folder.0).unwrap_err().to_string();
    assert!(message.contains("train-images-idx3-ubyte holds 2 images, but"), "{message}");
    assert!(message.ends_with("train-labels-idx1-ubyte.gz holds 3 labels"), "{message}");

    write_mnist(&folder.0, "-", &[3, 10]);
    let message = mnist::load(&folder.0).unwrap_err().to_string();
    assert!(
        message.ends_with("train-labels-idx1-ubyte.gz: wanted labels from 0 to 9, found 10 at position 1")
    );

    fs::copy(folder.0.join("t10k-labels-idx1-ubyte.gz"), folder.0.join("train-images-idx3-ubyte")).unwrap();
    let message = mnist::load(&folder.0).unwrap_err().to_string();
    assert!(
        message.ends_with("wanted unsigned bytes of rank 3, found unsigned bytes of rank 1"),
        "{message}"
    );
}

/// Reads the real files if `ANYGRAD_DATA` names a folder with `mnist/` in it.
#[test]
fn the_real_mnist_is_read() {
    let Some(folder) = std::env::var_os("ANYGRAD_DATA") else {
        // not println!, which the test harness keeps from the screen
        let _ = writeln!(
            std::io::stderr(),
            "skipped the_real_mnist_is_read: ANYGRAD_DATA names no folder with mnist/"
        );
        return;
    };
    let (train, test) = mnist::load(&Path::new(&folder).join("mnist")).unwrap();
    assert_eq!((train.len(), test.len()), (60_000, 10_000));
    assert_eq!(train.input_shape(), [1, 28, 28]);
    assert_eq!(train.targets().labels().unwrap()[..5], [5, 0, 4, 1, 9]);
    assert_eq!(test.class_counts().unwrap(), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    assert!(train.inputs().iter().all(|x| (0.0..=1.0).contains(x)));
    // the known mean of the training pixels
    let mean = train.inputs().iter().map(|&x| f64::from(x)).sum::<f64>() / train.inputs().len() as f64;
    assert!((mean - 0.130_66).abs() < 1e-5, "{mean}");
}
