//! What may change between steps without a new plan. One test in one process: it counts plans.

use anygrad_graph::{DType, Device, Rng, Tensor};

#[test]
fn numbers_and_seeds_do_not_change_the_program() {
    let device = Device::from_name("cpu").unwrap();
    let x = Tensor::ones([8], &device);
    let mut rng = Rng::new(1);
    let mut run = |scale: f32, p: f64| {
        let mask = rng.bernoulli(p, [8], &device).to_dtype(DType::F32);
        (&x * mask * scale).sum_all().item().unwrap()
    };
    run(1.0, 0.5);
    let before = device.stats().plan_misses;
    for i in 0..10 {
        run(i as f32, 0.1 * i as f64);
    }
    assert_eq!(device.stats().plan_misses, before);
}
