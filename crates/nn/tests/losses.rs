//! Losses against numbers from PyTorch; `golden/losses.py` makes them.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Tensor, grad};
use anygrad_nn::*;
use common::golden::{Golden, everywhere};

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

/// A case of scores x with a target without gradient.
#[track_caller]
fn fixed<L: Loss>(golden: &Golden, name: &str, target: &Tensor, make: impl Fn(Reduction) -> L) {
    case(golden, name, &["x"], |reduction, inputs| make(reduction).loss(&inputs[0], target));
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

/// Labels as i32, which may be negative.
fn signed(golden: &Golden, name: &str) -> Tensor {
    let (values, shape) = golden.numbers(name);
    let labels: Vec<i32> = values.iter().map(|&label| label as i32).collect();
    Tensor::from_slice(&labels, shape, &golden.device)
}

const WEIGHT: [f64; 3] = [0.5, 2.0, 1.25];

#[test]
fn cross_entropy_of_labels_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let (labels, pixels) = (golden.labels("classes.labels"), golden.labels("classes.pixels"));
        let weight = Some(WEIGHT.to_vec());
        fixed(golden, "ce", &labels, |reduction| CrossEntropy { reduction, ..CrossEntropy::default() });
        fixed(golden, "ce weighted", &labels, |reduction| CrossEntropy {
            weight: weight.clone(),
            reduction,
            ..CrossEntropy::default()
        });
        fixed(golden, "ce padded", &signed(golden, "classes.padded"), |reduction| CrossEntropy {
            label_smoothing: 0.2,
            reduction,
            ..CrossEntropy::default()
        });
        fixed(golden, "ce ignored class", &labels, |reduction| CrossEntropy {
            weight: weight.clone(),
            ignore_index: Some(1),
            label_smoothing: 0.2,
            reduction,
        });
        fixed(golden, "ce pixels", &pixels, |reduction| CrossEntropy {
            weight: weight.clone(),
            label_smoothing: 0.1,
            reduction,
            ..CrossEntropy::default()
        });
    });
}

#[test]
fn cross_entropy_of_probabilities_and_nll_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let weight = Some(WEIGHT.to_vec());
        pair(golden, "ce mixed", |reduction| CrossEntropy {
            weight: weight.clone(),
            label_smoothing: 0.1,
            reduction,
            ..CrossEntropy::default()
        });
        let padded = signed(golden, "classes.padded");
        case(golden, "nll", &["x"], |reduction, inputs| {
            let loss = Nll { weight: weight.clone(), reduction, ..Nll::default() };
            loss.loss(&inputs[0].log_softmax(1), &padded)
        });
        let pixels = golden.labels("classes.pixels");
        fixed(golden, "nll pixels", &pixels, |reduction| Nll { reduction, ..Nll::default() });
    });
}

#[test]
fn losses_of_decisions_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        case(golden, "bce", &["p", "t"], |reduction, inputs| {
            BinaryCrossEntropy { reduction }.loss(&inputs[0], &inputs[1])
        });
        for (name, pos_weight) in [
            ("bce logits", None),
            ("bce positive", Some(vec![3.0, 1.0, 0.5])),
            ("bce twice", Some(vec![2.0])),
        ] {
            pair(golden, name, |reduction| BinaryCrossEntropyWithLogits {
                pos_weight: pos_weight.clone(),
                reduction,
            });
        }
        let hard = golden.tensor("decisions.hard");
        fixed(golden, "focal", &hard, |reduction| Focal { reduction, ..Focal::default() });
        fixed(golden, "focal plain", &hard, |reduction| Focal { gamma: 1.5, alpha: None, reduction });
        for (name, smooth) in [("dice", 1.0), ("dice sharp", 0.0)] {
            case(golden, name, &["p"], |reduction, inputs| {
                Dice { smooth, reduction }.loss(&inputs[0], &hard)
            });
        }
    });
}

#[test]
fn hinges_are_pytorchs_and_take_both_kinds_of_targets() {
    everywhere(GOLDEN, |golden| {
        for y in ["margins.signs", "decisions.hard"].map(|name| golden.tensor(name)) {
            case(golden, "hinge", &["f"], |reduction, f| {
                Hinge { reduction, ..Hinge::default() }.loss(&f[0], &y)
            });
            case(golden, "squared hinge", &["f"], |reduction, f| {
                SquaredHinge { reduction, ..SquaredHinge::default() }.loss(&f[0], &y)
            });
        }
        let labels = golden.labels("classes.labels");
        fixed(golden, "multi margin", &labels, |reduction| MultiClassHinge {
            reduction,
            ..MultiClassHinge::default()
        });
        fixed(golden, "multi margin 2", &labels, |reduction| MultiClassHinge {
            p: 2,
            margin: 0.5,
            weight: Some(WEIGHT.to_vec()),
            reduction,
        });
        fixed(golden, "categorical hinge", &labels, |reduction| CategoricalHinge {
            reduction,
            ..CategoricalHinge::default()
        });
    });
}

#[test]
fn divergences_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        pair(golden, "kl", |reduction| KlDivergence { log_target: false, reduction });
        pair(golden, "kl log", |reduction| KlDivergence { log_target: true, reduction });
        let (x, t) = (golden.tensor("kl.x"), golden.tensor("kl.t"));
        golden.check("kl.batchmean", &KlDivergence::default().loss(&x, &t));
        let counts = golden.tensor("poisson.t");
        fixed(golden, "poisson", &counts, |reduction| PoissonNll { reduction, ..PoissonNll::default() });
        fixed(golden, "poisson full", &counts, |reduction| PoissonNll {
            log_input: false,
            full: true,
            reduction,
            ..PoissonNll::default()
        });
    });
}

#[test]
fn losses_of_embeddings_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let y = golden.tensor("pairs.y");
        let same = y.gt(0.0);
        case(golden, "cosine", &["a", "b"], |reduction, x| {
            CosineEmbedding { margin: -0.5, reduction }.loss(&x[0], &x[1], &y)
        });
        case(golden, "contrastive", &["a", "b"], |reduction, x| {
            Contrastive { margin: 3.0, reduction }.loss(&x[0], &x[1], &same)
        });
        let triplet = Triplet::default();
        for (name, loss) in [
            ("triplet", triplet),
            ("triplet 1", Triplet { margin: 2.0, p: 1.0, ..triplet }),
            ("triplet squared", Triplet { margin: 0.7, squared: true, ..triplet }),
        ] {
            case(golden, name, &["anchor", "near", "far"], |reduction, x| {
                Triplet { reduction, ..loss }.loss(&x[0], &x[1], &x[2])
            });
        }
    });
}

#[test]
fn ctc_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let targets = golden.labels("ctc.targets");
        let lower = (targets.to_dtype(DType::I32) - 1).maximum(0);
        let (steps, lengths) = (golden.labels("ctc.steps"), golden.labels("ctc.lengths"));
        for (name, blank, targets) in [("ctc", 0, &targets), ("ctc blank", 3, &lower)] {
            case(golden, name, &["x"], |reduction, x| {
                Ctc { blank, zero_infinity: true, reduction }.loss(&x[0], targets, &steps, &lengths)
            });
        }
    });
}

#[test]
fn detection_counts_boxes_where_something_is() {
    everywhere(GOLDEN, |golden| {
        let target = golden.tensor("detection.t");
        fixed(golden, "detection", &target, |reduction| Detection { box_weight: 5.0, reduction });
        let x = golden.tensor("detection.x");
        let gradient = grad(&Detection::default().loss(&x, &target), &[&x]).remove(0);
        // the second sample is empty: its box and classes get exactly no gradient
        let gradient = common::values(&gradient);
        assert_eq!(gradient[8..], [0.0; 6]);
        assert!(gradient[..8].iter().all(|&g| g != 0.0), "{gradient:?}");
    });
}
