//! The only test of its file: what is counted belongs to the CPU device, which all tests of a process share.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Tensor};
use anygrad_nn::schedule::{OneCycle, Schedule};
use anygrad_nn::*;

/// Rates, momenta, decays, factors of groups and of penalties, limits of clipping and of constraints: all of them are
/// other numbers in every step, and every step is one plan, found from the second on.
#[test]
fn numbers_are_no_part_of_a_plan() {
    for device in std::iter::once(Device::cpu()).chain(common::devices::gpu()) {
        train(&device);
        minimize(&device);
    }
}

/// From other points the steps of L-BFGS and Newton are other numbers in the same plans.
fn minimize(device: &Device) {
    let params = Params::new(device, 1);
    let w = params.at("").parameter("w", [3], Init::Ones);
    let loss = || ((w.tensor() - 2.0).square().square() + w.tensor()).sum_all();
    let mut plans = Vec::new();
    for start in [1.0f32, 3.0, -1.0] {
        params.set("w", &Tensor::from_slice(&[start, 0.5, 4.0], [3], device)).unwrap();
        let found = Lbfgs { history: 3, ..Lbfgs::default() }.minimize(&params, loss).unwrap();
        assert!(found.losses.len() > 6, "{found:?}");
        params.set("w", &Tensor::from_slice(&[start, 0.5, 4.0], [3], device)).unwrap();
        let found = Newton { max_iter: 4, damping: start.abs().into(), ..Newton::default() };
        assert_eq!(found.minimize(&params, loss).unwrap().losses.len(), 5);
        plans.push(device.stats().plan_misses);
    }
    assert_eq!(plans[1..], [plans[0]; 2]);
}

fn train(device: &Device) {
    let params = Params::new(device, 1);
    let (fc1, fc2) = (Linear::new(params.at("fc1"), 4, 3), Linear::new(params.at("fc2"), 3, 2));
    let ema = Ema::new(&params, 0.9).unwrap().corrected();
    // a copy for each shape
    let copies = device.stats().plan_misses;
    let schedule = OneCycle::new(0.05, 6);
    for step in 0..6u32 {
        let part = 1.0 / f64::from(step + 2);
        let rule = Sgd { momentum: schedule.momentum(step.into()), weight_decay: part, ..Sgd::default() };
        let groups =
            Groups::new(rule).with("*.bias", |o| Sgd { weight_decay: part / 2.0, ..*o }).rate("fc1.*", part);
        let optimizer = Constrained::new(groups)
            .with("fc1.weight", Constraint::max_norm(1.0 + part))
            .with("fc2.weight", Constraint::min_max_norm(part, 2.0, part));
        let penalty = Penalty::l1_l2("*.weight", part, part * part);
        let pixels: Vec<f32> = (0..12).map(|i| ((i * 7 + step * 5) % 11) as f32 / 11.0).collect();
        let x = Tensor::from_slice(&pixels, [3, 4], device);
        let labels = Tensor::from_slice(&[step % 2, 1, 0], [3], device);
        let mut ctx = Ctx::train_step(7, u64::from(step));
        let hidden = ActivityPenalty::l1(tanh, part).forward(&fc1.forward(&x, &mut ctx), &mut ctx);
        let mut loss = cross_entropy(&fc2.forward(&hidden, &mut ctx), &labels) + penalty.of(&params);
        for activity in ctx.take_losses() {
            loss = loss + activity;
        }
        let gradients = clip_value(clip_norm(params.grad(&loss), part), part);
        optimizer.apply(&params, gradients, schedule.at(step.into())).unwrap();
        ema.update().unwrap();
        params.eval(&[&loss]).unwrap();
        assert!(loss.item().unwrap().is_finite());
        drop((loss, x, labels, ctx, hidden));
        let stats = device.stats();
        assert_eq!(stats.plan_misses, copies + 1, "step {step}: {stats:?}");
        assert!(params.state().all(|entry| entry.tensor.is_evaluated()));
    }
}
