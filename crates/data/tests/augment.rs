//! Image transforms against PyTorch's numbers (golden/augment.py), and what each promises.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

use anygrad_data::augment::*;
use anygrad_data::{Dataset, Draws, Loader, LoaderSettings, Targets, digits};

fn image() -> Image {
    let value = |c, y, x| ((c * 31 + y * 6 + x) * 7 % 23) as f32 / 22.0;
    let pixels = (0..2).flat_map(|c| (0..5).flat_map(move |y| (0..6).map(move |x| value(c, y, x))));
    Image::new(2, 5, 6, pixels.collect()).unwrap()
}

fn picture(seed: u64) -> Image {
    let mut draws = Draws::new(seed, 0, 0);
    Image::new(3, 6, 7, (0..126).map(|_| draws.uniform() as f32).collect()).unwrap()
}

fn apply(transform: &dyn Transform, image: Image, seed: u64) -> Image {
    transform.apply(image, &mut Draws::new(seed, 0, 0)).unwrap()
}

fn error(transform: &dyn Transform) -> String {
    transform.apply(image(), &mut Draws::new(0, 0, 0)).unwrap_err().to_string()
}

#[test]
fn sizes_and_warps_are_pytorchs() {
    let nearest = |h, w| Resize::new(h, w).interpolation(Interpolation::Nearest);
    let still = RandomAffine { degrees: (0.0, 0.0), ..RandomAffine::default() };
    let transforms: [(&str, Box<dyn Transform>); 7] = [
        ("bilinear 3 4", Box::new(Resize::new(3, 4))),
        ("bilinear 9 11", Box::new(Resize::new(9, 11))),
        ("nearest 3 4", Box::new(nearest(3, 4))),
        ("nearest 9 11", Box::new(nearest(9, 11))),
        ("rotate 25", Box::new(RandomRotation { degrees: (25.0, 25.0), ..Default::default() })),
        ("affine scale 1.3", Box::new(RandomAffine { scale: (1.3, 1.3), ..still.clone() })),
        (
            "affine turn 40 shear 20 scale 0.8",
            Box::new(RandomAffine { degrees: (40.0, 40.0), shear: (20.0, 20.0), scale: (0.8, 0.8), ..still }),
        ),
    ];
    let golden = include_str!("golden/augment.txt");
    for (name, transform) in transforms {
        let line = golden.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
        let found = apply(&*transform, image(), 0);
        let wanted: Vec<f32> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        assert_eq!(found.pixels().len(), wanted.len(), "{name}");
        for (found, wanted) in found.pixels().iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-6, "{name}: {found} {wanted}");
        }
    }
}

#[test]
fn four_quarter_turns_are_the_image() {
    let quarter = RandomRotation { degrees: (90.0, 90.0), ..RandomRotation::default() };
    let square = Resize::new(5, 5);
    let start = apply(&square, image(), 0);
    let mut turned = start.clone();
    for turn in 0..4 {
        assert_eq!(turned == start, turn == 0);
        turned = apply(&quarter, turned, 0);
    }
    assert_eq!(turned, start);
}

#[test]
fn flips_are_their_own_inverse_and_come_half_the_time() {
    let (across, upside) = (RandomHorizontalFlip { p: 1.0 }, RandomVerticalFlip { p: 1.0 });
    let flipped = apply(&across, image(), 0);
    for (c, y, x) in [(0, 0, 0), (1, 4, 2), (0, 3, 5)] {
        assert_eq!(flipped.get(c, y, x), image().get(c, y, 5 - x));
        assert_eq!(apply(&upside, image(), 0).get(c, y, x), image().get(c, 4 - y, x));
    }
    assert_eq!(apply(&across, flipped, 0), image());
    let half = RandomHorizontalFlip::default();
    let count = (0..1000).filter(|&seed| apply(&half, image(), seed) != image()).count();
    // 500 expected, standard deviation 16
    assert!((440..560).contains(&count), "{count}");
    assert_eq!(error(&RandomVerticalFlip { p: 1.5 }), "RandomVerticalFlip: p is 1.5; it must be from 0 to 1");
}

#[test]
fn crops_are_parts_of_the_image() {
    let mut places = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let part = apply(&RandomCrop::new(3, 2), image(), seed);
        let place = (0..3).flat_map(|top| (0..5).map(move |left| (top, left))).find(|&(top, left)| {
            (0..2).all(|c| {
                (0..3).all(|y| (0..2).all(|x| part.get(c, y, x) == image().get(c, top + y, left + x)))
            })
        });
        places.insert(place.unwrap());
    }
    assert_eq!(places.len(), 15);
    // what the padding brings is zero
    let one = Image::new(1, 1, 1, vec![1.0]).unwrap();
    let sum: f32 =
        (0..900).map(|seed| apply(&RandomCrop::new(1, 1).padding(1), one.clone(), seed).pixels()[0]).sum();
    // 100 expected, standard deviation 9.4
    assert!((60.0..140.0).contains(&sum), "{sum}");
    assert_eq!(
        error(&RandomCrop::new(9, 3).padding(1)),
        "RandomCrop: the size is 9 x 3; it must be at most the image of 5 x 6 with a padding of 1 around it"
    );
    assert!(error(&RandomCrop::new(1, 1).padding(usize::MAX)).starts_with("RandomCrop: the size"));
    let middle = apply(&CenterCrop::new(1, 2), image(), 0);
    assert_eq!(middle.get(0, 0, 0), image().get(0, 2, 2));
    let wide = apply(&CenterCrop::new(7, 6), image(), 0);
    assert_eq!((wide.get(0, 0, 3), wide.get(0, 1, 3)), (Some(0.0), image().get(0, 0, 3)));
    for size in [usize::MAX, 1 << 31, 1 << 25] {
        assert!(error(&CenterCrop::new(size, size)).ends_with("has no usable size"), "{size}");
        assert!(error(&Resize::new(size, size)).ends_with("has no usable size"), "{size}");
    }
    for seed in 0..50 {
        let part = apply(&RandomResizedCrop::new(4, 3), picture(1), seed);
        assert_eq!((part.channels(), part.height(), part.width()), (3, 4, 3));
        assert!(part.pixels().iter().all(|x| (0.0..1.0).contains(x)));
    }
    let backwards = RandomResizedCrop { ratio: (2.0, 1.0), ..RandomResizedCrop::new(2, 2) };
    assert!(error(&backwards).starts_with("RandomResizedCrop: ratio is (2, 1)"));
}

#[test]
fn colours_change_by_torchvisions_formulas() {
    let strong = ColorJitter { brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.5 };
    assert_eq!(apply(&ColorJitter::default(), picture(3), 1), picture(3));
    for seed in 0..30 {
        let changed = apply(&strong, picture(seed), seed);
        assert!(changed != picture(seed) && changed.pixels().iter().all(|x| (0.0..=1.0).contains(x)));
    }
    // one factor for all pixels where nothing is cut
    let dark = picture(1).map(|x| x / 4.0);
    let bright = apply(&ColorJitter { brightness: 0.5, ..Default::default() }, dark.clone(), 3);
    let factor = bright.pixels()[0] / dark.pixels()[0];
    assert!((0.5..1.5).contains(&factor) && (factor - 1.0).abs() > 1e-3);
    assert!(bright.pixels().iter().zip(dark.pixels()).all(|(b, d)| (b - factor * d).abs() < 1e-6));
    // contrast keeps the mean lightness, saturation that of every pixel, hue the largest and smallest channel
    let luma = |image: &Image| -> Vec<f32> {
        let grey = apply(&Grayscale, image.clone(), 0);
        grey.pixels()[..42].to_vec()
    };
    let soft = picture(2).map(|x| 0.4 + x / 5.0);
    let contrast = apply(&ColorJitter { contrast: 0.5, ..Default::default() }, soft.clone(), 1);
    let sum = |values: Vec<f32>| values.iter().sum::<f32>();
    assert!((sum(luma(&contrast)) - sum(luma(&soft))).abs() < 1e-2);
    assert_ne!(contrast, soft);
    let saturated = apply(&ColorJitter { saturation: 0.5, ..Default::default() }, soft.clone(), 1);
    assert_ne!(saturated, soft);
    assert!(luma(&saturated).iter().zip(luma(&soft)).all(|(a, b)| (a - b).abs() < 1e-3));
    let turned = apply(&ColorJitter { hue: 0.5, ..Default::default() }, soft.clone(), 1);
    assert_ne!(turned, soft);
    for pixel in 0..42 {
        let ends = |image: &Image| {
            let mut three = [0, 1, 2].map(|c| image.pixels()[c * 42 + pixel]);
            three.sort_by(f32::total_cmp);
            [three[0], three[2]]
        };
        let (a, b) = (ends(&turned), ends(&soft));
        assert!((a[0] - b[0]).abs() < 1e-5 && (a[1] - b[1]).abs() < 1e-5);
    }
    assert_eq!(
        error(&ColorJitter { hue: 0.6, ..Default::default() }),
        "ColorJitter: hue is 0.6; it must be from 0 to 0.5"
    );
}

#[test]
fn noise_and_holes_are_as_large_as_asked() {
    let grey = Image::new(1, 100, 100, vec![0.5; 10_000]).unwrap();
    let noisy = apply(&GaussianNoise { sigma: 0.05, ..Default::default() }, grey.clone(), 1);
    let deviation =
        (noisy.pixels().iter().map(|x| f64::from(x - 0.5).powi(2)).sum::<f64>() / 10_000.0).sqrt();
    assert!((deviation - 0.05).abs() < 0.002, "{deviation}");
    let wild = apply(&GaussianNoise { sigma: 3.0, ..Default::default() }, grey.clone(), 1);
    assert!(wild.pixels().iter().all(|x| (0.0..=1.0).contains(x)));
    for seed in 0..50 {
        let cut = apply(&Cutout::new(10), grey.clone(), seed);
        let zeros = cut.pixels().iter().filter(|&&x| x == 0.0).count();
        assert!((25..=100).contains(&zeros), "{zeros}");
        let erased = apply(&RandomErasing { p: 1.0, ..Default::default() }, grey.clone(), seed);
        let zeros = erased.pixels().iter().filter(|&&x| x == 0.0).count();
        // rounding to whole pixels moves the area a little
        assert!((180..=3400).contains(&zeros), "{zeros}");
    }
    assert_eq!(error(&Cutout::new(0)), "Cutout: size is 0; it must be 1 at least");
    assert!(error(&GaussianNoise { sigma: -1.0, ..Default::default() }).contains("sigma is -1"));
    assert!(error(&GaussianNoise { mean: f64::NAN, ..Default::default() }).contains("mean is NaN"));
    assert!(
        error(&Normalize { mean: vec![0.0; 3], deviation: vec![1.0; 2] }).contains("each of the 2 channels")
    );
    assert!(error(&Normalize { mean: vec![0.0; 2], deviation: vec![1.0, 0.0] }).ends_with("above 0"));
}

fn values(data: &Dataset) -> &[f32] {
    let Targets::Values { values, shape } = data.targets() else { panic!("values") };
    assert_eq!(shape, &[10]);
    values
}

#[test]
fn mixtures_mix_inputs_and_targets_alike() {
    // sample i is i everywhere, so an input tells which two samples it is made of
    let inputs = (0..20).flat_map(|i| vec![i as f32; 64]).collect();
    let labels = (0..20).map(|i| i % 10).collect();
    let data = Dataset::classes(inputs, [1, 8, 8], labels, 10).unwrap();
    let mixed = Augment::new().mix(MixUp { alpha: 1.0 }).dataset(&data, 3, 0).unwrap();
    let cut = Augment::new().mix(CutMix::default()).dataset(&data, 3, 0).unwrap();
    let (mut blended, mut pasted) = (0, 0);
    for i in 0..20 {
        let own = i % 10;
        let targets = &values(&mixed)[i * 10..][..10];
        assert!((targets.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        blended += usize::from((0.01..0.99).contains(&targets[own]));
        let row = &cut.inputs()[i * 64..][..64];
        let left = row.iter().filter(|&&x| x == i as f32).count() as f32 / 64.0;
        let targets = &values(&cut)[i * 10..][..10];
        let other = row.iter().find(|&&x| x != i as f32);
        // the partner may be the sample itself, or of its class
        if let Some(&other) = other.filter(|&&other| other as usize % 10 != own) {
            pasted += 1;
            assert!((targets[own] - left).abs() < 1e-6, "{targets:?} {left}");
            assert!((targets[other as usize % 10] - (1.0 - left)).abs() < 1e-6);
        }
    }
    assert!(blended > 10 && pasted > 8, "{blended} {pasted}");
    // λ x + (1 − λ) x' of constant images: the input and the targets name the same λ
    for i in 0..20 {
        let (x, targets) = (mixed.inputs()[i * 64], &values(&mixed)[i * 10..][..10]);
        let own = f64::from(targets[i % 10]);
        let partners = (0..20).filter(|j| j % 10 != i % 10);
        let fits = |j: usize| (own * i as f64 + (1.0 - own) * j as f64 - f64::from(x)).abs() < 1e-4;
        assert!((own - 1.0).abs() < 1e-6 || partners.into_iter().any(fits), "sample {i}");
    }
    let message = Augment::new().mix(MixUp { alpha: 0.0 }).dataset(&data, 0, 0).unwrap_err().to_string();
    assert_eq!(message, "MixUp: alpha is 0; it must be a finite number above 0");
    let flat = data.with_input_shape([64]).unwrap();
    assert!(Augment::new().mix(CutMix::default()).dataset(&flat, 0, 0).is_err());
}

#[test]
fn random_numbers_are_those_of_seed_epoch_and_sample() {
    let data = digits::load().unwrap().take(30);
    let augment = Augment::new().then(RandomRotation::new(20.0)).then(GaussianNoise::default());
    let once = augment.dataset(&data, 1, 0).unwrap();
    assert_eq!(once, augment.dataset(&data, 1, 0).unwrap());
    assert_ne!(once, augment.dataset(&data, 1, 1).unwrap());
    assert_ne!(once, augment.dataset(&data, 2, 0).unwrap());
    // a sample's changes do not depend on the others
    assert_eq!(augment.dataset(&data.take(5), 1, 0).unwrap(), once.take(5));
    assert_ne!(data.inputs(), once.inputs());
    assert_eq!(data.targets(), once.targets());
    // samples with the same pixels are changed in different ways
    let pixels = data.input(0).unwrap().repeat(30);
    let copies = Dataset::classes(pixels, [1, 8, 8], vec![0; 30], 1).unwrap();
    let changed = augment.dataset(&copies, 1, 0).unwrap();
    assert!((1..30).all(|i| changed.input(i) != changed.input(0)));
    // a sample is changed in its own way in whichever batch and place it comes
    let settings = LoaderSettings { batch_size: 7, seed: 1, ..LoaderSettings::default() };
    let loader = Loader::new(data.clone(), settings).unwrap().augment(augment);
    let loaded: Vec<f32> = loader.epoch(0).flat_map(|batch| batch.unwrap().inputs).collect();
    let plain = data.batches(30).unwrap().shuffled(1).into_iter().next().unwrap();
    for (place, row) in plain.inputs.chunks(64).enumerate() {
        let index = (0..30).find(|&index| data.input(index).unwrap() == row).unwrap();
        assert_eq!(&loaded[place * 64..][..64], once.input(index).unwrap());
    }
}
