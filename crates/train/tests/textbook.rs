//! What textbooks say of training, on digits.
#![allow(clippy::unwrap_used)]

use anygrad_data::{Dataset, digits};
use anygrad_graph::Device;
use anygrad_nn::{Adam, Flatten, Linear, Params, Sequential, Sgd, cross_entropy, relu};
use anygrad_train::{Fit, Progress, Trainer};

fn model(params: &Params, hidden: usize) -> Sequential {
    Sequential::new()
        .then(Flatten)
        .then(Linear::new(params.at("fc1"), 64, hidden))
        .then(relu)
        .then(Linear::new(params.at("fc2"), hidden, 10))
}

fn fit<'a>(epochs: usize, batch_size: usize, learning_rate: f64) -> Fit<'a> {
    Fit { epochs, batch_size, learning_rate, progress: Progress::hidden(), ..Fit::default() }
}

fn sets() -> (Dataset, Dataset) {
    digits::load().unwrap().split(0.8, 3).unwrap()
}

#[test]
fn a_batch_eight_times_as_large_takes_a_rate_eight_times_as_high() {
    let (train, _) = sets();
    let curve = |batch_size: usize, rate: f64| {
        let params = Params::new(&Device::cpu(), 1);
        let mut trainer = Trainer::new(model(&params, 32), params, cross_entropy, Sgd::default());
        let history = trainer.fit(&train, fit(15, batch_size, rate)).unwrap();
        history.rows().iter().map(|row| row.train.loss).collect::<Vec<_>>()
    };
    let (small, large, slow) = (curve(32, 0.1), curve(256, 0.8), curve(256, 0.1));
    println!("epoch  32, 0.1   256, 0.8   256, 0.1");
    for epoch in 0..15 {
        println!("{:5}  {:.4}    {:.4}     {:.4}", epoch + 1, small[epoch], large[epoch], slow[epoch]);
    }
    // the curves are alike, and at the small batch's rate the large one is far behind
    assert!((large[14] / small[14] - 1.0).abs() < 0.5, "{} {}", small[14], large[14]);
    assert!(slow[14] > 2.0 * large[14], "{} {}", slow[14], large[14]);
}

#[test]
fn a_smaller_network_learns_less_by_heart() {
    let (train, test) = sets();
    let few = train.take(150).with_wrong_labels(0.15, 1).unwrap();
    let gap = |hidden: usize| {
        let params = Params::new(&Device::cpu(), 1);
        let mut trainer = Trainer::new(model(&params, hidden), params, cross_entropy, Adam::default());
        trainer.fit(&few, fit(60, 16, 2e-3)).unwrap();
        let (seen, unseen) = (trainer.evaluate(&few).unwrap().loss, trainer.evaluate(&test).unwrap().loss);
        println!(
            "{hidden} hidden units: training loss {seen:.3}, test loss {unseen:.3}, gap {:.3}",
            unseen - seen
        );
        unseen - seen
    };
    let (large, small) = (gap(512), gap(8));
    assert!(small < 0.8 * large, "{small} {large}");
}

#[test]
fn some_wrong_labels_cost_little() {
    let (train, test) = sets();
    let accuracy = |data: &Dataset| {
        let params = Params::new(&Device::cpu(), 1);
        let mut trainer = Trainer::new(model(&params, 32), params, cross_entropy, Adam::default());
        trainer.fit(data, fit(8, 32, 3e-3)).unwrap();
        trainer.evaluate(&test).unwrap().accuracy.unwrap()
    };
    let (clean, noisy) = (accuracy(&train), accuracy(&train.with_wrong_labels(0.1, 1).unwrap()));
    println!("clean test accuracy: {clean:.3}, after training with 10 % wrong labels: {noisy:.3}");
    assert!(clean - noisy < 0.03, "{clean} {noisy}");
}
