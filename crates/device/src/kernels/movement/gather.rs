//! Picking elements along an axis by index.

use anygrad_layout::{DType, Layout};

use super::{check_index, check_positions, walk};
use crate::kernels::address::Axes;
use crate::kernels::loads::Loads;
use crate::kernels::{Builder, storage_type};
use crate::{Caps, DeviceError, Lowered, Operand};

const FAMILY: &str = "gather";

/// `out[.., i, ..] = x[.., index[.., i, ..], ..]` with the index along `axis`, of input 0 by input 1. The shape of
/// `index` is that of the result, and that of `x` but for `axis`. An index that is out of range, as a negative
/// one is, reads 0.
///
/// Where the index is the same along the last axes and the elements lie side by side, as in the rows of an
/// embedding, four are read at a time (variant `rows`).
///
/// # Errors
/// [`DeviceError::Validation`] for shapes that do not fit, an axis that does not exist, an index that is not an
/// integer; [`DeviceError::TooLarge`] from 2³¹ elements on; [`DeviceError::Unsupported`] for `f64`.
pub fn gather(
    x: &Layout,
    index: &Layout,
    index_dtype: DType,
    dtype: DType,
    axis: usize,
    caps: &Caps,
) -> Result<Lowered, DeviceError> {
    check_index(FAMILY, x, index, index_dtype, axis)?;
    check_positions(FAMILY, &x.shape)?;
    if index.numel() == 0 {
        return Ok(Lowered::default());
    }
    // x as if the index were always 0: it has the shape of the result, and does not move along the axis
    let mut fixed = x.clone();
    fixed.shape = index.shape.clone();
    fixed.strides[axis] = 0;
    let mut axes = Axes::new('i', &index.shape, &[&fixed, index]);
    let step = x.strides[axis];
    let aligned = axes.strides[0].split_last().is_some_and(|(last, rest)| {
        *last == 1 && rest.iter().chain([&step]).all(|s| s % 4 == 0) && x.offset.is_multiple_of(4)
    });
    let same = axes.strides[1].last() == Some(&0);
    let four = aligned && same && Loads::fours_fit(std::slice::from_ref(&axes));
    let unit = if four { 4 } else { 1 };

    let mut builder = Builder::new(FAMILY, if four { "rows" } else { "strided" });
    if four {
        axes.sizes.iter_mut().rev().take(1).for_each(|n| *n /= 4);
        // the last coordinate counts fours, and so do positions in x
        if let Some((_, rest)) = axes.strides[0].split_last_mut() {
            rest.iter_mut().for_each(|s| *s /= 4);
        }
    }
    let count = axes.count();
    builder.param("count", count);
    let mut text = axes.coordinates(&mut builder, "i");
    builder.param("size", x.shape[axis]);
    builder.signed_param("step", step / unit as isize);
    builder.param("x_offset", x.offset / unit);
    builder.param("index_offset", index.offset);
    let index_terms = axes.terms(&mut builder, "index", 1);
    let x_terms = axes.terms(&mut builder, "x", 0);
    let ty = storage_type(dtype)?;
    let value = if four { format!("vec4<{ty}>()") } else { format!("{ty}()") };
    // a negative index is a large number, too
    text += &format!("    let j = bitcast<u32>(index[p.index_offset{index_terms}]);\n");
    text += &format!("    var value = {value};\n    if j < p.size {{\n");
    text +=
        &format!("        value = x[p.x_offset{x_terms} + j * p.step];\n    }}\n    output[i] = value;\n");
    if four {
        builder.read_vec4("x", dtype, Operand::Input(0));
    } else {
        builder.read("x", dtype, Operand::Input(0));
    }
    builder.read("index", index_dtype, Operand::Input(1));
    if four {
        builder.read_write_vec4("output", dtype, Operand::Output(0));
    } else {
        builder.read_write("output", dtype, Operand::Output(0));
    }
    builder.function(format!("fn evaluate(i: u32) {{\n{text}}}"));
    // elements read and written, and the indices
    let bytes = (index.numel() as u64).saturating_mul(8).saturating_add(4 * (count as u64));
    let launch = walk(builder, count, caps, bytes)?;
    Ok(Lowered { launches: vec![launch], scratch: Vec::new() })
}
