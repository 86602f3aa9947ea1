//! Normalisation layers: golden numbers of `golden/normalisation.py`, statistics and errors.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Rng, Tensor, grad};
use anygrad_nn::*;
use common::golden::{Golden, everywhere};
use common::{close, tensor, values};

const GOLDEN: &[u8] = include_bytes!("golden/normalisation.safetensors");

fn layer<L: Layer>(golden: &Golden, name: &str, build: impl Fn(ParamPath) -> L) {
    let params = golden.params();
    let layer = build(params.at(""));
    golden.layer(name, &params, &layer, &mut Ctx::train(0));
    assert!(params.get("running_mean").is_none(), "{name}");
}

/// A layer with running averages, and those.
fn running<L: Layer>(golden: &Golden, name: &str, build: impl Fn(ParamPath) -> L) {
    let params = golden.params();
    let layer = build(params.at(""));
    let mut ctx = Ctx::train(0);
    golden.layer(name, &params, &layer, &mut ctx);
    let second = golden.tensor(&format!("{name}.second"));
    layer.forward(&second, &mut ctx).check().unwrap();
    // the averages count before they are computed, and after
    golden.check(&format!("{name}.eval"), &layer.forward(&second, &mut Ctx::eval()));
    params.eval(&[]).unwrap();
    golden.check(&format!("{name}.eval"), &layer.forward(&second, &mut Ctx::eval()));
    golden.check(&format!("{name}.running_mean"), &params.get("running_mean").unwrap());
    golden.check(&format!("{name}.running_var"), &params.get("running_var").unwrap());
    assert_eq!(params.get("num_batches_tracked").unwrap().to_vec::<i32>().unwrap(), [2], "{name}");
}

#[test]
fn batch_norms_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        running(golden, "batch1d", |p| BatchNorm1d::new(p, 3));
        running(golden, "batch1d sequences", |p| BatchNorm1d::new(p, 3).eps(0.01).momentum(0.3));
        running(golden, "batch3d", |p| BatchNorm3d::new(p, 2));
        running(golden, "cumulative", |p| BatchNorm2d::new(p, 2).cumulative());
        running(golden, "plain", |p| BatchNorm2d::new(p, 2).affine(false));
        layer(golden, "untracked", |p| BatchNorm2d::new(p, 2).track_running_stats(false));
    });
}

#[test]
fn layer_and_rms_norms_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        layer(golden, "layer", |p| LayerNorm::new(p, [6]));
        layer(golden, "layer axes", |p| LayerNorm::new(p, [3, 4]).eps(0.01));
        layer(golden, "layer biasless", |p| LayerNorm::new(p, [5]).bias(false));
        layer(golden, "layer plain", |p| LayerNorm::new(p, [5]).affine(false));
        layer(golden, "rms", |p| RmsNorm::new(p, [6]).eps(1e-5));
        layer(golden, "rms axes", |p| RmsNorm::new(p, [3, 4]).eps(1e-5));
    });
}

#[test]
fn group_and_instance_norms_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        layer(golden, "group", |p| GroupNorm::new(p, 3, 6));
        layer(golden, "group features", |p| GroupNorm::new(p, 2, 6).affine(false));
        layer(golden, "instance1d", |p| InstanceNorm1d::new(p, 3));
        layer(golden, "instance2d", |p| InstanceNorm2d::new(p, 2).affine(true));
    });
}

#[test]
fn instance_norm_with_averages_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        running(golden, "instance3d", |p| InstanceNorm3d::new(p, 2).affine(true).track_running_stats(true));
    });
}

#[test]
fn local_response_norm_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        layer(golden, "response", |_| LocalResponseNorm::new(3).alpha(0.1).beta(0.6).k(2.0));
        layer(golden, "response even", |_| LocalResponseNorm::new(4).alpha(0.5));
    });
}

fn params() -> Params {
    Params::new(&Device::cpu(), 0)
}

#[test]
fn batch_norm_has_the_values_of_the_formula() {
    let params = params();
    let norm = BatchNorm1d::new(params.at("norm"), 1);
    let x = tensor(&[1.0, 2.0, 3.0, 4.0], [4, 1]);
    let y = norm.forward(&x, &mut Ctx::train(0));
    close("1 2 3 4", &values(&y), &[-1.341635, -0.447212, 0.447212, 1.341635], 1e-6);
    // a batch of equal values: 0, and a finite gradient
    let same = tensor(&[2.0; 3], [3, 1]);
    let y = norm.forward(&same, &mut Ctx::train(0));
    let gradient = grad(&(&y * tensor(&[1.0, 2.0, 4.0], [3, 1])).sum_all(), &[&same]).remove(0);
    assert_eq!(values(&y), [0.0; 3]);
    assert!(values(&gradient).iter().all(|g| g.is_finite()), "{gradient}");
}

#[test]
fn after_training_a_sample_does_not_depend_on_its_batch() {
    let params = params();
    let norm = BatchNorm2d::new(params.at("norm"), 3);
    assert_eq!(params.get("norm.weight").unwrap().shape()[..], [3]);
    let x = Rng::new(1).uniform([8, 3, 4, 4], &Device::cpu());
    norm.forward(&x, &mut Ctx::train(0)).check().unwrap();
    params.eval(&[]).unwrap();
    let all = norm.forward(&x, &mut Ctx::eval());
    let alone = norm.forward(&x.slice(0, 2, 1), &mut Ctx::eval());
    assert_eq!(values(&alone), values(&all.slice(0, 2, 1)));
}

#[test]
fn statistics_are_those_of_the_axes_that_each_layer_normalises() {
    let params = params();
    let x = Rng::new(5).uniform([4, 6, 5, 5], &Device::cpu()) * 3.0 + 2.0;
    let mean_and_variance =
        |y: &Tensor, axes: &[isize]| (values(&y.mean(axes)), values(&y.var_with(axes, 0.0)));
    let layers: [(&dyn Layer, &[isize]); 3] = [
        (&LayerNorm::new(params.at("layer"), [6, 5, 5]), &[1, 2, 3]),
        (&InstanceNorm2d::new(params.at("instance"), 6), &[2, 3]),
        (&BatchNorm2d::new(params.at("batch"), 6), &[0, 2, 3]),
    ];
    for (layer, axes) in layers {
        let y = layer.forward(&x, &mut Ctx::train(0));
        let (mean, variance) = mean_and_variance(&y, axes);
        close(layer.kind(), &mean, &vec![0.0; mean.len()], 1e-5);
        close(layer.kind(), &variance, &vec![1.0; mean.len()], 1e-4);
    }
    // instance norm is group norm with as many groups as channels, and one group is layer norm
    let eval = |layer: &dyn Layer| values(&layer.forward(&x, &mut Ctx::eval()));
    let instance = eval(&InstanceNorm2d::new(params.at("a"), 6));
    close("groups of one", &eval(&GroupNorm::new(params.at("b"), 6, 6)), &instance, 1e-6);
    let layer = eval(&LayerNorm::new(params.at("c"), [6, 5, 5]));
    close("one group", &eval(&GroupNorm::new(params.at("d"), 1, 6)), &layer, 1e-6);
    // a sample alone is what it is in a batch
    let norm = LayerNorm::new(params.at("e"), [6, 5, 5]);
    let alone = norm.forward(&x.slice(0, 1, 1), &mut Ctx::train(0));
    let all = norm.forward(&x, &mut Ctx::train(0)).slice(0, 1, 1);
    close("alone", &values(&alone), &values(&all), 1e-6);
}

#[test]
fn local_response_norm_has_the_papers_form_too() {
    let x = tensor(&[1.0, 2.0, 3.0], [1, 3, 1]);
    let paper = LocalResponseNorm::new(5).k(2.0).undivided();
    let y = paper.forward(&x, &mut Ctx::eval());
    close("paper", &values(&y), &[0.59429, 1.18858, 1.78287], 1e-5);
    // a simplification without squares and exponent is a closure away
    let simple = |x: &Tensor| x / (x.sum_keep(&[1]) * 0.5 + 2.0);
    close("simple", &values(&simple.forward(&x, &mut Ctx::eval())), &[0.2, 0.4, 0.6], 1e-6);
}

#[test]
fn batch_norm_before_or_after_the_activation_trains() {
    for before in [true, false] {
        let params = params();
        let mut model = Sequential::new().then(Linear::new(params.at("fc1"), 2, 16).bias(!before));
        if before {
            model = model.then(BatchNorm1d::new(params.at("norm"), 16)).then(relu);
        } else {
            model = model.then(relu).then(BatchNorm1d::new(params.at("norm"), 16));
        }
        let model = model.then(Linear::new(params.at("fc2"), 16, 1));
        let x = Rng::new(7).uniform([64, 2], &Device::cpu()) * 2.0 - 1.0;
        let x = x.detached().unwrap();
        let target = (x.slice(1, 0, 1) * x.slice(1, 1, 1)).detached().unwrap();
        let mut ctx = Ctx::train(0);
        let mut losses = Vec::new();
        for _ in 0..150 {
            let loss = mse(&model.forward(&x, &mut ctx), &target);
            Adam::default().step(&params, params.grad(&loss), 0.02).unwrap();
            losses.push(loss.item().unwrap());
        }
        assert!(losses[149] < 0.2 * losses[0], "before {before}: {} to {}", losses[0], losses[149]);
    }
}

#[test]
fn the_eps_of_rms_norm_is_pytorchs_by_default() {
    for (dtype, eps) in [(DType::F32, f64::from(f32::EPSILON)), (DType::F64, f64::EPSILON)] {
        let x = eps.sqrt();
        let params = Params::with_dtype(&Device::cpu(), 0, dtype);
        let norm = RmsNorm::new(params.at("norm"), [2]);
        let tiny = Tensor::full([1, 2], x, dtype, &Device::cpu());
        // x / √(x² + x²)
        close("eps", &values(&norm.forward(&tiny, &mut Ctx::eval())), &[0.5f64.sqrt(); 2], 1e-6);
    }
}

#[test]
fn halves_are_normalised_in_f32() {
    // squares of these leave the range of f16
    let x = Rng::new(5).uniform([3, 4, 5, 6], &Device::cpu()) * 4000.0 - 1000.0;
    let half = x.to_dtype(DType::F16).detached().unwrap();
    let x = half.to_dtype(DType::F32).detached().unwrap();
    type Build = fn(ParamPath) -> Box<dyn Layer>;
    let builds: [(&str, Build); 6] = [
        ("batch", |p| Box::new(BatchNorm2d::new(p, 4))),
        ("layer", |p| Box::new(LayerNorm::new(p, [5, 6]))),
        ("rms", |p| Box::new(RmsNorm::new(p, [6]))),
        ("group", |p| Box::new(GroupNorm::new(p, 2, 4))),
        ("instance", |p| Box::new(InstanceNorm2d::new(p, 4).affine(true))),
        ("response", |_| Box::new(LocalResponseNorm::new(3))),
    ];
    for (name, build) in builds {
        let run = |dtype: DType, cast: Option<DType>, x: &Tensor| {
            let params = Params::with_dtype(&Device::cpu(), 0, dtype);
            let layer = build(params.at("norm"));
            let forward = |training| {
                let mut ctx = if training { Ctx::train(0) } else { Ctx::eval() };
                let y = match cast {
                    Some(cast) => autocast(cast, || layer.forward(x, &mut ctx)),
                    None => layer.forward(x, &mut ctx),
                };
                assert_eq!(y.dtype(), x.dtype(), "{name}");
                values(&y)
            };
            let trained = forward(true);
            params.eval(&[]).unwrap();
            (trained, forward(false))
        };
        let (trained, evaluated) = run(DType::F32, None, &x);
        for (dtype, cast) in [(DType::F32, Some(DType::F16)), (DType::F32, None), (DType::F16, None)] {
            let (t, e) = run(dtype, cast, &half);
            // an f16 variance cannot be above 65504
            let in_range = name != "batch" || dtype == DType::F32;
            close(name, &t, &trained, 1e-3);
            if in_range {
                close(name, &e, &evaluated, 2e-3);
            }
        }
    }
}

#[test]
fn wrong_inputs_and_settings_are_named() {
    let params = params();
    let error = |layer: &dyn Layer, input: &[usize]| {
        let y = layer.forward(&Tensor::zeros(input, &Device::cpu()), &mut Ctx::train(0));
        let text = y.check().unwrap_err().to_string();
        text.lines().next().unwrap_or_default().to_owned()
    };
    let mut names = 0..;
    let mut at = || params.at(format!("l{}", names.next().unwrap()));
    assert_eq!(
        error(&BatchNorm3d::new(at(), 3), &[2, 3, 4, 4]),
        "batch_norm: takes [N, C, D, H, W] with C = 3: input [2, 3, 4, 4]"
    );
    assert_eq!(
        error(&BatchNorm1d::new(at(), 3).momentum(1.5), &[2, 3]),
        "batch_norm: momentum is 1.5; it must be in [0, 1]: input [2, 3]"
    );
    assert_eq!(
        error(&BatchNorm1d::new(at(), 3).affine(false).track_running_stats(false), &[1, 3]),
        "batch_norm: training needs more than one value a channel: input [1, 3]"
    );
    assert_eq!(
        error(&LayerNorm::new(at(), [4, 5]), &[2, 5, 4]),
        "layer_norm: normalises the last axes [4, 5]: input [2, 5, 4]"
    );
    assert_eq!(
        error(&LayerNorm::new(at(), [4]).eps(-1.0), &[2, 4]),
        "layer_norm: eps is -1; it must be finite and at least 0"
    );
    assert_eq!(
        error(&LayerNorm::new(at(), [0; 0]), &[2, 4]),
        "layer_norm: there are no axes to normalise: input [2, 4]"
    );
    assert_eq!(
        error(&RmsNorm::new(at(), [4]), &[4, 2]),
        "rms_norm: normalises the last axes [4]: input [4, 2]"
    );
    assert_eq!(
        error(&RmsNorm::new(at(), [4]).eps(f64::NAN), &[2, 4]),
        "rms_norm: eps is NaN; it must be finite and at least 0"
    );
    assert_eq!(
        error(&GroupNorm::new(at(), 4, 6), &[2, 6, 4]),
        "group_norm: 4 groups do not divide 6 channels"
    );
    assert_eq!(
        error(&GroupNorm::new(at(), 2, 6), &[2, 5, 4]),
        "group_norm: takes [N, C, ..] with C = 6: input [2, 5, 4]"
    );
    assert_eq!(
        error(&InstanceNorm1d::new(at(), 3), &[2, 3, 4, 4]),
        "instance_norm: takes [N, C, L] with C = 3: input [2, 3, 4, 4]"
    );
    assert_eq!(
        error(&InstanceNorm2d::new(at(), 3), &[2, 3, 1, 1]),
        "instance_norm: needs more than one value a channel: input [2, 3, 1, 1]"
    );
    assert_eq!(
        error(&LocalResponseNorm::new(0), &[2, 3, 4]),
        "local_response_norm: the size is 0; it must be at least 1"
    );
    assert_eq!(
        error(&LocalResponseNorm::new(3).beta(f64::INFINITY), &[2, 3, 4]),
        "local_response_norm: beta is inf; it must be finite"
    );
    assert_eq!(
        error(&LocalResponseNorm::new(3), &[2, 3]),
        "local_response_norm: takes [N, C, ..] with at least one axis behind: input [2, 3]"
    );
    params.check().unwrap();
}
