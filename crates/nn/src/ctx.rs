use std::panic::Location;

use anygrad_graph::{Rng, Tensor, recorded_at, scoped};

use crate::layer::Layer;
use crate::summary::SummaryRow;

/// What a forward pass needs to know besides its input: whether it is for training, and where random numbers
/// come from. There are no global modes.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// Whether dropout drops and batch normalisation uses, and averages, the statistics of the batch.
    pub training: bool,
    /// Where dropout masks come from. Each draw moves it on.
    pub rng: Rng,
    rows: Option<Vec<SummaryRow>>,
    losses: Vec<Tensor>,
}

impl Ctx {
    /// For training, with random numbers from `seed`. Keep it from step to step: every forward pass draws anew.
    pub fn train(seed: u64) -> Self {
        Self { training: true, rng: Rng::new(seed), rows: None, losses: Vec::new() }
    }

    /// For step `step` of a training run with `seed`: the same random numbers whenever that step is run, also
    /// after going on from a checkpoint.
    pub fn train_step(seed: u64, step: u64) -> Self {
        // 2³² draws a step are more than any model makes
        Self { training: true, rng: Rng::from_state(seed, step << 32), rows: None, losses: Vec::new() }
    }

    /// For evaluation: nothing is dropped, and nothing in the store changes.
    pub fn eval() -> Self {
        Self { training: false, rng: Rng::new(0), rows: None, losses: Vec::new() }
    }

    /// Adds a scalar to the loss of this forward pass: what a layer has to say of its own, such as a penalty on its
    /// output. Whoever runs the model [takes](Ctx::take_losses) it.
    pub fn add_loss(&mut self, loss: Tensor) {
        self.losses.push(loss);
    }

    /// Takes what layers have added to the loss since it was last taken, in their order. A step of training adds it to
    /// its loss; a `Ctx` that is kept over many steps must not be left with it.
    pub fn take_losses(&mut self) -> Vec<Tensor> {
        std::mem::take(&mut self.losses)
    }

    pub(crate) fn listing() -> Self {
        Self { rows: Some(Vec::new()), ..Self::eval() }
    }

    pub(crate) fn into_rows(self) -> Vec<SummaryRow> {
        self.rows.unwrap_or_default()
    }

    /// Runs the forward pass of `layer`: error messages and profiles name its path and the line that called the
    /// model, and a summary lists it. Every layer with parameters calls this in its [`forward`](Layer::forward).
    #[track_caller]
    pub fn within<L: Layer + ?Sized>(&mut self, layer: &L, body: impl FnOnce(&mut Ctx) -> Tensor) -> Tensor {
        let output = recorded_at(Location::caller(), || match layer.path() {
            Some(path) => scoped(path, || body(self)),
            None => body(self),
        });
        if let Some(rows) = &mut self.rows {
            rows.push(SummaryRow {
                layer: layer.kind().to_owned(),
                path: layer.path().unwrap_or_default().to_owned(),
                output: output.shape().clone(),
                parameters: layer.parameters(),
            });
        }
        output
    }
}
