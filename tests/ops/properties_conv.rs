//! What convolutions and pooling are known for, by numbers that can be checked by hand.

use anygrad_graph::{ConvOptions, DType, Device, PoolOptions, Tensor, grad};

use crate::compare::{Against, difference};
use crate::devices::{alone, gpu};
use crate::draw::Draw;
use crate::run::{leaf, read};

fn everywhere(check: impl Fn(&Device)) {
    check(&Device::cpu());
    if let Some(device) = gpu() {
        alone(|| check(device));
    }
}

fn drawn(name: &str, shape: &[usize], device: &Device) -> Tensor {
    let mut draw = Draw::named(name);
    let numbers: Vec<f64> = (0..shape.iter().product()).map(|_| draw.float(-1.0, 1.0)).collect();
    leaf(&numbers, shape, DType::F32, device)
}

fn same(a: &Tensor, b: &Tensor) {
    assert_eq!(a.shape(), b.shape());
    let (a, b) = (read(a).expect("numbers"), read(b).expect("numbers"));
    assert_eq!(difference(&a, &b, 1e-5, Against::Whole), None);
}

#[test]
fn an_edge_is_bright_and_a_reversed_kernel_makes_it_dark() {
    everywhere(|device| {
        let row = [10.0f32, 10.0, 10.0, 0.0, 0.0, 0.0];
        let image = Tensor::from_slice(&row.repeat(6), [1, 1, 6, 6], device);
        let kernel = Tensor::from_slice(&[1.0f32, 0.0, -1.0].repeat(3), [1, 1, 3, 3], device);
        let edge = image.conv2d(&kernel, 1, 0).to_vec::<f32>().unwrap();
        assert_eq!(edge[..4], [0.0, 30.0, 30.0, 0.0]);
        let edge = image.conv_with(&kernel, &ConvOptions::new().flip()).to_vec::<f32>().unwrap();
        assert_eq!(edge[..4], [0.0, -30.0, -30.0, 0.0]);
    });
}

#[test]
fn convolutions_that_are_something_simpler() {
    everywhere(|device| {
        let x = drawn("x", &[2, 3, 5, 6], device);
        // 1×1: a product over the channels
        let w = drawn("1x1", &[4, 3, 1, 1], device);
        let product = w.reshape([4, 3]).matmul(&x.reshape([2, 3, 30])).reshape([2, 4, 5, 6]);
        same(&x.conv2d(&w, 1, 0), &product);
        // dilated: a kernel with zeros between
        let w = drawn("dilated", &[2, 3, 2, 2], device);
        let at = |i, j| w.slice(2, i, 1).slice(3, j, 1);
        let row = |i| Tensor::concat(&[&at(i, 0), &(at(i, 0) * 0.0), &at(i, 1)], 3);
        let spread = Tensor::concat(&[&row(0), &(row(0) * 0.0), &row(1)], 2);
        same(&x.conv_with(&w, &ConvOptions::new().dilation(2)), &x.conv2d(&spread, 1, 0));
        // 1×3 after 3×1: their outer product
        let (column, line) = (drawn("column", &[1, 1, 3, 1], device), drawn("line", &[1, 1, 1, 3], device));
        let image = x.slice(1, 0, 1);
        same(&image.conv2d(&column, 1, 0).conv2d(&line, 1, 0), &image.conv2d(&(&column * &line), 1, 0));
        // one axis: two of which one has size 1
        let w = drawn("1 axis", &[4, 3, 3], device);
        let sound = x.slice(2, 0, 1).squeeze(2);
        same(
            &sound.conv1d(&w, 2, 1).unsqueeze(2),
            &x.slice(2, 0, 1).conv_with(&w.unsqueeze(2), &ConvOptions::new().stride([1, 2]).padding([0, 1])),
        );
        // depthwise: each channel by itself
        let w = drawn("depthwise", &[3, 1, 3, 3], device);
        let each: Vec<Tensor> = (0..3).map(|c| x.slice(1, c, 1).conv2d(&w.slice(0, c, 1), 1, 1)).collect();
        let each = Tensor::concat(&each.iter().collect::<Vec<_>>(), 1);
        same(&x.conv_with(&w, &ConvOptions::new().depthwise().padding(1)), &each);
    });
}

#[test]
fn shifts_go_through_convolutions_and_vanish_in_global_pooling() {
    everywhere(|device| {
        let (x, w) = (drawn("shifted", &[1, 2, 9], device), drawn("kernel", &[3, 2, 3], device));
        let shifted = |t: &Tensor| t.slice(2, 1, t.size(2) - 1);
        same(&shifted(&x.conv1d(&w, 1, 0)), &shifted(&x).conv1d(&w, 1, 0));
        let turned = Tensor::concat(&[&x.slice(2, 4, 5), &x.slice(2, 0, 4)], 2);
        same(&x.global_avg_pool(), &turned.global_avg_pool());
        same(&x.global_max_pool(), &turned.global_max_pool());
    });
}

#[test]
fn the_first_of_equal_maxima_gets_the_gradient() {
    everywhere(|device| {
        let x = Tensor::from_slice(&[3.0f32, 3.0, 1.0, 3.0, 2.0, 2.0], [1, 1, 6], device);
        let slope = |y: Tensor| grad(&y.sum_all(), &[&x])[0].to_vec::<f32>().unwrap();
        assert_eq!(slope(x.max_pool_with(&PoolOptions::new(3))), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(slope(x.adaptive_max_pool(&[4])), [1.0, 1.0, 0.0, 1.0, 1.0, 0.0]);
        assert_eq!(slope(x.global_max_pool()), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    });
}
