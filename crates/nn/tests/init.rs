//! Initial values: their statistics, and what networks make of them.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Shape, Tensor};
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

/// The variance of the activations behind the last of 30 layers of 256, over that of the input.
fn variance_behind(init: Init, activation: fn(&Tensor) -> Tensor) -> f64 {
    let params = Params::with_dtype(&Device::cpu(), 11, DType::F64);
    let x: Vec<f64> = draw(Init::Normal { mean: 0.0, deviation: 1.0 }, [64, 256]);
    let mut x = Tensor::from_slice(&x, [64, 256], &Device::cpu());
    let before = values(&x.square().mean_all())[0];
    for i in 0..30 {
        let fc = Linear::new(params.at(format!("fc{i}")), 256, 256).bias(false).init(init);
        x = activation(&fc.forward(&x, &mut Ctx::eval()));
    }
    values(&x.square().mean_all())[0] / before
}

#[test]
fn each_activation_has_an_initialisation_that_keeps_variances() {
    // He's for ReLU, within a factor of 2 of a half, as half of the inputs of a layer are 0
    let he = variance_behind(Init::HeNormal, relu);
    assert!((0.25..4.0).contains(&he), "{he}");
    assert!((0.25..4.0).contains(&variance_behind(Init::XavierNormal, identity)));
    assert!(variance_behind(Init::XavierNormal, tanh) > 0.005);
    // Xavier's halves the variance in each layer of ReLU
    assert!(variance_behind(Init::XavierNormal, relu) < 1e-6);
    // values that are too large saturate a sigmoid, whose slope is then nearly 0
    let w = draw(Init::Normal { mean: 0.0, deviation: 10.0 }, [100, 100]);
    let slope = w.iter().map(|z| (1.0 / (1.0 + (-z).exp())) * (1.0 - 1.0 / (1.0 + (-z).exp())));
    assert!(slope.sum::<f64>() / 1e4 < 0.05);
}

#[test]
fn units_that_start_alike_stay_alike() {
    let x = Tensor::from_slice(&[0.0f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2], &Device::cpu());
    let target = Tensor::from_slice(&[0.0f32, 1.0, 1.0, 0.0], [4, 1], &Device::cpu());
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
