//! What steps leave for the host, read while the device is at the next step.

use anygrad_data::BatchTargets;
use anygrad_graph::{Later, Tensor};

use crate::fitting::Run;
use crate::source::Weighted;
use crate::step::Recorded;
use crate::{History, Prediction, Result};

/// A step whose loss, norm and outputs are on their way.
#[derive(Default)]
pub(crate) struct Late {
    loss: Option<Later<f32>>,
    norm: Option<Later<f32>>,
    outputs: Vec<(Later<Vec<f32>>, Vec<usize>, BatchTargets)>,
}

impl Late {
    /// Sends on their way what `run` keeps of a step that was evaluated.
    pub(crate) fn new(
        recorded: Recorded,
        batches: impl IntoIterator<Item = Weighted>,
        run: &Run<'_, '_>,
    ) -> Result<Self> {
        let kept = |tensor: &Tensor| tensor.item_later();
        let output = |(output, batch): (&Tensor, Weighted)| {
            Ok((output.to_vec_later()?, output.shape().to_vec(), batch.batch.targets))
        };
        Ok(Self {
            loss: run.fit.keep_step_losses.then(|| kept(&recorded.loss)).transpose()?,
            norm: recorded.norm.as_ref().map(kept).transpose()?,
            outputs: recorded.outputs.iter().zip(batches).map(output).collect::<Result<_>>()?,
        })
    }

    /// Waits for it, and tells the history and the metrics.
    fn arrive(self, history: &mut History, run: &mut Run<'_, '_>) -> Result<()> {
        if let Some(loss) = self.loss {
            history.push_step(loss.wait()?);
        }
        if let Some(norm) = self.norm {
            history.push_step_norm(norm.wait()?);
        }
        for (values, shape, targets) in self.outputs {
            run.meter.update(&Prediction { values: values.wait()?, shape }, &targets)?;
        }
        Ok(())
    }
}

impl Run<'_, '_> {
    /// Lets what is late arrive, and has `next` on its way.
    pub(crate) fn settle(&mut self, history: &mut History, next: Option<Late>) -> Result<()> {
        match std::mem::replace(&mut self.late, next) {
            Some(late) => late.arrive(history, self),
            None => Ok(()),
        }
    }
}
