//! The models, of Burn's own layers.

use burn::module::Module;
use burn::nn::activation::ActivationConfig;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, Lstm, LstmConfig, PaddingConfig2d};
use burn::tensor::activation::{relu, tanh};
use burn::tensor::{Device, Tensor};

/// What a training step needs of a model.
pub trait Forward<const D: usize>: Module {
    fn forward(&self, x: Tensor<D>) -> Tensor<2>;
}

fn linear(inputs: usize, outputs: usize, device: &Device) -> Linear {
    LinearConfig::new(inputs, outputs).init(device)
}

#[derive(Module, Debug)]
pub struct Mlp {
    layers: [Linear; 3],
}

impl Mlp {
    pub fn new(device: &Device) -> Self {
        Self { layers: [linear(784, 512, device), linear(512, 512, device), linear(512, 10, device)] }
    }
}

impl Forward<2> for Mlp {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [a, b, c] = &self.layers;
        c.forward(relu(b.forward(relu(a.forward(x)))))
    }
}

#[derive(Module, Debug)]
pub struct LeNet {
    conv1: Conv2d,
    conv2: Conv2d,
    pool: MaxPool2d,
    layers: [Linear; 3],
}

impl LeNet {
    pub fn new(device: &Device) -> Self {
        let padding = PaddingConfig2d::Explicit(2, 2, 2, 2);
        Self {
            conv1: Conv2dConfig::new([1, 6], [5, 5]).with_padding(padding).init(device),
            conv2: Conv2dConfig::new([6, 16], [5, 5]).init(device),
            pool: MaxPool2dConfig::new([2, 2]).init(),
            layers: [linear(400, 120, device), linear(120, 84, device), linear(84, 10, device)],
        }
    }
}

impl Forward<4> for LeNet {
    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(relu(self.conv1.forward(x)));
        let x = self.pool.forward(relu(self.conv2.forward(x))).flatten(1, 3);
        let [a, b, c] = &self.layers;
        c.forward(relu(b.forward(relu(a.forward(x)))))
    }
}

/// A convolution without bias and a batch normalisation.
#[derive(Module, Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvNorm {
    fn new(inputs: usize, outputs: usize, kernel: usize, stride: usize, device: &Device) -> Self {
        let pad = kernel / 2;
        let conv = Conv2dConfig::new([inputs, outputs], [kernel; 2])
            .with_stride([stride; 2])
            .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
            .with_bias(false);
        Self { conv: conv.init(device), norm: BatchNormConfig::new(outputs).init(device) }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.conv.forward(x))
    }
}

#[derive(Module, Debug)]
struct Block {
    first: ConvNorm,
    second: ConvNorm,
    shortcut: Option<ConvNorm>,
}

impl Block {
    fn new(inputs: usize, channels: usize, stride: usize, device: &Device) -> Self {
        let other = stride != 1 || inputs != channels;
        Self {
            first: ConvNorm::new(inputs, channels, 3, stride, device),
            second: ConvNorm::new(channels, channels, 3, 1, device),
            shortcut: other.then(|| ConvNorm::new(inputs, channels, 1, stride, device)),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.second.forward(relu(self.first.forward(x.clone())));
        relu(y + self.shortcut.as_ref().map_or(x.clone(), |shortcut| shortcut.forward(x)))
    }
}

#[derive(Module, Debug)]
pub struct ResNet {
    stem: ConvNorm,
    blocks: Vec<Block>,
    pool: AdaptiveAvgPool2d,
    out: Linear,
}

impl ResNet {
    pub fn new(device: &Device) -> Self {
        let mut blocks = Vec::new();
        let mut inputs = 64;
        for (stage, channels) in [64, 128, 256, 512].into_iter().enumerate() {
            blocks.push(Block::new(inputs, channels, if stage == 0 { 1 } else { 2 }, device));
            blocks.push(Block::new(channels, channels, 1, device));
            inputs = channels;
        }
        Self {
            stem: ConvNorm::new(3, 64, 3, 1, device),
            blocks,
            pool: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            out: linear(512, 10, device),
        }
    }
}

impl Forward<4> for ResNet {
    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.blocks.iter().fold(relu(self.stem.forward(x)), |x, block| block.forward(x));
        self.out.forward(self.pool.forward(x).flatten(1, 3))
    }
}

#[derive(Module, Debug)]
pub struct LastState {
    lstm: Lstm,
    out: Linear,
}

impl LastState {
    pub fn new(device: &Device) -> Self {
        Self { lstm: LstmConfig::new(64, 128, true).init(device), out: linear(128, 10, device) }
    }
}

impl Forward<3> for LastState {
    fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        self.out.forward(self.lstm.forward(x, None).1.hidden)
    }
}

#[derive(Module, Debug)]
pub struct Transformer {
    encoder: TransformerEncoder,
    out: Linear,
}

impl Transformer {
    pub fn new(device: &Device) -> Self {
        let encoder = TransformerEncoderConfig::new(128, 512, 4, 2)
            .with_dropout(0.1)
            .with_activation(ActivationConfig::Relu)
            .init(device);
        Self { encoder, out: linear(128, 10, device) }
    }
}

impl Forward<3> for Transformer {
    fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        let x = self.encoder.forward(TransformerEncoderInput::new(x));
        self.out.forward(x.mean_dim(1).squeeze_dim(1))
    }
}

#[derive(Module, Debug)]
pub struct Tiny {
    layers: [Linear; 2],
}

impl Tiny {
    pub fn new(device: &Device) -> Self {
        Self { layers: [linear(2, 16, device), linear(16, 1, device)] }
    }
}

impl Forward<2> for Tiny {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [a, b] = &self.layers;
        b.forward(tanh(a.forward(x)))
    }
}
