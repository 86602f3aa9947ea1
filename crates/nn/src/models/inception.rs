use crate::{Concat, Conv2d, MaxPool2d, ParamPath, Sequential, relu};

/// The channels of an [`inception_block`]; all its outputs together are `one + three + five + pool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InceptionChannels {
    /// Of the 1×1 convolution.
    pub one: usize,
    /// Of the 1×1 convolution before the 3×3 one, and of that.
    pub three: [usize; 2],
    /// Of the 1×1 convolution before the 5×5 one, and of that.
    pub five: [usize; 2],
    /// Of the 1×1 convolution behind the 3×3 max pooling.
    pub pool: usize,
}

/// The block of GoogLeNet (Szegedy et al. 2015, figure 2b): four branches over the same input, at several scales, whose
/// channels lie one behind the other. `[N, inputs, H, W]` becomes `[N, one + three + five + pool, H, W]`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::models::{InceptionChannels, inception_block};
/// use anygrad_nn::{Ctx, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// // inception (3a) of the paper: 64 + 128 + 32 + 32 = 256 channels
/// let channels = InceptionChannels { one: 64, three: [96, 128], five: [16, 32], pool: 32 };
/// let block = inception_block(params.at("3a"), 192, channels);
/// assert_eq!(block.forward(&Tensor::zeros([1, 192, 7, 7], &device), &mut Ctx::eval()).shape()[..], [1, 256, 7, 7]);
/// ```
pub fn inception_block(path: ParamPath, inputs: usize, channels: InceptionChannels) -> Concat {
    let InceptionChannels { one, three, five, pool } = channels;
    let conv = |name: &str, inputs, outputs, kernel: usize| {
        let conv = Conv2d::new(path.at(name), inputs, outputs, kernel).padding(kernel / 2);
        Sequential::new().then(conv).then(relu)
    };
    Concat::new(1)
        .branch(conv("branch1", inputs, one, 1))
        .branch(conv("branch2.0", inputs, three[0], 1).then(conv("branch2.1", three[0], three[1], 3)))
        .branch(conv("branch3.0", inputs, five[0], 1).then(conv("branch3.1", five[0], five[1], 5)))
        .branch(Sequential::new().then(MaxPool2d::new(3).stride(1).padding(1)).then(conv(
            "branch4.1",
            inputs,
            pool,
            1,
        )))
}
