//! Which elements the windows of a plane read.

use std::ops::Range;

use anygrad_layout::Window;

use crate::CpuError;

/// Sizes and steps beyond this are taken for mistakes; sums of a few of them cannot overflow.
const LIMIT: usize = u32::MAX as usize;

/// The taps of a window along one axis that lie inside the input.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taps {
    pub first: usize,
    pub count: usize,
}

/// What one tap along the last axis reads for a row of windows.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// The windows whose tap lies inside the input.
    pub windows: Range<usize>,
    /// The element in the row of the input that the first of them reads.
    pub first: usize,
}

/// A window and the planes it slides over.
pub(super) struct Slide {
    pub input: [usize; 3],
    pub output: [usize; 3],
    pub dilation: [usize; 3],
    /// Elements from one window to the next along the last axis.
    pub stride: usize,
    kernel: usize,
    /// Along each axis, the taps at every output position.
    pub axes: [Vec<Taps>; 3],
    /// Each tap along the last axis that some window has inside the input, in order.
    pub across: Vec<Span>,
    /// Whether the windows are 2×2 over the last two axes, side by side, without padding.
    pub halves: bool,
}

impl Slide {
    /// Fails if the output is not what `expected` says.
    pub fn new(
        op: &'static str,
        window: &Window,
        input: [usize; 3],
        expected: Option<[usize; 3]>,
    ) -> Result<Self, CpuError> {
        let invalid = |why| Err(CpuError::Invalid { op, why });
        // Axes beyond the rank are as if they were not there.
        let mut full = Window::new(&[1]);
        let mut sizes = [1; 3];
        for axis in 3 - window.rank..3 {
            full.kernel[axis] = window.kernel[axis];
            full.stride[axis] = window.stride[axis];
            full.pad_lo[axis] = window.pad_lo[axis];
            full.pad_hi[axis] = window.pad_hi[axis];
            full.dilation[axis] = window.dilation[axis];
            sizes[axis] = input[axis];
        }
        let steps = || full.kernel.iter().chain(&full.stride).chain(&full.dilation);
        if steps().any(|&step| step == 0) {
            return invalid("kernel, stride and dilation are at least 1");
        }
        let beyond = |&step: &usize| step > 1 << 20;
        if steps().chain(&full.pad_lo).chain(&full.pad_hi).any(beyond) || sizes.iter().any(|&n| n > LIMIT) {
            return invalid("a size, stride, dilation or pad is beyond reason");
        }
        let output = [0, 1, 2].map(|axis| full.output_size(axis, sizes[axis]));
        if let Some(right) = expected.filter(|&right| right != output) {
            return Err(CpuError::Shape { op, left: output.to_vec(), right: right.to_vec() });
        }
        let axes =
            [0, 1, 2].map(|axis| (0..output[axis]).map(|at| taps_at(&full, axis, sizes[axis], at)).collect());
        let kernel = full.kernel.iter().fold(1, |n: usize, &k| n.saturating_mul(k));
        Ok(Self {
            input: sizes,
            output,
            dilation: full.dilation,
            stride: full.stride[2],
            kernel,
            axes,
            across: spans(&full, sizes[2], output[2]),
            halves: full.kernel == [1, 2, 2]
                && full.stride == [1, 2, 2]
                && full.dilation == [1, 1, 1]
                && full.pad_lo == [0; 3]
                && full.pad_hi == [0; 3],
        })
    }

    pub fn in_plane(&self) -> usize {
        self.input.iter().product()
    }

    pub fn out_plane(&self) -> usize {
        self.output.iter().product()
    }

    pub fn outputs(&self, planes: usize) -> Result<usize, CpuError> {
        planes.checked_mul(self.out_plane()).ok_or(CpuError::OutOfMemory { bytes: usize::MAX })
    }

    pub fn inputs(&self, planes: usize) -> Result<usize, CpuError> {
        let plane = self.input.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
        let all = plane.and_then(|plane| planes.checked_mul(plane));
        all.ok_or(CpuError::OutOfMemory { bytes: usize::MAX })
    }

    pub fn work(&self, planes: usize) -> usize {
        planes.saturating_mul(self.out_plane()).saturating_mul(self.kernel)
    }

    /// Whether rows of windows are long enough to be computed tap by tap.
    pub fn is_wide(&self) -> bool {
        self.output[2] >= 4
    }

    /// Calls `visit` for every row of windows of a plane, in order, with its number and, in order, where each row of
    /// the input starts that its windows read.
    #[inline(always)]
    pub fn rows(&self, mut visit: impl FnMut(usize, usize)) {
        let [_, high, wide] = self.input;
        let mut row = 0;
        for z in &self.axes[0] {
            for y in &self.axes[1] {
                for k in 0..z.count {
                    let plane = (z.first + k * self.dilation[0]) * high;
                    for j in 0..y.count {
                        visit(row, (plane + y.first + j * self.dilation[1]) * wide);
                    }
                }
                row += 1;
            }
        }
    }

    /// Where row number `row` of 2×2 windows finds its two rows of the input.
    #[inline(always)]
    pub fn halved(&self, row: usize) -> (Range<usize>, Range<usize>) {
        let [_, high, wide] = self.input;
        let (plane, y) = (row / self.output[1], row % self.output[1]);
        let start = (plane * high + 2 * y) * wide;
        (start..start + wide, start + wide..start + 2 * wide)
    }

    /// Calls `visit` with the number and the taps of every window of a plane, in row-major order.
    #[inline]
    pub fn windows(&self, mut visit: impl FnMut(usize, [Taps; 3])) {
        let mut at = 0;
        for &z in &self.axes[0] {
            for &y in &self.axes[1] {
                for &x in &self.axes[2] {
                    visit(at, [z, y, x]);
                    at += 1;
                }
            }
        }
    }

    /// The position in the plane of the first tap, if there is one.
    #[inline]
    pub fn first_tap(&self, taps: [Taps; 3]) -> Option<usize> {
        let [z, y, x] = taps;
        let some = z.count > 0 && y.count > 0 && x.count > 0;
        some.then(|| (z.first * self.input[1] + y.first) * self.input[2] + x.first)
    }

    /// Calls `visit` with the position in the plane of every tap, in row-major order.
    #[inline]
    pub fn taps(&self, [z, y, x]: [Taps; 3], mut visit: impl FnMut(usize)) {
        let [_, high, wide] = self.input;
        for k in 0..z.count {
            let plane = (z.first + k * self.dilation[0]) * high;
            for j in 0..y.count {
                let row = (plane + y.first + j * self.dilation[1]) * wide + x.first;
                for i in 0..x.count {
                    visit(row + i * self.dilation[2]);
                }
            }
        }
    }
}

/// The taps along the last axis, of `size` elements and `outputs` windows.
fn spans(window: &Window, size: usize, outputs: usize) -> Vec<Span> {
    let (stride, pad) = (window.stride[2], window.pad_lo[2]);
    let span = |tap: usize| {
        let at = tap * window.dilation[2];
        let first = pad.saturating_sub(at).div_ceil(stride);
        let until = (size + pad).saturating_sub(at).div_ceil(stride).min(outputs);
        (first < until).then(|| Span { windows: first..until, first: first * stride + at - pad })
    };
    (0..window.kernel[2]).filter_map(span).collect()
}

fn taps_at(window: &Window, axis: usize, size: usize, at: usize) -> Taps {
    let (start, step) = (at * window.stride[axis], window.dilation[axis]);
    let pad = window.pad_lo[axis];
    // Taps before the input, then all taps that end inside it.
    let skipped = pad.saturating_sub(start).div_ceil(step).min(window.kernel[axis]);
    let until = (size + pad).saturating_sub(start).div_ceil(step).min(window.kernel[axis]);
    let first = (start + skipped * step).saturating_sub(pad);
    Taps { first, count: until.saturating_sub(skipped) }
}
