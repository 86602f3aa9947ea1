//! Few output channels from many: each input position is multiplied by all weights, and the products are added where
//! they belong. The matrix to write has the taps of the outputs, not of the inputs: an input gradient with fewer
//! channels than the gradient it comes from is such a convolution.

use std::ops::Range;

use anygrad_layout::Layout;
use rayon::prelude::*;

use super::Geometry;
use crate::copy::dense_copy;
use crate::parallel::worth_threads;
use crate::product::{Matrix, Product};
use crate::walk::Walk;
use crate::{CpuError, Host, View};

/// Products of an image beyond which they would leave the caches.
const LIMIT: usize = 1 << 20;

/// Computes the convolution, if this is the way to do it.
pub(super) fn convolve(
    host: &Host,
    g: &Geometry,
    x: &[f32],
    w: View<'_>,
    out: &mut [f32],
) -> Result<bool, CpuError> {
    let conv = &g.conv;
    let plain = conv.groups == 1 && conv.stride == [1; 3] && conv.input_dilation == [1; 3];
    let (taps, inputs) = (g.kernel.iter().product::<usize>(), g.input.iter().product::<usize>());
    let fewer = 2 * g.out_channels * inputs < g.in_channels * g.positions();
    let products = g.out_channels.saturating_mul(taps).saturating_mul(inputs);
    if !plain || !fewer || taps < 2 || inputs == 0 || products > LIMIT {
        return Ok(false);
    }
    let spatial = Layout { shape: g.input.into(), strides: g.x.spatial.as_slice().into(), offset: 0 };
    let plane = Walk::new(&spatial);
    let ([_], &[column]) = (plane.sizes.as_slice(), plane.strides.as_slice()) else { return Ok(false) };

    // a row for each output channel and tap
    let rank = w.layout.rank();
    let mut axes: Vec<usize> = (0..rank).filter(|&axis| axis != 1).collect();
    axes.push(1);
    let by_rows = w.layout.permute(&axes);
    let rows = Walk::new(&by_rows.slice(rank - 1, 0, 1, 1));
    let (data, stride) = (w.data.as_f32().unwrap_or_default(), rows.strides.first().copied().unwrap_or(0));
    let borrowed = rows.sizes.len() == 1;
    let copied = if borrowed { Vec::new() } else { dense_copy(host, data, &by_rows)? };
    let weights = if borrowed {
        Matrix { data, offset: w.layout.offset, row: stride, column: g.w.channel }
    } else {
        Matrix { data: &copied, offset: 0, row: g.in_channels as isize, column: 1 }
    };

    let image = g.out_channels * g.positions();
    let worth = worth_threads(out.len().saturating_mul(g.in_channels).saturating_mul(taps) / 16);
    let inside = worth && g.images < rayon::current_num_threads();
    let one = |(i, out): (usize, &mut [f32])| {
        let mut scratch = host.take::<f32>(products)?;
        let offset = (g.x.offset + i as isize * g.x.outer) as usize;
        let input = Matrix { data: x, offset, row: g.x.channel, column };
        let (m, k, n) = (g.out_channels * taps, g.in_channels, inputs);
        let product = Product { m, k, n, out_row: n, accumulate: false, threads: inside };
        product.run(&mut scratch, weights, input)?;
        let add = |(out, products): (&mut [f32], &[f32])| add_up(g, products, out);
        let channel = taps * inputs;
        if inside {
            out.par_chunks_mut(g.positions()).zip(scratch.par_chunks(channel)).for_each(add);
        } else {
            out.chunks_mut(g.positions()).zip(scratch.chunks(channel)).for_each(add);
        }
        host.recycle(scratch.into());
        Ok(())
    };
    if worth && !inside {
        out.par_chunks_mut(image).enumerate().try_for_each(one)?;
    } else {
        out.chunks_mut(image).enumerate().try_for_each(one)?;
    }
    host.recycle(copied.into());
    Ok(true)
}

/// The sum of the products of one output channel, `[taps, inputs]`, each added at its place, in the order of the taps.
fn add_up(g: &Geometry, products: &[f32], out: &mut [f32]) {
    out.fill(0.0);
    let [_, high, wide] = g.input;
    let [_, out_high, out_wide] = g.output;
    let mut planes = products.chunks_exact(g.input.iter().product());
    for z in 0..g.kernel[0] {
        for y in 0..g.kernel[1] {
            for x in 0..g.kernel[2] {
                let Some(plane) = planes.next() else { return };
                let reads = |axis: usize, tap: usize| Shift::new(g, axis, tap);
                let (deep, down, across) = (reads(0, z), reads(1, y), reads(2, x));
                for i in deep.inputs.clone() {
                    for j in down.inputs.clone() {
                        let from = &plane[(i * high + j) * wide..][across.inputs.clone()];
                        let start = (deep.at(i) * out_high + down.at(j)) * out_wide;
                        let to = &mut out[start + across.at(across.inputs.start)..][..from.len()];
                        to.iter_mut().zip(from).for_each(|(to, &x)| *to += x);
                    }
                }
            }
        }
    }
}

/// Along an axis, the inputs that some output reads at a tap, and how far that output is ahead.
struct Shift {
    inputs: Range<usize>,
    ahead: isize,
}

impl Shift {
    fn new(g: &Geometry, axis: usize, weight: usize) -> Self {
        let tap = if g.conv.flip { g.kernel[axis] - 1 - weight } else { weight };
        let ahead = g.conv.pad_lo[axis] - (tap * g.conv.dilation[axis]) as isize;
        let within = |at: isize| at.clamp(0, g.input[axis] as isize) as usize;
        let start = within(-ahead);
        Self { inputs: start..within(g.output[axis] as isize - ahead).max(start), ahead }
    }

    fn at(&self, input: usize) -> usize {
        (input as isize + self.ahead).max(0) as usize
    }
}
