//! A training run that is killed at any moment, and goes on, ends with the bits of one that was not.
//!
//! `ANYGRAD_KILLS` says how many kills; 20. The child is this program itself, started with the test `child` alone.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anygrad_data::{Dataset, digits};
use anygrad_graph::Device;
use anygrad_nn::{
    Adam, BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, Params, Sequential, cross_entropy, relu,
};
use anygrad_train::{
    Callback, Checkpoints, CsvLogger, EpochRow, Fit, Flow, History, JsonLogger, Monitor, Progress, Result,
    TrainState, Trainer, Training, Validate,
};

const FOLDER: &str = "ANYGRAD_TEST_KILLS_FOLDER";

fn model(params: &Params) -> Sequential {
    Sequential::new()
        .then(Conv2d::new(params.at("conv"), 1, 4, 3))
        .then(BatchNorm2d::new(params.at("norm"), 4))
        .then(relu)
        .then(MaxPool2d::new(2))
        .then(Flatten)
        .then(Dropout::new(0.3))
        .then(Linear::new(params.at("fc"), 4 * 3 * 3, 10))
}

fn data() -> (Dataset, Dataset) {
    let data = digits::load().unwrap().with_input_shape([1, 8, 8]).unwrap().take(250);
    data.split(0.8, 3).unwrap()
}

/// Lowers the rate after every epoch, by a count of its own: something with a memory.
#[derive(Default)]
struct Cautious(i32);

impl Callback for Cautious {
    fn end_epoch(&mut self, _: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        self.0 += 1;
        training.set_learning_rate(0.02 * 0.8f64.powi(self.0))?;
        Ok(Flow::Continue)
    }
    fn state(&self) -> Vec<f64> {
        vec![f64::from(self.0)]
    }
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.0 = state[0] as i32;
        Ok(())
    }
}

/// All of a history but the time it took.
fn report(history: &History) -> String {
    let row = |row: &EpochRow| {
        format!("{} {:?} {:?} {}\n", row.epoch, row.train, row.validation, row.learning_rate)
    };
    let rows: String = history.rows().iter().map(row).collect();
    format!("{rows}{:?}\n{:?}\n{:?}", history.step_validations(), history.step_losses(), history.ended())
}

/// Trains in the folder, or goes on with what was trained there, and leaves `final.safetensors`.
fn train(folder: &Path) {
    let (data, validation) = data();
    let params = Params::new(&Device::cpu(), 11);
    let mut trainer = Trainer::new(model(&params), params, cross_entropy, Adam::default());
    let mut checkpoints = Checkpoints::new(folder).every_steps(2).keep(3).best(Monitor::lowest("val_loss"));
    let state = checkpoints.resume(trainer.params()).unwrap();
    let (mut cautious, mut table) = (Cautious::default(), CsvLogger::new(folder.join("log.csv")));
    let mut lines = JsonLogger::new(folder.join("log.jsonl")).every_steps(3);
    let fit = Fit {
        epochs: 6,
        batch_size: 32,
        learning_rate: 0.02,
        validation: Some(&validation),
        validate: Validate::Steps(5),
        keep_step_losses: true,
        steps: Some(40),
        resume: state.as_ref(),
        callbacks: &mut [&mut cautious, &mut table, &mut lines, &mut checkpoints],
        progress: Progress::hidden(),
        ..Fit::default()
    };
    let history = trainer.fit(&data, fit).unwrap();
    fs::write(folder.join("history.txt"), report(&history)).unwrap();
    trainer.params().save_with_state(folder.join("final.safetensors")).unwrap();
}

/// Does nothing unless the tests below start it.
#[test]
fn child() {
    if let Ok(folder) = std::env::var(FOLDER) {
        train(Path::new(&folder));
    }
}

fn start(folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child"]).env(FOLDER, folder).stdout(Stdio::null()).stderr(Stdio::inherit());
    command.spawn().unwrap()
}

/// What a finished run leaves: the weights with all state, the history, and the logs without their times.
fn outcome(folder: &Path) -> (Vec<u8>, String, Vec<u8>, String, String) {
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let without =
        |text: String, cut: &dyn Fn(&str) -> String| text.lines().map(cut).collect::<Vec<_>>().join("\n");
    let table = without(text("log.csv"), &|line| line.rsplit_once(',').unwrap().0.to_owned());
    let lines = without(text("log.jsonl"), &|line| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("seconds");
        line.to_string()
    });
    let best = anygrad_nn::Params::new(&Device::cpu(), 1);
    let _ = model(&best);
    best.load(folder.join("best.safetensors")).unwrap();
    let best = best.get("fc.weight").unwrap().to_vec::<f32>().unwrap();
    let best = best.iter().flat_map(|x| x.to_le_bytes()).collect();
    (fs::read(folder.join("final.safetensors")).unwrap(), text("history.txt"), best, table, lines)
}

/// A folder that is removed at the end, also of a test that fails.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("anygrad-kills-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Every checkpoint with a final name is complete; how many unfinished ones there are.
fn check(folder: &Path) -> usize {
    let mut unfinished = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".tmp") {
            unfinished += 1;
        } else if name.starts_with("step-") || name.starts_with("best") {
            TrainState::read(&path).unwrap();
        }
    }
    unfinished
}

#[test]
fn a_killed_run_that_goes_on_ends_with_the_same_bits() {
    let wanted_kills: usize = std::env::var("ANYGRAD_KILLS").map_or(20, |text| text.parse().unwrap());
    let whole = Folder::new("whole");
    let began = Instant::now();
    assert!(start(&whole.0).wait().unwrap().success());
    let time = began.elapsed();
    let wanted = outcome(&whole.0);
    assert!(wanted.1.contains("40 steps are made"), "{}", wanted.1);

    // moments without a pattern, the same in every run of the test
    let mut random = 0x2545_f491_4f6c_dd1du64;
    let mut moment = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        time.mul_f64((random >> 40) as f64 / (1u64 << 24) as f64)
    };
    let (mut kills, mut runs, mut unfinished, mut resumed) = (0, 0, 0, 0);
    while kills < wanted_kills {
        let folder = Folder::new("killed");
        loop {
            let mut child = start(&folder.0);
            let end = Instant::now() + moment().max(time / 4);
            let mut killed = false;
            while child.try_wait().unwrap().is_none() {
                if Instant::now() >= end && kills < wanted_kills {
                    child.kill().unwrap();
                    killed = true;
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            let status = child.wait().unwrap();
            unfinished += check(&folder.0);
            if status.success() {
                break;
            }
            assert!(killed, "the child failed by itself: {status}");
            kills += 1;
            resumed += usize::from(Checkpoints::new(&folder.0).latest_valid().unwrap().is_some());
        }
        runs += 1;
        let found = outcome(&folder.0);
        assert!(found.0 == wanted.0, "other weights after {kills} kills");
        assert_eq!(found.1, wanted.1, "another history");
        assert!(found.2 == wanted.2, "another best model");
        assert_eq!(found.3, wanted.3, "another log.csv");
        assert_eq!(found.4, wanted.4, "another log.jsonl");
    }
    eprintln!(
        "{kills} kills in {runs} runs of {time:?}: {resumed} went on from a checkpoint, {unfinished} in the middle of \
         writing one; {:?}",
        began.elapsed()
    );
    assert!(resumed * 2 > kills, "too few kills hit a run that had a checkpoint");
}
