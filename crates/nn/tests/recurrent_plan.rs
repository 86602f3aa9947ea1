//! The only test of its file: what is counted belongs to the CPU device, which all tests of a process share.
#![allow(clippy::unwrap_used)]

use anygrad_graph::{DType, Device, Tensor};
use anygrad_nn::*;

/// From the second step on a plan is found, with dropout and masks: no number of a run is part of a program.
#[test]
fn steps_after_the_first_are_the_same_plan() {
    let device = Device::cpu();
    let p = Params::new(&device, 1);
    let lstm = Lstm::new(p.at("lstm"), 3, 4).layers(2).bidirectional(Merge::Mean);
    let lstm = lstm.dropout(0.1).input_dropout(0.2).recurrent_dropout(0.3);
    let mut ctx = Ctx::train(1);
    let mut misses = Vec::new();
    for step in 0..4u32 {
        let x = Tensor::full([2, 5, 3], f64::from(step), DType::F32, &device);
        let mask = length_mask(&Tensor::from_slice(&[5 - step, 3], [2], &device), 5);
        let (y, _) = lstm.forward_masked(&x, &mask, None, &mut ctx);
        let loss = y.square().mean_all();
        AdamW::default().step(&p, p.grad(&loss), 0.01 / f64::from(step + 1)).unwrap();
        drop((y, loss));
        misses.push(device.stats().plan_misses);
    }
    assert_eq!(misses, [1; 4]);
}
