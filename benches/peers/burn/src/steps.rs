//! Whole training steps.

use burn::nn::loss::{CrossEntropyLossConfig, MseLoss, Reduction};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};

use crate::models::{Forward, LastState, LeNet, Mlp, ResNet, Tiny, Transformer};
use crate::protocol::Workload;

/// The training step, or none of that name.
pub fn step(name: &str, device: &Device) -> Option<Workload> {
    let device = &device.clone().autodiff();
    Some(match name {
        "MLP" => classify(Mlp::new(device), adam(), [128, 784], device),
        "LeNet" => classify(LeNet::new(device), momentum(), [64, 1, 28, 28], device),
        "ResNet-18" => classify(ResNet::new(device), momentum(), [16, 3, 32, 32], device),
        "LSTM" => classify(LastState::new(device), SgdConfig::new().init(), [32, 50, 64], device),
        "Transformer" => classify(Transformer::new(device), adam(), [16, 64, 128], device),
        "2-16-1" => {
            let x = Tensor::<2>::from_floats([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], device);
            let y = Tensor::<2>::from_floats([[0.0], [1.0], [1.0], [0.0]], device);
            let loss = move |output| MseLoss::new().forward(output, y.clone(), Reduction::Mean);
            train(Tiny::new(device), SgdConfig::new().init(), 0.1, x, loss, device)
        }
        _ => return None,
    })
}

fn adam() -> ModuleOptimizer {
    AdamConfig::new().with_epsilon(1e-8).init()
}

fn momentum() -> ModuleOptimizer {
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    SgdConfig::new().with_momentum(Some(momentum)).init()
}

fn classify<const D: usize>(
    model: impl Forward<D> + 'static,
    optimizer: ModuleOptimizer,
    shape: [usize; D],
    device: &Device,
) -> Workload {
    let x = Tensor::<D>::random(shape, Distribution::Uniform(0.0, 1.0), device);
    let classes: Vec<i32> = (0..shape[0] as i32).map(|i| i % 10).collect();
    let labels = Tensor::<1, Int>::from_ints(TensorData::new(classes, [shape[0]]), device);
    let loss = CrossEntropyLossConfig::new().init(device);
    train(model, optimizer, 1e-3, x, move |output| loss.forward(output, labels.clone()), device)
}

fn train<const D: usize>(
    model: impl Forward<D> + 'static,
    mut optimizer: ModuleOptimizer,
    rate: f64,
    x: Tensor<D>,
    loss: impl Fn(Tensor<2>) -> Tensor<1> + 'static,
    device: &Device,
) -> Workload {
    let device = device.clone();
    let mut model = Some(model);
    Box::new(move || {
        let Some(before) = model.take() else { return };
        let loss = loss(before.forward(x.clone()));
        let gradients = GradientsParams::from_grads(loss.backward(), &before);
        model = Some(optimizer.step(rate, before, gradients));
        device.sync().expect("the device");
    })
}
