//! The only test of its file: what is counted belongs to the CPU device, which all tests of a process share.

use anygrad_graph::{Device, Tensor};
use anygrad_nn::*;

#[test]
fn from_the_second_step_on_every_plan_is_found_while_numbers_change() {
    let device = Device::cpu();
    let params = Params::new(&device, 1);
    let dropout = Dropout::new(0.5);
    let model = Sequential::new()
        .then(Conv2d::new(params.at("conv"), 1, 3, 3).padding(1))
        .then(BatchNorm2d::new(params.at("norm"), 3))
        .then(relu)
        .then(MaxPool2d::new(2))
        .then(Flatten)
        .then(dropout.clone())
        .then(Linear::new(params.at("fc"), 12, 2));
    let optimizer = AdamW::default();
    let mut after_first = None;
    let mut buffers = None;
    for step in 0..6u32 {
        let pixels: Vec<f32> =
            (0..3 * 16).map(|i| ((i * 7 + step as usize * 5) % 11) as f32 / 11.0).collect();
        let x = Tensor::from_slice(&pixels, [3, 1, 4, 4], &device);
        let labels = Tensor::from_slice(&[step % 2, 1, 0], [3], &device);
        dropout.set(0.1 * f64::from(step));
        let mut ctx = Ctx::train_step(7, u64::from(step));
        let loss = cross_entropy(&model.forward(&x, &mut ctx), &labels);
        let (gradients, norm) = clip_global_norm(params.grad(&loss), 1.0 / f64::from(step + 1));
        optimizer.step(&params, gradients, 0.01 / f64::from(step + 1)).unwrap();
        assert!(
            loss.is_evaluated() && norm.is_evaluated(),
            "what the user holds is computed in the same run"
        );
        assert!(loss.item().unwrap().is_finite());
        drop((loss, norm, x, labels, ctx));
        let stats = device.stats();
        match after_first {
            None => {
                assert_eq!(stats.plan_misses, 1, "one step is one plan");
                after_first = Some(stats.plan_hits);
            }
            Some(hits) => {
                assert_eq!(stats.plan_misses, 1, "step {step} was planned anew");
                assert_eq!(stats.plan_hits, hits + u64::from(step));
            }
        }
        // nothing piles up, and every entry is a computed leaf again
        assert_eq!(*buffers.get_or_insert(stats.live_bytes), stats.live_bytes, "step {step}");
        assert!(params.iter().chain(params.state()).all(|entry| entry.tensor.is_evaluated()));
        assert!(params.get("fc.weight").unwrap().describe() == "parameter fc.weight");
    }
    assert_eq!(params.get("norm.num_batches_tracked").unwrap().to_vec::<i32>().unwrap(), [6]);
}
