//! The training loop, progress, history and pictures of anygrad.
#![forbid(unsafe_code)]

mod axis;
mod error;
mod files;
mod history;
mod plot;
mod progress;
mod summary;
mod table;

pub use error::{Result, TrainError};
pub use history::{EpochRow, History, Scores};
pub use plot::Chart;
pub use progress::Progress;
pub use summary::{LayerRow, Summary};
pub use table::{Align, Table, thousands};
