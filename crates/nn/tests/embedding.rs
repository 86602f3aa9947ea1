//! Embedding layers: golden numbers of `golden/embedding.py`, and errors.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Rng, Tensor, grad};
use anygrad_nn::*;
use common::golden::{Golden, everywhere};
use common::{close, values};

const GOLDEN: &[u8] = include_bytes!("golden/embedding.safetensors");

/// What is looked up and its gradients, and two steps of SGD.
fn steps(golden: &Golden, name: &str, params: &Params, forward: impl Fn(&mut Ctx) -> Tensor) {
    golden.set(name, params);
    let mut ctx = Ctx::train(0);
    for step in 0..2 {
        let y = forward(&mut ctx);
        let loss = (&y * golden.tensor(&format!("{name}.c"))).sum_all();
        let gradients = params.grad(&loss);
        if step == 0 {
            golden.check(&format!("{name}.y"), &y);
            golden.check_gradients(name, params, &gradients);
        }
        Sgd::default().step(params, gradients, 0.5).unwrap();
    }
    golden.check(&format!("{name}.after"), &params.get("weight").unwrap());
    // also in evaluation, which leaves the table as it is
    golden.check(&format!("{name}.third"), &forward(&mut Ctx::eval()));
    golden.check(&format!("{name}.after"), &params.get("weight").unwrap());
    golden.check(&format!("{name}.third"), &forward(&mut ctx));
    params.eval(&[]).unwrap();
    golden.check(&format!("{name}.third"), &forward(&mut Ctx::eval()));
}

#[test]
fn embeddings_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let index = golden.labels("index");
        let layer = |name: &str, build: fn(Embedding) -> Embedding| {
            let params = golden.params();
            let embedding = build(Embedding::new(params.at(""), 6, 3));
            for index in [&index, &index.to_dtype(DType::I32)] {
                steps(golden, name, &params, |ctx| embedding.forward(index, ctx));
            }
        };
        layer("plain", |e| e);
        layer("padding", |e| e.padding(4));
        layer("max norm", |e| e.max_norm(1.2));
        layer("max norm 1", |e| e.max_norm(1.5).norm_type(1.0).padding(0));
    });
}

#[test]
fn bags_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let rows = golden.labels("index").slice(1, 1, 2).detached().unwrap();
        let flat = golden.labels("flat");
        for (name, mode) in [("sum", BagMode::Sum), ("mean", BagMode::Mean), ("max", BagMode::Max)] {
            let params = golden.params();
            let bag = EmbeddingBag::new(params.at(""), 6, 3).mode(mode);
            let offsets: Option<&[usize]> = Some(&[0, 3, 3, 7, 8]);
            steps(golden, &format!("{name} offsets"), &params, |ctx| {
                bag.forward_with(&flat, offsets, None, ctx)
            });
            let params = golden.params();
            let bag = EmbeddingBag::new(params.at(""), 6, 3).mode(mode).padding(4).max_norm(1.2);
            steps(golden, &format!("{name} rows"), &params, |ctx| bag.forward(&rows, ctx));
        }
        let (index, weights) = (golden.labels("index"), golden.tensor("weights"));
        let params = golden.params();
        let bag = EmbeddingBag::new(params.at(""), 6, 3).mode(BagMode::Sum);
        steps(golden, "weighted", &params, |ctx| bag.forward_with(&index, None, Some(&weights), ctx));
        // the same bags by their places
        let (line, weights) =
            (index.reshape([6]).detached().unwrap(), weights.reshape([6]).detached().unwrap());
        let offsets: Option<&[usize]> = Some(&[0, 3]);
        steps(golden, "weighted", &params, |ctx| bag.forward_with(&line, offsets, Some(&weights), ctx));
    });
}

fn params() -> Params {
    Params::new(&Device::cpu(), 3)
}

fn indices(values: &[u32]) -> Tensor {
    Tensor::from_slice(values, [values.len()], &Device::cpu())
}

#[test]
fn a_look_up_is_a_product_with_one_hot_vectors() {
    let params = params();
    let embedding = Embedding::new(params.at("words"), 7, 4);
    let index = indices(&[6, 0, 3, 3]);
    let y = embedding.forward(&index, &mut Ctx::eval());
    let product = index.one_hot(7).to_dtype(DType::F32).matmul(&embedding.weight());
    assert_eq!(values(&y), values(&product));
}

#[test]
fn the_row_of_the_padding_is_zero_and_stays() {
    let params = params();
    let embedding =
        Embedding::new(params.at("words"), 5, 4).padding(2).init(Init::Uniform { low: 1.0, high: 2.0 });
    params.check().unwrap();
    let row = |row: usize| values(&params.get("words.weight").unwrap().slice(0, row, 1));
    assert_eq!(row(2), [0.0; 4]);
    assert!(row(1).iter().all(|&w| w >= 1.0));
    let before = row(1);
    let loss = embedding.forward(&indices(&[1, 2, 2, 4]), &mut Ctx::train(0)).sum_all();
    Sgd::default().step(&params, params.grad(&loss), 0.5).unwrap();
    assert_eq!(row(2), [0.0; 4]);
    close("row 1", &row(1), &before.iter().map(|w| w - 0.5).collect::<Vec<_>>(), 1e-6);
}

#[test]
fn an_embedding_learns_with_the_task() {
    // words 0 to 9 are said of good films, 10 to 19 of bad ones, 20 to 29 of both
    let draws = Stream(1);
    let sample = |i: u32| {
        let label = i % 2;
        let word = |at: u32| match draws.at(i * 8 + at) % 2 {
            0 => 20 + draws.at(i * 8 + at + 5000) % 10,
            _ => 10 * label + draws.at(i * 8 + at + 9000) % 10,
        };
        ((0..8).map(word).collect::<Vec<u32>>(), label)
    };
    let batch = |from: u32, to: u32| {
        let (words, labels): (Vec<_>, Vec<_>) = (from..to).map(sample).unzip();
        let count = labels.len();
        let words = Tensor::from_slice(&words.concat(), [count, 8], &Device::cpu());
        (words, Tensor::from_slice(&labels, [count], &Device::cpu()), labels)
    };
    let params = params();
    let model = Sequential::new().then(EmbeddingBag::new(params.at("words"), 30, 4)).then(Linear::new(
        params.at("fc"),
        4,
        2,
    ));
    let (words, target, _) = batch(0, 200);
    let (unseen, _, labels) = batch(200, 300);
    let accuracy = || {
        let found = model.forward(&unseen, &mut Ctx::eval()).argmax(1).to_vec::<u32>().unwrap();
        found.iter().zip(&labels).filter(|(a, b)| a == b).count()
    };
    let before = params.get("words.weight").unwrap().to_vec::<f32>().unwrap();
    let first = accuracy();
    let mut ctx = Ctx::train(0);
    for _ in 0..60 {
        let loss = cross_entropy(&model.forward(&words, &mut ctx), &target);
        Adam::default().step(&params, params.grad(&loss), 0.05).unwrap();
    }
    assert!(accuracy() >= 95 && accuracy() > first, "{first} % to {} %", accuracy());
    let after = params.get("words.weight").unwrap().to_vec::<f32>().unwrap();
    assert!(before.iter().zip(&after).all(|(a, b)| a != b));
}

/// Numbers that look like chance.
struct Stream(u64);

impl Stream {
    fn at(&self, i: u32) -> u32 {
        Rng::from_state(self.0, u64::from(i)).next_key()[0]
    }
}

#[test]
fn characters_and_a_convolution_tell_suffixes_apart() {
    // words of six letters that end in "ing" or not
    let draws = Stream(2);
    let word = |i: u32| {
        let mut letters: Vec<u32> = (0..6).map(|at| draws.at(i * 6 + at) % 26).collect();
        if i % 2 == 1 {
            letters.splice(3.., [8, 13, 6]);
        }
        letters
    };
    let batch = |range: std::ops::Range<u32>| {
        let count = range.len();
        let letters: Vec<u32> = range.clone().flat_map(word).collect();
        let labels: Vec<u32> = range.map(|i| i % 2).collect();
        (Tensor::from_slice(&letters, [count, 6], &Device::cpu()), labels)
    };
    let params = params();
    let model = Sequential::new()
        .then(Embedding::new(params.at("letters"), 26, 8))
        .then(Tensor::to_channels_first)
        .then(Conv1d::new(params.at("conv"), 8, 8, 3))
        .then(relu)
        .then(GlobalMaxPool)
        .then(Linear::new(params.at("fc"), 8, 2));
    let (letters, labels) = batch(0..200);
    let target = Tensor::from_slice(&labels, [labels.len()], &Device::cpu());
    let mut ctx = Ctx::train(0);
    for _ in 0..80 {
        let loss = cross_entropy(&model.forward(&letters, &mut ctx), &target);
        Adam::default().step(&params, params.grad(&loss), 0.02).unwrap();
    }
    let (unseen, labels) = batch(200..300);
    let found = model.forward(&unseen, &mut Ctx::eval()).argmax(1).to_vec::<u32>().unwrap();
    let right = found.iter().zip(&labels).filter(|(a, b)| a == b).count();
    assert!(right >= 95, "{right} of 100");
}

#[test]
fn two_look_ups_before_a_step_have_the_whole_gradient() {
    let params = params();
    let embedding = Embedding::new(params.at("words"), 5, 2).max_norm(0.5).init(Init::Constant(3.0));
    let mut ctx = Ctx::train(0);
    let first = embedding.forward(&indices(&[1, 2]), &mut ctx);
    let second = embedding.forward(&indices(&[2, 3]), &mut ctx);
    let loss = (first + &second).sum_all();
    let gradients = params.grad(&loss);
    let of_table = gradients.iter().map(|(_, g)| g.clone()).next().unwrap();
    let short = 0.5 / 2f64.sqrt();
    close("second", &values(&second), &[short; 4], 1e-6);
    assert_eq!(values(&of_table), [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 0.0, 0.0]);
    // a look-up in evaluation has the gradient of the table that it leaves alone
    let y = embedding.forward(&indices(&[4]), &mut Ctx::eval());
    let gradient = grad(&y.sum_all(), &[&params.get("words.weight").unwrap()]).remove(0);
    close("eval", &values(&y), &[short; 2], 1e-6);
    assert_eq!(values(&gradient.slice(0, 4, 1)), [1.0; 2]);
}

#[test]
fn mixed_precision_looks_rows_up_in_f16_and_keeps_the_table_in_f32() {
    let params = params();
    let embedding = Embedding::new(params.at("words"), 5, 2).max_norm(0.5).init(Init::Constant(3.0));
    let y = autocast(DType::F16, || embedding.forward(&indices(&[1, 2]), &mut Ctx::train(0)));
    assert_eq!(y.dtype(), DType::F16);
    let gradients = params.grad(&y.to_dtype(DType::F32).sum_all());
    Sgd::default().step(&params, gradients, 0.0).unwrap();
    let table = params.get("words.weight").unwrap();
    assert_eq!(table.dtype(), DType::F32);
    let short = 0.5 / 2f64.sqrt();
    close("table", &values(&table), &[3.0, 3.0, short, short, short, short, 3.0, 3.0, 3.0, 3.0], 1e-6);
}

#[test]
fn wrong_indices_and_settings_are_named() {
    let params = params();
    let mut names = 0..;
    let mut at = || params.at(format!("l{}", names.next().unwrap()));
    let error = |layer: &dyn Layer, index: &Tensor| {
        let y = layer.forward(index, &mut Ctx::train(0));
        let text = y.check().unwrap_err().to_string();
        text.lines().next().unwrap_or_default().to_owned()
    };
    let index = indices(&[0, 9]);
    assert_eq!(error(&Embedding::new(at(), 9, 2), &index), "embedding: index 9 is out of range for size 9");
    assert_eq!(
        error(&Embedding::new(at(), 9, 2), &Tensor::zeros([2], &Device::cpu())),
        "embedding: the index is f32, not u32 or i32"
    );
    assert_eq!(
        error(&Embedding::new(at(), 10, 2).padding(10), &index),
        "embedding: the padding index is 10; it must be below 10"
    );
    assert_eq!(
        error(&Embedding::new(at(), 10, 2).max_norm(0.0), &index),
        "embedding: max norm is 0; it must be positive and finite"
    );
    let mut bag = |mode: BagMode, index: &Tensor, offsets: Option<&[usize]>, weights: Option<&Tensor>| {
        let bag = EmbeddingBag::new(at(), 10, 2).mode(mode);
        let y = bag.forward_with(index, offsets, weights, &mut Ctx::eval());
        let text = y.check().unwrap_err().to_string();
        text.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(
        bag(BagMode::Sum, &index, None, None),
        "embedding_bag: takes [N, L], or [T] with offsets: index [2]"
    );
    assert_eq!(bag(BagMode::Sum, &index, Some(&[1]), None), "embedding_bag: offsets start with 0: [1]");
    assert_eq!(
        bag(BagMode::Sum, &index, Some(&[0, 2, 1]), None),
        "embedding_bag: a bag from 2 to 1: offsets rise, up to 2 indices"
    );
    assert_eq!(
        bag(BagMode::Sum, &index, Some(&[0, 3]), None),
        "embedding_bag: a bag from 3 to 2: offsets rise, up to 2 indices"
    );
    let weights = Tensor::ones([3], &Device::cpu());
    assert_eq!(
        bag(BagMode::Mean, &index, Some(&[0]), Some(&weights)),
        "embedding_bag: weights are for sums, not for Mean"
    );
    assert_eq!(
        bag(BagMode::Sum, &index, Some(&[0]), Some(&weights)),
        "embedding_bag: shapes differ: index [2], weights [3]"
    );
    assert_eq!(
        bag(BagMode::Sum, &indices(&[]), Some(&[0]), None),
        "embedding_bag: there are no indices in any bag"
    );
    params.check().unwrap();
}
