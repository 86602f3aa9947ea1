//! Checked construction, splits and batches.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use anygrad_data::{BatchTargets, DataError, Dataset, Targets, digits, synthetic};

/// n samples `[2]`: sample i holds (i, -i), and its value is 10 i, so that a sample tells where it came from.
fn numbered(n: usize) -> Dataset {
    let inputs = (0..n).flat_map(|i| [i as f32, -(i as f32)]).collect();
    Dataset::values(inputs, [2], (0..n).map(|i| 10.0 * i as f32).collect(), []).unwrap()
}

fn names(data: &Dataset) -> Vec<usize> {
    let Targets::Values { values, .. } = data.targets() else { panic!("values") };
    // input and target must have stayed together
    for (row, value) in data.inputs().chunks(2).zip(values) {
        assert_eq!([row[0] * 10.0, row[1] * -10.0], [*value, *value]);
    }
    data.inputs().chunks(2).map(|row| row[0] as usize).collect()
}

#[test]
fn wrong_sizes_and_labels_are_refused_with_their_place() {
    let text = |result: Result<Dataset, DataError>| result.unwrap_err().to_string();
    assert_eq!(
        text(Dataset::classes(vec![0.0; 8], [2], vec![0, 9, 1, 12], 10)),
        "label 12 at position 3 is out of range: there are 10 classes, from 0"
    );
    assert_eq!(
        text(Dataset::classes(vec![0.0; 7], [2], vec![0; 4], 10)),
        "inputs: 4 samples of shape [2] are 8 numbers, found 7"
    );
    assert_eq!(
        text(Dataset::values(vec![0.0; 8], [2], vec![0.0; 7], [2])),
        "targets: 3 samples of shape [2] are 6 numbers, found 7"
    );
    assert_eq!(
        text(Dataset::classes(vec![], [3, 0], vec![], 2)),
        "inputs: a sample of shape [3, 0] has no usable size"
    );
    assert_eq!(
        text(Dataset::values(vec![], [1], vec![], [usize::MAX, 2])),
        format!("targets: a sample of shape [{}, 2] has no usable size", usize::MAX)
    );
    assert!(matches!(Dataset::classes(vec![], [1], vec![], usize::MAX), Err(DataError::ClassCount { .. })));
    assert_eq!(
        text(numbered(3).subset(&[0, 2, 3])),
        "index 3 at position 2 is out of range: there are 3 samples"
    );
    assert!(matches!(numbered(3).one_hot(), Err(DataError::NotClasses { call: "one_hot" })));
    assert!(matches!(numbered(3).batches(0), Err(DataError::BatchSize)));
}

#[test]
fn no_samples_are_a_data_set_too() {
    let empty = Dataset::classes(vec![], [4], vec![], 3).unwrap();
    assert_eq!((empty.len(), empty.batches(5).unwrap().len()), (0, 0));
    assert_eq!(empty.batches(5).unwrap().shuffled(1).into_iter().count(), 0);
    let (first, second) = empty.split(0.5, 1).unwrap();
    assert!(first.is_empty() && second.is_empty());
    assert!(empty.stratified(0.5, 1).is_ok());
    assert_eq!(empty.one_hot().unwrap().len(), 0);
}

#[test]
fn subset_take_and_skip_keep_the_order_asked_for() {
    let data = numbered(5);
    assert_eq!(names(&data.subset(&[3, 0, 3]).unwrap()), [3, 0, 3]);
    assert_eq!(names(&data.take(2)), [0, 1]);
    assert_eq!(names(&data.skip(2)), [2, 3, 4]);
    assert_eq!((data.take(9).len(), data.skip(9).len()), (5, 0));
    assert_eq!(data.input(4), Some(&[4.0, -4.0][..]));
    assert_eq!(data.input(5), None);
}

#[test]
fn a_split_is_disjoint_complete_and_the_same_for_one_seed() {
    let data = numbered(103);
    let (first, second) = data.split(0.8, 42).unwrap();
    assert_eq!((first.len(), second.len()), (82, 21));
    assert_eq!(data.split(0.8, 42).unwrap(), (first.clone(), second.clone()));
    assert_ne!(names(&data.split(0.8, 43).unwrap().0), names(&first));
    let all: BTreeSet<usize> = names(&first).into_iter().chain(names(&second)).collect();
    assert_eq!(all.len(), 103);
    assert!(!names(&first).is_sorted());

    assert_eq!(data.split(0.0, 1).unwrap().0.len(), 0);
    assert_eq!(data.split(1.0, 1).unwrap().1.len(), 0);
    for fraction in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(data.split(fraction, 1), Err(DataError::Fraction { .. })), "{fraction}");
    }
}

#[test]
fn a_stratified_split_keeps_the_share_of_each_class() {
    // 7 of class 0, 90 of class 1, none of class 2, 6 of class 3, sorted
    let labels: Vec<u32> = [(0, 7), (1, 90), (3, 6)].iter().flat_map(|&(c, n)| vec![c; n]).collect();
    let inputs = (0..103).map(|i| i as f32).collect();
    let data = Dataset::classes(inputs, [1], labels, 4).unwrap();
    let (first, second) = data.stratified(0.75, 5).unwrap();
    assert_eq!((first.len(), second.len()), (77, 26));
    let (a, b) = (first.class_counts().unwrap(), second.class_counts().unwrap());
    for (class, &total) in data.class_counts().unwrap().iter().enumerate() {
        assert_eq!(a[class] + b[class], total);
        assert!((a[class] as f64 - 0.75 * total as f64).abs() < 1.0, "{a:?}");
    }
    let seen: BTreeSet<u32> = [first.inputs(), second.inputs()].concat().iter().map(|&x| x as u32).collect();
    assert_eq!(seen.len(), 103);
    assert!(!first.targets().labels().unwrap().is_sorted());
    assert!(numbered(4).stratified(0.5, 1).is_err());

    let (first, _) = digits::load().unwrap().stratified(0.8, 1).unwrap();
    assert_eq!(first.len(), 1438);
}

#[test]
fn every_sample_is_held_out_by_one_fold() {
    let data = numbered(103);
    let mut held_out = BTreeSet::new();
    for (others, part) in data.folds(5, 1).unwrap() {
        assert_eq!(others.len() + part.len(), 103);
        let part = names(&part);
        assert!(names(&others).iter().all(|name| !part.contains(name)));
        held_out.extend(part);
    }
    assert_eq!(held_out.len(), 103);
    assert!(data.folds(1, 1).is_err() && data.folds(104, 1).is_err() && data.folds(103, 1).is_ok());
}

#[test]
fn batches_hold_every_sample_once_and_the_rest_at_the_end() {
    let data = numbered(1000);
    for (size, count, last) in
        [(1, 1000, 1), (64, 16, 40), (500, 2, 500), (1000, 1, 1000), (usize::MAX, 1, 1000)]
    {
        let batches = data.batches(size).unwrap().shuffled(1);
        assert_eq!((batches.len(), batches.iter().len()), (count, count));
        let mut seen = BTreeSet::new();
        let mut sizes = vec![];
        for batch in &batches {
            assert_eq!(batch.input_shape, [batch.len(), 2]);
            let BatchTargets::Values { values, shape } = &batch.targets else { panic!("values") };
            assert_eq!(shape, &[batch.len()]);
            for (row, value) in batch.inputs.chunks(2).zip(values) {
                assert_eq!(row[0] * 10.0, *value);
                seen.insert(row[0] as usize);
            }
            sizes.push(batch.len());
        }
        assert_eq!((seen.len(), sizes.len(), sizes.last()), (1000, count, Some(&last)));
    }
    assert_eq!(
        data.batches(64).unwrap().drop_last().into_iter().map(|b| b.len()).collect::<Vec<_>>(),
        [64; 15]
    );
    assert_eq!(data.batches(1001).unwrap().drop_last().len(), 0);
    // five epochs of 59,000 samples by 128 are 2,305 iterations
    let large = Dataset::values(vec![0.0; 59_000], [1], vec![0.0; 59_000], []).unwrap();
    assert_eq!(5 * large.batches(128).unwrap().len(), 2305);
}

#[test]
fn each_epoch_has_its_own_order_and_one_seed_repeats_it() {
    let data = numbered(100);
    let order = |seed, epoch| {
        let batches = data.batches(30).unwrap().shuffled_epoch(seed, epoch);
        batches.into_iter().flat_map(|batch| batch.inputs).collect::<Vec<f32>>()
    };
    assert_eq!(order(1, 3), order(1, 3));
    assert_ne!(order(1, 3), order(1, 4));
    assert_ne!(order(1, 3), order(2, 3));
    let plain: Vec<f32> = data.batches(30).unwrap().into_iter().flat_map(|batch| batch.inputs).collect();
    assert_eq!(plain, data.inputs());
    let shuffled: Vec<f32> =
        data.batches(30).unwrap().shuffled(1).iter().flat_map(|batch| batch.inputs).collect();
    assert_eq!(shuffled, order(1, 0));
    // another batch size cuts the same order elsewhere
    let wide: Vec<f32> = data.batches(7).unwrap().shuffled(1).iter().flat_map(|batch| batch.inputs).collect();
    assert_eq!(shuffled, wide);
}

#[test]
fn labels_become_vectors_and_shapes_change_but_not_sizes() {
    let data = Dataset::classes(vec![0.0; 12], [2, 2], vec![2, 0, 1], 3).unwrap();
    let batch = data.batches(2).unwrap().into_iter().next().unwrap();
    assert_eq!(batch.targets.labels(), Some(&[2, 0][..]));
    assert_eq!(batch.input_shape, [2, 2, 2]);
    let vectors = data.clone().one_hot().unwrap();
    let wanted = vec![0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    assert_eq!(vectors.targets(), &Targets::Values { values: wanted, shape: vec![3] });
    assert_eq!(data.clone().with_input_shape([4]).unwrap().input_shape(), [4]);
    assert!(data.with_input_shape([5]).is_err());
}

#[test]
fn made_up_data_has_the_shape_it_promises() {
    let xor = synthetic::xor().unwrap();
    for (point, label) in xor.inputs().chunks(2).zip(xor.targets().labels().unwrap()) {
        assert_eq!(u32::from(point[0] != point[1]), *label);
    }
    for data in [synthetic::blobs(90, 3, 0.1, 1), synthetic::spirals(90, 3, 0.02, 1)] {
        let data = data.unwrap();
        assert_eq!(data.class_counts().unwrap(), [30; 3]);
        assert!(data.inputs().iter().all(|x| x.abs() < 2.0));
    }
    // points of a cloud are nearest to their own centre
    let blobs = synthetic::blobs(300, 4, 0.1, 2).unwrap();
    for (point, &label) in blobs.inputs().chunks(2).zip(blobs.targets().labels().unwrap()) {
        let angle = point[1].atan2(point[0]).rem_euclid(std::f32::consts::TAU) / std::f32::consts::TAU;
        assert_eq!((angle * 4.0).round() as u32 % 4, label);
    }
    assert_eq!(synthetic::blobs(3, 0, 0.1, 1).unwrap().class_counts().unwrap(), [3]);
}
