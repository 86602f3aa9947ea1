//! `Device::tune` on whole programs: what runs is found, choices survive a file, and numbers stay what they are.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use anygrad::prelude::*;
use support::gpu;

/// A convolution and a product, with their gradients.
fn program(device: &Device) -> Result<Vec<f32>, anygrad::graph::Error> {
    let waves = |count: usize| Tensor::arange(0.0, count as f64, 1.0, DType::F32, device).sin();
    let x = waves(288).reshape([2, 4, 6, 6]);
    let (w, v) = (waves(108).reshape([3, 4, 3, 3]), waves(240).reshape([48, 5]));
    let y = x.conv2d(&w, 1, 0).reshape([2, 48]).relu().matmul(&v);
    let gradients = grad(&y.square().sum_all(), &[&w, &v]);
    let flat: Vec<Tensor> = std::iter::once(&y).chain(&gradients).map(|t| t.flatten(0)).collect();
    Tensor::concat(&flat.iter().collect::<Vec<_>>(), 0).to_vec()
}

#[test]
fn a_program_is_tuned_and_the_choices_go_through_a_file() {
    let Some(device) = gpu() else { return };
    let before = program(&device).unwrap();
    let misses = device.stats().plan_misses;
    let (numbers, tuning) = device.tune(|| program(&device)).unwrap();
    assert_eq!(numbers.unwrap(), before);
    // the forward convolution and its weight gradient, the product and both its gradients
    assert!(tuning.cases.len() >= 5, "{tuning}");
    for tuned in &tuning.cases {
        assert!(tuned.wrong.is_empty(), "{tuned}");
    }
    let after = program(&device).unwrap();
    assert!(device.stats().plan_misses >= misses + 2, "planned anew to be heard, and with what was chosen");
    let near = |x: &f32, y: &f32| (x - y).abs() <= 1e-5 * y.abs().max(1.0);
    assert!(after.iter().zip(&before).all(|(x, y)| near(x, y)), "{before:?}\n{after:?}");
    assert_eq!(program(&device).unwrap(), after);

    let file = std::env::temp_dir().join(format!("anygrad-tune-{}.txt", std::process::id()));
    device.save_tuning(&file).unwrap();
    let another = gpu().unwrap();
    assert_eq!(program(&another).unwrap(), before, "another device is not tuned");
    let changed = tuning.cases.iter().filter(|tuned| tuned.best.variant != tuned.default.variant).count();
    assert_eq!(another.load_tuning(&file).unwrap(), changed);
    assert_eq!(program(&another).unwrap(), after, "the same choices, the same bits");
    std::fs::remove_file(&file).unwrap();
    let error = another.load_tuning(&file).unwrap_err().to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
}

#[test]
fn the_cpu_has_nothing_to_tune() {
    let device = Device::cpu();
    let (sum, tuning) = device.tune(|| Tensor::ones([3], &device).sum_all().item()).unwrap();
    assert_eq!(sum.unwrap(), 3.0);
    assert!(tuning.cases.is_empty());
    assert!(device.load_tuning("tuned.txt").unwrap_err().to_string().contains("CPU"));
    assert!(device.save_tuning("tuned.txt").is_err());
}
