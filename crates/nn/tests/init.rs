//! Initial values: their statistics, and what networks make of them.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Shape, Tensor, grad};
use anygrad_nn::*;
use common::{close, values};

/// The values of a new parameter, computed in f64.
fn draw(init: Init, shape: impl Into<Shape>) -> Vec<f64> {
    let params = Params::with_dtype(&Device::cpu(), 1, DType::F64);
    let param = params.at("layer").parameter("weight", shape, init);
    values(&param.tensor())
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt())
}

#[test]
fn distributions_have_their_mean_and_deviation() {
    // fan_in 500, fan_out 200: 10⁵ draws, whose mean is off by 0.003 deviations and whose deviation by 0.2 %
    let scaled = |gain, fan, spread| Init::VarianceScaling { gain, fan, spread };
    let cases = [
        (Init::XavierNormal, (2.0 / 700.0f64).sqrt()),
        (Init::XavierUniform, (2.0 / 700.0f64).sqrt()),
        (Init::HeNormal, (2.0 / 500.0f64).sqrt()),
        (Init::HeUniform, (2.0 / 500.0f64).sqrt()),
        (Init::LeCunNormal, (1.0 / 500.0f64).sqrt()),
        (Init::LeCunUniform, (1.0 / 500.0f64).sqrt()),
        (Init::FanInUniform, (1.0 / 1500.0f64).sqrt()),
        (Init::Normal { mean: 0.0, deviation: 0.3 }, 0.3),
        // Keras' he_normal: the cut is made up for
        (scaled(2f64.sqrt(), Fan::In, Spread::TruncatedNormal), (2.0 / 500.0f64).sqrt()),
        (scaled(3.0, Fan::Out, Spread::Uniform), (9.0 / 200.0f64).sqrt()),
        (scaled(1.0, Fan::Average, Spread::Normal), (1.0 / 350.0f64).sqrt()),
        (Init::truncated_normal(0.0, 0.5), 0.5 * 0.8796256610342398),
    ];
    for (init, deviation) in cases {
        let (mean, found) = moments(&draw(init, [200, 500]));
        assert!(mean.abs() < 0.013 * deviation, "{init:?}: mean {mean}");
        assert!((found / deviation - 1.0).abs() < 0.01, "{init:?}: deviation {found}, not {deviation}");
    }
    let (_, he) = moments(&draw(Init::HeNormal, [256, 512]));
    assert!((he / 0.0625 - 1.0).abs() < 0.01, "{he}");
    let (_, xavier) = moments(&draw(Init::XavierNormal, [512, 784]));
    assert!((xavier / 0.039284 - 1.0).abs() < 0.01, "{xavier}");
}

#[test]
fn truncated_normals_lie_between_their_bounds() {
    // mean, deviation, bounds; the mean and the deviation of what is left, from the closed form
    let cases = [
        (0.0, 1.0, -2.0, 2.0, 0.0, 0.879625661034),
        (0.0, 1.0, -0.5, 1.0, 0.206631218062, 0.415660028252),
        (0.0, 1.0, 1.0, f64::INFINITY, 1.525135276161, 0.446203614319),
        (1.0, 2.0, f64::NEG_INFINITY, -5.0, -5.566197309861, 0.531259585458),
        (0.0, 1.0, 0.0, 30.0, 0.797884560803, 0.602810274989),
    ];
    for (mean, deviation, low, high, expected_mean, expected_deviation) in cases {
        let values = draw(Init::TruncatedNormal { mean, deviation, low, high }, [200, 500]);
        assert!(values.iter().all(|x| (low..=high).contains(x)), "[{low}, {high}]");
        let (mean, deviation) = moments(&values);
        assert!((mean - expected_mean).abs() < 0.013 * expected_deviation, "[{low}, {high}]: mean {mean}");
        assert!(
            (deviation / expected_deviation - 1.0).abs() < 0.015,
            "[{low}, {high}]: deviation {deviation}"
        );
    }
}

#[test]
fn orthogonal_matrices_keep_lengths() {
    for (shape, rows, columns) in [
        (Shape::from([40, 40]), 40, 40),
        (Shape::from([12, 50]), 12, 50),
        (Shape::from([50, 12]), 50, 12),
        (Shape::from([6, 4, 3, 3]), 6, 36),
        (Shape::from([1, 1]), 1, 1),
    ] {
        let gain = 1.5;
        let w = Tensor::from_slice(&draw(Init::Orthogonal { gain }, &shape), [rows, columns], &Device::cpu());
        let product = if rows <= columns { w.matmul(&w.t()) } else { w.t().matmul(&w) };
        let n = rows.min(columns);
        let expected = values(&(Tensor::eye(n, n, DType::F64, &Device::cpu()) * (gain * gain)));
        close(&format!("{shape}"), &values(&product), &expected, 1e-12);
    }
    // no element is likelier to be positive than negative, as with Q alone of some factorisations
    let positive = (0..200).filter(|&seed| {
        let params = Params::with_dtype(&Device::cpu(), seed, DType::F64);
        values(&params.at("w").parameter("w", [3, 3], Init::Orthogonal { gain: 1.0 }).tensor())[0] > 0.0
    });
    let positive = positive.count();
    assert!((70..130).contains(&positive), "{positive} of 200");
}

#[test]
fn layers_start_as_pytorchs_do() {
    let params = Params::new(&Device::cpu(), 0);
    let bounds =
        |path: &str| values(&params.get(path).unwrap()).iter().fold(0.0, |most: f64, w| most.max(w.abs()));
    let near = |path: &str, fan_in: f64| {
        let (found, expected) = (bounds(path), 1.0 / fan_in.sqrt());
        assert!(found <= expected && found > 0.9 * expected, "{path}: {found}, not {expected}");
    };
    // fan_in is what PyTorch counts: the second axis of the weight times its kernel
    let _conv = Conv2d::new(params.at("conv"), 8, 60, [3, 5]).groups(4);
    near("conv.weight", 30.0);
    near("conv.bias", 30.0);
    let _up = ConvTranspose2d::new(params.at("up"), 8, 60, [2, 3]).groups(4);
    near("up.weight", 90.0);
    near("up.bias", 90.0);
    let _each = DepthwiseConv2d::new(params.at("each"), 40, 3).multiplier(2);
    near("each.weight", 9.0);
    near("each.bias", 9.0);
    let _pair = Bilinear::new(params.at("pair"), 20, 5, 60);
    near("pair.weight", 20.0);
    near("pair.bias", 20.0);
    let _words = Embedding::new(params.at("words"), 400, 250);
    let (mean, deviation) = moments(&values(&params.get("words.weight").unwrap()));
    assert!(mean.abs() < 0.013 && (deviation - 1.0).abs() < 0.01, "{mean} {deviation}");
}

#[test]
fn identities_are_pytorchs() {
    assert_eq!(draw(Init::Identity { gain: 2.0 }, [2, 3]), [2.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    assert_eq!(draw(Init::Identity { gain: 1.0 }, [3, 2]), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    // torch.nn.init.dirac_ on [4, 1, 3] with 2 groups, and on [2, 2, 2, 3]
    let kernels = draw(Init::Dirac { groups: 2 }, [4, 1, 3]);
    assert_eq!(kernels, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let places: Vec<usize> = draw(Init::Dirac { groups: 1 }, [2, 2, 2, 3])
        .iter()
        .enumerate()
        .filter(|(_, w)| **w == 1.0)
        .map(|(i, _)| i)
        .collect();
    assert_eq!(places, [4, 22]);
}

#[test]
fn gains_are_pytorchs() {
    let gain = |name| calculate_gain(name).unwrap();
    assert_eq!(
        ["linear", "identity", "sigmoid", "tanh", "relu", "leaky_relu", "selu"].map(gain),
        [1.0, 1.0, 1.0, 5.0 / 3.0, std::f64::consts::SQRT_2, 1.4141428569978354, 0.75]
    );
    assert_eq!(leaky_relu_gain(0.2), 1.3867504905630728);
    assert_eq!(
        calculate_gain("relo").unwrap_err().to_string(),
        "calculate_gain: there is none for \"relo\"; known are identity, leaky_relu, linear, relu, selu, sigmoid, tanh"
    );
}

/// Through 30 layers of 128: by how much the variance of the activations grows forward, and that of the gradients back.
fn growth(init: Init, activation: fn(&Tensor) -> Tensor) -> [f64; 2] {
    let params = Params::with_dtype(&Device::cpu(), 11, DType::F64);
    let normal = |seed| {
        let params = Params::with_dtype(&Device::cpu(), seed, DType::F64);
        params.at("x").parameter("x", [64, 128], Init::Normal { mean: 0.0, deviation: 1.0 }).tensor()
    };
    let x = normal(1);
    let mut layers = vec![x.clone()];
    for i in 0..30 {
        let fc = Linear::new(params.at(format!("fc{i}")), 128, 128).bias(false).init(init);
        let next = activation(&fc.forward(&layers[i], &mut Ctx::eval()));
        layers.push(next);
    }
    let gradients = grad(&(&layers[30] * normal(2)).sum_all(), &layers.iter().collect::<Vec<_>>());
    let mean_square = |t: &Tensor| values(&t.square().mean_all())[0];
    let forward: Vec<f64> = layers.iter().map(mean_square).collect();
    let back: Vec<f64> = gradients.iter().map(mean_square).collect();
    for (layer, (activation, gradient)) in forward.iter().zip(&back).enumerate().step_by(10) {
        println!("layer {layer}: activations {activation:.2e}, gradients {gradient:.2e}");
    }
    [forward[30] / forward[0], back[0] / back[30]]
}

#[test]
fn each_activation_has_an_initialisation_that_keeps_variances() {
    let kept = |growth: [f64; 2]| growth.iter().all(|g| (0.25..4.0).contains(g));
    let he = growth(Init::HeNormal, relu);
    assert!(kept(he), "{he:?}");
    let linear = growth(Init::XavierNormal, identity);
    assert!(kept(linear), "{linear:?}");
    // with its gain, what tanh takes off is made up for
    let gain = calculate_gain("tanh").unwrap();
    let tanh_gain = Init::VarianceScaling { gain, fan: Fan::Average, spread: Spread::Normal };
    let [forward, _] = growth(tanh_gain, tanh);
    assert!(forward > 0.2, "{forward}");
    // Xavier's halves the variance in each layer of ReLU
    assert!(growth(Init::XavierNormal, relu)[0] < 1e-6);
    // values that are too large saturate a sigmoid, whose slope is then nearly 0
    let w = draw(Init::Normal { mean: 0.0, deviation: 10.0 }, [100, 100]);
    let slope = w.iter().map(|z| (1.0 / (1.0 + (-z).exp())) * (1.0 - 1.0 / (1.0 + (-z).exp())));
    assert!(slope.sum::<f64>() / 1e4 < 0.05);
}

/// The four inputs and outputs of exclusive or.
fn exclusive_or() -> (Tensor, Tensor) {
    let device = Device::cpu();
    let x = Tensor::from_slice(&[0.0f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2], &device);
    (x, Tensor::from_slice(&[0.0f32, 1.0, 1.0, 0.0], [4, 1], &device))
}

#[test]
fn where_gradient_descent_ends_depends_on_where_it_starts() {
    let (x, target) = exclusive_or();
    let converges = |seed: u64| {
        let params = Params::new(&Device::cpu(), seed);
        let model = Sequential::new().then(Linear::new(params.at("fc1"), 2, 2)).then(tanh).then(Linear::new(
            params.at("fc2"),
            2,
            1,
        ));
        let mut ctx = Ctx::train(0);
        for _ in 0..300 {
            let loss = mse(&model.forward(&x, &mut ctx), &target);
            Adam::default().step(&params, params.grad(&loss), 0.05).unwrap();
        }
        mse(&model.forward(&x, &mut Ctx::eval()), &target).item().unwrap() < 0.01
    };
    let share = (0..20).filter(|&seed| converges(seed)).count();
    println!("{share} of 20 seeds converge");
    assert!((5..20).contains(&share), "{share} of 20");
}

#[test]
fn weights_can_be_given() {
    // a solution of exclusive or by hand: relu(a + b) − 2·relu(a + b − 1)
    let (x, target) = exclusive_or();
    let params = Params::new(&Device::cpu(), 0);
    let model = Sequential::new().then(Linear::new(params.at("fc1"), 2, 2)).then(relu).then(Linear::new(
        params.at("fc2"),
        2,
        1,
    ));
    let set = |path: &str, given: &[f32]| {
        let shape = params.get(path).unwrap().shape().clone();
        params.set(path, &Tensor::from_slice(given, shape, &Device::cpu())).unwrap();
    };
    set("fc1.weight", &[1.0; 4]);
    set("fc1.bias", &[0.0, -1.0]);
    set("fc2.weight", &[1.0, -2.0]);
    set("fc2.bias", &[0.0]);
    assert_eq!(values(&model.forward(&x, &mut Ctx::eval())), values(&target));
}

#[test]
fn units_that_start_alike_stay_alike() {
    let (x, target) = exclusive_or();
    let spread = |init: Init| {
        let params = Params::new(&Device::cpu(), 2);
        let model = Sequential::new()
            .then(Linear::new(params.at("fc1"), 2, 4).init(init).bias_init(Init::Zeros))
            .then(sigmoid)
            .then(Linear::new(params.at("fc2"), 4, 1).init(Init::Ones));
        let mut ctx = Ctx::train(0);
        for _ in 0..100 {
            let loss = mse(&model.forward(&x, &mut ctx), &target);
            Sgd::default().step(&params, params.grad(&loss), 0.5).unwrap();
        }
        let w = values(&params.get("fc1.weight").unwrap());
        (0..2)
            .flat_map(|i| (1..4).map(move |u| (i, u)))
            .map(|(i, u)| (w[i] - w[2 * u + i]).abs())
            .fold(0.0, f64::max)
    };
    assert_eq!(spread(Init::Zeros), 0.0);
    assert!(spread(Init::XavierUniform) > 0.1);
}

#[test]
fn shapes_and_settings_that_cannot_be_are_named() {
    let error = |init: Init, shape: Shape| {
        let params = Params::new(&Device::cpu(), 1);
        params.at("w").parameter("w", shape, init);
        params.check().unwrap_err().to_string()
    };
    let bounds = Init::TruncatedNormal { mean: 0.0, deviation: 1.0, low: 2.0, high: 1.0 };
    assert_eq!(
        error(bounds, [2].into()),
        "params: w.w [2]: there are no normal numbers with mean 0 and deviation 1 between 2 and 1"
    );
    assert_eq!(
        error(Init::Orthogonal { gain: 1.0 }, [2].into()),
        "params: w.w [2]: an orthogonal matrix has at least two axes"
    );
    assert_eq!(
        error(Init::Orthogonal { gain: f64::NAN }, [2, 2].into()),
        "params: w.w [2, 2]: the gain is NaN; it must be finite"
    );
    assert_eq!(
        error(Init::Identity { gain: 1.0 }, [2, 2, 2].into()),
        "params: w.w [2, 2, 2]: an identity has two axes; Dirac is for convolutions"
    );
    assert_eq!(
        error(Init::Dirac { groups: 3 }, [4, 2, 3].into()),
        "params: w.w [4, 2, 3]: 3 groups do not divide 4 output channels"
    );
    let scaling = Init::VarianceScaling { gain: 1.0, fan: Fan::Out, spread: Spread::Uniform };
    assert!(error(scaling, [4].into()).contains("fans are defined for weights"));
}
