//! Checkpoints of a run: which are kept, which is gone on from, and with what errors.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anygrad_data::{BatchTargets, Dataset, digits};
use anygrad_graph::{DType, Device, Tensor};
use anygrad_nn::schedule::{Cosine, ReduceOnPlateau, Threshold};
use anygrad_nn::{
    Adam, BatchNorm2d, Conv2d, Dropout, Ema, Flatten, Linear, Optimizer, Params, Sequential, Sgd,
    cross_entropy, mse, relu,
};
use anygrad_train::callbacks::{EarlyStopping, PlateauRate};
use anygrad_train::metrics::{CustomMetric, MeanAbsoluteError, Metric, R2Score, TopKAccuracy};
use anygrad_train::{
    Callback, Checkpoints, EpochRow, Fit, Flow, History, Monitor, Prediction, Progress, Result, TrainState,
    Trainer, Training,
};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("anygrad-checkpoints-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    /// The names in the folder, sorted.
    fn names(&self) -> Vec<String> {
        let names =
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

type Classifier<O> = Trainer<Sequential, fn(&Tensor, &Tensor) -> Tensor, O>;

fn trainer_with<O: Optimizer>(device: &Device, channels: usize, optimizer: O) -> Classifier<O> {
    let params = Params::new(device, 11);
    let model = Sequential::new()
        .then(Conv2d::new(params.at("conv"), 1, channels, 3).stride(2))
        .then(BatchNorm2d::new(params.at("norm"), channels))
        .then(relu)
        .then(Flatten)
        .then(Dropout::new(0.3))
        .then(Linear::new(params.at("fc"), channels * 9, 10));
    Trainer::new(model, params, cross_entropy, optimizer)
}

fn trainer(device: &Device) -> Classifier<Adam> {
    trainer_with(device, 3, Adam::default())
}

fn data() -> Dataset {
    digits::load().unwrap().with_input_shape([1, 8, 8]).unwrap().take(100)
}

fn quiet<'a>() -> Fit<'a> {
    Fit { epochs: 3, batch_size: 32, learning_rate: 0.02, progress: Progress::hidden(), ..Fit::default() }
}

fn bits(params: &Params) -> Vec<(String, Vec<u64>)> {
    let words = |value: &Tensor| value.to(&Device::cpu()).to_dtype(DType::F64).to_vec::<f64>().unwrap();
    let entry = |entry: anygrad_nn::Entry| {
        (entry.path.to_string(), words(&entry.tensor).iter().map(|x| x.to_bits()).collect::<Vec<_>>())
    };
    params.iter().chain(params.state()).map(entry).collect()
}

/// Ends the run with an error after a step, as a kill would.
struct Bomb(u64);

impl Callback for Bomb {
    fn end_step(&mut self, training: &mut Training<'_>) -> Result<Flow> {
        if training.run_steps() == self.0 {
            return Err(anygrad_train::TrainError::Setting { message: "killed".to_owned() });
        }
        Ok(Flow::Continue)
    }
}

fn killed_at(step: u64, device: &Device, mut checkpoints: Checkpoints) {
    let fit = Fit { callbacks: &mut [&mut checkpoints, &mut Bomb(step)], ..quiet() };
    assert!(trainer(device).fit(&data(), fit).unwrap_err().to_string().contains("killed"));
}

fn same_rows(a: &History, b: &History) {
    assert_eq!(a.rows().len(), b.rows().len());
    for (a, b) in a.rows().iter().zip(b.rows()) {
        assert_eq!((a.epoch, &a.train, a.learning_rate), (b.epoch, &b.train, b.learning_rate));
    }
}

fn goes_on(name: &str, device: &Device) {
    let mut whole = trainer(device);
    let wanted = whole.fit(&data(), quiet()).unwrap();
    let folder = Folder::new(name);
    // four steps an epoch: step 6 is in the middle of the second
    killed_at(7, device, Checkpoints::new(&folder.0).every_steps(3));
    let mut checkpoints = Checkpoints::new(&folder.0).every_steps(3);
    let mut later = trainer(device);
    let state = checkpoints.resume(later.params()).unwrap().unwrap();
    assert_eq!((state.epoch, state.step, state.run_steps, state.sums.batches), (2, 2, 6, 2));
    let fit = Fit { resume: Some(&state), callbacks: &mut [&mut checkpoints], ..quiet() };
    let history = later.fit(&data(), fit).unwrap();
    assert_eq!(bits(later.params()), bits(whole.params()));
    same_rows(&history, &wanted);
}

#[test]
fn a_run_goes_on_with_the_same_bits() {
    goes_on("cpu", &Device::cpu());
}

#[test]
fn a_run_goes_on_with_the_same_bits_on_a_gpu() {
    let wish = std::env::var("ANYGRAD_GPU").unwrap_or_default();
    match Device::gpu(0).or_else(|_| Device::software()) {
        _ if wish == "off" => {}
        Ok(device) => goes_on("gpu", &device),
        Err(error) => assert!(wish != "require", "ANYGRAD_GPU=require: {error}"),
    }
}

#[test]
fn a_damaged_checkpoint_is_reported_and_the_one_before_taken() {
    let folder = Folder::new("damaged");
    killed_at(7, &Device::cpu(), Checkpoints::new(&folder.0).every_steps(2));
    let step = |step: u64| folder.0.join(format!("step-{step:010}.safetensors"));
    assert_eq!(folder.names().len(), 3);
    let whole = fs::read(step(6)).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(step(6), &damaged).unwrap();

    let mut checkpoints = Checkpoints::new(&folder.0).every_steps(5);
    let mut trainer = trainer(&Device::cpu());
    let state = checkpoints.resume(trainer.params()).unwrap().unwrap();
    assert_eq!(state.run_steps, 4);
    let [(path, message)] = checkpoints.skipped() else { panic!("one is skipped") };
    assert_eq!(path, &step(6));
    assert!(message.contains("step-0000000006.safetensors: damaged: the checksum is "), "{message}");
    // what was damaged is put aside, so that it never counts again
    let fit = Fit { resume: Some(&state), steps: Some(5), callbacks: &mut [&mut checkpoints], ..quiet() };
    trainer.fit(&data(), fit).unwrap();
    let aside = "step-0000000006.safetensors.abandoned".to_owned();
    assert!(folder.names().contains(&aside) && !step(6).exists());

    for name in folder.names() {
        fs::write(folder.0.join(name), &whole[..whole.len() - 1]).unwrap();
    }
    let message = checkpoints.resume(trainer.params()).unwrap_err().to_string();
    assert!(message.contains("none of 3 checkpoints is complete; the last error: "), "{message}");
    assert!(Checkpoints::new(folder.0.join("none")).resume(trainer.params()).unwrap().is_none());
}

#[test]
fn the_last_few_and_the_best_are_kept() {
    let folder = Folder::new("kept");
    let (train, validation) = data().split(0.7, 1).unwrap();
    let mut trainer = trainer(&Device::cpu());
    let mut checkpoints =
        Checkpoints::new(&folder.0).every_epochs(2).keep(2).best(Monitor::lowest("val_loss"));
    // the rate is so high at the end that the last epoch is not the best
    struct Wild;
    impl Callback for Wild {
        fn end_epoch(&mut self, row: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
            training.set_learning_rate(if row.epoch < 5 { 0.02 } else { 5.0 })?;
            Ok(Flow::Continue)
        }
    }
    let fit = Fit {
        epochs: 7,
        validation: Some(&validation),
        callbacks: &mut [&mut Wild, &mut checkpoints],
        ..quiet()
    };
    let history = trainer.fit(&train, fit).unwrap();
    // three steps an epoch; the end of the run is saved as well
    assert_eq!(
        folder.names(),
        ["best.safetensors", "step-0000000018.safetensors", "step-0000000021.safetensors"]
    );
    let best = history.best().unwrap();
    assert!((2..7).contains(&best.epoch), "{history}");
    assert_eq!(checkpoints.best_value(), Some(f64::from(best.judged_loss())));
    trainer.params().load(checkpoints.best_path()).unwrap();
    assert_eq!(trainer.evaluate(&validation).unwrap().loss, best.judged_loss());
    // the state of the checkpoint holds the best value, and the run's end
    let state = TrainState::read(folder.0.join("step-0000000021.safetensors")).unwrap();
    assert_eq!(state.callbacks, [vec![], vec![f64::from(best.judged_loss())]]);
    assert_eq!((state.epoch, state.step, state.history), (8, 0, history));

    // a run that goes on knows the best value, too
    let state = TrainState::load(folder.0.join("step-0000000018.safetensors"), trainer.params()).unwrap();
    let before = fs::read(checkpoints.best_path()).unwrap();
    let mut later = Checkpoints::new(&folder.0).keep(2).best(Monitor::lowest("val_loss"));
    let fit = Fit {
        epochs: 7,
        validation: Some(&validation),
        callbacks: &mut [&mut Wild, &mut later],
        resume: Some(&state),
        ..quiet()
    };
    trainer.fit(&train, fit).unwrap();
    assert_eq!(
        (later.best_value(), fs::read(later.best_path()).unwrap() == before),
        (checkpoints.best_value(), true)
    );

    let fit = Fit { callbacks: &mut [&mut checkpoints], ..quiet() };
    let message = trainer.fit(&train, fit).unwrap_err().to_string();
    assert!(message.contains("holds 2 checkpoints of another run: resume it, overwrite it"), "{message}");
    let mut anew = Checkpoints::new(&folder.0).overwrite();
    trainer.fit(&train, Fit { epochs: 1, callbacks: &mut [&mut anew], ..quiet() }).unwrap();
    assert_eq!(folder.names(), ["step-0000000003.safetensors", "step-0000000021.safetensors.abandoned"]);

    let mut unknown = Checkpoints::new(folder.0.join("x")).best(Monitor::highest("val_f1"));
    let message = trainer.fit(&train, Fit { callbacks: &mut [&mut unknown], ..quiet() });
    // without a validation set there is nothing to tell
    assert!(message.is_ok());
    let mut unknown = Checkpoints::new(folder.0.join("y")).best(Monitor::highest("f1"));
    let message =
        trainer.fit(&train, Fit { callbacks: &mut [&mut unknown], ..quiet() }).unwrap_err().to_string();
    assert!(message.contains("no epoch recorded the metric \"f1\"; recorded: loss, accuracy"), "{message}");
}

#[test]
fn time_can_tell_when_to_save() {
    let folder = Folder::new("time");
    let mut always = Checkpoints::new(&folder.0).every(Duration::ZERO).keep(100);
    trainer(&Device::cpu()).fit(&data(), Fit { callbacks: &mut [&mut always], ..quiet() }).unwrap();
    assert_eq!(folder.names().len(), 12);
    let mut never = Checkpoints::new(&folder.0).every(Duration::from_secs(3600)).overwrite();
    trainer(&Device::cpu()).fit(&data(), Fit { callbacks: &mut [&mut never], ..quiet() }).unwrap();
    assert_eq!(folder.names(), ["step-0000000012.safetensors"], "the end of the run");
}

#[test]
fn other_settings_are_errors_that_name_the_difference() {
    let folder = Folder::new("settings");
    killed_at(3, &Device::cpu(), Checkpoints::new(&folder.0).every_steps(2));
    let file = folder.0.join("step-0000000002.safetensors");
    let device = Device::cpu();

    let wider = trainer_with(&device, 4, Adam::default());
    let before = bits(wider.params());
    let message = TrainState::load(&file, wider.params()).unwrap_err().to_string();
    assert!(
        message.contains("tensor conv.weight has shape [3, 1, 3, 3], the model's has [4, 1, 3, 3]"),
        "{message}"
    );
    assert_eq!(bits(wider.params()), before);

    let mut other = trainer_with(&device, 3, Sgd::default());
    let state = TrainState::load(&file, other.params()).unwrap();
    let message = other.fit(&data(), Fit { resume: Some(&state), ..quiet() }).unwrap_err().to_string();
    assert!(message.contains("the optimizer was ") && message.contains("Adam and is "), "{message}");
    let mut same = trainer(&device);
    let error = |fit: Fit<'_>, same: &mut Classifier<Adam>| same.fit(&data(), fit).unwrap_err().to_string();
    let message = error(Fit { resume: Some(&state), batch_size: 16, ..quiet() }, &mut same);
    assert!(message.contains("batch_size was 32 and is 16"), "{message}");
    let message = error(Fit { resume: Some(&state), seed: Some(1), ..quiet() }, &mut same);
    assert!(message.contains("the seed was 11 and is 1"), "{message}");

    same.params().save(folder.0.join("plain.safetensors")).unwrap();
    let message = TrainState::read(folder.0.join("plain.safetensors")).unwrap_err().to_string();
    assert!(message.contains("plain.safetensors: not a checkpoint of training"), "{message}");
    same.params()
        .save_checkpoint(folder.0.join("own.safetensors"), &anygrad_nn::Checkpoint::default())
        .unwrap();
    let message = TrainState::read(folder.0.join("own.safetensors")).unwrap_err().to_string();
    assert!(message.contains("own.safetensors: it holds no state of a training run"), "{message}");

    for (checkpoints, name) in [
        (Checkpoints::new(&folder.0).every_steps(0), "every_steps"),
        (Checkpoints::new(&folder.0).every_epochs(0), "every_epochs"),
        (Checkpoints::new(&folder.0).keep(0), "keep"),
    ] {
        let mut checkpoints = checkpoints;
        let message = error(Fit { callbacks: &mut [&mut checkpoints], ..quiet() }, &mut same);
        assert_eq!(message, format!("fit: checkpoints: {name} is 0; it must be at least 1"));
    }
}

/// A metric that keeps no state: the number of samples.
#[derive(Default)]
struct Seen(f64);

impl Metric for Seen {
    fn name(&self) -> &str {
        "seen"
    }
    fn reset(&mut self) {
        self.0 = 0.0;
    }
    fn update(&mut self, predictions: &Prediction, _: &BatchTargets) -> Result<()> {
        self.0 += predictions.shape[0] as f64;
        Ok(())
    }
    fn value(&self) -> f64 {
        self.0
    }
}

#[test]
fn metrics_of_half_an_epoch_go_on_with_the_same_bits() {
    let folder = Folder::new("metrics");
    let mean = |predictions: &Prediction, _: &BatchTargets| f64::from(predictions.values.iter().sum::<f32>());
    let regression = || {
        let params = Params::new(&Device::cpu(), 3);
        let layer = Linear::new(params.at("fc"), 64, 1);
        let trainer = Trainer::new(layer, params, mse, Adam::default());
        let trainer = trainer.metric(MeanAbsoluteError::new).metric(R2Score::new);
        trainer.metric(move || CustomMetric::new("sum", mean))
    };
    let labels = data().targets().labels().unwrap().iter().map(|&label| label as f32).collect();
    let data = Dataset::values(data().inputs().to_vec(), [64], labels, [1]).unwrap();
    let wanted = regression().fit(&data, quiet()).unwrap();
    for at in [2, 6] {
        let (mut checkpoints, bomb) =
            (Checkpoints::new(&folder.0).every_steps(2).overwrite(), &mut Bomb(at + 1));
        let fit = Fit { callbacks: &mut [&mut checkpoints, bomb], ..quiet() };
        assert!(regression().fit(&data, fit).is_err());
        let mut later = regression();
        let state = checkpoints.resume(later.params()).unwrap().unwrap();
        assert_eq!((state.run_steps, state.metrics.len()), (at, 3));
        same_rows(&later.fit(&data, Fit { resume: Some(&state), ..quiet() }).unwrap(), &wanted);

        let mut other = trainer(&Device::cpu()).metric(|| TopKAccuracy::new(2));
        let other_state =
            TrainState { optimizer: std::any::type_name::<Adam>().to_owned(), seed: 11, ..state };
        let fit = Fit { resume: Some(&other_state), ..quiet() };
        let message = other.fit(&self::data(), fit).unwrap_err().to_string();
        let wanted = r#"the metrics were ["mae", "r2", "sum"] and are ["top_2_accuracy"]"#;
        assert!(message.contains(wanted), "{message}");
    }
    let mut trainer = trainer(&Device::cpu()).metric(Seen::default);
    let mut checkpoints = Checkpoints::new(&folder.0).every_steps(2).overwrite();
    let message = trainer.fit(&self::data(), Fit { callbacks: &mut [&mut checkpoints], ..quiet() });
    let message = message.unwrap_err().to_string();
    assert!(message.contains("the metric seen keeps no state"), "{message}");
    // between epochs there is nothing to keep
    let mut checkpoints = Checkpoints::new(&folder.0).overwrite();
    trainer.fit(&self::data(), Fit { callbacks: &mut [&mut checkpoints], ..quiet() }).unwrap();
}

/// Tells the run to end after the second epoch.
struct Enough;

impl Callback for Enough {
    fn end_epoch(&mut self, row: &EpochRow, _: &mut Training<'_>) -> Result<Flow> {
        Ok(if row.epoch == 2 { Flow::Stop("enough".to_owned()) } else { Flow::Continue })
    }
}

fn resumed(file: &Path, steps: Option<usize>) -> (Classifier<Adam>, History) {
    let mut trainer = trainer(&Device::cpu());
    let state = TrainState::load(file, trainer.params()).unwrap();
    let history = trainer.fit(&data(), Fit { resume: Some(&state), steps, ..quiet() }).unwrap();
    (trainer, history)
}

#[test]
fn a_run_that_ended_does_not_go_on_unless_its_limit_is_raised() {
    let folder = Folder::new("ended");
    let mut checkpoints = Checkpoints::new(&folder.0).keep(9);
    let fit = Fit { callbacks: &mut [&mut Enough, &mut checkpoints], ..quiet() };
    let mut whole = trainer(&Device::cpu());
    let wanted = whole.fit(&data(), fit).unwrap();
    assert_eq!((wanted.ended(), wanted.rows().len()), (Some("enough"), 2));
    // saved at the end of the epoch in which it was told to end, which is also the end of the run
    let (again, history) = resumed(&folder.0.join("step-0000000008.safetensors"), None);
    assert_eq!(history, wanted);
    assert_eq!(bits(again.params()), bits(whole.params()));

    let mut whole = trainer(&Device::cpu());
    let wanted = whole.fit(&data(), Fit { steps: Some(10), ..quiet() }).unwrap();
    let mut checkpoints = Checkpoints::new(&folder.0).every_steps(3).overwrite();
    let fit = Fit { steps: Some(6), callbacks: &mut [&mut checkpoints], ..quiet() };
    trainer(&Device::cpu()).fit(&data(), fit).unwrap();
    let file = folder.0.join("step-0000000006.safetensors");
    let (_, history) = resumed(&file, Some(6));
    assert_eq!((history.ended(), history.rows().len()), (Some("6 steps are made"), 2));
    let (further, history) = resumed(&file, Some(10));
    assert_eq!(history.ended(), Some("10 steps are made"));
    assert_eq!(bits(further.params()), bits(whole.params()));
    same_rows(&history, &wanted);
}

/// Everything that has a memory, at once: averages of weights, a scale of the loss, a schedule, callbacks.
fn elaborate(bomb: u64, mut checkpoints: Option<Checkpoints>) -> (Params, Tensor, Option<History>) {
    let (params, rate) = (Params::new(&Device::cpu(), 7), Cosine::new(0.02, 30));
    let layer = Linear::new(params.at("fc"), 64, 10);
    let ema = Ema::new(&params, 0.9).unwrap().corrected();
    let mut trainer = Trainer::new(layer, params.clone(), cross_entropy, ema.around(Adam::default()));
    // nothing is ever so much better, so every epoch lowers the rate
    let mut plateau =
        PlateauRate::new(ReduceOnPlateau::new(0.02).patience(1).threshold(Threshold::Relative(0.9)));
    let mut stopping = EarlyStopping::new(9).restore_best(false);
    let data = digits::load().unwrap().with_input_shape([64]).unwrap().take(100);
    let state = checkpoints.as_mut().and_then(|checkpoints| checkpoints.resume(&params).unwrap());
    let mut bomb = Bomb(bomb);
    let mut callbacks: Vec<&mut dyn Callback> = vec![&mut plateau, &mut stopping, &mut bomb];
    if let Some(checkpoints) = &mut checkpoints {
        callbacks.push(checkpoints);
    }
    let fit = Fit {
        mixed_precision: true,
        schedule: Some(&rate),
        epochs: 7,
        accumulate: 2,
        batch_size: 16,
        resume: state.as_ref(),
        callbacks: &mut callbacks,
        ..quiet()
    };
    let history = trainer.fit(&data, fit).inspect_err(|error| eprintln!("{error}")).ok();
    (params, ema.get("fc.weight").unwrap(), history)
}

#[test]
fn everything_with_a_memory_goes_on() {
    let folder = Folder::new("memory");
    let (params, average, wanted) = elaborate(0, None);
    let wanted = wanted.unwrap();
    let rates: Vec<f32> = wanted.rows().iter().map(|row| row.learning_rate).collect();
    assert!(rates[6] < 0.3 * rates[0], "{rates:?}");
    let checkpoints = || Some(Checkpoints::new(&folder.0).every_steps(3));
    for bomb in [8, 20] {
        assert!(elaborate(bomb, checkpoints()).2.is_none());
    }
    let (later, later_average, history) = elaborate(0, checkpoints());
    assert_eq!(bits(&later), bits(&params));
    assert_eq!(later_average.to_vec::<f32>().unwrap(), average.to_vec::<f32>().unwrap());
    same_rows(&history.unwrap(), &wanted);
}
