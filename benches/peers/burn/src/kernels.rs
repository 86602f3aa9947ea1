//! The kernels of `workloads/rows.rs`.

use burn::backend::Dispatch;
use burn::backend::ops::ModuleOps;
use burn::nn::{BatchNormConfig, LayerNormConfig};
use burn::tensor::activation::{gelu, sigmoid, softmax};
use burn::tensor::module::{attention, conv2d, conv2d_weight_backward};
use burn::tensor::ops::{AttentionModuleOptions, ConvOptions};
use burn::tensor::{Device, Distribution, Tensor};

use crate::protocol::Workload;

fn values<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Uniform(-0.5, 0.5), device)
}

/// The kernel, or none of that kind.
pub fn kernel(kind: &str, sizes: &[usize], device: &Device) -> Option<Workload> {
    Some(match (kind, sizes) {
        ("matmul" | "matmul_bt" | "matmul_at", &[1, m, k, n]) => {
            let (a, b) = match kind {
                "matmul_bt" => (values([m, k], device), values([n, k], device).transpose()),
                "matmul_at" => (values([k, m], device).transpose(), values([k, n], device)),
                _ => (values([m, k], device), values([k, n], device)),
            };
            run(device, move || a.clone().matmul(b.clone()))
        }
        ("matmul", &[b, m, k, n]) => {
            let (a, b) = (values([b, m, k], device), values([b, k, n], device));
            run(device, move || a.clone().matmul(b.clone()))
        }
        ("conv" | "conv_dx" | "conv_dw", &[n, c, h, w, o, k, stride, padding]) => {
            let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
            let (x, weight) = (values([n, c, h, w], device), values([o, c, k, k], device));
            let g = values(conv2d(x.clone(), weight.clone(), None, options.clone()).dims(), device);
            match kind {
                "conv" => run(device, move || conv2d(x.clone(), weight.clone(), None, options.clone())),
                "conv_dw" => run(device, move || {
                    conv2d_weight_backward(x.clone(), weight.clone(), g.clone(), options.clone())
                }),
                // what its automatic differentiation calls
                _ => run(device, move || {
                    let [x, weight, g] = [&x, &weight, &g].map(|tensor| tensor.clone().into_dispatch());
                    Tensor::<4>::from_dispatch(Dispatch::conv2d_x_backward(x, weight, g, options.clone()))
                }),
            }
        }
        ("batch_norm", &[n, c, h, w]) => {
            let device = device.clone().autodiff();
            let layer = BatchNormConfig::new(c).init(&device);
            let x = values([n, c, h, w], &device);
            run(&device, move || layer.forward(x.clone()))
        }
        ("layer_norm", &[r, c]) => {
            let layer = LayerNormConfig::new(c).init(device);
            let x = values([r, c], device);
            run(device, move || layer.forward(x.clone()))
        }
        ("attention", &[b, h, t, d]) => {
            let [q, k, v] = [(); 3].map(|()| values([b, h, t, d], device));
            run(device, move || {
                attention(q.clone(), k.clone(), v.clone(), None, None, AttentionModuleOptions::default())
            })
        }
        ("max_pool", &[n, c, h, w]) => {
            let pool = burn::nn::pool::MaxPool2dConfig::new([2, 2]).init();
            let x = values([n, c, h, w], device);
            run(device, move || pool.forward(x.clone()))
        }
        ("avg_pool", &[n, c, h, w]) => {
            let pool = burn::nn::pool::AvgPool2dConfig::new([2, 2]).init();
            let x = values([n, c, h, w], device);
            run(device, move || pool.forward(x.clone()))
        }
        ("sum", &[n]) => {
            let x = values([n], device);
            run(device, move || x.clone().sum())
        }
        ("chain", &[n]) => {
            let x = values([n], device);
            run(device, move || gelu(x.clone()) * sigmoid(x.clone()))
        }
        (_, &[r, c]) => {
            let op: fn(Tensor<2>) -> Tensor<2> = match kind {
                "row_sum" => |x| x.sum_dim(1),
                "column_sum" => |x| x.sum_dim(0),
                "softmax" => |x| softmax(x, 1),
                _ => return None,
            };
            let x = values([r, c], device);
            run(device, move || op(x.clone()))
        }
        _ => return None,
    })
}

fn run<const D: usize>(device: &Device, op: impl Fn() -> Tensor<D> + 'static) -> Workload {
    let device = device.clone();
    Box::new(move || {
        let result = op();
        device.sync().expect("the device");
        drop(result);
    })
}
