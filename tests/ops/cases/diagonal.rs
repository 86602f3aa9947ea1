//! Diagonals, triangles, and windows with their adjoint.

use anygrad_graph::{DType, Device, Tensor, Window};

use crate::case::{Case, Input, Lies, case, float, int, truth, uint};

fn one(op: &'static str, name: &str, input: Input, build: fn(&Tensor) -> Tensor) -> Case {
    case(op, name, [input], move |x: &[Tensor]| build(&x[0]))
}

fn source(name: &str, build: fn(&Device) -> Tensor) -> Case {
    case("eye", name, [float([1])], move |x: &[Tensor]| build(x[0].device())).order(0)
}

const LIES: [Lies; 6] =
    [Lies::Dense, Lies::Permuted, Lies::Sliced, Lies::Flipped, Lies::Expanded, Lies::SlicedPermuted];

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for lies in LIES {
        cases.extend([
            one("diagonal", &format!("{lies:?}"), float([3, 4, 2]).lies(lies), |x| x.diagonal(1, 0, 1)),
            one("unfold", &format!("{lies:?}"), float([3, 7, 2]).lies(lies), |x| x.unfold(1, 3, 2)),
            one("fold", &format!("{lies:?}"), float([2, 3, 4]).lies(lies), |x| x.fold(1, 9, 2)),
            one("tril", &format!("{lies:?}"), float([4, 3]).lies(lies), |x| x.tril(-1)),
        ]);
    }
    cases.extend(diagonals());
    cases.extend(windows());
    cases.extend(read_by_kernels());
    cases.extend(images());
    cases
}

fn diagonals() -> Vec<Case> {
    vec![
        one("diagonal", "below", float([5, 3]), |x| x.diagonal(-2, 0, 1)),
        one("diagonal", "columns first", float([3, 2, 5]), |x| x.diagonal(1, -1, 0)),
        one("diagonal", "rows last", float([3, 2, 5]), |x| x.diagonal(-1, 2, 1).square()),
        one("diagonal", "beyond", float([3, 4]), |x| x.diagonal(isize::MAX, 0, 1)),
        one("diagonal", "far below", float([3, 4]), |x| x.diagonal(isize::MIN, 0, 1)),
        one("diagonal", "of one", float([1, 1]), |x| x.diagonal(0, 0, 1)),
        one("diagonal", "of nothing", float([0, 4, 2]), |x| x.diagonal(0, 0, 1)),
        one("diagonal", "i32", int([3, 3], -9.0, 9.0), |x| x.diagonal(0, 0, 1)).order(0),
        one("diagonal", "u32", uint([3, 3], 9), |x| x.diagonal(0, 0, 1)).order(0),
        one("diagonal", "bool", truth([3, 3]), |x| x.diagonal(1, 0, 1)).order(0),
        one("diagonal", "of counting", float([1]), |x| {
            Tensor::iota(20, x.device()).reshape([4, 5]).diagonal(1, 0, 1)
        })
        .order(0),
        one("diag_embed", "vectors", float([2, 3]), |x| x.diag_embed(0).square()),
        one("diag_embed", "above", float([3]), |x| x.diag_embed(2)),
        one("diag_embed", "below", float([2, 3]), |x| x.diag_embed(-1)),
        one("diag_embed", "nothing", float([2, 0]), |x| x.diag_embed(-2)),
        one("diag_embed", "of a product", float([3, 3]), |x| x.at(0, 1).diag_embed(0).matmul(x)),
        one("diag", "to a matrix and back", float([4]), |x| x.diag(1).diag(1) * x),
        one("trace", "matrices", float([2, 3, 4]), |x| x.trace().square()),
        one("trace", "of a product", float([3, 3]), |x| x.matmul(x).trace()),
        one("tril", "bool", truth([3, 4]), |x| x.tril(0)).order(0),
        one("tril", "far above", float([2, 3]), |x| x.tril(isize::MAX)),
        one("triu", "many", float([2, 3, 4]), |x| x.triu(1).square()),
        one("triu", "far below", float([2, 3]), |x| x.triu(isize::MIN)),
        one("triu", "nothing", float([0, 3]), |x| x.triu(0)),
        one("triu", "u32", uint([3, 3], 9), |x| x.triu(0)).order(0),
        source("square", |d| Tensor::eye(3, 3, DType::F32, d)),
        source("wide, bool", |d| Tensor::eye(2, 4, DType::Bool, d)),
        source("of nothing", |d| Tensor::eye(0, 2, DType::I32, d)),
        source("tri", |d| Tensor::tri(3, 5, 1, DType::F32, d)),
        source("tri, u32", |d| Tensor::tri(4, 2, -1, DType::U32, d)),
    ]
}

fn windows() -> Vec<Case> {
    vec![
        one("unfold", "all of it", float([4]), |x| x.unfold(0, 4, 1)),
        one("unfold", "a long step", float([4]), |x| x.unfold(0, 2, usize::MAX)),
        one("unfold", "of ones", float([3]), |x| x.unfold(0, 1, 1)),
        one("unfold", "apart", float([8, 2]), |x| x.unfold(0, 2, 3).square()),
        one("unfold", "twice", float([5, 6]), |x| x.unfold(0, 3, 1).unfold(1, 2, 2)),
        one("unfold", "beside nothing", float([4, 0]), |x| x.unfold(0, 2, 1)),
        one("unfold", "then a product", float([6, 2]), |x| x.unfold(0, 3, 1).matmul(&x.slice(0, 0, 3))),
        one("unfold", "then a sum", float([9]), |x| x.exp().unfold(0, 4, 2).sum(&[1])),
        one("unfold", "then merged", float([7]), |x| x.unfold(0, 3, 2).reshape([-1])),
        one("unfold", "i32", int([5], -9.0, 9.0), |x| x.unfold(0, 3, 1)).order(0),
        one("unfold", "bool", truth([5]), |x| x.unfold(0, 3, 1)).order(0),
        one("fold", "room behind", float([3, 2]), |x| x.fold(0, 9, 2)),
        one("fold", "more taps than windows", float([2, 5]), |x| x.fold(0, 8, 3)),
        one("fold", "nothing", float([0, 3, 2]), |x| x.fold(1, 5, 1)),
        one("fold", "no windows", float([2, 0, 3]), |x| x.fold(1, 5, 1)),
        one("fold", "of one", float([1, 1]), |x| x.fold(0, 1, 7)),
        one("fold", "squares", float([4, 3, 3]), |x| x.fold(0, 6, 1).square()),
        one("fold", "many terms", float([600, 300]).range(0.5, 1.5), |x| x.fold(0, 899, 1)).order(1),
        one("fold", "i32", int([3, 2], -9.0, 9.0), |x| x.fold(0, 4, 1)).order(0),
        one("fold", "u32", uint([3, 2], 9), |x| x.fold(0, 4, 1)).order(0),
    ]
}

/// Every kind of kernel reads views whose elements overlap, or lie askew.
fn read_by_kernels() -> Vec<Case> {
    vec![
        one("unfold", "into a convolution", float([2, 3, 8]), |x| {
            // windows of 4 over the last axis as the height of images
            let images = x.unfold(2, 4, 1).permute(&[0, 1, 3, 2]);
            let weight = x.slice(2, 0, 2).unsqueeze(2).slice(0, 0, 2).expand([2, 3, 2, 2]);
            images.conv2d(&weight, 1, 1)
        }),
        one("unfold", "into pooling", float([1, 2, 7]), |x| {
            let planes = x.unfold(2, 4, 1);
            planes.max_pool2d(2, 2) + planes.avg_pool2d(2, 2)
        }),
        one("unfold", "into a gather and a scatter", float([6]), |x| {
            let windows = x.unfold(0, 3, 1);
            let index = windows.argmax(1).unsqueeze(1);
            windows.gather(1, &index) + windows.scatter_add(1, &index.expand([4, 3]), 2)
        }),
        one("unfold", "into pads and joins", float([5, 2]), |x| {
            let windows = x.unfold(0, 2, 1);
            Tensor::concat(&[&windows, &windows.flip(&[0])], 1).pad_interior(&[
                (0, 1, 1),
                (0, 0, 0),
                (1, 0, 1),
            ])
        }),
        one("unfold", "of one part twice", float([6]), |x| x.unfold(0, 3, 1).unfold(1, 2, 1).fold(1, 4, 2)),
        one("unfold", "into reductions along each axis", float([7, 2]), |x| {
            let windows = x.unfold(0, 3, 2);
            windows.max(&[2]).sum(&[0]) + windows.mean(&[0, 2]) + windows.softmax(2).square().sum(&[0, 2])
        }),
        one("diagonal", "into a product", float([4, 4, 4]), |x| {
            x.diagonal(0, 0, 1).matmul(&x.diagonal(1, 2, 0).t().slice(0, 0, 3).t())
        }),
        one("diagonal", "into a sum", float([4, 4, 3]), |x| x.exp().diagonal(0, 0, 1).sum(&[1])),
        // the input dies here, and its memory has the output's size
        one("unfold", "then arithmetic in place of the input", float([9]), |x| {
            (x + 1.0).unfold(0, 3, 3).flip(&[1]) * 2.0 + 1.0
        }),
    ]
}

fn window(kernel: &[usize], stride: usize, pads: (usize, usize), dilation: usize) -> Window {
    let mut window = Window::new(kernel);
    for i in 3 - window.rank..3 {
        (window.stride[i], window.dilation[i]) = (stride, dilation);
        (window.pad_lo[i], window.pad_hi[i]) = pads;
    }
    window
}

fn images() -> Vec<Case> {
    vec![
        one("im2col", "plain", float([2, 3, 5, 4]), |x| x.im2col(&window(&[2, 3], 1, (0, 0), 1))),
        one("im2col", "padded, by two", float([1, 2, 6, 5]), |x| x.im2col(&window(&[3, 2], 2, (1, 2), 1))),
        one("im2col", "spread", float([1, 2, 7, 6]).lies(Lies::Permuted), |x| {
            x.im2col(&window(&[2, 3], 1, (1, 0), 2)).square()
        }),
        one("im2col", "one axis", float([2, 2, 7]), |x| x.im2col(&window(&[3], 2, (1, 1), 1))),
        one("im2col", "three axes", float([1, 2, 3, 4, 3]), |x| x.im2col(&window(&[2, 2, 3], 1, (0, 1), 1))),
        one("col2im", "plain", float([2, 18, 8]), |x| x.col2im(&[5, 4], &window(&[2, 3], 1, (0, 0), 1))),
        one("col2im", "padded, by two", float([1, 12, 16]), |x| {
            x.col2im(&[6, 5], &window(&[3, 2], 2, (1, 2), 1)).square()
        }),
        one("col2im", "one axis, spread", float([2, 6, 5]), |x| x.col2im(&[7], &window(&[3], 1, (1, 1), 2))),
        one("col2im", "three axes", float([1, 16, 4]).lies(Lies::Sliced), |x| {
            x.col2im(&[3, 2, 3], &window(&[2, 2, 2], 1, (0, 0), 1))
        }),
        case("im2col", "a convolution", [float([2, 3, 5, 4]), float([4, 3, 3, 2])], |x: &[Tensor]| {
            x[1].reshape([4, -1]).matmul(&x[0].im2col(&window(&[3, 2], 1, (1, 1), 1)))
        }),
    ]
}
