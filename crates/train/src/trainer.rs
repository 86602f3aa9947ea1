use std::panic::Location;

use anygrad_data::{Batch, Dataset};
use anygrad_graph::{DType, Explanation, Tensor, explain, recorded_at};
use anygrad_nn::{Ctx, Layer, Loss, LossScale, Optimizer, Params};

use crate::feed::Feed;
use crate::meter::{MakeMetric, Meter};
use crate::metrics::Metric;
use crate::source::Weighted;
use crate::step::unweighted;
use crate::sums::Sums;
use crate::{Evaluation, Fit, History, Prediction, Result, Summary, TrainError, model_summary};

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
    pub(crate) site: &'static Location<'static>,
    pub(crate) model: M,
    pub(crate) params: Params,
    pub(crate) loss: L,
    pub(crate) optimizer: O,
    pub(crate) history: History,
    /// Steps made so far, over all calls of `fit`: dropout draws anew in each.
    pub(crate) steps: u64,
    evaluation_batch: usize,
    pub(crate) metrics: Vec<MakeMetric>,
    /// Of mixed precision, from one call of `fit` to the next.
    pub(crate) loss_scale: Option<LossScale>,
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
            metrics: Vec::new(),
            loss_scale: None,
        }
    }

    /// Evaluates and predicts `samples` at a time instead of 256; 0 is taken as 1. Memory grows with it, the result
    /// does not depend on it but for rounding.
    #[must_use]
    pub fn evaluation_batch(self, samples: usize) -> Self {
        Self { evaluation_batch: samples.max(1), ..self }
    }

    /// Takes a metric in [`fit`](Trainer::fit), of the training and the validation set, and in
    /// [`evaluate`](Trainer::evaluate). `make` makes one that has seen no sample. The loss, and for labels the share of
    /// right answers, are always there, and are summed up on the device; other metrics read the outputs of the model
    /// back.
    ///
    /// ```
    /// use anygrad_data::synthetic;
    /// use anygrad_graph::Device;
    /// use anygrad_nn::{Adam, Linear, Params, cross_entropy};
    /// use anygrad_train::metrics::TopKAccuracy;
    /// use anygrad_train::{Fit, Progress, Trainer};
    /// let params = Params::new(&Device::cpu(), 42);
    /// let model = Linear::new(params.at("fc"), 2, 3);
    /// let mut trainer =
    ///     Trainer::new(model, params, cross_entropy, Adam::default()).metric(|| TopKAccuracy::new(2));
    /// let data = synthetic::blobs(90, 3, 0.1, 7)?;
    /// let history = trainer.fit(&data, Fit { epochs: 2, progress: Progress::hidden(), ..Fit::default() })?;
    /// assert_eq!(history.metric_names(), ["accuracy", "top_2_accuracy"]);
    /// assert!(trainer.evaluate(&data)?.metric("top_2_accuracy").is_some());
    /// # Ok::<(), anygrad_train::TrainError>(())
    /// ```
    #[must_use]
    pub fn metric<T: Metric + 'static>(mut self, make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        self.metrics.push(Box::new(move || Box::new(make())));
        self
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

    /// What a step of `fit` on the first batch of `data` runs: the program, its kernels with what is fused into each,
    /// memory and work. The step is made, since what is overwritten in place shows only in a real one: the
    /// parameters change.
    ///
    /// # Errors
    /// As [`fit`](Trainer::fit).
    pub fn explain_step(&mut self, data: &Dataset, fit: Fit<'_>) -> Result<Explanation> {
        fit.check()?;
        let batches = data.batches(fit.batch_size)?.into_iter().take(fit.accumulate);
        let batches: Vec<Weighted> = batches.map(unweighted).collect();
        if batches.is_empty() {
            return Err(TrainError::NoSamples { what: "training" });
        }
        let mut run = self.begin(fit, Some(data.len()), None);
        self.prepare(&run)?;
        self.record(&batches, &mut run)?;
        let sums = run.sums;
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
        let mut meter = Meter::new(&self.metrics);
        let totals = self.sum_up(data, &mut meter)?.read()?;
        Ok(Evaluation::new(&totals, meter.complete(totals.scores()).metrics))
    }

    pub(crate) fn sum_up(&self, data: &Dataset, meter: &mut Meter) -> Result<Sums> {
        let mut sums = Sums::new(self.params.device());
        for batch in data.batches(self.evaluation_batch)? {
            self.add_batch(&batch, &mut sums, meter)?;
        }
        Ok(sums)
    }

    /// Runs the model on a batch, in evaluation mode.
    pub(crate) fn add_batch(&self, batch: &Batch, sums: &mut Sums, meter: &mut Meter) -> Result<()> {
        let feed = Feed::new(batch, self.params.dtype(), self.params.device());
        let output = self.forward(&feed.inputs);
        let loss = self.loss.loss(&output, &feed.targets);
        sums.add(&feed, &output, &loss);
        let output = meter.wants_outputs().then_some(output);
        drop((feed, loss));
        self.params.eval(&sums.tensors())?;
        match output {
            Some(output) => meter.add(&output, &batch.targets),
            None => Ok(()),
        }
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
