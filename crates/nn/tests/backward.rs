//! Gradients that parameters hold, frozen parameters, and layers that are recomputed.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Tensor, explain};
use anygrad_nn::*;
use common::tensor;

fn model(params: &Params) -> Sequential {
    Sequential::new().then(Linear::new(params.at("fc1"), 3, 5)).then(tanh).then(Linear::new(
        params.at("fc2"),
        5,
        2,
    ))
}

fn batch(seed: u64) -> (Tensor, Tensor) {
    let mut rng = anygrad_graph::Rng::new(seed);
    let x = rng.uniform([4, 3], &Device::cpu()).detached().unwrap();
    (x, Tensor::from_slice(&[0u32, 1, 1, 0], [4], &Device::cpu()))
}

fn loss(model: &Sequential, seed: u64) -> Tensor {
    let (x, labels) = batch(seed);
    cross_entropy(&model.forward(&x, &mut Ctx::train(0)), &labels)
}

fn bits(params: &Params, path: &str) -> Vec<u32> {
    params.get(path).unwrap().to_vec::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

#[test]
fn gradients_accumulate_until_they_are_taken() {
    let params = Params::new(&Device::cpu(), 1);
    let model = model(&params);
    let of = |seed| params.grad(&loss(&model, seed)).get("fc1.weight").unwrap().to_vec::<f32>().unwrap();
    let (a, b) = (of(1), of(2));
    assert!(params.gradient("fc1.weight").is_none());
    params.backward(&loss(&model, 1));
    assert_eq!(params.gradient("fc1.weight").unwrap().to_vec::<f32>().unwrap(), a);
    params.backward(&loss(&model, 2));
    let both: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
    assert_eq!(params.gradient("fc1.weight").unwrap().to_vec::<f32>().unwrap(), both);
    let taken = params.take_gradients();
    assert_eq!(taken.len(), 4);
    let losses = loss(&model, 1).item().unwrap() + loss(&model, 2).item().unwrap();
    assert_eq!(taken.loss().item().unwrap(), losses);
    assert!(params.gradient("fc1.weight").is_none() && params.take_gradients().is_empty());
    params.backward(&loss(&model, 2));
    params.zero_grad();
    params.backward(&loss(&model, 1));
    assert_eq!(params.gradient("fc1.weight").unwrap().to_vec::<f32>().unwrap(), a, "replaced, not added");
}

#[test]
fn a_step_with_held_gradients_is_a_step() {
    let trained = |held: bool| {
        let params = Params::new(&Device::cpu(), 1);
        let model = model(&params);
        for step in 0..3 {
            let loss = loss(&model, step);
            let gradients = match held {
                true => {
                    params.backward(&loss);
                    params.take_gradients()
                }
                false => params.grad(&loss),
            };
            Adam::default().step(&params, gradients, 0.01).unwrap();
        }
        bits(&params, "fc1.weight")
    };
    assert_eq!(trained(true), trained(false));
}

#[test]
fn accumulation_in_parts_gives_each_part_back() {
    let params = Params::new(&Device::cpu(), 1);
    let model = model(&params);
    for part in 0..3 {
        params.backward(&loss(&model, part));
        params.eval(&[]).unwrap();
        // computed, and without a history that would be computed again
        assert!(params.gradient("fc2.bias").unwrap().is_evaluated());
    }
    assert!(params.take_gradients().loss().is_evaluated());
}

#[test]
fn errors_come_out_of_the_step() {
    let params = Params::new(&Device::cpu(), 1);
    let model = model(&params);
    params.backward(&model.forward(&tensor(&[1.0; 3], [1, 3]), &mut Ctx::eval()));
    let error = Sgd::default().step(&params, params.take_gradients(), 0.1).unwrap_err().to_string();
    assert!(error.starts_with("grad: the loss has shape [1, 2]; reduce it to a scalar first"), "{error}");
}

#[test]
fn frozen_weights_keep_their_bits_and_cost_no_gradient_memory() {
    let params = Params::new(&Device::cpu(), 1);
    let model = model(&params);
    let gradient_bytes = |params: &Params| {
        let gradients = params.grad(&loss(&model, 0));
        let all: Vec<&Tensor> = gradients.iter().map(|(_, g)| g).collect();
        (gradients.len(), explain(&all).unwrap().program.len())
    };
    let (all, long) = gradient_bytes(&params);
    params.backward(&loss(&model, 0));
    params.freeze("fc1.*").unwrap();
    assert!(params.gradient("fc1.weight").is_none(), "given up when frozen");
    assert!(params.gradient("fc2.weight").is_some());
    params.zero_grad();
    let (some, short) = gradient_bytes(&params);
    assert_eq!((all, some), (4, 2));
    // nothing is computed for them either
    assert!(short + 4 < long, "{short} instructions, {long} with all");
    let before = ["fc1.weight", "fc1.bias", "fc2.weight"].map(|path| bits(&params, path));
    for step in 0..100 {
        params.backward(&loss(&model, step));
        assert!(params.gradient("fc1.weight").is_none() && params.gradient("fc1.bias").is_none());
        AdamW::default().step(&params, params.take_gradients(), 0.01).unwrap();
    }
    let after = ["fc1.weight", "fc1.bias", "fc2.weight"].map(|path| bits(&params, path));
    assert_eq!((&before[0], &before[1]), (&after[0], &after[1]));
    assert_ne!(before[2], after[2]);
    // and no optimizer state
    assert!(params.state().all(|entry| entry.path.contains("fc2")));
}

#[test]
fn a_recomputed_layer_trains_to_the_same_bits() {
    let trained = |recompute: bool| {
        let params = Params::new(&Device::cpu(), 1);
        let block = |i: usize| {
            let path = params.at(format!("block{i}"));
            Sequential::new()
                .then(Linear::new(path.at("fc"), 3, 3))
                .then(BatchNorm1d::new(path.at("norm"), 3))
                .then(tanh)
                .then(Dropout::new(0.25))
        };
        let mut model = Sequential::new();
        for i in 0..4 {
            model = match recompute {
                true => model.then(Recompute::new(block(i))),
                false => model.then(block(i)),
            };
        }
        let mut ctx = Ctx::train(5);
        for step in 0..5 {
            let (x, labels) = batch(step);
            let loss = cross_entropy(&model.forward(&x, &mut ctx), &labels);
            Sgd::default().step(&params, params.grad(&loss), 0.1).unwrap();
        }
        let floats = params.iter().filter(|entry| entry.tensor.dtype().is_float());
        floats.map(|entry| bits(&params, &entry.path)).collect::<Vec<_>>()
    };
    assert!(trained(true) == trained(false));
}
