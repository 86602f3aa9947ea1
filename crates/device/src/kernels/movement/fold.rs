//! Windows added up where they lie.

use anygrad_layout::{DType, Layout};
use anygrad_shaders::FOLD;

use super::check_positions;
use super::lines::Lines;
use crate::kernels::{Builder, fold_groups, invalid, storage_type};
use crate::{Caps, DeviceError, Lowered, Operand};

const FAMILY: &str = "fold";
const GROUP: u32 = 64;
/// Terms added in a row.
const BLOCK: u32 = 256;

/// `out[.., p, ..] = Σ x[.., w, .., k]` over the windows `w` along `axis` and the taps `k` along the last axis with
/// `w·step + k·dilation = p`, where `apart` is `(step, dilation)`. The result has `length` positions along `axis`, and
/// no last axis. A thread walks the shorter of both, so it takes at most 2¹⁶ rounds.
///
/// # Errors
/// [`DeviceError::Validation`] for an axis that does not exist, windows that end beyond `length`, bool elements;
/// [`DeviceError::TooLarge`] from 2³¹ elements on; [`DeviceError::Unsupported`] for `f64`.
pub fn fold(
    x: &Layout,
    dtype: DType,
    axis: usize,
    length: usize,
    apart: (usize, usize),
    caps: &Caps,
) -> Result<Lowered, DeviceError> {
    let rank = x.rank();
    if axis + 1 >= rank || x.strides.len() != rank {
        return Err(invalid(FAMILY, format!("axis {axis} and a last axis of windows of {}", x.shape)));
    }
    if dtype == DType::Bool {
        return Err(invalid(FAMILY, "bool elements cannot be added"));
    }
    let (count, size) = (x.shape[axis], x.shape[rank - 1]);
    let reach = |n: usize, by: usize| n.saturating_sub(1).saturating_mul(by);
    let empty = x.numel() == 0;
    if !empty && reach(count, apart.0).saturating_add(reach(size, apart.1)) >= length {
        return Err(invalid(
            FAMILY,
            format!("{count} windows of {size}, {apart:?} apart, over {length} elements"),
        ));
    }
    check_positions(FAMILY, &x.shape)?;
    let mut shape = x.shape.clone();
    shape.remove(rank - 1);
    shape[axis] = length;
    check_positions(FAMILY, &shape)?;
    if shape.numel() == 0 {
        return Ok(Lowered::default());
    }
    if empty {
        return super::fill(shape.numel(), dtype, caps);
    }
    // of windows and taps the body walks those that are fewer; a distance that is never taken may be too large
    let step = |n: usize, by: usize| if n > 1 { by } else { 1 };
    let windows = (count, step(count, apart.0), x.strides[axis]);
    let taps = (size, step(size, apart.1), x.strides[rank - 1]);
    let (walked, other) = if size <= count { (taps, windows) } else { (windows, taps) };

    let mut builder = Builder::new(FAMILY, "scan");
    builder.constant("GROUP", GROUP);
    builder.constant("BLOCK", BLOCK);
    builder.alias("T", storage_type(dtype)?);
    let before: Vec<usize> = (0..rank - 1).collect();
    let lines = Lines::new(axis, length, &[&x.permute(&before)]);
    builder.param("count", lines.count());
    builder.param("length", walked.0);
    builder.param("step", walked.1);
    builder.param("others", other.0);
    builder.signed_param("walked_stride", walked.2);
    builder.signed_param("other_stride", other.2);
    lines.emit(&mut builder, &["x"]);
    let over = builder.divisor("distance", other.1, "n");
    builder.function(format!("fn over_distance(n: u32) -> u32 {{\n    return {over};\n}}"));
    builder.read("x", dtype, Operand::Input(0));
    builder.read_write("output", dtype, Operand::Output(0));
    builder.function(
        "fn term(here: Place, a: u32, b: u32) -> T {\n    \
         return x[here.x + a * p.walked_stride + b * p.other_stride];\n}",
    );
    let grid = fold_groups(lines.count().div_ceil(GROUP as usize), caps)?;
    let bytes = 4 * (x.numel() as u64).saturating_add(lines.count() as u64);
    let launch = builder.finish(FOLD, grid, x.numel() as u64, bytes)?;
    Ok(Lowered { launches: vec![launch], scratch: Vec::new() })
}
