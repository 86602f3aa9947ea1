use anygrad_graph::Tensor;

use crate::{Linear, ParamPath, Sequential};

/// A multi-layer perceptron: linear layers of the sizes `sizes`, `[.., sizes[0]]` to `[.., sizes[last]]`, with
/// `activation` between them, and not behind the last one.
///
/// Entries: `0.weight` `[sizes[1], sizes[0]]`, `0.bias`, `1.weight` and so on.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::models::mlp;
/// use anygrad_nn::{Ctx, Layer, Params, relu};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let model = mlp(params.at(""), &[784, 512, 512, 10], relu);
/// assert_eq!(model.forward(&Tensor::zeros([3, 784], &device), &mut Ctx::eval()).shape()[..], [3, 10]);
/// assert_eq!(params.count(), 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10);
/// ```
pub fn mlp(
    path: ParamPath,
    sizes: &[usize],
    activation: impl Fn(&Tensor) -> Tensor + Send + Sync + Clone + 'static,
) -> Sequential {
    let layers = sizes.len().saturating_sub(1);
    sizes.windows(2).enumerate().fold(Sequential::new(), |model, (n, size)| {
        let [inputs, outputs] = [size[0], size[1]];
        let model = model.then(Linear::new(path.at(n.to_string()), inputs, outputs));
        if n + 1 < layers { model.then(activation.clone()) } else { model }
    })
}
