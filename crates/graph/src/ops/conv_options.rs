//! What a convolution may be told beside its weight.

use anygrad_layout::Conv;

use super::per_axis::{PerAxis, entry};
use crate::Tensor;

/// Stride, padding, dilation and groups of a convolution, for [`Tensor::conv_with`] and
/// [`Tensor::conv_transpose_with`]. Without further calls: stride 1, no padding, no dilation, one group, no bias.
///
/// A separable convolution (Chollet 2017, Xception) is a depthwise one, which mixes no channels, and a 1×1 one,
/// which mixes nothing else:
///
/// ```
/// # use anygrad_graph::{ConvOptions, Device, Tensor};
/// # let device = Device::cpu();
/// let x = Tensor::ones([1, 4, 8, 8], &device);
/// let depthwise = Tensor::ones([4, 1, 3, 3], &device); // 4·3·3 weights
/// let pointwise = Tensor::ones([6, 4, 1, 1], &device); // 6·4 weights; one of 6·4·3·3 would do it at once
/// let y = x.conv_with(&depthwise, &ConvOptions::new().depthwise().same()).conv2d(&pointwise, 1, 0);
/// assert_eq!(y.shape()[..], [1, 6, 8, 8]);
/// assert_eq!(y.to_vec::<f32>()?[9], 36.0); // 4 channels of 9 taps
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ConvOptions {
    stride: PerAxis,
    dilation: PerAxis,
    padding: Padding,
    output_padding: PerAxis,
    groups: Groups,
    flip: bool,
    bias: Option<Tensor>,
}

#[derive(Clone, Debug)]
enum Padding {
    Both(PerAxis),
    Sides(Vec<(usize, usize)>),
    Same,
}

#[derive(Clone, Copy, Debug)]
enum Groups {
    Count(usize),
    OneAChannel,
}

impl Default for ConvOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ConvOptions {
    /// Stride 1, no padding, no dilation, one group, no bias.
    pub fn new() -> Self {
        Self {
            stride: 1.into(),
            dilation: 1.into(),
            padding: Padding::Both(0.into()),
            output_padding: 0.into(),
            groups: Groups::Count(1),
            flip: false,
            bias: None,
        }
    }

    /// Step between windows, `2` or `[2, 1]`; of a transposed convolution, the step between outputs.
    pub fn stride(mut self, stride: impl Into<PerAxis>) -> Self {
        self.stride = stride.into();
        self
    }

    /// Distance between the taps of the kernel.
    pub fn dilation(mut self, dilation: impl Into<PerAxis>) -> Self {
        self.dilation = dilation.into();
        self
    }

    /// Zeros on both sides of each axis; of a transposed convolution, what is cut off there.
    pub fn padding(mut self, padding: impl Into<PerAxis>) -> Self {
        self.padding = Padding::Both(padding.into());
        self
    }

    /// Zeros before and behind, for each axis.
    pub fn padding_sides(mut self, sides: &[(usize, usize)]) -> Self {
        self.padding = Padding::Sides(sides.to_vec());
        self
    }

    /// As much padding as makes the output `⌈n / stride⌉`, TensorFlow's `same`: `p` zeros, `⌊p / 2⌋` of them before
    /// and the rest behind, `p = max(0, (⌈n / stride⌉ − 1)·stride + dilation·(k − 1) + 1 − n)`. PyTorch's `same`
    /// is this with stride 1, and refuses others. Of a transposed convolution, the output is `n·stride`.
    pub fn same(mut self) -> Self {
        self.padding = Padding::Same;
        self
    }

    /// No padding: windows lie inside the input.
    pub fn valid(self) -> Self {
        self.padding(0)
    }

    /// Rows that a transposed convolution has more, behind: which of the `stride` input sizes that a convolution
    /// takes to this one is meant. Below the larger of stride and dilation. A convolution has none.
    pub fn output_padding(mut self, padding: impl Into<PerAxis>) -> Self {
        self.output_padding = padding.into();
        self
    }

    /// Groups of channels that do not mix; they divide the channels of input and output.
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = Groups::Count(groups);
        self
    }

    /// As many groups as the input has channels: each channel is filtered by itself. A weight `[m·C, 1, *k]` gives
    /// `m` outputs for each channel.
    pub fn depthwise(mut self) -> Self {
        self.groups = Groups::OneAChannel;
        self
    }

    /// The kernel reversed: convolution as mathematics has it, `y[i] = Σ_t w[−t]·x[i + t]`. Otherwise it is
    /// cross-correlation, as in every library.
    pub fn flip(mut self) -> Self {
        self.flip = !self.flip;
        self
    }

    /// A number for each output channel, `[O]`, that is added.
    pub fn bias(mut self, bias: &Tensor) -> Self {
        self.bias = Some(bias.clone());
        self
    }

    /// The geometry over inputs of the sizes `input` and kernels of the sizes `kernel`, one for each axis.
    pub(crate) fn geometry(
        &self,
        channels: usize,
        input: &[usize],
        kernel: &[usize],
    ) -> Result<Conv, String> {
        let mut conv = self.steps(channels, kernel.len())?;
        if self.output_padding.on(kernel.len(), 0, "output padding")? != [0; 3] {
            return Err("an output padding is for transposed convolutions".into());
        }
        for (axis, (&n, &k)) in input.iter().zip(kernel).enumerate() {
            let i = entry(kernel.len(), axis);
            let (lo, hi) = match self.sides(axis, kernel.len())? {
                Some(sides) => sides,
                None => {
                    let windows = n.div_ceil(conv.stride[i].max(1)).saturating_sub(1);
                    let needed =
                        windows.saturating_mul(conv.stride[i]).saturating_add(reach(&conv, i, k) + 1);
                    halves(needed.saturating_sub(n))
                }
            };
            (conv.pad_lo[i], conv.pad_hi[i]) = (lo as isize, hi as isize);
        }
        Ok(conv)
    }

    /// The geometry of the convolution that is the transposed one: the input spread by the stride, the kernel
    /// reversed, `dilation·(k − 1) − padding` zeros around, and the output padding behind.
    pub(crate) fn transposed(&self, channels: usize, kernel: &[usize]) -> Result<Conv, String> {
        let rank = kernel.len();
        let mut conv = self.steps(channels, rank)?;
        let extra = self.output_padding.on(rank, 0, "output padding")?;
        for (axis, &k) in kernel.iter().enumerate() {
            let i = entry(rank, axis);
            let (stride, dilation, reach) = (conv.stride[i], conv.dilation[i], reach(&conv, i, k));
            if extra[i] > 0 && extra[i] >= stride.max(dilation) {
                return Err(format!(
                    "output padding {} is not below the larger of stride {stride} and dilation {dilation} along \
                     spatial axis {axis}",
                    extra[i]
                ));
            }
            let ((lo, hi), extra) = match self.sides(axis, rank)? {
                Some(sides) => (sides, extra[i]),
                // n·stride is the size that the convolution with the same padding takes back to n
                None if extra[i] > 0 => return Err("same leaves no choice of an output padding".into()),
                None => (halves((reach + 1).saturating_sub(stride)), stride.saturating_sub(reach + 1)),
            };
            (conv.pad_lo[i], conv.pad_hi[i]) =
                (reach as isize - lo as isize, reach as isize - hi as isize + extra as isize);
            (conv.input_dilation[i], conv.stride[i]) = (stride, 1);
        }
        conv.flip = !conv.flip;
        Ok(conv)
    }

    /// The geometry but for the padding.
    fn steps(&self, channels: usize, rank: usize) -> Result<Conv, String> {
        let groups = match self.groups {
            Groups::Count(groups) => groups,
            Groups::OneAChannel => channels.max(1),
        };
        let (stride, dilation) = (self.stride.on(rank, 1, "stride")?, self.dilation.on(rank, 1, "dilation")?);
        if stride.contains(&0) || dilation.contains(&0) {
            return Err("stride and dilation are at least 1".into());
        }
        Ok(Conv { stride, dilation, groups, flip: self.flip, ..Conv::new(rank) })
    }

    /// The padding along an axis; `None`: what `same` needs.
    fn sides(&self, axis: usize, rank: usize) -> Result<Option<(usize, usize)>, String> {
        match &self.padding {
            Padding::Same => Ok(None),
            Padding::Both(padding) => {
                let pad = padding.on(rank, 0, "padding")?[entry(rank, axis)];
                Ok(Some((pad, pad)))
            }
            Padding::Sides(sides) if sides.len() != rank => {
                Err(format!("padding {sides:?} for {rank} spatial axes"))
            }
            Padding::Sides(sides) => {
                let (lo, hi): (Vec<usize>, Vec<usize>) = sides.iter().copied().unzip();
                let on = |sides: Vec<usize>| PerAxis::from(&sides[..]).on(rank, 0, "padding");
                Ok(Some((on(lo)?[entry(rank, axis)], on(hi)?[entry(rank, axis)])))
            }
        }
    }

    pub(crate) fn bias_of(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }
}

/// From the first tap of a kernel of `k` to its last.
fn reach(conv: &Conv, i: usize, k: usize) -> usize {
    // below 2^52, as tensors have at most 2^32 elements and dilations were checked
    conv.dilation[i].saturating_mul(k.saturating_sub(1))
}

/// The smaller half before, the larger behind.
fn halves(total: usize) -> (usize, usize) {
    (total / 2, total - total / 2)
}
