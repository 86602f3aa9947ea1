//! Exponential averages of weights; `golden/optimizers.py` makes the numbers.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::Device;
use anygrad_nn::*;
use common::golden::everywhere;
use common::regression::{GOLDEN, error_of, model};
use common::{close, tensor, values};

#[test]
fn averages_of_weights_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let (expected, _) = golden.numbers("ema");
        for corrected in [false, true] {
            let (params, fc) = model(golden);
            let mut ema = Ema::new(&params, 0.9).unwrap();
            if corrected {
                ema = ema.corrected();
            }
            for step in 0..10 {
                let loss = error_of(golden, &fc);
                Sgd::default().apply(&params, params.grad(&loss), 0.3).unwrap();
                ema.update().unwrap();
                params.eval(&[&loss]).unwrap();
                let at = step * 12 + if corrected { 6 } else { 0 };
                let average = values(&ema.get("weight").unwrap());
                close("average", &average, &expected[at..at + 6], golden.tolerance);
            }
        }
    });
}

#[test]
fn averages_take_the_place_of_weights_and_back() {
    let params = Params::new(&Device::cpu(), 0);
    let w = params.at("").parameter("w", [1], Init::Ones);
    let still = params.at("").parameter("still", [1], Init::Ones);
    params.freeze("still").unwrap();
    let ema = Ema::new(&params, 0.5).unwrap();
    let step = |ema: &Ema| {
        let loss = (w.tensor() * still.tensor()).sum_all();
        Sgd::default().apply(&params, params.grad(&loss), 1.0).unwrap();
        ema.update().unwrap();
        params.eval(&[]).unwrap();
    };
    step(&ema);
    step(&ema);
    // 1, 0, −1: averages 1, 0.5, −0.25
    assert_eq!(values(&w.tensor()), [-1.0]);
    assert_eq!(ema.evaluate(|| values(&w.tensor())).unwrap(), [-0.25]);
    assert_eq!(values(&w.tensor()), [-1.0]);
    assert!(ema.get("still").is_none());
    ema.swap().unwrap();
    assert_eq!(values(&w.tensor()), [-0.25]);
    let error = ema.update().unwrap_err().to_string();
    assert_eq!(error, "Ema: the averages are in the place of the weights; swap them back first");
    assert!(ema.evaluate(|| ()).is_err());
    ema.swap().unwrap();
    step(&ema);
    assert_eq!((values(&w.tensor()), values(&ema.get("w").unwrap())), (vec![-2.0], vec![-1.125]));
    for decay in [1.0, -0.1, f64::NAN] {
        let error = Ema::new(&params, decay).unwrap_err().to_string();
        assert_eq!(error, format!("Ema: decay is {decay}; it must be in [0, 1)"));
    }
}

#[test]
fn an_optimizer_with_averages_around_it_updates_them_in_its_step() {
    let run = |around: bool| {
        let params = Params::new(&Device::cpu(), 0);
        let fc = Linear::new(params.at("fc"), 2, 1);
        let ema = Ema::new(&params, 0.9).unwrap();
        let adam = Adam::default();
        let optimizer: Box<dyn Optimizer> = if around { Box::new(ema.around(adam)) } else { Box::new(adam) };
        for step in 0..4u8 {
            let x = tensor(&[1.0, f32::from(step)], [1, 2]);
            let loss = fc.forward(&x, &mut Ctx::train(0)).square().sum_all();
            optimizer.apply(&params, params.grad(&loss), 0.1).unwrap();
            if !around {
                ema.update().unwrap();
            }
            params.eval(&[&loss]).unwrap();
        }
        values(&ema.get("fc.weight").unwrap())
    };
    assert_eq!(run(true), run(false));

    let (params, other) = (Params::new(&Device::cpu(), 0), Params::new(&Device::cpu(), 0));
    let w = params.at("").parameter("w", [1], Init::Ones);
    let ema = Ema::new(&params, 0.5).unwrap();
    let text = |optimizer: &dyn Optimizer| {
        optimizer.step(&params, params.grad(&w.tensor().sum_all()), 0.1).unwrap_err().to_string()
    };
    // it would be silent otherwise
    let error = text(&Groups::new(ema.around(Sgd::default())));
    assert!(error.starts_with("Ema::around: goes around all other wrappers"), "{error}");
    let error = text(&Ema::new(&other, 0.5).unwrap().around(Sgd::default()));
    assert_eq!(error, "Ema: the averages are of other parameters than those of the step");
    let around = ema.around(Groups::new(Sgd::default()));
    ema.swap().unwrap();
    assert!(text(&around).starts_with("Ema: the averages are in the place of the weights"));
    ema.swap().unwrap();
    assert_eq!(values(&w.tensor()), [1.0]);
    around.step(&params, params.grad(&w.tensor().sum_all()), 0.5).unwrap();
    assert_eq!((values(&w.tensor()), values(&ema.get("w").unwrap())), (vec![0.5], vec![0.75]));
}

#[test]
fn checkpoints_hold_the_averages() {
    let file = std::env::temp_dir().join(format!("anygrad-ema-{}.safetensors", std::process::id()));
    let run = |from: Option<&std::path::Path>, steps: std::ops::Range<u64>| {
        let params = Params::new(&Device::cpu(), 0);
        let fc = Linear::new(params.at("fc"), 2, 1);
        if let Some(file) = from {
            params.load(file).unwrap();
        }
        let ema = Ema::new(&params, 0.9).unwrap().corrected();
        for step in steps {
            let loss =
                fc.forward(&tensor(&[1.0, step as f32], [1, 2]), &mut Ctx::train(0)).square().sum_all();
            Adam::default().apply(&params, params.grad(&loss), 0.1).unwrap();
            ema.update().unwrap();
            params.eval(&[&loss]).unwrap();
        }
        (params, ema)
    };
    let (_, whole) = run(None, 0..6);
    run(None, 0..3).0.save_with_state(&file).unwrap();
    let (_, resumed) = run(Some(&file), 3..6);
    std::fs::remove_file(&file).unwrap();
    let bits = |ema: &Ema| ema.get("fc.weight").unwrap().to_vec::<f32>().unwrap();
    assert_eq!(bits(&whole), bits(&resumed));
}
