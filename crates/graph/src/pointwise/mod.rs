//! Elementwise ops: one table row each gives the method, its documentation, the CPU loop, the WGSL expression,
//! the gradient and the range its tests draw from.
//!
//! Inputs broadcast as in NumPy: axes are aligned at the end, and an axis of size 1 repeats.

mod arithmetic;
mod casts;
mod compare;
mod math;
mod operators;
mod random;
mod row;

pub use operators::Operand;
pub use row::{Class, Pointwise, Row, Types};

/// Every row, in the order of the source files. Tests iterate over this.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    let tables: [&[&Row]; 5] = [arithmetic::ROWS, compare::ROWS, math::ROWS, casts::ROWS, random::ROWS];
    tables.into_iter().flat_map(|table| table.iter().copied())
}
