use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{append, replace};
use crate::{Callback, EpochRow, Flow, Result, Scores, TrainError, Training};

/// Writes a JSON object a line as the run goes: of every epoch, of every validation in the middle of one, and of every
/// so many steps if asked. Names are those of Keras: `loss`, `accuracy`, `val_loss`; `run_steps` counts the steps of
/// the run, `event` says what the line is of: `"epoch"`, `"validation"` or `"step"`. A number that is not finite is
/// `null`.
///
/// A run begins the file anew. A run that goes on ([`Fit::resume`](crate::Fit::resume)) keeps the lines up to there;
/// later ones, and half a line at the end, are dropped.
///
/// ```
/// use anygrad_data::synthetic;
/// use anygrad_graph::Device;
/// use anygrad_nn::{Adam, Linear, Params, cross_entropy};
/// use anygrad_train::{Fit, JsonLogger, Progress, Trainer};
/// # let folder = std::env::temp_dir().join(format!("anygrad-doc-jsonl-{}", std::process::id()));
/// let params = Params::new(&Device::cpu(), 42);
/// let model = Linear::new(params.at("fc"), 2, 3);
/// let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
/// let mut log = JsonLogger::new(folder.join("log.jsonl")).every_steps(2);
/// let fit = Fit { epochs: 2, progress: Progress::hidden(), ..Fit::default() };
/// trainer.fit(&synthetic::blobs(192, 3, 0.1, 7)?, Fit { callbacks: &mut [&mut log], ..fit })?;
/// let text = std::fs::read_to_string(folder.join("log.jsonl")).expect("the log");
/// let events: Vec<&str> = text.lines().filter_map(|line| line.split('"').nth(5)).collect();
/// assert_eq!(events.len(), 5); // steps 2, 4 and 6, and two epochs
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Debug)]
pub struct JsonLogger {
    path: PathBuf,
    every_steps: Option<u64>,
}

impl JsonLogger {
    /// Writes to the file `path`; folders above it are made.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), every_steps: None }
    }

    /// Also writes the loss and the learning rate of every so many steps, which then wait for the device.
    #[must_use]
    pub fn every_steps(self, steps: u64) -> Self {
        Self { every_steps: Some(steps), ..self }
    }

    fn write(&self, event: &str, training: &Training<'_>, rest: Vec<(String, Value)>) -> Result<()> {
        let mut line = Map::new();
        line.insert("event".to_owned(), event.into());
        line.insert("epoch".to_owned(), training.epoch().into());
        line.insert("run_steps".to_owned(), training.run_steps().into());
        line.extend(rest);
        append(&self.path, &format!("{}\n", Value::Object(line)))
    }

    /// The lines that a run which goes on keeps.
    fn kept(&self, training: &Training<'_>) -> Result<String> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
            Err(source) => return Err(TrainError::Io { path: self.path.clone(), source }),
        };
        let history = training.history();
        let is_past = |line: &Value| {
            let number = |name: &str| line.get(name).and_then(Value::as_u64);
            let (epoch, steps) = (number("epoch")?, number("run_steps")?);
            // what the history does not have will happen again
            Some(match line.get("event")?.as_str()? {
                "epoch" => history.rows().iter().any(|row| row.epoch as u64 == epoch),
                "validation" => history.step_validations().iter().any(|(step, _)| *step == steps),
                _ => steps <= training.run_steps(),
            })
        };
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let keeps =
            |line: &&str| serde_json::from_str(line).ok().and_then(|line| is_past(&line)).unwrap_or(false);
        Ok(whole.filter(keeps).collect())
    }
}

/// A float in as few digits as tell it from its neighbours.
fn float(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

fn scores(prefix: &str, scores: &Scores) -> Vec<(String, Value)> {
    let metrics = scores.metrics.iter().map(|(name, value)| (name.as_str(), *value));
    let all = std::iter::once(("loss", scores.loss)).chain(metrics);
    all.map(|(name, value)| (format!("{prefix}{name}"), float(value))).collect()
}

impl Callback for JsonLogger {
    fn begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        if self.every_steps == Some(0) {
            let message = "JsonLogger: every_steps is 0; it must be at least 1".to_owned();
            return Err(TrainError::Setting { message });
        }
        let kept = if training.run_steps() > 0 { self.kept(training)? } else { String::new() };
        replace(&self.path, &kept)
    }

    fn end_step(&mut self, training: &mut Training<'_>) -> Result<Flow> {
        if self.every_steps.is_some_and(|every| training.run_steps().is_multiple_of(every.max(1))) {
            let rate = float(training.learning_rate() as f32);
            let rest = [("loss", float(training.loss()?)), ("learning_rate", rate)];
            self.write("step", training, rest.map(|(name, value)| (name.to_owned(), value)).to_vec())?;
        }
        Ok(Flow::Continue)
    }

    fn end_validation(&mut self, found: &Scores, training: &mut Training<'_>) -> Result<Flow> {
        self.write("validation", training, scores("val_", found))?;
        Ok(Flow::Continue)
    }

    fn end_epoch(&mut self, row: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        let mut rest = scores("", &row.train);
        rest.extend(row.validation.iter().flat_map(|validation| scores("val_", validation)));
        rest.push(("learning_rate".to_owned(), float(row.learning_rate)));
        rest.push(("seconds".to_owned(), row.seconds.into()));
        self.write("epoch", training, rest)?;
        Ok(Flow::Continue)
    }
}
