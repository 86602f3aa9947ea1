//! A convolution of a spread input without multiplying the zeros between its elements.
//!
//! Along an axis spread by `s` the outputs at `r, r + s, …` read the same taps, every `s`-th one: so they are a
//! convolution of the input as it is with a part of the kernel. The input gradient of a strided convolution is made of
//! `s²` such phases, which together have the taps of one kernel.

use anygrad_layout::Conv;
use smallvec::SmallVec;

use super::{Geometry, conv};
use crate::parallel::chunks;
use crate::{CpuError, Host, View};

/// The outputs `first, first + step, …` of an axis, `count` of them, that read `taps` taps from `tap` on.
#[derive(Clone, Copy, Debug)]
struct Phase {
    first: usize,
    count: usize,
    tap: usize,
    taps: usize,
    /// Zeros before the input.
    pad: isize,
}

/// Whether phases are fewer multiplications.
pub(super) fn fits(g: &Geometry) -> bool {
    let spread = |axis: usize| g.conv.input_dilation[axis] > 1;
    (0..3).any(spread)
        && (0..3).all(|axis| !spread(axis) || (g.conv.stride[axis], g.conv.dilation[axis]) == (1, 1))
}

/// As [`conv`], of `f32`.
pub(super) fn convolve(
    host: &Host,
    g: &Geometry,
    x: View<'_>,
    w: View<'_>,
    out: &mut [f32],
) -> Result<(), CpuError> {
    let steps = g.conv.input_dilation;
    let [deep, high, wide] = [0, 1, 2].map(|axis| phases(g, axis));
    let mut parts = Vec::new();
    for &z in &deep {
        for &y in &high {
            for &x_phase in &wide {
                let phase = [z, y, x_phase];
                let values =
                    if phase.iter().any(|p| p.taps == 0) { None } else { Some(part(host, g, x, w, phase)?) };
                parts.push((phase, values));
            }
        }
    }
    let [_, rows, columns] = g.output;
    chunks(out, g.positions(), out.len(), |plane, out| {
        // the phases of the last axis side by side, as rows of the output have them
        for parts in parts.chunks(wide.len()) {
            let Some(([z, y, _], _)) = parts.first() else { return };
            let mut from: SmallVec<[_; 2]> = parts
                .iter()
                .map(|([z, y, x], values)| {
                    let size = z.count * y.count * x.count;
                    let values = values.as_ref().and_then(|values| values.as_f32());
                    values.map(|values| values[plane * size..][..size].chunks_exact(x.count))
                })
                .collect();
            for i in (0..z.count).map(|i| z.first + i * steps[0]) {
                for j in (0..y.count).map(|j| y.first + j * steps[1]) {
                    let row = &mut out[(i * rows + j) * columns..][..columns];
                    let mut next = |at: usize| from.get_mut(at).and_then(|rows| rows.as_mut()?.next());
                    if steps[2] == 2 && wide.len() == 2 {
                        interleave(next(0), next(1), row);
                        continue;
                    }
                    for (at, x) in wide.iter().enumerate() {
                        let to = row.iter_mut().skip(x.first).step_by(steps[2]);
                        match next(at) {
                            Some(from) => to.zip(from).for_each(|(to, &x)| *to = x),
                            None => to.for_each(|to| *to = 0.0),
                        }
                    }
                }
            }
        }
    });
    parts.into_iter().filter_map(|(_, values)| values).for_each(|values| host.recycle(values));
    Ok(())
}

/// A row of the elements of two rows in turn, of which either may be zeros.
fn interleave(even: Option<&[f32]>, odd: Option<&[f32]>, out: &mut [f32]) {
    let (pairs, last) = out.as_chunks_mut::<2>();
    match (even, odd) {
        (Some(even), Some(odd)) => {
            pairs.iter_mut().zip(even).zip(odd).for_each(|((to, &a), &b)| *to = [a, b]);
        }
        (Some(even), None) => pairs.iter_mut().zip(even).for_each(|(to, &a)| *to = [a, 0.0]),
        (None, Some(odd)) => pairs.iter_mut().zip(odd).for_each(|(to, &b)| *to = [0.0, b]),
        (None, None) => pairs.as_flattened_mut().fill(0.0),
    }
    if let Some(to) = last.first_mut() {
        *to = even.and_then(|even| even.last()).copied().unwrap_or(0.0);
    }
}

/// The phases of an axis that have any outputs.
fn phases(g: &Geometry, axis: usize) -> Vec<Phase> {
    let (step, kernel, out) = (g.conv.input_dilation[axis], g.kernel[axis], g.output[axis]);
    let pad = g.conv.pad_lo[axis];
    if step == 1 {
        return vec![Phase { first: 0, count: out, tap: 0, taps: kernel, pad }];
    }
    let phase = |first: usize| {
        // the first tap that reads an element rather than a zero
        let tap = (pad - first as isize).rem_euclid(step as isize) as usize;
        let before = (pad - (first + tap) as isize) / step as isize;
        let (count, taps) = ((out - first).div_ceil(step), kernel.saturating_sub(tap).div_ceil(step));
        Phase { first, count, tap, taps, pad: before }
    };
    (0..step.min(out)).map(phase).collect()
}

/// The outputs of one phase, dense.
fn part(
    host: &Host,
    g: &Geometry,
    x: View<'_>,
    w: View<'_>,
    phase: [Phase; 3],
) -> Result<crate::Storage, CpuError> {
    let mut own = Conv { groups: g.conv.groups, flip: g.conv.flip, ..g.conv.clone() };
    let mut weights = w.layout.clone();
    for (axis, phase) in phase.into_iter().enumerate().skip(3 - own.rank) {
        let (Phase { count, tap, taps, pad, .. }, step) = (phase, own.input_dilation[axis]);
        if step == 1 {
            continue;
        }
        own.input_dilation[axis] = 1;
        own.pad_lo[axis] = pad;
        own.pad_hi[axis] = (count + taps - 1) as isize - g.input[axis] as isize - pad;
        // a flipped kernel is read from its last tap on
        let first = if own.flip { g.kernel[axis] - 1 - tap - (taps - 1) * step } else { tap };
        weights = weights.slice(axis + own.rank - 1, first, taps, step as isize);
    }
    conv(host, x, View { data: w.data, layout: &weights }, &own)
}
