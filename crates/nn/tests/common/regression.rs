//! Linear regression on the numbers of `golden/optimizers.py`.

use anygrad_graph::Tensor;
use anygrad_nn::*;

use super::golden::Golden;
use super::{close, values};

pub const GOLDEN: &[u8] = include_bytes!("../golden/optimizers.safetensors");

/// The linear model of the script, at its start.
pub fn model(golden: &Golden) -> (Params, Linear) {
    let params = golden.params();
    let fc = Linear::new(params.at(""), 3, 2);
    golden.set("start", &params);
    (params, fc)
}

pub fn error_of(golden: &Golden, fc: &Linear) -> Tensor {
    mse(&fc.forward(&golden.tensor("x"), &mut Ctx::train(0)), &golden.tensor("t"))
}

/// Ten steps with a rate that falls from `rate`.
pub fn steps(
    golden: &Golden,
    name: &str,
    rate: f64,
    optimizer: &dyn Optimizer,
    clip: impl Fn(Gradients) -> Gradients,
    penalty: Option<&Penalty>,
) {
    let (params, fc) = model(golden);
    let mut path = Vec::new();
    for step in 0..10 {
        let mut loss = error_of(golden, &fc);
        if let Some(penalty) = penalty {
            loss = loss + penalty.of(&params);
        }
        let gradients = clip(params.grad(&loss));
        optimizer.step(&params, gradients, rate * 0.8f64.powi(step)).unwrap();
        path.extend(params.iter().flat_map(|entry| values(&entry.tensor)));
    }
    close(name, &path, &golden.numbers(&format!("steps.{name}")).0, golden.tolerance);
}

pub fn plain(golden: &Golden, name: &str, rate: f64, optimizer: &dyn Optimizer) {
    steps(golden, name, rate, optimizer, |gradients| gradients, None);
}
