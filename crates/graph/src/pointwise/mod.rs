//! Elementwise ops: one table row each gives the method, its documentation, the CPU loop, the WGSL expression,
//! the gradient and the range its tests draw from.
//!
//! Inputs broadcast as in NumPy: axes are aligned at the end, and an axis of size 1 repeats.

mod arithmetic;
mod bits;
mod casts;
mod compare;
mod operators;
mod power;
mod random;
mod rounding;
mod row;
mod special;
mod trigonometry;

pub use operators::Operand;
pub use row::{Class, Pointwise, Row, Types};

/// The conversions by which f16 is computed in f32.
pub(crate) static TO_F32: Pointwise = Pointwise(&casts::to_f32::ROW);
pub(crate) static TO_F16: Pointwise = Pointwise(&casts::to_f16::ROW);

/// Every row, in the order of the source files. Tests iterate over this.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    let tables: [&[&Row]; 8] = [
        arithmetic::ROWS,
        compare::ROWS,
        bits::ROWS,
        power::ROWS,
        trigonometry::ROWS,
        rounding::ROWS,
        casts::ROWS,
        random::ROWS,
    ];
    tables.into_iter().flat_map(|table| table.iter().copied())
}

/// The arithmetic of a row that loops on the CPU can put together with what is around it.
pub(crate) fn arithmetic(row: &'static Row) -> Option<anygrad_cpu::Arithmetic> {
    use anygrad_cpu::Arithmetic;
    // rows from outside this crate may have any name
    let is = |known: &'static Row| std::ptr::eq(row, known);
    match () {
        () if is(&arithmetic::add::ROW) => Some(Arithmetic::Add),
        () if is(&arithmetic::sub::ROW) => Some(Arithmetic::Sub),
        () if is(&arithmetic::mul::ROW) => Some(Arithmetic::Mul),
        () if is(&power::square::ROW) => Some(Arithmetic::Square),
        () => None,
    }
}
