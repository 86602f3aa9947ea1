//! Bilinear layers, learned activations and blocks of layers: golden numbers of `golden/blocks.py`, and errors.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Tensor, grad};
use anygrad_nn::*;
use common::golden::everywhere;
use common::{tensor, values};

const GOLDEN: &[u8] = include_bytes!("golden/blocks.safetensors");

#[test]
fn bilinear_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let params = golden.params();
        let bilinear = Bilinear::new(params.at(""), 3, 4, 2);
        golden.set("bilinear", &params);
        let [left, right, c] = ["left", "right", "c"].map(|name| golden.tensor(&format!("bilinear.{name}")));
        let y = bilinear.forward_pair(&left, &right, &mut Ctx::train(0));
        let loss = (&y * c).sum_all();
        let (inputs, gradients) = (grad(&loss, &[&left, &right]), params.grad(&loss));
        golden.check("bilinear.y", &y);
        golden.check("bilinear.dleft", &inputs[0]);
        golden.check("bilinear.dright", &inputs[1]);
        golden.check_gradients("bilinear", &params, &gradients);
    });
}

#[test]
fn prelu_and_maxout_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        for (name, slopes) in [("prelu", 1), ("prelu channels", 3)] {
            let params = golden.params();
            let prelu = PRelu::new(params.at(""), slopes);
            golden.layer(name, &params, &prelu, &mut Ctx::train(0));
        }
        let params = golden.params();
        let maxout = Maxout::new(params.at(""), 5, 4, 3);
        golden.layer("maxout", &params, &maxout, &mut Ctx::train(0));
    });
}

#[test]
fn residual_and_concat_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let params = golden.params();
        let block = Residual::new(Conv2d::new(params.at("block"), 2, 3, 3).padding(1));
        let block = block.shortcut(Conv2d::new(params.at("shortcut"), 2, 3, 1).bias(false));
        golden.layer("residual", &params, &block, &mut Ctx::train(0));
        let params = golden.params();
        let concat = Concat::new(1)
            .branch(Conv2d::new(params.at("one"), 2, 1, 1))
            .branch(Conv2d::new(params.at("three"), 2, 2, 3).same())
            .branch(identity);
        golden.layer("concat", &params, &concat, &mut Ctx::train(0));
    });
}

#[test]
fn a_residual_block_of_nothing_is_twice_its_input() {
    let x = tensor(&[1.0, -2.0], [1, 2]);
    assert_eq!(values(&Residual::new(identity).forward(&x, &mut Ctx::eval())), [2.0, -4.0]);
}

#[test]
fn a_bilinear_layer_of_one_input_is_a_quadratic_form() {
    let params = Params::new(&Device::cpu(), 0);
    let form = Bilinear::new(params.at("form"), 2, 2, 1).bias(false);
    params.set("form.weight", &tensor(&[1.0, 2.0, 3.0, 4.0], [1, 2, 2])).unwrap();
    let y = form.forward(&tensor(&[1.0, 10.0], [1, 2]), &mut Ctx::eval());
    assert_eq!(values(&y), [1.0 + 50.0 + 400.0]);
    assert_eq!(form.parameters(), 4);
}

#[test]
fn sequences_can_be_built_in_loops_and_looked_into() {
    let params = Params::new(&Device::cpu(), 0);
    let mut model = Sequential::new();
    for i in 0..3 {
        model.push(Linear::new(params.at(format!("fc{i}")), 4, 4));
        model.push(relu);
    }
    let kinds: Vec<&str> = model.iter().map(|layer| layer.kind()).collect();
    assert_eq!(kinds, ["Linear", "relu", "Linear", "relu", "Linear", "relu"]);
    assert_eq!(model.iter().map(|layer| layer.parameters()).sum::<usize>(), params.count());
}

#[test]
fn errors_name_both_shapes() {
    let params = Params::new(&Device::cpu(), 0);
    let zeros = |shape: &[usize]| Tensor::zeros(shape, &Device::cpu());
    let first_line = |y: Tensor| {
        let text = y.check().unwrap_err().to_string();
        text.lines().next().unwrap_or_default().to_owned()
    };
    let error =
        |layer: &dyn Layer, shape: &[usize]| first_line(layer.forward(&zeros(shape), &mut Ctx::eval()));
    let pair = Bilinear::new(params.at("pair"), 3, 4, 2);
    for (left, right) in [([5, 3], [5, 3]), ([5, 3], [6, 4])] {
        let found = first_line(pair.forward_pair(&zeros(&left), &zeros(&right), &mut Ctx::eval()));
        let shapes = format!("left {left:?}, right {right:?}, weight [2, 3, 4]");
        assert_eq!(found, format!("bilinear: takes [.., 3] and [.., 4] with equal axes in front: {shapes}"));
    }
    let block = Residual::new(Linear::new(params.at("one"), 4, 1));
    assert_eq!(error(&block, &[2, 4]), "residual: shapes differ: block [2, 1], shortcut [2, 4]");
    assert_eq!(error(&Concat::new(1), &[2, 4]), "concat: there are no branches");
    let concat = Concat::new(0).branch(identity).branch(Flatten);
    assert!(error(&concat, &[2, 3, 4]).starts_with("concat: "));
    let text = error(&PRelu::new(params.at("slopes"), 3), &[2, 4, 5]);
    assert_eq!(text, "prelu: takes one slope or one for each of 4 channels: input [2, 4, 5], weight [3]");
    let text = error(&Maxout::new(params.at("maxout"), 4, 2, 0), &[2, 4]);
    assert_eq!(text, "maxout: 0 pieces do not divide axis -1 of [2, 0]");
    let text = error(&Unflatten::new(1, [3, -1]), &[2, 8]);
    assert_eq!(text, "unflatten: 8 elements do not divide into [3, -1]");
}
