use crate::{
    BatchNorm2d, Conv2d, GlobalAvgPool, Init, Linear, MaxPool2d, ParamPath, Residual, Sequential, relu,
};

/// A convolution without a bias, which the normalisation behind it would take away again. Its values start as He et al.
/// propose, from the number of outputs, as in torchvision.
fn conv(path: ParamPath, inputs: usize, outputs: usize, kernel: usize, stride: usize) -> Conv2d {
    // He's deviation √(2 / fan_out)
    let deviation = (2.0 / (outputs as f64 * (kernel * kernel) as f64).max(1.0)).sqrt();
    let conv = Conv2d::new(path, inputs, outputs, kernel).stride(stride).padding(kernel / 2).bias(false);
    conv.init(Init::Normal { mean: 0.0, deviation })
}

/// The path from the input to the addition: the input itself, or a 1×1 convolution where the block changes its shape.
fn residual(path: &ParamPath, block: Sequential, inputs: usize, outputs: usize, stride: usize) -> Sequential {
    let residual = Residual::new(block);
    let residual = if stride == 1 && inputs == outputs {
        residual
    } else {
        let shortcut = Sequential::new()
            .then(conv(path.at("downsample.0"), inputs, outputs, 1, stride))
            .then(BatchNorm2d::new(path.at("downsample.1"), outputs));
        residual.shortcut(shortcut)
    };
    Sequential::new().then(residual).then(relu)
}

/// The block of ResNet-18 and -34 (He et al. 2016): two 3×3 convolutions, each with a batch normalisation, whose output
/// is added to the input. `[N, inputs, H, W]` becomes `[N, channels, ⌈H/stride⌉, ⌈W/stride⌉]`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::models::basic_block;
/// use anygrad_nn::{Ctx, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let block = basic_block(params.at("block"), 8, 16, 2);
/// assert_eq!(block.forward(&Tensor::ones([1, 8, 7, 6], &device), &mut Ctx::eval()).shape()[..], [1, 16, 4, 3]);
/// ```
pub fn basic_block(path: ParamPath, inputs: usize, channels: usize, stride: usize) -> Sequential {
    let block = Sequential::new()
        .then(conv(path.at("conv1"), inputs, channels, 3, stride))
        .then(BatchNorm2d::new(path.at("bn1"), channels))
        .then(relu)
        .then(conv(path.at("conv2"), channels, channels, 3, 1))
        .then(BatchNorm2d::new(path.at("bn2"), channels));
    residual(&path, block, inputs, channels, stride)
}

/// The block of ResNet-50 and deeper ones (He et al. 2016): 1×1, 3×3 and 1×1 convolutions, the last one to four times
/// as many channels. `[N, inputs, H, W]` becomes `[N, 4 · channels, ⌈H/stride⌉, ⌈W/stride⌉]`. The stride is that of the
/// 3×3 convolution, as in torchvision.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::models::bottleneck;
/// use anygrad_nn::{Ctx, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let block = bottleneck(params.at("block"), 8, 4, 2);
/// assert_eq!(block.forward(&Tensor::ones([1, 8, 6, 6], &device), &mut Ctx::eval()).shape()[..], [1, 16, 3, 3]);
/// ```
pub fn bottleneck(path: ParamPath, inputs: usize, channels: usize, stride: usize) -> Sequential {
    let outputs = channels.saturating_mul(4);
    let block = Sequential::new()
        .then(conv(path.at("conv1"), inputs, channels, 1, 1))
        .then(BatchNorm2d::new(path.at("bn1"), channels))
        .then(relu)
        .then(conv(path.at("conv2"), channels, channels, 3, stride))
        .then(BatchNorm2d::new(path.at("bn2"), channels))
        .then(relu)
        .then(conv(path.at("conv3"), channels, outputs, 1, 1))
        .then(BatchNorm2d::new(path.at("bn3"), outputs));
    residual(&path, block, inputs, outputs, stride)
}

/// A residual network (He et al. 2016): images `[N, 3, H, W]` to scores `[N, classes]`, with the names and the parameter
/// counts of torchvision: 11,689,512 for ResNet-18, 21,797,672 for ResNet-34, 25,557,032 for ResNet-50, with 1,000
/// classes.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::models::ResNet;
/// use anygrad_nn::{Ctx, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// // a narrow one for small images: 4 channels where the paper has 64, and no pooling in front
/// let model = ResNet::new(params.at(""), [1, 1, 1, 1], 10, ResNet { width: 4, small_images: true, ..ResNet::default() });
/// assert_eq!(model.forward(&Tensor::zeros([2, 3, 32, 32], &device), &mut Ctx::eval()).shape()[..], [2, 10]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResNet {
    /// Channels of the first stage; 64. Each stage has twice as many as the one before.
    pub width: usize,
    /// Whether blocks are [`bottleneck`]s; false: [`basic_block`]s.
    pub bottleneck: bool,
    /// For images of about 32 pixels: the network begins with a 3×3 convolution of stride 1, instead of a 7×7 one of
    /// stride 2 and a pooling; false.
    pub small_images: bool,
    /// Channels of the images; 3.
    pub channels: usize,
}

impl Default for ResNet {
    fn default() -> Self {
        Self { width: 64, bottleneck: false, small_images: false, channels: 3 }
    }
}

impl ResNet {
    /// ResNet-18, for images of 224 pixels.
    pub fn resnet18(path: ParamPath, classes: usize) -> Sequential {
        Self::new(path, [2, 2, 2, 2], classes, Self::default())
    }

    /// ResNet-34.
    pub fn resnet34(path: ParamPath, classes: usize) -> Sequential {
        Self::new(path, [3, 4, 6, 3], classes, Self::default())
    }

    /// ResNet-50.
    pub fn resnet50(path: ParamPath, classes: usize) -> Sequential {
        Self::new(path, [3, 4, 6, 3], classes, Self { bottleneck: true, ..Self::default() })
    }

    /// Four stages of so many `blocks`.
    // a network is a stack of layers; what describes it is not part of it
    #[allow(clippy::new_ret_no_self)]
    pub fn new(path: ParamPath, blocks: [usize; 4], classes: usize, settings: Self) -> Sequential {
        let Self { width, bottleneck: deep, small_images, channels } = settings;
        let (kernel, stride) = if small_images { (3, 1) } else { (7, 2) };
        let mut model = Sequential::new()
            .then(conv(path.at("conv1"), channels, width, kernel, stride))
            .then(BatchNorm2d::new(path.at("bn1"), width))
            .then(relu);
        if !small_images {
            model = model.then(MaxPool2d::new(3).stride(2).padding(1));
        }
        let mut inputs = width;
        for (stage, count) in blocks.into_iter().enumerate() {
            let channels = width.saturating_mul(1 << stage);
            for n in 0..count {
                let stride = if stage > 0 && n == 0 { 2 } else { 1 };
                let place = path.at(format!("layer{}.{n}", stage + 1));
                let make = if deep { bottleneck } else { basic_block };
                model = model.then(make(place, inputs, channels, stride));
                inputs = if deep { channels.saturating_mul(4) } else { channels };
            }
        }
        model.then(GlobalAvgPool).then(Linear::new(path.at("fc"), inputs, classes))
    }
}
