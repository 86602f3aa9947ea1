//! The same seed, device and data give the same bits; another device starts from the same bits and takes the same way.
#![allow(clippy::unwrap_used)]

mod support;

use anygrad::prelude::*;
use support::{bits, devices, gpu, quiet, upload};

/// The model of the example `digits`.
fn digits_model(params: &Params) -> Sequential {
    Sequential::new()
        .then(Conv2d::new(params.at("conv1"), 1, 16, 3).padding(1))
        .then(relu)
        .then(Conv2d::new(params.at("conv2"), 16, 32, 3).padding(1))
        .then(relu)
        .then(MaxPool2d::new(2))
        .then(Flatten)
        .then(Dropout::new(0.25))
        .then(Linear::new(params.at("fc"), 32 * 4 * 4, 10))
}

/// Trains the model of the example and gives the losses, and all that the store then holds.
fn train(device: &Device, steps: usize) -> (Vec<f32>, Vec<(String, Vec<u32>)>) {
    let (data, _) = digits::load().unwrap().split(0.8, 42).unwrap();
    let params = Params::new(device, 42);
    let mut trainer = Trainer::new(digits_model(&params), params, cross_entropy, AdamW::default());
    let fit = Fit {
        batch_size: 32,
        learning_rate: 2e-3,
        steps: Some(steps),
        clip_global_norm: Some(5.0),
        keep_step_losses: true,
        ..quiet()
    };
    let history = trainer.fit(&data, fit).unwrap();
    assert_eq!(history.step_losses().len(), steps);
    (history.step_losses().to_vec(), bits(trainer.params()))
}

#[test]
fn two_runs_on_one_device_give_the_same_bits() {
    for device in devices() {
        let (first, second) = (train(&device, 12), train(&device, 12));
        assert_eq!(first.0, second.0, "losses on {device}");
        assert!(first.1 == second.1, "parameters or state differ on {device}");
    }
}

#[test]
fn one_seed_gives_the_same_weights_batches_and_masks_on_every_device() {
    let Some(gpu) = gpu() else { return };
    let cpu = Device::cpu();
    let initial = |device: &Device| {
        let params = Params::new(device, 7);
        let _model = digits_model(&params);
        bits(&params)
    };
    assert_eq!(initial(&cpu), initial(&gpu));

    let data = digits::load().unwrap();
    let batches = |device: &Device| {
        let batches = data.batches(100).unwrap().shuffled_epoch(7, 3).into_iter();
        let read =
            |(x, labels): (Tensor, Tensor)| (x.to_vec::<f32>().unwrap(), labels.to_vec::<u32>().unwrap());
        batches.map(|batch| read(upload(&batch, device))).collect::<Vec<_>>()
    };
    assert!(batches(&cpu) == batches(&gpu));

    // two layers and two steps: four masks, all different
    let masks = |device: &Device| {
        let steps = [5u64, 6].map(|step| {
            let mut ctx = Ctx::train_step(7, step);
            let x = Tensor::ones([33, 65], device);
            [0.5, 0.1].map(|p| Dropout::new(p).forward(&x, &mut ctx).to_vec::<f32>().unwrap())
        });
        steps.as_flattened().to_vec()
    };
    let (on_cpu, on_gpu) = (masks(&cpu), masks(&gpu));
    assert!(on_cpu == on_gpu);
    for (i, mask) in on_cpu.iter().enumerate() {
        assert!(on_cpu[..i].iter().all(|other| other != mask));
        let kept = mask.iter().filter(|&&x| x != 0.0).count() as f64 / mask.len() as f64;
        // four standard errors
        let p = [0.5, 0.1][i % 2];
        assert!((kept - (1.0 - p)).abs() < 4.0 * (p * (1.0 - p) / mask.len() as f64).sqrt(), "{i}: {kept}");
    }
}

#[test]
fn a_gpu_takes_the_way_of_the_cpu() {
    let Some(gpu) = gpu() else { return };
    let ((on_cpu, _), (on_gpu, _)) = (train(&Device::cpu(), 50), train(&gpu, 50));
    let apart: Vec<f32> = on_cpu.iter().zip(&on_gpu).map(|(a, b)| (a - b).abs() / a.abs()).collect();
    // products are rounded otherwise, and training adds such differences up
    assert!(apart[0] < 1e-5, "{gpu} differs from the CPU by {} in the first step", apart[0]);
    assert!(apart.iter().all(|&apart| apart <= 1e-3), "{gpu} differs from the CPU by {apart:?}");
    assert!(on_cpu[49] < 0.6 * on_cpu[0], "it does not learn: {on_cpu:?}");
}

#[test]
fn an_update_of_adam_is_one_kernel_that_writes_in_place() {
    for device in devices() {
        let params = Params::new(&device, 1);
        let model = Linear::new(params.at("fc"), 32, 16).bias(false);
        let x = Tensor::from_slice(&vec![0.5f32; 8 * 32], [8, 32], &device);
        let y = Tensor::from_slice(&vec![1.0f32; 8 * 16], [8, 16], &device);
        let optimizer = Adam::default();
        optimizer.step(&params, params.grad(&mse(&model.forward(&x, &mut Ctx::eval()), &y)), 0.1).unwrap();

        let loss = mse(&model.forward(&x, &mut Ctx::eval()), &y);
        let gradients = params.grad(&loss);
        optimizer.apply(&params, gradients, 0.1).unwrap();
        let entries: Vec<Tensor> = params.iter().chain(params.state()).map(|entry| entry.tensor).collect();
        let plan = explain(&entries.iter().chain([&loss]).collect::<Vec<_>>()).unwrap();
        let updates: Vec<_> = plan.kernels.iter().filter(|kernel| kernel.ops.contains(&"sqrt")).collect();
        assert_eq!(updates.len(), 1, "{plan}");
        // the weight and both averages; the mean of the loss is in the kernel of its sum
        assert_eq!((updates[0].writes.len(), updates[0].in_place), (3, 3), "{plan}");
    }
}
