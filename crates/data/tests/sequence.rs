//! Padding, windows and batches of similar length.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

use anygrad_data::Targets;
use anygrad_data::sequence::*;
use anygrad_data::synthetic::{SeriesSettings, random_walk, series};

/// keras.utils.pad_sequences on [[1], [2, 3], [4, 5, 6]], as its documentation prints it, and its other settings.
#[test]
fn padding_and_cutting_at_both_ends() {
    let sequences = [vec![1], vec![2, 3], vec![4, 5, 6]];
    let pad = |max_len, padding, truncating, value| {
        pad_sequences(&sequences, &PadSettings { max_len, padding, truncating, value }).unwrap()
    };
    use Side::{Post, Pre};
    assert_eq!(pad(None, Pre, Pre, 0).values, [0, 0, 1, 0, 2, 3, 4, 5, 6]);
    assert_eq!(pad(None, Pre, Pre, -1).values, [-1, -1, 1, -1, 2, 3, 4, 5, 6]);
    assert_eq!(pad(None, Post, Pre, 0).values, [1, 0, 0, 2, 3, 0, 4, 5, 6]);
    assert_eq!(pad(Some(2), Pre, Pre, 0).values, [0, 1, 2, 3, 5, 6]);
    assert_eq!(pad(Some(2), Pre, Post, 0).values, [0, 1, 2, 3, 4, 5]);
    assert_eq!(pad(Some(2), Post, Post, 0).values, [1, 0, 2, 3, 4, 5]);
    let wide = pad(Some(4), Post, Pre, 0);
    assert_eq!((wide.lengths.as_slice(), wide.len), (&[1, 2, 3][..], 4));
    assert_eq!(wide.mask_values(), [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0]);
    assert_eq!(pad(Some(4), Pre, Pre, 0).mask[..4], [false, false, false, true]);
    assert_eq!(wide.rows().map(<[i32]>::to_vec).nth(1).unwrap(), [2, 3, 0, 0]);

    let none: [Vec<u32>; 0] = [];
    assert_eq!(pad_sequences(&none, &PadSettings::default()).unwrap().values, []);
    let empty = pad_sequences(&[Vec::<u32>::new()], &PadSettings::default()).unwrap();
    assert_eq!((empty.values, empty.lengths, empty.mask), (vec![0], vec![0], vec![false]));
    let error = |max_len| {
        pad_sequences(&sequences, &PadSettings { max_len: Some(max_len), ..Default::default() })
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error(0), "pad_sequences: max_len is 0; it must be 1 at least");
    for len in [usize::MAX, usize::MAX / 3, isize::MAX as usize / 16] {
        assert!(error(len).ends_with("has no usable size"), "{len}");
    }
}

#[test]
fn windows_hold_steps_and_what_comes_behind_them() {
    let series: Vec<f32> = (0..20).map(|i| i as f32).collect();
    let all = [
        WindowSettings::default(),
        WindowSettings { length: 3, horizon: 4, steps: 2, stride: 3, ..Default::default() },
        WindowSettings { length: 2, features: 2, target: 1, ..Default::default() },
        WindowSettings { length: 19, ..Default::default() },
        WindowSettings { length: 1, horizon: 19, ..Default::default() },
    ];
    for settings in all {
        let data = windows(&series, &settings).unwrap();
        let WindowSettings { length, horizon, steps, stride, features, target } = settings.clone();
        let n = 20 / features;
        assert_eq!(data.len(), (n + 1 - length - horizon - steps) / stride + 1, "{settings:?}");
        let Targets::Values { values, shape } = data.targets() else { panic!() };
        assert_eq!((data.input_shape(), shape.as_slice()), (&[length, features][..], &[steps][..]));
        for sample in 0..data.len() {
            let begin = (sample * stride * features) as f32;
            assert!(data.input(sample).unwrap().iter().enumerate().all(|(i, &x)| x == begin + i as f32));
            // the value tells its place
            let first = (sample * stride + length - 1 + horizon) * features + target;
            let wanted: Vec<f32> = (0..steps).map(|step| (first + step * features) as f32).collect();
            assert_eq!(values[sample * steps..][..steps], wanted);
        }
    }
    let error = |settings| windows(&series, &settings).unwrap_err().to_string();
    assert_eq!(
        error(WindowSettings { length: 20, ..Default::default() }),
        "windows needs 21 steps at least, found 20"
    );
    assert_eq!(
        error(WindowSettings { stride: 0, ..Default::default() }),
        "windows: stride is 0; it must be 1 at least"
    );
    assert_eq!(
        error(WindowSettings { features: 3, ..Default::default() }),
        "windows needs whole steps of 3 numbers, found 20 numbers"
    );
    assert!(
        error(WindowSettings { target: 1, ..Default::default() }).contains("target is 1; it must be below 1")
    );
    assert!(
        windows(&series, &WindowSettings { length: usize::MAX, horizon: usize::MAX, ..Default::default() })
            .is_err()
    );
}

/// On a wave the value a period ago is a better forecast than the last one; on a random walk it is not.
#[test]
fn persistence_is_hard_to_beat_on_a_random_walk_only() {
    let error = |values: &[f32], back: usize| {
        let settings = WindowSettings { length: 12, ..WindowSettings::default() };
        let data = windows(values, &settings).unwrap();
        let Targets::Values { values, .. } = data.targets() else { panic!() };
        let guesses = (0..data.len()).map(|sample| data.input(sample).unwrap()[12 - back]);
        guesses.zip(values).map(|(guess, value)| (guess - value).powi(2)).sum::<f32>() / data.len() as f32
    };
    let wave = series(500, &SeriesSettings::default(), 1).unwrap();
    assert!(error(&wave, 12) < 0.3 * error(&wave, 1));
    let walk = random_walk(500, 1.0, 1).unwrap();
    assert!(error(&walk, 12) > 2.0 * error(&walk, 1));
    assert!(series(5, &SeriesSettings { period: 0.0, ..Default::default() }, 1).is_err());
    assert!(random_walk(5, f32::NAN, 1).is_err());
}

#[test]
fn buckets_hold_every_sequence_once_and_little_padding() {
    let lengths: Vec<usize> = (0..1000).map(|i| i * 7919 % 211).collect();
    let padding = |batches: &[Vec<usize>]| -> usize {
        batches
            .iter()
            .map(|batch| {
                let longest = batch.iter().map(|&i| lengths[i]).max().unwrap();
                batch.iter().map(|&i| longest - lengths[i]).sum::<usize>()
            })
            .sum()
    };
    let batches = bucket_batches(&lengths, 32, 10, 1, 0).unwrap();
    let mut all: Vec<usize> = batches.concat();
    all.sort_unstable();
    assert_eq!(all, (0..1000).collect::<Vec<_>>());
    assert_eq!(batches.len(), 32);
    let plain = bucket_batches(&lengths, 32, 1, 1, 0).unwrap();
    assert!(padding(&batches) * 4 < padding(&plain), "{} {}", padding(&batches), padding(&plain));
    assert_eq!(batches, bucket_batches(&lengths, 32, 10, 1, 0).unwrap());
    assert_ne!(batches, bucket_batches(&lengths, 32, 10, 1, 1).unwrap());
    assert!(bucket_batches(&lengths, 0, 10, 1, 0).is_err() && bucket_batches(&lengths, 3, 0, 1, 0).is_err());
    assert_eq!(bucket_batches(&lengths, usize::MAX, usize::MAX, 1, 0).unwrap().len(), 1);
}
