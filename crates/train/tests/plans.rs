//! The only test of its file: what is counted belongs to the CPU device, which all tests of a process share.

#![allow(clippy::unwrap_used)]

mod common;

use anygrad_data::synthetic;
use anygrad_graph::Device;
use anygrad_nn::schedule::{Exponential, ReduceOnPlateau};
use anygrad_nn::{Adam, BatchNorm1d, Dropout, Ema, Linear, Params, Penalty, Sequential, cross_entropy, relu};
use anygrad_train::callbacks::{EarlyStopping, OnEpoch, OnStep, PlateauRate};
use anygrad_train::metrics::TopKAccuracy;
use anygrad_train::{Fit, Flow, Progress, Trainer};
use common::devices;

/// How often the device planned anew: after every step and every epoch.
fn misses(device: &Device, fit: Fit<'_>) -> (Vec<u64>, Vec<u64>) {
    let params = Params::new(device, 5);
    let model = Sequential::new()
        .then(Linear::new(params.at("fc1"), 2, 8))
        .then(BatchNorm1d::new(params.at("norm"), 8))
        .then(relu)
        .then(Dropout::new(0.1))
        .then(Linear::new(params.at("fc2"), 8, 3));
    let ema = Ema::new(&params, 0.9).unwrap();
    let penalty = Penalty::l2("*.weight", 1e-3);
    let data = synthetic::blobs(160, 3, 0.3, 3).unwrap();
    let (train, validation) = (data.take(128), data.skip(128));
    let loss = |x: &anygrad_graph::Tensor, y: &anygrad_graph::Tensor| cross_entropy(x, y);
    let mut trainer = Trainer::new(model, params, loss, Adam::default()).metric(|| TopKAccuracy::new(2));
    let mut stopping = EarlyStopping::new(20);
    let mut plateau = PlateauRate::new(ReduceOnPlateau::new(1.0).factor(0.5).patience(1));
    let (mut steps, mut epochs) = (Vec::new(), Vec::new());
    let mut at_step = OnStep::new(|training| {
        assert!(training.loss()? > 0.0);
        steps.push(device.stats().plan_misses);
        Ok(Flow::Continue)
    });
    let mut at_epoch = OnEpoch::new(|_, training| {
        training.state()?;
        epochs.push(device.stats().plan_misses);
        Ok(Flow::Continue)
    });
    let schedule = Exponential::new(0.01, 0.99);
    let fit = Fit {
        epochs: 4,
        batch_size: 16,
        schedule: Some(&schedule),
        validation: Some(&validation),
        penalty: Some(&penalty),
        ema: Some(&ema),
        clip_global_norm: Some(0.5),
        clip_value: Some(1.0),
        keep_step_norms: true,
        keep_step_losses: true,
        progress: Progress::hidden(),
        callbacks: &mut [&mut stopping, &mut plateau, &mut at_step, &mut at_epoch],
        ..fit
    };
    trainer.fit(&train, fit).unwrap();
    (steps, epochs)
}

#[test]
fn from_the_second_step_on_every_plan_is_found_with_everything_on() {
    for device in devices() {
        let fits: [(&str, Fit<'_>); 4] = [
            ("plain", Fit::default()),
            ("mixed", Fit { mixed_precision: true, ..Fit::default() }),
            ("located", Fit { locate_not_finite: true, report_gradients: true, ..Fit::default() }),
            ("accumulated", Fit { accumulate: 4, ..Fit::default() }),
        ];
        for (what, fit) in fits {
            let (steps, epochs) = misses(&device, fit);
            assert!(!steps.is_empty() && epochs.len() == 4, "{what}");
            let first = steps.len() / 4;
            assert!(steps[..first].iter().all(|&misses| misses == steps[0]), "{what}: {steps:?}");
            // the end of the first epoch has plans of its own: validation, the copy of the best weights
            assert_eq!(epochs[0], *epochs.last().unwrap(), "{what}: {steps:?} {epochs:?}");
            assert_eq!(steps.last(), epochs.last(), "{what}");
        }
    }
}
