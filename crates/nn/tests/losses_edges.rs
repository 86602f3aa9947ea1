//! Losses: reductions, weights, several of them, numbers at the edge, errors, and training with them.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Tensor, grad};
use anygrad_nn::*;
use common::{close, float, tensor, values};

#[track_caller]
fn error(tensor: &Tensor) -> String {
    tensor.check().unwrap_err().to_string()
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

/// The loss and its gradient for the prediction, which have to be finite.
#[track_caller]
fn finite(name: &str, loss: &dyn Loss, x: &Tensor, t: &Tensor) -> (Vec<f64>, Vec<f64>) {
    let each = loss.each(x, t);
    let gradient = grad(&each.sum_all(), &[x]).remove(0);
    let (each, gradient) = (values(&each), values(&gradient));
    assert!(each.iter().chain(&gradient).all(|v| v.is_finite()), "{name}: {each:?}, {gradient:?}");
    (each, gradient)
}

#[test]
fn scores_far_from_zero_stay_finite() {
    for dtype in [DType::F64, DType::F32] {
        let x = float(&[1e4, -1e4, 0.0, -1e4, 1e4, 1e4], [2, 3], dtype);
        let t = float(&[0.0, 1.0, 0.5, 0.0, 1.0, 1.0], [2, 3], dtype);
        let logits = BinaryCrossEntropyWithLogits::default();
        let (each, gradient) = finite("bce logits", &logits, &x, &t);
        close("bce logits", &each, &[1e4, 1e4, 2f64.ln(), 0.0, 0.0, 0.0], 1e-6);
        close("bce logits", &gradient, &[1.0, -1.0, 0.0, 0.0, 0.0, 0.0], 1e-6);
        let others: [(&str, &dyn Loss); 9] = [
            ("mse", &Mse::default()),
            ("mae", &Mae::default()),
            ("huber", &Huber::default()),
            ("smooth l1", &SmoothL1::default()),
            ("log cosh", &LogCosh::default()),
            ("hinge", &Hinge::default()),
            ("squared hinge", &SquaredHinge::default()),
            ("focal", &Focal { gamma: 0.5, ..Focal::default() }),
            ("cross entropy", &CrossEntropy::default()),
        ];
        for (name, loss) in others {
            finite(name, loss, &x, &t);
        }
        let labels = Tensor::from_slice(&[1u32, 0], [2], &Device::cpu());
        let (each, gradient) = finite("cross entropy", &CrossEntropy::default(), &x, &labels);
        close("cross entropy", &each, &[2e4, 2e4 + 2f64.ln()], 1e-6);
        close("cross entropy", &gradient, &[1.0, -1.0, 0.0, -1.0, 0.5, 0.5], 1e-6);
        finite("multi margin", &MultiClassHinge { p: 2, ..MultiClassHinge::default() }, &x, &labels);
        finite("categorical hinge", &CategoricalHinge::default(), &x, &labels);
    }
}

#[test]
fn probabilities_of_0_and_1_stay_finite() {
    for dtype in [DType::F64, DType::F32] {
        let p = float(&[0.0, 0.0, 1.0, 1.0], [1, 4], dtype);
        let t = float(&[0.0, 1.0, 0.0, 1.0], [1, 4], dtype);
        let (each, gradient) = finite("bce", &BinaryCrossEntropy::default(), &p, &t);
        assert_eq!(each, [0.0, 100.0, 100.0, 0.0]);
        // PyTorch's slopes where the loss is not 0
        close("bce", &gradient, &[1.0, -1e12, 1e12, -1.0], 1e-6);
        finite("dice", &Dice::default(), &p, &t);
        let (each, _) = finite("empty masks", &Dice::default(), &p.zeros_like(), &p.zeros_like());
        assert_eq!(each, [0.0]);
        // ln q is −∞ where t is 0
        let (each, _) = finite(
            "kl",
            &KlDivergence::default(),
            &float(&[0.0, 1.0], [1, 2], dtype).log(),
            &float(&[0.0, 1.0], [1, 2], dtype),
        );
        assert_eq!(each, [0.0, 0.0]);
    }
    // the square of 1e30 is infinite in f32, but not in what is taken of it
    let x = tensor(&[1e30], [1]);
    let (_, gradient) = finite("huber", &Huber::default(), &x, &x.zeros_like());
    assert_eq!(gradient, [1.0]);
}

#[test]
fn half_precision_is_computed_in_single() {
    // the sum of squares is beyond 65,504, the largest f16
    let x = tensor(&[200.0, -200.0], [2, 1]).to_dtype(DType::F16);
    let zero = x.zeros_like();
    let loss = Mse { reduction: Reduction::Sum }.loss(&x, &zero);
    let gradient = grad(&loss, &[&x]).remove(0);
    assert_eq!(gradient.dtype(), DType::F16);
    assert_eq!((values(&loss), values(&gradient)), (vec![80_000.0], vec![400.0, -400.0]));
}

#[test]
fn a_batch_of_padding_alone_costs_nothing() {
    let x = tensor(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
    let labels = Tensor::from_slice(&[-100i32, -100], [2], &Device::cpu());
    let loss = CrossEntropy::default().loss(&x, &labels);
    let gradient = grad(&loss, &[&x]).remove(0);
    assert_eq!((values(&loss), values(&gradient)), (vec![0.0], vec![0.0; 4]));
}

fn ctc(blank: u32, target: &[u32], steps: u32, length: u32) -> (f32, Vec<f64>) {
    let device = Device::cpu();
    let one = |n: u32| Tensor::from_slice(&[n], [1], &device);
    let scores = Tensor::zeros([1, 2, 2], &device);
    let target = Tensor::from_slice(target, [1, target.len()], &device);
    let loss = Ctc { blank, ..Ctc::default() }.loss(&scores, &target, &one(steps), &one(length));
    let gradient = grad(&loss, &[&scores]).remove(0);
    (loss.item().unwrap(), values(&gradient))
}

#[test]
fn ctc_flags_what_cannot_be() {
    let (loss, _) = ctc(0, &[1], 2, 1);
    assert!((loss - 0.287_682).abs() < 1e-6);
    // "aa" needs a blank between, so three steps
    let (loss, gradient) = ctc(0, &[1, 1], 2, 2);
    assert_eq!((loss, gradient), (f32::INFINITY, vec![0.0; 4]));
    // nothing read is the empty target for certain
    assert_eq!(ctc(0, &[1], 0, 0).0, 0.0);

    let device = Device::cpu();
    let one = |n: i32| Tensor::from_slice(&[n], [1], &device);
    let (scores, target) = (Tensor::zeros([1, 2, 3], &device), one(1).reshape([1, 1]));
    let message = |loss: Tensor| error(&loss);
    let ctc = Ctc::default();
    assert!(
        message(ctc.loss(&scores, &target, &one(3), &one(1))).contains("steps have 3; they must be in 0..=2")
    );
    assert!(
        message(ctc.loss(&scores, &target, &one(2), &one(2)))
            .contains("lengths have 2; they must be in 0..=1")
    );
    let far = Tensor::from_slice(&[3i32], [1, 1], &device);
    assert!(
        message(ctc.loss(&scores, &far, &one(2), &one(1))).contains("targets have 3; they must be in 0..=2")
    );
    let wrong = message(ctc.loss(&scores, &target, &one(2), &target));
    assert!(wrong.contains("scores [1, 2, 3], targets [1, 1], steps [1], lengths [1, 1]"), "{wrong}");
    let ctc = Ctc { blank: 3, ..ctc };
    assert!(message(ctc.loss(&scores, &target, &one(2), &one(1))).contains("blank is 3"));
}

#[test]
fn wrong_labels_and_weights_are_named() {
    let x = tensor(&[0.0; 6], [2, 3]);
    let labels = |labels: &[i32]| Tensor::from_slice(labels, [labels.len()], &Device::cpu());
    let cross = |weight: Option<Vec<f64>>, label_smoothing: f64| CrossEntropy {
        weight,
        label_smoothing,
        ..CrossEntropy::default()
    };
    for (loss, wanted) in [
        (cross(None, 0.0).loss(&x, &labels(&[0, 3])), "label 3 is out of range for 3 classes"),
        (cross(None, 0.0).loss(&x, &labels(&[0, -1])), "label -1 is out of range for 3 classes"),
        (cross(None, 0.0).loss(&x, &labels(&[0])), "logits [2, 3], labels [1]"),
        (cross(None, 0.0).loss(&x, &tensor(&[0.0, 1.0], [2])), "prediction [2, 3], target [2]"),
        (cross(Some(vec![1.0]), 0.0).loss(&x, &labels(&[0, 1])), "weight has 1 numbers for 3 classes"),
        (cross(Some(vec![1.0, -1.0, 1.0]), 0.0).loss(&x, &labels(&[0, 1])), "a weight is -1"),
        (cross(None, 1.5).loss(&x, &labels(&[0, 1])), "label_smoothing is 1.5; it must be in [0, 1]"),
        (cross(None, 0.0).loss(&tensor(&[0.0], [1]), &labels(&[0])), "takes logits [n, classes]: logits [1]"),
        (Nll::default().loss(&x, &labels(&[0, 5])), "label 5 is out of range for 3 classes"),
        (
            MultiClassHinge { p: 3, ..MultiClassHinge::default() }.loss(&x, &labels(&[0, 1])),
            "p is 3; it must be 1 or 2",
        ),
        (
            CategoricalHinge::default().loss(&tensor(&[0.0], [1, 1]), &labels(&[0])),
            "takes two classes or more",
        ),
        (Focal { gamma: -1.0, ..Focal::default() }.loss(&x, &x), "gamma is -1; it must be at least 0"),
        (Focal { alpha: Some(2.0), ..Focal::default() }.loss(&x, &x), "alpha is 2; it must be in [0, 1]"),
        (Hinge { margin: f64::NAN, ..Hinge::default() }.loss(&x, &x), "margin is NaN; it must be at least 0"),
        (
            Dice::default().loss(&labels(&[1]).to_dtype(DType::F32), &labels(&[1])),
            "takes predictions [n, ..]",
        ),
        (Detection::default().loss(&x, &x), "takes [.., 1 + 4 + classes]: prediction [2, 3]"),
        (
            BinaryCrossEntropyWithLogits { pos_weight: Some(vec![1.0; 2]), ..Default::default() }
                .loss(&x, &x),
            "pos_weight has 2 numbers; it must have 1 or, for [2, 3], 3",
        ),
    ] {
        let message = error(&loss);
        assert!(message.contains(wanted), "{message}");
    }
}

#[test]
fn wrong_vectors_are_named() {
    let (a, b) = (tensor(&[0.0; 6], [2, 3]), tensor(&[0.0; 4], [2, 2]));
    let y = tensor(&[1.0], [1]);
    for (loss, wanted) in [
        (squared_distance(&a, &b), "a f32 [2, 3], b f32 [2, 2]"),
        (Triplet::default().loss(&a, &a, &b), "positive f32 [2, 3], negative f32 [2, 2]"),
        (Triplet { margin: 0.0, ..Triplet::default() }.loss(&a, &a, &a), "margin is 0; it must be above 0"),
        (CosineEmbedding::default().loss(&a, &a, &y), "takes one y for each pair: a [2, 3], y [1]"),
        (
            CosineEmbedding { margin: 2.0, ..Default::default() }.loss(&a, &a, &y),
            "margin is 2; it must be in [-1, 1]",
        ),
        (Contrastive::default().loss(&a, &a, &y), "takes one same for each pair: a [2, 3], same [1]"),
    ] {
        let message = error(&loss);
        assert!(message.contains(wanted), "{message}");
    }
    // a triplet that is satisfied has no gradient
    let far = &a + 10.0;
    let gradient = grad(&Triplet::default().loss(&a, &a, &far), &[&far]).remove(0);
    assert_eq!(values(&gradient), [0.0; 6]);
    // equal vectors have a distance without a kink
    let gradient = grad(&pairwise_distance(&a, &a.zeros_like()).sum_all(), &[&a]).remove(0);
    assert_eq!(values(&gradient), [0.0; 6]);
}

#[test]
fn losses_have_names() {
    let (x, t) = (tensor(&[0.25, 0.75], [1, 2]), tensor(&[0.0, 1.0], [1, 2]));
    for (name, wanted) in [
        ("mse", mse(&x, &t)),
        ("mean_absolute_error", mean_absolute_error(&x, &t)),
        ("categorical_crossentropy", CrossEntropy::default().loss(&x, &t)),
        ("categorical_crossentrophy", CrossEntropy::default().loss(&x, &t)),
        ("binary_crossentropy", BinaryCrossEntropy::default().loss(&x, &t)),
        ("binary_crossentrpohy", BinaryCrossEntropy::default().loss(&x, &t)),
    ] {
        assert_eq!(values(&loss(name).unwrap().loss(&x, &t)), values(&wanted), "{name}");
    }
    let message = loss("mde").err().unwrap().to_string();
    assert!(message.starts_with("loss: there is no \"mde\"; known are binary_crossentropy, "), "{message}");
}

#[test]
fn long_sequences_are_no_problem_for_ctc() {
    let device = Device::cpu();
    let (time, length) = (400, 100);
    let scores = Tensor::zeros([1, time, 3], &device);
    let labels: Vec<u32> = (0..length).map(|i| 1 + i % 2).collect();
    let target = Tensor::from_slice(&labels, [1, labels.len()], &device);
    let one = |n: u32| Tensor::from_slice(&[n], [1], &device);
    let loss = Ctc { reduction: Reduction::Sum, ..Ctc::default() };
    let loss = loss.loss(&scores, &target, &one(time as u32), &one(length));
    let gradient = grad(&loss, &[&scores]).remove(0);
    // all labels differ from their neighbours: C(time + length, 2·length) paths, each of probability 3⁻ᵗ
    let paths: f64 = (1..=2 * i32::try_from(length).unwrap())
        .map(|k| (f64::from(time as i32 + length as i32 - 2 * length as i32 + k) / f64::from(k)).ln())
        .sum();
    let wanted = time as f64 * 3f64.ln() - paths;
    close("ctc", &values(&loss), &[wanted], 1e-5);
    assert!(values(&gradient).iter().all(|g| g.is_finite()));
}
