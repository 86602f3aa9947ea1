//! Losses against numbers from PyTorch; `golden/losses.py` makes them.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Tensor, grad};
use anygrad_nn::*;
use common::golden::{Golden, everywhere};
use common::{close, tensor, values};

const GOLDEN: &[u8] = include_bytes!("golden/losses.safetensors");

const REDUCTIONS: [(&str, Reduction); 3] =
    [("none", Reduction::None), ("mean", Reduction::Mean), ("sum", Reduction::Sum)];

/// Values and gradients for all `leaves` with every reduction.
#[track_caller]
fn case(golden: &Golden, name: &str, leaves: &[&str], loss: impl Fn(Reduction, &[Tensor]) -> Tensor) {
    for (key, reduction) in REDUCTIONS {
        let inputs: Vec<Tensor> =
            leaves.iter().map(|leaf| golden.tensor(&format!("{name}.{leaf}"))).collect();
        let found = loss(reduction, &inputs);
        let scalar = match reduction {
            Reduction::None => (&found * golden.tensor(&format!("{name}.c"))).sum_all(),
            _ => found.clone(),
        };
        let gradients = grad(&scalar, &inputs.iter().collect::<Vec<_>>());
        golden.check(&format!("{name}.{key}"), &found);
        for (leaf, gradient) in leaves.iter().zip(&gradients) {
            golden.check(&format!("{name}.{key}.d{leaf}"), gradient);
        }
    }
}

/// A case of a prediction x and a target t that both have gradients.
#[track_caller]
fn pair<L: Loss>(golden: &Golden, name: &str, make: impl Fn(Reduction) -> L) {
    case(golden, name, &["x", "t"], |reduction, inputs| make(reduction).loss(&inputs[0], &inputs[1]));
}

#[track_caller]
fn error(tensor: &Tensor) -> String {
    tensor.check().unwrap_err().to_string()
}

#[test]
fn losses_of_numbers_are_pytorchs_and_keras() {
    everywhere(GOLDEN, |golden| {
        pair(golden, "mse", |reduction| Mse { reduction });
        pair(golden, "half squared", |reduction| HalfSquaredError { reduction });
        pair(golden, "mae", |reduction| Mae { reduction });
        pair(golden, "huber", |reduction| Huber { delta: 1.5, reduction });
        pair(golden, "smooth l1", |reduction| SmoothL1 { beta: 0.5, reduction });
        pair(golden, "smooth l1 at 0", |reduction| SmoothL1 { beta: 0.0, reduction });
        pair(golden, "log cosh", |reduction| LogCosh { reduction });
    });
}

#[test]
fn a_function_is_a_loss_but_has_no_single_losses() {
    let (x, t) = (tensor(&[0.0, 0.0], [2]), tensor(&[1.0, 3.0], [2]));
    assert_eq!(Loss::loss(&mse, &x, &t).item().unwrap(), 5.0);
    let squares = |x: &Tensor, t: &Tensor| (x - t).square().sum_all();
    assert_eq!(squares.loss(&x, &t).item().unwrap(), 10.0);
    let message = error(&squares.each(&x, &t));
    assert!(message.contains("a plain function gives one loss for the whole batch"), "{message}");
    let boxed: Box<dyn Loss> = Box::new(Mse { reduction: Reduction::Sum });
    assert_eq!(boxed.loss(&x, &t).item().unwrap(), 10.0);
    assert_eq!(boxed.each(&x, &t).to_vec::<f32>().unwrap(), [1.0, 9.0]);
}

#[test]
fn reductions_keep_their_meaning() {
    let each = tensor(&[1.0, 2.0, 3.0, 6.0], [2, 2]);
    assert_eq!(Reduction::Mean.of(&each).item().unwrap(), 3.0);
    assert_eq!(Reduction::BatchMean.of(&each).item().unwrap(), 6.0);
    assert_eq!(Reduction::Sum.of(&each).item().unwrap(), 12.0);
    assert_eq!(Reduction::None.of(&each).shape()[..], [2, 2]);
    assert!(Reduction::Mean.of(&tensor(&[], [0])).item().unwrap().is_nan());
}

#[test]
fn weights_are_per_sample_or_more() {
    let each = || tensor(&[1.0, 2.0, 3.0, 6.0], [2, 2]);
    let weights = tensor(&[3.0, 1.0], [2]);
    assert_eq!(weighted(&each(), &weights).item().unwrap(), 18.0 / 4.0);
    assert_eq!(weighted_mean(&each(), &weights).item().unwrap(), 18.0 / 8.0);
    let all = tensor(&[0.0, 1.0, 0.0, 1.0], [2, 2]);
    assert_eq!(weighted_mean(&each(), &all).item().unwrap(), 4.0);
    // doubled weights double one and leave the other
    let double = tensor(&[6.0, 2.0], [2]);
    assert_eq!(weighted(&each(), &double).item().unwrap(), 9.0);
    assert_eq!(weighted_mean(&each(), &double).item().unwrap(), 18.0 / 8.0);
    assert_eq!(weighted_mean(&each(), &tensor(&[0.0, 0.0], [2])).item().unwrap(), 0.0);
    let message = error(&weighted(&each(), &tensor(&[1.0, 1.0, 1.0], [3])));
    assert!(message.contains("losses [2, 2], weights [3]"), "{message}");
    assert!(error(&weighted_mean(&each(), &tensor(&[1.0], []))).contains("one weight for each sample"));
}

#[test]
fn several_losses_are_summed_or_averaged() {
    let (x, zero) = (tensor(&[2.0], [1]), tensor(&[0.0], [1]));
    let pairs = [(&x, &zero), (&x, &zero)];
    let two = |a, b| Losses::new().with(mse, a).with(Mae::default(), b);
    assert_eq!(two(1.0, 1.0).loss(&pairs).item().unwrap(), 6.0);
    assert_eq!(two(1.0, 0.5).loss(&pairs).item().unwrap(), 5.0);
    assert_eq!(two(1.0, 1.0).average().loss(&pairs).item().unwrap(), 3.0);
    assert_eq!(two(3.0, 1.0).average().loss(&pairs).item().unwrap(), 3.5);
    let gradient = grad(&two(1.0, 1.0).average().loss(&pairs), &[&x]).remove(0);
    assert_eq!(gradient.item().unwrap(), 2.5);
    let parts: Vec<f32> = two(1.0, 9.0).parts(&pairs).iter().map(|part| part.item().unwrap()).collect();
    assert_eq!(parts, [4.0, 2.0]);

    assert!(error(&two(1.0, 1.0).loss(&pairs[..1])).contains("2 losses for 1 outputs"));
    assert!(error(&two(1.0, -1.0).loss(&pairs)).contains("a weight is -1; it must be finite and at least 0"));
    assert!(error(&two(0.0, 0.0).average().loss(&pairs)).contains("all weights are 0"));
    assert!(error(&Losses::new().loss(&[])).contains("there is no loss"));
    let unreduced = Losses::new().with(Mse { reduction: Reduction::None }, 1.0);
    assert!(error(&unreduced.loss(&pairs[..1])).contains("a loss is [1], not a scalar"));
}

#[test]
fn wrong_shapes_and_settings_are_named() {
    let (x, t) = (tensor(&[1.0, 2.0], [2, 1]), tensor(&[1.0, 2.0], [2]));
    for (name, loss) in [
        ("mse", Mse::default().loss(&x, &t)),
        ("mae", Mae::default().loss(&x, &t)),
        ("huber", Huber::default().loss(&x, &t)),
        ("log_cosh", LogCosh::default().loss(&x, &t)),
    ] {
        let message = error(&loss);
        assert!(message.contains(name), "{message}");
        assert!(message.contains("shapes differ: prediction [2, 1], target [2]"), "{message}");
    }
    let huber = Huber { delta: 0.0, ..Huber::default() };
    assert!(error(&huber.loss(&x, &x)).contains("delta is 0; it must be above 0"));
    let smooth = SmoothL1 { beta: -1.0, ..SmoothL1::default() };
    assert!(error(&smooth.loss(&x, &x)).contains("beta is -1; it must be at least 0"));
    let whole = Tensor::from_slice(&[1u32, 2], [2], &Device::cpu());
    assert!(error(&Mse::default().loss(&whole, &t)).contains("the prediction is u32, not a float"));
    // whole numbers as targets are converted
    close("mse", &values(&Mse::default().loss(&t, &whole)), &[0.0], 0.0);
}
