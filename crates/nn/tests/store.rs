//! The store: paths, initial values, freezing, setting.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Tensor};
use anygrad_nn::*;
use common::{tensor, values};

fn params() -> Params {
    Params::new(&Device::cpu(), 42)
}

fn vector(params: &Params, path: &str) -> Vec<f32> {
    params.get(path).unwrap().to_vec().unwrap()
}

#[test]
fn entries_keep_the_order_in_which_they_were_made() {
    let params = params();
    let model = params.at("model");
    let _fc2 = Linear::new(model.at("fc2"), 3, 2);
    let _norm = BatchNorm1d::new(model.at("norm"), 2);
    let _fc1 = Linear::new(params.at("model.fc1"), 2, 2).bias(false);
    let paths: Vec<String> = params.iter().map(|entry| entry.path.to_string()).collect();
    assert_eq!(
        paths,
        [
            "model.fc2.weight",
            "model.fc2.bias",
            "model.norm.weight",
            "model.norm.bias",
            "model.norm.running_mean",
            "model.norm.running_var",
            "model.norm.num_batches_tracked",
            "model.fc1.weight"
        ]
    );
    assert_eq!(params.len(), 8);
    // 6 + 2 of fc2, 2 + 2 of norm, 4 of fc1; averages are no parameters
    assert_eq!(params.count(), 16);
    assert_eq!(params.get("model.fc1.bias").map(|_| ()), None);
}

#[test]
fn initial_values_depend_on_seed_and_path_alone() {
    let alone = params();
    let _fc = Linear::new(alone.at("fc"), 5, 3);
    let among = params();
    let _conv = Conv2d::new(among.at("conv"), 1, 2, 3);
    let _fc = Linear::new(among.at("fc"), 5, 3);
    assert_eq!(vector(&alone, "fc.weight"), vector(&among, "fc.weight"));
    let other = Params::new(&Device::cpu(), 43);
    let _fc = Linear::new(other.at("fc"), 5, 3);
    assert_ne!(vector(&alone, "fc.weight"), vector(&other, "fc.weight"));
    // the first bits are part of what a seed means, and must not change between versions
    assert_eq!(vector(&alone, "fc.bias").map_bits(), FIRST_BIAS, "{:?}", vector(&alone, "fc.bias"));
    let bound = 1.0 / 5f32.sqrt();
    assert!(vector(&alone, "fc.weight").iter().all(|w| w.abs() <= bound));
}

trait Bits {
    fn map_bits(&self) -> Vec<u32>;
}

impl Bits for Vec<f32> {
    fn map_bits(&self) -> Vec<u32> {
        self.iter().map(|x| x.to_bits()).collect()
    }
}

/// From `golden/first_values.py`.
const FIRST_BIAS: [u32; 3] = [3187040739, 3201371169, 3188567216];

#[test]
fn an_f64_store_has_the_same_values() {
    let double = Params::with_dtype(&Device::cpu(), 42, DType::F64);
    let _fc = Linear::new(double.at("fc"), 5, 3).init(Init::HeNormal);
    let single = params();
    let _fc = Linear::new(single.at("fc"), 5, 3).init(Init::HeNormal);
    let rounded: Vec<f32> = values(&double.get("fc.weight").unwrap()).iter().map(|&x| x as f32).collect();
    assert_eq!(rounded, vector(&single, "fc.weight"));
}

#[test]
fn initialisers_fill_what_they_say() {
    let params = params();
    let path = params.at("p");
    let made =
        |name: &str, init: Init| path.parameter(name, [40, 50], init).tensor().to_vec::<f32>().unwrap();
    assert!(made("zeros", Init::Zeros).iter().all(|&x| x == 0.0));
    assert!(made("ones", Init::Ones).iter().all(|&x| x == 1.0));
    assert!(made("constant", Init::Constant(0.25)).iter().all(|&x| x == 0.25));
    let uniform = made("uniform", Init::Uniform { low: 2.0, high: 3.0 });
    assert!(uniform.iter().all(|x| (2.0..3.0).contains(x)));
    let deviation = |values: &[f32]| {
        let n = values.len() as f32;
        let mean = values.iter().sum::<f32>() / n;
        (values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / n).sqrt()
    };
    // within four standard errors, 4/√(2·2000) = 6 %
    for (name, init, expected) in [
        ("normal", Init::Normal { mean: 1.0, deviation: 0.5 }, 0.5),
        ("xavier_uniform", Init::XavierUniform, (2.0f32 / 90.0).sqrt()),
        ("xavier_normal", Init::XavierNormal, (2.0f32 / 90.0).sqrt()),
        ("he_uniform", Init::HeUniform, (2.0f32 / 50.0).sqrt()),
        ("he_normal", Init::HeNormal, (2.0f32 / 50.0).sqrt()),
        ("fan_in", Init::FanInUniform, (1.0f32 / 150.0).sqrt()),
    ] {
        let found = deviation(&made(name, init));
        assert!((found / expected - 1.0).abs() < 0.07, "{name}: {found} instead of {expected}");
    }
}

#[test]
fn a_path_used_twice_poisons_the_store() {
    let params = params();
    let first = Linear::new(params.at("fc"), 2, 2);
    let _second = Linear::new(params.at("fc"), 2, 3);
    let text = "params: the path fc.weight is used twice";
    assert_eq!(params.check().unwrap_err().to_string(), text);
    let loss = first.forward(&tensor(&[1.0, 2.0], [1, 2]), &mut Ctx::train(0)).sum_all();
    assert!(loss.check().unwrap_err().to_string().contains(text));
    let error = Sgd::default().step(&params, params.grad(&loss), 0.1).unwrap_err();
    assert_eq!(error.to_string(), text);
}

#[test]
fn values_that_cannot_be_made_poison_the_store() {
    let text = |init: Init, shape: &[usize]| {
        let params = params();
        let _p = params.at("p").parameter("weight", shape, init);
        params.check().unwrap_err().to_string()
    };
    assert!(text(Init::HeNormal, &[3]).starts_with("params: p.weight [3]: fans are defined"));
    assert_eq!(
        text(Init::Zeros, &[usize::MAX, 2]),
        format!("params: p.weight [{}, 2]: has 2^32 elements or more", usize::MAX)
    );
    let ints = Params::with_dtype(&Device::cpu(), 0, DType::I32);
    assert_eq!(ints.check().unwrap_err().to_string(), "params: parameters are floats, not i32");
}

#[test]
fn set_takes_what_fits() {
    let params = params();
    let fc = Linear::new(params.at("fc"), 2, 1);
    params.set("fc.weight", &(tensor(&[1.0, 2.0], [1, 2]) * 2.0)).unwrap();
    params.set("fc.bias", &tensor(&[0.5], [1])).unwrap();
    let y = fc.forward(&tensor(&[1.0, 10.0], [1, 2]), &mut Ctx::eval());
    assert_eq!(y.item().unwrap(), 42.5);
    let error = |path: &str, value: &Tensor| params.set(path, value).unwrap_err().to_string();
    assert_eq!(
        error("fc.weight", &tensor(&[1.0, 2.0], [2, 1])),
        "set: fc.weight is f32 [1, 2], not f32 [2, 1]"
    );
    assert_eq!(
        error("fc.bias", &Tensor::from_slice(&[1i32], [1], &Device::cpu())),
        "set: fc.bias is f32 [1], not i32 [1]"
    );
    assert_eq!(error("fc.scale", &tensor(&[1.0], [1])), "params: there is no fc.scale");
    assert_eq!(vector(&params, "fc.weight"), [2.0, 4.0]);
}

#[test]
fn frozen_parameters_stay_as_they_are() {
    let params = params();
    let model = Sequential::new().then(Linear::new(params.at("body.fc"), 3, 4)).then(tanh).then(Linear::new(
        params.at("head.fc"),
        4,
        1,
    ));
    assert_eq!(params.freeze("body*").unwrap(), 2);
    assert_eq!(
        params.freeze("tail*").unwrap_err().to_string(),
        "params: no parameter's path fits the pattern \"tail*\""
    );
    let (body, head) = (vector(&params, "body.fc.weight"), vector(&params, "head.fc.weight"));
    let step = || {
        let loss = model.forward(&tensor(&[1.0, -1.0, 0.5], [1, 3]), &mut Ctx::train(0)).square().sum_all();
        let gradients = params.grad(&loss);
        let count = gradients.len();
        Adam::default().step(&params, gradients, 0.1).unwrap();
        count
    };
    assert_eq!(step(), 2);
    assert_eq!(vector(&params, "body.fc.weight").map_bits(), body.map_bits());
    assert_ne!(vector(&params, "head.fc.weight"), head);
    assert!(params.state().all(|entry| entry.path.starts_with("optimizer.head.")));
    assert_eq!(params.unfreeze("*").unwrap(), 4);
    assert_eq!(step(), 4);
    assert_ne!(vector(&params, "body.fc.weight"), body);
}
