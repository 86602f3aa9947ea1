//! Where a loss or a gradient that is no number comes from.

use anygrad_graph::{DType, Device, Tensor, find_non_finite};
use anygrad_nn::{Layer, Loss, Optimizer};

use crate::fitting::Run;
use crate::source::{Source, Weighted};
use crate::{Result, TrainError, Trainer};

/// Counts, on the device, the steps up to the first whose loss or gradients are not finite. From that one on no step
/// changes anything, so that it can be recorded again from the very same parameters.
pub(crate) struct Guard {
    /// Good steps since the epoch began or went on, u32.
    good: Tensor,
    steps: u32,
    /// Steps of the epoch that were made before.
    before: usize,
}

impl Guard {
    pub(crate) fn new(before: usize, device: &Device) -> Self {
        Self { good: Tensor::from_slice(&[0u32], [], device), steps: 0, before }
    }

    /// Records one more step, which is `finite` or not; whether it may change anything.
    pub(crate) fn judge(&mut self, finite: Tensor) -> Tensor {
        let sound = self.good.eq(self.steps).logical_and(finite);
        self.good = &self.good + sound.to_dtype(DType::U32);
        self.steps += 1;
        sound
    }

    pub(crate) fn tensor(&self) -> &Tensor {
        &self.good
    }

    /// The first step of the epoch, counted from 1, that was no good.
    pub(crate) fn broken(&self) -> Result<Option<usize>> {
        let good = self.good.item_f64()? as u32;
        Ok((good < self.steps).then(|| self.before + good as usize + 1))
    }
}

impl<M, L, O> Trainer<M, L, O>
where
    M: Layer,
    L: Loss,
    O: Optimizer,
{
    /// Records the step that failed again and says which op it fails in. The parameters are those before that step.
    pub(crate) fn locate(
        &mut self,
        source: &mut Source<'_>,
        run: &mut Run<'_, '_>,
        found: TrainError,
    ) -> Result<TrainError> {
        let TrainError::NotFinite { epoch, step, loss, .. } = found else { return Ok(found) };
        let Some(guard) = &run.guard else { return Ok(found) };
        let step = guard.broken()?.unwrap_or(step);
        let accumulate = run.position.accumulate;
        let stream = source.epoch(epoch)?.skip(step.saturating_sub(1).saturating_mul(accumulate));
        let batches = stream.take(accumulate).collect::<Result<Vec<Weighted>>>()?;
        self.steps = (run.position.steps + step as u64).saturating_sub(run.position.step as u64 + 1);
        let mut pass = self.pass(run, self.steps);
        let mut cause = None;
        for batch in &batches {
            let loss = self.loss_of(batch, &mut pass, None)?;
            let gradients = self.params.grad(&loss);
            let tensors: Vec<&Tensor> =
                std::iter::once(&loss).chain(gradients.iter().map(|(_, gradient)| gradient)).collect();
            cause = find_non_finite(&tensors)?;
            if cause.is_some() {
                break;
            }
        }
        self.forget_averages()?;
        Ok(TrainError::NotFinite { epoch, step, loss, cause: cause.map(Box::new) })
    }
}
