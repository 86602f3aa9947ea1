//! What a pooling may be told.

use anygrad_layout::Window;

use super::per_axis::{PerAxis, entry};

/// Window, stride, padding and rounding of a pooling, as PyTorch has them. Without further calls: windows side by
/// side, no padding, the rest that fills no window left out.
///
/// ```
/// # use anygrad_graph::{Device, PoolOptions, Tensor};
/// let x = Tensor::iota(5, &Device::cpu()).to_dtype(anygrad_graph::DType::F32).reshape([1, 1, 5]);
/// assert_eq!(x.max_pool_with(&PoolOptions::new(2)).to_vec::<f32>()?, [1.0, 3.0]);
/// assert_eq!(x.max_pool_with(&PoolOptions::new(2).ceil()).to_vec::<f32>()?, [1.0, 3.0, 4.0]);
/// assert_eq!(x.avg_pool_with(&PoolOptions::new(3).stride(2).padding(1)).to_vec::<f32>()?, [1.0 / 3.0, 2.0, 7.0 / 3.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PoolOptions {
    kernel: PerAxis,
    stride: Option<PerAxis>,
    padding: PerAxis,
    dilation: PerAxis,
    ceil: bool,
    pub(crate) counts_padding: bool,
    pub(crate) divisor: Option<usize>,
}

impl PoolOptions {
    /// Windows of `kernel` elements along each axis, `2` or `[3, 2]`, moved by their own size.
    pub fn new(kernel: impl Into<PerAxis>) -> Self {
        Self {
            kernel: kernel.into(),
            stride: None,
            padding: 0.into(),
            dilation: 1.into(),
            ceil: false,
            counts_padding: true,
            divisor: None,
        }
    }

    /// Step between windows.
    pub fn stride(mut self, stride: impl Into<PerAxis>) -> Self {
        self.stride = Some(stride.into());
        self
    }

    /// Padding on both sides, at most half of the window. A maximum never chooses it, a mean counts it as zeros.
    pub fn padding(mut self, padding: impl Into<PerAxis>) -> Self {
        self.padding = padding.into();
        self
    }

    /// Distance between the elements of a window.
    pub fn dilation(mut self, dilation: impl Into<PerAxis>) -> Self {
        self.dilation = dilation.into();
        self
    }

    /// The rest that fills no window gets one that hangs over: out = `⌈(n + 2·padding − dilation·(k − 1) − 1) / stride⌉ + 1`,
    /// without a last window that would start behind the input, in the padding.
    pub fn ceil(mut self) -> Self {
        self.ceil = true;
        self
    }

    /// Means divide by the elements that are there, not by the window's size: PyTorch's `count_include_pad=False`.
    /// Otherwise padding counts; what hangs over it ([`ceil`](PoolOptions::ceil)) never does.
    pub fn exclude_padding(mut self) -> Self {
        self.counts_padding = false;
        self
    }

    /// Means divide by this: PyTorch's `divisor_override`.
    pub fn divisor(mut self, divisor: usize) -> Self {
        self.divisor = Some(divisor);
        self
    }

    /// The padding that was asked for, on the last entries; `ceil` adds to what is behind.
    pub(crate) fn pads(&self, rank: usize) -> Result<[usize; 3], String> {
        self.padding.on(rank, 0, "padding")
    }

    /// The window over inputs of the sizes `input`.
    pub(crate) fn window(&self, input: &[usize]) -> Result<Window, String> {
        let rank = input.len();
        let kernel = self.kernel.on(rank, 1, "kernel")?;
        let stride = self.stride.as_ref().unwrap_or(&self.kernel).on(rank, 1, "stride")?;
        let (pad_lo, dilation) = (self.pads(rank)?, self.dilation.on(rank, 1, "dilation")?);
        let mut window = Window { rank, kernel, stride, pad_lo, pad_hi: pad_lo, dilation };
        for (axis, &n) in input.iter().enumerate() {
            let i = entry(rank, axis);
            let [k, s, d, pad] = [kernel[i], stride[i], dilation[i], pad_lo[i]];
            if k == 0 || s == 0 || d == 0 {
                return Err("kernel, stride and dilation are at least 1".into());
            }
            // all of them at most 2^20
            let span = d * (k - 1) + 1;
            if pad > span / 2 {
                return Err(format!(
                    "padding {pad} is more than half of the window's {span} along spatial axis {axis}"
                ));
            }
            if self.ceil {
                window.pad_hi[i] = hanging_over(n, span, s, pad);
            }
        }
        Ok(window)
    }
}

/// The padding behind that makes room for the windows of `ceil`.
fn hanging_over(n: usize, span: usize, stride: usize, pad: usize) -> usize {
    let windows = match (n + 2 * pad + stride - 1).checked_sub(span) {
        Some(room) if n > 0 => room / stride + 1,
        _ => return pad,
    };
    // the last window starts inside the input or before it
    let windows = if (windows - 1) * stride >= n + pad { windows - 1 } else { windows };
    (windows.saturating_sub(1) * stride + span).saturating_sub(n + pad).max(pad)
}
