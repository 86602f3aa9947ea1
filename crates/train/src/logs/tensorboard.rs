use std::path::{Path, PathBuf};

use anygrad_graph::DType;
use anygrad_nn::Kind;

use crate::{Callback, EpochRow, Flow, Result, Scores, SummaryWriter, TrainError, Training};

/// Shows a run in TensorBoard: `tensorboard --logdir runs`.
///
/// As in Keras there are two runs below the folder, `train` and `validation`, so that TensorBoard draws both curves of
/// `epoch_loss` and of every metric into one chart; `epoch_learning_rate`, and `batch_loss` and histograms of the
/// parameters if asked, are in `train`. Everything stands at the number of steps of the run.
///
/// A run that goes on ([`Fit::resume`](crate::Fit::resume)) tells TensorBoard to forget the later steps.
///
/// ```
/// use anygrad_data::synthetic;
/// use anygrad_graph::Device;
/// use anygrad_nn::{Adam, Linear, Params, cross_entropy};
/// use anygrad_train::{Fit, Progress, TensorBoard, Trainer};
/// # let folder = std::env::temp_dir().join(format!("anygrad-doc-tensorboard-{}", std::process::id()));
/// let params = Params::new(&Device::cpu(), 42);
/// let model = Linear::new(params.at("fc"), 2, 3);
/// let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
/// let mut board = TensorBoard::new(folder.join("run1")).every_steps(10).histograms(true);
/// let fit = Fit { epochs: 2, progress: Progress::hidden(), ..Fit::default() };
/// trainer.fit(&synthetic::blobs(90, 3, 0.1, 7)?, Fit { callbacks: &mut [&mut board], ..fit })?;
/// assert_eq!(std::fs::read_dir(folder.join("run1/train")).expect("the folder").count(), 1);
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Debug)]
pub struct TensorBoard {
    folder: PathBuf,
    every_steps: Option<u64>,
    histograms: bool,
    train: Option<SummaryWriter>,
    validation: Option<SummaryWriter>,
    /// Where the run went on.
    resumed: u64,
}

impl TensorBoard {
    /// Writes event files to `folder/train` and `folder/validation`; they are made.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref().to_owned();
        Self { folder, every_steps: None, histograms: false, train: None, validation: None, resumed: 0 }
    }

    /// Also writes the loss of every so many steps, which then wait for the device.
    #[must_use]
    pub fn every_steps(self, steps: u64) -> Self {
        Self { every_steps: Some(steps), ..self }
    }

    /// Whether the distribution of every parameter is written after every epoch, under its path; false.
    #[must_use]
    pub fn histograms(self, on: bool) -> Self {
        Self { histograms: on, ..self }
    }

    /// The event file of one part, which is made at its first value.
    fn writer(&mut self, part: &str) -> Result<&mut SummaryWriter> {
        let (folder, step) = (self.folder.join(part), self.resumed);
        let writer = if part == "train" { &mut self.train } else { &mut self.validation };
        let made = match writer.take() {
            Some(writer) => writer,
            None if step > 0 => SummaryWriter::resumed(folder, step.saturating_add(1))?,
            None => SummaryWriter::new(folder)?,
        };
        Ok(writer.insert(made))
    }

    fn scores(&mut self, part: &str, prefix: &str, scores: &Scores, step: u64) -> Result<()> {
        let writer = self.writer(part)?;
        writer.add_scalar(&format!("{prefix}_loss"), scores.loss, step)?;
        let mut metrics = scores.metrics.iter();
        metrics.try_for_each(|(name, value)| writer.add_scalar(&format!("{prefix}_{name}"), *value, step))
    }

    fn parameters(&mut self, training: &Training<'_>, step: u64) -> Result<()> {
        for entry in training.params().iter().filter(|entry| entry.kind == Kind::Parameter) {
            let values = entry.tensor.to_dtype(DType::F32).to_vec::<f32>()?;
            self.writer("train")?.add_histogram(&entry.path, &values, step)?;
        }
        Ok(())
    }
}

impl Callback for TensorBoard {
    fn begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        if self.every_steps == Some(0) {
            let message = "TensorBoard: every_steps is 0; it must be at least 1".to_owned();
            return Err(TrainError::Setting { message });
        }
        (self.train, self.validation, self.resumed) = (None, None, training.run_steps());
        Ok(())
    }

    fn end_step(&mut self, training: &mut Training<'_>) -> Result<Flow> {
        let step = training.run_steps();
        if self.every_steps.is_some_and(|every| step.is_multiple_of(every.max(1))) {
            let (loss, rate) = (training.loss()?, training.learning_rate() as f32);
            let writer = self.writer("train")?;
            writer.add_scalar("batch_loss", loss, step)?;
            writer.add_scalar("batch_learning_rate", rate, step)?;
        }
        Ok(Flow::Continue)
    }

    fn end_validation(&mut self, scores: &Scores, training: &mut Training<'_>) -> Result<Flow> {
        self.scores("validation", "evaluation", scores, training.run_steps())?;
        Ok(Flow::Continue)
    }

    fn end_epoch(&mut self, row: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        let step = training.run_steps();
        self.scores("train", "epoch", &row.train, step)?;
        self.writer("train")?.add_scalar("epoch_learning_rate", row.learning_rate, step)?;
        if let Some(scores) = &row.validation {
            self.scores("validation", "epoch", scores, step)?;
        }
        if self.histograms {
            self.parameters(training, step)?;
        }
        Ok(Flow::Continue)
    }
}
