//! What the lists of cases cannot say: conventions at kinks, conversions, and what has no gradient.

use anygrad_graph::{DType, Device, Rng, Tensor, eval, grad};

use crate::devices::{alone, gpu};

/// The CPU, and the GPU if there is one.
fn everywhere(check: impl Fn(&Device)) {
    check(&Device::cpu());
    if let Some(device) = gpu() {
        alone(|| check(device));
    }
}

fn line(values: &[f32], device: &Device) -> Tensor {
    Tensor::from_slice(values, [values.len()], device)
}

fn slope(y: &Tensor, x: &Tensor) -> Vec<f32> {
    grad(&y.sum_all(), &[x])[0].to_vec().unwrap()
}

#[test]
fn gradients_at_kinks_are_as_documented() {
    everywhere(|device| {
        let x = || line(&[-1.0, -0.5, 0.0, 1.0, 2.0], device);
        let of = |f: &dyn Fn(&Tensor) -> Tensor| {
            let x = x();
            slope(&f(&x), &x)
        };
        assert_eq!(of(&|x| x.relu()), [0.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!(of(&|x| x.abs()), [-1.0, -1.0, 0.0, 1.0, 1.0]);
        assert_eq!(of(&|x| x.clamp(-0.5, 1.0)), [0.0, 1.0, 1.0, 1.0, 0.0]);
        assert_eq!(of(&|x| x.maximum(0.0)), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert_eq!(of(&|x| x.minimum(0.0)), [1.0, 1.0, 0.5, 0.0, 0.0]);
        assert_eq!(of(&|x| x.floor() + x.ceil() + x.round() + x.sign()), [0.0; 5]);
        assert_eq!(of(&|x| x.pow(0.0)), [0.0; 5]);
        assert_eq!(of(&|x| x.pow(2.0)), [-2.0, -1.0, 0.0, 2.0, 4.0]);
        assert_eq!(of(&|x| x.maximum(x)), [1.0; 5]);
        let ties = line(&[2.0, 2.0, 1.0, 2.0], device);
        let third = 1.0f32 / 3.0;
        assert_eq!(slope(&ties.max(&[0]), &ties), [third, third, 0.0, third]);
    });
}

#[test]
fn gradients_pass_between_floats_and_stop_at_integers() {
    let cpu = Device::cpu();
    let x = Tensor::from_slice(&[1.5f64, -2.25], [2], &cpu);
    let g = grad(&x.to_dtype(DType::F32).square().to_dtype(DType::F64).sum_all(), &[&x]);
    assert_eq!(g[0].to_vec::<f64>().unwrap(), [3.0, -4.5]);
    everywhere(|device| {
        let x = line(&[1.5, -2.25], device);
        let y = x.to_dtype(DType::I32).to_dtype(DType::F32).sum_all();
        let error = grad(&y, &[&x])[0].check().unwrap_err().to_string();
        assert!(error.starts_with("grad: the loss does not depend on leaf at "), "{error}");
        let y = (&x * x.stop_gradient()).sum_all();
        assert_eq!(grad(&y, &[&x])[0].to_vec::<f32>().unwrap(), [1.5, -2.25]);
    });
}

#[test]
fn f64_is_refused_off_the_cpu() {
    let Some(device) = gpu() else { return };
    let wanted = format!("dtype: f64 is computed on the CPU device only, not on {device}");
    let made = [
        Tensor::from_slice(&[1.0f64], [1], device),
        Tensor::number(1.0, DType::F64, device),
        Tensor::from_slice(&[1.0f64], [1], &Device::cpu()).to(device),
    ];
    for t in made {
        assert_eq!(t.check().unwrap_err().to_string(), wanted);
    }
    let converted = line(&[1.0], device).to_dtype(DType::F64);
    assert!(eval(&[&converted]).is_err());
}

#[test]
fn random_bits_are_the_same_on_every_device() {
    let draw = |device: &Device| {
        let mut rng = Rng::new(42);
        let bits = rng.bits([3, 333], device).to_vec::<u32>().unwrap();
        let uniform = rng.uniform([1000], device).to_vec::<f32>().unwrap();
        (bits, uniform, rng.bernoulli(0.25, [1000], device).to_vec::<bool>().unwrap())
    };
    let (bits, uniform, mask) = draw(&Device::cpu());
    assert!(uniform.iter().all(|u| (0.0..1.0).contains(u)));
    let mean = f64::from(uniform.iter().sum::<f32>()) / 1000.0;
    assert!((mean - 0.5).abs() < 0.03, "{mean}");
    let share = mask.iter().filter(|&&m| m).count();
    assert!((200..300).contains(&share), "{share}");
    if let Some(device) = gpu() {
        alone(|| assert!(draw(device) == (bits, uniform, mask)));
    }
}

#[test]
fn values_move_between_devices_as_they_are() {
    let Some(device) = gpu() else { return };
    alone(|| {
        let values = [f32::NAN, f32::INFINITY, -0.0, 1e-30, 3.5];
        let back = line(&values, &Device::cpu()).to(device).to(&Device::cpu()).to_vec::<f32>().unwrap();
        assert_eq!(back.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), values.map(f32::to_bits));
    });
}

#[test]
fn the_front_of_a_value_that_is_dropped_is_not_taken_for_all_of_it() {
    everywhere(|device| {
        let front = |x: Tensor| x.slice(0, 0, 2).exp() * 0.0 + 1.0;
        let y = front(line(&[1.0, 2.0, 3.0, 4.0, 5.0], device));
        assert_eq!(y.to_vec::<f32>().unwrap(), [1.0, 1.0]);
    });
}
