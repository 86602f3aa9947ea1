//! The search for good hyper-parameters: grids, random draws, TPE, successive halving and Hyperband.
//!
//! A [`Space`] says what may vary, a [`Search`] how it is looked through, and a closure judges each [`Trial`]. Several
//! threads, and several processes that share a journal, work on one search; a search that was interrupted goes on
//! where it was.
//!
//! ```
//! use anygrad_train::search::{Method, Search, Space};
//! let space = Space::new().log_uniform("rate", 1e-4, 1.0).choice("activation", ["relu", "tanh"]);
//! let search = Search { space, method: Method::Random { trials: 30 }, seed: 1, ..Search::default() };
//! let study = search.run(|trial| {
//!     // a model would be trained here, and its validation loss returned
//!     let penalty = if trial.name("activation")? == "relu" { 0.0 } else { 0.5 };
//!     Ok((trial.number("rate")?.log10() + 2.0).powi(2) + penalty)
//! })?;
//! let best = study.best().unwrap();
//! assert!((1e-3..1e-1).contains(&best.choices.number("rate")?) && best.choices.name("activation")? == "relu");
//! println!("{study}");
//! # Ok::<(), anygrad_train::TrainError>(())
//! ```

mod choices;
mod desk;
mod event;
mod halving;
mod journal;
mod method;
mod plan;
mod pruning;
mod report;
mod run;
mod space;
mod study;
mod tpe;
mod trial;

pub use choices::{Choices, Value};
pub use halving::{Halving, Hyperband, Rung};
pub use method::Method;
pub use pruning::MedianRule;
pub use run::Search;
pub use space::{Dimension, Space};
pub use study::{State, Study, TrialRecord};
pub use tpe::Tpe;
pub use trial::{Trial, Verdict};

use crate::TrainError;

pub(crate) fn wrong(message: impl Into<String>) -> TrainError {
    TrainError::Search { message: message.into() }
}
