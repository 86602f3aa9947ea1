//! Whole training steps: forward, gradients and update, with the batch on the device already.

use anygrad::prelude::*;

use super::{Fallible, Workload};

/// The name of a step, and what makes it.
pub type Step = (&'static str, fn(&Device) -> Fallible<Workload>);

/// The steps that are measured, made when they are asked for.
pub const STEPS: [Step; 6] = [
    ("MLP 784-512-512-10, batch 128, Adam", mlp),
    ("LeNet 28x28, batch 64, SGD momentum", lenet),
    ("ResNet-18 32x32, batch 16, SGD momentum", resnet18),
    ("LSTM 128, 50 steps, batch 32, input 64, SGD", lstm),
    ("Transformer 2 layers, d 128, 4 heads, 64 tokens, batch 16, Adam", transformer),
    ("2-16-1 network, batch 4, SGD", tiny),
];

fn momentum() -> Sgd {
    Sgd { momentum: 0.9, ..Sgd::default() }
}

/// A step of `model` on one batch of images or features, in ten classes.
fn classify<M: Layer + 'static>(
    device: &Device,
    shape: &[usize],
    model: impl Fn(&Params) -> M,
    optimizer: impl Optimizer + 'static,
) -> Fallible<Workload> {
    let params = Params::new(device, 1);
    let model = model(&params);
    let x = Rng::new(2).uniform(shape, device).detached()?;
    let classes: Vec<u32> = (0..shape[0] as u32).map(|i| i % 10).collect();
    let labels = Tensor::from_slice(&classes, [shape[0]], device);
    let (device, mut ctx) = (device.clone(), Ctx::train(3));
    Ok(Box::new(move || {
        let loss = cross_entropy(&model.forward(&x, &mut ctx), &labels);
        let gradients = params.grad(&loss);
        optimizer.step(&params, gradients, 1e-3)?;
        Ok(device.wait()?)
    }))
}

fn mlp(device: &Device) -> Fallible<Workload> {
    let model = |params: &Params| models::mlp(params.at(""), &[784, 512, 512, 10], relu);
    classify(device, &[128, 784], model, Adam::default())
}

fn lenet(device: &Device) -> Fallible<Workload> {
    classify(device, &[64, 1, 28, 28], |params| models::lenet(params.at(""), 10), momentum())
}

fn resnet18(device: &Device) -> Fallible<Workload> {
    let settings = models::ResNet { small_images: true, ..models::ResNet::default() };
    let model = |params: &Params| models::ResNet::new(params.at(""), [2, 2, 2, 2], 10, settings);
    classify(device, &[16, 3, 32, 32], model, momentum())
}

fn lstm(device: &Device) -> Fallible<Workload> {
    let model = |params: &Params| {
        Sequential::new()
            .then(Lstm::new(params.at("lstm"), 64, 128).return_sequences(false))
            .then(Linear::new(params.at("out"), 128, 10))
    };
    classify(device, &[32, 50, 64], model, Sgd::default())
}

fn transformer(device: &Device) -> Fallible<Workload> {
    let model = |params: &Params| {
        let layer = |path: ParamPath| TransformerEncoderLayer::new(path, 128, 4, 512);
        Sequential::new()
            .then(TransformerEncoder::new(params.at("encoder"), 2, layer))
            .then(|x: &Tensor| x.mean(&[1]))
            .then(Linear::new(params.at("out"), 128, 10))
    };
    classify(device, &[16, 64, 128], model, Adam::default())
}

fn tiny(device: &Device) -> Fallible<Workload> {
    let params = Params::new(device, 1);
    let model = models::mlp(params.at(""), &[2, 16, 1], tanh);
    let x = Tensor::from_slice(&[0.0f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2], device);
    let y = Tensor::from_slice(&[0.0f32, 1.0, 1.0, 0.0], [4, 1], device);
    let (device, optimizer, mut ctx) = (device.clone(), Sgd::default(), Ctx::train(3));
    Ok(Box::new(move || {
        let loss = mse(&model.forward(&x, &mut ctx), &y);
        let gradients = params.grad(&loss);
        optimizer.step(&params, gradients, 0.1)?;
        Ok(device.wait()?)
    }))
}
