use std::panic::Location;
use std::time::Instant;

use anygrad_data::{Batch, Dataset};
use anygrad_graph::{DType, Explanation, Tensor, explain, recorded_at};
use anygrad_nn::{Ctx, Layer, Loss, Optimizer, Params, clip_global_norm};

use crate::feed::Feed;
use crate::sums::{Sums, Totals};
use crate::{
    EpochRow, Evaluation, Fit, History, Prediction, Progress, Result, Summary, TrainError, announce,
    model_summary,
};

/// Samples at a time where nothing is trained, unless [`Trainer::evaluation_batch`] says otherwise.
const EVALUATION_BATCH: usize = 256;

/// A model with its parameters, a loss and an optimizer, ready to train.
///
/// One step is one plan: forward, backward, update and the running sums of loss and right answers. The sums stay on
/// the device and are read once an epoch. The last batch of an epoch, if it is smaller, has a plan of its own, which
/// every epoch finds again.
///
/// ```
/// use anygrad_data::synthetic;
/// use anygrad_graph::Device;
/// use anygrad_nn::{Adam, Linear, Params, Sequential, cross_entropy, tanh};
/// use anygrad_train::{Fit, Progress, Trainer};
///
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let model = Sequential::new()
///     .then(Linear::new(params.at("fc1"), 2, 16))
///     .then(tanh)
///     .then(Linear::new(params.at("fc2"), 16, 3));
/// let data = synthetic::blobs(300, 3, 0.1, 7)?;
///
/// let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
/// let history = trainer.fit(&data, Fit { epochs: 5, learning_rate: 0.05, progress: Progress::hidden(), ..Fit::default() })?;
/// assert_eq!(history.rows().len(), 5);
/// assert!(trainer.evaluate(&data)?.accuracy > Some(0.9));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub struct Trainer<M, L, O> {
    /// Where the trainer was made: the user's line, for errors.
    site: &'static Location<'static>,
    model: M,
    params: Params,
    loss: L,
    optimizer: O,
    history: History,
    /// Steps made so far, over all calls of `fit`: dropout draws anew in each.
    steps: u64,
    evaluation_batch: usize,
}

impl<M, L, O> Trainer<M, L, O>
where
    M: Layer,
    L: Loss,
    O: Optimizer,
{
    /// A trainer of `model`, whose parameters are in `params`. `loss` gets the model's output and the targets
    /// (labels `[b]` as u32, or values `[b, ..]`) and gives a scalar, the mean over the batch.
    #[track_caller]
    pub fn new(model: M, params: Params, loss: L, optimizer: O) -> Self {
        Self {
            site: Location::caller(),
            model,
            params,
            loss,
            optimizer,
            history: History::new(),
            steps: 0,
            evaluation_batch: EVALUATION_BATCH,
        }
    }

    /// Evaluates and predicts `samples` at a time instead of 256; 0 is taken as 1. Memory grows with it, the result
    /// does not depend on it but for rounding.
    #[must_use]
    pub fn evaluation_batch(self, samples: usize) -> Self {
        Self { evaluation_batch: samples.max(1), ..self }
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The parameters: to save, load or freeze them.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// How the last [`fit`](Trainer::fit) went, also one that ended with an error: all epochs that were finished.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Steps made so far, over all calls of [`fit`](Trainer::fit).
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The layers of the model with output shapes for one sample of `data`, and the numbers of parameters.
    ///
    /// # Errors
    /// The layers do not fit each other or the data; the message names the layer.
    pub fn summary(&self, data: &Dataset) -> Result<Summary> {
        let shape: Vec<usize> = std::iter::once(1).chain(data.input_shape().iter().copied()).collect();
        model_summary(&self.model, &self.params, &shape)
    }

    /// Trains on `train` and returns how it went. May be called again, to go on with another learning rate, say.
    ///
    /// # Errors
    /// A layer, the loss, the optimizer or the data is wrong, which changes nothing; the device failed; or the loss
    /// became NaN or infinite ([`TrainError::NotFinite`], which is noticed at the end of the epoch at the latest, and
    /// leaves parameters of no use). What was finished before stays in [`history`](Trainer::history).
    pub fn fit(&mut self, train: &Dataset, fit: Fit<'_>) -> Result<History> {
        self.history = History::new();
        fit.check(train)?;
        if !fit.progress.is_hidden() {
            announce(self.params.device());
        }
        let seed = fit.seed.unwrap_or(self.params.seed());
        let mut run = Run { fit, seed, steps: 0 };
        for epoch in 1..=run.fit.epochs {
            let row = self.epoch(train, &mut run, epoch)?;
            run.fit.progress.end_epoch(&row);
            let reached = run.fit.target_loss.is_some_and(|target| row.train.loss <= target);
            self.history.push(row);
            if reached || run.is_over() {
                break;
            }
        }
        Ok(self.history.clone())
    }

    fn epoch(&mut self, train: &Dataset, run: &mut Run<'_>, epoch: usize) -> Result<EpochRow> {
        let start = Instant::now();
        let batches = train.batches(run.fit.batch_size)?;
        let batches = match run.fit.shuffle {
            true => batches.shuffled_epoch(run.seed, epoch as u64),
            false => batches,
        };
        run.fit.progress.start_epoch(epoch, run.fit.epochs, batches.len());
        let mut sums = Sums::new(self.params.device());
        for batch in batches {
            let loss = self.step(&batch, run, &mut sums)?;
            run.steps += 1;
            if let Some(loss) = loss {
                self.history.push_step(loss.item()?);
            }
            let shown = match run.fit.progress.wants_loss() {
                true => Some(finite(&sums, epoch)?.loss),
                false => None,
            };
            run.fit.progress.step(shown);
            if run.is_over() {
                break;
            }
        }
        let totals = finite(&sums, epoch)?;
        let validation = match run.fit.validation {
            Some(data) => Some(self.sum_up(data)?.read()?.scores()),
            None => None,
        };
        Ok(EpochRow {
            epoch,
            train: totals.scores(),
            validation,
            learning_rate: run.fit.learning_rate as f32,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// One step, with the sums of the epoch; gives the loss if it is to be kept.
    fn step(&mut self, batch: &Batch, run: &Run<'_>, sums: &mut Sums) -> Result<Option<Tensor>> {
        let loss = self.record(batch, run, sums)?;
        // a loss that nobody holds is not written to memory
        let kept = run.fit.keep_step_losses.then_some(loss);
        self.params.eval(&sums.tensors())?;
        self.steps += 1;
        Ok(kept)
    }

    /// Records a step and leaves its updates pending in the store.
    fn record(&self, batch: &Batch, run: &Run<'_>, sums: &mut Sums) -> Result<Tensor> {
        let feed = Feed::new(batch, self.params.dtype(), self.params.device());
        let mut ctx = Ctx::train_step(run.seed, self.steps);
        // errors name the line that made the trainer
        let (output, loss) = recorded_at(self.site, || {
            let output = self.model.forward(&feed.inputs, &mut ctx);
            let loss = self.loss.loss(&output, &feed.targets);
            (output, loss)
        });
        let gradients = self.params.grad(&loss);
        let gradients = match run.fit.clip_norm {
            Some(max) => clip_global_norm(gradients, max).0,
            None => gradients,
        };
        self.optimizer.apply(&self.params, gradients, run.fit.learning_rate)?;
        sums.add(&feed, &output, &loss);
        Ok(loss)
    }

    /// What a step of `fit` on the first batch of `data` runs: the program, its kernels with what is fused into each,
    /// memory and work. The step is made, since what is overwritten in place shows only in a real one: the
    /// parameters change.
    ///
    /// # Errors
    /// As [`fit`](Trainer::fit).
    pub fn explain_step(&mut self, data: &Dataset, fit: Fit<'_>) -> Result<Explanation> {
        fit.check(data)?;
        let seed = fit.seed.unwrap_or(self.params.seed());
        let run = Run { fit: Fit { progress: Progress::hidden(), ..fit }, seed, steps: 0 };
        let Some(batch) = data.batches(run.fit.batch_size)?.into_iter().next() else {
            return Err(TrainError::NoSamples { what: "training" });
        };
        let mut sums = Sums::new(self.params.device());
        self.record(&batch, &run, &mut sums)?;
        // values that are not pending are kept by the store in any case
        let entries: Vec<Tensor> =
            self.params.iter().chain(self.params.state()).map(|entry| entry.tensor).collect();
        let roots: Vec<&Tensor> = entries.iter().chain(sums.tensors()).collect();
        let explanation = explain(&roots)?;
        drop(entries);
        self.params.eval(&sums.tensors())?;
        self.steps += 1;
        Ok(explanation)
    }

    /// The output of the model for `inputs` `[b, ..]` in evaluation mode. Recorded, not run.
    #[track_caller]
    pub fn forward(&self, inputs: &Tensor) -> Tensor {
        recorded_at(self.site, || self.model.forward(inputs, &mut Ctx::eval()))
    }

    /// The mean loss on `data` in evaluation mode, and the share of right answers if its targets are labels and the
    /// model's outputs `[b, classes]`.
    ///
    /// # Errors
    /// `data` is empty; a layer or the loss is wrong; the device failed. A loss that is NaN is no error.
    pub fn evaluate(&self, data: &Dataset) -> Result<Evaluation> {
        if data.is_empty() {
            return Err(TrainError::NoSamples { what: "evaluation" });
        }
        Ok(self.sum_up(data)?.read()?.into())
    }

    fn sum_up(&self, data: &Dataset) -> Result<Sums> {
        let mut sums = Sums::new(self.params.device());
        for batch in data.batches(self.evaluation_batch)? {
            let feed = Feed::new(&batch, self.params.dtype(), self.params.device());
            let output = self.forward(&feed.inputs);
            let loss = self.loss.loss(&output, &feed.targets);
            sums.add(&feed, &output, &loss);
            drop((feed, output, loss));
            self.params.eval(&sums.tensors())?;
        }
        Ok(sums)
    }

    /// The outputs of the model for all inputs of `data`, in evaluation mode.
    ///
    /// # Errors
    /// `data` is empty; a layer is wrong; the device failed.
    pub fn predict(&self, data: &Dataset) -> Result<Prediction> {
        let (mut values, mut shape) = (Vec::new(), Vec::new());
        for batch in data.batches(self.evaluation_batch)? {
            let feed = Feed::new(&batch, self.params.dtype(), self.params.device());
            let output = self.forward(&feed.inputs).to_dtype(DType::F32);
            values.extend(output.to_vec::<f32>()?);
            shape = output.shape().to_vec();
        }
        match shape.first_mut() {
            Some(count) => *count = data.len(),
            None => return Err(TrainError::NoSamples { what: "prediction" }),
        }
        Ok(Prediction { values, shape })
    }
}

/// One call of `fit`.
struct Run<'a> {
    fit: Fit<'a>,
    seed: u64,
    /// Steps of this call.
    steps: usize,
}

impl Run<'_> {
    fn is_over(&self) -> bool {
        self.fit.steps.is_some_and(|steps| self.steps >= steps)
    }
}

/// The sums so far, or the error that names the step at which the loss stopped being finite.
fn finite(sums: &Sums, epoch: usize) -> Result<Totals> {
    let totals = sums.read()?;
    match totals.broken {
        Some(step) => Err(TrainError::NotFinite { epoch, step, loss: totals.loss }),
        None => Ok(totals),
    }
}
