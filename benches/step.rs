//! Milliseconds of whole training steps and of single ops, and the cost of recording.
//!
//! `cargo bench --bench step -- [cpu|gpu|gpu:1|software]`

use std::time::Instant;

use anygrad_graph::{Device, Rng, Tensor, eval};
use anygrad_nn::{
    Adam, Conv2d, Ctx, Flatten, Layer, Linear, MaxPool2d, Optimizer, Params, Sequential, Sgd, cross_entropy,
    relu,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let name = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or("cpu".into());
    let device = Device::from_name(&name)?;
    println!("device: {device}");
    recording(&device)?;
    products(&device)?;
    let mlp = |params: &Params| {
        Sequential::new()
            .then(Linear::new(params.at("fc1"), 784, 512))
            .then(relu)
            .then(Linear::new(params.at("fc2"), 512, 512))
            .then(relu)
            .then(Linear::new(params.at("fc3"), 512, 10))
    };
    step("MLP 784-512-512-10, batch 128, Adam", &device, &[128, 784], mlp, Adam::default())?;
    let lenet = |params: &Params| {
        Sequential::new()
            .then(Conv2d::new(params.at("conv1"), 1, 6, 5).padding(2))
            .then(relu)
            .then(MaxPool2d::new(2))
            .then(Conv2d::new(params.at("conv2"), 6, 16, 5))
            .then(relu)
            .then(MaxPool2d::new(2))
            .then(Flatten)
            .then(Linear::new(params.at("fc1"), 400, 120))
            .then(relu)
            .then(Linear::new(params.at("fc2"), 120, 84))
            .then(relu)
            .then(Linear::new(params.at("fc3"), 84, 10))
    };
    step(
        "LeNet 28x28, batch 64, SGD momentum",
        &device,
        &[64, 1, 28, 28],
        lenet,
        Sgd { momentum: 0.9, ..Sgd::default() },
    )?;
    let tiny = |params: &Params| {
        Sequential::new().then(Linear::new(params.at("fc1"), 2, 16)).then(relu).then(Linear::new(
            params.at("fc2"),
            16,
            2,
        ))
    };
    step("2-16-2 network, batch 4, SGD", &device, &[4, 2], tiny, Sgd::default())
}

/// The median of the milliseconds that `body` takes, after a few calls to warm up.
fn median(calls: usize, mut body: impl FnMut() -> Result<()>) -> Result<f64> {
    for _ in 0..3 {
        body()?;
    }
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let start = Instant::now();
        body()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[calls / 2])
}

fn recording(device: &Device) -> Result<()> {
    let x = Tensor::from_slice(&[1.0f32], [1], device);
    let nodes = 10_000;
    let ms = median(20, || {
        let mut y = x.clone();
        for _ in 0..nodes {
            y = y.tanh();
        }
        y.check()?;
        Ok(())
    })?;
    println!("recording and freeing: {:.0} ns a node", ms * 1e6 / nodes as f64);
    Ok(())
}

fn products(device: &Device) -> Result<()> {
    for n in [256, 512, 1024] {
        let mut rng = Rng::new(1);
        let (a, b) = (rng.uniform([n, n], device).detached()?, rng.uniform([n, n], device).detached()?);
        let ms = median(7, || {
            let c = a.matmul(&b);
            eval(&[&c])?;
            device.wait()?;
            Ok(())
        })?;
        println!("matmul {n}³: {ms:.2} ms, {:.1} GFLOP/s", 2.0 * (n as f64).powi(3) / ms / 1e6);
    }
    Ok(())
}

fn step<M: Layer>(
    name: &str,
    device: &Device,
    shape: &[usize],
    model: impl Fn(&Params) -> M,
    optimizer: impl Optimizer,
) -> Result<()> {
    let params = Params::new(device, 1);
    let model = model(&params);
    let mut rng = Rng::new(2);
    let x = rng.uniform(shape, device).detached()?;
    let classes: Vec<u32> = (0..shape[0] as u32).map(|i| i % 2).collect();
    let labels = Tensor::from_slice(&classes, [shape[0]], device);
    let mut ctx = Ctx::train(3);
    let ms = median(30, || {
        let loss = cross_entropy(&model.forward(&x, &mut ctx), &labels);
        let gradients = params.grad(&loss);
        optimizer.step(&params, gradients, 0.01)?;
        device.wait()?;
        Ok(())
    })?;
    let stats = device.stats();
    println!("{name}: {ms:.3} ms a step; {} plan misses so far", stats.plan_misses);
    Ok(())
}
