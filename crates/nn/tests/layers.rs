//! Shapes, modes and error texts of layers, activations and losses.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Tensor, grad};
use anygrad_nn::*;
use common::{close, tensor, values};

fn params() -> Params {
    Params::new(&Device::cpu(), 42)
}

fn shape(layer: &impl Layer, input: &[usize]) -> Vec<usize> {
    let y = layer.forward(&Tensor::zeros(input, &Device::cpu()), &mut Ctx::eval());
    y.check().unwrap();
    y.shape().to_vec()
}

/// The error of a forward pass in training mode, without the lines it names in this crate's sources.
fn error(layer: &impl Layer, input: &[usize]) -> String {
    let y = layer.forward(&Tensor::zeros(input, &Device::cpu()), &mut Ctx::train(0));
    y.check().unwrap_err().to_string()
}

#[test]
fn shapes_follow_the_formulas() {
    let p = params();
    assert_eq!(shape(&Linear::new(p.at("a"), 3, 5), &[2, 3]), [2, 5]);
    assert_eq!(shape(&Linear::new(p.at("b"), 3, 5), &[4, 2, 3]), [4, 2, 5]);
    assert_eq!(shape(&Linear::new(p.at("c"), 3, 5).bias(false), &[3]), [5]);
    assert_eq!(shape(&Linear::new(p.at("d"), 3, 5), &[0, 3]), [0, 5]);
    assert_eq!(shape(&Conv2d::new(p.at("e"), 2, 4, 3).padding(1).stride(2), &[1, 2, 7, 8]), [1, 4, 4, 4]);
    assert_eq!(shape(&Conv2d::new(p.at("f"), 2, 4, 3).dilation(2), &[1, 2, 7, 8]), [1, 4, 3, 4]);
    assert_eq!(shape(&Conv2d::new(p.at("g"), 4, 4, 1).groups(4).bias(false), &[1, 4, 2, 2]), [1, 4, 2, 2]);
    assert_eq!(p.get("g.weight").unwrap().shape()[..], [4, 1, 1, 1]);
    assert_eq!(shape(&MaxPool2d::new(2), &[1, 1, 5, 4]), [1, 1, 2, 2]);
    assert_eq!(shape(&MaxPool2d::new(3).stride(1).padding(1), &[1, 1, 5, 4]), [1, 1, 5, 4]);
    assert_eq!(shape(&AvgPool2d::new(2).stride(1), &[1, 1, 5, 4]), [1, 1, 4, 3]);
    assert_eq!(shape(&Flatten, &[2, 3, 4, 5]), [2, 60]);
    assert_eq!(shape(&BatchNorm1d::new(p.at("h"), 3), &[2, 3]), [2, 3]);
    assert_eq!(shape(&BatchNorm1d::new(p.at("i"), 3), &[2, 3, 4]), [2, 3, 4]);
    assert_eq!(shape(&|x: &Tensor| x.square(), &[2]), [2]);
    p.check().unwrap();
}

#[test]
fn a_wrong_shape_in_a_sequence_names_the_layer_and_the_parameter() {
    let p = params();
    let model = Sequential::new().then(Linear::new(p.at("model.fc1"), 4, 8)).then(relu).then(Linear::new(
        p.at("model.fc2"),
        7,
        2,
    ));
    let text = error(&model, &[1, 4]);
    assert!(text.starts_with("linear: takes 7 features: input [1, 8], weight [2, 7]\n"), "{text}");
    assert!(text.contains(", in model.fc2\n"), "{text}");
    assert!(text.contains("input  = relu at "), "{text}");
    assert!(text.ends_with("weight = parameter model.fc2.weight"), "{text}");
    // the line that called the model, not one inside a layer
    let wrong = model.forward(&Tensor::ones([1, 4], &Device::cpu()), &mut Ctx::eval());
    let here = format!("  at crates/nn/tests/layers.rs:{}:", line!() - 1);
    let text = wrong.check().unwrap_err().to_string();
    assert!(text.contains(&here), "{text}");

    let text = error(&Conv2d::new(p.at("conv"), 3, 8, 3), &[1, 4, 8, 8]);
    assert!(
        text.starts_with("conv2d: channels differ: input [1, 4, 8, 8] has 4, weight [8, 3, 3, 3]"),
        "{text}"
    );
    assert!(text.contains("in conv\n") && text.ends_with("weight = parameter conv.weight"), "{text}");
    let text = error(&Conv2d::new(p.at("groups"), 3, 8, 3).groups(2), &[1, 3, 8, 8]);
    assert!(text.starts_with("conv2d: 2 groups do not divide"), "{text}");
    let text = error(&BatchNorm2d::new(p.at("norm"), 3), &[1, 4, 2, 2]);
    assert!(text.starts_with("batch_norm: takes [N, C, H, W] with C = 3: input [1, 4, 2, 2]"), "{text}");
    assert!(text.contains("in norm\n"), "{text}");
    let text = error(&BatchNorm1d::new(p.at("single"), 3), &[1, 3]);
    assert!(text.starts_with("batch_norm: training needs more than one value a channel"), "{text}");
    // the averages are as they were
    assert_eq!(values(&p.get("single.running_mean").unwrap()), [0.0; 3]);
}

#[test]
fn dropout_keeps_the_mean_in_training_and_does_nothing_in_evaluation() {
    let x = Tensor::ones([200, 50], &Device::cpu());
    let dropout = Dropout::new(0.2);
    let draw = |ctx: &mut Ctx| dropout.forward(&x, ctx).to_vec::<f32>().unwrap();
    let mut ctx = Ctx::train(3);
    let first = draw(&mut ctx);
    let kept = first.iter().filter(|&&y| y != 0.0).count();
    assert!(first.iter().all(|&y| y == 0.0 || y == 1.25));
    // four deviations of a binomial: 4·√(10000·0.16) = 160
    assert!((7840..8160).contains(&kept), "{kept}");
    assert_ne!(first, draw(&mut ctx), "each forward pass draws anew");
    assert_eq!(first, draw(&mut Ctx::train(3)));
    assert_eq!(draw(&mut Ctx::train_step(3, 5)), draw(&mut Ctx::train_step(3, 5)));
    assert_ne!(draw(&mut Ctx::train_step(3, 5)), draw(&mut Ctx::train_step(3, 6)));
    assert!(draw(&mut Ctx::eval()).iter().all(|&y| y == 1.0));

    // the gradient goes through the same mask
    let y = dropout.forward(&x, &mut Ctx::train(3));
    let gradient = grad(&y.sum_all(), &[&x]).remove(0).to_vec::<f32>().unwrap();
    assert_eq!(gradient, first);
    assert!((Dropout::keep(0.8).probability() - 0.2).abs() < 1e-12);
    assert!(Dropout::new(0.0).forward(&x, &mut ctx).to_vec::<f32>().unwrap().iter().all(|&y| y == 1.0));
    for p in [1.0, -0.1, f64::NAN] {
        let text = error(&Dropout::new(p), &[2]);
        let expected = format!("dropout: the probability is {p}; it must be at least 0 and below 1");
        assert!(text.starts_with(&expected), "{text}");
    }
}

#[test]
fn activations_stay_finite_far_out() {
    let x = tensor(&[-1e4, -100.0, 0.0, 100.0, 1e4], [5]);
    for name in ["relu", "relu6", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "log_sigmoid", "silu"] {
        let y = activation(name).unwrap()(&x);
        let gradient = grad(&y.sum_all(), &[&x]).remove(0);
        for (what, tensor) in [(name, &y), ("its gradient", &gradient)] {
            let found = values(tensor);
            assert!(found.iter().all(|v| v.is_finite()), "{name}, {what}: {found:?}");
        }
    }
    assert_eq!(values(&softplus(&x))[3..], [100.0, 1e4]);
    close("softplus(0)'", &values(&grad(&softplus(&x).sum_all(), &[&x])[0])[2..3], &[0.5], 1e-6);
    assert_eq!(values(&leaky_relu_with(0.5)(&tensor(&[-2.0, 3.0], [2]))), [-1.0, 3.0]);
    assert_eq!(values(&step(&tensor(&[-2.0, 0.0, 3.0], [3]))), [0.0, 0.0, 1.0]);
    let sums = softmax(&tensor(&[1.0, 2.0, 3.0, 1000.0, 0.0, -1000.0], [2, 3])).sum(&[1]);
    close("softmax", &values(&sums), &[1.0, 1.0], 1e-6);
    let text = activation("rellu").unwrap_err().to_string();
    assert!(
        text.starts_with("activation: there is no \"rellu\"; known are celu, elu, gelu, gelu_tanh"),
        "{text}"
    );
}

#[test]
fn losses_have_their_values() {
    close(
        "mse",
        &[mse(&tensor(&[0.0, 0.0], [2]), &tensor(&[1.0, 3.0], [2])).item_f64().unwrap()],
        &[5.0],
        1e-6,
    );
    let mae = mean_absolute_error(&tensor(&[3.0, 1.0], [2]), &tensor(&[1.0, 1.5], [2]));
    assert_eq!(mae.item().unwrap(), 1.25);
    let scores = tensor(&[9f32.ln(), 1000.0, -1000.0], [3]);
    let bce = |i: usize, target: f32| {
        binary_cross_entropy_with_logits(&scores.slice(0, i, 1), &tensor(&[target], [1]))
    };
    close("bce", &[bce(0, 1.0).item_f64().unwrap()], &[0.105361], 1e-5);
    assert_eq!([bce(1, 1.0), bce(1, 0.0), bce(2, 0.0)].map(|l| l.item().unwrap()), [0.0, 1000.0, 0.0]);
    let far =
        cross_entropy(&tensor(&[1000.0, 0.0], [1, 2]), &Tensor::from_slice(&[1u32], [1], &Device::cpu()));
    assert_eq!(far.item().unwrap(), 1000.0);
}

#[test]
fn wrong_losses_say_what_is_wrong() {
    let device = Device::cpu();
    let logits = Tensor::zeros([2, 10], &device);
    let first_line = |t: &Tensor| t.check().unwrap_err().to_string().lines().next().unwrap_or("").to_owned();
    let labels = |values: &[u32]| Tensor::from_slice(values, [values.len()], &device);
    let text = cross_entropy(&logits, &labels(&[3, 12])).check().unwrap_err().to_string();
    assert!(
        text.starts_with("cross_entropy: label 12 is out of range for 10 classes\n  at crates/nn/tests/"),
        "{text}"
    );
    let negative = Tensor::from_slice(&[-1i32, 2], [2], &device);
    assert_eq!(
        first_line(&cross_entropy(&logits, &negative)),
        "cross_entropy: label -1 is out of range for 10 classes"
    );
    assert_eq!(
        first_line(&cross_entropy(&logits, &labels(&[3]))),
        "cross_entropy: takes logits [n, classes] and labels [n]: logits [2, 10], labels [1]"
    );
    assert_eq!(first_line(&cross_entropy(&logits, &logits)), "cross_entropy: labels are f32, not u32 or i32");
    assert_eq!(
        first_line(&mse(&Tensor::zeros([4, 1], &device), &Tensor::zeros([4], &device))),
        "mse: shapes differ: prediction [4, 1], target [4]"
    );
    // the first error comes through
    let wrong = logits.reshape([7]);
    assert!(first_line(&cross_entropy(&wrong, &labels(&[1]))).starts_with("reshape: "));
    assert!(first_line(&mse(&wrong, &logits)).starts_with("reshape: "));
}

#[test]
fn a_summary_lists_layers_without_running_them() {
    let p = params();
    let shared = std::sync::Arc::new(Linear::new(p.at("fc"), 48, 48));
    let again = shared.clone();
    let model = Sequential::new()
        .then(Conv2d::new(p.at("conv"), 1, 3, 3).padding(1))
        .then(relu)
        .then(MaxPool2d::new(2))
        .then(Flatten)
        .then(Twice(shared, again))
        .then(|x: &Tensor| x * 2.0);
    let table = summary(&model, &p, [1, 1, 8, 8]).unwrap();
    let rows: Vec<_> = table
        .rows
        .iter()
        .map(|r| (r.layer.as_str(), r.path.as_str(), r.output.to_vec(), r.parameters))
        .collect();
    assert_eq!(
        rows,
        [
            ("Conv2d", "conv", vec![1, 3, 8, 8], 30),
            ("relu", "", vec![1, 3, 8, 8], 0),
            ("MaxPool2d", "", vec![1, 3, 4, 4], 0),
            ("Flatten", "", vec![1, 48], 0),
            ("Linear", "fc", vec![1, 48], 2352),
            ("Linear", "fc", vec![1, 48], 0),
            ("closure", "", vec![1, 48], 0),
        ]
    );
    assert_eq!(table.parameters, 2382);
    let text = table.to_string();
    assert!(
        text.starts_with("layer      path  output        parameters\nConv2d     conv  [1, 3, 8, 8]"),
        "{text}"
    );
    assert!(text.ends_with("2382 parameters in all"), "{text}");
    let error = summary(&model, &p, [1, 1, 8, 9]);
    assert!(error.is_ok(), "the pool drops the odd column");
    let error = summary(&model, &p, [1, 1, 8, 12]).unwrap_err().to_string();
    assert!(error.starts_with("linear: takes 48 features"), "{error}");
}

/// A layer of one's own that uses the same parameters twice.
struct Twice(std::sync::Arc<Linear>, std::sync::Arc<Linear>);

impl Layer for Twice {
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        let x = self.0.forward(x, ctx);
        self.1.forward(&x, ctx)
    }
}
