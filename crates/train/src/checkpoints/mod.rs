//! Checkpoints of a training run.

mod folder;
mod json;
mod saved;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anygrad_nn::{Checkpoint, Params};

use crate::{Callback, EpochRow, Flow, Monitor, Result, TrainError, TrainState, Training};

/// The name of the file with the best parameters.
const BEST: &str = "best.safetensors";

/// Saves a training run every so often, keeps the last few checkpoints and the best, and goes on from the newest that
/// is complete: a killed run that goes on gives the bits of one that was never killed, also from the middle of an
/// epoch.
///
/// A checkpoint is one safetensors file: parameters, buffers, the optimizer's state, and the [`TrainState`]: epoch,
/// steps, seed, the sums of the epoch at hand, the states of all callbacks, the history. It carries a CRC-32 over all
/// of its bytes, and is written under another name, synced and renamed: a file with a final name is complete.
/// [`Params::load`] reads its parameters alone.
///
/// A program that is started again with the same command goes on where it was:
///
/// ```
/// use anygrad_data::synthetic;
/// use anygrad_graph::Device;
/// use anygrad_nn::{Adam, Linear, Params, cross_entropy};
/// use anygrad_train::{Checkpoints, Fit, Monitor, Progress, Result, Trainer};
/// # let folder = std::env::temp_dir().join(format!("anygrad-doc-checkpoints-{}", std::process::id()));
///
/// let (data, validation) = synthetic::blobs(200, 3, 0.1, 7)?.split(0.8, 1)?;
/// let run = |epochs| -> Result<Trainer<_, _, _>> {
///     let params = Params::new(&Device::cpu(), 42);
///     let model = Linear::new(params.at("fc"), 2, 3);
///     let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
///     let mut checkpoints =
///         Checkpoints::new(&folder).every_steps(2).keep(3).best(Monitor::lowest("val_loss"));
///     let state = checkpoints.resume(trainer.params())?;
///     let fit = Fit { epochs, validation: Some(&validation), progress: Progress::hidden(), ..Fit::default() };
///     trainer.fit(&data, Fit { resume: state.as_ref(), callbacks: &mut [&mut checkpoints], ..fit })?;
///     Ok(trainer)
/// };
/// run(1)?;
/// let trainer = run(3)?; // epochs 2 and 3
/// assert_eq!((trainer.steps(), trainer.history().rows().len()), (9, 3));
///
/// // for use: the best parameters of all epochs
/// let params = Params::new(&Device::cpu(), 42);
/// let model = Linear::new(params.at("fc"), 2, 3);
/// params.load(folder.join("best.safetensors"))?;
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// Put it behind the other callbacks in [`Fit::callbacks`](crate::Fit::callbacks), so that it saves what they have
/// made of the same step. Their order must be the same when a run goes on.
///
/// One thing is not in a checkpoint: the copy of the best weights that
/// [`EarlyStopping`](crate::callbacks::EarlyStopping) holds. A run that may be killed asks for
/// [`best`](Checkpoints::best) here and loads that file at the end.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    every: Every,
    keep: usize,
    overwrite: bool,
    best: Option<Monitor>,
    /// The best value so far.
    best_value: Option<f64>,
    saved: Option<(u64, Instant)>,
    skipped: Vec<(PathBuf, String)>,
}

/// When to save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Every {
    Epochs(usize),
    Steps(u64),
    Time(Duration),
}

impl Checkpoints {
    /// Checkpoints in `folder`, which is made if need be: after every epoch, of which the last three are kept.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self {
            folder: folder.as_ref().to_owned(),
            every: Every::Epochs(1),
            keep: 3,
            overwrite: false,
            best: None,
            best_value: None,
            saved: None,
            skipped: Vec::new(),
        }
    }

    /// Saves after every so many epochs.
    #[must_use]
    pub fn every_epochs(self, epochs: usize) -> Self {
        Self { every: Every::Epochs(epochs), ..self }
    }

    /// Saves after every so many steps of the run.
    #[must_use]
    pub fn every_steps(self, steps: u64) -> Self {
        Self { every: Every::Steps(steps), ..self }
    }

    /// Saves after the first step that ends so long after the last checkpoint.
    #[must_use]
    pub fn every(self, time: Duration) -> Self {
        Self { every: Every::Time(time), ..self }
    }

    /// How many checkpoints are kept, the newest ones; 3. With one alone, a disk that damages it costs the run.
    #[must_use]
    pub fn keep(self, count: usize) -> Self {
        Self { keep: count, ..self }
    }

    /// Also keeps the checkpoint of the best epoch, as `best.safetensors`.
    #[must_use]
    pub fn best(self, monitor: Monitor) -> Self {
        Self { best: Some(monitor), ..self }
    }

    /// Lets a run begin anew in a folder that holds checkpoints, and removes them. Otherwise that is an error, since
    /// they could not be told from those of the new run.
    #[must_use]
    pub fn overwrite(self) -> Self {
        Self { overwrite: true, ..self }
    }

    /// The newest complete checkpoint: makes `params` what they were, and gives the state for
    /// [`Fit::resume`](crate::Fit::resume). `None` if there is no checkpoint at all. One that is damaged is left out
    /// in favour of the one before; standard error says so, and [`skipped`](Checkpoints::skipped).
    ///
    /// # Errors
    /// All checkpoints are damaged; the model is another; a file cannot be read.
    pub fn resume(&mut self, params: &Params) -> Result<Option<TrainState>> {
        match self.latest_valid()? {
            Some(path) => TrainState::load(path, params).map(Some),
            None => Ok(None),
        }
    }

    /// The newest complete checkpoint in the folder; see [`resume`](Checkpoints::resume).
    ///
    /// # Errors
    /// All checkpoints are damaged; the folder cannot be read.
    pub fn latest_valid(&mut self) -> Result<Option<PathBuf>> {
        self.skipped.clear();
        let found = folder::list(&self.folder)?;
        for (_, path) in found.into_iter().rev() {
            match Checkpoint::read_notes(&path) {
                Ok(_) => return Ok(Some(path)),
                Err(error) => {
                    eprintln!("skipped a checkpoint: {error}");
                    self.skipped.push((path, error.to_string()));
                }
            }
        }
        match self.skipped.last() {
            None => Ok(None),
            Some((_, message)) => {
                let message = format!(
                    "none of {} checkpoints is complete; the last error: {message}",
                    self.skipped.len()
                );
                Err(TrainError::Checkpoint { path: self.folder.clone(), message })
            }
        }
    }

    /// The files that [`resume`](Checkpoints::resume) left out, and why.
    pub fn skipped(&self) -> &[(PathBuf, String)] {
        &self.skipped
    }

    /// The file of the best epoch; there once an epoch is over.
    pub fn best_path(&self) -> PathBuf {
        self.folder.join(BEST)
    }

    /// The best value so far of what [`best`](Checkpoints::best) watches.
    pub fn best_value(&self) -> Option<f64> {
        self.best_value
    }

    fn check(&self) -> Result<()> {
        let setting = match (self.every, self.keep) {
            (Every::Epochs(0), _) => "every_epochs",
            (Every::Steps(0), _) => "every_steps",
            (_, 0) => "keep",
            _ => return Ok(()),
        };
        Err(TrainError::Setting { message: format!("checkpoints: {setting} is 0; it must be at least 1") })
    }

    /// The state of the run, with that of this callback.
    fn state_of(&self, training: &Training<'_>) -> Result<TrainState> {
        let mut state = training.state()?;
        if let Some(own) = state.callbacks.get_mut(training.place) {
            *own = self.state();
        }
        Ok(state)
    }

    fn save(&mut self, training: &Training<'_>) -> Result<()> {
        let step = training.run_steps();
        self.state_of(training)?.save(self.folder.join(folder::name(step)), training.params())?;
        self.saved = Some((step, Instant::now()));
        folder::prune(&self.folder, self.keep)
    }
}

impl Callback for Checkpoints {
    fn begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.check()?;
        fs::create_dir_all(&self.folder).map_err(|error| folder::failed(&self.folder, error))?;
        let step = training.run_steps();
        self.saved = Some((step, Instant::now()));
        if step > 0 {
            return folder::abandon_after(&self.folder, step);
        }
        self.best_value = None;
        let found = folder::list(&self.folder)?;
        if found.is_empty() {
            return Ok(());
        }
        if !self.overwrite {
            let count = found.len();
            let message = format!(
                "holds {count} checkpoints of another run: resume it, overwrite it, or take another folder"
            );
            return Err(TrainError::Checkpoint { path: self.folder.clone(), message });
        }
        found.iter().try_for_each(|(_, path)| folder::remove(path))?;
        folder::remove(&self.best_path())
    }

    fn end_step(&mut self, training: &mut Training<'_>) -> Result<Flow> {
        let due = match self.every {
            Every::Epochs(_) => false,
            Every::Steps(steps) => training.run_steps().is_multiple_of(steps.max(1)),
            Every::Time(time) => self.saved.is_none_or(|(_, at)| at.elapsed() >= time),
        };
        if due {
            self.save(training)?;
        }
        Ok(Flow::Continue)
    }

    fn end_epoch(&mut self, row: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        if let Some(monitor) = &self.best {
            let value = monitor.value(row)?;
            if value.is_some_and(|value| monitor.improves(value, self.best_value)) {
                self.best_value = value;
                self.state_of(training)?.save(self.best_path(), training.params())?;
            }
        }
        if matches!(self.every, Every::Epochs(epochs) if row.epoch.is_multiple_of(epochs.max(1))) {
            self.save(training)?;
        }
        Ok(Flow::Continue)
    }

    /// Saves how it ended.
    fn end(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.save(training)
    }

    fn state(&self) -> Vec<f64> {
        self.best_value.into_iter().collect()
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.best_value = state.first().copied();
        Ok(())
    }
}
