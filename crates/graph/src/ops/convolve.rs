//! The methods of convolutions, made of the one op in `conv`.

use anygrad_layout::{Conv, Shape};

use super::conv::{Convolution, exchange};
use super::conv_options::ConvOptions;
use super::record_as;
use crate::Tensor;

const NAMES: [&str; 3] = ["conv1d", "conv2d", "conv3d"];
const TRANSPOSED: [&str; 3] = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"];
/// The spatial axes, in messages.
pub(crate) const AXES: [&str; 3] = ["length", "height, width", "depth, height, width"];

impl Tensor {
    /// Convolution (cross-correlation unless `conv.flip`) of `[N, C, *n]` by `weight` `[O, C / groups, *k]`, over
    /// one to three spatial axes; the output is `[N, O, *out]` with `out` as [`Conv::output_size`] gives. The
    /// geometry says everything a convolution can be; [`conv_with`](Tensor::conv_with) is easier to write.
    #[track_caller]
    pub fn conv(&self, weight: &Tensor, conv: &Conv) -> Tensor {
        Tensor::record(Convolution::new(conv.clone()), &[self, weight])
    }

    /// 1-D convolution of `[N, C, L]` by `weight` `[O, C, k]` with zero padding on both sides:
    /// out = `⌊(n + 2·padding − k) / stride⌋ + 1`.
    #[track_caller]
    pub fn conv1d(&self, weight: &Tensor, stride: usize, padding: usize) -> Tensor {
        convolve(self, weight, 1, &ConvOptions::new().stride(stride).padding(padding))
    }

    /// 2-D convolution of `[N, C, H, W]` by `weight` `[O, C, kh, kw]` with one stride and zero padding for all
    /// sides: out = `⌊(n + 2·padding − k) / stride⌋ + 1`.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let device = Device::cpu();
    /// let image = Tensor::ones([1, 1, 5, 5], &device);
    /// let y = image.conv2d(&Tensor::ones([1, 1, 3, 3], &device), 2, 1);
    /// assert_eq!(y.to_vec::<f32>()?, [4.0, 6.0, 4.0, 6.0, 9.0, 6.0, 4.0, 6.0, 4.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn conv2d(&self, weight: &Tensor, stride: usize, padding: usize) -> Tensor {
        convolve(self, weight, 2, &ConvOptions::new().stride(stride).padding(padding))
    }

    /// 3-D convolution of `[N, C, D, H, W]` by `weight` `[O, C, kd, kh, kw]` with one stride and zero padding for
    /// all sides: out = `⌊(n + 2·padding − k) / stride⌋ + 1`.
    #[track_caller]
    pub fn conv3d(&self, weight: &Tensor, stride: usize, padding: usize) -> Tensor {
        convolve(self, weight, 3, &ConvOptions::new().stride(stride).padding(padding))
    }

    /// Convolution of `[N, C, *n]` by `weight` `[O, C / groups, *k]` over as many axes as the weight has behind its
    /// first two, one to three: `y[o] = Σ_c Σ_t w[o, c, t]·x[c, i·stride + t·dilation − before]`. The output is
    /// `[N, O, *out]`, out = `⌊(n + before + behind − dilation·(k − 1) − 1) / stride⌋ + 1`.
    ///
    /// ```
    /// # use anygrad_graph::{ConvOptions, Device, Tensor};
    /// let device = Device::cpu();
    /// let sound = Tensor::from_slice(&[1.0f32, 2.0, 4.0, 8.0], [1, 1, 4], &device);
    /// let step = Tensor::from_slice(&[-1.0f32, 1.0], [1, 1, 2], &device);
    /// let y = sound.conv_with(&step, &ConvOptions::new().dilation(2));
    /// assert_eq!(y.to_vec::<f32>()?, [3.0, 6.0]);
    /// let halved = sound.conv_with(&step, &ConvOptions::new().stride(2).same());
    /// assert_eq!(halved.to_vec::<f32>()?, [1.0, 4.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn conv_with(&self, weight: &Tensor, options: &ConvOptions) -> Tensor {
        convolve(self, weight, weight.rank().saturating_sub(2), options)
    }

    /// 1-D transposed convolution of `[N, C, L]` by `weight` `[C, O, k]`: out = `(n − 1)·stride − 2·padding + k`.
    #[track_caller]
    pub fn conv_transpose1d(&self, weight: &Tensor, stride: usize, padding: usize) -> Tensor {
        transposed(self, weight, 1, &ConvOptions::new().stride(stride).padding(padding))
    }

    /// 2-D transposed convolution of `[N, C, H, W]` by `weight` `[C, O, kh, kw]`:
    /// out = `(n − 1)·stride − 2·padding + k`. Every input adds its multiple of the kernel to the output:
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[0.0f32, 1.0, 2.0, 3.0], [1, 1, 2, 2], &Device::cpu());
    /// let y = x.conv_transpose2d(&x, 1, 0);
    /// assert_eq!(y.to_vec::<f32>()?, [0.0, 0.0, 1.0, 0.0, 4.0, 6.0, 4.0, 12.0, 9.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn conv_transpose2d(&self, weight: &Tensor, stride: usize, padding: usize) -> Tensor {
        transposed(self, weight, 2, &ConvOptions::new().stride(stride).padding(padding))
    }

    /// 3-D transposed convolution of `[N, C, D, H, W]` by `weight` `[C, O, kd, kh, kw]`:
    /// out = `(n − 1)·stride − 2·padding + k`.
    #[track_caller]
    pub fn conv_transpose3d(&self, weight: &Tensor, stride: usize, padding: usize) -> Tensor {
        transposed(self, weight, 3, &ConvOptions::new().stride(stride).padding(padding))
    }

    /// Transposed convolution of `[N, C, *n]` by `weight` `[C, O / groups, *k]` (PyTorch's layout) to
    /// `[N, O, *out]`, out = `(n − 1)·stride − before − behind + dilation·(k − 1) + output_padding + 1`. It is the
    /// adjoint of the convolution with the same options and weight: what carries that one's gradient back to its
    /// input.
    ///
    /// Wrong are: groups that do not divide the channels, an output padding of at least the larger of stride and
    /// dilation, an output without elements, and an input without.
    #[track_caller]
    pub fn conv_transpose_with(&self, weight: &Tensor, options: &ConvOptions) -> Tensor {
        transposed(self, weight, weight.rank().saturating_sub(2), options)
    }
}

/// The sizes behind the first two axes.
fn space(t: &Tensor) -> &[usize] {
    t.shape().get(2..).unwrap_or_default()
}

fn name_of(names: &[&'static str; 3], rank: usize) -> &'static str {
    names.get(rank.wrapping_sub(1)).copied().unwrap_or("conv")
}

#[track_caller]
fn convolve(x: &Tensor, weight: &Tensor, rank: usize, options: &ConvOptions) -> Tensor {
    let name = name_of(&NAMES, rank);
    // ranks and shapes that do not fit are left for the op to report
    let geometry = match (1..=3).contains(&rank) && space(x).len() == rank && space(weight).len() == rank {
        true => options.geometry(x.size(1), space(x), space(weight)),
        false => Ok(Conv::new(rank)),
    };
    match geometry {
        Ok(conv) => biased(name, record_as(name, Convolution::new(conv), &[x, weight]), options),
        Err(message) => Tensor::wrong(name, message, &[("input", x), ("weight", weight)]),
    }
}

#[track_caller]
fn transposed(x: &Tensor, weight: &Tensor, rank: usize, options: &ConvOptions) -> Tensor {
    let name = name_of(&TRANSPOSED, rank);
    match transposed_geometry(x, weight, rank, options) {
        Ok(conv) => {
            let weight = exchange(weight, conv.groups);
            biased(name, record_as(name, Convolution::new(conv), &[x, &weight]), options)
        }
        Err(message) => Tensor::wrong(name, message, &[("input", x), ("weight", weight)]),
    }
}

fn transposed_geometry(
    x: &Tensor,
    weight: &Tensor,
    rank: usize,
    options: &ConvOptions,
) -> Result<Conv, String> {
    let Some(axes) = AXES.get(rank.wrapping_sub(1)).copied() else {
        return Err(format!("{rank} spatial axes; 1 to 3 are possible"));
    };
    let shapes = || format!("input {}, weight {}", x.shape(), weight.shape());
    if x.rank() != rank + 2 || weight.rank() != rank + 2 {
        return Err(format!(
            "takes an input [N, C, {axes}] and a weight [C, O/groups, {axes}]: {}",
            shapes()
        ));
    }
    let (channels, taken) = (x.size(1), weight.size(0));
    if channels != taken {
        return Err(format!(
            "channels differ: input {} has {channels}, weight {} takes {taken}",
            x.shape(),
            weight.shape()
        ));
    }
    let conv = options.transposed(channels, space(weight))?;
    if conv.groups == 0 || channels % conv.groups != 0 {
        return Err(format!("{} groups do not divide {channels} input channels", conv.groups));
    }
    for (axis, (&n, &k)) in space(x).iter().zip(space(weight)).enumerate() {
        let empty = if n == 0 { "input has no elements" } else { "output would have no elements" };
        if n == 0 || conv.output_size(super::per_axis::entry(rank, axis), n, k) == 0 {
            return Err(format!("the {empty} along spatial axis {axis}: {}", shapes()));
        }
    }
    Ok(conv)
}

/// With the bias of the options, a number for each channel.
#[track_caller]
fn biased(name: &'static str, y: Tensor, options: &ConvOptions) -> Tensor {
    let Some(bias) = options.bias_of().filter(|_| y.check().is_ok()) else { return y };
    if bias.check().is_ok() && (bias.rank() != 1 || bias.numel() != y.size(1) || bias.dtype() != y.dtype()) {
        let message = format!(
            "the bias is {} {}, not {} [{}]: a number for each output channel",
            bias.dtype(),
            bias.shape(),
            y.dtype(),
            y.size(1)
        );
        return Tensor::wrong(name, message, &[("output", &y), ("bias", bias)]);
    }
    let mut column = Shape::from(vec![1; y.rank()]);
    column.iter_mut().skip(1).take(1).for_each(|size| *size = bias.numel());
    y + bias.reshape(column)
}
