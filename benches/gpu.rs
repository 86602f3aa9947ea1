//! One table of what a GPU does: `benches/gpu.sh` says how it is called.
//!
//! Times are those of the device's own clock where it has one, so that what the host does between kernels is not in
//! them; how much that is, the last lines say of a whole training step. All results are compared with the CPU's.

mod workloads;

use std::time::Instant;

use anygrad::prelude::*;
use workloads::Fallible;
use workloads::kernels::record;
use workloads::rows::Row;

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this without it
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let mut words = arguments.iter().filter(|argument| !argument.starts_with('-'));
    let name = words.next().map_or("gpu", String::as_str);
    let peak: Option<f64> = words.next().map(|word| word.parse()).transpose()?;
    let device = Device::from_name(name)?;
    println!("{device}\n\n| kernel | ms | GFLOP/s | GB/s | share of | furthest from the CPU |");
    println!("| --- | --- | --- | --- | --- | --- |");

    // a software adapter has no time for the large one
    let product: &[usize] = if name == "software" { &[1, 1024, 1024, 1024] } else { &[1, 4096, 4096, 4096] };
    kernel(&Row { kind: "matmul", shape: product }, &device, peak.map(|peak| ("f32 peak", peak * 1e12)))?;
    let copy = kernel(&Row { kind: "scale", shape: &[16 << 20] }, &device, None)?;
    for (kind, shape) in [
        ("chain", &[16 << 20][..]),
        ("sum", &[16 << 20]),
        ("row_sum", &[16384, 1024]),
        ("column_sum", &[16384, 1024]),
        ("softmax", &[16384, 1024]),
        ("layer_norm", &[16384, 1024]),
        ("avg_pool", &[64, 64, 64, 64]),
        ("max_pool", &[64, 64, 64, 64]),
    ] {
        kernel(&Row { kind, shape }, &device, Some(("copy", copy)))?;
    }
    step(&device)
}

/// Prints the line of a kernel and gives its bytes a second. What it is compared with is a number of operations a
/// second if it computes, else of bytes.
fn kernel(row: &Row, device: &Device, most: Option<(&str, f64)>) -> Fallible<f64> {
    let mut run = record(row, device)?;
    // plans and pipelines
    eval(&[&run()])?;
    let mut seconds = f64::INFINITY;
    for _ in 0..5 {
        let profile = profile(&[&run()])?;
        let clock: Option<f64> = profile.kernels.iter().map(|kernel| kernel.micros).sum();
        seconds = seconds.min(clock.unwrap_or(profile.wall) / 1e6);
    }
    let ours = run().to_vec::<f32>()?;
    let truth = record(row, &Device::cpu())?().to_vec::<f32>()?;
    let (flops, bytes) = (row.flops() / seconds, row.bytes() / seconds);
    let share = most.map_or("".into(), |(what, most)| {
        let rate = if row.flops() > 0.0 { flops } else { bytes };
        format!("{:.0} % of {what}", rate / most * 100.0)
    });
    println!(
        "| {row} | {:.3} | {:.0} | {:.0} | {share} | {:.1e} |",
        seconds * 1e3,
        flops / 1e9,
        bytes / 1e9,
        distance(&ours, &truth)
    );
    Ok(bytes)
}

/// The largest difference, relative to the largest value; infinite if there is a NaN or a value is missing.
fn distance(ours: &[f32], truth: &[f32]) -> f32 {
    let scale = truth.iter().fold(f32::MIN_POSITIVE, |scale, value| scale.max(value.abs()));
    let difference = |(a, b): (&f32, &f32)| if (a - b).is_nan() { f32::INFINITY } else { (a - b).abs() };
    match ours.len() == truth.len() {
        true => ours.iter().zip(truth).map(difference).fold(0.0, f32::max) / scale,
        false => f32::INFINITY,
    }
}

/// A training step of ResNet-18: how long it takes, and how long the device computes in it.
fn step(device: &Device) -> Fallible<()> {
    let mut ours = ResNet::new(device)?;
    let mut truth = ResNet::new(&Device::cpu())?;
    let mut furthest: f32 = 0.0;
    for _ in 0..3 {
        let (ours, truth) = (ours.step()?.item()?, truth.step()?.item()?);
        furthest = furthest.max(((ours - truth) / truth).abs());
    }
    let before = device.stats();
    let mut walls = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        ours.step()?;
        device.wait()?;
        walls.push(start.elapsed().as_secs_f64());
    }
    let stats = device.stats();
    walls.sort_by(f64::total_cmp);
    let wall = walls[walls.len() / 2];
    println!(
        "\nResNet-18 on 32x32, batch 16, SGD with momentum: {:.2} ms a step, {} dispatches in {} submissions; the loss \
         differs from the CPU's by {furthest:.1e} of it in the first three steps",
        wall * 1e3,
        (stats.dispatches - before.dispatches) / 5,
        (stats.submits - before.submits) / 5
    );
    let profile = ours.profile()?;
    match profile.kernels.iter().map(|kernel| kernel.micros).sum::<Option<f64>>() {
        Some(busy) => println!(
            "of which kernels {:.2} ms, gaps between them {:.2} ms ({:.0} %)\n\n{profile}",
            busy / 1e3,
            wall * 1e3 - busy / 1e3,
            100.0 - busy / wall / 1e4
        ),
        None => println!("the device has no clock for its kernels, so that gaps cannot be told"),
    }
    Ok(())
}

/// The step of `workloads/steps.rs`, in parts.
struct ResNet {
    params: Params,
    model: Sequential,
    x: Tensor,
    labels: Tensor,
    ctx: Ctx,
}

impl ResNet {
    fn new(device: &Device) -> Fallible<Self> {
        let params = Params::new(device, 1);
        let settings = models::ResNet { small_images: true, ..models::ResNet::default() };
        let model = models::ResNet::new(params.at(""), [2, 2, 2, 2], 10, settings);
        let x = Rng::new(2).uniform([16, 3, 32, 32], device).detached()?;
        let classes: Vec<u32> = (0..16).map(|i| i % 10).collect();
        let labels = Tensor::from_slice(&classes, [16], device);
        Ok(Self { params, model, x, labels, ctx: Ctx::train(3) })
    }

    fn record(&mut self) -> Fallible<Tensor> {
        let loss = cross_entropy(&self.model.forward(&self.x, &mut self.ctx), &self.labels);
        let gradients = self.params.grad(&loss);
        Sgd { momentum: 0.9, ..Sgd::default() }.apply(&self.params, gradients, 1e-3)?;
        Ok(loss)
    }

    fn step(&mut self) -> Fallible<Tensor> {
        let loss = self.record()?;
        self.params.eval(&[&loss])?;
        Ok(loss)
    }

    fn profile(&mut self) -> Fallible<anygrad::graph::Profile> {
        let loss = self.record()?;
        let pending: Vec<Tensor> =
            self.params.iter().chain(self.params.state()).map(|entry| entry.tensor).collect();
        let all: Vec<&Tensor> = pending.iter().chain([&loss]).collect();
        let profile = profile(&all)?;
        self.params.eval(&[&loss])?;
        Ok(profile)
    }
}
