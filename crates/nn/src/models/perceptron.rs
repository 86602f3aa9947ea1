use anygrad_graph::{DType, Tensor};

use crate::error::{Error, Result};
use crate::{Init, Param, ParamPath};

/// A single neuron with a threshold (Rosenblatt 1958): `y = 1` where `x·w + b > 0`, else 0.
///
/// It has no gradient and is taught by the perceptron rule, `w += rate · (t − y) · x` and `b += rate · (t − y)`, sample
/// by sample. If a line separates the classes it finds one after finitely many mistakes (Novikoff 1962); if none does,
/// as for XOR, it never stops.
///
/// Entries: `weight` `[inputs]` and `bias` `[]`, both 0 at first.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::Params;
/// use anygrad_nn::models::Perceptron;
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let gate = Perceptron::new(params.at("and"), 2);
/// let x = Tensor::from_slice(&[0.0f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2], &device);
/// let and = Tensor::from_slice(&[0.0f32, 0.0, 0.0, 1.0], [4], &device);
/// let epochs = gate.fit(&x, &and, 1.0, 50)?;
/// assert!(epochs.is_some());
/// assert_eq!(gate.predict(&x).to_vec::<f32>()?, [0.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
#[derive(Debug)]
pub struct Perceptron {
    path: ParamPath,
    weight: Param,
    bias: Param,
}

impl Perceptron {
    /// A neuron of `inputs` inputs.
    pub fn new(path: ParamPath, inputs: usize) -> Self {
        let weight = path.parameter("weight", [inputs], Init::Zeros);
        let bias = path.parameter("bias", [0usize; 0], Init::Zeros);
        Self { path, weight, bias }
    }

    /// The answers, 0 or 1, for `[n, inputs]`: `[n]`.
    #[track_caller]
    pub fn predict(&self, x: &Tensor) -> Tensor {
        let score = x.matmul(&self.weight.tensor()) + self.bias.tensor();
        score.gt(0.0).to_dtype(x.dtype())
    }

    /// Goes through the samples `x` `[n, inputs]` with targets 0 or 1 `[n]` in order, at most `epochs` times. Returns
    /// after how many times no answer was wrong, or none if some still are. From weights of 0 the rate changes their
    /// size and no answer, so 1 will do.
    ///
    /// # Errors
    /// Shapes or dtypes do not fit; a target is neither 0 nor 1; the rate is not above 0.
    pub fn fit(&self, x: &Tensor, targets: &Tensor, rate: f64, epochs: usize) -> Result<Option<usize>> {
        let wrong = |message: String| Error::Setting { what: "perceptron", message };
        if !(rate.is_finite() && rate > 0.0) {
            return Err(wrong(format!("the rate is {rate}; it must be above 0")));
        }
        let (weight, bias) = (self.weight.tensor(), self.bias.tensor());
        let inputs = weight.numel();
        if x.shape()[..] != [targets.numel(), inputs] || targets.rank() != 1 {
            let shapes = format!("input {}, targets {}", x.shape(), targets.shape());
            return Err(wrong(format!("takes [n, {inputs}] and [n]: {shapes}")));
        }
        let host = |t: &Tensor| t.to(&anygrad_graph::Device::cpu()).to_dtype(DType::F64).to_vec::<f64>();
        let (samples, targets) = (host(x)?, host(targets)?);
        if let Some(target) = targets.iter().find(|&&t| t != 0.0 && t != 1.0) {
            return Err(wrong(format!("a target is {target}, not 0 or 1")));
        }
        let (mut w, mut b) = (host(&weight)?, bias.item_f64()?);
        let mut done = None;
        for epoch in 1..=epochs {
            let mut mistakes = 0;
            for (sample, target) in samples.chunks(inputs.max(1)).zip(&targets) {
                let score: f64 = b + sample.iter().zip(&w).map(|(x, w)| x * w).sum::<f64>();
                let error = target - f64::from(u8::from(score > 0.0));
                if error != 0.0 {
                    mistakes += 1;
                    w.iter_mut().zip(sample).for_each(|(w, x)| *w += rate * error * x);
                    b += rate * error;
                }
            }
            if mistakes == 0 {
                done = Some(epoch);
                break;
            }
        }
        let back = |values: &[f64], like: &Tensor| {
            Tensor::from_slice(values, like.shape(), &anygrad_graph::Device::cpu())
                .to_dtype(like.dtype())
                .to(like.device())
        };
        let params = self.path.params();
        params.set(self.weight.path(), &back(&w, &weight))?;
        params.set(self.bias.path(), &back(&[b], &bias))?;
        Ok(done)
    }
}
