//! Pictures of functions of tensors and of parameters.

use anygrad_graph::{Device, Tensor, grad};
use anygrad_nn::{Entry, Kind, Params};

use super::check::{range, wrong};
use super::{FunctionCurve, LossSurface, Picture, filter_normalised, function_curves};
use crate::Result;

/// A function of each element of a tensor.
pub type Function<'a> = &'a dyn Fn(&Tensor) -> Tensor;

/// The values and the derivatives of functions of one number, from `low` to `high`: a panel for each activation
/// function. Derivatives are those that training uses.
///
/// # Errors
/// A range that does not ascend; no function or more than 60; one that does not keep the shape of its input, has no
/// gradient, or is not finite.
///
/// ```
/// use anygrad_graph::Tensor;
/// use anygrad_train::pictures::activation_curves;
/// let picture = activation_curves(&[("tanh", &Tensor::tanh), ("square", &|x| x * x)], -3.0, 3.0)?;
/// assert!(picture.to_svg().contains(">tanh</text>"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn activation_curves(functions: &[(&str, Function<'_>)], low: f64, high: f64) -> Result<Picture> {
    const NAME: &str = "activation curves";
    /// Even, so that a kink in the middle lies between two places.
    const PLACES: usize = 400;
    range(NAME, "the range", (low, high))?;
    let step = (high - low) / (PLACES - 1) as f64;
    let x: Vec<f32> = (0..PLACES).map(|place| (low + step * place as f64) as f32).collect();
    let places = Tensor::from_slice(&x, [PLACES], &Device::cpu());
    let mut values = Vec::new();
    for (name, function) in functions {
        let y = function(&places);
        y.check()?;
        if y.shape()[..] != [PLACES] {
            let message = format!("{name} makes {:?} of the shape [{PLACES}]: it has to keep it", y.shape());
            return Err(wrong(NAME, message));
        }
        // recorded before the values are read, which lets go of how they came about
        let slope = grad(&y.sum_all(), &[&places]).into_iter().next();
        let slope = slope.ok_or_else(|| wrong(NAME, format!("{name} has no gradient")))?;
        values.push((*name, y.to_f32().to_vec::<f32>()?, slope.to_f32().to_vec::<f32>()?));
    }
    let curve = |(name, y, slope)| FunctionCurve { name, x: &x, y, slope };
    let curves: Vec<_> = values.iter().map(|(name, y, slope)| curve((*name, y, slope))).collect();
    function_curves("Activation functions", &curves)
}

impl LossSurface {
    /// The loss around a trained model: its parameters moved along two random directions by −`span` to `span` each,
    /// where 1 is as far as the filters are long ([`filter_normalised`], Li et al. 2018). `loss` is called for each of
    /// `cells`² places with the moved parameters in `params`, for example with the loss of one fixed batch. The
    /// parameters are as before when this returns, errors included; frozen ones and buffers do not move.
    ///
    /// # Errors
    /// Those of [`LossSurface::measure`] and of [`filter_normalised`]; what `loss` returns.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, Layer, Linear, Params, mse};
    /// use anygrad_train::pictures::LossSurface;
    /// let params = Params::new(&Device::cpu(), 0);
    /// let model = Linear::new(params.at("fc"), 3, 1);
    /// let (x, y) = (Tensor::ones([4, 3], params.device()), Tensor::ones([4, 1], params.device()));
    /// let surface = LossSurface::around(&params, 1.0, 5, 7, || {
    ///     Ok(f64::from(mse(&model.forward(&x, &mut Ctx::eval()), &y).item()?))
    /// })?;
    /// assert_eq!(surface.losses().len(), 25);
    /// # Ok::<(), anygrad_train::TrainError>(())
    /// ```
    pub fn around(
        params: &Params,
        span: f64,
        cells: usize,
        seed: u64,
        mut loss: impl FnMut() -> Result<f64>,
    ) -> Result<Self> {
        let moved = |entry: &Entry| entry.kind == Kind::Parameter && !entry.frozen;
        let weights: Vec<Entry> = params.iter().filter(moved).collect();
        let directions = [directions(&weights, seed)?, directions(&weights, seed.wrapping_add(1))?];
        let [first, second] = &directions;
        let measured = Self::measure((-span, span), (-span, span), cells, |a, b| {
            for ((weight, along), across) in weights.iter().zip(first).zip(second) {
                params.set(&weight.path, &(&weight.tensor + along * a + across * b))?;
            }
            loss()
        });
        for weight in &weights {
            params.set(&weight.path, &weight.tensor)?;
        }
        measured
    }
}

fn directions(weights: &[Entry], seed: u64) -> Result<Vec<Tensor>> {
    let read = |weight: &Entry| Ok((weight.tensor.shape().to_vec(), weight.tensor.to_f32().to_vec::<f32>()?));
    let values: Vec<(Vec<usize>, Vec<f32>)> = weights.iter().map(read).collect::<Result<_>>()?;
    let slices: Vec<(&[usize], &[f32])> =
        values.iter().map(|(shape, values)| (shape.as_slice(), values.as_slice())).collect();
    let made = filter_normalised(&slices, seed)?;
    let tensor = |(weight, values): (&Entry, Vec<f32>)| {
        Tensor::from_slice(&values, weight.tensor.shape().clone(), weight.tensor.device())
            .to_dtype(weight.tensor.dtype())
    };
    Ok(weights.iter().zip(made).map(tensor).collect())
}
