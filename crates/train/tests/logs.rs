//! Logs of a run: what they hold, and what becomes of them when a run goes on.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use anygrad_data::{Dataset, synthetic};
use anygrad_graph::Device;
use anygrad_nn::{Adam, Linear, Params, cross_entropy};
use anygrad_train::{
    Callback, Checkpoints, CsvLogger, Fit, Flow, JsonLogger, Progress, Result, SummaryWriter, TensorBoard,
    TrainError, Trainer, Training, Validate,
};
use serde_json::Value;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("anygrad-logs-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn data() -> (Dataset, Dataset) {
    synthetic::blobs(120, 3, 0.2, 3).unwrap().split(0.8, 1).unwrap()
}

/// Ends the run with an error after a step.
struct Bomb(u64);

impl Callback for Bomb {
    fn end_step(&mut self, training: &mut Training<'_>) -> Result<Flow> {
        match training.run_steps() == self.0 {
            true => Err(TrainError::Setting { message: "killed".to_owned() }),
            false => Ok(Flow::Continue),
        }
    }
}

/// Three steps an epoch; checkpoints at every second step.
fn run(folder: &Folder, bomb: u64) -> Result<()> {
    let (train, validation) = data();
    let params = Params::new(&Device::cpu(), 5);
    let model = Linear::new(params.at("fc"), 2, 3);
    let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
    let mut checkpoints = Checkpoints::new(folder.0.join("checkpoints")).every_steps(2);
    let state = checkpoints.resume(trainer.params())?;
    let mut csv = CsvLogger::new(folder.0.join("log.csv"));
    let mut jsonl = JsonLogger::new(folder.0.join("log.jsonl")).every_steps(1);
    let mut board = TensorBoard::new(folder.0.join("board")).every_steps(1).histograms(true);
    let fit = Fit {
        epochs: 4,
        batch_size: 32,
        validation: Some(&validation),
        validate: Validate::Epochs(2),
        resume: state.as_ref(),
        callbacks: &mut [&mut csv, &mut jsonl, &mut board, &mut Bomb(bomb), &mut checkpoints],
        progress: Progress::hidden(),
        ..Fit::default()
    };
    trainer.fit(&train, fit).map(drop)
}

fn lines(folder: &Folder) -> Vec<Value> {
    let text = fs::read_to_string(folder.0.join("log.jsonl")).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("seconds")));
    lines
}

fn table(folder: &Folder) -> Vec<String> {
    let text = fs::read_to_string(folder.0.join("log.csv")).unwrap();
    text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect()
}

#[test]
fn logs_of_a_run_that_goes_on_are_those_of_one_that_was_not_interrupted() {
    let (whole, broken) = (Folder::new("whole"), Folder::new("broken"));
    run(&whole, 0).unwrap();
    assert_eq!(
        table(&whole)[0],
        "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate"
    );
    assert!(table(&whole)[1].starts_with("1,") && table(&whole)[1].contains(",,,"), "{:?}", table(&whole));
    let events: Vec<String> =
        lines(&whole).iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect();
    let epoch = ["step", "step", "step", "epoch"];
    assert_eq!(events, [epoch; 4].concat());
    let second = &lines(&whole)[7];
    assert_eq!((second["epoch"].as_u64(), second["run_steps"].as_u64()), (Some(2), Some(6)));
    for name in ["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"] {
        assert!(second[name].is_f64(), "{name} in {second}");
    }

    // killed at step 7, after the checkpoint of step 6 and the row of epoch 2
    assert!(run(&broken, 7).is_err());
    assert_eq!((lines(&broken).len(), table(&broken).len()), (9, 3));
    // half a line, as a kill may leave it
    let path = broken.0.join("log.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}{{\"event\":\"st")).unwrap();
    // and again in the epoch that follows
    assert!(run(&broken, 11).is_err());
    run(&broken, 0).unwrap();
    assert_eq!(lines(&broken), lines(&whole));
    assert_eq!(table(&broken), table(&whole));
    // each of the three runs has an event file of its own
    assert_eq!(fs::read_dir(broken.0.join("board/train")).unwrap().count(), 3);
    assert_eq!(fs::read_dir(whole.0.join("board/validation")).unwrap().count(), 1);
}

#[test]
fn settings_and_shapes_are_checked() {
    let folder = Folder::new("errors");
    let params = Params::new(&Device::cpu(), 5);
    let model = Linear::new(params.at("fc"), 2, 3);
    let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
    let mut error = |callback: &mut dyn Callback| {
        let fit = Fit { callbacks: &mut [callback], progress: Progress::hidden(), ..Fit::default() };
        trainer.fit(&data().0, fit).unwrap_err().to_string()
    };
    let message = error(&mut JsonLogger::new(folder.0.join("x")).every_steps(0));
    assert_eq!(message, "fit: JsonLogger: every_steps is 0; it must be at least 1");
    let message = error(&mut TensorBoard::new(&folder.0).every_steps(0));
    assert_eq!(message, "fit: TensorBoard: every_steps is 0; it must be at least 1");
    fs::create_dir_all(folder.0.join("log.csv")).unwrap();
    assert!(error(&mut CsvLogger::new(folder.0.join("log.csv"))).contains("log.csv"));

    let mut writer = SummaryWriter::new(&folder.0).unwrap();
    for (pixels, shape) in [(6, [1, 2, 2]), (5, [1, 2, 3]), (0, [0, 2, 3]), (1, [usize::MAX, usize::MAX, 3])]
    {
        let message = writer.add_image("x", &vec![0; pixels], shape, 0).unwrap_err().to_string();
        assert!(
            message.contains(&format!("add_image: x has shape {shape:?} and {pixels} bytes")),
            "{message}"
        );
    }
}

/// Writes a file with one value of every kind; `tests/interop/tensorboard_check.py` reads what this leaves behind if
/// `ANYGRAD_EVENTS` names a folder.
#[test]
fn event_files_hold_every_kind_of_value() {
    let folder = Folder::new("events");
    let target = std::env::var("ANYGRAD_EVENTS").map_or_else(|_| folder.0.clone(), PathBuf::from);
    let mut writer = SummaryWriter::new(target.join("first")).unwrap();
    for step in 0..5u64 {
        writer.add_scalar("loss", 1.0 / (1.0 + step as f32), step).unwrap();
    }
    let values: Vec<f32> =
        (0..1000).map(|i| ((i * 37 % 1000) as f32 - 500.0) / 250.0).chain([f32::NAN]).collect();
    writer.add_histogram("weights", &values, 2).unwrap();
    writer.add_histogram("nothing", &[], 2).unwrap();
    writer.add_text("note", "a *short* run, with \u{fc}mlauts", 4).unwrap();
    let pixels: Vec<u8> = (0..300 * 200 * 3).map(|i| (i % 251) as u8).collect();
    writer.add_image("picture", &pixels, [300, 200, 3], 2).unwrap();
    writer
        .add_hparams(
            &[("rate", 0.1.into()), ("optimizer", "adam".into()), ("nesterov", true.into())],
            &[("accuracy", 0.9)],
        )
        .unwrap();
    writer.flush().unwrap();
    // goes on at step 3: the old values of steps 3 and 4 are to be forgotten
    let mut writer = SummaryWriter::resumed(target.join("first"), 3).unwrap();
    writer.add_scalar("loss", 7.0, 3).unwrap();
    // frames: a length, its checksum, the bytes, their checksum
    let bytes = fs::read(writer.path()).unwrap();
    let (mut at, mut records) = (0, 0);
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        at += length as usize + 16;
        records += 1;
    }
    assert_eq!((at, records), (bytes.len(), 3));
}
