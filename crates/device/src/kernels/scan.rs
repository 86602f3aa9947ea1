//! Running results along an axis.

mod kind;
mod pass;

use anygrad_layout::{DType, Layout};

use self::pass::{Pass, Terms, Worker};
use super::lines::Lines;
use super::{invalid, storage_type};
use crate::{Caps, DeviceError, Lowered};

/// What a scan computes from the elements up to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scan {
    /// Their sum.
    Sum,
    /// Their product.
    Prod,
    /// Of two inputs `a` and `b`: `h_i = a_i·h_{i−1} + b_i` from `h_{−1} = 0`; a factor or state of 0 contributes 0.
    Linear,
    /// The index of the last of the largest; NaN counts as such.
    MaxIndex,
    /// The index of the last of the smallest; NaN counts as such.
    MinIndex,
}

/// The variants of this family, first match first:
///
/// | name | fits | why |
/// | --- | --- | --- |
/// | `thread` | short lines; many lines side by side in memory; any on software adapters | one thread a chunk needs no barrier |
/// | `workgroup` | the rest | neighbouring threads read neighbouring elements |
///
/// Where lines are few, either cuts them into chunks: the chunks' totals are written and scanned, and then each
/// chunk is scanned behind the total before it.
pub const VARIANTS: &[&str] = &["thread", "workgroup"];

const FAMILY: &str = "scan";

/// Scans `inputs` (two for [`Scan::Linear`], else one) of one shape along `axis`. Output 0 is dense and has that
/// shape; it is `u32` for an index. If `exclusive`, each place gets the result of those before it. How terms are
/// grouped depends on the shape and on `caps` only, and no f32 sum is longer than 256 terms in a row.
///
/// # Errors
/// [`DeviceError::Validation`] for inputs that do not fit, an axis that does not exist, bool elements, a linear scan
/// of integers, an exclusive index, or if `force` names no variant; [`DeviceError::TooLarge`] from 2³¹ elements on;
/// [`DeviceError::Unsupported`] for `f64`.
pub fn scan(
    kind: Scan,
    inputs: &[&Layout],
    dtype: DType,
    axis: usize,
    exclusive: bool,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    let wanted = if kind == Scan::Linear { 2 } else { 1 };
    if inputs.len() != wanted {
        return Err(invalid(FAMILY, format!("{kind:?} of {} inputs", inputs.len())));
    }
    if dtype == DType::Bool || (kind == Scan::Linear && !dtype.is_float()) {
        return Err(invalid(FAMILY, format!("{kind:?} of {dtype}")));
    }
    if exclusive && kind.is_index() {
        return Err(invalid(FAMILY, "the index before the first"));
    }
    storage_type(dtype)?;
    let lines = Lines::new(FAMILY, inputs, axis)?;
    if lines.numel() == 0 {
        return Ok(Lowered::default());
    }
    let threads = caps.software || lines.length <= 64 || (lines.columns() && lines.rows >= 8192);
    let variant = match force {
        None if threads => "thread",
        None => "workgroup",
        Some(name) => *VARIANTS
            .iter()
            .find(|v| **v == name)
            .ok_or_else(|| invalid(FAMILY, format!("no variant {name}")))?,
    };
    let worker = if variant == "thread" { Worker::Thread } else { Worker::workgroup(caps) };
    let mut lowered = Lowered::default();
    let first = Pass {
        variant,
        worker,
        kind,
        dtype,
        exclusive,
        rows: lines.rows,
        length: lines.length,
        chunk: worker.chunk(lines.rows, lines.length, caps),
        terms: Terms::Lines(&lines),
        carries: None,
        totals: None,
    };
    levels(first, caps, &mut lowered)?;
    Ok(lowered)
}

/// Adds the dispatches of a scan: one if a chunk is a line; else the chunks' totals, their scan in place, and the
/// chunks behind them.
fn levels(pass: Pass<'_>, caps: &Caps, lowered: &mut Lowered) -> Result<(), DeviceError> {
    let chunks = pass.chunks();
    if chunks == 1 {
        lowered.launches.push(pass.launch(caps)?);
        return Ok(());
    }
    let scratch = lowered.scratch.len();
    let totals = pass.rows.saturating_mul(chunks);
    lowered.scratch.push(totals.saturating_mul(4 * pass.kind.words()));
    lowered.launches.push(Pass { totals: Some(scratch), ..pass }.launch(caps)?);
    let above = Pass {
        exclusive: false,
        length: chunks,
        chunk: chunks.min(pass.worker.longest()),
        terms: Terms::Totals(scratch),
        ..pass
    };
    levels(above, caps, lowered)?;
    lowered.launches.push(Pass { carries: Some(scratch), ..pass }.launch(caps)?);
    Ok(())
}
