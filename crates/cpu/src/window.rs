//! Windows that slide over the last one to three axes of `[N, C, *s]`: the parts pooling is made of.

mod rows;
mod slide;

use std::borrow::Cow;

use anygrad_layout::{DType, Window};

use crate::copy::dense;
use crate::host::Pooled;
use crate::parallel::chunks;
use crate::storage::with_words;
use crate::{CpuError, Host, Storage, View, Word};
use slide::Slide;

/// The index [`max_index`] gives for a window that holds nothing but padding: [`window_gather`] reads 0 there,
/// and [`window_scatter`] adds it nowhere.
pub const NO_INDEX: u32 = u32::MAX;

/// Sums over windows: `out[n, c, o] = Σ_taps x[n, c, o·stride + tap·dilation − pad]`, padding counting 0.
///
/// Shapes: `x` is `[N, C, *s]` with `window.rank` sizes `s`, the result `[N, C, *out]`, dense. Integers wrap.
///
/// # Errors
/// [`CpuError::Shape`] unless the rank is `window.rank + 2`, [`CpuError::Invalid`] for a step or size of 0 or
/// beyond reason, [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn window_sum(host: &Host, x: View<'_>, window: &Window) -> Result<Storage, CpuError> {
    const OP: &str = "window_sum";
    let (planes, input) = planes_of(OP, x, window)?;
    let slide = Slide::new(OP, window, input, None)?;
    with_words!(x.data, data => sums(host, dense(host, data, x.layout)?, planes, &slide).map(Word::wrap))
}

fn sums<T: Pooled>(host: &Host, x: Cow<'_, [T]>, planes: usize, slide: &Slide) -> Result<Vec<T>, CpuError> {
    let mut out = host.take::<T>(slide.outputs(planes)?)?;
    chunks(&mut out, slide.out_plane(), slide.work(planes), |plane, out| {
        let x = &x[plane * slide.in_plane()..][..slide.in_plane()];
        if let (true, Some(x), Some(out)) = (slide.is_wide(), floats(x), floats_mut(out)) {
            return rows::sums(x, slide, out);
        }
        slide.windows(|at, taps| {
            let mut sum = T::default();
            slide.taps(taps, |i| sum = sum.plus(x[i]));
            out[at] = sum;
        });
    });
    Ok(out)
}

/// The adjoint of [`window_sum`]: every input position gets the sum of `g` over the windows that read it.
///
/// Shapes: `g` is `[N, C, *out]`, the result `[N, C, *in_spatial]`, where the last `window.rank` entries of
/// `in_spatial` count.
///
/// # Errors
/// As [`window_sum`], and [`CpuError::Shape`] if `out` is not what `in_spatial` gives.
pub fn window_sum_adjoint(
    host: &Host,
    g: View<'_>,
    window: &Window,
    in_spatial: [usize; 3],
) -> Result<Storage, CpuError> {
    const OP: &str = "window_sum_adjoint";
    let (planes, output) = planes_of(OP, g, window)?;
    let slide = Slide::new(OP, window, in_spatial, Some(output))?;
    with_words!(g.data, data => spread(host, dense(host, data, g.layout)?, planes, &slide).map(Word::wrap))
}

fn spread<T: Pooled>(host: &Host, g: Cow<'_, [T]>, planes: usize, slide: &Slide) -> Result<Vec<T>, CpuError> {
    let mut out = host.take::<T>(slide.inputs(planes)?)?;
    out.fill(T::default());
    chunks(&mut out, slide.in_plane(), slide.work(planes), |plane, out| {
        let g = &g[plane * slide.out_plane()..][..slide.out_plane()];
        let by_rows = slide.is_wide() && (slide.halves || slide.stride == 1);
        if let (true, Some(g), Some(out)) = (by_rows, floats(g), floats_mut(out)) {
            return rows::spread(g, slide, out);
        }
        slide.windows(|at, taps| slide.taps(taps, |i| out[i] = out[i].plus(g[at])));
    });
    Ok(out)
}

/// Where each window has its maximum: the row-major `u32` index within the input plane `s` of the first greatest
/// element, or of the first NaN. Padding is never chosen; a window of nothing else gives [`NO_INDEX`].
///
/// Shapes: `x` is `[N, C, *s]`, the result `[N, C, *out]`.
///
/// # Errors
/// As [`window_sum`].
pub fn max_index(host: &Host, x: View<'_>, window: &Window) -> Result<Storage, CpuError> {
    const OP: &str = "max_index";
    let (planes, input) = planes_of(OP, x, window)?;
    let slide = Slide::new(OP, window, input, None)?;
    with_words!(x.data, data => greatest(host, dense(host, data, x.layout)?, planes, &slide).map(Storage::U32))
}

fn greatest<T: Pooled>(
    host: &Host,
    x: Cow<'_, [T]>,
    planes: usize,
    slide: &Slide,
) -> Result<Vec<u32>, CpuError> {
    let mut out = host.take::<u32>(slide.outputs(planes)?)?;
    chunks(&mut out, slide.out_plane(), slide.work(planes), |plane, out| {
        let x = &x[plane * slide.in_plane()..][..slide.in_plane()];
        if let (true, Some(x)) = (slide.is_wide(), floats(x)) {
            let mut values = vec![0.0; slide.output[2]];
            return rows::greatest(x, slide, &mut values, out);
        }
        slide.windows(|at, taps| {
            let Some(first) = slide.first_tap(taps) else {
                out[at] = NO_INDEX;
                return;
            };
            // An index is chosen without a jump, which could not be predicted.
            let mut best = first;
            slide.taps(taps, |i| {
                let beats = (x[i] > x[best]) | (x[i].is_nan() & !x[best].is_nan());
                best = if beats { i } else { best };
            });
            out[at] = best as u32;
        });
    });
    Ok(out)
}

/// Reads each plane at its indices: `out[n, c, o] = x[n, c, index[n, c, o]]`, the index counting the plane's
/// elements in row-major order. An index outside the plane reads 0.
///
/// Shapes: `x` is `[N, C, *s]`, `index` (`u32`) and the result are `[N, C, *out]`.
///
/// # Errors
/// [`CpuError::Shape`] unless `N` and `C` agree, [`CpuError::DType`] for another index type,
/// [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn window_gather(host: &Host, x: View<'_>, index: View<'_>) -> Result<Storage, CpuError> {
    const OP: &str = "window_gather";
    x.check(OP)?;
    let index_data = indices_of(OP, host, index)?;
    let ([n, c, spatial @ ..], [index_n, index_c, out @ ..]) = (x.shape(), index.shape()) else {
        return Err(differ(OP, x, index));
    };
    if (n, c) != (index_n, index_c) {
        return Err(differ(OP, x, index));
    }
    let (plane, out_plane): (usize, usize) = (spatial.iter().product(), out.iter().product());
    with_words!(x.data, data => {
        let data = dense(host, data, x.layout)?;
        let mut out = host.take(index_data.len())?;
        let work = out.len();
        chunks(&mut out, out_plane, work, |i, out| {
            let (x, index) = (&data[i * plane..][..plane], &index_data[i * out_plane..][..out_plane]);
            for (to, &i) in out.iter_mut().zip(index) {
                *to = x.get(i as usize).copied().unwrap_or_default();
            }
        });
        Ok(Word::wrap(out))
    })
}

/// The adjoint of [`window_gather`]: adds each element of `g` at its index of its plane, in row-major order.
/// Indices outside the plane add nowhere.
///
/// Shapes: `g` and `index` (`u32`) are `[N, C, *out]`, the result `[N, C, *in_spatial]`, where the last
/// `window.rank` entries of `in_spatial` count.
///
/// # Errors
/// As [`window_sum_adjoint`], and [`CpuError::DType`] for another index type.
pub fn window_scatter(
    host: &Host,
    g: View<'_>,
    index: View<'_>,
    window: &Window,
    in_spatial: [usize; 3],
) -> Result<Storage, CpuError> {
    const OP: &str = "window_scatter";
    let (planes, output) = planes_of(OP, g, window)?;
    let index_data = indices_of(OP, host, index)?;
    if g.shape() != index.shape() {
        return Err(differ(OP, g, index));
    }
    let slide = Slide::new(OP, window, in_spatial, Some(output))?;
    let (plane, out_plane) = (slide.in_plane(), slide.out_plane());
    with_words!(g.data, data => {
        let data = dense(host, data, g.layout)?;
        let mut out = host.take(slide.inputs(planes)?)?;
        out.fill(Default::default());
        let work = out.len() + data.len();
        chunks(&mut out, plane, work, |i, out| {
            let (g, index) = (&data[i * out_plane..][..out_plane], &index_data[i * out_plane..][..out_plane]);
            for (&g, &i) in g.iter().zip(index) {
                if let Some(to) = out.get_mut(i as usize) {
                    *to = Word::plus(*to, g);
                }
            }
        });
        Ok(Word::wrap(out))
    })
}

/// The elements, if they are `f32`.
fn floats<T: Word>(x: &[T]) -> Option<&[f32]> {
    (T::DTYPE == DType::F32).then(|| bytemuck::cast_slice(x))
}

fn floats_mut<T: Word>(x: &mut [T]) -> Option<&mut [f32]> {
    (T::DTYPE == DType::F32).then(|| bytemuck::cast_slice_mut(x))
}

fn differ(op: &'static str, left: View<'_>, right: View<'_>) -> CpuError {
    CpuError::Shape { op, left: left.shape().to_vec(), right: right.shape().to_vec() }
}

fn indices_of<'a>(op: &'static str, host: &Host, index: View<'a>) -> Result<Cow<'a, [u32]>, CpuError> {
    index.check(op)?;
    let Storage::U32(data) = index.data else {
        return Err(CpuError::DType { op, expected: u32::DTYPE, found: index.dtype() });
    };
    dense(host, data, index.layout)
}

/// The number of planes, `N·C`, and their sizes.
fn planes_of(op: &'static str, x: View<'_>, window: &Window) -> Result<(usize, [usize; 3]), CpuError> {
    x.check(op)?;
    match x.shape() {
        [n, c, spatial @ ..] if (1..=3).contains(&spatial.len()) && spatial.len() == window.rank => {
            let mut sizes = [1; 3];
            sizes.iter_mut().rev().zip(spatial.iter().rev()).for_each(|(to, &from)| *to = from);
            Ok((n.saturating_mul(*c), sizes))
        }
        shape => Err(CpuError::Shape { op, left: shape.to_vec(), right: window.kernel.to_vec() }),
    }
}
