//! Recurrent layers against PyTorch (`golden/recurrent.py`), their settings, masks and error texts.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Tensor, explain, grad};
use anygrad_nn::*;
use common::golden::{Golden, everywhere};
use common::{close, tensor, values};

const GOLDEN: &[u8] = include_bytes!("golden/recurrent.safetensors");

/// The state a golden module starts from; whether it has a cell state is known from the file.
fn initial(golden: &Golden, name: &str, cell: bool) -> RecurrentState {
    let hidden = golden.tensor(&format!("{name}.h0"));
    match cell {
        true => RecurrentState::with_cell(hidden, golden.tensor(&format!("{name}.c0"))),
        false => RecurrentState::new(hidden),
    }
}

/// Checks results and all gradients of their sum, each times its golden numbers.
fn check(golden: &Golden, name: &str, params: &Params, given: &[(&str, &Tensor)], found: &[(&str, &Tensor)]) {
    let weighed = found.iter().map(|(key, t)| (*t * golden.tensor(&format!("{name}.c_{key}"))).sum_all());
    let loss = weighed.reduce(|a, b| a + b).unwrap();
    let wrt: Vec<&Tensor> = given.iter().map(|(_, t)| *t).collect();
    let (gradients, of_params) = (grad(&loss, &wrt), params.grad(&loss));
    for (key, t) in found {
        golden.check(&format!("{name}.{key}"), t);
    }
    for ((key, _), g) in given.iter().zip(&gradients) {
        golden.check(&format!("{name}.d{key}"), g);
    }
    golden.check_gradients(name, params, &of_params);
}

/// Runs a layer in the place of the golden module `name`.
macro_rules! sequence {
    ($golden:expr, $name:expr, $layer:ident $($builder:tt)*) => {{
        let (golden, name): (&Golden, &str) = ($golden, $name);
        let params = golden.params();
        let layer = $layer::new(params.at(""), 2, 2)$($builder)*.return_sequences(true);
        golden.set(name, &params);
        let x = golden.tensor(&format!("{name}.x"));
        let start = initial(golden, name, stringify!($layer) == "Lstm");
        let mut ctx = Ctx::train(0);
        let (y, last) = match name.ends_with("lengths") {
            false => layer.forward_states(&x, Some(&start), &mut ctx),
            true => {
                let mask = length_mask(&golden.labels(&format!("{name}.lengths")), x.size(1));
                layer.forward_masked(&x, &mask, Some(&start), &mut ctx)
            }
        };
        let mut given = vec![("x", &x), ("h0", &start.hidden)];
        let mut found = vec![("y", &y), ("hn", &last.hidden)];
        given.extend(start.cell.as_ref().map(|c| ("c0", c)));
        found.extend(last.cell.as_ref().map(|c| ("cn", c)));
        check(golden, name, &params, &given, &found);
    }};
}

#[test]
fn simple_rnn_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        sequence!(golden, "rnn", SimpleRnn);
        sequence!(golden, "rnn stacked", SimpleRnn.layers(2).bidirectional(Merge::Concat));
        sequence!(golden, "rnn lengths", SimpleRnn.layers(2).bidirectional(Merge::Concat));
        sequence!(golden, "rnn relu", SimpleRnn.activation(relu));
        sequence!(golden, "rnn long", SimpleRnn);
    });
}

#[test]
fn lstm_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        sequence!(golden, "lstm", Lstm);
        sequence!(golden, "lstm stacked", Lstm.layers(2).bidirectional(Merge::Concat));
        sequence!(golden, "lstm lengths", Lstm.layers(2).bidirectional(Merge::Concat));
        sequence!(golden, "lstm no bias", Lstm.bias(false));
    });
}

#[test]
fn gru_is_pytorchs_and_keras_with_the_reset_before() {
    everywhere(GOLDEN, |golden| {
        sequence!(golden, "gru", Gru);
        sequence!(golden, "gru stacked", Gru.layers(2).bidirectional(Merge::Concat));
        sequence!(golden, "gru lengths", Gru.layers(2).bidirectional(Merge::Concat));
        sequence!(golden, "gru reset before", Gru.reset_after(false));
    });
}

#[test]
fn cells_are_pytorchs() {
    macro_rules! cell {
        ($golden:expr, $name:expr, $cell:ident) => {{
            let (golden, name): (&Golden, &str) = ($golden, $name);
            let params = golden.params();
            let cell = $cell::new(params.at(""), 3, 2);
            golden.set(name, &params);
            let x = golden.tensor(&format!("{name}.x"));
            let start = initial(golden, name, name == "lstm cell");
            let next = cell.step(&x, Some(&start), &mut Ctx::eval());
            let mut given = vec![("x", &x), ("h0", &start.hidden)];
            let mut found = vec![("hn", &next.hidden)];
            given.extend(start.cell.as_ref().map(|c| ("c0", c)));
            found.extend(next.cell.as_ref().map(|c| ("cn", c)));
            check(golden, name, &params, &given, &found);
        }};
    }
    everywhere(GOLDEN, |golden| {
        cell!(golden, "rnn cell", RnnCell);
        cell!(golden, "lstm cell", LstmCell);
        cell!(golden, "gru cell", GruCell);
    });
}

fn params() -> Params {
    Params::new(&Device::cpu(), 42)
}

/// Every parameter of the store set to `value`.
fn fill(params: &Params, value: f64) {
    for entry in params.iter() {
        let full = Tensor::full(entry.tensor.shape(), value, entry.tensor.dtype(), params.device());
        params.set(&entry.path, &full).unwrap();
    }
}

#[test]
fn two_steps_by_hand() {
    let x = Tensor::ones([1, 2, 1], &Device::cpu());
    let p = params();
    let rnn = SimpleRnn::new(p.at("rnn"), 1, 1).bias(false).return_sequences(true);
    fill(&p, 1.0);
    let y = rnn.forward(&x, &mut Ctx::eval());
    close("rnn", &values(&y), &[0.761594, 0.942681], 1e-6);

    let p = params();
    let lstm = Lstm::new(p.at("lstm"), 1, 1).bias(false).return_sequences(true);
    fill(&p, 1.0);
    let (y, _) = lstm.forward_states(&x, None, &mut Ctx::eval());
    let (_, first) = lstm.forward_states(&x.slice(1, 0, 1), None, &mut Ctx::eval());
    close("c1", &values(&first.cell.unwrap()), &[0.556770], 1e-6);
    // σ(2.369606) = 0.914456, tanh(2.369606) = 0.982666: c₂ = 0.914456·(0.556770 + 0.982666), h₂ = 0.914456·tanh(c₂)
    let (s, t) = (1.0 / (1.0 + (-1.369606f64).exp()), 1.369606f64.tanh());
    let c2 = s * 0.556770 + s * t;
    close("lstm", &values(&y), &[0.369606, s * c2.tanh()], 2e-6);
    assert!((s * c2.tanh() - 0.650535).abs() < 2e-6);
}

#[test]
fn parameters_are_counted_as_keras_and_pytorch_count_them() {
    let p = params();
    assert_eq!(SimpleRnn::new(p.at("a"), 32, 32).single_bias().parameters(), 2_080);
    assert_eq!(Lstm::new(p.at("b"), 32, 32).single_bias().parameters(), 8_320);
    assert_eq!(Gru::new(p.at("c"), 32, 32).reset_after(false).parameters(), 6_240);
    assert_eq!(Gru::new(p.at("d"), 32, 32).parameters(), 6_336);
    assert_eq!(Lstm::new(p.at("e"), 32, 32).parameters(), 8_448);
    let stack = Lstm::new(p.at("f"), 8, 4).layers(2).bidirectional(Merge::Sum);
    assert_eq!(stack.parameters(), 2 * (16 * (8 + 4 + 2) + 16 * (4 + 4 + 2)));
    p.check().unwrap();
    let paths: Vec<String> = p.iter().map(|entry| entry.path.to_string()).collect();
    assert!(paths.contains(&"f.weight_ih_l1_reverse".to_owned()), "{paths:?}");
    assert_eq!(p.get("f.weight_ih_l1").unwrap().shape()[..], [16, 4]);
}

#[test]
fn the_last_slice_of_the_sequence_is_the_last_output() {
    let x = tensor(&(0..24).map(|i| (i as f32).sin()).collect::<Vec<_>>(), [2, 4, 3]);
    let p = params();
    let layer = Lstm::new(p.at("lstm"), 3, 5).layers(2);
    let last = layer.forward(&x, &mut Ctx::eval());
    let all = layer.return_sequences(true).forward(&x, &mut Ctx::eval());
    assert_eq!(last.shape()[..], [2, 5]);
    assert_eq!(values(&all.at(1, 3)), values(&last));
}

#[test]
fn directions_swap_with_the_input_and_merge_in_four_ways() {
    let x = tensor(&(0..24).map(|i| (i as f32).sin()).collect::<Vec<_>>(), [2, 4, 3]);
    let merged = |x: &Tensor, merge: Merge| {
        let p = params();
        let layer = Gru::new(p.at("gru"), 3, 2).bidirectional(merge).return_sequences(true);
        for name in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] {
            let forward = p.get(&format!("gru.{name}_l0")).unwrap();
            p.set(&format!("gru.{name}_l0_reverse"), &forward).unwrap();
        }
        layer.forward(x, &mut Ctx::eval())
    };
    let both = merged(&x, Merge::Concat);
    assert_eq!(both.shape()[..], [2, 4, 4]);
    let (forward, reverse) = (both.slice(2, 0, 2), both.slice(2, 2, 2));
    // with equal weights the reversed input swaps the halves, reversed
    let turned = merged(&x.flip(&[1]), Merge::Concat);
    assert_eq!(values(&turned.slice(2, 0, 2).flip(&[1])), values(&reverse));
    assert_eq!(values(&turned.slice(2, 2, 2).flip(&[1])), values(&forward));
    assert_ne!(values(&forward), values(&reverse));
    assert_eq!(values(&merged(&x, Merge::Sum)), values(&(&forward + &reverse)));
    assert_eq!(values(&merged(&x, Merge::Mul)), values(&(&forward * &reverse)));
    close("mean", &values(&merged(&x, Merge::Mean)), &values(&((forward + reverse) / 2.0)), 1e-7);
    // one direction, from the end
    let p = params();
    let back = Gru::new(p.at("gru"), 3, 2).reverse(true).return_sequences(true);
    assert_eq!(values(&back.forward(&x, &mut Ctx::eval())), values(&both.slice(2, 2, 2)));
}

#[test]
fn padding_changes_neither_output_nor_gradient() {
    let p = params();
    let layer = Lstm::new(p.at("lstm"), 2, 3).bidirectional(Merge::Concat);
    let mask = length_mask(&Tensor::from_slice(&[2u32, 4], [2], &Device::cpu()), 4);
    let run = |padding: f32| {
        let mut x: Vec<f32> = (0..16).map(|i| (i as f32).cos()).collect();
        x[4..8].fill(padding);
        let x = tensor(&x, [2, 4, 2]);
        let (y, _) = layer.forward_masked(&x, &mask, None, &mut Ctx::eval());
        let loss = y.square().sum_all();
        let (dx, gradients) = (grad(&loss, &[&x]).remove(0), p.grad(&loss));
        let mut all = values(&y);
        all.extend(values(&dx));
        gradients.iter().for_each(|(_, g)| all.extend(values(g)));
        all
    };
    let (zero, other) = (run(0.0), run(1e6));
    assert_eq!(zero, other);
    // y is 2 × 6, so dx follows at 12, and the padding of the first sequence is 4 into it
    assert_eq!(zero[16..20], [0.0; 4]);
    assert!(zero[12..16].iter().all(|g| *g != 0.0));
}

#[test]
fn a_forget_gate_of_one_carries_the_cell_state_unchanged() {
    let p = params();
    let lstm = Lstm::new(p.at("lstm"), 1, 2).single_bias();
    fill(&p, 0.0);
    // i shut, f open, at which f32 rounds the sigmoid to 0 and 1
    let bias = tensor(&[-200.0, -200.0, 200.0, 200.0, 0.0, 0.0, 0.0, 0.0], [8]);
    p.set("lstm.bias_ih_l0", &bias).unwrap();
    let start = RecurrentState::with_cell(tensor(&[0.0, 0.0], [1, 1, 2]), tensor(&[0.7, -3.25], [1, 1, 2]));
    let x = Tensor::zeros([1, 100, 1], &Device::cpu());
    let (_, last) = lstm.forward_states(&x, Some(&start), &mut Ctx::eval());
    assert_eq!(last.cell.unwrap().to_vec::<f32>().unwrap(), [0.7, -3.25]);
    let p = params();
    let _one = Lstm::new(p.at("lstm"), 1, 2).forget_bias(1.0).layers(2);
    for layer in ["l0", "l1"] {
        let bias = p.get(&format!("lstm.bias_ih_{layer}")).unwrap()
            + p.get(&format!("lstm.bias_hh_{layer}")).unwrap();
        assert_eq!(values(&bias.slice(0, 2, 2)), [1.0, 1.0]);
        assert!(values(&bias).iter().filter(|b| **b == 1.0).count() == 2);
    }
}

#[test]
fn outputs_stay_bounded_over_a_thousand_steps() {
    let p = params();
    let rnn = SimpleRnn::new(p.at("rnn"), 1, 4);
    let lstm = Lstm::new(p.at("lstm"), 1, 4);
    fill(&p, 3.0);
    let x = Tensor::ones([1, 1000, 1], &Device::cpu());
    for y in [rnn.forward(&x, &mut Ctx::eval()), lstm.forward(&x, &mut Ctx::eval())] {
        assert!(values(&y).iter().all(|y| y.abs() <= 1.0 && *y > 0.9), "{:?}", values(&y));
    }
}

#[test]
fn dropout_masks_of_a_sequence_are_the_same_at_every_step() {
    let (n, steps, width) = (4, 6, 50);
    let x = Tensor::ones([n, steps, width], &Device::cpu());
    // a ReLU layer that copies: the input's mask shows in the output
    let p = params();
    let copy = SimpleRnn::new(p.at("rnn"), width, width).bias(false).activation(relu).return_sequences(true);
    fill(&p, 0.0);
    let eye: Vec<f32> = (0..width * width).map(|i| f32::from(u8::from(i / width == i % width))).collect();
    p.set("rnn.weight_ih_l0", &tensor(&eye, [width, width])).unwrap();
    let copy = copy.input_dropout(0.25);
    let y = copy.forward(&x, &mut Ctx::train(1));
    let first = values(&y.at(1, 0));
    assert!(first.contains(&0.0) && first.iter().any(|v| (*v - 4.0 / 3.0).abs() < 1e-6));
    for t in 1..steps {
        assert_eq!(values(&y.at(1, t as isize)), first, "step {t}");
    }
    assert!(values(&copy.forward(&x, &mut Ctx::eval())).iter().all(|v| *v == 1.0));
    assert_ne!(values(&copy.forward(&x, &mut Ctx::train(2))), values(&y));

    // a ReLU layer that adds: with the recurrent mask, kept sums grow by 1/(1 − p) a step and dropped ones stay 1
    p.set("rnn.weight_hh_l0", &tensor(&eye, [width, width])).unwrap();
    let sum = copy.input_dropout(0.0).recurrent_dropout(0.5);
    let y = sum.forward(&x, &mut Ctx::train(1));
    for (i, last) in values(&y.at(1, steps as isize - 1)).into_iter().enumerate() {
        assert!(last == 1.0 || last == 63.0, "{i}: {last}");
    }
    // between the layers of a stack a new mask every step
    let p = params();
    let stack = SimpleRnn::new(p.at("rnn"), width, width).bias(false).activation(relu).layers(2).dropout(0.5);
    let stack = stack.return_sequences(true);
    fill(&p, 0.0);
    p.set("rnn.weight_ih_l0", &tensor(&eye, [width, width])).unwrap();
    p.set("rnn.weight_ih_l1", &tensor(&eye, [width, width])).unwrap();
    let y = stack.forward(&x, &mut Ctx::train(1));
    assert!(values(&y).iter().all(|v| *v == 0.0 || *v == 2.0));
    assert_ne!(values(&y.at(1, 0)), values(&y.at(1, 1)));
}

fn text(t: &Tensor) -> String {
    t.check().unwrap_err().to_string()
}

#[test]
fn errors_name_the_setting_or_the_shapes() {
    let p = params();
    let device = Device::cpu();
    let mut ctx = Ctx::eval();
    let x = Tensor::zeros([2, 4, 3], &device);
    let lstm = Lstm::new(p.at("model.lstm"), 8, 16);
    let error = text(&lstm.forward(&x, &mut ctx));
    assert!(
        error.starts_with("lstm: takes [n, steps, 8]: input [2, 4, 3], weight_ih_l0 [64, 8]\n"),
        "{error}"
    );
    assert!(error.contains(", in model.lstm\n") && error.contains("tests/recurrent.rs"), "{error}");
    // a layer before it that gives its last output alone
    let first = Lstm::new(p.at("first"), 3, 8);
    let error = text(&lstm.forward(&first.forward(&x, &mut ctx), &mut ctx));
    assert!(
        error.starts_with("lstm: takes [n, steps, 8]: input [2, 8], weight_ih_l0 [64, 8]; a recurrent"),
        "{error}"
    );
    assert!(error.contains("needs return_sequences(true)\n"), "{error}");

    let error = text(&first.forward(&Tensor::zeros([2, 0, 3], &device), &mut ctx));
    assert!(error.starts_with("lstm: takes at least 1 step: input [2, 0, 3]\n"), "{error}");
    let state = RecurrentState::new(Tensor::zeros([1, 2, 8], &device));
    let error = text(&first.forward_states(&x, Some(&state), &mut ctx).0);
    assert!(error.starts_with("lstm: the state has no cell state; use RecurrentState::with_cell"), "{error}");
    let zeros = Tensor::zeros([1, 2, 8], &device);
    let state = RecurrentState::with_cell(zeros, Tensor::zeros([2, 2, 8], &device));
    let (y, last) = first.forward_states(&x, Some(&state), &mut ctx);
    let expected = "lstm: the cell state is [layers · directions, n, hidden], f32 [1, 2, 8]: f32 [2, 2, 8], input [2, 4, 3]\n";
    assert!(text(&y).starts_with(expected), "{}", text(&y));
    assert!(text(&last.cell.unwrap()).starts_with(expected));
    let mask = Tensor::zeros([2, 3], &device);
    let error = text(&first.forward_masked(&x, &mask, None, &mut ctx).0);
    assert!(
        error.starts_with("lstm: the mask is bool [n, steps]: input [2, 4, 3], mask f32 [2, 3]\n"),
        "{error}"
    );
    let error = text(&length_mask(&mask, 3));
    assert!(error.starts_with("length_mask: takes lengths [n] of u32 or i32: f32 [2, 3]\n"), "{error}");

    for p in [1.0, -0.5, f64::NAN] {
        let store = params();
        let gru = Gru::new(store.at("gru"), 3, 4).recurrent_dropout(p);
        let error = text(&gru.forward(&x, &mut ctx));
        let expected = format!("gru: recurrent_dropout is {p}; it must be at least 0 and below 1\n");
        assert!(error.starts_with(&expected), "{error}");
    }
    let error = text(&Gru::new(p.at("none"), 3, 4).layers(0).forward(&x, &mut ctx));
    assert!(error.starts_with("gru: layers is 0; it must be at least 1\n"), "{error}");
    let cell = RnnCell::new(p.at("cell"), 3, 4);
    let error = text(&cell.step(&Tensor::zeros([2, 5], &device), None, &mut ctx).hidden);
    assert!(error.starts_with("simple_rnn: takes [n, 3]: input [2, 5], weight_ih [4, 3]\n"), "{error}");
}

/// What a training step of 50 steps is made of: a plan must not grow out of hand.
#[test]
fn fifty_steps_are_a_small_plan() {
    let p = params();
    let lstm = Lstm::new(p.at("lstm"), 8, 16);
    let x = Tensor::ones([4, 50, 8], &Device::cpu());
    let loss = lstm.forward(&x, &mut Ctx::train(0)).square().mean_all();
    let gradients = p.grad(&loss);
    let mut all: Vec<&Tensor> = gradients.iter().map(|(_, g)| g).collect();
    all.push(&loss);
    let plan = explain(&all).unwrap();
    let matmuls = plan.program.iter().filter(|line| line.contains("matmul")).count();
    // forward and to the state for each step; to the weights once for all steps; and the inputs
    assert!(matmuls <= 2 * 50 + 4, "{matmuls} products");
    // a product and the cell forward; the cell in two parts, its gates side by side and a product backward
    assert!(plan.kernels.len() <= 6 * 50 + 20, "{} kernels", plan.kernels.len());
}

#[test]
fn half_precision_and_empty_batches() {
    let p = params();
    let mut ctx = Ctx::eval();
    let x = tensor(&(0..24).map(|i| (i as f32).sin()).collect::<Vec<_>>(), [2, 4, 3]);
    let lstm = Lstm::new(p.at("lstm"), 3, 5).bidirectional(Merge::Concat);
    let gru = Gru::new(p.at("gru"), 10, 4).reset_after(false);
    let mask = length_mask(&Tensor::from_slice(&[4u32, 2], [2], &Device::cpu()), 4);
    let lstm = lstm.return_sequences(true);
    let run = |x: &Tensor, ctx: &mut Ctx| gru.forward(&lstm.forward_masked(x, &mask, None, ctx).0, ctx);
    let full = run(&x, &mut ctx);
    let half = autocast(DType::F16, || run(&x.to_dtype(DType::F16), &mut ctx));
    assert_eq!(half.dtype(), DType::F16);
    let gradients = p.grad(&half.to_dtype(DType::F32).square().sum_all());
    assert!(gradients.iter().all(|(_, g)| g.dtype() == DType::F32 && values(g).iter().any(|g| *g != 0.0)));
    close("f16", &values(&half), &values(&full), 5e-3);

    let none = lstm.forward(&Tensor::zeros([0, 4, 3], &Device::cpu()), &mut ctx);
    assert_eq!(none.shape()[..], [0, 4, 10]);
    assert_eq!(none.to_vec::<f32>().unwrap(), [0.0; 0]);
}

#[test]
fn second_derivatives_are_those_of_differences() {
    let p = Params::with_dtype(&Device::cpu(), 1, DType::F64);
    let lstm = Lstm::new(p.at("lstm"), 2, 3);
    let numbers: Vec<f64> = (0..20).map(|i| f64::from(i).sin()).collect();
    // ten steps: more than are cut in one round
    let at = |numbers: &[f64]| {
        let x = Tensor::from_slice(numbers, [1, 10, 2], &Device::cpu());
        let y = lstm.forward(&x, &mut Ctx::eval()).square().sum_all();
        let slope = grad(&y, &[&x]).remove(0).square().sum_all();
        let curve = grad(&slope, &[&x]).remove(0);
        let curve = values(&curve);
        (slope.item_f64().unwrap(), curve)
    };
    let (_, curve) = at(&numbers);
    assert!(curve[19].abs() > 1e-4, "{curve:?}");
    for i in [0, 7, 19] {
        let moved = |by: f64| {
            let mut numbers = numbers.clone();
            numbers[i] += by;
            at(&numbers).0
        };
        let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert!((difference - curve[i]).abs() < 1e-8, "{i}: {difference} {}", curve[i]);
    }
}
