//! The only test of its file: what is counted belongs to the CPU device, which all tests of a process share.

#![allow(clippy::unwrap_used)]

use anygrad_graph::{Device, Tensor};
use anygrad_nn::*;

/// Layers that draw numbers, keep averages, and change their parameters: none of it is part of a plan.
#[test]
fn layers_with_chance_and_memory_are_planned_once() {
    let device = Device::cpu();
    let params = Params::new(&device, 1);
    let words = Embedding::new(params.at("words"), 9, 4).max_norm(0.7).padding(0);
    let dropouts = (AlphaDropout::new(0.5), GaussianDropout::new(0.5), Dropout1d::new(0.5));
    let model = Sequential::new()
        .then(Tensor::to_channels_first)
        .then(Conv1d::new(params.at("conv"), 4, 6, 3).same())
        .then(BatchNorm1d::new(params.at("batch"), 6).cumulative())
        .then(InstanceNorm1d::new(params.at("instance"), 6).track_running_stats(true))
        .then(GroupNorm::new(params.at("group"), 2, 6))
        .then(LocalResponseNorm::new(3))
        .then(dropouts.2.clone())
        .then(GlobalMaxPool)
        .then(PRelu::new(params.at("prelu"), 1))
        .then(LayerNorm::new(params.at("layer"), [6]))
        .then(RmsNorm::new(params.at("rms"), [6]))
        .then(dropouts.0.clone())
        .then(dropouts.1.clone())
        .then(GaussianNoise::new(0.1))
        .then(Maxout::new(params.at("maxout"), 6, 2, 3));
    let bag = EmbeddingBag::new(params.at("bag"), 9, 2).mode(BagMode::Max).padding(0);
    // what the layers above were made with counts too
    let (mut live, mut plans) = (None, None);
    for step in 0..5u32 {
        let index: Vec<u32> = (0..12).map(|i| (i * 5 + step) % 9).collect();
        let lines = Tensor::from_slice(&index, [2, 6], &device);
        let flat = Tensor::from_slice(&index, [12], &device);
        let p = 0.1 * f64::from(step);
        dropouts.0.set(p);
        dropouts.1.set(p);
        dropouts.2.set(p);
        let mut ctx = Ctx::train_step(7, u64::from(step));
        let rows = words.forward(&lines, &mut ctx);
        // bags begin elsewhere each time; the longest has 7 indices
        let begin = 5 + 2 * (step as usize % 2);
        let bags = bag.forward_with(&flat, Some(&[0, begin]), None, &mut ctx);
        let loss = mse(&model.forward(&rows, &mut ctx), &bags);
        Adam::default().step(&params, params.grad(&loss), 0.01).unwrap();
        assert!(loss.item().unwrap().is_finite(), "step {step}");
        drop((loss, bags, rows, flat, lines, ctx));
        let stats = device.stats();
        assert_eq!(
            *plans.get_or_insert(stats.plan_misses),
            stats.plan_misses,
            "step {step} was planned anew"
        );
        assert_eq!(*live.get_or_insert(stats.live_bytes), stats.live_bytes, "step {step}");
        assert!(params.iter().chain(params.state()).all(|entry| entry.tensor.is_evaluated()));
    }
}
