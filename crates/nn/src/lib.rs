//! Parameters, layers, losses, optimizers and checkpoints.
//!
//! A parameter exists only through an ordered store, [`Params`], by path. Layers take a path and keep a handle;
//! optimizers, checkpoints, freezing and summaries iterate the store, so none can be forgotten.
//!
//! ```
//! use anygrad_graph::{Device, Tensor};
//! use anygrad_nn::{AdamW, Ctx, Layer, Linear, Optimizer, Params, Sequential, cross_entropy, relu};
//!
//! let device = Device::cpu();
//! let params = Params::new(&device, 42);
//! let model = Sequential::new()
//!     .then(Linear::new(params.at("fc1"), 4, 8))
//!     .then(relu)
//!     .then(Linear::new(params.at("fc2"), 8, 3));
//! let x = Tensor::ones([2, 4], &device);
//! let labels = Tensor::from_slice(&[0u32, 2], [2], &device);
//! let mut ctx = Ctx::train(42);
//!
//! let loss = cross_entropy(&model.forward(&x, &mut ctx), &labels); // recorded; nothing runs yet
//! let grads = params.grad(&loss); // more graph
//! AdamW::default().step(&params, grads, 1e-3)?; // one plan: forward, backward and update
//! assert!(loss.item()? > 0.0);
//! # Ok::<(), anygrad_nn::Error>(())
//! ```
#![forbid(unsafe_code)]

mod activation;
mod attention;
mod average;
mod backward;
mod checkpoint;
mod ctx;
mod ema;
mod error;
mod glob;
mod gradients;
mod init;
mod layer;
mod layers;
mod loss;
mod mixed;
pub mod models;
mod network;
mod only_if;
mod optim;
mod packing;
mod param;
mod params;
mod penalty;
mod random;
mod recurrent;
pub mod schedule;
mod snapshot;
mod store;
mod summary;
mod transformer;

pub use activation::{
    activation, celu, dead_units, elu, gelu, gelu_tanh, hard_sigmoid, hard_swish, hard_tanh, identity,
    leaky_relu, leaky_relu_with, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, softmax,
    softplus, softsign, step, tanh,
};
pub use attention::additive::AdditiveAttention;
pub use attention::dot_product::scaled_dot_product_attention;
pub use attention::masks::AttentionMasks;
pub use attention::multi_head::MultiHeadAttention;
pub use attention::positions::{LearnedPositions, SinusoidalPositions, sinusoidal_positions};
pub use average::ExponentialAverage;
pub use checkpoint::{Checkpoint, Matched, Matching};
pub use ctx::Ctx;
pub use ema::{Averaged, Ema};
pub use error::{Error, Mismatch, Result};
pub use gradients::{Gradients, clip_global_norm, clip_norm, clip_value};
pub use init::{Fan, Init, Spread, calculate_gain, leaky_relu_gain};
pub use layer::{Layer, Sequential};
pub use layers::adaptive_pool::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool1d, AdaptiveMaxPool2d,
    AdaptiveMaxPool3d, GlobalAvgPool, GlobalMaxPool,
};
pub use layers::axes::Axes;
pub use layers::batch_norm::{BatchNorm1d, BatchNorm2d, BatchNorm3d};
pub use layers::bilinear::Bilinear;
pub use layers::conv::{Conv1d, Conv2d, Conv3d};
pub use layers::conv_transpose::{ConvTranspose1d, ConvTranspose2d, ConvTranspose3d};
pub use layers::depthwise::{DepthwiseConv2d, SeparableConv2d};
pub use layers::dropout::{Dropout, Dropout1d, Dropout2d, Dropout3d};
pub use layers::embedding::Embedding;
pub use layers::embedding_bag::{BagMode, EmbeddingBag};
pub use layers::flatten::{Flatten, Unflatten};
pub use layers::group_norm::GroupNorm;
pub use layers::highway::Highway;
pub use layers::instance_norm::{InstanceNorm1d, InstanceNorm2d, InstanceNorm3d};
pub use layers::layer_norm::{LayerNorm, RmsNorm};
pub use layers::linear::Linear;
pub use layers::local_response_norm::LocalResponseNorm;
pub use layers::maxout::Maxout;
pub use layers::noise::{AlphaDropout, GaussianDropout, GaussianNoise};
pub use layers::pool::{AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d};
pub use layers::prelu::PRelu;
pub use layers::recompute::Recompute;
pub use layers::residual::{Concat, Residual};
pub use layers::upsample::Upsample;
pub use loss::binary::{BinaryCrossEntropy, BinaryCrossEntropyWithLogits, Focal};
pub use loss::classification::{CrossEntropy, Nll};
pub use loss::combined::Losses;
pub use loss::ctc::Ctc;
pub use loss::detection::Detection;
pub use loss::divergence::{KlDivergence, PoissonNll};
pub use loss::embedding::{Contrastive, CosineEmbedding, Triplet, pairwise_distance, squared_distance};
pub use loss::hinge::{CategoricalHinge, Hinge, MultiClassHinge, SquaredHinge};
pub use loss::overlap::Dice;
pub use loss::regression::{HalfSquaredError, Huber, LogCosh, Mae, Mse, SmoothL1};
pub use loss::{
    Loss, Reduction, binary_cross_entropy_with_logits, cross_entropy, loss, mean_absolute_error, mse,
    weighted, weighted_mean,
};
pub use mixed::{LossScale, autocast};
pub use network::builder::{Network, Value};
pub use network::model::NetworkModel;
pub use network::shared::Shared;
pub use network::table::{NetworkRow, NetworkSummary};
pub use optim::Optimizer;
pub use optim::adadelta::AdaDelta;
pub use optim::adagrad::AdaGrad;
pub use optim::adam::{Adam, AdamW};
pub use optim::adamax::AdaMax;
pub use optim::constrained::{Constrained, Constraint};
pub use optim::ftrl::Ftrl;
pub use optim::groups::Groups;
pub use optim::lamb::Lamb;
pub use optim::lbfgs::{Lbfgs, LbfgsReport, LbfgsStop};
pub use optim::lion::Lion;
pub use optim::nadam::Nadam;
pub use optim::named::{AnyOptimizer, optimizer};
pub use optim::newton::{Newton, NewtonReport};
pub use optim::radam::RAdam;
pub use optim::rmsprop::RmsProp;
pub use optim::sgd::Sgd;
pub use param::{Param, ParamPath};
pub use params::{Entry, Params};
pub use penalty::{ActivityPenalty, Penalised, Penalty};
pub use recurrent::cell::{GruCell, LstmCell, RecurrentCell, RnnCell};
pub use recurrent::layer::{Gru, Lstm, Recurrent, SimpleRnn};
pub use recurrent::mask::length_mask;
pub use recurrent::settings::Merge;
pub use recurrent::state::RecurrentState;
pub use schedule::Schedule;
pub use snapshot::Snapshot;
pub use store::Kind;
pub use summary::{Summary, SummaryRow, summary, summary_of};
pub use transformer::decoder::{TransformerDecoder, TransformerDecoderLayer};
pub use transformer::encoder::{TransformerEncoder, TransformerEncoderLayer};
