//! The loader: order, bits, resuming, errors and how it ends.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anygrad_data::augment::{
    Augment, GaussianNoise, MixUp, RandomCrop, RandomHorizontalFlip, RandomRotation,
};
use anygrad_data::{
    Batch, Concatenated, DataError, Dataset, Generated, Loader, LoaderSettings, Mapped, Sample, Source,
    Target, TargetKind, digits,
};

fn augment() -> Augment {
    Augment::new()
        .then(RandomHorizontalFlip::default())
        .then(RandomRotation::new(10.0))
        .then(RandomCrop::new(8, 8).padding(1))
        .then(GaussianNoise::default())
        .mix(MixUp::default())
}

fn bits(batches: &[Batch]) -> Vec<u32> {
    batches.iter().flat_map(|batch| batch.inputs.iter().map(|x| x.to_bits())).collect()
}

fn loader(threads: usize, prefetch: usize) -> Loader {
    let settings = LoaderSettings { batch_size: 16, seed: 5, threads, prefetch, ..LoaderSettings::default() };
    Loader::new(digits::load().unwrap().take(150), settings).unwrap().augment(augment())
}

#[test]
fn neither_threads_nor_prefetching_change_a_bit() {
    let wanted: Vec<Batch> = loader(0, 0).epoch(3).map(Result::unwrap).collect();
    assert_eq!(wanted.len(), 10);
    for (threads, prefetch) in [(1, 1), (2, 1), (3, 2), (4, 100), (16, 16)] {
        let found: Vec<Batch> = loader(threads, prefetch).epoch(3).map(Result::unwrap).collect();
        assert!(found == wanted && bits(&found) == bits(&wanted), "{threads} threads");
    }
    let other: Vec<Batch> = loader(2, 4).epoch(4).map(Result::unwrap).collect();
    assert_ne!(bits(&other), bits(&wanted));
}

#[test]
fn the_order_is_that_of_batches() {
    let data = digits::load().unwrap().take(100);
    let settings = LoaderSettings { batch_size: 30, seed: 9, drop_last: true, ..LoaderSettings::default() };
    let loaded: Vec<Batch> =
        Loader::new(data.clone(), settings).unwrap().epoch(2).map(Result::unwrap).collect();
    let plain: Vec<Batch> = data.batches(30).unwrap().shuffled_epoch(9, 2).drop_last().into_iter().collect();
    assert_eq!(loaded, plain);
}

#[test]
fn an_epoch_goes_on_at_any_batch() {
    let all: Vec<Batch> = loader(2, 3).epoch(1).map(Result::unwrap).collect();
    for start in [0, 1, 7, 9, 10, 11, usize::MAX] {
        let mut epoch = loader(2, 3).resume(1, start);
        assert_eq!(epoch.position(), start.min(10));
        let rest: Vec<Batch> = epoch.by_ref().map(Result::unwrap).collect();
        assert_eq!(rest, all[start.min(10)..]);
        assert_eq!(epoch.position(), 10);
    }
}

/// Counts how many samples were asked for, and fails or panics at one of them.
struct Watched {
    asked: AtomicUsize,
    bad: usize,
    panics: bool,
}

impl Source for Watched {
    fn len(&self) -> usize {
        1_000_000_000_000
    }
    fn input_shape(&self) -> Vec<usize> {
        vec![1]
    }
    fn target_kind(&self) -> TargetKind {
        TargetKind::Values(vec![])
    }
    fn sample(&self, index: usize) -> Result<Sample, DataError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if index == self.bad {
            assert!(!self.panics, "no sample {index}");
            return Err(DataError::Custom("the disk is on fire".into()));
        }
        Ok(Sample { input: vec![index as f32], target: Target::Values(vec![0.0]) })
    }
}

fn watched(bad: usize, panics: bool) -> (Arc<Watched>, Loader) {
    let source = Arc::new(Watched { asked: AtomicUsize::new(0), bad, panics });
    // an order of so many samples would not fit in memory
    let settings = LoaderSettings { batch_size: 10, shuffle: false, ..LoaderSettings::default() };
    (Arc::clone(&source), Loader::new(source, settings).unwrap())
}

#[test]
fn an_endless_source_takes_no_more_memory_than_the_batches_ahead() {
    let (source, loader) = watched(usize::MAX, false);
    let mut epoch = loader.epoch(0);
    assert_eq!(epoch.next().unwrap().unwrap().inputs[9], 9.0);
    // one taken, four ahead
    let asked = || source.asked.load(Ordering::SeqCst);
    (0..1000).take_while(|_| asked() < 50).for_each(|_| std::thread::sleep(Duration::from_millis(10)));
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(source.asked.load(Ordering::SeqCst), 50);
    drop(epoch);
    assert_eq!(source.asked.load(Ordering::SeqCst), 50);
    // the loader and this test hold it, no thread does
    assert_eq!(Arc::strong_count(&source), 2);
}

/// 800 MB of samples go by, and the process grows by less than a twentieth of that.
#[cfg(target_os = "linux")]
#[test]
fn memory_stays_constant_while_samples_stream_by() {
    let resident = || -> usize {
        let text = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let source = Generated::new(200_000, [1000], TargetKind::Classes(2), |index| {
        Ok(Sample { input: vec![index as f32; 1000], target: Target::Class(0) })
    });
    let settings = LoaderSettings { batch_size: 100, ..LoaderSettings::default() };
    let loader = Loader::new(source, settings).unwrap();
    let (mut samples, mut before, mut most) = (0, 0, 0);
    for (number, batch) in loader.epoch(0).enumerate() {
        samples += batch.unwrap().len();
        match number {
            50 => before = resident(),
            _ if number % 50 == 0 => most = most.max(resident()),
            _ => {}
        }
    }
    assert_eq!(samples, 200_000);
    assert!(most < before + 40_000, "{before} kB, then {most} kB");
}

#[test]
fn errors_and_panics_reach_the_consumer_in_their_place() {
    for (panics, text) in
        [(false, "the disk is on fire"), (true, "the work on a batch panicked: no sample 25")]
    {
        let (source, loader) = watched(25, panics);
        let results: Vec<_> = loader.epoch(0).collect();
        assert_eq!(results.len(), 3);
        assert!(results[0].is_ok() && results[1].is_ok());
        assert_eq!(results[2].as_ref().unwrap_err().to_string(), text);
        assert_eq!(Arc::strong_count(&source), 2);
    }
}

#[test]
fn settings_and_samples_that_do_not_fit_are_errors() {
    let data = digits::load().unwrap().take(4);
    let error = |settings| Loader::new(data.clone(), settings).err().unwrap().to_string();
    assert_eq!(
        error(LoaderSettings { batch_size: 0, ..Default::default() }),
        "the batch size is 0: a batch holds at least one sample"
    );
    assert_eq!(
        error(LoaderSettings { prefetch: 0, ..Default::default() }),
        "Loader::new: prefetch is 0; it must be 1 at least where there are threads"
    );
    let first = |source: Box<dyn Fn(usize) -> Result<Sample, DataError> + Send + Sync>| {
        let source = Generated::new(3, [2], TargetKind::Classes(2), source);
        let loader = Loader::new(source, LoaderSettings::default()).unwrap();
        loader.epoch(0).next().unwrap().unwrap_err().to_string()
    };
    let sample = |input: Vec<f32>, target| {
        move |_| Ok(Sample { input: input.clone(), target: Target::clone(&target) })
    };
    assert_eq!(
        first(Box::new(sample(vec![0.0; 3], Target::Class(0)))),
        "inputs: 1 samples of shape [2] are 2 numbers, found 3"
    );
    assert_eq!(
        first(Box::new(sample(vec![0.0; 2], Target::Class(2)))),
        "label 2 at position 0 is out of range: there are 2 classes, from 0"
    );
    assert_eq!(
        first(Box::new(sample(vec![0.0; 2], Target::Values(vec![1.0])))),
        "a set of samples needs targets of one kind, Classes(2), found Values([1.0]) at position 0"
    );
    let flat = data.with_input_shape([64]).unwrap();
    let loader = Loader::new(flat, LoaderSettings::default()).unwrap().augment(augment());
    assert_eq!(
        loader.epoch(0).next().unwrap().unwrap_err().to_string(),
        "Augment needs images [channels, height, width], found samples of shape [64]"
    );
}

#[test]
fn sources_are_joined_and_mapped() {
    let part = |begin: f32, n: usize| -> Arc<dyn Source> {
        let inputs = (0..n).map(|i| begin + i as f32).collect();
        Arc::new(Dataset::classes(inputs, [1], vec![0; n], 2).unwrap())
    };
    let joined = Concatenated::new(vec![part(0.0, 3), part(10.0, 0), part(20.0, 2)]).unwrap();
    let doubled = Mapped::new(joined, [1], |sample, index| {
        Ok(Sample { input: vec![sample.input[0] * 2.0 + index as f32 / 10.0], ..sample })
    });
    let data = Dataset::from_source(&doubled).unwrap();
    assert_eq!(data.inputs(), [0.0, 2.1, 4.2, 40.3, 42.4]);
    assert!(matches!(doubled.sample(5), Err(DataError::IndexRange { index: 5, len: 5, .. })));
    let other: Arc<dyn Source> = Arc::new(Dataset::classes(vec![0.0], [1], vec![0], 3).unwrap());
    let message = Concatenated::new(vec![part(0.0, 1), other]).err().unwrap().to_string();
    assert_eq!(
        message,
        "Concatenated::new needs samples of shape [1] with Classes(2), as in source 0, \
         found shape [1] with Classes(3) in source 1"
    );
}

#[test]
fn data_sets_are_joined_and_filtered() {
    let data = digits::load().unwrap().take(20);
    let back = Dataset::concat(&[&data.take(7), &data.skip(7)]).unwrap();
    assert_eq!(back, data);
    let flat = data.clone().with_input_shape([64]).unwrap();
    let message = Dataset::concat(&[&data, &flat]).unwrap_err().to_string();
    assert_eq!(
        message,
        "Dataset::concat needs samples of shape [1, 8, 8] with Classes(10), as in part 0, \
         found samples of shape [64] with Classes(10) in part 1"
    );
    assert_eq!(data.filter(|index, _| index % 3 == 0).len(), 7);
    assert!(data.map_inputs([2], |row| row.to_vec()).is_err());
}
