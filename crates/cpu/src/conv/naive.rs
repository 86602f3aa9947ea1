use super::Geometry;
use crate::host::Pooled;
use crate::parallel::chunks;
use crate::{CpuError, Host};

/// The formula, one output element at a time: for the oracle and for integers.
pub(super) fn convolve<T: Pooled>(
    host: &Host,
    geometry: &Geometry,
    x: &[T],
    w: &[T],
    numel: usize,
) -> Result<Vec<T>, CpuError> {
    let mut out = host.take::<T>(numel)?;
    let (positions, channels) = (geometry.positions(), geometry.out_channels * geometry.conv.groups);
    let work = numel.saturating_mul(geometry.terms().max(1));
    chunks(&mut out, positions, work, |plane, out| {
        let (image, channel) = (plane / channels, plane % channels);
        for (position, to) in out.iter_mut().enumerate() {
            *to = element(geometry, x, w, image, channel, position);
        }
    });
    Ok(out)
}

fn element<T: Pooled>(g: &Geometry, x: &[T], w: &[T], image: usize, channel: usize, position: usize) -> T {
    let [_, high, wide] = g.output;
    let at = [position / wide / high, position / wide % high, position % wide];
    let first = channel / g.out_channels * g.in_channels;
    let mut sum = T::default();
    for c in 0..g.in_channels {
        for z in 0..g.kernel[0] {
            for y in 0..g.kernel[1] {
                for t in 0..g.kernel[2] {
                    let taps = [z, y, t];
                    let Some(from) = input_position(g, at, taps) else { continue };
                    let from = g.x.offset
                        + image as isize * g.x.outer
                        + (first + c) as isize * g.x.channel
                        + dot(from, g.x.spatial);
                    let weight =
                        [0, 1, 2].map(|a| if g.conv.flip { g.kernel[a] - 1 - taps[a] } else { taps[a] });
                    let weight = g.w.offset
                        + channel as isize * g.w.outer
                        + c as isize * g.w.channel
                        + dot(weight, g.w.spatial);
                    sum = sum.plus(x[from as usize].times(w[weight as usize]));
                }
            }
        }
    }
    sum
}

/// The input position that output position `at` reads at `taps`, unless that is padding or spread.
fn input_position(g: &Geometry, at: [usize; 3], taps: [usize; 3]) -> Option<[usize; 3]> {
    let mut from = [0; 3];
    for axis in 0..3 {
        let spread = (at[axis] * g.conv.stride[axis] + taps[axis] * g.conv.dilation[axis]) as isize
            - g.conv.pad_lo[axis];
        let step = g.conv.input_dilation[axis] as isize;
        if spread < 0 || spread % step != 0 || spread / step >= g.input[axis] as isize {
            return None;
        }
        from[axis] = (spread / step) as usize;
    }
    Some(from)
}

fn dot(index: [usize; 3], strides: [isize; 3]) -> isize {
    index.iter().zip(strides).map(|(&i, s)| i as isize * s).sum()
}
