//! One checkpoint of a run as a file.

use std::path::Path;

use anygrad_nn::{Checkpoint, Params};

use super::json;
use crate::{Result, TrainError, TrainState};

/// The note that holds the state of the run.
const STATE: &str = "train";

impl TrainState {
    /// Writes the state, and with it parameters, buffers and the optimizer's state, to one safetensors file: under
    /// another name first, synced and renamed, so that a crash leaves the old file or the new one. `params` are to be
    /// those of the same moment; [`Checkpoints`](crate::Checkpoints) sees to all of that.
    ///
    /// # Errors
    /// As [`Params::save_checkpoint`].
    pub fn save(&self, path: impl AsRef<Path>, params: &Params) -> Result<()> {
        let mut checkpoint = Checkpoint::default();
        checkpoint.notes.insert(STATE.to_owned(), json::to_text(self));
        Ok(params.save_checkpoint(path, &checkpoint)?)
    }

    /// Reads the state for [`Fit::resume`](crate::Fit::resume), and makes `params` what they were.
    ///
    /// # Errors
    /// As [`Params::load_checkpoint`], which names the file, what is damaged, and the parameter in which the model
    /// differs; the file is a checkpoint of something else. Nothing is changed then.
    pub fn load(path: impl AsRef<Path>, params: &Params) -> Result<Self> {
        let path = path.as_ref();
        // before the parameters, so that nothing is changed if it is wrong
        let state = Self::read(path)?;
        params.load_checkpoint(path)?;
        Ok(state)
    }

    /// Reads the state alone. The whole file is compared with its checksum.
    ///
    /// # Errors
    /// As [`load`](TrainState::load), but for the parameters.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let wrong = |message: String| TrainError::Checkpoint { path: path.to_owned(), message };
        let notes = Checkpoint::read_notes(path)?;
        let text = notes.get(STATE).ok_or_else(|| wrong("it holds no state of a training run".to_owned()))?;
        json::from_text(text).map_err(|error| wrong(format!("the state of the run: {error}")))
    }
}
