//! Windows row by row: one tap of a whole row of windows at a time, so that the loops run over neighbours and become
//! vector code. What a result is made of meets in the same order as window by window. For `f32` alone; the oracle goes
//! window by window.

use pulp::{Arch, Simd, WithSimd};

use super::NO_INDEX;
use super::slide::Slide;

/// `out[window] = Σ_taps x[..]` for one plane.
pub(super) fn sums(x: &[f32], slide: &Slide, out: &mut [f32]) {
    Arch::new().dispatch(Wide(Sums { x, slide, out }));
}

/// `out[..] += g[window]` for every tap of every window of one plane, where windows are 2×2 side by side or have stride 1.
pub(super) fn spread(g: &[f32], slide: &Slide, out: &mut [f32]) {
    Arch::new().dispatch(Wide(Spread { g, slide, out }));
}

/// Where in the plane each window has its first greatest element or its first NaN; [`NO_INDEX`] in padding alone.
/// `values` has room for a row of windows.
pub(super) fn greatest(x: &[f32], slide: &Slide, values: &mut [f32], out: &mut [u32]) {
    Arch::new().dispatch(Wide(Greatest { x, slide, values, out }));
}

/// What is done to one plane.
trait Plane {
    /// Does it. Write `#[inline(always)]`.
    fn go(self);
}

struct Wide<P>(P);

impl<P: Plane> WithSimd for Wide<P> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        self.0.go();
    }
}

struct Sums<'a> {
    x: &'a [f32],
    slide: &'a Slide,
    out: &'a mut [f32],
}

impl Plane for Sums<'_> {
    #[inline(always)]
    fn go(self) {
        let Self { x, slide, out } = self;
        let width = slide.output[2];
        if slide.halves {
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                let (top, bottom) = slide.halved(row);
                sum_squares(&x[top], &x[bottom], out);
            }
            return;
        }
        out.fill(0.0);
        slide.rows(|row, start| {
            for span in &slide.across {
                let (from, out) = (&x[start + span.first..], &mut out[row * width..][span.windows.clone()]);
                match slide.stride {
                    1 => out.iter_mut().zip(from).for_each(|(to, &x)| *to += x),
                    2 => add_every_other(from, out),
                    step => out.iter_mut().zip(from.iter().step_by(step)).for_each(|(to, &x)| *to += x),
                }
            }
        });
    }
}

/// The sums of squares of 2×2 elements.
#[inline(always)]
fn sum_squares(top: &[f32], bottom: &[f32], out: &mut [f32]) {
    for ((to, a), b) in out.iter_mut().zip(top.as_chunks::<2>().0).zip(bottom.as_chunks::<2>().0) {
        *to = 0.0 + a[0] + a[1] + b[0] + b[1];
    }
}

#[inline(always)]
fn add_every_other(from: &[f32], out: &mut [f32]) {
    let (pairs, last) = from.as_chunks::<2>();
    for (to, x) in out.iter_mut().zip(pairs) {
        *to += x[0];
    }
    if let (Some(to), Some(&x)) = (out.get_mut(pairs.len()), last.first()) {
        *to += x;
    }
}

struct Spread<'a> {
    g: &'a [f32],
    slide: &'a Slide,
    out: &'a mut [f32],
}

impl Plane for Spread<'_> {
    #[inline(always)]
    fn go(self) {
        let Self { g, slide, out } = self;
        let width = slide.output[2];
        if slide.halves {
            for (row, g) in g.chunks_exact(width).enumerate() {
                let (top, bottom) = slide.halved(row);
                spread_pairs(g, &mut out[top]);
                spread_pairs(g, &mut out[bottom]);
            }
            return;
        }
        slide.rows(|row, start| {
            // backwards, so that an element gets its terms in the order of the windows
            for span in slide.across.iter().rev() {
                let (out, g) = (&mut out[start + span.first..], &g[row * width..][span.windows.clone()]);
                out.iter_mut().zip(g).for_each(|(to, &g)| *to += g);
            }
        });
    }
}

#[inline(always)]
fn spread_pairs(g: &[f32], out: &mut [f32]) {
    for (to, &g) in out.as_chunks_mut::<2>().0.iter_mut().zip(g) {
        *to = [to[0] + g, to[1] + g];
    }
}

struct Greatest<'a> {
    x: &'a [f32],
    slide: &'a Slide,
    values: &'a mut [f32],
    out: &'a mut [u32],
}

impl Plane for Greatest<'_> {
    #[inline(always)]
    fn go(self) {
        let Self { x, slide, values, out } = self;
        let width = slide.output[2];
        if slide.halves {
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                let (top, bottom) = slide.halved(row);
                let starts = [top.start as u32, bottom.start as u32];
                greatest_of_squares(&x[top], &x[bottom], starts, out);
            }
            return;
        }
        out.fill(NO_INDEX);
        slide.rows(|row, start| {
            for span in &slide.across {
                let (from, windows) = (start + span.first, span.windows.clone());
                let (out, values) = (&mut out[row * width..][windows.clone()], &mut values[windows]);
                match slide.stride {
                    1 => take_better::<1>(&x[from..], from as u32, values, out),
                    2 => take_better::<2>(&x[from..], from as u32, values, out),
                    step => {
                        let (mut at, now) = (from as u32, x[from..].iter().step_by(step));
                        for ((value, index), &x) in values.iter_mut().zip(out).zip(now) {
                            (*value, *index) = better((*value, *index), (x, at));
                            at = at.wrapping_add(step as u32);
                        }
                    }
                }
            }
        });
    }
}

/// The greater of two elements with their positions, the first of equals; a NaN is greater than all numbers.
#[inline(always)]
fn better(best: (f32, u32), next: (f32, u32)) -> (f32, u32) {
    // chosen without a jump, which could not be predicted
    let beats = (next.0 > best.0) | (next.0.is_nan() & !best.0.is_nan()) | (best.1 == NO_INDEX);
    (if beats { next.0 } else { best.0 }, if beats { next.1 } else { best.1 })
}

#[inline(always)]
fn greatest_of_squares(top: &[f32], bottom: &[f32], starts: [u32; 2], out: &mut [u32]) {
    let [mut above, mut below] = starts;
    for ((to, a), b) in out.iter_mut().zip(top.as_chunks::<2>().0).zip(bottom.as_chunks::<2>().0) {
        let best = better((a[0], above), (a[1], above + 1));
        *to = better(better(best, (b[0], below)), (b[1], below + 1)).1;
        (above, below) = (above.wrapping_add(2), below.wrapping_add(2));
    }
}

/// One more element for each of a row of windows, `STEP` elements apart, the first of them number `at` of the plane.
#[inline(always)]
fn take_better<const STEP: usize>(from: &[f32], at: u32, values: &mut [f32], out: &mut [u32]) {
    let (groups, rest) = from.as_chunks::<STEP>();
    let mut now = at;
    for ((value, index), x) in values.iter_mut().zip(out.iter_mut()).zip(groups) {
        (*value, *index) = better((*value, *index), (x[0], now));
        now = now.wrapping_add(STEP as u32);
    }
    let last = groups.len();
    if let (Some(value), Some(index), Some(&x)) = (values.get_mut(last), out.get_mut(last), rest.first()) {
        (*value, *index) = better((*value, *index), (x, at.wrapping_add((last * STEP) as u32)));
    }
}
