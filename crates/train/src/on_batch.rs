//! Single batches, for loops of one's own.

use anygrad_data::Batch;
use anygrad_graph::{DType, Tensor};
use anygrad_nn::{Layer, Loss, Optimizer};

use crate::feed::Feed;
use crate::meter::Meter;
use crate::step::unweighted;
use crate::sums::Sums;
use crate::{Evaluation, Fit, Prediction, Progress, Result, TrainError, Trainer};

impl<M, L, O> Trainer<M, L, O>
where
    M: Layer,
    L: Loss,
    O: Optimizer,
{
    /// One step on one batch; gives its mean loss before the step, on the device: reading it waits, holding it does
    /// not. Keras' `train_on_batch`.
    ///
    /// The same by hand, without a trainer:
    ///
    /// ```
    /// use anygrad_data::{Batch, synthetic};
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Adam, Ctx, Layer, Linear, Optimizer, Params, cross_entropy};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let model = Linear::new(params.at("fc"), 2, 3);
    /// let data = synthetic::blobs(90, 3, 0.1, 7)?;
    /// for (step, Batch { inputs, input_shape, targets }) in data.batches(30)?.shuffled(42).into_iter().enumerate() {
    ///     let x = Tensor::from_slice(&inputs, input_shape, &device);
    ///     let labels = targets.labels().unwrap_or_default();
    ///     let labels = Tensor::from_slice(labels, [labels.len()], &device);
    ///     let loss = cross_entropy(&model.forward(&x, &mut Ctx::train_step(42, step as u64)), &labels);
    ///     Adam::default().step(&params, params.grad(&loss), 0.01)?;
    /// }
    /// # use anygrad_train::Trainer;
    /// # let weights = params.get("fc.weight").and_then(|w| w.to_vec::<f32>().ok());
    /// # let params = Params::new(&device, 42);
    /// # let model = Linear::new(params.at("fc"), 2, 3);
    /// // and with one
    /// let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
    /// for batch in data.batches(30)?.shuffled(42) {
    ///     let loss = trainer.train_on_batch(&batch, 0.01)?;
    /// }
    /// # assert_eq!(trainer.params().get("fc.weight").and_then(|w| w.to_vec::<f32>().ok()), weights);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A layer, the loss, the optimizer or the rate is wrong, which changes nothing; the device failed. A loss that is
    /// NaN is no error.
    pub fn train_on_batch(&mut self, batch: &Batch, learning_rate: f64) -> Result<Tensor> {
        if batch.is_empty() {
            return Err(TrainError::NoSamples { what: "training" });
        }
        let fit = Fit { learning_rate, train_metrics: false, progress: Progress::hidden(), ..Fit::default() };
        let mut run = self.begin(fit, None, None);
        let loss = self.record(&[unweighted(batch.clone())], &mut run)?.loss;
        self.params.eval(&[&loss])?;
        self.steps += 1;
        Ok(loss)
    }

    /// The loss and the metrics of one batch, in evaluation mode. Keras' `test_on_batch`.
    ///
    /// # Errors
    /// As [`evaluate`](Trainer::evaluate).
    pub fn test_on_batch(&self, batch: &Batch) -> Result<Evaluation> {
        if batch.is_empty() {
            return Err(TrainError::NoSamples { what: "evaluation" });
        }
        let (mut sums, mut meter) = (Sums::new(self.params.device()), Meter::new(&self.metrics));
        self.add_batch(batch, &mut sums, &mut meter)?;
        let totals = sums.read()?;
        Ok(Evaluation::new(&totals, meter.complete(totals.scores()).metrics))
    }

    /// The outputs of the model for one batch, in evaluation mode. Keras' `predict_on_batch`.
    ///
    /// # Errors
    /// As [`predict`](Trainer::predict).
    pub fn predict_on_batch(&self, batch: &Batch) -> Result<Prediction> {
        let feed = Feed::new(batch, self.params.dtype(), self.params.device());
        let output = self.forward(&feed.inputs).to_dtype(DType::F32);
        Ok(Prediction { values: output.to_vec::<f32>()?, shape: output.shape().to_vec() })
    }
}
