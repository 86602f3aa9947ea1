//! What a step costs before any kernel runs: recording it, making its key, and finding its plan.
//!
//! `cargo bench --bench record`. Tensors have a few elements, so that computing them adds little; what is left of that
//! is part of the figures, which are therefore upper bounds. Medians of many rounds.

use std::time::Instant;

use anygrad_graph::{Device, Tensor, eval, explain, grad};
use anygrad_nn::{Adam, Ctx, Layer, Linear, Optimizer, Params, Sequential, mse, relu};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let device = Device::cpu();
    println!("device: {device}");
    kinds(&device)?;
    chain(&device, 3000)?;
    for layers in [10, 30, 45] {
        training(&device, layers)?;
    }
    Ok(())
}

/// Medians of several times taken in each round, in seconds.
fn medians<const N: usize>(rounds: usize, mut round: impl FnMut() -> Result<[f64; N]>) -> Result<[f64; N]> {
    for _ in 0..3 {
        round()?;
    }
    let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    for _ in 0..rounds {
        times.iter_mut().zip(round()?).for_each(|(all, one)| all.push(one));
    }
    Ok(times.map(|mut all| {
        all.sort_by(f64::total_cmp);
        all[rounds / 2]
    }))
}

/// Nanoseconds a node of some kinds of op, recorded and dropped again.
fn kinds(device: &Device) -> Result<()> {
    let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2], device);
    type Kind<'a> = (&'a str, usize, Box<dyn Fn(&Tensor) -> Tensor + 'a>);
    let kinds: [Kind<'_>; 6] = [
        ("tanh", 1, Box::new(|y| y.tanh())),
        ("add of two", 1, Box::new(|y| y + &x)),
        ("times a number", 2, Box::new(|y| y * 0.5)),
        ("matmul", 1, Box::new(|y| y.matmul(&x))),
        ("transpose", 1, Box::new(|y| y.t())),
        ("sum", 1, Box::new(|y| y.sum(&[0]))),
    ];
    for (name, nodes, record) in kinds {
        let rounds = 1000;
        let [seconds] = medians(50, || {
            let start = Instant::now();
            for _ in 0..rounds {
                std::hint::black_box(record(&x));
            }
            Ok([start.elapsed().as_secs_f64()])
        })?;
        println!("recording {name}: {:.0} ns a node", seconds * 1e9 / (rounds * nodes) as f64);
    }
    Ok(())
}

/// A chain of elementwise ops and its gradient.
fn chain(device: &Device, nodes: usize) -> Result<()> {
    let x = Tensor::from_slice(&[0.5f32], [1], device);
    let forward = |x: &Tensor| (0..nodes / 4).fold(x.clone(), |y, _| y.tanh());
    let [record, run] = medians(50, || {
        let start = Instant::now();
        let loss = forward(&x).sum_all();
        let g = grad(&loss, &[&x]);
        let recorded = start.elapsed().as_secs_f64();
        eval(&[&loss, &g[0]])?;
        Ok([recorded, start.elapsed().as_secs_f64() - recorded])
    })?;
    let loss = forward(&x).sum_all();
    let count = explain(&[&loss, &grad(&loss, &[&x])[0]])?.program.len();
    report("chain of tanh with its gradient", count, record, run);
    Ok(())
}

/// Training steps of a narrow network with Adam: products, views, reductions, hundreds of parameters.
fn training(device: &Device, layers: usize) -> Result<()> {
    let params = Params::new(device, 1);
    let model = (0..layers).fold(Sequential::new(), |model, i| {
        model.then(Linear::new(params.at(format!("fc{i}")), 2, 2)).then(relu)
    });
    let optimizer = Adam::default();
    let x = Tensor::from_slice(&[0.5f32, -0.5], [1, 2], device);
    let y = Tensor::from_slice(&[0.5f32, 0.25], [1, 2], device);
    let mut ctx = Ctx::train(3);
    let mut nodes = 0;
    let [record, run] = medians(50, || {
        let start = Instant::now();
        let loss = mse(&model.forward(&x, &mut ctx), &y);
        let gradients = params.grad(&loss);
        optimizer.apply(&params, gradients, 0.01)?;
        let recorded = start.elapsed().as_secs_f64();
        if nodes == 0 {
            let pending: Vec<Tensor> =
                params.iter().chain(params.state()).map(|entry| entry.tensor).collect();
            let all: Vec<&Tensor> = pending.iter().chain([&loss]).collect();
            nodes = explain(&all)?.program.len();
        }
        let start = Instant::now();
        params.eval(&[&loss])?;
        Ok([recorded, start.elapsed().as_secs_f64()])
    })?;
    let misses = device.stats().plan_misses;
    report(&format!("{layers} layers, Adam ({misses} plans made so far)"), nodes, record, run);
    Ok(())
}

fn report(name: &str, nodes: usize, record: f64, run: f64) {
    println!(
        "{name}: {nodes} instructions; recording {:.2} ms, {:.0} ns each; key, plan and run {:.2} ms, {:.0} ns each",
        record * 1e3,
        record * 1e9 / nodes as f64,
        run * 1e3,
        run * 1e9 / nodes as f64
    );
}
