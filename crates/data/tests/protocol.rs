//! Splits, folds, resampling and what is read off their results.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use anygrad_data::protocol::*;
use anygrad_data::{DataError, Dataset, digits};

/// n samples of 4 classes, whose input is their number.
fn classes(counts: [usize; 4]) -> Dataset {
    let labels: Vec<u32> = (0..4).flat_map(|class| vec![class; counts[class as usize]]).collect();
    Dataset::classes((0..labels.len()).map(|i| i as f32).collect(), [1], labels, 4).unwrap()
}

fn names(data: &Dataset) -> Vec<usize> {
    data.inputs().iter().map(|&x| x as usize).collect()
}

/// Every pair holds all samples once, and what is held out is disjoint over each run of `folds` pairs.
fn check_folds(data: &Dataset, folds: usize, pairs: impl Iterator<Item = (Dataset, Dataset)>) -> usize {
    let all: BTreeSet<usize> = names(data).into_iter().collect();
    let pairs: Vec<_> = pairs.collect();
    for run in pairs.chunks(folds) {
        let mut held_out = Vec::new();
        for (others, part) in run {
            let together: BTreeSet<usize> = names(others).into_iter().chain(names(part)).collect();
            assert_eq!((&together, others.len() + part.len()), (&all, data.len()));
            held_out.extend(names(part));
        }
        assert_eq!(held_out.len(), data.len());
        assert_eq!(held_out.into_iter().collect::<BTreeSet<_>>(), all);
    }
    pairs.len()
}

#[test]
fn folds_hold_each_sample_out_once() {
    let data = classes([7, 90, 0, 6]);
    assert_eq!(check_folds(&data, 5, data.folds(5, 1).unwrap()), 5);
    assert_eq!(check_folds(&data, 5, data.stratified_folds(5, 1).unwrap()), 5);
    assert_eq!(check_folds(&data, 5, data.repeated_folds(5, 3, 1).unwrap()), 15);
    assert_eq!(check_folds(&data, 5, data.repeated_stratified_folds(5, 3, 1).unwrap()), 15);
    assert_eq!(check_folds(&data, 103, data.leave_one_out().unwrap()), 103);
    // each repetition in another order, the first as without repetition
    let held: Vec<Dataset> = data.repeated_folds(5, 2, 1).unwrap().map(|(_, part)| part).collect();
    assert_ne!(held[0], held[5]);
    assert_eq!(held[0], data.folds(5, 1).unwrap().next().unwrap().1);
    for (_, part) in data.stratified_folds(5, 1).unwrap() {
        let counts = part.class_counts().unwrap();
        assert!(
            (1..=2).contains(&counts[0]) && counts[1] == 18 && (1..=2).contains(&counts[3]),
            "{counts:?}"
        );
        assert!((20..=21).contains(&part.len()));
        assert!(!part.targets().labels().unwrap().is_sorted());
    }
    assert!(matches!(data.stratified_folds(104, 1).err(), Some(DataError::Folds { folds: 104, len: 103 })));
    assert!(data.repeated_folds(1, 2, 1).is_err());
    let values = Dataset::values(vec![0.0; 4], [1], vec![0.0; 4], []).unwrap();
    assert!(values.stratified_folds(2, 1).is_err() && values.repeated_stratified_folds(2, 2, 1).is_err());
}

/// scikit-learn's TimeSeriesSplit, see golden/protocol.py.
#[test]
fn time_folds_are_scikit_learns() {
    for (n, folds, wanted) in [
        (10, 3, vec![(4, 4, 2), (6, 6, 2), (8, 8, 2)]),
        (103, 5, vec![(18, 18, 17), (35, 35, 17), (52, 52, 17), (69, 69, 17), (86, 86, 17)]),
        (7, 6, vec![(1, 1, 1), (2, 2, 1), (3, 3, 1), (4, 4, 1), (5, 5, 1), (6, 6, 1)]),
    ] {
        let data = classes([n, 0, 0, 0]);
        let found: Vec<_> = data
            .time_folds(folds)
            .unwrap()
            .map(|(past, next)| (past.len(), names(&next)[0], next.len()))
            .collect();
        assert_eq!(found, wanted);
    }
    assert!(classes([5, 0, 0, 0]).time_folds(5).is_err());
}

#[test]
fn a_split_by_time_never_looks_back() {
    let data = classes([8, 0, 0, 0]);
    let times = [5.0, 1.0, 3.0, 3.0, 3.0, 9.0, 0.0, 7.0];
    let (past, future) = data.split_by_time(&times, 0.4).unwrap();
    // three of eight end among equal times, which stay together
    assert_eq!((names(&past), names(&future)), (vec![6, 1, 2, 3, 4], vec![0, 7, 5]));
    let times_of = |data: &Dataset| names(data).iter().map(|&i| times[i]).collect::<Vec<f64>>();
    assert!(check_time_order(&times_of(&past), &times_of(&future)).is_ok());
    assert!(check_time_order(&times_of(&future), &times_of(&past)).is_err());
    assert!(check_time_order(&[1.0], &[f64::NAN]).is_err() && check_time_order(&[f64::NAN], &[1.0]).is_err());
    assert_eq!(data.split_by_time(&times, 0.0).unwrap().0.len(), 0);
    assert_eq!(data.split_by_time(&times, 1.0).unwrap().1.len(), 0);
    let message = data.split_by_time(&times[1..], 0.5).unwrap_err().to_string();
    assert_eq!(message, "split_by_time needs one time for each of the 8 samples, found 7");
    assert!(data.split_by_time(&[f64::NAN; 8], 0.5).is_err());
}

#[test]
fn parts_of_one_shuffle_have_one_distribution() {
    let data = classes([7000, 2000, 0, 1000]);
    let parts = data.splits(&[0.6, 0.2, 0.2], 3).unwrap();
    let all: BTreeSet<usize> = parts.iter().flat_map(names).collect();
    assert_eq!(
        (all.len(), parts.iter().map(Dataset::len).collect::<Vec<_>>()),
        (10_000, vec![6000, 2000, 2000])
    );
    // chi-square of the class counts of dev and test, two degrees of freedom: 13.8 is exceeded once in a thousand
    let (dev, test) = (parts[1].class_counts().unwrap(), parts[2].class_counts().unwrap());
    let chi_square: f64 = dev
        .iter()
        .zip(&test)
        .filter(|(a, b)| *a + *b > 0)
        .map(|(&a, &b)| (a as f64 - b as f64).powi(2) / (a + b) as f64)
        .sum();
    assert!(chi_square < 13.8, "{chi_square}");
    for part in &parts {
        let share = part.class_counts().unwrap()[1] as f64 / part.len() as f64;
        assert!((share - 0.2).abs() < 0.02);
    }
    assert_eq!(
        data.take(3).splits(&[1.0 / 3.0; 3], 1).unwrap().iter().map(Dataset::len).collect::<Vec<_>>(),
        [1; 3]
    );
    let message = data.splits(&[0.5, 0.4], 1).unwrap_err().to_string();
    assert_eq!(message, "splits: shares is [0.5, 0.4]; it must be numbers that sum to 1");
    assert!(data.splits(&[1.5, -0.5], 1).is_err() && data.splits(&[], 1).is_err());
}

#[test]
fn dev_and_test_hold_target_samples_alone() {
    let data = classes([500, 300, 0, 200]);
    let is_target: Vec<bool> = data.targets().labels().unwrap().iter().map(|&label| label == 3).collect();
    let (train, dev, test) = data.split_with_target(&is_target, 0.5, 0.25, 1).unwrap();
    assert_eq!(dev.class_counts().unwrap(), [0, 0, 0, 100]);
    assert_eq!(test.class_counts().unwrap(), [0, 0, 0, 50]);
    assert_eq!(train.class_counts().unwrap(), [500, 300, 0, 50]);
    let all: BTreeSet<usize> = [train, dev, test].iter().flat_map(names).collect();
    assert_eq!(all.len(), 1000);
    assert!(data.split_with_target(&is_target, 0.9, 0.2, 1).is_err());
    assert!(data.split_with_target(&is_target[1..], 0.1, 0.2, 1).is_err());
}

#[test]
fn cross_validation_gives_mean_and_deviation_and_stops_at_an_error() {
    let data = classes([10, 10, 0, 0]);
    let mut wanted = vec![0.9, 0.8, 0.85, 0.95].into_iter();
    let scores = cross_validate(data.folds(4, 1).unwrap(), |_, _| wanted.next().ok_or("no more")).unwrap();
    // numpy, see golden/protocol.py
    assert!(
        (scores.mean() - 0.875).abs() < 1e-12
            && (scores.deviation() - 0.055_901_699_437_494_74).abs() < 1e-12
    );
    assert_eq!(scores.to_string(), "0.8750 ± 0.0559 over 4 folds");
    let mut calls = 0;
    let failed = cross_validate(data.folds(4, 1).unwrap(), |_, _| {
        calls += 1;
        if calls == 2 { Err("broken") } else { Ok(1.0) }
    });
    assert_eq!((failed, calls), (Err("broken"), 2));
}

#[test]
fn planted_duplicates_are_found() {
    let (train, test) = digits::load().unwrap().split(0.7, 4).unwrap();
    assert_eq!(duplicates(&train, &test), []);
    let planted =
        Dataset::concat(&[&test.take(5), &train.subset(&[17, 3, 17]).unwrap(), &test.skip(5)]).unwrap();
    assert_eq!(duplicates(&train, &planted), [(3, 6), (17, 5), (17, 7)]);
    let zeros = Dataset::classes(vec![0.0, -0.0, f32::NAN, 1.0], [2], vec![0, 0], 1).unwrap();
    assert_eq!(duplicates(&zeros, &zeros), [(0, 0), (1, 1)]);
    let swapped = Dataset::classes(vec![-0.0, 0.0], [2], vec![0], 1).unwrap();
    assert_eq!(duplicates(&zeros, &swapped), [(0, 0)]);
}

#[test]
fn classes_are_weighted_and_drawn_evenly() {
    let data = classes([7, 90, 0, 6]);
    // scikit-learn, see golden/protocol.py; the class without samples has no weight there
    let wanted = [4.904_762, 0.381_481_48, 0.0, 5.722_222_2];
    assert!(data.class_weights().unwrap().iter().zip(wanted).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6));
    let weights = data.sample_weights(&data.class_weights().unwrap()).unwrap();
    assert!((weights.iter().sum::<f32>() - 103.0).abs() < 1e-3);
    assert!(data.sample_weights(&[1.0]).unwrap_err().to_string().contains("each of the 4 classes, found 1"));

    let over = data.oversample(1).unwrap();
    assert_eq!(over.class_counts().unwrap(), [90, 90, 0, 90]);
    assert_eq!(names(&over).into_iter().collect::<BTreeSet<_>>().len(), 103);
    assert!(!over.targets().labels().unwrap().is_sorted());
    let under = data.undersample(1).unwrap();
    assert_eq!(under.class_counts().unwrap(), [6, 6, 0, 6]);
    assert_eq!(names(&under).into_iter().collect::<BTreeSet<_>>().len(), 18);
    assert_ne!(data.undersample(2).unwrap(), under);
    let (drawn, left) = data.bootstrap(5);
    let seen: BTreeSet<usize> = names(&drawn).into_iter().collect();
    assert_eq!((drawn.len(), seen.len() + left.len()), (103, 103));
    assert!(names(&left).iter().all(|name| !seen.contains(name)));
    assert!(data.take(0).bootstrap(1).0.is_empty());

    let noisy = data.with_wrong_labels(0.3, 1).unwrap();
    let pairs = data.targets().labels().unwrap().iter().zip(noisy.targets().labels().unwrap());
    assert_eq!(pairs.filter(|(a, b)| a != b).count(), 31);
    assert!(data.with_wrong_labels(1.1, 1).is_err());
    assert!(Dataset::classes(vec![0.0], [1], vec![0], 1).unwrap().with_wrong_labels(0.1, 1).is_err());
}

#[test]
fn the_largest_gap_is_named() {
    let rates = |train, train_dev, dev, test| ErrorRates { bayes: 0.01, train, train_dev, dev, test };
    assert_eq!(rates(0.10, None, 0.11, None).largest(), Problem::AvoidableBias);
    assert_eq!(rates(0.02, None, 0.11, None).largest(), Problem::Variance);
    assert_eq!(rates(0.02, Some(0.09), 0.11, None).largest(), Problem::Variance);
    assert_eq!(rates(0.02, Some(0.03), 0.11, None).largest(), Problem::Mismatch);
    assert_eq!(rates(0.02, Some(0.03), 0.04, Some(0.3)).largest(), Problem::OverfitToDev);
    let text = rates(0.02, Some(0.03), 0.11, None).to_string();
    assert_eq!(text, "avoidable bias: +1.00 %\nvariance: +1.00 %\nmismatch: +8.00 %\nwork on: mismatch");
    assert!(misclassified(&[1], &[]).is_err());
    assert_eq!(worst(&[1.0, f32::INFINITY, f32::NAN], 9), [2, 1, 0]);
}

#[test]
fn loss_curves_are_told_apart() {
    let settings = DiagnosisSettings { goal: 0.5, ..DiagnosisSettings::default() };
    let read = |train: &[f64], validation: &[f64]| diagnose(train, validation, &settings).unwrap();
    assert_eq!(read(&[1.0, 0.4, 0.2], &[1.0, 0.41, 0.30]), Diagnosis::Good);
    assert_eq!(read(&[1.0, 0.4, 0.2], &[1.0, 0.30, 0.34]), Diagnosis::Overfit);
    // never rose, but stays far above
    assert_eq!(read(&[1.0, 0.4, 0.1], &[1.0, 0.41, 0.40]), Diagnosis::Overfit);
    assert_eq!(read(&[1.0, 0.9, 0.8], &[1.0, 0.9, 2.0]), Diagnosis::Underfit);
    assert!(diagnose(&[], &[1.0], &settings).is_err() && diagnose(&[f64::NAN], &[1.0], &settings).is_err());
}
