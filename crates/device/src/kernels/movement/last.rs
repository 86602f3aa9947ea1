//! Where each index comes last.

use anygrad_layout::{DType, Layout};

use super::{check_positions, fill, walk};
use crate::kernels::address::Axes;
use crate::kernels::{Builder, invalid};
use crate::{Caps, DeviceError, Launch, Lowered, Operand};

const FAMILY: &str = "last_match";

/// `out[.., j, ..]` is the last `i` with `index[.., i, ..] = j` along `axis`, as `u32`, for `0 ≤ j < size`; 2³² − 1
/// where there is none.
///
/// Three dispatches: zeros, `i + 1` wherever it is the largest so far, and all of it less 1. The largest of integers
/// does not depend on the order in which threads arrive, so these atomics give the same bits each time.
///
/// # Errors
/// [`DeviceError::Validation`] for an axis that does not exist, or an index that is not an integer;
/// [`DeviceError::TooLarge`] from 2³¹ elements on.
pub fn last_match(
    index: &Layout,
    dtype: DType,
    axis: usize,
    size: usize,
    caps: &Caps,
) -> Result<Lowered, DeviceError> {
    if !dtype.is_int() {
        return Err(invalid(FAMILY, format!("an index is u32 or i32, not {dtype}")));
    }
    if axis >= index.rank() || index.strides.len() != index.rank() {
        return Err(invalid(FAMILY, format!("axis {axis} of shape {} does not exist", index.shape)));
    }
    let mut shape = index.shape.clone();
    shape[axis] = size;
    check_positions(FAMILY, &index.shape)?;
    check_positions(FAMILY, &shape)?;
    let whole = Layout::contiguous(shape);
    if whole.numel() == 0 {
        return Ok(Lowered::default());
    }
    let mut lowered = fill(whole.numel(), DType::U32, caps)?;
    if index.numel() > 0 {
        lowered.launches.push(mark(index, dtype, axis, &whole, caps)?);
    }
    let mut builder = Builder::new(FAMILY, "less_one");
    builder.param("count", whole.numel());
    builder.read_write("output", DType::U32, Operand::Output(0));
    // where nothing came, 0 becomes 2^32 - 1
    builder.function("fn evaluate(i: u32) {\n    output[i] = output[i] - 1u;\n}");
    lowered.launches.push(walk(builder, whole.numel(), caps, 8 * whole.numel() as u64)?);
    Ok(lowered)
}

/// Raises each position that an index names to one more than the place of that index.
fn mark(
    index: &Layout,
    dtype: DType,
    axis: usize,
    whole: &Layout,
    caps: &Caps,
) -> Result<Launch, DeviceError> {
    // the output as if each index were 0, and the place along the axis
    let mut lines = whole.clone();
    let step = std::mem::replace(&mut lines.strides[axis], 0);
    lines.shape = index.shape.clone();
    let mut place = lines.clone();
    place.strides.iter_mut().for_each(|stride| *stride = 0);
    place.strides[axis] = 1;
    let axes = Axes::new('i', &index.shape, &[index, &lines, &place]);
    let mut builder = Builder::new(FAMILY, "mark");
    builder.param("count", axes.count());
    builder.param("size", whole.shape[axis]);
    builder.signed_param("step", step);
    builder.param("index_offset", index.offset);
    let mut text = axes.coordinates(&mut builder, "n");
    let from = axes.terms(&mut builder, "index", 0);
    let line = axes.terms(&mut builder, "line", 1);
    let place = axes.terms(&mut builder, "place", 2);
    // a negative index is a large number, too
    text += &format!("    let j = bitcast<u32>(index[p.index_offset{from}]);\n");
    text +=
        &format!("    if j < p.size {{\n        atomicMax(&output[j * p.step{line}], 1u{place});\n    }}\n");
    builder.read("index", dtype, Operand::Input(0));
    builder.read_write_atomic("output", Operand::Output(0));
    builder.function(format!("fn evaluate(n: u32) {{\n{text}}}"));
    walk(builder, axes.count(), caps, 8 * index.numel() as u64)
}
