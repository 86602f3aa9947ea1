//! The training loop, progress, history and pictures of anygrad.
#![forbid(unsafe_code)]

mod announce;
mod callback;
mod error;
mod evaluation;
mod feed;
mod files;
mod fit;
mod fitting;
mod guard;
mod history;
mod meter;
pub mod metrics;
pub mod pictures;
mod progress;
mod random;
mod run;
mod source;
mod state;
mod step;
mod summary;
mod sums;
mod table;
mod trainer;

pub use announce::{announce, device_line};
pub use callback::{Callback, Flow, Training};
pub use error::{Result, TrainError};
pub use evaluation::{Evaluation, Prediction};
pub use fit::{Fit, Validate};
pub use history::{EpochRow, History, Scores};
pub use metrics::Metric;
pub use pictures::Chart;
pub use progress::Progress;
pub use source::IntoBatch;
pub use state::{SumsState, TrainState};
pub use summary::{LayerRow, Summary, model_summary};
pub use table::{Align, Table, thousands};
pub use trainer::Trainer;
