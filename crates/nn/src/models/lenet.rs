use crate::{Conv2d, Flatten, Linear, MaxPool2d, ParamPath, Sequential, relu};

/// LeNet-5 (LeCun et al. 1998) in the form of today, with ReLU and max pooling: images `[N, 1, 28, 28]` to scores
/// `[N, classes]`. 61,706 parameters with 10 classes.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::models::lenet;
/// use anygrad_nn::{Ctx, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let model = lenet(params.at(""), 10);
/// assert_eq!(model.forward(&Tensor::zeros([2, 1, 28, 28], &device), &mut Ctx::eval()).shape()[..], [2, 10]);
/// assert_eq!(params.count(), 61_706);
/// ```
pub fn lenet(path: ParamPath, classes: usize) -> Sequential {
    Sequential::new()
        .then(Conv2d::new(path.at("conv1"), 1, 6, 5).padding(2)) // [n, 6, 28, 28]
        .then(relu)
        .then(MaxPool2d::new(2)) // [n, 6, 14, 14]
        .then(Conv2d::new(path.at("conv2"), 6, 16, 5)) // [n, 16, 10, 10]
        .then(relu)
        .then(MaxPool2d::new(2)) // [n, 16, 5, 5]
        .then(Flatten)
        .then(Linear::new(path.at("fc1"), 16 * 5 * 5, 120))
        .then(relu)
        .then(Linear::new(path.at("fc2"), 120, 84))
        .then(relu)
        .then(Linear::new(path.at("fc3"), 84, classes))
}
