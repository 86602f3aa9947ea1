//! 3×3 kernels by Winograd's F(2×2, 3×3): 16 multiplications where the formula has 36.
//!
//! The input is cut into tiles of 4×4 that overlap by two. `Y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ d B)]A` gives the 2×2 outputs of each,
//! so that summing over channels is one matrix product for each of the 16 places. The gradient of the weights is the
//! same read backwards: `Gᵀ[(A g Aᵀ) ⊙ (Bᵀ d B)]G`, with a sum over tiles. All factors are 1 or ½, which keeps the error
//! near that of the formula; but a NaN, an infinity or a sum that overflows reaches all of its tile, so then
//! [`convolve`] says that the formula has to be used.

mod planes;
mod transform;

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::Geometry;
use crate::parallel::worth_threads;
use crate::product::{Matrix, Product};
use crate::{CpuError, Host};
use planes::Planes;
use transform::{LANES, Map};

/// Fewer channels leave the products too thin to pay for the transforms.
const CHANNELS: usize = 16;

/// Tiles that are transformed and multiplied at a time, so that they stay in a core's second-level cache.
const TILES: usize = 128;

/// Computes the convolution, if this is the way to do it: `false` if it is not, or if a result is not finite.
pub(super) fn convolve(
    host: &Host,
    g: &Geometry,
    x: &[f32],
    w: &[f32],
    out: &mut [f32],
) -> Result<bool, CpuError> {
    let conv = &g.conv;
    let steps = [conv.stride, conv.dilation, conv.input_dilation];
    let flat = g.input[0] == 1 && g.kernel[0] == 1 && g.output[0] == 1 && conv.pad_lo[0] == 0;
    if conv.rank != 2 || !flat || steps != [[1; 3]; 3] || conv.groups != 1 || g.out_channels < CHANNELS {
        return Ok(false);
    }
    if g.kernel == [1, 3, 3] && g.in_channels >= CHANNELS {
        return Forward::new(host, g, x, w)?.run(out);
    }
    let large = g.kernel[1].min(g.kernel[2]) > 3;
    if g.output == [1, 3, 3] && large && !conv.flip && g.images >= CHANNELS && g.in_channels > 0 {
        return gradient(host, g, x, w, out);
    }
    Ok(false)
}

/// Calls `work` for the pieces of `chunk` elements.
fn each(
    out: &mut [f32],
    chunk: usize,
    threads: bool,
    work: impl Fn(usize, &mut [f32]) -> Result<(), CpuError> + Send + Sync,
) -> Result<(), CpuError> {
    if threads {
        out.par_chunks_mut(chunk).enumerate().try_for_each(|(i, piece)| work(i, piece))
    } else {
        out.chunks_mut(chunk).enumerate().try_for_each(|(i, piece)| work(i, piece))
    }
}

/// Channels of 16 rows of tiles lie this far apart: a cache line more than the rows take, as memory at large powers of
/// two competes for the same lines of the cache.
fn channel_pitch(pitch: usize) -> usize {
    16 * pitch + LANES
}

struct Forward<'a> {
    host: &'a Host,
    g: &'a Geometry,
    planes: Planes<'a>,
    /// The transformed weights, `[outer, 16, inner]` by the axes of the kernel.
    weights: Vec<f32>,
    /// Strides of output channel, input channel and place in them.
    strides: [usize; 3],
    /// Lines of tiles that are computed at a time.
    lines: usize,
    /// Images that are computed together.
    joined: usize,
    pitch: usize,
}

impl<'a> Forward<'a> {
    fn new(host: &'a Host, g: &'a Geometry, x: &'a [f32], w: &[f32]) -> Result<Self, CpuError> {
        let tiles = [g.output[1].div_ceil(2), g.output[2].div_ceil(2)];
        let planes = Planes {
            data: x,
            offset: g.x.offset,
            image: g.x.outer,
            channel: g.x.channel,
            steps: [g.x.spatial[1], g.x.spatial[2]],
            size: [g.input[1], g.input[2]],
            pad: [g.conv.pad_lo[1], g.conv.pad_lo[2]],
            tiles,
        };
        let joined = (TILES / (tiles[0] * tiles[1])).clamp(1, g.images);
        let lines = (TILES / tiles[1]).clamp(1, joined * tiles[0]);
        let pitch = (lines * tiles[1]).next_multiple_of(LANES);
        let (weights, strides) = weights(host, g, w)?;
        Ok(Self { host, g, planes, weights, strides, lines, joined, pitch })
    }

    fn run(self, out: &mut [f32]) -> Result<bool, CpuError> {
        let g = self.g;
        let chunk = self.joined * g.out_channels * g.positions();
        let worth = worth_threads(out.len().saturating_mul(g.in_channels));
        let over_images = worth && out.len().div_ceil(chunk) >= rayon::current_num_threads();
        let finite = AtomicBool::new(true);
        each(out, chunk, over_images, |i, out| {
            let inside = worth && !over_images;
            if finite.load(Ordering::Relaxed) && !self.images(i * self.joined, out, inside)? {
                finite.store(false, Ordering::Relaxed);
            }
            Ok(())
        })?;
        self.host.recycle(self.weights.into());
        Ok(finite.into_inner())
    }

    /// The images from `first` on, whose outputs are `out`.
    fn images(&self, first: usize, out: &mut [f32], threads: bool) -> Result<bool, CpuError> {
        let (g, host, pitch) = (self.g, self.host, self.pitch);
        let (channels, positions, [high, across]) = (g.out_channels, g.positions(), self.planes.tiles);
        let all = out.len() / (channels * positions) * high;
        let step = channel_pitch(pitch);
        let mut inputs = host.take::<f32>(g.in_channels * step)?;
        let mut products = host.take::<f32>(16 * channels * pitch)?;
        let mut results = host.take::<f32>(channels * step)?;
        for start in (0..all).step_by(self.lines) {
            let lines = start..all.min(start + self.lines);
            let tiles = lines.len() * across;
            each(&mut inputs, step, threads, |channel, rows| {
                let from = first * high + lines.start..first * high + lines.end;
                self.planes.read(channel, from, 4, pitch, rows);
                Map::Data.apply(&mut rows[..16 * pitch], pitch);
                Ok(())
            })?;
            each(&mut products, channels * pitch, threads, |place, out| {
                let [outer, inner, apart] = self.strides;
                let a = Matrix {
                    data: &self.weights,
                    offset: place * apart,
                    row: outer as isize,
                    column: inner as isize,
                };
                let b = Matrix { data: &inputs, offset: place * pitch, row: step as isize, column: 1 };
                let (m, k) = (channels, g.in_channels);
                Product { m, k, n: tiles, out_row: pitch, accumulate: false, threads: false }.run(out, a, b)
            })?;
            each(&mut results, step, threads, |channel, rows| {
                Map::Outputs.apply_to(&products[channel * pitch..], channels * pitch, rows, pitch);
                Ok(())
            })?;
            each(out, positions, threads, |plane, out| {
                let (image, channel) = (plane / channels, plane % channels);
                // the lines of this image among those at hand
                let own = lines.start.max(image * high)..lines.end.min((image + 1) * high);
                if !own.is_empty() {
                    let column = (own.start - lines.start) * across;
                    let own = own.start - image * high..own.end - image * high;
                    planes::write(&results[channel * step..], pitch, column, own, across, out, g.output[2]);
                }
                Ok(())
            })?;
        }
        for scratch in [inputs, products, results] {
            host.recycle(scratch.into());
        }
        Ok(is_finite(out))
    }
}

fn is_finite(xs: &[f32]) -> bool {
    xs.iter().fold(true, |all, x| all & x.is_finite())
}

/// The transformed weights, and the strides of output channel, input channel and place in them. They lie in the order
/// in which the axes of the kernel do.
fn weights(host: &Host, g: &Geometry, w: &[f32]) -> Result<(Vec<f32>, [usize; 3]), CpuError> {
    let swapped = g.w.outer.unsigned_abs() < g.w.channel.unsigned_abs();
    let ((outer, outer_stride), (inner, inner_stride)) = {
        let (o, c) = ((g.out_channels, g.w.outer), (g.in_channels, g.w.channel));
        if swapped { (c, o) } else { (o, c) }
    };
    let pitch = inner.next_multiple_of(LANES);
    let step = channel_pitch(pitch);
    let mut all = host.take::<f32>(outer * step)?;
    let worth = worth_threads(outer * inner * 16);
    each(&mut all, step, worth, |i, rows| {
        let start = g.w.offset + i as isize * outer_stride;
        for y in 0..3 {
            for x in 0..3 {
                let [from_y, from_x] = if g.conv.flip { [2 - y, 2 - x] } else { [y, x] };
                let from = start + from_y as isize * g.w.spatial[1] + from_x as isize * g.w.spatial[2];
                let row = &mut rows[(4 * y + x) * pitch..][..inner];
                for (j, to) in row.iter_mut().enumerate() {
                    *to = w[(from + j as isize * inner_stride) as usize];
                }
            }
        }
        Map::Weights.apply(&mut rows[..16 * pitch], pitch);
        Ok(())
    })?;
    Ok((all, if swapped { [1, step, pitch] } else { [step, 1, pitch] }))
}

/// The gradient of the weights: the images are the input channels, the channels the samples, the kernel is the gradient
/// of the outputs.
fn gradient(host: &Host, g: &Geometry, x: &[f32], w: &[f32], out: &mut [f32]) -> Result<bool, CpuError> {
    let tiles = [g.kernel[1].div_ceil(2), g.kernel[2].div_ceil(2)];
    let inputs = Planes {
        data: x,
        offset: g.x.offset,
        image: g.x.channel,
        channel: g.x.outer,
        steps: [g.x.spatial[1], g.x.spatial[2]],
        size: [g.input[1], g.input[2]],
        pad: [g.conv.pad_lo[1], g.conv.pad_lo[2]],
        tiles,
    };
    let gradients = Planes {
        data: w,
        offset: g.w.offset,
        image: g.w.channel,
        channel: g.w.outer,
        steps: [g.w.spatial[1], g.w.spatial[2]],
        size: [g.kernel[1], g.kernel[2]],
        pad: [0, 0],
        tiles,
    };
    let (rows, columns, all) = (g.images, g.out_channels, g.in_channels * tiles[0]);
    let lines = (SUMMED / tiles[1]).clamp(1, all);
    let pitch = (lines * tiles[1]).next_multiple_of(LANES);
    let step = channel_pitch(pitch);
    let wide = columns.next_multiple_of(LANES);
    let worth = worth_threads(out.len().saturating_mul(all));
    let mut x_tiles = host.take::<f32>(rows * step)?;
    let mut g_tiles = host.take::<f32>(columns * step)?;
    let mut sums = host.take::<f32>(16 * rows * wide)?;
    for start in (0..all).step_by(lines) {
        let lines = start..all.min(start + lines);
        let k = lines.len() * tiles[1];
        each(&mut x_tiles, step, worth, |channel, rows| {
            inputs.read(channel, lines.clone(), 4, pitch, rows);
            Map::Data.apply(&mut rows[..16 * pitch], pitch);
            Ok(())
        })?;
        each(&mut g_tiles, step, worth, |channel, rows| {
            gradients.read(channel, lines.clone(), 2, pitch, rows);
            Map::OutputGradients.apply(&mut rows[..16 * pitch], pitch);
            Ok(())
        })?;
        each(&mut sums, rows * wide, worth, |place, out| {
            let a = Matrix { data: &x_tiles, offset: place * pitch, row: step as isize, column: 1 };
            let b = Matrix { data: &g_tiles, offset: place * pitch, row: 1, column: step as isize };
            let accumulate = lines.start > 0;
            Product { m: rows, k, n: columns, out_row: wide, accumulate, threads: false }.run(out, a, b)
        })?;
    }
    let finite = AtomicBool::new(true);
    each(out, columns * 9, worth, |channel, out| {
        let mut part = host.take::<f32>(16 * wide)?;
        Map::WeightGradients.apply_to(&sums[channel * wide..], rows * wide, &mut part, wide);
        for (i, to) in out.chunks_exact_mut(9).enumerate() {
            for (tap, to) in to.iter_mut().enumerate() {
                *to = part[(tap / 3 * 4 + tap % 3) * wide + i];
            }
        }
        if !is_finite(out) {
            finite.store(false, Ordering::Relaxed);
        }
        host.recycle(part.into());
        Ok(())
    })?;
    for scratch in [x_tiles, g_tiles, sums] {
        host.recycle(scratch.into());
    }
    Ok(finite.into_inner())
}

/// Tiles that are transformed and summed at a time in the gradient of weights.
const SUMMED: usize = 512;
