//! Models by name, made of the crate's layers: read them as examples, change them freely.
//!
//! The smallest need no name of their own. Logistic regression is a [`Linear`](crate::Linear) layer to one score with
//! [`binary_cross_entropy_with_logits`](crate::binary_cross_entropy_with_logits), softmax regression one to a score for each class with
//! [`cross_entropy`](crate::cross_entropy); both losses take scores, so that nothing overflows:
//!
//! ```
//! use anygrad_graph::{Device, Tensor};
//! use anygrad_nn::{Ctx, Layer, Linear, Optimizer, Params, Sgd, binary_cross_entropy_with_logits, sigmoid};
//! let device = Device::cpu();
//! let params = Params::new(&device, 42);
//! let model = Linear::new(params.at("logistic"), 2, 1);
//! let x = Tensor::from_slice(&[-1.0f32, -2.0, -2.0, -1.0, 1.0, 2.0, 2.0, 1.0], [4, 2], &device);
//! let class = Tensor::from_slice(&[0.0f32, 0.0, 1.0, 1.0], [4, 1], &device);
//! for _ in 0..50 {
//!     let loss = binary_cross_entropy_with_logits(&model.forward(&x, &mut Ctx::train(1)), &class);
//!     Sgd::default().step(&params, params.grad(&loss), 0.5)?;
//! }
//! let probabilities = sigmoid(&model.forward(&x, &mut Ctx::eval())).to_vec::<f32>()?;
//! assert!(probabilities[1] < 0.1 && probabilities[2] > 0.9);
//! # Ok::<(), anygrad_nn::Error>(())
//! ```
//!
//! Parameters have the names that torchvision gives them, so its weights load by [`Params::load`](crate::Params::load).

mod alexnet;
mod inception;
mod lenet;
mod linear_regression;
mod mlp;
mod perceptron;
mod resnet;
mod vgg;

pub use alexnet::alexnet;
pub use inception::{InceptionChannels, inception_block};
pub use lenet::lenet;
pub use linear_regression::LinearRegression;
pub use mlp::mlp;
pub use perceptron::Perceptron;
pub use resnet::{ResNet, basic_block, bottleneck};
pub use vgg::{vgg, vgg_block};
