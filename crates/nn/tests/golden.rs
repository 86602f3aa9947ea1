//! Layers, losses and optimizers against numbers from PyTorch; `golden/make.py` makes them.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, grad};
use anygrad_nn::*;
use common::golden::{Golden, everywhere};
use common::{close, values};

const GOLDEN: &[u8] = include_bytes!("golden/golden.safetensors");

#[test]
fn linear_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let params = golden.params();
        let fc = Linear::new(params.at(""), 3, 2);
        golden.layer("linear", &params, &fc, &mut Ctx::train(0));
    });
}

#[test]
fn conv2d_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let params = golden.params();
        let conv = Conv2d::new(params.at(""), 4, 6, 3).stride(2).padding(1).groups(2);
        golden.layer("conv", &params, &conv, &mut Ctx::train(0));
        let params = golden.params();
        let conv = Conv2d::new(params.at(""), 1, 2, 2).dilation(2);
        golden.layer("dilated", &params, &conv, &mut Ctx::train(0));
    });
}

#[test]
fn batch_norm_is_pytorchs_in_training_and_in_evaluation() {
    everywhere(GOLDEN, |golden| {
        let params = golden.params();
        let norm = BatchNorm2d::new(params.at(""), 2);
        let mut ctx = Ctx::train(0);
        golden.layer("norm", &params, &norm, &mut ctx);
        let second = golden.tensor("norm.second");
        norm.forward(&second, &mut ctx).check().unwrap();
        // the averages count before they are computed, and after
        golden.check("norm.eval", &norm.forward(&second, &mut Ctx::eval()));
        params.eval(&[]).unwrap();
        golden.check("norm.eval", &norm.forward(&second, &mut Ctx::eval()));
        golden.check("norm.running_mean", &params.get("running_mean").unwrap());
        golden.check("norm.running_var", &params.get("running_var").unwrap());
        assert_eq!(params.get("num_batches_tracked").unwrap().to_vec::<i32>().unwrap(), [2]);
    });
}

#[test]
fn cross_entropy_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        for name in ["cross_entropy", "pixels"] {
            let logits = golden.tensor(&format!("{name}.logits"));
            let labels = golden.tensor(&format!("{name}.labels"));
            for labels in [labels.to_dtype(DType::U32), labels.to_dtype(DType::I32)] {
                let loss = cross_entropy(&logits, &labels);
                let gradient = grad(&loss, &[&logits]).remove(0);
                golden.check(&format!("{name}.loss"), &loss);
                golden.check(&format!("{name}.dlogits"), &gradient);
            }
        }
    });
}

#[test]
fn activations_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        for name in [
            "leaky_relu",
            "elu",
            "softplus",
            "log_sigmoid",
            "silu",
            "gelu",
            "gelu_tanh",
            "relu6",
            "selu",
            "celu",
            "mish",
            "softsign",
            "hard_tanh",
            "hard_sigmoid",
            "hard_swish",
        ] {
            let rows = golden.tensor(&format!("activation.{name}"));
            let x = rows.slice(0, 0, 1).detached().unwrap();
            let y = activation(name).unwrap()(&x);
            let gradient = grad(&y.sum_all(), &[&x]).remove(0);
            let tolerance = golden.tolerance;
            close(name, &values(&y), &values(&rows.slice(0, 1, 1)), tolerance);
            close(&format!("{name}'"), &values(&gradient), &values(&rows.slice(0, 2, 1)), tolerance);
        }
    });
}

/// Ten steps of linear regression with a rate that falls, from the golden start.
fn steps(golden: &Golden, name: &str, optimizer: &dyn Optimizer) {
    let params = golden.params();
    let fc = Linear::new(params.at(""), 3, 2).bias(false);
    params.set("weight", &golden.tensor("steps.start")).unwrap();
    let (x, t) = (golden.tensor("steps.x"), golden.tensor("steps.t"));
    let mut ctx = Ctx::train(0);
    let mut path = Vec::new();
    for step in 0..10 {
        let loss = mse(&fc.forward(&x, &mut ctx), &t);
        optimizer.step(&params, params.grad(&loss), 0.1 * 0.8f64.powi(step)).unwrap();
        path.extend(values(&params.get("weight").unwrap()));
    }
    close(name, &path, &golden.numbers(&format!("steps.{name}")).0, golden.tolerance);
}

#[test]
fn optimizers_take_pytorchs_steps() {
    everywhere(GOLDEN, |golden| {
        steps(golden, "sgd", &Sgd::default());
        steps(golden, "momentum", &Sgd { momentum: 0.9, weight_decay: 0.01, ..Sgd::default() });
        steps(golden, "nesterov", &Sgd { momentum: 0.9, nesterov: true, ..Sgd::default() });
        steps(golden, "adam", &Adam { weight_decay: 0.1, ..Adam::default() });
        steps(golden, "adamw", &AdamW::default());
        steps(golden, "rmsprop", &RmsProp::default());
        steps(golden, "adagrad", &AdaGrad::default());
        steps(golden, "adagrad initial", &AdaGrad { initial: 0.1, eps: 1e-7, ..AdaGrad::default() });
        let centred = RmsProp { alpha: 0.9, momentum: 0.8, centred: true, ..RmsProp::default() };
        steps(golden, "rmsprop centred", &centred);
        let keras = RmsProp { alpha: 0.9, eps: 1e-7, eps_inside: true, ..RmsProp::default() };
        steps(golden, "rmsprop inside", &keras);
        steps(golden, "adadelta", &AdaDelta::default());
        steps(golden, "adamax", &AdaMax::default());
        steps(golden, "nadam", &Nadam::default());
        steps(golden, "radam", &RAdam::default());
        steps(golden, "amsgrad", &AdamW { amsgrad: true, beta1: 0.5, beta2: 0.6, ..AdamW::default() });
        steps(golden, "lion", &Lion { weight_decay: 0.1, ..Lion::default() });
        steps(golden, "lamb", &Lamb::default());
        steps(golden, "ftrl", &Ftrl { l1: 0.3, l2: 0.1, ..Ftrl::default() });
    });
}
