//! The only test of its file: what is counted belongs to the CPU device, which all tests of a process share.
#![allow(clippy::unwrap_used)]

use anygrad_graph::{Device, Tensor};
use anygrad_nn::*;

#[test]
fn settings_and_lengths_may_change_without_a_new_plan() {
    let device = Device::cpu();
    let params = Params::new(&device, 1);
    let fc = Linear::new(params.at("fc"), 4, 3);
    let mut misses = None;
    for step in 0..4u32 {
        let s = f64::from(step);
        let numbers: Vec<f32> = (0..60).map(|i| ((i * 7 + step as usize) % 11) as f32 / 11.0).collect();
        let x = Tensor::from_slice(&numbers, [15, 4], &device);
        let labels: Vec<i32> =
            (0..15).map(|i| (i + step as i32) % 4 - 1).map(|l| if l < 0 { -100 } else { l }).collect();
        let labels = Tensor::from_slice(&labels, [15], &device);
        let y = fc.forward(&x, &mut Ctx::train(0));
        let smooth = 0.1 + 0.1 * s;
        let cross = CrossEntropy {
            weight: Some(vec![1.0 + s, 1.0, 2.0]),
            label_smoothing: smooth,
            ..CrossEntropy::default()
        };
        let logits = BinaryCrossEntropyWithLogits { pos_weight: Some(vec![1.0 + s]), ..Default::default() };
        let target = y.gt(0.5 * s);
        // five steps of three classes in three sequences, of lengths that change
        let steps = Tensor::from_slice(&[5 - step, 5, 4], [3], &device);
        let lengths = Tensor::from_slice(&[2, step % 3, 1], [3], &device);
        let targets = Tensor::from_slice(&[1u32, 2, 1, 2, 2, 1], [3, 2], &device);
        let ctc = Ctc { zero_infinity: true, ..Ctc::default() };
        let losses = [
            cross.loss(&y, &labels),
            logits.loss(&y, &target),
            Huber { delta: 0.5 + s, ..Huber::default() }.loss(&y, &target),
            Focal { gamma: 1.0 + s, alpha: Some(0.1 * (s + 1.0)), ..Focal::default() }.loss(&y, &target),
            Hinge { margin: 0.5 + s, ..Hinge::default() }.loss(&y, &target),
            Triplet { margin: 0.5 + s, squared: true, ..Triplet::default() }.loss(
                &y,
                &(&y * 0.5),
                &(&y + 1.0),
            ),
            ctc.loss(&y.reshape([3, 5, 3]), &targets, &steps, &lengths),
        ];
        let loss = losses.into_iter().reduce(|sum, loss| sum + loss * (1.0 + s)).unwrap();
        Sgd::default().step(&params, params.grad(&loss), 0.01).unwrap();
        assert!(loss.item().unwrap().is_finite());
        let now = device.stats().plan_misses;
        assert_eq!(*misses.get_or_insert(now), now, "step {step} was planned anew");
    }
}
