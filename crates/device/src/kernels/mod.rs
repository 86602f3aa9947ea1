//! Kernel families: from a description of an op to launches, by a first-match table of variants each.

mod address;
pub mod attention;
mod builder;
pub mod conv;
pub mod interval;
mod lines;
mod loads;
mod math;
pub mod matmul;
pub mod movement;
pub mod pointwise;
mod program;
pub mod reduce;
pub mod rows;
pub mod scan;
pub mod sort;
mod store;
pub mod together;
pub mod window;

pub(crate) use builder::invalid;
pub use builder::{Builder, fold_groups, storage_type};
pub use program::{Pointwise, Sink, Source, SourceKind, Step};
