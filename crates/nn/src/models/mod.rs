//! Models by name, made of the crate's layers: read them as examples, change them freely.
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
