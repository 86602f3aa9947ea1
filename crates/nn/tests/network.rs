//! Graphs of layers: branches, shared layers, several inputs and outputs, and what is said where layers do not fit.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Tensor};
use anygrad_nn::*;
use common::{close, tensor, values};

fn params() -> Params {
    Params::new(&Device::cpu(), 42)
}

fn numbers(shape: [usize; 2], step: f32) -> Tensor {
    tensor(&(0..shape[0] * shape[1]).map(|i| (i as f32 * step).sin()).collect::<Vec<_>>(), shape)
}

#[test]
fn branches_are_what_they_are_by_hand() {
    let p = params();
    let g = Network::new(&p);
    let (a, b) = (g.input("a", [3]), g.input("b", [2]));
    let h = g.layer(relu, &g.layer(Linear::new(p.at("one"), 3, 4), &a));
    let k = g.layer(Linear::new(p.at("two"), 2, 4), &b);
    let joined = g.concat(&[&h, &k], 1);
    let y = g.layer(Linear::new(p.at("y"), 8, 2), &joined);
    let z = g.average(&[&g.add(&[&h, &k]), &g.multiply(&[&h, &k]), &g.maximum(&[&h, &k])]);
    let model = g.outputs(&[&y, &z]).unwrap();
    assert_eq!(model.inputs(), ["a", "b"]);
    assert_eq!(joined.shape()[..], [1, 8]);

    let (xa, xb) = (numbers([5, 3], 0.7), numbers([5, 2], 1.3));
    let found = model.forward_all(&[&xa, &xb], &mut Ctx::eval());
    let linear = |name: &str, x: &Tensor| {
        x.matmul(&p.get(&format!("{name}.weight")).unwrap().t()) + p.get(&format!("{name}.bias")).unwrap()
    };
    let (h, k) = (linear("one", &xa).relu(), linear("two", &xb));
    assert_eq!(values(&found[0]), values(&linear("y", &Tensor::concat(&[&h, &k], 1))));
    let z = (&h + &k + &h * &k + h.maximum(&k)) / 3.0;
    close("z", &values(&found[1]), &values(&z), 1e-6);

    // only what an output needs is run: the second input is no input of this one
    let part = g.outputs(&[&g.layer(tanh, &a)]).unwrap();
    assert_eq!(part.inputs(), ["a"]);
    assert_eq!(values(&part.forward(&xa, &mut Ctx::eval())), values(&xa.tanh()));
}

#[test]
fn a_model_of_two_losses_trains() {
    let p = params();
    let g = Network::new(&p);
    let x = g.input("x", [4]);
    let h = g.layer(tanh, &g.layer(Linear::new(p.at("body"), 4, 16), &x));
    let (class, price) = (Linear::new(p.at("class"), 16, 3), Linear::new(p.at("price"), 16, 1));
    let model = g.outputs(&[&g.layer(class, &h), &g.layer(price, &h)]).unwrap();
    let x = numbers([12, 4], 0.9);
    let labels = Tensor::from_slice(&(0..12u32).map(|i| i % 3).collect::<Vec<_>>(), [12], &Device::cpu());
    let target = x.sum_keep(&[1]).detached().unwrap();
    let mut ctx = Ctx::train(0);
    let mut losses = Vec::new();
    for _ in 0..200 {
        let found = model.forward_all(&[&x], &mut ctx);
        let loss = cross_entropy(&found[0], &labels) + mse(&found[1], &target);
        AdamW::default().step(&p, p.grad(&loss), 0.03).unwrap();
        losses.push(loss.item().unwrap());
    }
    assert!(losses[199] < 0.2 * losses[0], "{} to {}", losses[0], losses[199]);
}

#[test]
fn a_shared_layer_has_its_parameters_once_and_both_gradients() {
    let p = params();
    let g = Network::new(&p);
    let (left, right) = (g.input("left", [3]), g.input("right", [3]));
    let tower = Shared::new(Linear::new(p.at("tower"), 3, 2));
    let (l, r) = (g.layer(tower.clone(), &left), g.layer(tower, &right));
    let model = g.outputs(&[&g.add(&[&l, &r])]).unwrap();
    assert_eq!(p.count(), 8);
    assert_eq!(model.summary().parameters(), 8);
    let (a, b) = (numbers([2, 3], 0.3), numbers([2, 3], 0.8));
    let y = model.forward_all(&[&a, &b], &mut Ctx::eval()).remove(0);
    let gradients = p.grad(&y.sum_all());
    let (_, weight) = gradients.iter().next().unwrap();
    let both = (a.sum(&[0]) + b.sum(&[0])).unsqueeze(0).expand([2, 3]);
    close("weight", &values(weight), &values(&both), 1e-6);
}

#[test]
fn the_summary_lists_what_each_layer_reads() {
    let p = params();
    let g = Network::new(&p);
    let image = g.input("image", [1, 4, 4]);
    let h = g.layer(relu, &g.layer(Conv2d::new(p.at("conv"), 1, 2, 3).padding(1), &image));
    let h = g.layer(relu, &g.add(&[&h, &g.layer(Conv2d::new(p.at("skip"), 1, 2, 1), &image)]));
    let block = Sequential::new().then(Flatten).then(Linear::new(p.at("fc"), 32, 3));
    let model = g.outputs(&[&g.layer(block, &h)]).unwrap();
    let text = model.summary().to_string();
    let expected = "\
name        layer       output        parameters  reads
image       input       [1, 1, 4, 4]           0
conv        Conv2d      [1, 2, 4, 4]          20  image
relu        relu        [1, 2, 4, 4]           0  conv
skip        Conv2d      [1, 2, 4, 4]           4  image
add         add         [1, 2, 4, 4]           0  relu, skip
relu 2      relu        [1, 2, 4, 4]           0  add
Sequential  Sequential  [1, 3]                99  relu 2
123 parameters in all";
    assert_eq!(text, expected, "\n{text}");
    // a model of one input and one output is a layer
    let listed = summary(&model, &p, [2, 1, 4, 4]).unwrap();
    assert_eq!(listed.rows.iter().map(|row| row.parameters).sum::<usize>(), 123);
}

#[test]
fn layers_that_do_not_fit_are_both_named_with_their_shapes() {
    let p = params();
    let g = Network::new(&p);
    let image = g.input("image", [3, 8, 8]);
    let h = g.layer(Conv2d::new(p.at("model.conv"), 3, 4, 3), &image);
    let h = g.layer(Flatten, &g.layer(MaxPool2d::new(2), &h));
    let y = g.layer(Linear::new(p.at("model.fc"), 64, 10), &h);
    // the first mistake counts, and what comes after it is no other
    let z = g.layer(relu, &y);
    assert!(z.shape().is_empty());
    let error = g.outputs(&[&z]).unwrap_err().to_string();
    let expected = "network: model.fc (Linear) does not take [1, 36] from Flatten: linear: takes 64 features: input \
                    [1, 36], weight [10, 64]\n  at crates/nn/tests/network.rs:";
    assert!(error.starts_with(expected), "{error}");
    assert!(error.contains("\n  Flatten = "), "{error}");

    let g = Network::new(&p);
    let (a, b) = (g.input("a", [3]), g.input("b", [2, 2]));
    let joined = g.concat(&[&g.layer(relu, &a), &b], 1);
    let error = g.outputs(&[&joined]).unwrap_err().to_string();
    let expected = "network: concat does not take [1, 3] from relu and [1, 2, 2] from b (input): concat: ";
    assert!(error.starts_with(expected), "{error}");

    // also where it shows on the data alone
    let g = Network::new(&p);
    let x = g.input("x", [3]);
    let model = g.outputs(&[&g.layer(Linear::new(p.at("fc"), 3, 2), &x)]).unwrap();
    let run = |x: &Tensor| model.forward(x, &mut Ctx::eval()).check().unwrap_err().to_string();
    let error = run(&numbers([2, 4], 1.0));
    let expected = "network: fc (Linear) does not take [2, 4] from x (input): linear: takes 3 features";
    assert!(error.starts_with(expected), "{error}");
    let error = run(&Tensor::zeros([3], &Device::cpu()));
    let expected = "network: the input x is f32 [n, ..] with 2 axes, [3] behind the batch: f32 [3]\n";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn other_mistakes_are_told() {
    let p = params();
    let (g, other) = (Network::new(&p), Network::new(&p));
    let x = g.input("x", [3]);
    let error = |found: Result<NetworkModel>| found.unwrap_err().to_string();
    assert_eq!(error(g.outputs(&[])), "network: a model has at least 1 output");
    assert_eq!(error(other.outputs(&[&x])), "network: an output is a value of another network");
    let y = other.layer(relu, &x);
    assert!(
        error(other.outputs(&[&y])).starts_with("network: relu is given a value of another network, at ")
    );
    let two = g.outputs(&[&x, &x]).unwrap();
    let text = two.forward(&numbers([2, 3], 1.0), &mut Ctx::eval()).check().unwrap_err().to_string();
    assert!(text.starts_with("network: the model has 2 outputs; use forward_all"), "{text}");
    let none = two.forward_all(&[], &mut Ctx::eval());
    assert!(none[0].check().unwrap_err().to_string().starts_with("network: takes 1 inputs (x), not 0\n"));
    g.input("x", [4]);
    assert_eq!(error(g.outputs(&[&x])), "network: two inputs are called x");
}

#[test]
fn a_graph_of_attention_and_recurrent_layers() {
    let p = params();
    let g = Network::new(&p);
    let (x, memory) = (g.input("x", [5, 8]), g.input("memory", [7, 8]));
    let h = g.layer(Lstm::new(p.at("lstm"), 8, 8).return_sequences(true), &x);
    let attention = MultiHeadAttention::new(p.at("attention"), 8, 2);
    let seen = g.function("attention", &[&h, &memory], move |t, ctx| match t {
        [x, memory] => attention.forward_with(x, memory, memory, &AttentionMasks::default(), ctx),
        _ => Tensor::wrong("attention", "takes two values", &[]),
    });
    let y = g.add(&[&h, &seen]);
    assert_eq!(y.shape()[..], [1, 5, 8]);
    let model = g.outputs(&[&y]).unwrap();
    // shapes are an example: other lengths run as well
    let (x, memory) = (Tensor::ones([2, 3, 8], &Device::cpu()), Tensor::ones([2, 4, 8], &Device::cpu()));
    let found = model.forward_all(&[&x, &memory], &mut Ctx::eval()).remove(0);
    assert_eq!(found.shape()[..], [2, 3, 8]);
    assert_eq!(model.summary().parameters(), p.count());
    let half = |t: &Tensor| t.to_dtype(DType::F16);
    let run = || model.forward_all(&[&half(&x), &half(&memory)], &mut Ctx::eval()).remove(0);
    let mixed = autocast(DType::F16, run);
    assert_eq!(mixed.dtype(), DType::F16);
    close("f16", &values(&mixed), &values(&found), 5e-3);
    let index = Network::new(&p).input_of("tokens", [5], DType::U32);
    assert_eq!(index.shape()[..], [1, 5]);
}
