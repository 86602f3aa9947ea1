//! Numbers made fit for training: fitted on the training set alone, then applied to every set, so that nothing of the
//! test set leaks into the model.
//!
//! Each preparation is a plain struct of the numbers it was fitted to, which `to_text` writes and `from_text` reads
//! back exactly, to be kept beside the weights of a model.
//!
//! ```
//! use anygrad_data::{digits, prepare::Standardizer};
//! let (train, test) = digits::load()?.split(0.8, 1)?;
//! let scaler = Standardizer::fit(&train)?;
//! let (train, test) = (scaler.apply(&train)?, scaler.apply(&test)?);
//! let saved = scaler.to_text();
//! assert_eq!(Standardizer::from_text(&saved)?, scaler);
//! # Ok::<(), anygrad_data::DataError>(())
//! ```

mod columns;
mod encode;
mod imputer;
mod min_max;
mod outliers;
mod rows;
mod saved;
mod standardizer;

pub use encode::{OneHotEncoder, OrdinalEncoder, Unknown};
pub use imputer::{Imputer, Strategy};
pub use min_max::MinMaxScaler;
pub use outliers::OutlierFilter;
pub use rows::{Norm, exp_m1, log1p, normalize};
pub use standardizer::Standardizer;
