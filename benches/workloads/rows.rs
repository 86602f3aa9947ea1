//! The kernels that are measured: what each computes, on which shape, and how much arithmetic and memory that takes.
//!
//! Plain data, so that the programs that measure others read the same list.

/// One kernel on one shape.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What is computed.
    pub kind: &'static str,
    /// The sizes that the kind takes, see [`ROWS`].
    pub shape: &'static [usize],
}

const fn row(kind: &'static str, shape: &'static [usize]) -> Row {
    Row { kind, shape }
}

/// Sizes are, by kind:
/// - `matmul` `B M K N`: `[B, M, K] · [B, K, N]`, or without `B` where it is 1; `matmul_bt` reads the second factor
///   transposed, `matmul_at` the first one;
/// - `conv`, `conv_dx`, `conv_dw` `N C H W O K S P`: a convolution without bias of `[N, C, H, W]` by `[O, C, K, K]` with
///   stride `S` and padding `P`, its gradient by the input, and its gradient by the weight;
/// - `max_pool`, `avg_pool` `N C H W`: windows 2×2 with stride 2;
/// - `sum` `N`: everything; `row_sum`, `column_sum` `R C`: the last, the first axis;
/// - `softmax`, `layer_norm` (with weight and bias) `R C`: over the last axis;
/// - `batch_norm` `N C H W`: in training, so with the statistics of the batch and an update of the running ones;
/// - `scale` `N`: x / 2, which is a copy but for one multiplication;
/// - `chain` `N`: gelu(x) · sigmoid(x), gelu in its exact form;
/// - `attention` `B H T D`: softmax(Q·Kᵀ/√D)·V.
pub const ROWS: &[Row] = &[
    row("matmul", &[1, 256, 256, 256]),
    row("matmul", &[1, 512, 512, 512]),
    row("matmul", &[1, 1024, 1024, 1024]),
    row("matmul", &[1, 2048, 2048, 2048]),
    row("matmul_bt", &[1, 512, 512, 512]),
    row("matmul_at", &[1, 512, 512, 512]),
    row("matmul", &[1, 8192, 64, 64]),
    row("matmul", &[1, 128, 784, 512]),
    row("matmul", &[64, 64, 32, 64]),
    row("conv", &[16, 64, 32, 32, 64, 3, 1, 1]),
    row("conv_dx", &[16, 64, 32, 32, 64, 3, 1, 1]),
    row("conv_dw", &[16, 64, 32, 32, 64, 3, 1, 1]),
    row("conv", &[16, 128, 16, 16, 128, 3, 1, 1]),
    row("conv_dx", &[16, 128, 16, 16, 128, 3, 1, 1]),
    row("conv_dw", &[16, 128, 16, 16, 128, 3, 1, 1]),
    row("conv", &[16, 64, 32, 32, 128, 1, 2, 0]),
    row("conv_dx", &[16, 64, 32, 32, 128, 1, 2, 0]),
    row("conv_dw", &[16, 64, 32, 32, 128, 1, 2, 0]),
    row("conv", &[64, 1, 28, 28, 6, 5, 1, 2]),
    row("conv_dw", &[64, 1, 28, 28, 6, 5, 1, 2]),
    row("conv", &[64, 6, 14, 14, 16, 5, 1, 0]),
    row("conv_dx", &[64, 6, 14, 14, 16, 5, 1, 0]),
    row("conv_dw", &[64, 6, 14, 14, 16, 5, 1, 0]),
    row("max_pool", &[64, 64, 32, 32]),
    row("avg_pool", &[64, 64, 32, 32]),
    row("sum", &[16 << 20]),
    row("row_sum", &[4096, 1024]),
    row("column_sum", &[4096, 1024]),
    row("softmax", &[4096, 1024]),
    row("layer_norm", &[4096, 1024]),
    row("batch_norm", &[64, 64, 32, 32]),
    row("scale", &[16 << 20]),
    row("chain", &[4 << 20]),
    row("attention", &[16, 4, 64, 32]),
    row("attention", &[4, 8, 256, 64]),
];

impl Row {
    /// Multiplications and additions of matrix products and convolutions; 0 where memory is what counts.
    pub fn flops(&self) -> f64 {
        let f = |i: usize| self.shape.get(i).copied().unwrap_or(1) as f64;
        match self.kind {
            "matmul" | "matmul_bt" | "matmul_at" => 2.0 * f(0) * f(1) * f(2) * f(3),
            "conv" | "conv_dx" | "conv_dw" => 2.0 * self.conv_outputs() * f(1) * f(5) * f(5),
            "attention" => 4.0 * f(0) * f(1) * f(2) * f(2) * f(3),
            _ => 0.0,
        }
    }

    /// Bytes that have to be read or written once: operands and results.
    pub fn bytes(&self) -> f64 {
        let f = |i: usize| self.shape.get(i).copied().unwrap_or(1) as f64;
        let all: f64 = self.shape.iter().map(|&size| size as f64).product();
        4.0 * match self.kind {
            "matmul" | "matmul_bt" | "matmul_at" => f(0) * (f(1) * f(2) + f(2) * f(3) + f(1) * f(3)),
            "conv" | "conv_dx" | "conv_dw" => {
                f(0) * f(1) * f(2) * f(3) + f(4) * f(1) * f(5) * f(5) + self.conv_outputs()
            }
            "max_pool" | "avg_pool" => all * 1.25,
            "sum" => all,
            "row_sum" => all + f(0),
            "column_sum" => all + f(1),
            "attention" => 4.0 * all,
            // read once, written once
            _ => all * 2.0,
        }
    }

    /// The sizes as text.
    pub fn sizes(&self) -> String {
        self.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    fn conv_outputs(&self) -> f64 {
        let [n, _, h, w, o, k, stride, pad] = self.shape else { return 0.0 };
        let out = |size: usize| (size + 2 * pad - k) / stride + 1;
        (n * o * out(*h) * out(*w)) as f64
    }
}

impl std::fmt::Display for Row {
    /// `matmul 1 256 256 256`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.sizes())
    }
}
