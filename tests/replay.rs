//! From the second step on, training replays: no plan is made, nothing is compiled, and memory stays as it is.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Mutex, PoisonError};

use anygrad::graph::Stats;
use anygrad::prelude::*;
use support::{gpu, quiet, upload};

fn blobs() -> Dataset {
    anygrad::data::synthetic::blobs(40, 3, 0.2, 1).unwrap()
}

fn images() -> Dataset {
    digits::load().unwrap().take(40)
}

fn dense(params: &Params, dropout: &Dropout) -> Sequential {
    Sequential::new()
        .then(Linear::new(params.at("fc1"), 2, 8))
        .then(tanh)
        .then(dropout.clone())
        .then(Linear::new(params.at("fc2"), 8, 3))
}

fn convolutional(params: &Params, dropout: &Dropout) -> Sequential {
    Sequential::new()
        .then(Conv2d::new(params.at("conv"), 1, 4, 3).padding(1))
        .then(BatchNorm2d::new(params.at("norm"), 4))
        .then(relu)
        .then(MaxPool2d::new(2))
        .then(Flatten)
        .then(dropout.clone())
        .then(Linear::new(params.at("fc"), 4 * 4 * 4, 10))
}

/// Blocks with dropout and running averages that are computed again in the backward pass.
fn recomputed(params: &Params, dropout: &Dropout) -> Sequential {
    let block = |name: &str| {
        let block = Sequential::new().then(Linear::new(params.at(name), 8, 8)).then(tanh);
        Recompute::new(
            block.then(BatchNorm1d::new(params.at(format!("{name}.norm")), 8)).then(dropout.clone()),
        )
    };
    Sequential::new()
        .then(Linear::new(params.at("in"), 2, 8))
        .then(block("block1"))
        .then(Recompute::new(Sequential::new().then(block("block2")).then(block("block3"))))
        .then(Linear::new(params.at("out"), 8, 3))
}

/// What must not change from one step to the next.
fn held(stats: &Stats) -> (u64, u64, usize) {
    (stats.plan_misses, stats.pipelines, stats.live_bytes + stats.pooled_bytes)
}

/// When the batches of a run are brought to the device.
#[derive(Clone, Copy, PartialEq)]
enum Upload {
    /// All before the first step.
    Before,
    /// One in each step, as the trainer does.
    EachStep,
}

/// Trains for `steps` steps in which learning rate, dropout, seed, clipping and data change.
fn steps(
    device: &Device,
    build: fn(&Params, &Dropout) -> Sequential,
    (data, batch): (&Dataset, usize),
    uploads: Upload,
    steps: usize,
) {
    let params = Params::new(device, 3);
    let dropout = Dropout::new(0.5);
    let model = build(&params, &dropout);
    let optimizer = AdamW::default();
    let mut first = None;
    let mut per_step = None;
    // every batch is full: a ragged one has a plan of its own
    let batches: Vec<_> = data.batches(batch).unwrap().drop_last().into_iter().collect();
    let uploaded: Vec<_> = match uploads {
        Upload::Before => batches.iter().map(|batch| upload(batch, device)).collect(),
        Upload::EachStep => Vec::new(),
    };
    for step in 0..steps {
        let before = device.stats();
        let part = (step % 10) as f64 / 10.0;
        dropout.set(part);
        let mut ctx = Ctx::train_step(step as u64 / 3, step as u64);
        let at = step % batches.len();
        let (x, labels) = uploaded.get(at).cloned().unwrap_or_else(|| upload(&batches[at], device));
        let loss = cross_entropy(&model.forward(&x, &mut ctx), &labels);
        let (gradients, norm) = clip_global_norm(params.grad(&loss), 0.5 + part);
        drop(norm);
        optimizer.step(&params, gradients, 1e-3 * part).unwrap();
        assert!(step % 1000 > 0 || loss.item().unwrap().is_finite());
        drop((x, labels, loss));
        let after = device.stats();
        if step == 0 {
            assert_eq!(after.plan_misses, before.plan_misses + 1, "a step is one plan");
        } else {
            assert_eq!(after.plan_hits, before.plan_hits + 1, "step {step}");
            let work = (after.dispatches - before.dispatches, after.submits - before.submits);
            assert_eq!(*per_step.get_or_insert(work), work, "step {step}");
        }
        // the second step may still need a buffer that the first, which had none to reuse, did not
        if step > 1 {
            let first = first.get_or_insert(held(&after));
            assert_eq!(held(&after), *first, "step {step}: plan misses, pipelines, bytes");
        }
    }
}

/// An epoch with a ragged last batch has two plans, and a third and fourth for the validation; later epochs, other
/// rates and other seeds have none.
fn epochs(device: &Device) {
    let data = digits::load().unwrap().take(70);
    let params = Params::new(device, 4);
    let dropout = Dropout::new(0.5);
    let model = convolutional(&params, &dropout);
    let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default()).evaluation_batch(40);
    let before = device.stats().plan_misses;
    let fit = Fit { epochs: 1, batch_size: 32, validation: Some(&data), ..quiet() };
    trainer.fit(&data, fit).unwrap();
    assert_eq!(device.stats().plan_misses, before + 4);
    for epoch in 0..3u32 {
        dropout.set(0.1 * f64::from(epoch));
        let fit = Fit {
            epochs: 1,
            batch_size: 32,
            validation: Some(&data),
            learning_rate: 0.01 / f64::from(epoch + 1),
            seed: Some(epoch.into()),
            ..quiet()
        };
        trainer.fit(&data, fit).unwrap();
        assert_eq!(device.stats().plan_misses, before + 4, "epoch {epoch}");
    }
}

/// Two tests for all on the CPU, one after the other, since all tests of a process share its counters.
static CPU: Mutex<()> = Mutex::new(());

#[test]
fn the_cpu_replays_ten_thousand_steps() {
    let _alone = CPU.lock().unwrap_or_else(PoisonError::into_inner);
    let device = Device::cpu();
    steps(&device, dense, (&blobs(), 5), Upload::Before, 10_000);
    steps(&device, convolutional, (&images(), 8), Upload::Before, 30);
    steps(&device, recomputed, (&blobs(), 5), Upload::Before, 300);
    epochs(&device);
}

#[test]
fn the_cpu_replays_ten_thousand_steps_with_new_batches() {
    let _alone = CPU.lock().unwrap_or_else(PoisonError::into_inner);
    // batches of another size, so that the first step needs a plan of its own
    steps(&Device::cpu(), dense, (&blobs(), 6), Upload::EachStep, 10_000);
}

#[test]
fn a_gpu_replays_steps_of_a_dense_model() {
    let Some(device) = gpu() else { return };
    steps(&device, dense, (&blobs(), 5), Upload::EachStep, 300);
    steps(&device, recomputed, (&blobs(), 5), Upload::EachStep, 60);
}

#[test]
fn a_gpu_replays_steps_and_epochs_of_a_convolutional_model() {
    let Some(device) = gpu() else { return };
    steps(&device, convolutional, (&images(), 8), Upload::EachStep, 30);
    epochs(&device);
}
