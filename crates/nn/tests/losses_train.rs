//! What losses are for: small models that learn with them.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Tensor};
use anygrad_nn::*;
use common::{tensor, values};

/// Points of a square grid in [−1, 1]², `[side², 2]`.
fn grid(side: usize) -> Vec<f32> {
    let at = |i: usize| i as f32 / (side - 1) as f32 * 2.0 - 1.0;
    (0..side * side).flat_map(|i| [at(i / side), at(i % side)]).collect()
}

/// The losses before and after `steps` of Adam.
fn train(params: &Params, steps: usize, rate: f64, loss: impl Fn() -> Tensor) -> (f32, f32) {
    let first = loss().item().unwrap();
    for _ in 0..steps {
        Adam::default().step(params, params.grad(&loss()), rate).unwrap();
    }
    (first, loss().item().unwrap())
}

fn net(params: &Params, inputs: usize, hidden: usize, outputs: usize) -> Sequential {
    Sequential::new().then(Linear::new(params.at("fc1"), inputs, hidden)).then(tanh).then(Linear::new(
        params.at("fc2"),
        hidden,
        outputs,
    ))
}

#[test]
fn independent_labels_are_learned_together() {
    let points = grid(12);
    let truth: Vec<f32> = points
        .chunks(2)
        .flat_map(|p| {
            [p[0] > 0.1, p[0] + p[1] > 0.3, p[0] * p[0] + p[1] * p[1] < 0.6].map(|t| f32::from(u8::from(t)))
        })
        .collect();
    let (x, t) = (tensor(&points, [144, 2]), tensor(&truth, [144, 3]));
    let params = Params::new(&Device::cpu(), 1);
    let model = net(&params, 2, 16, 3);
    let loss = BinaryCrossEntropyWithLogits::default();
    train(&params, 300, 0.03, || loss.loss(&model.forward(&x, &mut Ctx::train(0)), &t));
    let scores = values(&model.forward(&x, &mut Ctx::eval()));
    for label in 0..3 {
        let right =
            (0..144).filter(|i| (scores[3 * i + label] > 0.0) == (truth[3 * i + label] == 1.0)).count();
        assert!(right >= 137, "label {label}: {right} of 144");
    }
}

#[test]
fn numbers_between_0_and_1_are_fitted_by_both_losses() {
    let xs: Vec<f32> = (0..64).map(|i| i as f32 / 16.0 - 2.0).collect();
    let ys: Vec<f32> = xs.iter().map(|x| 1.0 / (1.0 + (-3.0 * x).exp())).collect();
    let (x, y) = (tensor(&xs, [64, 1]), tensor(&ys, [64, 1]));
    let losses: [Box<dyn Loss>; 2] = [Box::new(Mse::default()), Box::new(BinaryCrossEntropy::default())];
    for loss in losses {
        let params = Params::new(&Device::cpu(), 2);
        let model = Sequential::new().then(Linear::new(params.at("fc"), 1, 1)).then(sigmoid);
        train(&params, 400, 0.05, || loss.loss(&model.forward(&x, &mut Ctx::train(0)), &y));
        let error = mse(&model.forward(&x, &mut Ctx::eval()), &y).item().unwrap();
        assert!(error < 1e-3, "{error}");
    }
}

#[test]
fn a_linear_support_vector_machine_separates_two_blobs() {
    let points = grid(8);
    let side = |p: &[f32]| if p[0] + p[1] > 0.0 { 1.0 } else { -1.0 };
    let shifted: Vec<f32> =
        points.chunks(2).flat_map(|p| [p[0] + 1.2 * side(p), p[1] + 1.2 * side(p)]).collect();
    let signs: Vec<f32> = points.chunks(2).map(side).collect();
    let (x, y) = (tensor(&shifted, [64, 2]), tensor(&signs, [64, 1]));
    let params = Params::new(&Device::cpu(), 3);
    let model = Linear::new(params.at("fc"), 2, 1);
    let (first, last) =
        train(&params, 300, 0.05, || Hinge::default().loss(&model.forward(&x, &mut Ctx::train(0)), &y));
    assert!(last < 0.01 * first.max(1.0), "{first} {last}");
    let scores = values(&model.forward(&x, &mut Ctx::eval()));
    assert!(scores.iter().zip(&signs).all(|(score, sign)| score * f64::from(*sign) > 0.0));
}

#[test]
fn pairs_that_are_the_same_end_up_near() {
    // four classes of four points each, told apart by one of three numbers that only mixes in
    let of = |class: usize, i: usize| [class as f32, ((i * 7 + class) % 4) as f32, ((i * 5) % 3) as f32];
    let points: Vec<f32> = (0..16).flat_map(|i| of(i / 4, i % 4)).collect();
    let pairs: Vec<(usize, usize)> = (0..16).flat_map(|a| (0..a).map(move |b| (a, b))).collect();
    let pick = |which: fn(&(usize, usize)) -> usize| {
        let rows: Vec<f32> = pairs.iter().flat_map(|pair| points[3 * which(pair)..][..3].to_vec()).collect();
        tensor(&rows, [pairs.len(), 3])
    };
    let (a, b) = (pick(|pair| pair.0), pick(|pair| pair.1));
    let same: Vec<bool> = pairs.iter().map(|(a, b)| a / 4 == b / 4).collect();
    let marks = Tensor::from_slice(&same, [same.len()], &Device::cpu());
    let params = Params::new(&Device::cpu(), 4);
    let model = net(&params, 3, 16, 2);
    let embed = |x: &Tensor| model.forward(x, &mut Ctx::train(0));
    let (first, last) =
        train(&params, 300, 0.02, || Contrastive::default().loss(&embed(&a), &embed(&b), &marks));
    assert!(last < 0.2 * first, "{first} {last}");
    let distances = values(&squared_distance(&embed(&a), &embed(&b)));
    let mean = |wanted: bool| {
        let chosen: Vec<f64> =
            distances.iter().zip(&same).filter(|(_, is)| **is == wanted).map(|(d, _)| *d).collect();
        chosen.iter().sum::<f64>() / chosen.len() as f64
    };
    assert!(mean(true) < 0.2 * mean(false), "{} {}", mean(true), mean(false));
}

#[test]
fn a_network_with_two_heads_learns_the_mean_of_two_losses() {
    let points = grid(6);
    let labels: Vec<u32> = points.chunks(2).map(|p| u32::from(p[0] > 0.0)).collect();
    let sums: Vec<f32> = points.chunks(2).map(|p| p[0] + p[1]).collect();
    let (x, sums) = (tensor(&points, [36, 2]), tensor(&sums, [36, 1]));
    let labels = Tensor::from_slice(&labels, [36], &Device::cpu());
    let params = Params::new(&Device::cpu(), 5);
    let trunk = Linear::new(params.at("trunk"), 2, 8);
    let heads = [Linear::new(params.at("class"), 8, 2), Linear::new(params.at("sum"), 8, 1)];
    let losses = Losses::new().with(cross_entropy, 1.0).with(mse, 1.0).average();
    let (first, last) = train(&params, 300, 0.03, || {
        let mut ctx = Ctx::train(0);
        let hidden = trunk.forward(&x, &mut ctx).tanh();
        let [class, sum] = [heads[0].forward(&hidden, &mut ctx), heads[1].forward(&hidden, &mut ctx)];
        losses.loss(&[(&class, &labels), (&sum, &sums)])
    });
    assert!(last < 0.1 * first, "{first} {last}");
}

#[test]
fn a_closure_trains() {
    let params = Params::new(&Device::cpu(), 6);
    let model = Linear::new(params.at("fc"), 1, 1);
    let (x, y) = (tensor(&[0.0, 1.0, 2.0], [3, 1]), tensor(&[1.0, 3.0, 5.0], [3, 1]));
    let fourth = |prediction: &Tensor, target: &Tensor| (prediction - target).square().square().mean_all();
    let (first, last) =
        train(&params, 800, 0.03, || Loss::loss(&fourth, &model.forward(&x, &mut Ctx::train(0)), &y));
    assert!(last < 1e-3 * first, "{first} {last}");
}
