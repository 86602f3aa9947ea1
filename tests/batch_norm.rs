//! A small LeNet at a large learning rate, with and without batch normalisation.
#![allow(clippy::unwrap_used)]

mod support;

use anygrad::prelude::*;
use support::upload;

fn lenet(params: &Params, normalised: bool) -> Sequential {
    let mut model = Sequential::new();
    for (i, (inputs, outputs)) in [(1, 6), (6, 16)].into_iter().enumerate() {
        let conv = Conv2d::new(params.at(format!("conv{i}")), inputs, outputs, 3).padding(1);
        model = model.then(conv.bias(!normalised));
        if normalised {
            model = model.then(BatchNorm2d::new(params.at(format!("norm{i}")), outputs));
        }
        model = model.then(relu).then(MaxPool2d::new(2));
    }
    model = model.then(Flatten).then(Linear::new(params.at("fc1"), 16 * 4, 32));
    if normalised {
        model = model.then(BatchNorm1d::new(params.at("norm"), 32));
    }
    model.then(relu).then(Linear::new(params.at("fc2"), 32, 10))
}

/// The loss of each epoch, and the accuracy on what was not trained on.
fn train(normalised: bool) -> (Vec<f32>, f64) {
    let device = Device::cpu();
    let (train, test) = digits::load().unwrap().split(0.8, 1).unwrap();
    let params = Params::new(&device, 2);
    let model = lenet(&params, normalised);
    let optimizer = Sgd { momentum: 0.9, ..Sgd::default() };
    let mut ctx = Ctx::train(0);
    let mut losses = Vec::new();
    for epoch in 0..12 {
        let mut sum = 0.0;
        let batches: Vec<_> = train.batches(50).unwrap().shuffled_epoch(1, epoch).into_iter().collect();
        for batch in &batches {
            let (x, labels) = upload(batch, &device);
            let loss = cross_entropy(&model.forward(&x, &mut ctx), &labels);
            optimizer.step(&params, params.grad(&loss), 0.5).unwrap();
            sum += loss.item().unwrap();
        }
        losses.push(sum / batches.len() as f32);
    }
    let batch = test.batches(test.len()).unwrap().into_iter().next().unwrap();
    let (x, labels) = upload(&batch, &device);
    let found = model.forward(&x, &mut Ctx::eval()).argmax(1);
    let right = found.eq(labels).to_dtype(DType::F32).mean_all().item().unwrap();
    (losses, f64::from(right))
}

#[test]
fn batch_norm_lets_a_large_rate_converge() {
    let (with, without) = (train(true), train(false));
    println!("with:    {:?}, accuracy {:.3}", with.0, with.1);
    println!("without: {:?}, accuracy {:.3}", without.0, without.1);
    assert!(with.1 > 0.9, "{}", with.1);
    assert!(without.1 < 0.5, "{}", without.1);
}
