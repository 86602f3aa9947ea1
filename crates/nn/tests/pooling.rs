//! Pooling and resizing layers: golden numbers of `golden/pooling.py`, sizes, and errors.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Resize, Rng, Tensor, grad};
use anygrad_nn::*;
use common::golden::everywhere;
use common::{tensor, values};

const GOLDEN: &[u8] = include_bytes!("golden/pooling.safetensors");

fn check(cases: &[(&str, Box<dyn Layer>)]) {
    everywhere(GOLDEN, |golden| {
        for (name, layer) in cases {
            golden.layer(name, &golden.params(), layer, &mut Ctx::train(0));
        }
    });
}

#[test]
fn pools_are_pytorchs() {
    check(&[
        ("max1d", Box::new(MaxPool1d::new(3).stride(2).padding(1).dilation(2))),
        ("max2d", Box::new(MaxPool2d::new([2, 3]).stride([1, 2]).padding([1, 0]))),
        ("max2d ceil", Box::new(MaxPool2d::new(2).ceil())),
        ("max3d", Box::new(MaxPool3d::new(2).stride(1))),
        ("avg1d", Box::new(AvgPool1d::new(3).stride(2).padding(1))),
        ("avg1d ceil", Box::new(AvgPool1d::new(3).stride(2).padding(1).ceil())),
        ("avg2d", Box::new(AvgPool2d::new(3).stride(2).padding(1).exclude_padding())),
        ("avg2d ceil", Box::new(AvgPool2d::new(2).ceil())),
        ("avg3d", Box::new(AvgPool3d::new([1, 2, 2]).divisor(3))),
    ]);
}

#[test]
fn adaptive_and_global_pools_are_pytorchs() {
    check(&[
        ("adaptive avg1d", Box::new(AdaptiveAvgPool1d::new(3))),
        ("adaptive max1d", Box::new(AdaptiveMaxPool1d::new(3))),
        ("adaptive avg2d", Box::new(AdaptiveAvgPool2d::new([2, 4]))),
        ("adaptive max2d", Box::new(AdaptiveMaxPool2d::new([2, 4]))),
        ("adaptive avg3d", Box::new(AdaptiveAvgPool3d::new([1, 2, 2]))),
        ("adaptive max3d", Box::new(AdaptiveMaxPool3d::new([1, 2, 2]))),
        ("global avg", Box::new(GlobalAvgPool)),
        ("global max", Box::new(GlobalMaxPool)),
    ]);
}

#[test]
fn upsampling_is_pytorchs() {
    check(&[
        ("nearest", Box::new(Upsample::by(2.0))),
        ("bilinear", Box::new(Upsample::to([5, 3]).mode(Resize::Linear))),
        ("corners", Box::new(Upsample::by(3.0).mode(Resize::LinearCorners))),
        ("linear", Box::new(Upsample::to([7]).mode(Resize::Linear))),
        ("trilinear", Box::new(Upsample::by(2.0).mode(Resize::Linear))),
        ("bicubic", Box::new(Upsample::to([4, 6]).mode(Resize::CubicCorners))),
    ]);
}

#[test]
fn sizes_follow_the_formula() {
    for n in [5, 6, 9, 13] {
        for (k, s, p) in [(2, 2, 0), (3, 1, 1), (3, 2, 1), (4, 3, 2), (5, 2, 0)] {
            let x = Tensor::zeros([2, 3, n], &Device::cpu());
            let size = |layer: &dyn Layer| {
                let y = layer.forward(&x, &mut Ctx::eval());
                y.check().unwrap();
                // the channels stay as they are, and there are no parameters
                assert_eq!((y.size(0), y.size(1), layer.parameters()), (2, 3, 0));
                y.size(2)
            };
            let out = (n + 2 * p - k) / s + 1;
            assert_eq!(size(&MaxPool1d::new(k).stride(s).padding(p)), out, "n {n} k {k} s {s} p {p}");
            assert_eq!(size(&AvgPool1d::new(k).stride(s).padding(p)), out, "n {n} k {k} s {s} p {p}");
            // a last window that hangs over, unless it would start in the padding
            let ceil = (n + 2 * p - k).div_ceil(s) + 1;
            let ceil = if (ceil - 1) * s >= n + p { ceil - 1 } else { ceil };
            assert_eq!(size(&MaxPool1d::new(k).stride(s).padding(p).ceil()), ceil, "n {n} k {k} s {s} p {p}");
        }
    }
}

#[test]
fn the_first_of_ties_gets_the_gradient() {
    let x = tensor(&[2.0, 1.0, 2.0, 2.0], [1, 1, 2, 2]);
    let layers: [&dyn Layer; 3] = [&MaxPool2d::new(2), &AdaptiveMaxPool2d::new(1), &GlobalMaxPool];
    for layer in layers {
        let gradient = grad(&layer.forward(&x, &mut Ctx::eval()).sum_all(), &[&x]).remove(0);
        assert_eq!(values(&gradient), [1.0, 0.0, 0.0, 0.0], "{}", layer.kind());
    }
}

#[test]
fn a_convolution_and_a_global_maximum_do_not_see_the_order_of_distant_parts() {
    let params = Params::new(&Device::cpu(), 0);
    let model = Sequential::new().then(Conv1d::new(params.at("conv"), 2, 4, 3)).then(GlobalMaxPool);
    let part = |seed: u64| Rng::new(seed).uniform([1, 2, 6], &Device::cpu());
    let quiet = Tensor::zeros([1, 2, 4], &Device::cpu());
    let line = |a: &Tensor, b: &Tensor| Tensor::concat(&[&quiet, a, &quiet, b, &quiet], 2);
    let (a, b) = (part(1), part(2));
    let forward = |x: &Tensor| values(&model.forward(x, &mut Ctx::eval()));
    assert_eq!(forward(&line(&a, &b)), forward(&line(&b, &a)));
}

#[test]
fn errors_name_the_layer_and_the_shape() {
    let error = |layer: &dyn Layer, input: &[usize]| {
        let y = layer.forward(&Tensor::zeros(input, &Device::cpu()), &mut Ctx::eval());
        let text = y.check().unwrap_err().to_string();
        text.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(error(&MaxPool2d::new(2), &[2, 3, 4]), "max_pool2d: takes [N, C, H, W]: input [2, 3, 4]");
    assert_eq!(error(&AvgPool1d::new(2), &[2, 3]), "avg_pool1d: takes [N, C, L]: input [2, 3]");
    assert_eq!(
        error(&AdaptiveAvgPool3d::new(2), &[2, 3, 4, 5]),
        "adaptive_avg_pool: takes [N, C, D, H, W]: input [2, 3, 4, 5]"
    );
    assert_eq!(
        error(&MaxPool1d::new(2).padding(2), &[1, 1, 4]),
        "max_pool1d: padding 2 is more than half of the window's 2 along spatial axis 0"
    );
    assert_eq!(
        error(&MaxPool1d::new(0), &[1, 1, 4]),
        "max_pool1d: kernel, stride and dilation are at least 1"
    );
    assert_eq!(error(&AvgPool2d::new(2).divisor(0), &[1, 1, 4, 4]), "avg_pool2d: the divisor is 0");
    assert_eq!(
        error(&AdaptiveMaxPool1d::new(0), &[1, 1, 4]),
        "adaptive_max_pool: no elements: from [1, 1, 4] to sizes [0]"
    );
    assert_eq!(
        error(&GlobalAvgPool, &[2, 3]),
        "global_avg_pool: takes [N, C, …] with 1 to 3 axes behind, not [2, 3]"
    );
    assert_eq!(error(&Upsample::by(-1.0), &[1, 1, 4]), "resize: the factor -1 is not positive");
    assert_eq!(
        error(&Upsample::to([2, 2]), &[1, 1, 4]),
        "resize: sizes [2, 2] for the 1 axes behind [N, C] of [1, 1, 4]"
    );
}
