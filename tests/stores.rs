//! Products that store through what follows them.
#![allow(clippy::unwrap_used)]

mod support;

use anygrad::graph::{eval_unfused, explain};
use anygrad::prelude::*;
use support::as_hardware;

/// Numbers of both signs.
fn draw(shape: &[usize], seed: u64, device: &Device) -> Tensor {
    (Rng::new(seed).uniform(shape, device) - 0.5).detached().unwrap()
}

/// The ops of each kernel, in order.
fn kernels(tensors: &[&Tensor]) -> Vec<String> {
    explain(tensors).unwrap().kernels.iter().map(|kernel| kernel.ops.join(" ")).collect()
}

/// Whether a plan gives the bits that the ops give one by one.
fn agrees(tensors: &[&Tensor], what: &str) {
    let bits = |tensor: &Tensor| -> Vec<u32> {
        let wide = tensor.to_dtype(DType::F32);
        wide.to_vec::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
    };
    let alone: Vec<Vec<u32>> = eval_unfused(tensors).unwrap().iter().map(bits).collect();
    eval(tensors).unwrap();
    for (i, (tensor, alone)) in tensors.iter().zip(alone).enumerate() {
        assert_eq!(bits(tensor), alone, "{what}: result {i}");
    }
}

#[test]
fn a_layer_is_one_kernel() {
    let Some(gpu) = as_hardware() else { return };
    // columns in fours and not, few and many rows, a sum that is cut, and views of what was computed
    for (m, k, n) in [(128, 64, 48), (3, 40, 10), (7, 5, 1), (1, 64, 33), (10, 4096, 12), (65, 17, 130)] {
        let (x, w) = (draw(&[m, k], 1, &gpu), draw(&[k, n], 2, &gpu));
        let bias = draw(&[n], 3, &gpu);
        let y = (x.matmul(&w) + &bias).relu();
        assert_eq!(kernels(&[&y]), ["matmul add relu"], "{m} {k} {n}");
        agrees(&[&y], &format!("{m} {k} {n}"));
        let row = draw(&[m, 1], 4, &gpu);
        let y = (x.matmul(&w).reshape([1, m, n]) * &row).tanh() + draw(&[1, m, n], 5, &gpu);
        assert_eq!(kernels(&[&y]).len(), 1);
        agrees(&[&y], &format!("{m} {k} {n} with a residual"));
    }
}

#[test]
fn what_others_need_is_stored_as_well() {
    let Some(gpu) = as_hardware() else { return };
    let (x, w) = (draw(&[24, 32], 1, &gpu), draw(&[32, 20], 2, &gpu));
    let product = x.matmul(&w);
    let positive = product.gt(0.0).to_dtype(DType::F32);
    let (size, turned) = (product.abs() + &positive, product.matmul(&draw(&[20, 8], 3, &gpu)));
    let all = [&positive, &size, &turned, &product];
    assert_eq!(kernels(&all), ["matmul gt to_f32 abs add", "matmul"]);
    agrees(&all, "a product that is read by many");
    // what reads it with the product waits for another kernel that reads the product: it cannot wait as well
    let product = x.matmul(&w);
    let late = &product + product.matmul(&draw(&[20, 8], 3, &gpu)).max_keep(&[1]);
    assert_eq!(kernels(&[&late])[0], "matmul");
    agrees(&[&late], "a product whose reader comes late");
    // read twice at one element, and once elsewhere
    let product = x.matmul(&w);
    let normed = &product - product.slice(0, 0, 1);
    agrees(&[&normed, &product.square()], "a product that is read in two ways");
}

#[test]
fn the_last_of_several_products_takes_their_sum() {
    let Some(gpu) = as_hardware() else { return };
    let x: Vec<Tensor> = (0..3).map(|i| draw(&[16, 24], i, &gpu)).collect();
    let w: Vec<Tensor> = (3..6).map(|i| draw(&[24, 16], i, &gpu)).collect();
    let products: Vec<Tensor> = x.iter().zip(&w).map(|(x, w)| x.matmul(w)).collect();
    let sum = &products[0] + &products[1] * &products[2];
    assert_eq!(kernels(&[&sum]).len(), 3);
    agrees(&[&sum], "a sum of products");
    // what the group reads beside the product is made of a later kernel
    let first = x[0].matmul(&w[0]);
    let later = x[1].sum_all().exp();
    let both = first * later;
    agrees(&[&both], "a product that waits");
    // and of the product itself: the two cannot be one
    let first = x[0].matmul(&w[0]);
    let norm = &first / first.sum_all();
    agrees(&[&norm], "a product that is read by what it waits for");
}

#[test]
fn memory_is_taken_over_but_for_what_the_product_reads() {
    let Some(gpu) = as_hardware() else { return };
    let w = draw(&[32, 32], 1, &gpu);
    let mut x = draw(&[32, 32], 2, &gpu);
    let mut reference = x.to(&Device::cpu());
    let slow = w.to(&Device::cpu());
    for step in 0..4 {
        // x is both what is multiplied and what is added; nobody else holds it
        x = x.matmul(&w) * 0.1 + &x;
        reference = reference.matmul(&slow) * 0.1 + &reference;
        eval(&[&x]).unwrap();
        for (got, wanted) in x.to_vec::<f32>().unwrap().iter().zip(reference.to_vec::<f32>().unwrap()) {
            assert!((got - wanted).abs() < 1e-4, "{got} {wanted} in step {step}");
        }
    }
    // another residual is overwritten
    let mut y = draw(&[32, 32], 3, &gpu);
    let explanation = {
        y = &y * 1.0;
        eval(&[&y]).unwrap();
        let next = x.matmul(&w) + &y;
        drop(std::mem::replace(&mut y, next));
        explain(&[&y]).unwrap()
    };
    assert_eq!(explanation.kernels.iter().map(|kernel| kernel.in_place).sum::<usize>(), 1);
    assert_eq!(explanation.temporary_bytes, 0);
    agrees(&[&y], "a residual in place");
}

#[test]
fn a_convolution_takes_what_normalises_and_activates_it() {
    let Some(gpu) = as_hardware() else { return };
    for (padding, stride, size, kernel) in [(1, 1, 8, 3), (0, 2, 9, 3), (0, 1, 6, 1), (2, 1, 5, 5)] {
        let (x, w) = (draw(&[2, 6, size, size], 1, &gpu), draw(&[8, 6, kernel, kernel], 2, &gpu));
        let channel = |seed| draw(&[1, 8, 1, 1], seed, &gpu);
        let (mean, spread, scale, shift) = (channel(3), channel(4).abs() + 0.5, channel(5), channel(6));
        let (spread, conv) = (spread.detached().unwrap(), x.conv2d(&w, stride, padding));
        let normed = (&conv - &mean) / &spread * &scale + &shift;
        let y = (&normed + draw(conv.shape(), 7, &gpu)).relu();
        assert_eq!(kernels(&[&y]).len(), 1, "{:?}", kernels(&[&y]));
        agrees(&[&y], &format!("a kernel of {kernel}, stride {stride}"));
    }
    // gradients: spread inputs, long sums, samples and channels exchanged
    let (x, w) = (draw(&[3, 4, 9, 9], 1, &gpu), draw(&[5, 4, 3, 3], 2, &gpu));
    let loss = x.tanh().conv2d(&w.tanh(), 2, 1).square().sum_all();
    let gradients = grad(&loss, &[&x, &w]);
    let through = kernels(&gradients.iter().collect::<Vec<_>>());
    assert!(through.iter().filter(|ops| ops.starts_with("conv ")).count() >= 2, "{through:?}");
    agrees(&[&gradients[0], &gradients[1]], "gradients of a convolution");
}

#[test]
fn halves_are_rounded_once() {
    let Some(gpu) = as_hardware() else { return };
    for n in [16, 10] {
        let (x, w) = (draw(&[12, 48], 1, &gpu), draw(&[48, n], 2, &gpu));
        let (x, w) = (x.to_dtype(DType::F16), w.to_dtype(DType::F16));
        let y = (x.matmul(&w) + draw(&[n], 3, &gpu).to_dtype(DType::F16)).relu();
        agrees(&[&y], &format!("{n} columns of halves"));
    }
}

#[test]
fn parameters_are_updated_where_they_lie() {
    let Some(gpu) = as_hardware() else { return };
    let train = |device: &Device| {
        let params = Params::new(device, 1);
        let model = models::mlp(params.at(""), &[6, 8, 4], relu);
        let x = draw(&[5, 6], 7, &Device::cpu()).to(device);
        let labels = Tensor::from_slice(&[0u32, 1, 2, 3, 0], [5], device);
        let mut live = Vec::new();
        for _ in 0..4 {
            let loss = cross_entropy(&model.forward(&x, &mut Ctx::train(1)), &labels);
            Sgd { momentum: 0.9, ..Sgd::default() }.step(&params, params.grad(&loss), 0.5).unwrap();
            device.wait().unwrap();
            live.push(device.stats().live_bytes);
        }
        assert!(live[1..].iter().all(|now| *now == live[1]), "{live:?}");
        params.iter().flat_map(|entry| entry.tensor.to_vec::<f32>().unwrap()).collect::<Vec<f32>>()
    };
    for (got, wanted) in train(&gpu).iter().zip(train(&Device::cpu())) {
        assert!((got - wanted).abs() < 1e-4, "{got} {wanted}");
    }
}
