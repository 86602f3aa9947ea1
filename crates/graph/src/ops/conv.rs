//! Convolution in the closed form of [`Conv`]: both gradients are convolutions again.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::{Pointwise, conv as kernel};
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{Conv, DType, Layout, Shape};

use super::convolve::AXES;
use super::per_axis::entry;
use super::views;
use crate::Tensor;
use crate::op::{Gradients, Meta, Op, Vjp};

/// `[N, C, *n] ∗ [O, C / groups, *k] → [N, O, *out]`; sizes as [`Conv::output_size`] says.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// Steps, pads, dilations and groups.
    pub geometry: Conv,
    /// The output is `[O, N, *out]`. Where the layout of an output is free, a transpose of it costs a pass over it more.
    pub exchanged: bool,
}

impl Convolution {
    /// With the output as the formula has it, `[N, O, *out]`.
    pub fn new(geometry: Conv) -> Self {
        Self { geometry, exchanged: false }
    }
}

impl Op for Convolution {
    fn name(&self) -> &'static str {
        "conv"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [x, w] = inputs else { return Err(format!("takes 2 inputs, got {}", inputs.len())) };
        let Conv { rank, groups, .. } = self.geometry;
        if x.dtype != w.dtype || !x.dtype.is_float() {
            return Err(format!("takes two floats of one dtype: input {}, weight {}", x.dtype, w.dtype));
        }
        if !(1..=3).contains(&rank) {
            return Err(format!("{rank} spatial axes; 1 to 3 are possible"));
        }
        if x.shape.rank() != rank + 2 || w.shape.rank() != rank + 2 {
            return Err(format!(
                "takes an input [N, C, {s}] and a weight [O, C/groups, {s}]: input {}, weight {}",
                x.shape,
                w.shape,
                s = AXES[rank - 1]
            ));
        }
        let (channels, filters) = (x.shape[1], w.shape[0]);
        if groups == 0 || channels % groups != 0 || filters % groups != 0 {
            return Err(format!(
                "{groups} groups do not divide {channels} input and {filters} output channels"
            ));
        }
        if w.shape[1] != channels / groups {
            return Err(format!(
                "channels differ: input {} has {channels}, weight {} takes {}",
                x.shape,
                w.shape,
                w.shape[1].saturating_mul(groups)
            ));
        }
        let geometry = &self.geometry;
        if (0..3)
            .any(|i| geometry.stride[i] == 0 || geometry.dilation[i] == 0 || geometry.input_dilation[i] == 0)
        {
            return Err("stride and dilation are at least 1".into());
        }
        let steps = [geometry.stride, geometry.dilation, geometry.input_dilation];
        let pads = geometry.pad_lo.iter().chain(&geometry.pad_hi).map(|pad| pad.unsigned_abs());
        if steps.as_flattened().iter().copied().chain(pads).any(|size| size > u32::MAX as usize) {
            return Err("a stride, dilation or pad is beyond reason".into());
        }
        let (samples, exchanged) = (x.shape[0], self.exchanged);
        let mut shape = Shape::from(if exchanged { [filters, samples] } else { [samples, filters] });
        for axis in 0..rank {
            shape.push(geometry.output_size(entry(rank, axis), x.shape[2 + axis], w.shape[2 + axis]));
        }
        if let Some(axis) = (0..rank).find(|&axis| shape[2 + axis] == 0 && x.shape[2 + axis] > 0) {
            return Err(format!(
                "the kernel does not fit the padded input along spatial axis {axis}: input {}, weight {}",
                x.shape, w.shape
            ));
        }
        Ok(Meta { shape, dtype: x.dtype })
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let [x, w] = v.inputs else { return None };
        let g = if self.exchanged { &v.grad.transpose(0, 1) } else { v.grad };
        Some(vec![Some(self.input_gradient(x, w, g)), Some(self.weight_gradient(x, w, g))])
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], meta: &Meta) -> Result<Storage, CpuError> {
        let [x, w] = views("conv", inputs)?;
        let out = anygrad_cpu::conv(host, x, w, &self.geometry)?;
        if !self.exchanged {
            return Ok(out);
        }
        // only GPUs are asked for it
        let mut shape = meta.shape.clone();
        shape.swap(0, 1);
        let mut axes: Vec<usize> = (0..shape.rank()).collect();
        axes.swap(0, 1);
        anygrad_cpu::copy(host, View::new(&out, &Layout::contiguous(shape).permute(&axes)))
    }
    fn lower(&self, inputs: &[Layout], _: &[DType], _: &Meta, caps: &Caps) -> Result<Lowered, DeviceError> {
        let conv = if self.exchanged { kernel::conv_exchanged } else { kernel::conv };
        conv(&inputs[0], &inputs[1], &self.geometry, caps, None)
    }
    fn stores_through(&self) -> bool {
        true
    }
    fn lower_then(
        &self,
        inputs: &[Layout],
        _: &[DType],
        tail: &Pointwise,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        kernel::conv_then(&inputs[0], &inputs[1], &self.geometry, self.exchanged, tail, caps, None)
    }
    fn flops(&self, inputs: &[&Meta], output: &Meta) -> u64 {
        let taps: usize = inputs.get(1).map_or(0, |w| w.shape.iter().skip(1).product());
        2 * (output.shape.numel() as u64).saturating_mul(taps as u64)
    }
    fn attributes(&self) -> String {
        let Conv { rank, groups, flip, .. } = self.geometry;
        let from = 3 - rank.min(3);
        let (conv, flag) = (&self.geometry, |on: bool, text: String| if on { text } else { String::new() });
        [
            flag(conv.stride != [1; 3], format!(" stride {:?}", &conv.stride[from..])),
            flag(conv.pad_lo != [0; 3], format!(" before {:?}", &conv.pad_lo[from..])),
            flag(conv.pad_hi != [0; 3], format!(" behind {:?}", &conv.pad_hi[from..])),
            flag(conv.dilation != [1; 3], format!(" dilation {:?}", &conv.dilation[from..])),
            flag(conv.input_dilation != [1; 3], format!(" spread {:?}", &conv.input_dilation[from..])),
            flag(groups != 1, format!(" groups {groups}")),
            flag(flip, " reversed".to_string()),
            flag(self.exchanged, " exchanged".to_string()),
        ]
        .concat()
        .trim()
        .to_string()
    }
    fn label(&self, i: usize, _: usize) -> String {
        if i == 0 { "input".into() } else { "weight".into() }
    }
}

impl Convolution {
    /// With `y[o] = Σ_t w[t]·x'[o·s + t·d − lo]`, where `x'` is the input spread by `id`:
    /// `dx[i] = Σ_t w[t]·g[(i·id + lo − t·d) / s]`, a convolution of the gradient spread by `s`, with stride `id`,
    /// the kernel reversed, and `d·(k−1) − lo` zeros in front.
    fn input_gradient(&self, x: &Tensor, w: &Tensor, g: &Tensor) -> Tensor {
        // of an empty axis a convolution cannot make one again
        if x.numel() == 0 {
            return x.zeros_like();
        }
        let Conv { rank, groups, .. } = self.geometry;
        let mut back = self.geometry.clone();
        (back.stride, back.input_dilation, back.flip) =
            (self.geometry.input_dilation, self.geometry.stride, !self.geometry.flip);
        for axis in 0..rank {
            let i = entry(rank, axis);
            let (n, k, out) = (x.shape()[2 + axis], w.shape()[2 + axis], g.shape()[2 + axis]);
            let reach = (self.geometry.dilation[i] * k.saturating_sub(1)) as isize;
            back.pad_lo[i] = reach - self.geometry.pad_lo[i];
            // behind, as many zeros as make the size n again
            back.pad_hi[i] = spread(n, self.geometry.input_dilation[i]) + reach
                - spread(out, self.geometry.stride[i])
                - back.pad_lo[i];
        }
        let weight = exchange(w, groups);
        Tensor::record(Convolution::new(back), &[g, &weight])
    }

    /// `dw[t] = Σ_o g[o]·x'[o·s + t·d − lo]`: a convolution of the input by the gradient, in which samples are the
    /// channels, stride and dilation change places, and as much is cropped behind as leaves `k` positions.
    fn weight_gradient(&self, x: &Tensor, w: &Tensor, g: &Tensor) -> Tensor {
        if w.numel() == 0 {
            return w.zeros_like();
        }
        let Conv { rank, groups, .. } = self.geometry;
        let mut back = self.geometry.clone();
        (back.stride, back.dilation, back.flip) = (self.geometry.dilation, self.geometry.stride, false);
        for axis in 0..rank {
            let i = entry(rank, axis);
            let (n, k, out) = (x.shape()[2 + axis], w.shape()[2 + axis], g.shape()[2 + axis]);
            let needed = (self.geometry.dilation[i] * k.saturating_sub(1)
                + self.geometry.stride[i] * out.saturating_sub(1)) as isize
                + 1;
            back.pad_hi[i] = needed - spread(n, self.geometry.input_dilation[i]) - self.geometry.pad_lo[i];
        }
        let (batch, channels) = (x.shape()[0], x.shape()[1]);
        let space = &x.shape()[2..];
        let samples = if groups == 1 {
            x.transpose(0, 1)
        } else {
            x.reshape(join(&[batch, groups, channels / groups], space))
                .transpose(0, 2)
                .reshape(join(&[channels / groups, groups * batch], space))
        };
        // where memory is a CPU's, what follows reads the transposed view nearly as fast, and the products are larger
        let exchanged = !x.device().is_cpu();
        let dw = Tensor::record(Convolution { geometry: back, exchanged }, &[&samples, &g.transpose(0, 1)]);
        let dw = if exchanged { dw } else { dw.transpose(0, 1) };
        // a reversed kernel has a reversed gradient
        let axes: Vec<isize> = (2..2 + rank as isize).collect();
        if self.geometry.flip { dw.flip(&axes) } else { dw }
    }
}

/// `[O, C / groups, *k]` as `[C, O / groups, *k]`, group by group. The groups divide `O`.
#[track_caller]
pub(crate) fn exchange(w: &Tensor, groups: usize) -> Tensor {
    if groups <= 1 {
        return w.transpose(0, 1);
    }
    let (filters, inputs) = (w.size(0), w.size(1));
    let kernel = w.shape().get(2..).unwrap_or_default();
    w.reshape(join(&[groups, filters / groups, inputs], kernel))
        .transpose(1, 2)
        .reshape(join(&[groups * inputs, filters / groups], kernel))
}

fn spread(n: usize, dilation: usize) -> isize {
    if n == 0 { 0 } else { ((n - 1) * dilation + 1) as isize }
}

fn join(head: &[usize], tail: &[usize]) -> Shape {
    head.iter().chain(tail).copied().collect()
}
