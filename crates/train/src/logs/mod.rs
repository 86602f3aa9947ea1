//! Files that a training run writes as it goes.

mod csv;
mod jsonl;
mod tensorboard;

pub use csv::CsvLogger;
pub use jsonl::JsonLogger;
pub use tensorboard::TensorBoard;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::{Result, TrainError};

/// Makes `text` all that the file holds: whole or not at all, as a kill in between leaves the old file.
fn replace(path: &Path, text: &str) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    crate::files::write(Path::new(&beside), text)?;
    fs::rename(&beside, path).map_err(|source| TrainError::Io { path: path.to_owned(), source })
}

/// Adds `text` to the end of the file with one write.
fn append(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| TrainError::Io { path: path.to_owned(), source })
}
