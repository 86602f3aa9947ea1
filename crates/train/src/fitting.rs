//! The training loop.

use anygrad_data::Dataset;
use anygrad_graph::{DType, Tensor};
use anygrad_nn::{Layer, Loss, LossScale, Optimizer};

use crate::guard::Guard;
use crate::late::Late;
use crate::meter::Meter;
use crate::run::Position;
use crate::source::{IntoBatch, Source, Stream, Weighted, not_empty};
use crate::sums::{Sums, Totals};
use crate::{
    Callback, EpochRow, Fit, Flow, History, Result, Scores, TrainError, Trainer, Training, announce,
};

/// One call of `fit`.
pub(crate) struct Run<'a, 'v> {
    pub(crate) fit: Fit<'a>,
    validation: Option<&'v Dataset>,
    callbacks: &'a mut [&'a mut dyn Callback],
    pub(crate) position: Position,
    /// Of the epoch at hand.
    pub(crate) sums: Sums,
    /// Of the last step, if anybody may ask for it.
    loss: Option<Tensor>,
    /// Of the training set.
    pub(crate) meter: Meter,
    /// What is still to be read of the last step.
    pub(crate) late: Option<Late>,
    /// Of the epoch at hand, where failures are to be located.
    pub(crate) guard: Option<Guard>,
    /// Why it ends.
    stop: Option<String>,
}

impl<M, L, O> Trainer<M, L, O>
where
    M: Layer,
    L: Loss,
    O: Optimizer,
{
    /// Trains on `train` and returns how it went. May be called again, to go on with another learning rate, say.
    ///
    /// # Errors
    /// A layer, the loss, the optimizer, a setting or the data is wrong, which changes nothing; a callback failed;
    /// the device failed; or the loss became NaN or infinite ([`TrainError::NotFinite`], which is noticed at the end
    /// of the epoch at the latest, and leaves parameters of no use). What was finished before stays in
    /// [`history`](Trainer::history).
    pub fn fit(&mut self, train: &Dataset, fit: Fit<'_>) -> Result<History> {
        self.history = History::new();
        not_empty("training", Some(train))?;
        fit.check()?;
        let seed = fit.seed.unwrap_or(self.params.seed());
        if fit.validation_split > 0.0 {
            // Keras holds out the samples behind the first ⌊n·(1 − split)⌋
            let count = (train.len() as f64 * (1.0 - fit.validation_split)).floor() as usize;
            let (kept, held) = (train.take(count), train.skip(count));
            not_empty("training", Some(&kept))?;
            not_empty("validation", Some(&held))?;
            let weights = fit.sample_weights.map(|weights| weights.get(..count).unwrap_or(weights));
            let source = Source::dataset(&kept, weights, &fit, seed)?;
            return self.run(source, fit, Some(&held));
        }
        let source = Source::dataset(train, fit.sample_weights, &fit, seed)?;
        self.run(source, fit, None)
    }

    /// As [`fit`](Trainer::fit), on the batches that `epoch` gives for each epoch, counted from 1: a loader, a
    /// generator, a stream. They are batched and shuffled as they come; an error among them ends the run. A run that
    /// is [resumed](Fit::resume) in the middle of an epoch leaves out the batches that were trained on.
    ///
    /// ```
    /// use anygrad_data::synthetic;
    /// use anygrad_graph::Device;
    /// use anygrad_nn::{Adam, Linear, Params, cross_entropy};
    /// use anygrad_train::{Fit, Progress, Trainer};
    /// let params = Params::new(&Device::cpu(), 42);
    /// let model = Linear::new(params.at("fc"), 2, 3);
    /// let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
    /// // fresh samples in every epoch
    /// let batches = |epoch| {
    ///     (0..5).map(move |part| {
    ///         let data = synthetic::blobs(30, 3, 0.1, 100 * epoch as u64 + part)?;
    ///         data.batches(30)?.into_iter().next().ok_or(anygrad_data::DataError::BatchSize)
    ///     })
    /// };
    /// let history = trainer.fit_batches(batches, Fit { epochs: 3, progress: Progress::hidden(), ..Fit::default() })?;
    /// assert_eq!((history.rows().len(), trainer.steps()), (3, 15));
    /// # Ok::<(), anygrad_train::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// As [`fit`](Trainer::fit); an epoch without a batch; `validation_split`, which needs a data set.
    pub fn fit_batches<I>(&mut self, epoch: impl FnMut(usize) -> I, fit: Fit<'_>) -> Result<History>
    where
        I: IntoIterator<Item: IntoBatch>,
    {
        self.history = History::new();
        fit.check()?;
        if fit.validation_split > 0.0 {
            let message = "validation_split needs a data set; give a validation set instead".to_owned();
            return Err(TrainError::Setting { message });
        }
        if fit.sample_weights.is_some() {
            let message = "sample_weights need a data set, whose order they are in".to_owned();
            return Err(TrainError::Setting { message });
        }
        self.run(Source::function(epoch), fit, None)
    }

    /// A run that has not made a step.
    pub(crate) fn begin<'a: 'v, 'v>(
        &self,
        mut fit: Fit<'a>,
        samples: Option<usize>,
        held_out: Option<&'v Dataset>,
    ) -> Run<'a, 'v> {
        let seed = fit.seed.unwrap_or(self.params.seed());
        let callbacks = std::mem::take(&mut fit.callbacks);
        let position = Position::new(&fit, seed, self.steps, samples);
        let (validation, sums) = (held_out.or(fit.validation), Sums::new(self.params.device()));
        let meter = Meter::new(if fit.train_metrics { &self.metrics } else { &[] });
        Run {
            fit,
            validation,
            callbacks,
            position,
            sums,
            loss: None,
            meter,
            late: None,
            guard: None,
            stop: None,
        }
    }

    fn run(&mut self, mut source: Source<'_>, fit: Fit<'_>, held_out: Option<&Dataset>) -> Result<History> {
        if !fit.progress.is_hidden() {
            announce(self.params.device());
        }
        let mut run = self.begin(fit, source.samples, held_out);
        self.prepare(&run)?;
        let resumed = self.resume(&mut run, source.samples)?;
        self.tell(&mut run, |callback, training| callback.begin(training).map(|()| Flow::Continue))?;
        let first = run.position.first_epoch;
        // a run that was told to end, and was killed before it did, has nothing left to do but that
        let over = run.sums.is_empty() && run.stop.is_some();
        let last = if over { 0 } else { run.fit.epochs };
        for epoch in first..=last {
            if !(resumed && epoch == first) {
                run.position.begin_epoch(epoch);
                run.sums = Sums::new(self.params.device());
            }
            if let Err(error) = self.epoch(source.epoch(epoch)?, &mut run) {
                // what was finished before is in the history; this is not the error to tell
                let _ = run.settle(&mut self.history, None);
                return Err(self.locate(&mut source, &mut run, error)?);
            }
            if run.stop.is_some() {
                break;
            }
        }
        if let Some(reason) = run.stop.take() {
            self.history.end(reason);
        }
        self.tell(&mut run, |callback, training| callback.end(training).map(|()| Flow::Continue))?;
        Ok(self.history.clone())
    }

    /// Has at hand what steps that the device decides about need, and a scale of the loss for mixed precision.
    pub(crate) fn prepare(&mut self, run: &Run<'_, '_>) -> Result<()> {
        if run.fit.mixed_precision || run.fit.locate_not_finite {
            self.params.prepare_state(&self.optimizer)?;
        }
        if !run.fit.mixed_precision {
            return Ok(());
        }
        let dtype = self.params.dtype();
        if dtype != DType::F32 {
            let message = format!("mixed_precision is on, and the parameters are {dtype}; they must be f32");
            return Err(TrainError::Setting { message });
        }
        let scale = match (run.fit.resume.and_then(|state| state.loss_scale), self.loss_scale.take()) {
            (Some(numbers), _) => LossScale::new(self.params.device()).starting_at(numbers)?,
            (None, Some(scale)) => scale,
            (None, None) => LossScale::new(self.params.device()),
        };
        self.loss_scale = Some(scale);
        Ok(())
    }

    /// Takes the run to where it is to go on; whether it is.
    fn resume(&mut self, run: &mut Run<'_, '_>, samples: Option<usize>) -> Result<bool> {
        let Some(state) = run.fit.resume else { return Ok(false) };
        state.check(&run.fit, run.position.seed, samples, std::any::type_name::<O>())?;
        run.position.resume(state, run.fit.schedule);
        run.sums = Sums::from_state(&state.sums, self.params.device());
        if state.step > 0 {
            run.meter.restore(&state.metrics)?;
        }
        self.steps = state.steps;
        self.history = state.history.clone();
        // a limit of steps may have been raised since; other reasons to end stay
        let limit = steps_made(state.run_steps);
        run.stop = self.history.take_ended().filter(|reason| *reason != limit);
        run.stop_at_limit();
        for (callback, state) in run.callbacks.iter_mut().zip(&state.callbacks) {
            if !state.is_empty() {
                callback.restore(state)?;
            }
        }
        Ok(true)
    }

    fn epoch(&mut self, stream: Stream<'_>, run: &mut Run<'_, '_>) -> Result<()> {
        let (epoch, accumulate) = (run.position.epoch, run.position.accumulate);
        let batches = match stream.size_hint() {
            (_, Some(most)) => Some(most),
            _ => None,
        };
        run.position.steps_in_epoch = batches.map(|count| count.div_ceil(accumulate));
        run.fit.progress.start_epoch(epoch, run.fit.epochs, run.position.steps_in_epoch.unwrap_or(0));
        let done = run.position.step;
        (0..done).for_each(|_| run.fit.progress.step(None));
        let mut stream = stream.skip(done.saturating_mul(accumulate)).peekable();
        if done == 0 {
            run.meter.reset();
        }
        run.guard = run.fit.locate_not_finite.then(|| Guard::new(done, self.params.device()));
        self.tell(run, |callback, training| callback.begin_epoch(training).map(|()| Flow::Continue))?;
        self.validate_if_missed(run)?;
        while run.stop.is_none() && stream.peek().is_some() {
            let batches = stream.by_ref().take(accumulate).collect::<Result<Vec<Weighted>>>()?;
            self.step(batches, run)?;
        }
        run.settle(&mut self.history, None)?;
        let over = stream.peek().is_none();
        if run.sums.is_empty() {
            return Err(TrainError::NoSamples { what: "training" });
        }
        let totals = run.finite()?;
        let validates = run.fit.validates_after(epoch) || epoch == run.fit.epochs || run.stop.is_some();
        let validation = match run.validation.filter(|_| validates) {
            Some(data) => Some(self.scores(data)?),
            None => None,
        };
        let row = EpochRow {
            epoch,
            train: run.meter.complete(totals.scores()),
            validation,
            learning_rate: run.position.rate_used as f32,
            seconds: run.position.seconds(),
        };
        run.fit.progress.end_epoch(&row);
        if run.fit.target_loss.is_some_and(|target| row.train.loss <= target) {
            run.stop_for(format!("the training loss reached {}", row.train.loss));
        }
        self.history.push(row.clone());
        run.position.epoch_is_over = over;
        self.tell(run, |callback, training| callback.end_epoch(&row, training))
    }

    /// One step on `batches`, and what follows from it.
    fn step(&mut self, batches: Vec<Weighted>, run: &mut Run<'_, '_>) -> Result<()> {
        if run.fit.report_gradients && self.history.gradients().is_none() {
            self.report_gradients(&batches, run)?;
        }
        let recorded = self.record(&batches, run)?;
        // a loss that nobody may ask for is not written to memory
        let kept = run.fit.keep_step_losses || !run.callbacks.is_empty();
        run.loss = Some(recorded.loss.clone()).filter(|_| kept);
        let scale = self.loss_scale.as_ref().filter(|_| run.fit.mixed_precision);
        let guard = run.guard.as_ref().map(Guard::tensor);
        let more = scale.into_iter().flat_map(LossScale::tensors).chain(guard);
        self.params.eval(&run.sums.tensors().into_iter().chain(more).collect::<Vec<_>>())?;
        run.position.advance(run.fit.schedule);
        self.steps = run.position.steps;
        // read while the next step runs, so that the device need not wait for it
        let late = Late::new(recorded, batches, run)?;
        run.settle(&mut self.history, Some(late))?;
        if !run.callbacks.is_empty() {
            run.settle(&mut self.history, None)?;
        }
        let shown = match run.fit.progress.wants_loss() {
            true => Some(run.finite()?.loss),
            false => None,
        };
        run.fit.progress.step(shown);
        run.stop_at_limit();
        self.tell(run, |callback, training| callback.end_step(training))?;
        self.validate_at_step(run)
    }

    fn report_gradients(&mut self, batches: &[Weighted], run: &mut Run<'_, '_>) -> Result<()> {
        let Some(first) = batches.first() else { return Ok(()) };
        let report = self.gradient_report(&first.batch)?;
        for row in report.flawed() {
            let flaw = row.flaw.map_or(String::new(), |flaw| flaw.to_string());
            run.fit.progress.note(&format!("the gradient of {} is {flaw}", row.path));
        }
        self.history.set_gradients(report);
        Ok(())
    }

    fn validate_at_step(&mut self, run: &mut Run<'_, '_>) -> Result<()> {
        let made = run.position.run_steps;
        let Some(data) = run.validation.filter(|_| run.fit.validates_at(made)) else { return Ok(()) };
        let scores = self.scores(data)?;
        self.history.push_step_validation(made, scores.clone());
        self.tell(run, |callback, training| callback.end_validation(&scores, training))
    }

    /// A state is saved before the validation that follows the same step: a run that goes on there makes up for it.
    fn validate_if_missed(&mut self, run: &mut Run<'_, '_>) -> Result<()> {
        let last = self.history.step_validations().last().map_or(0, |(step, _)| *step);
        if run.position.step > 0 && run.position.run_steps > last {
            self.validate_at_step(run)
        } else {
            Ok(())
        }
    }

    fn scores(&self, data: &Dataset) -> Result<Scores> {
        let mut meter = Meter::new(&self.metrics);
        let totals = self.sum_up(data, &mut meter)?.read()?;
        Ok(meter.complete(totals.scores()))
    }

    /// Tells all callbacks of an event, one after the other.
    fn tell(
        &self,
        run: &mut Run<'_, '_>,
        mut event: impl FnMut(&mut dyn Callback, &mut Training<'_>) -> Result<Flow>,
    ) -> Result<()> {
        for at in 0..run.callbacks.len() {
            let (before, rest) = run.callbacks.split_at_mut(at);
            let Some((callback, after)) = rest.split_first_mut() else { break };
            let states = || {
                let (before, after) = (before.iter(), after.iter());
                let others = (before.map(|other| other.state()), after.map(|other| other.state()));
                others.0.chain([Vec::new()]).chain(others.1).collect()
            };
            let mut training = Training {
                position: &mut run.position,
                params: &self.params,
                history: &self.history,
                sums: &run.sums,
                meter: &run.meter,
                loss: run.loss.as_ref(),
                callbacks: &states,
                place: at,
                stop: run.stop.as_deref(),
                optimizer: std::any::type_name::<O>(),
                has_validation: run.validation.is_some(),
                loss_scale: self.loss_scale.as_ref().filter(|_| run.fit.mixed_precision),
            };
            if let Flow::Stop(reason) = event(&mut **callback, &mut training)? {
                run.stop.get_or_insert(reason);
            }
        }
        Ok(())
    }
}

impl Run<'_, '_> {
    fn stop_for(&mut self, reason: String) {
        self.stop.get_or_insert(reason);
    }

    fn stop_at_limit(&mut self) {
        let made = self.position.run_steps;
        if self.fit.steps.is_some_and(|steps| made >= steps as u64) {
            self.stop_for(steps_made(made));
        }
    }

    /// The sums so far, or the error that names the step at which the loss stopped being finite.
    fn finite(&self) -> Result<Totals> {
        let (totals, epoch) = (self.sums.read()?, self.position.epoch);
        let guarded = self.guard.as_ref().map_or(Ok(None), Guard::broken)?;
        let broken = totals.broken.map(|batch| batch.div_ceil(self.position.accumulate));
        match guarded.or(broken) {
            Some(step) => Err(TrainError::NotFinite { epoch, step, loss: totals.loss, cause: None }),
            None => Ok(totals),
        }
    }
}

/// Why a run with a limit of steps ends.
fn steps_made(steps: u64) -> String {
    format!("{steps} steps are made")
}
