//! Mixed precision, updates that the device decides about, and going back to a snapshot.

#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Tensor};
use anygrad_nn::*;
use common::devices::gpu;

fn devices() -> Vec<Device> {
    std::iter::once(Device::cpu()).chain(gpu()).collect()
}

fn bits(params: &Params) -> Vec<(String, Vec<u64>)> {
    let words = |e: Entry| match e.tensor.dtype() {
        DType::F32 => e.tensor.to_vec::<f32>().unwrap().iter().map(|x| u64::from(x.to_bits())).collect(),
        _ => e.tensor.to_vec::<i32>().unwrap().iter().map(|&x| x as u64).collect::<Vec<u64>>(),
    };
    params.iter().chain(params.state()).map(|e| (e.path.to_string(), words(e))).collect()
}

fn model(params: &Params) -> Sequential {
    Sequential::new()
        .then(Linear::new(params.at("fc1"), 3, 4))
        .then(BatchNorm1d::new(params.at("norm"), 4))
        .then(relu)
        .then(Linear::new(params.at("fc2"), 4, 1))
}

fn batch(device: &Device, scale: f32) -> (Tensor, Tensor) {
    let x: Vec<f32> = (0..15).map(|i| scale * ((i * 7 % 11) as f32 / 11.0 - 0.4)).collect();
    (Tensor::from_slice(&x, [5, 3], device), Tensor::ones([5, 1], device))
}

#[test]
fn a_snapshot_brings_every_bit_back() {
    for device in devices() {
        let params = Params::new(&device, 3);
        let model = model(&params);
        let optimizer = Adam::default();
        let step = |at: u64| {
            let (x, y) = batch(&device, 1.0);
            let loss = mse(&model.forward(&x, &mut Ctx::train_step(1, at)), &y);
            optimizer.step(&params, params.grad(&loss), 0.05).unwrap();
        };
        // words that arithmetic would change: a subnormal number, -0
        let odd = Tensor::from_slice(&[f32::from_bits(1), -0.0, f32::MIN_POSITIVE, 1.0], [1, 4], &device);
        params.set("fc2.weight", &odd).unwrap();
        let (fresh, first) = (params.snapshot().unwrap(), bits(&params));
        step(0);
        let (later, second) = (params.snapshot().unwrap(), bits(&params));
        step(1);
        let third = bits(&params);
        assert!(first.len() < second.len() && second != third);
        for _ in 0..2 {
            params.restore(&later).unwrap();
            assert_eq!(bits(&params), second);
            // the count of updates is back, too: Adam's corrections are those of the second step
            step(1);
            assert_eq!(bits(&params), third);
        }
        params.restore(&fresh).unwrap();
        assert_eq!(bits(&params), first);
        params.restore(&later).unwrap();
        assert_eq!(bits(&params), second, "optimizer state that was gone is there again");

        let other = Params::new(&device, 3);
        let _fc = Linear::new(other.at("fc"), 2, 2);
        assert_eq!(other.restore(&fresh).unwrap_err().to_string(), "params: there is no fc1.weight");
        let _same = Linear::new(other.at("fc1"), 4, 4);
        let message = other.restore(&fresh).unwrap_err().to_string();
        assert!(message.contains("fc1.weight is f32 [4, 4], not f32 [4, 3]"), "{message}");
    }
}

#[test]
fn a_step_whose_gradients_are_no_numbers_changes_nothing() {
    for device in devices() {
        let params = Params::new(&device, 3);
        let model = model(&params);
        let step = |scale: f32, at: u64| {
            let (x, y) = batch(&device, scale);
            let loss = mse(&model.forward(&x, &mut Ctx::train_step(1, at)), &y);
            let gradients = params.grad(&loss);
            let finite = gradients.all_finite();
            params.only_if(&finite, || Adam::default().apply(&params, gradients, 0.05)).unwrap();
            params.eval(&[&finite]).unwrap();
            finite.to_vec::<bool>().unwrap()[0]
        };
        let first = bits(&params);
        assert!(!step(f32::INFINITY, 0), "the first step, which makes the optimizer's state");
        let zeros: Vec<_> = bits(&params).split_off(first.len());
        assert_eq!(bits(&params)[..first.len()], first);
        assert!(zeros.iter().all(|(_, words)| words.iter().all(|&word| word == 0)));
        assert!(step(1.0, 1));
        let second = bits(&params);
        assert_ne!(second[..first.len()], first);
        assert!(!step(f32::NAN, 2));
        assert_eq!(bits(&params), second, "parameters, running averages and moments");
        let truth = Tensor::ones([2], &device);
        let message = params.only_if(&truth, || Ok(())).unwrap_err().to_string();
        assert_eq!(message, "only_if: the condition is f32 [2], not a bool scalar");
    }
}

#[test]
fn an_overflow_halves_the_scale_and_many_good_steps_double_it() {
    for device in devices() {
        let params = Params::new(&device, 3);
        let model = model(&params);
        let mut scale = LossScale::new(&device).starting_at([2f64.powi(24), 0.0]).unwrap().interval(3);
        let mut seen = Vec::new();
        let mut losses = Vec::new();
        for at in 0..12 {
            let before = bits(&params);
            let (x, y) = batch(&device, 1.0);
            let x = x.to_dtype(DType::F16);
            let output = autocast(DType::F16, || model.forward(&x, &mut Ctx::train_step(1, at)));
            assert_eq!(output.dtype(), DType::F16);
            let loss = mse(&output.to_dtype(DType::F32), &y);
            let gradients = scale.unscaled(params.grad(&scale.scaled(&loss)));
            scale.apply(&Sgd::default(), &params, gradients, 0.05).unwrap();
            let [a, b] = scale.tensors();
            params.eval(&[a, b, &loss]).unwrap();
            let last = seen.last().copied().unwrap_or([2f64.powi(24), 0.0]);
            let now = scale.read().unwrap();
            assert_eq!(
                now[0] < last[0],
                bits(&params) == before,
                "a step is skipped where the scale is halved"
            );
            seen.push(now);
            losses.push(loss.item().unwrap());
        }
        // the gradient of the output, 2·(y − t)/5·scale, leaves f16 at first
        assert_eq!(seen[0], [2f64.powi(23), 0.0]);
        assert!(seen.iter().any(|now| now[1] == 2.0), "{seen:?}");
        assert!(seen.windows(2).any(|pair| pair[1][0] == 2.0 * pair[0][0] && pair[1][1] == 0.0), "{seen:?}");
        assert!(losses.last() < losses.first());
        assert!(LossScale::new(&device).starting_at([0.0, 0.0]).is_err());
    }
}

#[test]
fn gradients_through_f16_are_near_those_of_f32_and_averages_stay_f32() {
    for device in devices() {
        let gradients = |half: bool| {
            let params = Params::new(&device, 3);
            let model = model(&params);
            let (x, y) = batch(&device, 1.0);
            let mut ctx = Ctx::train(0);
            let output = match half {
                true => autocast(DType::F16, || model.forward(&x.to_dtype(DType::F16), &mut ctx)),
                false => model.forward(&x, &mut ctx),
            };
            let gradients = params.grad(&mse(&output.to_dtype(DType::F32), &y));
            let values: Vec<f32> = gradients.iter().flat_map(|(_, g)| g.to_vec::<f32>().unwrap()).collect();
            params.eval(&[]).unwrap();
            (values, params.get("norm.running_mean").unwrap().to_vec::<f32>().unwrap())
        };
        let ((full, mean), (half, near)) = (gradients(false), gradients(true));
        let largest = full.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        for (a, b) in full.iter().zip(&half) {
            assert!((a - b).abs() < 0.01 * largest, "{a} {b}");
        }
        assert_ne!(full, half);
        for (a, b) in mean.iter().zip(&near) {
            assert!(*a != 0.0 && (a - b).abs() < 1e-3 * a.abs().max(0.1), "{a} {b}");
        }
    }
}
