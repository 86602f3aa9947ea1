//! Convolutions of drawn sizes and options: CPU and GPU against loops over the formula in f64.

use anygrad_graph::{ConvOptions, DType, Device, eval, grad};

use crate::compare::{Against, difference};
use crate::devices::{alone, check_guards, gpus};
use crate::draw::Draw;
use crate::run::{leaf, read};

const COUNT: usize = 160;

#[derive(Clone, Debug)]
struct Drawn {
    batch: usize,
    inputs: usize,
    outputs: usize,
    groups: usize,
    size: Vec<usize>,
    kernel: Vec<usize>,
    stride: usize,
    dilation: usize,
    pad: (usize, usize),
}

impl Drawn {
    fn new(draw: &mut Draw) -> Self {
        let rank = 1 + draw.below(3);
        let groups = 1 + draw.below(3);
        let (stride, dilation) = (1 + draw.below(3), 1 + draw.below(2));
        let kernel: Vec<usize> = (0..rank).map(|_| 1 + draw.below(3)).collect();
        let pad = (draw.below(3), draw.below(3));
        // at least one window fits
        let least = |k: usize| (dilation * (k - 1) + 1).saturating_sub(pad.0 + pad.1).max(1);
        let size = kernel.iter().map(|&k| least(k) + draw.below(4)).collect();
        let (inputs, outputs) = (groups * (1 + draw.below(3)), groups * (1 + draw.below(3)));
        Self { batch: 1 + draw.below(3), inputs, outputs, groups, size, kernel, stride, dilation, pad }
    }

    /// Whether the transposed convolution of the output has elements.
    fn goes_back(&self) -> bool {
        let spread = |(&n, &k): (&usize, &usize)| (n - 1) * self.stride + self.dilation * (k - 1) + 1;
        self.out().iter().zip(&self.kernel).map(spread).all(|n| n > self.pad.0 + self.pad.1)
    }

    fn options(&self) -> ConvOptions {
        let sides = vec![self.pad; self.size.len()];
        ConvOptions::new()
            .stride(self.stride)
            .dilation(self.dilation)
            .groups(self.groups)
            .padding_sides(&sides)
    }

    fn shapes(&self) -> (Vec<usize>, Vec<usize>) {
        (
            [&[self.batch, self.inputs], &self.size[..]].concat(),
            [&[self.outputs, self.inputs / self.groups], &self.kernel[..]].concat(),
        )
    }

    fn out(&self) -> Vec<usize> {
        let along = |(&n, &k): (&usize, &usize)| {
            (n + self.pad.0 + self.pad.1 - self.dilation * (k - 1) - 1) / self.stride + 1
        };
        self.size.iter().zip(&self.kernel).map(along).collect()
    }

    /// Calls `visit` with the positions of every product: of output, input and weight.
    fn products(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let (x, w) = self.shapes();
        let out = self.out();
        let group = (self.inputs / self.groups, self.outputs / self.groups);
        let tap_count: usize = self.kernel.iter().product();
        let mut at = 0;
        for n in 0..self.batch {
            for o in 0..self.outputs {
                for place in places(&out) {
                    for c in 0..group.0 {
                        let channel = o / group.1 * group.0 + c;
                        for (tap, t) in places(&self.kernel).into_iter().enumerate() {
                            let read: Option<Vec<usize>> = (0..out.len())
                                .map(|a| {
                                    let from = place[a] * self.stride + t[a] * self.dilation;
                                    from.checked_sub(self.pad.0).filter(|&from| from < self.size[a])
                                })
                                .collect();
                            if let Some(read) = read {
                                let x_at = flat(&[&[n, channel], &read[..]].concat(), &x);
                                visit(at, x_at, (o * w[1] + c) * tap_count + tap);
                            }
                        }
                    }
                    at += 1;
                }
            }
        }
    }
}

/// All coordinates below `sizes`, in row-major order.
fn places(sizes: &[usize]) -> Vec<Vec<usize>> {
    sizes.iter().fold(vec![Vec::new()], |all, &n| {
        all.iter().flat_map(|head| (0..n).map(|i| [&head[..], &[i]].concat())).collect()
    })
}

fn flat(place: &[usize], shape: &[usize]) -> usize {
    place.iter().zip(shape).fold(0, |at, (i, n)| at * n + i)
}

/// Output, and the gradients of Σ weight·output.
fn loops(drawn: &Drawn, x: &[f64], w: &[f64], weight: &[f64]) -> [Vec<f64>; 3] {
    let mut all = [vec![0.0; weight.len()], vec![0.0; x.len()], vec![0.0; w.len()]];
    drawn.products(|y_at, x_at, w_at| {
        all[0][y_at] += x[x_at] * w[w_at];
        all[1][x_at] += weight[y_at] * w[w_at];
        all[2][w_at] += weight[y_at] * x[x_at];
    });
    all
}

#[test]
fn drawn_convolutions_agree_with_the_formula() {
    let mut draw = Draw::named("sweep of convolutions");
    let drawn: Vec<(Drawn, [Vec<f64>; 3])> = (0..COUNT)
        .map(|_| {
            let mut drawn = Drawn::new(&mut draw);
            while !drawn.goes_back() {
                drawn = Drawn::new(&mut draw);
            }
            let (x, w) = drawn.shapes();
            let count = drawn.batch * drawn.outputs * drawn.out().iter().product::<usize>();
            let mut numbers = |n: usize| (0..n).map(|_| f64::from(draw.float(-1.0, 1.0) as f32)).collect();
            let numbers = [numbers(x.iter().product()), numbers(w.iter().product()), numbers(count)];
            (drawn, numbers)
        })
        .collect();
    check(&drawn, &Device::cpu(), DType::F64, 1e-13);
    check(&drawn, &Device::cpu(), DType::F32, 3e-6);
    if let Some((_, device)) = gpus().first() {
        alone(|| {
            check(&drawn, device, DType::F32, 3e-6);
            check_guards(device).expect("nothing is written beside a buffer");
        });
    }
}

fn check(all: &[(Drawn, [Vec<f64>; 3])], device: &Device, dtype: DType, tolerance: f64) {
    for (drawn, [x, w, weight]) in all {
        let (x_shape, w_shape) = drawn.shapes();
        let (xs, ws) = (leaf(x, &x_shape, dtype, device), leaf(w, &w_shape, dtype, device));
        let y = xs.conv_with(&ws, &drawn.options());
        let g = leaf(weight, y.shape(), dtype, device);
        let grads = grad(&(&y * &g).sum_all(), &[&xs, &ws]);
        // ⟨Cx, g⟩ = ⟨x, Cᵀg⟩: the transposed convolution is the gradient of the input, up to what a stride leaves over
        let back = g.conv_transpose_with(&ws, &drawn.options());
        let results = [&y, &grads[0], &grads[1], &back];
        eval(&results).unwrap_or_else(|error| panic!("{drawn:?} on {device}: {error}"));
        let wanted = loops(drawn, x, w, weight);
        for (what, (got, want)) in ["output", "gradient of x", "of w"].iter().zip(results.iter().zip(&wanted))
        {
            let got = read(got).expect("numbers");
            if let Some(wrong) = difference(&got, want, tolerance, Against::Whole) {
                panic!("{drawn:?} on {device}: {what} {wrong}");
            }
        }
        let axes = 2..back.rank() as isize;
        let cut = axes.fold((back, grads[0].clone()), |(back, dx), axis| {
            let size = back.size(axis).min(dx.size(axis));
            (back.slice(axis, 0, size), dx.slice(axis, 0, size))
        });
        let (back, dx) = (read(&cut.0).expect("numbers"), read(&cut.1).expect("numbers"));
        if let Some(wrong) = difference(&back, &dx, tolerance, Against::Whole) {
            panic!("{drawn:?} on {device}: transposed {wrong}");
        }
    }
}
