//! Padding with one value.

use anygrad_layout::{DType, Layout, Shape};

use super::{check_positions, copy_into, fill, walk};
use crate::kernels::address::Axes;
use crate::kernels::{Builder, invalid, storage_type};
use crate::{Caps, DeviceError, Lowered, Operand};

const FAMILY: &str = "pad";

/// An axis, or several that are walked as one.
#[derive(Clone, Copy)]
struct Padded {
    size: usize,
    stride: isize,
    lo: usize,
    hi: usize,
}

/// Surrounds a view with `lo[axis]` elements before and `hi[axis]` after it; they are the run-time number 0.
///
/// # Errors
/// [`DeviceError::Validation`] if `lo` and `hi` do not have one entry an axis; [`DeviceError::TooLarge`] from 2³¹
/// elements on; [`DeviceError::Unsupported`] for `f64`.
pub fn pad(
    input: &Layout,
    dtype: DType,
    lo: &[usize],
    hi: &[usize],
    caps: &Caps,
) -> Result<Lowered, DeviceError> {
    if [lo.len(), hi.len(), input.strides.len()].iter().any(|n| *n != input.rank()) {
        return Err(invalid(FAMILY, format!("{} and {} pads for shape {}", lo.len(), hi.len(), input.shape)));
    }
    let grown = |axis: usize| input.shape[axis].saturating_add(lo[axis]).saturating_add(hi[axis]);
    let shape: Shape = (0..input.rank()).map(grown).collect();
    check_positions(FAMILY, &shape)?;
    let count = shape.numel();
    if count == 0 {
        return Ok(Lowered::default());
    }
    let mut builder = Builder::new(FAMILY, "strided");
    builder.param("count", count);
    builder.number("fill", 0, dtype);
    let axes = merge(input, lo, hi);
    let walked = Axes {
        sizes: axes.iter().map(|a| a.lo + a.size + a.hi).collect(),
        strides: vec![axes.iter().map(|a| a.stride).collect()],
        letter: 'o',
        prefix: String::new(),
    };
    let mut text = walked.coordinates(&mut builder, "i");
    builder.param("offset", input.offset);
    let (mut inside, mut position) = (String::new(), String::from("p.offset"));
    for (axis, padded) in axes.iter().enumerate() {
        builder.param(&format!("lo{axis}"), padded.lo);
        builder.param(&format!("inside{axis}"), padded.size);
        builder.signed_param(&format!("stride{axis}"), padded.stride);
        // before the start the difference wraps to a large number
        text += &format!("    let i{axis} = o{axis} - p.lo{axis};\n");
        inside += if axis == 0 { "" } else { " && " };
        inside += &format!("i{axis} < p.inside{axis}");
        position += &format!(" + i{axis} * p.stride{axis}");
    }
    text +=
        &format!("    var value = p.fill;\n    if {inside} {{\n        value = input[{position}];\n    }}\n");
    text += "    output[i] = value;\n";
    storage_type(dtype)?;
    builder.read("input", dtype, Operand::Input(0));
    builder.read_write("output", dtype, Operand::Output(0));
    builder.function(format!("fn evaluate(i: u32) {{\n{text}}}"));
    let bytes = 4 * (count as u64).saturating_add(input.numel() as u64);
    let launch = walk(builder, count, caps, bytes)?;
    Ok(Lowered { launches: vec![launch], scratch: Vec::new() })
}

/// As [`pad`], with `interior[axis]` elements between neighbours, too: a fill, and a copy to the places in between.
///
/// # Errors
/// Those of [`pad`].
pub fn pad_interior(
    input: &Layout,
    dtype: DType,
    lo: &[usize],
    hi: &[usize],
    interior: &[usize],
    caps: &Caps,
) -> Result<Lowered, DeviceError> {
    // zeros between no neighbours are none
    let spread = |axis: usize| input.shape[axis] > 1 && interior.get(axis).is_some_and(|n| *n > 0);
    if !(0..input.rank()).any(spread) {
        return pad(input, dtype, lo, hi, caps);
    }
    if [lo.len(), hi.len(), interior.len(), input.strides.len()].iter().any(|n| *n != input.rank()) {
        return Err(invalid(FAMILY, format!("{} and {} pads for shape {}", lo.len(), hi.len(), input.shape)));
    }
    let grown = |axis: usize| {
        let between = input.shape[axis].saturating_sub(1).saturating_mul(interior[axis]);
        input.shape[axis].saturating_add(between).saturating_add(lo[axis]).saturating_add(hi[axis])
    };
    let shape: Shape = (0..input.rank()).map(grown).collect();
    check_positions(FAMILY, &shape)?;
    let count = shape.numel();
    let mut inside = Layout::contiguous(shape);
    for axis in 0..input.rank() {
        let step = if spread(axis) { interior[axis] + 1 } else { 1 };
        inside = inside.slice(axis, lo[axis], input.shape[axis], step as isize);
    }
    let mut lowered = fill(count, dtype, caps)?;
    lowered.launches.extend(copy_into(input, dtype, &inside, caps)?.launches);
    Ok(lowered)
}

/// The fewest axes that say the same. An axis without padding joins the one before it where the elements
/// follow each other, and multiplies its padding.
fn merge(input: &Layout, lo: &[usize], hi: &[usize]) -> Vec<Padded> {
    let mut merged: Vec<Padded> = Vec::new();
    for axis in 0..input.rank() {
        let (size, stride) = (input.shape[axis], input.strides[axis]);
        let here = Padded { size, stride, lo: lo[axis], hi: hi[axis] };
        let plain = here.lo == 0 && here.hi == 0;
        match merged.last_mut() {
            Some(last) if plain && (size == 1 || last.stride == stride.saturating_mul(size as isize)) => {
                let stride = if size == 1 { last.stride } else { stride };
                *last = Padded { size: last.size * size, stride, lo: last.lo * size, hi: last.hi * size };
            }
            _ => merged.push(here),
        }
    }
    if merged.is_empty() {
        merged.push(Padded { size: 1, stride: 0, lo: 0, hi: 0 });
    }
    merged
}
