//! The first ops: `tests/golden/core.py`.

use anygrad_graph::{Conv, DType, Tensor, Window};

use super::Build;

/// What each case of the file is here.
pub const TABLE: &[(&str, Build)] = &[
    ("exp", |x| x[0].exp()),
    ("log", |x| x[0].log()),
    ("sqrt", |x| x[0].sqrt()),
    ("rsqrt", |x| x[0].rsqrt()),
    ("reciprocal", |x| x[0].reciprocal()),
    ("square", |x| x[0].square()),
    ("sin", |x| x[0].sin()),
    ("cos", |x| x[0].cos()),
    ("tanh", |x| x[0].tanh()),
    ("sigmoid", |x| x[0].sigmoid()),
    ("relu", |x| x[0].relu()),
    ("abs", |x| x[0].abs()),
    ("neg", |x| -&x[0]),
    ("sign", |x| x[0].sign()),
    ("floor", |x| x[0].floor()),
    ("ceil", |x| x[0].ceil()),
    ("round", |x| x[0].round()),
    ("add", |x| &x[0] + &x[1]),
    ("sub", |x| &x[0] - &x[1]),
    ("mul", |x| &x[0] * &x[1]),
    ("div", |x| &x[0] / &x[1]),
    ("remainder", |x| x[0].remainder(&x[1])),
    ("minimum", |x| x[0].minimum(&x[1])),
    ("maximum", |x| x[0].maximum(&x[1])),
    ("pow", |x| x[0].pow(&x[1])),
    ("where", |x| x[0].to_dtype(DType::Bool).select(&x[1], &x[2])),
    ("clamp", |x| x[0].clamp(-0.5, 1.0)),
    ("matmul", |x| x[0].matmul(&x[1])),
    ("conv1d", |x| conv(x, 1, |c, i| (c.stride[i], c.pad_lo[i], c.pad_hi[i]) = (2, 1, 1))),
    ("conv2d", |x| x[0].conv2d(&x[1], 2, 1)),
    ("conv2d groups", |x| {
        conv(x, 2, |c, i| {
            c.groups = 2;
            (c.pad_lo[i], c.pad_hi[i]) = (1, 1);
        })
    }),
    ("conv2d dilation", |x| conv(x, 2, |c, i| (c.dilation[i], c.pad_lo[i], c.pad_hi[i]) = (2, 2, 2))),
    ("conv3d", |x| {
        conv(x, 3, |c, i| {
            let pad = isize::from(i > 0);
            (c.pad_lo[i], c.pad_hi[i]) = (pad, pad);
        })
    }),
    // spread by the stride, reversed kernel, k − 1 − padding zeros around
    ("conv_transpose2d", |x| {
        conv(&[x[0].clone(), x[1].transpose(0, 1)], 2, |c, i| {
            c.flip = true;
            (c.input_dilation[i], c.pad_lo[i], c.pad_hi[i]) = (2, 1, 1);
        })
    }),
    ("max_pool1d", |x| x[0].max_pool(&window(&[3]))),
    ("max_pool2d", |x| x[0].max_pool(&window(&[3, 3]))),
    ("max_pool2d ties", |x| x[0].max_pool2d(2, 2)),
    ("max_pool3d", |x| x[0].max_pool(&Window::new(&[2, 2, 2]))),
    ("avg_pool2d", |x| x[0].avg_pool(&window(&[3, 3]))),
    ("sum", |x| x[0].sum(&[0, 2])),
    ("mean", |x| x[0].mean(&[1])),
    ("amax", |x| x[0].max(&[0, 1])),
    ("amax ties", |x| x[0].max(&[1])),
    ("amax special", |x| x[0].max(&[1])),
    ("amin", |x| x[0].min(&[-1])),
    ("argmax", |x| x[0].argmax(1)),
    ("argmin", |x| x[0].argmin(0)),
    ("var", |x| x[0].var(&[1])),
    ("softmax", |x| x[0].softmax(1)),
    ("log_softmax", |x| x[0].log_softmax(-1)),
    ("cross_entropy", |x| -x[0].log_softmax(1).gather(1, &x[1].unsqueeze(1)).mean_all()),
    ("gather", |x| x[0].gather(1, &x[1])),
    ("scatter_add", |x| x[0].scatter_add(0, &x[1], 4)),
    ("index_select", |x| x[0].index_select(0, &x[1])),
    ("one_hot", |x| x[0].one_hot(4)),
    ("pad", |x| x[0].pad(&[(0, 1), (1, 2)])),
    ("concat", |x| Tensor::concat(&[&x[0], &x[1]], 1)),
    ("flip", |x| x[0].flip(&[0, 2])),
    ("permute", |x| x[0].permute(&[2, 0, 1]).reshape([4, 6])),
];

fn conv(x: &[Tensor], rank: usize, set: fn(&mut Conv, usize)) -> Tensor {
    let mut geometry = Conv::new(rank);
    (3 - rank..3).for_each(|i| set(&mut geometry, i));
    x[0].conv(&x[1], &geometry)
}

/// Three taps, step 2, one of padding all around.
fn window(kernel: &[usize]) -> Window {
    let mut window = Window::new(kernel);
    for i in 3 - window.rank..3 {
        (window.stride[i], window.pad_lo[i], window.pad_hi[i]) = (2, 1, 1);
    }
    window
}
