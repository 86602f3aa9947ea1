//! Convolution layers: golden numbers of `golden/convolution.py`, sizes, and what the notes say about them.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Rng, Tensor, grad};
use anygrad_nn::*;
use common::golden::{Golden, everywhere};
use common::{close, tensor, values};

const GOLDEN: &[u8] = include_bytes!("golden/convolution.safetensors");

fn layer<L: Layer>(golden: &Golden, name: &str, build: impl Fn(ParamPath) -> L) {
    let params = golden.params();
    let layer = build(params.at(""));
    golden.layer(name, &params, &layer, &mut Ctx::train(0));
}

#[test]
fn convolutions_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        layer(golden, "conv1d", |p| Conv1d::new(p, 4, 6, 3).stride(2).padding(2).dilation(2).groups(2));
        layer(golden, "conv1d same", |p| Conv1d::new(p, 2, 3, 4).same().bias(false));
        layer(golden, "conv2d", |p| Conv2d::new(p, 2, 3, [2, 3]).stride([1, 2]).padding([1, 0]));
        layer(golden, "conv3d", |p| Conv3d::new(p, 2, 3, [1, 2, 3]).stride([1, 2, 1]).padding([0, 1, 1]));
    });
}

#[test]
fn transposed_convolutions_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        layer(golden, "transpose1d", |p| {
            ConvTranspose1d::new(p, 4, 6, 3).stride(3).padding(1).output_padding(2).groups(2)
        });
        layer(golden, "transpose2d", |p| {
            ConvTranspose2d::new(p, 2, 3, [3, 2]).stride(2).padding([1, 0]).dilation([2, 1])
        });
        layer(golden, "transpose3d", |p| {
            ConvTranspose3d::new(p, 2, 2, 2).stride([1, 2, 2]).output_padding([0, 1, 0])
        });
    });
}

#[test]
fn depthwise_and_separable_convolutions_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        layer(golden, "depthwise", |p| DepthwiseConv2d::new(p, 3, 3).multiplier(2).padding(1));
        layer(golden, "separable", |p| SeparableConv2d::new(p, 2, 3, 3).multiplier(2).stride(2).padding(1));
    });
}

/// The shape of the output over zeros of the shape `input`.
fn shape<L: Layer>(build: impl Fn(ParamPath) -> L, input: &[usize]) -> Vec<usize> {
    let params = Params::new(&Device::cpu(), 0);
    let y = build(params.at("")).forward(&Tensor::zeros(input, &Device::cpu()), &mut Ctx::eval());
    y.check().unwrap();
    y.shape().to_vec()
}

#[test]
fn sizes_follow_the_formulas() {
    // n, kernel, padding, stride, output
    for (n, k, p, s, out) in
        [(28, 5, 2, 1, 28), (7, 3, 1, 2, 4), (6, 3, 0, 2, 2), (224, 7, 3, 2, 112), (28, 5, 0, 1, 24)]
    {
        let conv = |path| Conv2d::new(path, 1, 1, k).padding(p).stride(s);
        assert_eq!(shape(conv, &[1, 1, n, n]), [1, 1, out, out], "n {n} k {k} p {p} s {s}");
        assert_eq!(shape(|path| Conv1d::new(path, 1, 1, k).padding(p).stride(s), &[1, 1, n]), [1, 1, out]);
    }
    for n in [1, 2, 5, 8, 13] {
        for (k, s, d) in [(1, 1, 1), (2, 1, 1), (3, 2, 1), (4, 3, 2), (7, 1, 3), (2, 5, 1)] {
            let same = |path| Conv1d::new(path, 1, 2, k).same().stride(s).dilation(d);
            assert_eq!(shape(same, &[1, 1, n]), [1, 2, n.div_ceil(s)], "n {n} k {k} s {s} d {d}");
            let up = |path| ConvTranspose1d::new(path, 1, 2, k).same().stride(s).dilation(d);
            assert_eq!(shape(up, &[1, 1, n]), [1, 2, n * s], "n {n} k {k} s {s} d {d}");
            let up = |path| ConvTranspose1d::new(path, 1, 2, k).stride(s).dilation(d);
            assert_eq!(shape(up, &[1, 1, n]), [1, 2, (n - 1) * s + d * (k - 1) + 1]);
        }
    }
    assert_eq!(shape(|p| Conv2d::new(p, 1, 1, 3).padding([1, 2]), &[1, 1, 4, 4]), [1, 1, 4, 6]);
    assert_eq!(
        shape(|p| Conv2d::new(p, 1, 1, 3).padding_sides([(2, 0), (0, 1)]), &[1, 1, 4, 4]),
        [1, 1, 4, 3]
    );
    assert_eq!(
        shape(|p| Conv3d::new(p, 3, 4, [3, 1, 2]).stride([2, 1, 1]), &[2, 3, 7, 4, 5]),
        [2, 4, 3, 4, 4]
    );
}

#[test]
fn parameters_are_counted_as_the_formulas_say() {
    let params = Params::new(&Device::cpu(), 0);
    let count = |layer: &dyn Layer| layer.parameters();
    assert_eq!(count(&Conv2d::new(params.at("a"), 3, 8, 3)), 216 + 8);
    assert_eq!(count(&Conv2d::new(params.at("b"), 4, 8, 3).groups(2).bias(false)), 8 * 2 * 9);
    assert_eq!(count(&ConvTranspose2d::new(params.at("c"), 4, 8, 3).groups(2)), 4 * 4 * 9 + 8);
    assert_eq!(count(&DepthwiseConv2d::new(params.at("d"), 4, 3).multiplier(2)), 8 * 9 + 8);
    assert_eq!(count(&Conv1d::new(params.at("e"), 2, 3, 5).bias(false).bias(true)), 30 + 3);
    // a 1×3 and a 3×1 kernel have 6 weights, a 3×3 one has 9
    assert_eq!(count(&Conv2d::new(params.at("f"), 1, 1, [1, 3]).bias(false)), 3);
    // local and shared: a dense layer between the same planes has 53 thousand weights for each of them
    let dense = (28 * 28) * (8 * 26 * 26);
    assert_eq!(dense / count(&Conv2d::new(params.at("g"), 1, 8, 3)), 52_998);
    assert_eq!(params.get("c.weight").unwrap().shape()[..], [4, 4, 3, 3]);
    assert_eq!(params.get("d.weight").unwrap().shape()[..], [8, 1, 3, 3]);
    params.check().unwrap();
}

/// A convolution of one channel without bias whose kernel is `kernel`.
fn filter(kernel: &[f32], size: [usize; 2], change: impl Fn(Conv2d) -> Conv2d) -> (Params, Conv2d) {
    let params = Params::new(&Device::cpu(), 0);
    let conv = change(Conv2d::new(params.at(""), 1, 1, size).bias(false));
    params.set("weight", &tensor(kernel, [1, 1, size[0], size[1]])).unwrap();
    (params, conv)
}

#[test]
fn the_vertical_edge_filter_finds_the_edge() {
    let image: Vec<f32> = (0..36).map(|i| if i % 6 < 3 { 10.0 } else { 0.0 }).collect();
    let edge = [1.0, 0.0, -1.0].repeat(3);
    for (flip, sign) in [(false, 30.0), (true, -30.0)] {
        let (_params, conv) = filter(&edge, [3, 3], |c| if flip { c.flip() } else { c });
        let y = conv.forward(&tensor(&image, [1, 1, 6, 6]), &mut Ctx::eval());
        assert_eq!(values(&y), [0.0, sign, sign, 0.0].repeat(4), "flip {flip}");
    }
}

#[test]
fn a_filter_is_learned_from_pictures_and_their_edges() {
    let edge = [1.0, 0.0, -1.0].repeat(3);
    let (_, wanted) = filter(&edge, [3, 3], |c| c);
    let x = Rng::new(3).uniform([16, 1, 6, 6], &Device::cpu());
    let target = wanted.forward(&x, &mut Ctx::eval()).detached().unwrap();
    let params = Params::new(&Device::cpu(), 1);
    let conv = Conv2d::new(params.at(""), 1, 1, 3).bias(false);
    let mut ctx = Ctx::train(0);
    for _ in 0..300 {
        let loss = mse(&conv.forward(&x, &mut ctx), &target);
        Adam::default().step(&params, params.grad(&loss), 0.05).unwrap();
    }
    let wanted: Vec<f64> = edge.iter().map(|&w| f64::from(w)).collect();
    close("learned", &values(&params.get("weight").unwrap()), &wanted, 1e-2);
}

#[test]
fn a_shift_goes_through_a_convolution() {
    // f(T(x)) = T(f(x)) away from the border
    let params = Params::new(&Device::cpu(), 5);
    let conv = Conv2d::new(params.at(""), 2, 3, 3).padding(1);
    let x = Rng::new(4).uniform([1, 2, 10, 10], &Device::cpu());
    let f = |x: &Tensor| conv.forward(x, &mut Ctx::eval());
    let inside = |y: Tensor| values(&y.slice(2, 3, 4).slice(3, 3, 4));
    let shifted = inside(f(&x.roll(&[1, 2], &[2, 3])));
    close("shift", &shifted, &inside(f(&x).roll(&[1, 2], &[2, 3])), 1e-6);
    // and pooling over the whole plane does not see a cyclic shift at all
    for pool in [Tensor::global_avg_pool, Tensor::global_max_pool] {
        close("pooled", &values(&pool(&x.roll(&[3, 4], &[2, 3]))), &values(&pool(&x)), 1e-6);
    }
}

#[test]
fn kernels_do_what_others_do() {
    let x = Rng::new(9).uniform([2, 3, 5, 6], &Device::cpu());
    let params = Params::new(&Device::cpu(), 5);
    let forward = |layer: &dyn Layer, x: &Tensor| values(&layer.forward(x, &mut Ctx::eval()));
    // 1×1: a matrix product over channels
    let point = Conv2d::new(params.at("point"), 3, 4, 1).bias(false);
    let matrix = params.get("point.weight").unwrap().reshape([4, 3]);
    let product = matrix.matmul(&x.reshape([2, 3, 30])).reshape([2, 4, 5, 6]);
    close("1×1", &forward(&point, &x), &values(&product), 1e-6);
    // 1-D: a convolution of height 1
    let line = Conv1d::new(params.at("line"), 3, 4, 5);
    let flat = Conv2d::new(params.at("flat"), 3, 4, [1, 5]);
    params.set("flat.weight", &params.get("line.weight").unwrap().unsqueeze(2)).unwrap();
    params.set("flat.bias", &params.get("line.bias").unwrap()).unwrap();
    let row = x.slice(2, 0, 1);
    close("1-D", &forward(&line, &row.squeeze(2)), &forward(&flat, &row), 1e-6);
    // dilated: a kernel with zeros between its taps, of 5 for 3
    let (_a, dilated) = filter(&[1.0, 2.0, 3.0], [1, 3], |c| c.dilation(2));
    let (_b, stuffed) = filter(&[1.0, 0.0, 2.0, 0.0, 3.0], [1, 5], |c| c);
    let plane = x.slice(1, 0, 1);
    assert_eq!(forward(&dilated, &plane), forward(&stuffed, &plane));
    // 3×1 after 1×3: their outer product, of rank 1
    let (_c, across) = filter(&[1.0, 2.0, 3.0], [1, 3], |c| c);
    let (_d, down) = filter(&[1.0, 0.5, -1.0], [3, 1], |c| c);
    let (_e, both) = filter(&[1.0, 2.0, 3.0, 0.5, 1.0, 1.5, -1.0, -2.0, -3.0], [3, 3], |c| c);
    let two = down.forward(&across.forward(&plane, &mut Ctx::eval()), &mut Ctx::eval());
    close("rank 1", &forward(&both, &plane), &values(&two), 1e-5);
    // a dirac kernel leaves its input as it is
    let dirac = Conv2d::new(params.at("dirac"), 3, 3, 3).same().bias(false).init(Init::Dirac { groups: 1 });
    assert_eq!(forward(&dirac, &x), values(&x));
}

#[test]
fn a_transposed_convolution_is_the_adjoint() {
    let x = tensor(&[0.0, 1.0, 2.0, 3.0], [1, 1, 2, 2]);
    let params = Params::new(&Device::cpu(), 0);
    let up = ConvTranspose2d::new(params.at("up"), 1, 1, 2).bias(false);
    params.set("up.weight", &x).unwrap();
    let y = up.forward(&x, &mut Ctx::eval());
    assert_eq!(values(&y), [0.0, 0.0, 1.0, 0.0, 4.0, 6.0, 4.0, 12.0, 9.0]);
    // ⟨Cx, y⟩ = ⟨x, Cᵀy⟩
    let down = Conv2d::new(params.at("down"), 2, 3, 3).stride(2).padding(1).bias(false);
    let back = ConvTranspose2d::new(params.at("back"), 3, 2, 3).stride(2).padding(1).bias(false);
    params.set("back.weight", &params.get("down.weight").unwrap()).unwrap();
    let (x, y) = (
        Rng::new(1).uniform([1, 2, 7, 7], &Device::cpu()),
        Rng::new(2).uniform([1, 3, 4, 4], &Device::cpu()),
    );
    let left = (down.forward(&x, &mut Ctx::eval()) * &y).sum_all();
    let right = (back.forward(&y, &mut Ctx::eval()) * &x).sum_all();
    close("adjoint", &values(&left), &values(&right), 1e-5);
}

#[test]
fn a_bias_in_front_of_batch_norm_gets_no_gradient() {
    let params = Params::new(&Device::cpu(), 0);
    let conv = Conv2d::new(params.at("conv"), 2, 3, 3);
    let norm = BatchNorm2d::new(params.at("norm"), 3);
    let x = Rng::new(1).uniform([4, 2, 6, 6], &Device::cpu());
    let mut ctx = Ctx::train(0);
    let y = norm.forward(&conv.forward(&x, &mut ctx), &mut ctx);
    let loss = (y * Rng::new(2).uniform([4, 3, 4, 4], &Device::cpu())).sum_all();
    let bias = grad(&loss, &[&params.get("conv.bias").unwrap()]).remove(0);
    close("bias", &values(&bias), &[0.0; 3], 1e-4);
}

#[test]
fn errors_name_the_layer_and_its_shapes() {
    let params = Params::new(&Device::cpu(), 0);
    let error = |layer: &dyn Layer, input: &[usize]| {
        let y = layer.forward(&Tensor::zeros(input, &Device::cpu()), &mut Ctx::eval());
        y.check().unwrap_err().to_string()
    };
    let text = error(&Conv1d::new(params.at("line"), 3, 4, 5), &[2, 3, 4]);
    assert!(
        text.starts_with("conv1d: the kernel does not fit the padded input along spatial axis 0: input [2, 3, 4], weight [4, 3, 5]"),
        "{text}"
    );
    assert!(text.contains("in line\n"), "{text}");
    let text = error(&Conv3d::new(params.at("cube"), 3, 4, 1), &[2, 3, 4, 4]);
    assert!(text.starts_with("conv3d: takes an input [N, C, depth, height, width]"), "{text}");
    let text = error(&ConvTranspose1d::new(params.at("up"), 3, 4, 2).output_padding(1), &[1, 3, 4]);
    assert!(
        text.starts_with("conv_transpose1d: output padding 1 is not below the larger of stride 1"),
        "{text}"
    );
    let text = error(&ConvTranspose2d::new(params.at("groups"), 3, 4, 2).groups(2), &[1, 3, 4, 4]);
    assert!(text.starts_with("conv_transpose2d: 2 groups do not divide 3 input"), "{text}");
    let text = error(&SeparableConv2d::new(params.at("both"), 3, 4, 2), &[1, 2, 4, 4]);
    assert!(text.starts_with("conv2d: ") && text.contains("in both.depthwise\n"), "{text}");
    let text = error(&Conv2d::new(params.at("stride"), 1, 1, 1).stride(0), &[1, 1, 4, 4]);
    assert!(text.starts_with("conv2d: stride and dilation are at least 1"), "{text}");
}
