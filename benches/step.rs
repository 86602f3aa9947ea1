//! Milliseconds of whole training steps and of single ops, and the cost of recording.
//!
//! `cargo bench --bench step -- [cpu|gpu|gpu:1|software]`

mod workloads;

use std::time::Instant;

use anygrad_graph::{Device, Rng, Tensor, eval};
use workloads::Fallible as Result;
use workloads::steps::STEPS;

fn main() -> Result<()> {
    let name = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or("cpu".into());
    let device = Device::from_name(&name)?;
    println!("device: {device}");
    recording(&device)?;
    products(&device)?;
    for (name, build) in STEPS {
        let mut step = build(&device)?;
        let calls = if name.starts_with("ResNet") { 5 } else { 30 };
        println!("{name}: {:.3} ms a step", median(calls, &mut step)?);
    }
    println!("{} plan misses", device.stats().plan_misses);
    Ok(())
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
