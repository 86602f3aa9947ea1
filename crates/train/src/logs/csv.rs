use std::path::{Path, PathBuf};

use super::{append, replace};
use crate::{Callback, EpochRow, Flow, Result, Training};

/// Writes a line of comma-separated values for every epoch as it ends: what
/// [`History::to_csv`](crate::History::to_csv) gives, at any time.
///
/// A run begins the file anew. A run that goes on ([`Fit::resume`](crate::Fit::resume)) keeps the lines of the epochs
/// up to there, and none of later ones.
///
/// ```
/// use anygrad_data::synthetic;
/// use anygrad_graph::Device;
/// use anygrad_nn::{Adam, Linear, Params, cross_entropy};
/// use anygrad_train::{CsvLogger, Fit, Progress, Trainer};
/// # let folder = std::env::temp_dir().join(format!("anygrad-doc-csv-{}", std::process::id()));
/// let params = Params::new(&Device::cpu(), 42);
/// let model = Linear::new(params.at("fc"), 2, 3);
/// let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
/// let mut log = CsvLogger::new(folder.join("log.csv"));
/// let fit = Fit { epochs: 2, progress: Progress::hidden(), ..Fit::default() };
/// trainer.fit(&synthetic::blobs(90, 3, 0.1, 7)?, Fit { callbacks: &mut [&mut log], ..fit })?;
/// let text = std::fs::read_to_string(folder.join("log.csv")).expect("the log");
/// assert!(text.starts_with("epoch,train_loss,train_accuracy,learning_rate,seconds\n1,"));
/// assert_eq!(text.lines().count(), 3);
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Debug)]
pub struct CsvLogger {
    path: PathBuf,
    /// What the file holds.
    written: String,
}

impl CsvLogger {
    /// Writes to the file `path`; folders above it are made.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), written: String::new() }
    }

    fn write(&mut self, training: &Training<'_>) -> Result<()> {
        let text = training.history().to_csv();
        match text.strip_prefix(&self.written) {
            Some(new) if !self.written.is_empty() => append(&self.path, new)?,
            // the first line, or an epoch with a column that those before it did not have
            _ => replace(&self.path, &text)?,
        }
        self.written = text;
        Ok(())
    }
}

impl Callback for CsvLogger {
    fn begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.written.clear();
        self.write(training)
    }

    fn end_epoch(&mut self, _: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        self.write(training)?;
        Ok(Flow::Continue)
    }
}
