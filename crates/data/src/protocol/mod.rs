//! How a model is judged: who trains on which samples, and what the errors of the parts say.
//!
//! The splits are methods of [`Dataset`](crate::Dataset): [`split`](crate::Dataset::split),
//! [`splits`](crate::Dataset::splits), [`stratified`](crate::Dataset::stratified),
//! [`split_by_time`](crate::Dataset::split_by_time), [`split_with_target`](crate::Dataset::split_with_target), and the
//! folds of cross-validation, [`folds`](crate::Dataset::folds) and its relatives. Here is what works on their results.

mod cross;
mod diagnose;
mod duplicates;
mod errors;
mod folds;
mod resample;
mod split;
mod time;

pub use cross::{Scores, cross_validate};
pub use diagnose::{Diagnosis, DiagnosisSettings, diagnose};
pub use duplicates::duplicates;
pub use errors::{ErrorRates, Problem, misclassified, worst};
pub(crate) use split::share;
pub use time::check_time_order;
