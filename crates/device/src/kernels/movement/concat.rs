//! Joining views along an axis: several of them in one dispatch.

use anygrad_layout::{DType, Layout};
use anygrad_shaders::POINTWISE;

use super::super::loads::Part;
use super::super::together::choose;
use super::{
    Axes, Builder, Loads, check_positions, copy_launch, fold_groups, invalid, keeps_fours, move_to,
    pointwise, store, stored,
};
use crate::{Caps, DeviceError, Launch, Lowered};

const FAMILY: &str = "concat";

/// Views that one dispatch joins at most: its text grows with each.
const MOST: usize = 16;

/// A view with its place among the inputs, and where it goes.
type Piece<'a> = (usize, &'a Layout, Layout);

/// Joins views along `axis`, in order; input `i` is [`Operand::Input`](crate::Operand::Input) `i`. They agree in the
/// other sizes.
///
/// # Errors
/// [`DeviceError::Validation`] if there are none, or their shapes do not fit; [`DeviceError::TooLarge`] from 2³¹
/// elements on; those of [`pointwise::pointwise`].
pub fn concat(inputs: &[&Layout], dtype: DType, axis: usize, caps: &Caps) -> Result<Lowered, DeviceError> {
    let Some(first) = inputs.first() else { return Err(invalid(FAMILY, "nothing to join")) };
    let mut shape = first.shape.clone();
    if axis >= shape.rank() {
        return Err(invalid(FAMILY, format!("axis {axis} of shape {shape} does not exist")));
    }
    for input in inputs {
        let mut other = input.shape.clone();
        if other.rank() == shape.rank() {
            other[axis] = shape[axis];
        }
        if other != shape {
            let message = format!("shape {} does not join {} along axis {axis}", input.shape, first.shape);
            return Err(invalid(FAMILY, message));
        }
    }
    let length = |input: &&Layout| input.shape[axis];
    shape[axis] = inputs.iter().map(length).fold(0, usize::saturating_add);
    check_positions(FAMILY, &shape)?;
    let whole = Layout::contiguous(shape);
    let mut pieces: Vec<Piece<'_>> = Vec::with_capacity(inputs.len());
    let mut start = 0;
    for (i, input) in inputs.iter().enumerate() {
        let into = whole.slice(axis, start, length(input), 1);
        start = length(input).saturating_add(start);
        if input.numel() > 0 {
            pieces.push((i, input, into));
        }
    }
    let most = MOST.min((caps.storage_buffers as usize).saturating_sub(1)).max(1);
    let mut lowered = Lowered::default();
    for pieces in pieces.chunks(most) {
        match pieces {
            [(i, input, into)] => {
                lowered.launches.extend(copy_launch(FAMILY, input, *i, dtype, into, caps)?);
            }
            _ => lowered.launches.push(join(pieces, stored(dtype), caps)?),
        }
    }
    Ok(lowered)
}

/// The dispatch that copies all pieces, each by a stretch of workgroups.
fn join(pieces: &[Piece<'_>], dtype: DType, caps: &Caps) -> Result<Launch, DeviceError> {
    let axes: Vec<Axes> =
        pieces.iter().map(|(_, input, into)| Axes::new('i', &input.shape, &[input, into])).collect();
    // the output is bound one way for all
    let four = pieces.iter().zip(&axes).all(|((.., into), axes)| keeps_fours(axes, into));
    let threads = |input: &Layout| input.numel() / if four { 4 } else { 1 };
    let total = pieces.iter().map(|(_, input, _)| threads(input)).fold(0, usize::saturating_add);
    let (group, repeat) = pointwise::schedule(total, caps);
    let stretch = (group * repeat) as usize;
    let mut builder = Builder::new(FAMILY, if four { "several vec4" } else { "several" });
    builder.constant("GROUP", group);
    builder.constant("REPEAT", repeat);
    let (mut bound, mut ends, mut end, mut bytes) = (Vec::new(), Vec::new(), 0usize, 0u64);
    let mut statement = String::new();
    for (n, ((index, input, into), axes)) in pieces.iter().zip(axes).enumerate() {
        let program = move_to(input, *index, dtype, into);
        program.check(FAMILY)?;
        if n == 0 {
            // all move elements of one type
            program.emit_apply(&mut builder, "")?;
            statement = store(&mut builder, dtype, four)?;
        }
        let prefix = format!("s{n}_");
        builder.param(&format!("{prefix}start"), end);
        builder.param(&format!("{prefix}count"), threads(input));
        let axes = Axes { prefix: prefix.clone(), ..axes };
        let part = Part { prefix: prefix.clone(), ..Part::default() };
        let mut loads = Loads::new(&program, vec![axes], four).of_part(part, bound);
        let mut text = format!(
            "    let at = i - p.{prefix}start;\n    if at >= p.{prefix}count {{\n        return;\n    }}\n"
        );
        text += &loads.axes[0].coordinates(&mut builder, "at");
        text += &loads.emit(&mut builder)?;
        text += &loads.apply();
        text += &statement;
        builder.function(format!("fn {prefix}evaluate(i: u32) {{\n{text}}}"));
        bound = loads.bound;
        end = end.saturating_add(threads(input).next_multiple_of(stretch));
        builder.param(&format!("{prefix}end"), end);
        ends.push((n, format!("{prefix}evaluate(i);")));
        bytes = bytes.saturating_add(program.bytes_read()).saturating_add(4 * program.numel() as u64);
    }
    if end > i32::MAX as usize {
        let what = format!("{FAMILY}: {} views together", pieces.len());
        return Err(DeviceError::TooLarge { bytes: end as u64, limit: i32::MAX as u64, what });
    }
    builder.param("count", end);
    builder.function(format!("fn evaluate(i: u32) {{\n{}}}", choose(&ends, "    ")));
    builder.finish(POINTWISE, fold_groups(end.div_ceil(stretch), caps)?, 0, bytes)
}
