//! Recording one step: forward, backward, update.

use anygrad_data::{Batch, BatchTargets};
use anygrad_graph::{DType, Tensor, recorded_at};
use anygrad_nn::{
    Ctx, Ema, Gradients, Layer, Loss, LossScale, Optimizer, Penalty, autocast, clip_global_norm, clip_value,
    weighted,
};

use crate::feed::Feed;
use crate::fitting::Run;
use crate::source::Weighted;
use crate::sums::Sums;
use crate::{Result, TrainError, Trainer};

/// What a step leaves besides the parameters.
pub(crate) struct Recorded {
    /// The mean over the samples of the step.
    pub(crate) loss: Tensor,
    /// Of the gradients, if it is kept.
    pub(crate) norm: Option<Tensor>,
    /// Of each batch, f32; none if there is no metric.
    pub(crate) outputs: Vec<Tensor>,
}

/// How losses are recorded, for all batches of a step.
pub(crate) struct Pass<'p> {
    pub(crate) ctx: Ctx,
    /// Of mixed precision.
    pub(crate) scale: Option<LossScale>,
    pub(crate) class_weights: Option<&'p [f32]>,
    pub(crate) penalty: Option<&'p Penalty>,
    /// Whether outputs are kept.
    pub(crate) metered: bool,
    pub(crate) outputs: Vec<Tensor>,
}

impl Pass<'_> {
    /// In the parameters' own dtype, without weights and metrics.
    pub(crate) fn plain(seed: u64, step: u64) -> Self {
        let ctx = Ctx::train_step(seed, step);
        Self { ctx, scale: None, class_weights: None, penalty: None, metered: false, outputs: Vec::new() }
    }

    /// What gradients are taken of.
    fn scaled(&self, loss: &Tensor) -> Tensor {
        self.scale.as_ref().map_or_else(|| loss.clone(), |scale| scale.scaled(loss))
    }
}

impl<M, L, O> Trainer<M, L, O>
where
    M: Layer,
    L: Loss,
    O: Optimizer,
{
    /// The forward passes of the step that comes next.
    pub(crate) fn pass<'p>(&self, run: &Run<'p, '_>, step: u64) -> Pass<'p> {
        Pass {
            ctx: Ctx::train_step(run.position.seed, step),
            scale: self.loss_scale.clone().filter(|_| run.fit.mixed_precision),
            class_weights: run.fit.class_weights,
            penalty: run.fit.penalty,
            metered: run.meter.wants_outputs(),
            outputs: Vec::new(),
        }
    }

    /// Records a step and leaves its updates pending in the store.
    pub(crate) fn record(&mut self, batches: &[Weighted], run: &mut Run<'_, '_>) -> Result<Recorded> {
        let mut pass = self.pass(run, self.steps);
        let (gradients, loss) = match batches {
            [batch] => {
                let loss = self.loss_of(batch, &mut pass, Some(&mut run.sums))?;
                (self.params.grad(&pass.scaled(&loss)), loss)
            }
            _ => self.accumulated(batches, &mut pass, &mut run.sums)?,
        };
        let Pass { scale, outputs, .. } = pass;
        let gradients = match &scale {
            Some(scale) => scale.unscaled(gradients),
            None => gradients,
        };
        let sound = match &mut run.guard {
            // an overflow of scaled gradients is no fault
            Some(guard) if scale.is_some() => Some(guard.judge(loss.is_finite().all_all())),
            Some(guard) => Some(guard.judge(loss.is_finite().all_all().logical_and(gradients.all_finite()))),
            None => None,
        };
        let gradients = match run.fit.clip_value {
            Some(limit) => clip_value(gradients, limit),
            None => gradients,
        };
        let norm = run.fit.keep_step_norms.then(|| gradients.norm());
        let gradients = match run.fit.clip_global_norm {
            Some(max) => clip_global_norm(gradients, max).0,
            None => gradients,
        };
        drop(scale);
        let (optimizer, params, rate) = (&self.optimizer, &self.params, run.position.rate());
        let scale = self.loss_scale.as_mut().filter(|_| run.fit.mixed_precision);
        let average = run.fit.ema;
        let update = || {
            match scale {
                Some(scale) => scale.apply(optimizer, params, gradients, rate)?,
                None => optimizer.apply(params, gradients, rate)?,
            }
            average.map_or(Ok(()), Ema::update)
        };
        match sound {
            Some(sound) => params.only_if(&sound, update)?,
            None => update()?,
        }
        Ok(Recorded { loss, norm, outputs })
    }

    /// The mean of the gradients over all samples of `batches`, and that of the loss. All but the last batch are run.
    fn accumulated(
        &self,
        batches: &[Weighted],
        pass: &mut Pass<'_>,
        sums: &mut Sums,
    ) -> Result<(Gradients, Tensor)> {
        self.params.zero_grad();
        let samples: usize = batches.iter().map(|batch| batch.batch.len()).sum();
        // in memory from the start, so that all batches but the first and the last have one program
        let mut total = Tensor::from_slice(&[0f32], [], self.params.device());
        for (at, batch) in batches.iter().enumerate() {
            let share = batch.batch.len() as f64 / samples.max(1) as f64;
            let loss = self.loss_of(batch, pass, Some(sums))? * share;
            self.params.backward(&pass.scaled(&loss));
            total = total + loss.to_dtype(DType::F32);
            if at + 1 < batches.len() {
                // gives the memory of the forward pass back
                let roots: Vec<&Tensor> = sums.tensors().into_iter().chain([&total]).collect();
                drop(loss);
                self.params.eval(&roots)?;
            }
        }
        Ok((self.params.take_gradients(), total))
    }

    /// Records the mean loss of a batch, and adds it to `sums`.
    pub(crate) fn loss_of(
        &self,
        batch: &Weighted,
        pass: &mut Pass<'_>,
        sums: Option<&mut Sums>,
    ) -> Result<Tensor> {
        let weights = weights(batch, pass.class_weights)?;
        let device = self.params.device();
        let feed = Feed::new(&batch.batch, self.params.dtype(), device);
        // errors name the line that made the trainer
        let (output, loss) = recorded_at(self.site, || {
            let output = match pass.scale {
                Some(_) => {
                    let inputs = feed.inputs.to_dtype(DType::F16);
                    let output = autocast(DType::F16, || self.model.forward(&inputs, &mut pass.ctx));
                    output.to_dtype(self.params.dtype())
                }
                None => self.model.forward(&feed.inputs, &mut pass.ctx),
            };
            let loss = match weights {
                Some(weights) => {
                    let weights = Tensor::from_slice(&weights, [weights.len()], device);
                    weighted(&self.loss.each(&output, &feed.targets), &weights)
                }
                None => self.loss.loss(&output, &feed.targets),
            };
            // penalties that layers have of their own, and those on weights
            let own = pass.ctx.take_losses().into_iter();
            let penalties = own.chain(pass.penalty.map(|penalty| penalty.of(&self.params)));
            let loss = penalties.fold(loss, |loss, more| &loss + more.to_dtype(loss.dtype()));
            (output, loss)
        });
        if let Some(sums) = sums {
            sums.add(&feed, &output, &loss);
        }
        if pass.metered {
            pass.outputs.push(output.to_dtype(DType::F32));
        }
        Ok(loss)
    }
}

/// A weight for each sample: its own times that of its class.
fn weights(batch: &Weighted, classes: Option<&[f32]>) -> Result<Option<Vec<f32>>> {
    let wrong = |message: String| Err(TrainError::Setting { message });
    let Some(classes) = classes else { return Ok(batch.weights.clone()) };
    let BatchTargets::Classes { labels, .. } = &batch.batch.targets else {
        return wrong("class_weights are given, and the targets are no labels".to_owned());
    };
    let mut weights = batch.weights.clone().unwrap_or_else(|| vec![1.0; labels.len()]);
    for (weight, &label) in weights.iter_mut().zip(labels) {
        match classes.get(label as usize) {
            Some(class) => *weight *= class,
            None => {
                return wrong(format!(
                    "class_weights has {} weights, and none for label {label}",
                    classes.len()
                ));
            }
        }
    }
    Ok(Some(weights))
}

/// A batch whose samples count alike.
pub(crate) fn unweighted(batch: Batch) -> Weighted {
    Weighted { batch, weights: None }
}
