/// The geometry of a convolution over one to three spatial axes, in the closed form whose gradients are
/// convolutions again.
///
/// Fewer than three axes occupy the *last* entries; the leading ones have size 1, so a loop over three axes
/// serves all. Per axis, with input size `n` and kernel size `k`:
///
/// - the input is first spread: `input_dilation − 1` zeros between neighbours give `n' = (n − 1)·input_dilation + 1`
///   (0 for an empty axis);
/// - then padded by `pad_lo` and `pad_hi` zeros; a negative pad crops;
/// - output size: `⌊(n' + pad_lo + pad_hi − dilation·(k − 1) − 1) / stride⌋ + 1`, or 0 if the window does not fit.
///
/// Output position `o` reads, for each tap `t`, spread position `o·stride + t·dilation − pad_lo`. With `flip`
/// tap `t` uses weight `k − 1 − t` (true convolution); without, weight `t` (cross-correlation).
///
/// Shapes: input `[N, C, *n]`, weight `[O, C / groups, *k]`, output `[N, O, *out]`. Output channel `o` belongs
/// to group `o / (O / groups)` and reads the input channels of that group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Number of spatial axes, 1 to 3.
    pub rank: usize,
    /// Step between windows.
    pub stride: [usize; 3],
    /// Zeros before the first element; negative crops.
    pub pad_lo: [isize; 3],
    /// Zeros after the last element; negative crops.
    pub pad_hi: [isize; 3],
    /// Distance between the taps of the kernel.
    pub dilation: [usize; 3],
    /// Distance between neighbouring input elements after spreading.
    pub input_dilation: [usize; 3],
    /// Number of independent groups of channels.
    pub groups: usize,
    /// Whether the kernel is read backwards.
    pub flip: bool,
}

impl Conv {
    /// Stride 1, no padding, no dilation, one group.
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            stride: [1; 3],
            pad_lo: [0; 3],
            pad_hi: [0; 3],
            dilation: [1; 3],
            input_dilation: [1; 3],
            groups: 1,
            flip: false,
        }
    }

    /// Output size along spatial entry `axis` (0 to 2) for input size `n` and kernel size `k`.
    pub fn output_size(&self, axis: usize, n: usize, k: usize) -> usize {
        let spread =
            if n == 0 { 0 } else { (n - 1).saturating_mul(self.input_dilation[axis % 3]).saturating_add(1) };
        windows(
            spread,
            self.pad_lo[axis % 3],
            self.pad_hi[axis % 3],
            k,
            self.dilation[axis % 3],
            self.stride[axis % 3],
        )
    }
}

/// The geometry of a pooling window over one to three spatial axes.
///
/// As for [`Conv`], fewer than three axes occupy the last entries. Per axis the output size is
/// `⌊(n + pad_lo + pad_hi − dilation·(kernel − 1) − 1) / stride⌋ + 1`, or 0 if the window does not fit. Padding
/// is never chosen by a maximum and adds 0 to a sum.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Number of spatial axes, 1 to 3.
    pub rank: usize,
    /// Taps of the window.
    pub kernel: [usize; 3],
    /// Step between windows.
    pub stride: [usize; 3],
    /// Padding before the first element.
    pub pad_lo: [usize; 3],
    /// Padding after the last element.
    pub pad_hi: [usize; 3],
    /// Distance between taps.
    pub dilation: [usize; 3],
}

impl Window {
    /// A window of `kernel` taps on the last `kernel.len()` entries, moved by its own size, without padding.
    pub fn new(kernel: &[usize]) -> Self {
        let mut full = [1; 3];
        full.iter_mut().rev().zip(kernel.iter().rev()).for_each(|(to, &from)| *to = from);
        Self {
            rank: kernel.len().min(3),
            kernel: full,
            stride: full,
            pad_lo: [0; 3],
            pad_hi: [0; 3],
            dilation: [1; 3],
        }
    }

    /// Output size along spatial entry `axis` (0 to 2) for input size `n`.
    pub fn output_size(&self, axis: usize, n: usize) -> usize {
        let axis = axis % 3;
        let (lo, hi) = (self.pad_lo[axis] as isize, self.pad_hi[axis] as isize);
        windows(n, lo, hi, self.kernel[axis], self.dilation[axis], self.stride[axis])
    }
}

fn windows(n: usize, lo: isize, hi: isize, kernel: usize, dilation: usize, stride: usize) -> usize {
    let signed = |x: usize| isize::try_from(x).unwrap_or(isize::MAX);
    let span = signed(dilation.saturating_mul(kernel.saturating_sub(1)).saturating_add(1));
    let room = signed(n).saturating_add(lo).saturating_add(hi).saturating_sub(span);
    if room < 0 || kernel == 0 { 0 } else { room as usize / stride.max(1) + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_sizes_follow_the_formula() {
        // (n, k, pad, stride) -> out
        for (n, k, p, s, out) in
            [(28, 5, 2, 1, 28), (7, 3, 1, 2, 4), (6, 3, 0, 2, 2), (224, 7, 3, 2, 112), (2, 3, 0, 1, 0)]
        {
            let mut conv = Conv::new(1);
            (conv.pad_lo[2], conv.pad_hi[2], conv.stride[2]) = (p, p, s);
            assert_eq!(conv.output_size(2, n, k), out);
        }
        assert_eq!(Window::new(&[2, 2]).output_size(2, 5), 2);
        assert_eq!(Window::new(&[2, 2]).output_size(0, 1), 1);
    }
}
