//! The CPU backend of anygrad: the meaning of every op, in f32 and f64.
//!
//! `f32` takes fast paths; `f64` takes the plainest loop that says what the op means, and is what everything
//! else is checked against. Results never depend on the number of threads.
#![deny(unsafe_code)]

mod attention;
mod block;
mod buffer;
mod chain;
mod conv;
mod copy;
mod error;
mod fold;
mod gather;
mod half;
mod host;
mod interval;
mod lane;
mod linalg;
mod lines;
pub mod math;
mod matmul;
mod needs;
mod parallel;
mod pointwise;
mod product;
mod random;
mod reduce;
mod registers;
mod rows;
mod scan;
mod sort;
mod storage;
mod view;
mod walk;
mod wide;
mod window;
mod word;

pub use attention::{attention, attention_gradient};
pub use buffer::Buffer;
pub use chain::Arithmetic;
pub use conv::conv;
pub use copy::{concat, copy, fill, pad, pad_interior};
pub use error::CpuError;
pub use fold::fold;
pub use gather::{gather, last_match, scatter_add};
pub use host::{Host, Memory};
pub use interval::interval_sum;
pub use lane::{
    BlockFn, Lane, LaneMut, apply1, apply2, apply3, compare2, convert, float1, float2, float3, map1, map2,
    map3, number1, number2, select, truth,
};
pub use linalg::{Factor, Solve, factor, solve};
pub use matmul::matmul;
pub use pointwise::{Pointwise, Prepared, Sink, Source, SourceKind, Step, run_pointwise};
pub use random::{threefry, threefry2x32, unit_float};
pub use reduce::{Reduce, reduce};
pub use rows::{PreparedRows, RowSink, RowStep, RowWork, Rows};
pub use scan::{Scan, scan};
pub use sort::argsort;
pub use storage::Storage;
pub use view::View;
pub use wide::{Map1, Map2, Map3};
pub use window::{NO_INDEX, max_index, window_gather, window_scatter, window_sum, window_sum_adjoint};
pub use word::Word;
