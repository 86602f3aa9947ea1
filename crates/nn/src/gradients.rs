//! Gradients by path, and functions of them that compose.

use std::sync::Arc;

use anygrad_graph::Tensor;

/// The gradients of a loss for the parameters of a store, in its order; see [`Params::grad`](crate::Params::grad).
/// They are pending tensors: clipping or scaling them records more graph.
#[derive(Clone, Debug)]
pub struct Gradients {
    loss: Tensor,
    entries: Vec<(Arc<str>, Tensor)>,
}

impl Gradients {
    /// Gradients of `loss` by the paths of the parameters: those of [`Params::grad`](crate::Params::grad), or any
    /// directions of your own, which an optimizer goes against. The perceptron rule (Rosenblatt 1958), which is no
    /// gradient of a smooth loss:
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, Gradients, Layer, Linear, Optimizer, Params, Sgd, step};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let fc = Linear::new(params.at("fc"), 2, 1);
    /// let x = Tensor::from_slice(&[0.0f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2], &device);
    /// let and = Tensor::from_slice(&[0.0f32, 0.0, 0.0, 1.0], [4, 1], &device);
    /// for _ in 0..50 {
    ///     let wrong = &and - step(&fc.forward(&x, &mut Ctx::train(0))); // 1, 0 or −1
    ///     let directions =
    ///         vec![("fc.weight".into(), -wrong.transpose(0, 1).matmul(&x)), ("fc.bias".into(), -wrong.sum(&[0]))];
    ///     Sgd::default().step(&params, Gradients::new(wrong.abs().sum_all(), directions), 0.5)?;
    /// }
    /// let outputs = step(&fc.forward(&x, &mut Ctx::eval())).to_vec::<f32>()?;
    /// assert_eq!(outputs, [0.0, 0.0, 0.0, 1.0]);
    /// # Ok::<(), anygrad_nn::Error>(())
    /// ```
    pub fn new(loss: Tensor, entries: Vec<(Arc<str>, Tensor)>) -> Self {
        Self { loss, entries }
    }

    /// The loss they belong to.
    pub fn loss(&self) -> &Tensor {
        &self.loss
    }

    /// The gradient of the parameter at `path`.
    pub fn get(&self, path: &str) -> Option<&Tensor> {
        self.entries.iter().find(|(p, _)| &**p == path).map(|(_, gradient)| gradient)
    }

    /// Paths and gradients.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.entries.iter().map(|(path, gradient)| (&**path, gradient))
    }

    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Each gradient replaced by a function of its path and itself: scaling, penalties, noise.
    pub fn map(self, mut f: impl FnMut(&str, &Tensor) -> Tensor) -> Self {
        let entries = self.entries.into_iter().map(|(path, g)| {
            let g = f(&path, &g);
            (path, g)
        });
        Self { entries: entries.collect(), loss: self.loss }
    }

    /// The length of all gradients as one vector, `√Σ g²`: a scalar.
    #[track_caller]
    pub fn norm(&self) -> Tensor {
        let squares = self.entries.iter().map(|(_, g)| g.square().sum_all());
        match squares.reduce(|sum, square| sum + square) {
            Some(sum) => sum.sqrt(),
            None => self.loss.zeros_like(),
        }
    }

    /// Whether no gradient has an element that is NaN or infinite: a bool scalar.
    #[track_caller]
    pub fn all_finite(&self) -> Tensor {
        let finite = self.entries.iter().map(|(_, g)| g.is_finite().all_all());
        match finite.reduce(|all, finite| all.logical_and(finite)) {
            Some(finite) => finite,
            None => self.loss.is_finite().all_all(),
        }
    }

    pub(crate) fn into_parts(self) -> (Tensor, Vec<(Arc<str>, Tensor)>) {
        (self.loss, self.entries)
    }
}

/// Scales all gradients by one factor so that their norm as one vector is at most `max`, and returns them with
/// the norm before: `g · min(1, max / (‖g‖ + 10⁻⁶))`, as PyTorch's `clip_grad_norm_`.
///
/// The direction is kept. A norm that is NaN makes all gradients NaN.
#[track_caller]
pub fn clip_global_norm(mut gradients: Gradients, max: f64) -> (Gradients, Tensor) {
    let norm = gradients.norm();
    let scale = match wrong_limit(max) {
        Some(message) => Tensor::wrong("clip_global_norm", message, &[("norm", &norm)]),
        // 10⁻⁶ keeps the quotient finite where all gradients are 0
        None => (max / (&norm + 1e-6)).minimum(1.0),
    };
    for (_, g) in &mut gradients.entries {
        *g = &*g * &scale;
    }
    (gradients, norm)
}

/// Scales each gradient by itself so that its norm is at most `max`: `g · min(1, max / (‖g‖ + 10⁻⁶))`, as Keras'
/// `clipnorm` does for each variable. The direction of all gradients together may change, which that of
/// [`clip_global_norm`] does not.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Init, Params, clip_norm};
/// let params = Params::new(&Device::cpu(), 42);
/// let w = params.at("w").parameter("", [2], Init::Zeros);
/// let loss = (w.tensor() * Tensor::from_slice(&[3.0f32, 4.0], [2], &Device::cpu())).sum_all();
/// let clipped = clip_norm(params.grad(&loss), 1.0);
/// let g = clipped.get("w").map(|g| g.to_vec::<f32>()).transpose()?;
/// assert!(g.is_some_and(|g| (g[0] - 0.6).abs() < 1e-6 && (g[1] - 0.8).abs() < 1e-6));
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn clip_norm(mut gradients: Gradients, max: f64) -> Gradients {
    let wrong = wrong_limit(max);
    for (_, g) in &mut gradients.entries {
        *g = match &wrong {
            Some(message) => Tensor::wrong("clip_norm", message.clone(), &[("gradient", g)]),
            None => &*g * (max / (g.square().sum_all().sqrt() + 1e-6)).minimum(1.0),
        };
    }
    gradients
}

/// Holds every element of every gradient between `−limit` and `limit`. The direction may change.
#[track_caller]
pub fn clip_value(mut gradients: Gradients, limit: f64) -> Gradients {
    let wrong = wrong_limit(limit);
    for (_, g) in &mut gradients.entries {
        *g = match &wrong {
            Some(message) => Tensor::wrong("clip_value", message.clone(), &[("gradient", g)]),
            None => g.clamp(-limit, limit),
        };
    }
    gradients
}

fn wrong_limit(limit: f64) -> Option<String> {
    (limit.is_nan() || limit <= 0.0).then(|| format!("the limit is {limit}; it must be above 0"))
}
