//! Running results along an axis.

use crate::host::Pooled;
use crate::lines::Lines;
use crate::storage::with_words;
use crate::{CpuError, Host, Storage, View, Word};

/// What a scan makes of the elements up to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scan {
    /// Their sum; integers wrap.
    Sum,
    /// Their product; integers wrap.
    Prod,
    /// Of two inputs `a` and `b`: `h_i = a_i·h_{i−1} + b_i` from `h_{−1} = 0`. A factor or a state of 0 contributes
    /// 0, whatever the other is.
    Linear,
    /// The index of the last of the greatest (NaN counts as such).
    MaxIndex,
    /// The index of the last of the least (NaN counts as such).
    MinIndex,
}

impl Scan {
    /// The name used in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Scan::Sum => "cumsum",
            Scan::Prod => "cumprod",
            Scan::Linear => "linear_scan",
            Scan::MaxIndex => "cummax_index",
            Scan::MinIndex => "cummin_index",
        }
    }
}

/// Scans `inputs` (two for [`Scan::Linear`], else one) along `axis`. The result is dense and has their shape. If
/// `exclusive`, each place gets the result of the places before it, the first one that of none.
///
/// `f32` goes on in `f64` and is rounded at each place, so the error does not grow along the axis.
///
/// # Errors
/// [`CpuError::Axis`], [`CpuError::Shape`] for two inputs that differ in it, [`CpuError::Unsupported`] for a linear
/// scan of integers, [`CpuError::Invalid`] for another number of inputs or an exclusive index,
/// [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn scan(
    host: &Host,
    kind: Scan,
    inputs: &[View<'_>],
    axis: usize,
    exclusive: bool,
) -> Result<Storage, CpuError> {
    let op = kind.name();
    let lines = Lines::new(op, inputs, axis)?;
    let run = Run { host, lines: &lines, exclusive };
    match (kind, inputs) {
        (Scan::Linear, [a, b]) => match (a.data, b.data) {
            (Storage::F32(a), Storage::F32(b)) => run.linear(a, b, f64::from, |h| h as f32),
            (Storage::F64(a), Storage::F64(b)) => run.linear(a, b, |x| x, |h| h),
            (other, _) => Err(CpuError::Unsupported { op, dtype: other.dtype() }),
        },
        (Scan::Sum, [x]) => match x.data {
            Storage::F32(x) => run.one(x, 0.0, |s, x, _| s + f64::from(x), |s| s as f32),
            other => with_words!(other, x => run.plain(x, 0.0, Word::plus)),
        },
        (Scan::Prod, [x]) => match x.data {
            Storage::F32(x) => run.one(x, 1.0, |s, x, _| s * f64::from(x), |s| s as f32),
            other => with_words!(other, x => run.plain(x, 1.0, Word::times)),
        },
        (Scan::MaxIndex | Scan::MinIndex, [x]) if !exclusive => {
            let greater = kind == Scan::MaxIndex;
            with_words!(x.data, x => run.one(x, (Default::default(), 0), |best, x, i| later(best, x, i, greater), |(_, i)| i))
        }
        _ => Err(CpuError::Invalid { op, why: "another number of inputs, or an index before the first" }),
    }
}

/// The extreme so far and its index, after element `x` at `i`.
fn later<T: Word>(best: (T, u32), x: T, i: usize, greater: bool) -> (T, u32) {
    let wins = if greater { x >= best.0 } else { x <= best.0 };
    // a number never wins against a NaN, as it compares false
    if i == 0 || wins || x.is_nan() { (x, i as u32) } else { best }
}

/// Lines that go on side by side.
const TILE: usize = 32;

struct Run<'a> {
    host: &'a Host,
    lines: &'a Lines,
    exclusive: bool,
}

impl Run<'_> {
    fn one<T: Word, S: Copy + Send + Sync, R: Pooled>(
        &self,
        data: &[T],
        start: S,
        step: impl Fn(S, T, usize) -> S + Sync,
        value: impl Fn(S) -> R + Sync,
    ) -> Result<Storage, CpuError> {
        self.all(start, |s, i, [x, _]| step(s, data[x], i), value)
    }

    fn plain<T: Pooled>(&self, x: &[T], start: f64, join: fn(T, T) -> T) -> Result<Storage, CpuError> {
        self.one(x, T::from_f64(start), |s, x, _| join(s, x), |s| s)
    }

    fn linear<T: Word, R: Pooled>(
        &self,
        a: &[T],
        b: &[T],
        wide: impl Fn(T) -> f64 + Sync,
        value: impl Fn(f64) -> R + Sync,
    ) -> Result<Storage, CpuError> {
        let step = |h: f64, _, [at_a, at_b]: [usize; 2]| {
            let factor = wide(a[at_a]);
            let kept = if h == 0.0 || factor == 0.0 { 0.0 } else { factor * h };
            kept + wide(b[at_b])
        };
        self.all(0.0, step, value)
    }

    /// `step` gets the state, the index along the axis and the positions in the inputs.
    fn all<S: Copy + Send + Sync, R: Pooled>(
        &self,
        start: S,
        step: impl Fn(S, usize, [usize; 2]) -> S + Sync,
        value: impl Fn(S) -> R + Sync,
    ) -> Result<Storage, CpuError> {
        let lines = self.lines;
        let mut out = self.host.take::<R>(lines.numel())?;
        lines.blocks(&mut out, |left, block| {
            let from = |right: usize| [lines.line(0, left, right), lines.last(left, right)];
            if lines.right == 1 {
                let (mut state, from) = (start, from(0));
                for (i, to) in block.iter_mut().enumerate() {
                    let next = step(state, i, places(from, i));
                    *to = value(if self.exclusive { state } else { next });
                    state = next;
                }
                return;
            }
            // neighbouring lines together, as they may lie side by side in memory
            for tile in (0..lines.right).step_by(TILE) {
                let width = TILE.min(lines.right - tile);
                let (mut states, mut starts) = ([start; TILE], [[(0, 0); 2]; TILE]);
                starts[..width].iter_mut().enumerate().for_each(|(k, to)| *to = from(tile + k));
                for (i, row) in block.chunks_mut(lines.right).enumerate() {
                    let row = row[tile..tile + width].iter_mut();
                    for ((to, state), &from) in row.zip(&mut states).zip(&starts) {
                        let next = step(*state, i, places(from, i));
                        *to = value(if self.exclusive { *state } else { next });
                        *state = next;
                    }
                }
            }
        });
        Ok(R::wrap(out))
    }
}

/// Where place `i` of a line lies in each input.
#[inline(always)]
fn places(from: [(isize, isize); 2], i: usize) -> [usize; 2] {
    from.map(|(start, stride)| (start + i as isize * stride) as usize)
}
