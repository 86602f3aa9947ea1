use crate::{AdaptiveAvgPool2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, ParamPath, Sequential, relu};

/// AlexNet as in torchvision (Krizhevsky 2014, one tower and no response normalisation): images `[N, 3, H, W]` of 63
/// pixels at least, 224 in the paper, to scores `[N, classes]`. 61,100,840 parameters with 1,000 classes.
///
/// The network of 2012 has a [`LocalResponseNorm`](crate::LocalResponseNorm) of 5 channels behind its first two
/// convolutions.
///
/// ```no_run
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::models::alexnet;
/// use anygrad_nn::{Ctx, Layer, Params};
/// let device = Device::auto()?;
/// let params = Params::new(&device, 42);
/// let model = alexnet(params.at(""), 1000);
/// let scores = model.forward(&Tensor::zeros([1, 3, 224, 224], &device), &mut Ctx::eval());
/// assert_eq!((scores.shape()[1], params.count()), (1000, 61_100_840));
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
pub fn alexnet(path: ParamPath, classes: usize) -> Sequential {
    let features = |n: usize| path.at(format!("features.{n}"));
    let classifier = |n: usize| path.at(format!("classifier.{n}"));
    Sequential::new()
        .then(Conv2d::new(features(0), 3, 64, 11).stride(4).padding(2))
        .then(relu)
        .then(MaxPool2d::new(3).stride(2))
        .then(Conv2d::new(features(3), 64, 192, 5).padding(2))
        .then(relu)
        .then(MaxPool2d::new(3).stride(2))
        .then(Conv2d::new(features(6), 192, 384, 3).padding(1))
        .then(relu)
        .then(Conv2d::new(features(8), 384, 256, 3).padding(1))
        .then(relu)
        .then(Conv2d::new(features(10), 256, 256, 3).padding(1))
        .then(relu)
        .then(MaxPool2d::new(3).stride(2))
        .then(AdaptiveAvgPool2d::new(6)) // [n, 256, 6, 6]
        .then(Flatten)
        .then(Dropout::new(0.5))
        .then(Linear::new(classifier(1), 256 * 6 * 6, 4096))
        .then(relu)
        .then(Dropout::new(0.5))
        .then(Linear::new(classifier(4), 4096, 4096))
        .then(relu)
        .then(Linear::new(classifier(6), 4096, classes))
}
