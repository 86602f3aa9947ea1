//! Pooling over one to three axes, and the ops it is made of.

use anygrad_graph::ops::pool::Pool;
use anygrad_graph::{DType, Tensor, Window};

use crate::case::{Case, Lies, case, float, given};

fn windows() -> Vec<(&'static str, Window, Vec<usize>)> {
    let set = |kernel: &[usize], stride: usize, pad: (usize, usize), dilation: usize| {
        let mut w = Window::new(kernel);
        for i in 3 - w.rank..3 {
            (w.stride[i], w.pad_lo[i], w.pad_hi[i], w.dilation[i]) = (stride, pad.0, pad.1, dilation);
        }
        w
    };
    vec![
        ("1 axis", set(&[3], 2, (1, 1), 1), vec![2, 3, 9]),
        ("2 axes", Window::new(&[2, 2]), vec![2, 3, 6, 4]),
        ("2 axes with a rest", Window::new(&[2, 3]), vec![2, 2, 7, 8]),
        ("2 axes, overlapping", set(&[3, 3], 1, (0, 0), 1), vec![1, 2, 6, 5]),
        ("2 axes, padded", set(&[3, 3], 2, (1, 1), 1), vec![2, 2, 7, 6]),
        ("2 axes, padded unevenly", set(&[3, 2], 2, (1, 0), 1), vec![2, 2, 7, 6]),
        ("2 axes, dilated", set(&[2, 3], 1, (1, 1), 2), vec![1, 2, 7, 8]),
        ("2 axes, gaps", set(&[2, 2], 3, (0, 0), 1), vec![1, 2, 8, 7]),
        ("2 axes, one window", Window::new(&[5, 4]), vec![2, 1, 5, 4]),
        ("2 axes, one element", Window::new(&[1, 1]), vec![1, 1, 1, 1]),
        ("2 axes, no samples", Window::new(&[2, 2]), vec![0, 2, 4, 4]),
        ("3 axes", set(&[2, 2, 2], 2, (0, 1), 1), vec![1, 2, 4, 5, 4]),
    ]
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, window, shape) in windows() {
        let x = || crate::case::Input::new(DType::F32, &shape, (-2.0, 2.0));
        let w = window.clone();
        cases.push(case("window_gather", format!("{name}, max_pool"), [x()], move |t: &[Tensor]| {
            t[0].max_pool(&w)
        }));
        let w = window.clone();
        cases.push(case("window_sum", format!("{name}, avg_pool"), [x()], move |t: &[Tensor]| {
            t[0].avg_pool(&w)
        }));
        let w = window.clone();
        let index = move |t: &[Tensor]| Tensor::record(Pool::MaxIndex(w.clone()), &[&t[0]]);
        cases.push(case("max_index", name, [x()], index).order(0));
        let sizes = spatial(&shape);
        let w = window.clone();
        let adjoint =
            move |t: &[Tensor]| Tensor::record(Pool::SumAdjoint(w.clone(), sizes), &[&sum(&t[0], &w)]);
        cases.push(case("window_sum_adjoint", name, [x()], adjoint));
        let w = window.clone();
        // the index comes from other numbers than those that are spread by it
        let scatter = move |t: &[Tensor]| {
            let index = Tensor::record(Pool::MaxIndex(w.clone()), &[&t[1]]);
            Tensor::record(Pool::PickAdjoint(w.clone(), sizes), &[&sum(&t[0], &w), &index])
        };
        cases.push(case("window_scatter", name, [x(), x().constant()], scatter));
    }
    for lies in [Lies::Permuted, Lies::Sliced, Lies::Flipped, Lies::Expanded, Lies::SlicedPermuted] {
        let x = || float([2, 2, 5, 6]).lies(lies);
        cases.push(case("window_gather", format!("{lies:?}"), [x()], |t: &[Tensor]| t[0].max_pool2d(3, 2)));
        cases.push(case("window_sum", format!("{lies:?}"), [x()], |t: &[Tensor]| t[0].avg_pool2d(3, 2)));
    }
    let ties = vec![
        1.0,
        1.0,
        0.0,
        0.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NEG_INFINITY,
        2.0,
        f64::NAN,
        f64::NAN,
        3.0,
    ];
    let special = || [given(DType::F32, &[1, 1, 2, 6], ties.clone())];
    cases.push(
        case("max_index", "ties and NaN", special(), |t: &[Tensor]| {
            Tensor::record(Pool::MaxIndex(Window::new(&[2, 2])), &[&t[0]])
        })
        .special(),
    );
    cases.push(
        case("window_gather", "ties and NaN", special(), |t: &[Tensor]| t[0].max_pool2d(2, 2)).special(),
    );
    cases
}

fn sum(x: &Tensor, window: &Window) -> Tensor {
    Tensor::record(Pool::Sum(window.clone()), &[x])
}

fn spatial(shape: &[usize]) -> [usize; 3] {
    let mut sizes = [1; 3];
    sizes.iter_mut().rev().zip(shape[2..].iter().rev()).for_each(|(to, &from)| *to = from);
    sizes
}
