//! Datasets, readers and mini-batches of anygrad, in host memory and nothing else: no tensors, no graph, no device.
//!
//! ```
//! use anygrad_data::digits;
//!
//! let (train, test) = digits::load()?.split(0.8, 42)?;
//! assert_eq!((train.len(), test.len()), (1438, 359));
//! for epoch in 0..2 {
//!     for batch in train.batches(64)?.shuffled_epoch(7, epoch) {
//!         assert_eq!(batch.inputs.len(), batch.input_shape.iter().product());
//!     }
//! }
//! # Ok::<(), anygrad_data::DataError>(())
//! ```
//!
//! | to do | where |
//! | --- | --- |
//! | read files | [`mnist`], [`cifar`], [`idx`], [`csv`], [`image_folder`], [`text_files`]; [`digits`] are built in |
//! | make samples up | [`synthetic`] |
//! | divide and judge | [`Dataset::split`], [`Dataset::folds`] and their relatives, [`protocol`] |
//! | prepare numbers | [`prepare`], fitted on the training set alone |
//! | prepare text and sequences | [`text`], [`sequence`] |
//! | change pictures at random | [`augment`] |
//! | make batches | [`Dataset::batches`]; [`Loader`] does so ahead, in threads, from any [`Source`] |
//!
//! Every random choice is a function of a seed and of what it is made for (an epoch, a sample), never of the number of
//! threads or of what was asked for before.
#![forbid(unsafe_code)]

pub mod augment;
mod batches;
mod combine;
mod dataset;
pub mod digits;
mod error;
mod loader;
pub mod prepare;
pub mod protocol;
mod readers;
pub mod sequence;
mod shuffle;
mod source;
pub mod synthetic;
mod table;
mod targets;
pub mod text;

pub use batches::{Batch, BatchIter, Batches};
pub use dataset::Dataset;
pub use error::{DataError, Result};
pub use loader::{Epoch, Loader, LoaderSettings};
pub use readers::{cifar, csv, idx, image_folder, mnist, text_files};
pub use shuffle::Draws;
pub use source::{Concatenated, Generated, Mapped, Sample, Source, Target, TargetKind};
pub use table::{Column, ColumnValues, Table};
pub use targets::{BatchTargets, Targets};
