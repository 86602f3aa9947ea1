//! CIFAR files and folders of pictures.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use anygrad_data::augment::Image;
use anygrad_data::cifar::{self, Labels100};
use anygrad_data::image_folder::{self, Color, ImageFolder, ImageSettings, write_png};
use anygrad_data::{DataError, Loader, LoaderSettings, Source};
use common::Folder;

/// Pixel i of the record is (i + first) mod 251.
fn record(head: &[u8], first: usize) -> Vec<u8> {
    head.iter().copied().chain((0..3072).map(|i| ((i + first) % 251) as u8)).collect()
}

#[test]
fn cifar_records_are_labels_and_planes() {
    let file = [record(&[3], 0), record(&[9], 7)].concat();
    let data = cifar::parse_10(&file, "f").unwrap();
    assert_eq!((data.len(), data.input_shape()), (2, &[3, 32, 32][..]));
    assert_eq!(data.targets().labels(), Some(&[3, 9][..]));
    assert_eq!(data.input(1).unwrap()[..2], [7.0 / 255.0, 8.0 / 255.0]);
    let file = [record(&[3, 77], 0), record(&[19, 99], 7)].concat();
    let labels = |labels| cifar::parse_100(&file, "f", labels).unwrap();
    assert_eq!(labels(Labels100::Fine).targets().labels(), Some(&[77, 99][..]));
    assert_eq!(labels(Labels100::Coarse).targets().labels(), Some(&[3, 19][..]));
    assert_eq!(labels(Labels100::Coarse).class_counts().unwrap().len(), 20);
    let error = |file: &[u8]| cifar::parse_10(file, "f").unwrap_err().to_string();
    assert_eq!(error(&record(&[10], 0)), "f: wanted labels from 0 to 9, found 10 in record 0");
    assert_eq!(
        error(&record(&[1], 0)[..3000]),
        "f: wanted records of 3073 bytes, found 3000 bytes behind the last"
    );
    assert!(cifar::parse_100(&record(&[20, 0], 0), "f", Labels100::Fine).is_err());
}

#[test]
fn cifar_folders_hold_all_batches() {
    let folder = Folder::new("cifar");
    for number in 1..=5 {
        folder.write(&format!("data_batch_{number}.bin"), record(&[number], 0));
    }
    let message = cifar::load_10(&folder.0).unwrap_err().to_string();
    assert!(message.contains("test_batch.bin"), "{message}");
    folder.write("test_batch.bin", record(&[0], 0));
    let (train, test) = cifar::load_10(&folder.0).unwrap();
    assert_eq!((train.targets().labels(), test.len()), (Some(&[1, 2, 3, 4, 5][..]), 1));
    folder.write("train.bin", record(&[0, 5], 0));
    folder.write("test.bin", record(&[0, 6], 0));
    assert_eq!(cifar::load_100(&folder.0, Labels100::Fine).unwrap().1.targets().labels(), Some(&[6][..]));
}

/// A picture whose pixels are multiples of 1/255, as those of a file are.
fn picture(channels: usize, height: usize, width: usize, step: usize) -> Image {
    let pixels = (0..channels * height * width).map(|i| (i * step % 256) as f32 / 255.0);
    Image::new(channels, height, width, pixels.collect()).unwrap()
}

#[test]
fn pictures_are_read_as_they_were_written() {
    let folder = Folder::new("png");
    for image in [picture(1, 4, 7, 9), picture(3, 5, 3, 11)] {
        let path = folder.0.join("p.png");
        write_png(&image, &path).unwrap();
        let color = if image.channels() == 1 { Color::Gray } else { Color::Rgb };
        let settings = ImageSettings { color, ..ImageSettings::default() };
        assert_eq!(image_folder::read(&path, &settings).unwrap(), image);
        let settings = ImageSettings { size: Some((2, 6)), ..settings };
        let scaled = image_folder::read(&path, &settings).unwrap();
        assert_eq!((scaled.channels(), scaled.height(), scaled.width()), (image.channels(), 2, 6));
    }
    assert!(write_png(&picture(2, 1, 1, 1), &folder.0.join("p.png")).is_err());
    assert!(matches!(write_png(&picture(1, 1, 1, 1), &folder.0.join("no/p.png")), Err(DataError::Io { .. })));
    // a constant picture stays constant in any size
    let path = folder.0.join("c.png");
    write_png(&picture(3, 9, 9, 0), &path).unwrap();
    let settings = ImageSettings { size: Some((4, 20)), ..ImageSettings::default() };
    assert!(image_folder::read(&path, &settings).unwrap().pixels().iter().all(|&x| x == 0.0));
}

#[test]
fn a_folder_is_a_class_and_names_give_the_order() {
    let folder = Folder::new("folders");
    for (path, step) in [("dog/2.png", 3), ("cat/b.PNG", 2), ("dog/10.png", 4), ("cat/a.png", 1)] {
        std::fs::create_dir_all(folder.0.join(path).parent().unwrap()).unwrap();
        let target = folder.0.join(path);
        write_png(&picture(3, 4, 5, step), &target).unwrap();
    }
    folder.write("dog/readme.txt", "no picture");
    std::fs::create_dir_all(folder.0.join("empty")).unwrap();
    let images = ImageFolder::open(&folder.0, ImageSettings::default()).unwrap();
    assert_eq!(images.class_names(), ["cat", "dog", "empty"]);
    let data = images.load().unwrap();
    assert_eq!(data.targets().labels(), Some(&[0, 0, 1, 1][..]));
    let steps: Vec<u32> = (0..4).map(|i| (data.input(i).unwrap()[1] * 255.0).round() as u32).collect();
    assert_eq!(steps, [1, 2, 4, 3]);
    // lazily, by the threads of a loader
    let settings = LoaderSettings { batch_size: 3, ..LoaderSettings::default() };
    let loader = Loader::new(images.clone(), settings).unwrap();
    assert_eq!(loader.epoch(0).map(|batch| batch.unwrap().len()).collect::<Vec<_>>(), [3, 1]);
    assert!(images.sample(4).is_err());

    write_png(&picture(3, 9, 9, 1), &folder.0.join("dog/odd.png")).unwrap();
    let message =
        ImageFolder::open(&folder.0, ImageSettings::default()).unwrap().load().unwrap_err().to_string();
    assert!(
        message.ends_with("wanted a picture of 4 x 5 as the first, or a size to scale to, found 9 x 9"),
        "{message}"
    );
    let settings = ImageSettings { size: Some((2, 2)), ..ImageSettings::default() };
    assert_eq!(ImageFolder::open(&folder.0, settings).unwrap().load().unwrap().len(), 5);
    folder.write("cat/bad.jpg", "not a picture");
    let message =
        ImageFolder::open(&folder.0, ImageSettings::default()).unwrap().load().unwrap_err().to_string();
    assert!(message.contains("bad.jpg: wanted a PNG or JPEG picture, found"), "{message}");
    assert!(ImageFolder::open(&folder.0.join("empty"), ImageSettings::default()).is_err());
    let zero = ImageSettings { size: Some((0, 2)), ..ImageSettings::default() };
    let message = ImageFolder::open(&folder.0, zero).unwrap_err().to_string();
    assert_eq!(message, "ImageSettings: size is 0 x 2; it must be from 1 x 1 to 16384 x 16384, the max_side");
}

#[test]
fn a_picture_that_claims_to_be_huge_is_refused() {
    let folder = Folder::new("huge");
    let path = folder.0.join("p.png");
    write_png(&picture(1, 3, 3, 5), &path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    // the width in the header, and its check sum
    bytes[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    let sum = {
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[12..29]);
        crc.sum()
    };
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    let message = image_folder::parse(&bytes, "p", &ImageSettings::default()).unwrap_err().to_string();
    assert!(message.starts_with("p: wanted a PNG or JPEG picture, found"), "{message}");
    let small = ImageSettings { max_side: 2, ..ImageSettings::default() };
    assert!(image_folder::read(&path, &small).is_err());
}
