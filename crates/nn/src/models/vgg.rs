use crate::{AdaptiveAvgPool2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, ParamPath, Sequential, relu};

/// A block of VGG (Simonyan & Zisserman 2015): `convolutions` 3×3 convolutions with ReLU, then a 2×2 max pooling that
/// halves the image: `[N, inputs, H, W]` to `[N, outputs, ⌊H/2⌋, ⌊W/2⌋]`.
///
/// `paths` gives the place of each convolution.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::models::vgg_block;
/// use anygrad_nn::{Ctx, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let block = vgg_block(|n| params.at(format!("block.{n}")), 2, 3, 8);
/// assert_eq!(block.forward(&Tensor::zeros([1, 3, 9, 8], &device), &mut Ctx::eval()).shape()[..], [1, 8, 4, 4]);
/// ```
pub fn vgg_block(
    paths: impl Fn(usize) -> ParamPath,
    convolutions: usize,
    inputs: usize,
    outputs: usize,
) -> Sequential {
    let block = (0..convolutions).fold(Sequential::new(), |block, n| {
        let inputs = if n == 0 { inputs } else { outputs };
        block.then(Conv2d::new(paths(n), inputs, outputs, 3).padding(1)).then(relu)
    });
    block.then(MaxPool2d::new(2))
}

/// VGG with `blocks` of (convolutions, channels) and a classifier of two hidden layers of `hidden` units with dropout:
/// images `[N, 3, H, W]` to scores `[N, classes]`, with the names of torchvision.
///
/// VGG-16 is `vgg(path, &[(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)], 4096, 1000)` with 138,357,544 parameters.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::models::vgg;
/// use anygrad_nn::{Ctx, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let small = vgg(params.at(""), &[(1, 8), (2, 16)], 32, 10);
/// assert_eq!(small.forward(&Tensor::zeros([2, 3, 32, 32], &device), &mut Ctx::eval()).shape()[..], [2, 10]);
/// // the second block begins behind a convolution, a ReLU and a pooling
/// assert_eq!(params.get("features.3.weight").map(|w| w.shape().to_vec()), Some(vec![16, 8, 3, 3]));
/// ```
pub fn vgg(path: ParamPath, blocks: &[(usize, usize)], hidden: usize, classes: usize) -> Sequential {
    let mut model = Sequential::new();
    let (mut inputs, mut layer) = (3, 0);
    for &(convolutions, outputs) in blocks {
        // each convolution is followed by a ReLU, and each block by a pooling, which count in torchvision's names
        let place = |n: usize| path.at(format!("features.{}", layer + 2 * n));
        model = model.then(vgg_block(place, convolutions, inputs, outputs));
        layer += 2 * convolutions + 1;
        inputs = outputs;
    }
    let classifier = |n: usize| path.at(format!("classifier.{n}"));
    model
        .then(AdaptiveAvgPool2d::new(7))
        .then(Flatten)
        .then(Linear::new(classifier(0), inputs.saturating_mul(49), hidden))
        .then(relu)
        .then(Dropout::new(0.5))
        .then(Linear::new(classifier(3), hidden, hidden))
        .then(relu)
        .then(Dropout::new(0.5))
        .then(Linear::new(classifier(6), hidden, classes))
}
