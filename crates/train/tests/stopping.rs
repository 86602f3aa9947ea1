//! The callbacks that come with the crate.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anygrad_data::{Dataset, synthetic};
use anygrad_graph::{Device, Tensor};
use anygrad_nn::schedule::ReduceOnPlateau;
use anygrad_nn::{Adam, Linear, Params, cross_entropy};
use anygrad_train::callbacks::{
    EarlyStopping, LivePlot, OnEpoch, PlateauRate, RateScheduler, TimeLimit, sparkline, text_chart,
};
use anygrad_train::{Callback, Fit, Flow, Monitor, Progress, Result, Trainer};
use common::devices;

fn quiet<'a>() -> Fit<'a> {
    Fit { epochs: 40, batch_size: 32, learning_rate: 0.3, progress: Progress::hidden(), ..Fit::default() }
}

fn data() -> (Dataset, Dataset) {
    synthetic::blobs(200, 3, 0.4, 7).unwrap().split(0.5, 1).unwrap()
}

type Classifier = Trainer<Linear, fn(&Tensor, &Tensor) -> Tensor, Adam>;

fn trainer(device: &Device) -> Classifier {
    let params = Params::new(device, 5);
    Trainer::new(Linear::new(params.at("fc"), 2, 3), params, cross_entropy, Adam::default())
}

fn weights(trainer: &Classifier) -> Vec<f32> {
    trainer.params().get("fc.weight").unwrap().to_vec().unwrap()
}

#[test]
fn early_stopping_waits_and_restores_the_best_weights() {
    let (train, validation) = data();
    for device in devices() {
        let mut stopped = trainer(&device);
        let mut stopping = EarlyStopping::new(3);
        let mut kept = Vec::new();
        let mut keep = OnEpoch::new(|_, training| {
            kept.push(training.params().get("fc.weight").unwrap().to_vec::<f32>()?);
            Ok(Flow::Continue)
        });
        let callbacks: &mut [&mut dyn Callback] = &mut [&mut stopping, &mut keep];
        let fit = Fit { validation: Some(&validation), callbacks, ..quiet() };
        let history = stopped.fit(&train, fit).unwrap();
        let losses: Vec<f32> =
            history.rows().iter().map(|row| row.validation.as_ref().unwrap().loss).collect();
        let best = history.best().unwrap().epoch;
        assert_eq!((stopping.best_epoch(), losses.len()), (best, best + 3), "{losses:?}");
        assert_eq!(stopping.best(), f64::from(losses[best - 1]));
        assert_eq!(weights(&stopped), kept[best - 1], "those of the best epoch");
        assert_ne!(weights(&stopped), *kept.last().unwrap());
        assert_eq!(history.ended().unwrap(), format!("no better epoch than {best} in 3 epochs"));
    }
}

#[test]
fn early_stopping_takes_any_number_a_baseline_and_a_least_change() {
    let (train, validation) = data();
    let epochs = |mut stopping: EarlyStopping| {
        let mut trainer = trainer(&Device::cpu());
        let callbacks: &mut [&mut dyn Callback] = &mut [&mut stopping];
        let history = trainer.fit(&train, Fit { validation: Some(&validation), callbacks, ..quiet() });
        history.map(|history| history.rows().len())
    };
    // nothing beats it by so much: the first epoch is the best
    assert_eq!(epochs(EarlyStopping::new(2).min_delta(100.0)).unwrap(), 3);
    assert_eq!(epochs(EarlyStopping::new(2).baseline(-1.0)).unwrap(), 2);
    assert_eq!(epochs(EarlyStopping::new(2).min_delta(100.0).first_epoch(10)).unwrap(), 12);
    // an accuracy is better when it is higher; said to be worse, the first epoch is soon the best
    let by = |monitor: Monitor| EarlyStopping::new(2).monitor(monitor);
    let soon = epochs(by(Monitor::lowest("validation_accuracy"))).unwrap();
    assert!(soon < epochs(by(Monitor::highest("accuracy"))).unwrap(), "{soon}");

    let message = |stopping| epochs(stopping).unwrap_err().to_string();
    assert!(message(EarlyStopping::new(0)).contains("the patience of EarlyStopping is 0"));
    assert!(message(EarlyStopping::new(1).min_delta(f64::NAN)).contains("min_delta of EarlyStopping is NaN"));
    let unknown = message(by(Monitor::highest("val_recall")));
    assert_eq!(
        unknown,
        "no epoch recorded the metric \"val_recall\"; recorded: loss, accuracy, val_loss, val_accuracy"
    );
    let mut stopping = EarlyStopping::new(1).monitor(Monitor::lowest("val_loss"));
    let error = trainer(&Device::cpu()).fit(&train, Fit { callbacks: &mut [&mut stopping], ..quiet() });
    assert!(error.unwrap_err().to_string().contains("there is no validation set"));
}

#[test]
fn a_plateau_lowers_the_rate_and_goes_on_after_a_restart() {
    let train = data().0;
    let rule = || {
        PlateauRate::new(ReduceOnPlateau::new(1.0).factor(0.5).patience(1)).monitor(Monitor::lowest("loss"))
    };
    let schedule = |step: u64| if step < 8 { 2.0 } else { 1.0 };
    let mut plateau = rule();
    let whole = |plateau: &mut PlateauRate, epochs| {
        let mut trainer = trainer(&Device::cpu());
        let mut state = None;
        let mut take = OnEpoch::new(|_, training| {
            state = Some(training.state()?);
            Ok(Flow::Continue)
        });
        let callbacks: &mut [&mut dyn Callback] = &mut [plateau, &mut take];
        let fit = Fit { epochs, schedule: Some(&schedule), callbacks, ..quiet() };
        let history = trainer.fit(&train, fit).unwrap();
        (trainer, history, state.unwrap())
    };
    let (wanted, history, _) = whole(&mut plateau, 40);
    let rates: Vec<f32> = history.rows().iter().map(|row| row.learning_rate).collect();
    assert!(rates[39] < 0.5 && rates.windows(2).all(|pair| pair[1] <= pair[0]), "{rates:?}");
    assert!(rates.iter().all(|rate| rate.log2().fract() == 0.0), "{rates:?}");

    let mut first = rule();
    let (mut later, _, state) = whole(&mut first, 20);
    let mut second = rule();
    let callbacks: &mut [&mut dyn Callback] = &mut [&mut second];
    let fit = Fit { schedule: Some(&schedule), resume: Some(&state), callbacks, ..quiet() };
    let resumed = later.fit(&train, fit).unwrap();
    assert_eq!(weights(&later), weights(&wanted));
    assert_eq!(resumed.rows()[39].learning_rate, rates[39]);
    assert_eq!(second.rule(), plateau.rule());
    assert!(rule().restore(&[1.0]).unwrap_err().to_string().contains("4 numbers, not 1"));
    assert!(EarlyStopping::new(1).restore(&[1.0]).unwrap_err().to_string().contains("3 numbers, not 1"));
}

#[test]
fn rates_by_epoch_and_a_limit_of_time() {
    let train = data().0;
    let mut seen = Vec::new();
    let mut scheduler = RateScheduler::new(|epoch, rate| {
        seen.push(epoch);
        rate / 2.0
    });
    let mut limit = TimeLimit::new(Duration::ZERO);
    let callbacks: &mut [&mut dyn Callback] = &mut [&mut scheduler, &mut limit];
    let fit = Fit { initial_epoch: 5, callbacks, ..quiet() };
    let history = trainer(&Device::cpu()).fit(&train, fit).unwrap();
    assert_eq!((history.rows().len(), history.rows()[0].epoch), (1, 6));
    assert_eq!(history.rows()[0].learning_rate, 0.15);
    assert!(history.ended().unwrap().contains("time limit"));
    assert_eq!(seen, [6, 7]);
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_live_plot_draws_over_itself() -> Result<()> {
    let (train, validation) = data();
    let page = Page::default();
    let mut plot = LivePlot::new().to(page.clone()).size(20, 5);
    let callbacks: &mut [&mut dyn Callback] = &mut [&mut plot];
    trainer(&Device::cpu())
        .fit(&train, Fit { epochs: 3, validation: Some(&validation), callbacks, ..quiet() })?;
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("\x1b[6A\x1b[J").count(), 2, "{text}");
    assert_eq!(text.matches("* train  o validation").count(), 3);

    assert_eq!(sparkline(&[]), "");
    assert_eq!(sparkline(&[5.0, 5.0]), "▁▁");
    assert_eq!(sparkline(&[0.0, f64::INFINITY, 7.0, -7.0]), "▅ █▁");
    // more values than columns, and none at all
    let many: Vec<f64> = (0..100).map(f64::from).collect();
    let chart = text_chart(&[("rise", &many)], 10, 2);
    assert_eq!(chart, "99.0000 |     *****\n 0.0000 |*****\n         * rise\n");
    assert_eq!(text_chart(&[("", &[f64::NAN])], 0, 0), "0.0000 |\n        \n");
    Ok(())
}
