//! A tensor engine that trains neural networks on any GPU that Vulkan, Metal or DX12 reaches, through wgpu compute
//! shaders, and on the CPU where there is none.
//!
//! ```
//! use anygrad::prelude::*;
//!
//! fn main() -> anygrad::Result<()> {
//!     let device = Device::auto()?; // a GPU if there is one, else the CPU
//!     let params = Params::new(&device, 42); // the seed of everything random
//!     let model = Sequential::new()
//!         .then(Linear::new(params.at("fc1"), 2, 8))
//!         .then(tanh)
//!         .then(Linear::new(params.at("fc2"), 8, 2));
//!     let x = Tensor::from_slice(&[0.0f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2], &device);
//!     let labels = Tensor::from_slice(&[0u32, 1, 1, 0], [4], &device);
//!     let mut ctx = Ctx::train(42);
//!     let optimizer = AdamW::default();
//!     for step in 0..50 {
//!         let loss = cross_entropy(&model.forward(&x, &mut ctx), &labels); // recorded; nothing runs yet
//!         optimizer.step(&params, params.grad(&loss), 0.05)?; // one plan: forward, backward, update
//!         if step % 10 == 0 {
//!             println!("{step} {}", loss.item()?); // the only read-back
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! This crate is a front: what it names lives in [`graph`] (tensors and gradients), [`nn`] (parameters, layers,
//! optimizers), [`data`] (data sets and batches) and [`train`] (the training loop). [`extend`] is for ops of your own.
#![forbid(unsafe_code)]

pub use anygrad_data as data;
pub use anygrad_graph as graph;
pub use anygrad_graph::extend;
pub use anygrad_nn as nn;
pub use anygrad_train as train;

/// Everything that can go wrong: of data, tensors, parameters and training.
pub use anygrad_train::{Result, TrainError as Error};

/// What most programs use: `use anygrad::prelude::*`.
pub mod prelude {
    pub use anygrad_data::{
        Batch, BatchTargets, Dataset, Loader, LoaderSettings, Targets, digits, mnist, synthetic,
    };
    pub use anygrad_graph::{
        AttentionOptions, ConvOptions, DType, Device, PadMode, PoolOptions, Resize, Rng, Shape, Tensor,
        checkpoint, custom_vjp, einsum, eval, explain, f16, find_non_finite, grad, grad_check, grad_with,
        gradient, hessian_vector_product, profile, scoped, to_dot, value_and_grad,
    };
    pub use anygrad_nn::schedule::{self, Schedule};
    pub use anygrad_nn::{
        AdaGrad, Adam, AdamW, AdaptiveAvgPool2d, AttentionMasks, AvgPool2d, BatchNorm1d, BatchNorm2d,
        BinaryCrossEntropyWithLogits, Concat, Conv1d, Conv2d, Conv3d, ConvTranspose2d, CrossEntropy, Ctx,
        Dropout, Dropout2d, Ema, Embedding, EmbeddingBag, Flatten, GlobalAvgPool, GlobalMaxPool, Gradients,
        GroupNorm, Groups, Gru, Huber, Init, Layer, LayerNorm, Linear, Loss, Lstm, MaxPool1d, MaxPool2d,
        Merge, Mse, MultiHeadAttention, Network, NetworkModel, Optimizer, Param, ParamPath, Params, Penalty,
        Recompute, Reduction, Residual, RmsProp, Sequential, Sgd, Shared, SimpleRnn, TransformerEncoder,
        TransformerEncoderLayer, Upsample, binary_cross_entropy_with_logits, clip_global_norm, clip_value,
        cross_entropy, elu, gelu, leaky_relu, length_mask, log_softmax, mean_absolute_error, models, mse,
        optimizer, relu, sigmoid, silu, softmax, softplus, summary, tanh, weighted,
    };
    pub use anygrad_train::callbacks::EarlyStopping;
    pub use anygrad_train::{
        Callback, Chart, Checkpoints, CsvLogger, Evaluation, Fit, Flow, History, Metric, Monitor,
        TensorBoard, Trainer, Training, metrics,
    };
}

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
