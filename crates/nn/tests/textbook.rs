//! What textbooks say of networks, as far as it can be computed.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Tensor, grad};
use anygrad_nn::*;
use common::{close, tensor, values};

fn wave(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0) * 1.5).collect()
}

#[test]
fn layers_without_activations_are_one_matrix() {
    let params = Params::new(&Device::cpu(), 3);
    let sizes = [5, 7, 4, 3];
    let model = models::mlp(params.at(""), &sizes, identity);
    let x = tensor(&wave(8 * 5), [8, 5]);
    let mut matrix = Tensor::eye(5, 5, x.dtype(), x.device());
    let mut shift = Tensor::zeros([5], x.device());
    for layer in 0..3 {
        let weight = params.get(&format!("{layer}.weight")).unwrap();
        shift = shift.matmul(&weight.t()) + params.get(&format!("{layer}.bias")).unwrap();
        matrix = matrix.matmul(&weight.t());
    }
    let one = x.matmul(&matrix) + shift;
    close("outputs", &values(&model.forward(&x, &mut Ctx::eval())), &values(&one), 1e-5);
}

/// A Maxout of two pieces with the slopes and shifts given.
fn two_pieces(slopes: [f32; 2]) -> (Params, Maxout) {
    let params = Params::new(&Device::cpu(), 3);
    let maxout = Maxout::new(params.at(""), 1, 1, 2);
    params.set("weight", &tensor(&slopes, [2, 1])).unwrap();
    params.set("bias", &tensor(&[0.0, 0.0], [2])).unwrap();
    (params, maxout)
}

#[test]
fn maxout_holds_relu_leaky_relu_and_the_absolute_value() {
    let x = tensor(&wave(31), [31, 1]);
    let forward = |slopes: [f32; 2]| values(&two_pieces(slopes).1.forward(&x, &mut Ctx::eval()));
    assert_eq!(forward([1.0, 0.0]), values(&relu(&x)));
    close("leaky", &forward([1.0, 0.01]), &values(&leaky_relu(&x)), 1e-7);
    assert_eq!(forward([1.0, -1.0]), values(&x.abs()));
}

#[test]
fn units_are_dead_if_no_sample_turns_them_on() {
    let params = Params::new(&Device::cpu(), 3);
    let fc = Linear::new(params.at("fc"), 4, 10).bias_init(Init::Zeros);
    // shifted far below 0, three units are off for all samples
    let mut bias = vec![0.0f32; 10];
    bias[2..5].fill(-100.0);
    params.set("fc.bias", &tensor(&bias, [10])).unwrap();
    let x = tensor(&wave(50 * 4), [50, 4]);
    let outputs = fc.forward(&x, &mut Ctx::eval());
    // a leaky unit that is below 0 learns all the same: its gradient is not 0
    let hidden = leaky_relu(&outputs);
    let slope = grad(&hidden.sum_all(), &[&params.get("fc.bias").unwrap()]).remove(0);
    assert!((dead_units(&relu(&outputs)).item().unwrap() - 0.3).abs() < 1e-6);
    assert!(values(&slope).iter().all(|g| *g != 0.0));
    assert!(dead_units(&tensor(&[1.0], [1])).check().unwrap_err().to_string().contains("outputs [1]"));
}

#[test]
fn a_highway_passes_its_input_where_the_gate_is_shut_and_learns() {
    let params = Params::new(&Device::cpu(), 3);
    let f = Sequential::new().then(Linear::new(params.at("f"), 6, 6)).then(relu);
    let highway = Highway::new(params.at("h"), 6, f);
    let x = tensor(&wave(9 * 6), [9, 6]);
    let set_gate = |bias: f32| {
        params.set("h.gate.weight", &Tensor::zeros([6, 6], x.device())).unwrap();
        params.set("h.gate.bias", &Tensor::full([6], bias.into(), x.dtype(), x.device())).unwrap();
    };
    set_gate(-100.0);
    assert_eq!(values(&highway.forward(&x, &mut Ctx::eval())), values(&x));
    set_gate(0.0);
    let y = values(&highway.forward(&x, &mut Ctx::eval()));
    let changed =
        values(&relu(&x.matmul(&params.get("f.weight").unwrap().t()).add(params.get("f.bias").unwrap())));
    let half: Vec<f64> = values(&x).iter().zip(changed).map(|(x, f)| 0.5 * x + 0.5 * f).collect();
    close("half open", &y, &half, 1e-6);
    // thirty of them, where gradients of plain layers fade
    let params = Params::new(&Device::cpu(), 3);
    let model = (0..30).fold(Sequential::new(), |model, n| {
        let f = Sequential::new().then(Linear::new(params.at(format!("f{n}")), 6, 6)).then(tanh);
        model.then(Highway::new(params.at(format!("h{n}")), 6, f))
    });
    let target = tensor(&wave(9 * 6 + 5)[5..], [9, 6]);
    let mut losses = Vec::new();
    for _ in 0..40 {
        let loss = mse(&model.forward(&x, &mut Ctx::train(1)), &target);
        Adam::default().step(&params, params.grad(&loss), 0.01).unwrap();
        losses.push(loss.item().unwrap());
    }
    assert!(losses[39] < 0.5 * losses[0], "{losses:?}");
    let wrong = Highway::new(params.at("wrong"), 6, Linear::new(params.at("wide"), 6, 7));
    let error = wrong.forward(&x, &mut Ctx::eval()).check().unwrap_err().to_string();
    assert!(error.contains("function [9, 7], input [9, 6]"), "{error}");
}
