//! Where each index comes last.

use anygrad_layout::{DType, Layout};
use anygrad_shaders::LAST_MATCH;

use super::check_positions;
use super::lines::Lines;
use crate::kernels::{Builder, fold_groups, invalid};
use crate::{Caps, DeviceError, Lowered, Operand};

const FAMILY: &str = "last_match";
const GROUP: u32 = 64;
/// Indices of a dispatch: Mesa's lavapipe ends all loops of a thread after 65,535 rounds together.
const PIECE: usize = 1 << 14;

/// `out[.., j, ..]` is the last `i` with `index[.., i, ..] = j` along `axis`, as `u32`, for `0 ≤ j < size`; 2³² − 1
/// where there is none.
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
    let length = index.shape[axis];
    let mut shape = index.shape.clone();
    shape[axis] = size;
    check_positions(FAMILY, &index.shape)?;
    check_positions(FAMILY, &shape)?;
    let mut lowered = Lowered::default();
    if shape.numel() == 0 {
        return Ok(lowered);
    }
    // without indices, one piece writes that there is none
    for start in (0..length.max(1)).step_by(PIECE) {
        let piece = index.slice(axis, start, PIECE.min(length - start), 1);
        let mut builder = Builder::new(FAMILY, if start == 0 { "first" } else { "next" });
        builder.constant("GROUP", GROUP);
        builder.constant("NONE", u32::MAX);
        builder.constant("FIRST", u32::from(start == 0));
        let lines = Lines::new(axis, size, &[&piece]);
        builder.param("count", lines.count());
        builder.param("length", piece.shape[axis]);
        builder.param("start", start);
        builder.signed_param("index_step", piece.strides[axis]);
        lines.emit(&mut builder, &["index"]);
        builder.read("index", dtype, Operand::Input(0));
        builder.read_write("output", DType::U32, Operand::Output(0));
        builder.function(
            "fn index_at(here: Place, i: u32) -> u32 {\n    \
             return bitcast<u32>(index[here.index + i * p.index_step]);\n}",
        );
        let grid = fold_groups(lines.count().div_ceil(GROUP as usize), caps)?;
        let bytes = 4 * (piece.numel() as u64).saturating_add(lines.count() as u64);
        lowered.launches.push(builder.finish(LAST_MATCH, grid, bytes / 4, bytes)?);
    }
    Ok(lowered)
}
