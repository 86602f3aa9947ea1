//! The memory that a plan says it takes is what it takes.
#![allow(clippy::unwrap_used)]

mod support;

use anygrad::prelude::*;
use support::gpu;

/// The third step of `model` on a batch: what its plan says, and the most bytes that were in use.
fn third_step<M: Layer>(
    device: &Device,
    shape: &[usize],
    model: impl Fn(&Params) -> M,
    optimizer: &impl Optimizer,
) -> (usize, usize) {
    let params = Params::new(device, 1);
    let model = model(&params);
    let x = Rng::new(2).uniform(shape, device).detached().unwrap();
    let classes: Vec<u32> = (0..shape[0] as u32).map(|i| i % 10).collect();
    let labels = Tensor::from_slice(&classes, [shape[0]], device);
    let mut ctx = Ctx::train(3);
    let mut seen = (0, 0);
    for _ in 0..3 {
        let loss = cross_entropy(&model.forward(&x, &mut ctx), &labels);
        optimizer.apply(&params, params.grad(&loss), 1e-3).unwrap();
        seen.0 = params.explain(&[&loss]).unwrap().peak_bytes;
        device.reset_peak();
        params.eval(&[&loss]).unwrap();
        seen.1 = device.stats().peak_bytes;
    }
    seen
}

/// One test: other tests on the CPU would count as well.
#[test]
fn a_step_takes_the_memory_that_its_plan_says() {
    let mlp = |params: &Params| models::mlp(params.at(""), &[784, 512, 512, 10], relu);
    let close = |name: &str, device: &Device, (said, taken): (usize, usize)| {
        println!("{name} on {device}: {said} bytes said, {taken} taken");
        let apart = said.abs_diff(taken) as f64 / taken as f64;
        assert!(apart <= 0.02, "{name} on {device}: {said} bytes said, {taken} taken");
    };
    for device in std::iter::once(Device::cpu()).chain(gpu()) {
        let resnet = |params: &Params| {
            let settings = models::ResNet { small_images: true, ..models::ResNet::default() };
            models::ResNet::new(params.at(""), [2, 2, 2, 2], 10, settings)
        };
        let momentum = Sgd { momentum: 0.9, ..Sgd::default() };
        let steps = [
            ("MLP", third_step(&device, &[128, 784], mlp, &Adam::default())),
            ("ResNet-18", third_step(&device, &[2, 3, 32, 32], resnet, &momentum)),
        ];
        steps.into_iter().for_each(|(name, bytes)| close(name, &device, bytes));
        attention_takes_no_matrix_of_weights(&device);
    }
    // products that store through what follows them
    if let Some(device) = support::as_hardware() {
        close("MLP", &device, third_step(&device, &[128, 784], mlp, &Adam::default()));
    }
}

/// What attention over `n` queries and keys says that it takes, with its gradients, and the most bytes in use.
fn attention(device: &Device, n: usize) -> (usize, usize) {
    let mut rng = Rng::new(4);
    let [q, k, v] = [(); 3].map(|()| rng.uniform([1, 2, n, 16], device).detached().unwrap());
    let mut seen = (0, 0);
    for _ in 0..2 {
        let y = q.scaled_dot_product_attention(&k, &v, &AttentionOptions::new());
        let gradients = grad(&y.square().sum_all(), &[&q, &k, &v]);
        let all: Vec<&Tensor> = std::iter::once(&y).chain(&gradients).collect();
        seen.0 = explain(&all).unwrap().peak_bytes;
        device.reset_peak();
        eval(&all).unwrap();
        seen.1 = device.stats().peak_bytes;
    }
    seen
}

fn attention_takes_no_matrix_of_weights(device: &Device) {
    let n = 1024;
    let inputs = 3 * 2 * n * 16 * 4;
    let (said, taken) = attention(device, n);
    println!("attention on {device}: {said} bytes said, {taken} taken, inputs are {inputs}");
    assert!(said.abs_diff(taken) as f64 / taken as f64 <= 0.02, "{device}: {said} bytes said, {taken} taken");
    // one head's weights would take 4 MiB, more than ten times the inputs
    assert!(taken < 5 * inputs && taken < n * n * 4, "{device}: {taken} bytes for inputs of {inputs}");
}
