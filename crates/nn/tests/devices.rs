//! One seed gives one model on every device, and training it takes the same way.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Tensor};
use anygrad_nn::*;
use common::devices::gpu;
use common::{close, values};

/// Losses of some steps, initial bits, and the parameters at the end.
fn train(device: &Device) -> (Vec<f64>, Vec<u32>, Vec<f64>) {
    let params = Params::new(device, 5);
    let dropout = Dropout::new(0.25);
    // no bias before a normalisation: its gradient is rounding alone, which Adam would blow up
    let model = Sequential::new()
        .then(Conv2d::new(params.at("conv"), 2, 4, 3).padding(1).bias(false))
        .then(BatchNorm2d::new(params.at("norm"), 4))
        .then(relu)
        .then(MaxPool2d::new(2))
        .then(Flatten)
        .then(dropout)
        .then(Linear::new(params.at("fc"), 16, 3));
    let first =
        params.get("conv.weight").unwrap().to_vec::<f32>().unwrap().iter().map(|x| x.to_bits()).collect();
    let optimizer = AdamW::default();
    let mut ctx = Ctx::train(9);
    let mut losses = Vec::new();
    for step in 0..5u32 {
        let pixels: Vec<f32> = (0..5 * 2 * 16).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
        let x = Tensor::from_slice(&pixels, [5, 2, 4, 4], device);
        let labels = Tensor::from_slice(&[0u32, 1, 2, 1, step % 3], [5], device);
        let loss = cross_entropy(&model.forward(&x, &mut ctx), &labels);
        let (gradients, _) = clip_global_norm(params.grad(&loss), 1.0);
        optimizer.step(&params, gradients, 0.01).unwrap();
        losses.push(loss.item_f64().unwrap());
    }
    let end = params.iter().filter(|e| e.tensor.dtype().is_float());
    let end = end.flat_map(|e| values(&e.tensor.to(&Device::cpu()))).collect();
    (losses, first, end)
}

#[test]
fn a_gpu_trains_the_model_the_cpu_trains() {
    let Some(gpu) = gpu() else { return };
    let before = gpu.stats();
    let (losses, first, end) = train(&gpu);
    let after = gpu.stats();
    let (expected, first_cpu, end_cpu) = train(&Device::cpu());
    assert_eq!(first, first_cpu);
    close("losses", &losses, &expected, 1e-4);
    // Adam divides by gradients, also by small ones, so parameters agree to a share of five steps of 0.01
    close("parameters", &end, &end_cpu, 5e-3);
    assert_eq!(train(&gpu).2, end, "the same device gives the same bits");
    eprintln!("{gpu}: {} dispatches for 5 steps", after.dispatches - before.dispatches);
}
