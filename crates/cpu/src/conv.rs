//! Convolution in the closed form of [`Conv`]: forward and both gradients are the same function.

mod columns;
mod naive;
mod phases;
mod scatter;
mod tiles;
mod winograd;

use anygrad_layout::Conv;

use crate::{CpuError, Host, Storage, View};

const OP: &str = "conv";

/// Sizes, strides and steps beyond this are taken for mistakes; sums of a few of them cannot overflow.
const LIMIT: usize = u32::MAX as usize;

/// A checked call, with three spatial axes.
#[derive(Clone, Debug)]
struct Geometry {
    conv: Conv,
    images: usize,
    /// Channels of one group, of the input and of the output.
    in_channels: usize,
    out_channels: usize,
    input: [usize; 3],
    kernel: [usize; 3],
    output: [usize; 3],
    /// Strides of image, channel and spatial axes.
    x: Strides,
    /// Strides of output channel, input channel and spatial axes.
    w: Strides,
}

#[derive(Clone, Copy, Debug)]
struct Strides {
    offset: isize,
    outer: isize,
    channel: isize,
    spatial: [isize; 3],
}

/// The convolution of `x` with `w`; [`Conv`] states the formula.
///
/// Shapes: `x` is `[N, C, *n]`, `w` is `[O, C / groups, *k]`, the result `[N, O, *out]`, dense, where `n`, `k` and
/// `out` are `conv.rank` sizes. `f32` takes the way with the least work, the other types go by the formula.
///
/// # Errors
/// [`CpuError::Shape`] if the shapes do not fit each other or the rank, [`CpuError::Invalid`] for a step of 0
/// or a size beyond reason, [`CpuError::DType`], [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn conv(host: &Host, x: View<'_>, w: View<'_>, conv: &Conv) -> Result<Storage, CpuError> {
    let geometry = Geometry::new(x, w, conv)?;
    let numel = geometry.numel().ok_or(CpuError::OutOfMemory { bytes: usize::MAX })?;
    match (x.data, w.data) {
        (Storage::F32(xs), Storage::F32(ws)) => {
            let mut out = host.take::<f32>(numel)?;
            if out.is_empty() {
                // nothing to do
            } else if phases::fits(&geometry) {
                phases::convolve(host, &geometry, x, w, &mut out)?;
            } else if !winograd::convolve(host, &geometry, xs, ws, &mut out)?
                && !scatter::convolve(host, &geometry, xs, w, &mut out)?
            {
                tiles::convolve(host, &geometry, xs, w, &mut out)?;
            }
            Ok(Storage::F32(out))
        }
        (Storage::F64(x), Storage::F64(w)) => naive::convolve(host, &geometry, x, w, numel).map(Storage::F64),
        (Storage::I32(x), Storage::I32(w)) => naive::convolve(host, &geometry, x, w, numel).map(Storage::I32),
        (Storage::U32(x), Storage::U32(w)) => naive::convolve(host, &geometry, x, w, numel).map(Storage::U32),
        _ => Err(CpuError::DType { op: OP, expected: x.dtype(), found: w.dtype() }),
    }
}

impl Geometry {
    fn new(x: View<'_>, w: View<'_>, conv: &Conv) -> Result<Self, CpuError> {
        x.check(OP)?;
        w.check(OP)?;
        let conv = normalised(conv)?;
        let differ = || CpuError::Shape { op: OP, left: x.shape().to_vec(), right: w.shape().to_vec() };
        let rank = conv.rank;
        let ([n, c, input @ ..], [o, w_c, kernel @ ..]) = (x.shape(), w.shape()) else {
            return Err(differ());
        };
        let fits = input.len() == rank
            && kernel.len() == rank
            && w_c.checked_mul(conv.groups) == Some(*c)
            && o % conv.groups == 0;
        if !fits {
            return Err(differ());
        }
        if input.iter().chain(kernel).any(|&size| size > LIMIT) {
            return Err(CpuError::Invalid { op: OP, why: "a size is beyond reason" });
        }
        let (input, kernel) = (last_three(input, 1), last_three(kernel, 1));
        let output = [0, 1, 2].map(|axis| conv.output_size(axis, input[axis], kernel[axis]));
        let (out_channels, images, in_channels) = (o / conv.groups, *n, *w_c);
        let (x, w) = (Strides::new(x), Strides::new(w));
        Ok(Self { conv, images, in_channels, out_channels, input, kernel, output, x, w })
    }

    fn numel(&self) -> Option<usize> {
        let positions = self.output[0].checked_mul(self.output[1])?.checked_mul(self.output[2])?;
        let channels = self.out_channels.checked_mul(self.conv.groups)?;
        self.images.checked_mul(channels)?.checked_mul(positions)
    }

    /// Positions of one output plane.
    fn positions(&self) -> usize {
        self.output.iter().product()
    }

    /// Terms of one output element.
    fn terms(&self) -> usize {
        self.in_channels.saturating_mul(self.kernel.iter().fold(1, |n, &k| n.saturating_mul(k)))
    }
}

impl Strides {
    fn new(view: View<'_>) -> Self {
        let strides = &view.layout.strides;
        Self {
            offset: view.layout.offset as isize,
            outer: strides[0],
            channel: strides[1],
            spatial: last_three(&strides[2..], 0),
        }
    }
}

fn last_three<T: Copy>(values: &[T], missing: T) -> [T; 3] {
    let mut all = [missing; 3];
    all.iter_mut().rev().zip(values.iter().rev()).for_each(|(to, &from)| *to = from);
    all
}

/// Checks the steps, and resets those of the axes that the rank does not have.
fn normalised(conv: &Conv) -> Result<Conv, CpuError> {
    let invalid = |why| Err(CpuError::Invalid { op: OP, why });
    if !(1..=3).contains(&conv.rank) {
        return invalid("there are one to three spatial axes");
    }
    let mut full = Conv { groups: conv.groups, flip: conv.flip, ..Conv::new(conv.rank) };
    for axis in 3 - conv.rank..3 {
        full.stride[axis] = conv.stride[axis];
        full.pad_lo[axis] = conv.pad_lo[axis];
        full.pad_hi[axis] = conv.pad_hi[axis];
        full.dilation[axis] = conv.dilation[axis];
        full.input_dilation[axis] = conv.input_dilation[axis];
    }
    let steps = || full.stride.iter().chain(&full.dilation).chain(&full.input_dilation);
    if full.groups == 0 || steps().any(|&step| step == 0) {
        return invalid("groups, stride and dilations are at least 1");
    }
    let pads = full.pad_lo.iter().chain(&full.pad_hi).map(|pad| pad.unsigned_abs());
    if pads.chain(steps().copied()).any(|step| step > 1 << 20) {
        return invalid("a stride, dilation or pad is beyond reason");
    }
    Ok(full)
}
