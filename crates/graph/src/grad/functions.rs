//! Derivatives as functions of functions.

use std::panic::Location;

use super::Backward;
use super::custom::Argument;
use crate::op::OpRef;
use crate::{Shape, Tensor, scope};

/// A tensor as the argument of a function: what else depends on it is a constant to the function's derivative.
fn argument(x: &Tensor) -> Tensor {
    Tensor::record(OpRef::Static(&Argument), &[x])
}

/// The value of `f` at `inputs` and its gradients there, one for each input. Nothing runs.
///
/// `f` returns a float scalar. What it captures is a constant, also where that depends on `inputs`. Poisoned are the
/// gradients in the cases of [`grad`](crate::grad). Evaluating something inside of `f` cuts the gradients that would
/// pass it.
///
/// ```
/// use anygrad_graph::{Device, Tensor, value_and_grad};
/// let cpu = Device::cpu();
/// let x = Tensor::from_slice(&[1.0f32, 2.0], [2], &cpu);
/// let w = Tensor::from_slice(&[3.0f32, 4.0], [2], &cpu);
/// let (value, gradients) = value_and_grad(|t| (&t[0] * t[1].square()).sum_all(), &[&x, &w]);
/// assert_eq!(value.item()?, 41.0);
/// assert_eq!(gradients[0].to_vec::<f32>()?, [9.0, 16.0]);
/// assert_eq!(gradients[1].to_vec::<f32>()?, [6.0, 16.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn value_and_grad(f: impl FnOnce(&[Tensor]) -> Tensor, inputs: &[&Tensor]) -> (Tensor, Vec<Tensor>) {
    let caller = Location::caller();
    let arguments: Vec<Tensor> = scope::recorded_at(caller, || inputs.iter().map(|t| argument(t)).collect());
    let value = f(&arguments);
    let wrt: Vec<&Tensor> = arguments.iter().collect();
    let gradients = Backward { name: "value_and_grad", caller, zeros: false }.of_loss(&value, &wrt);
    (value, gradients)
}

/// The gradient of `f`, which maps a tensor to a float scalar, as a function of the point. What `f` captures is a
/// constant. Errors are those of [`value_and_grad`].
///
/// The gradient of a function of one number is again one, so `gradient(gradient(f))` is the second derivative.
///
/// ```
/// use anygrad_graph::{Device, Tensor, gradient};
/// let cpu = Device::cpu();
/// let x = Tensor::from_slice(&[1.0f32, 2.0], [2], &cpu);
/// let y = Tensor::from_slice(&[3.0f32], [], &cpu);
/// let w0 = Tensor::from_slice(&[0.5f32, 0.5], [2], &cpu);
/// let slope = gradient(|w| ((w * &x).sum_all() - &y).square());
/// assert_eq!(slope(&w0).to_vec::<f32>()?, [-3.0, -6.0]); // 2·(w·x − y)·x
///
/// let cube = gradient(gradient(|t| t.powi(3).sum_all()));
/// assert_eq!(cube(&Tensor::from_slice(&[2.0f32], [], &cpu)).item()?, 12.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn gradient(f: impl Fn(&Tensor) -> Tensor) -> impl Fn(&Tensor) -> Tensor {
    let caller = Location::caller();
    move |x| {
        let at = scope::recorded_at(caller, || argument(x));
        let backward = Backward { name: "gradient", caller, zeros: false };
        first(backward.of_loss(&f(&at), &[&at]), x)
    }
}

/// The gradient for the only tensor that was asked for.
fn first(gradients: Vec<Tensor>, x: &Tensor) -> Tensor {
    gradients.into_iter().next().unwrap_or_else(|| x.clone())
}

/// `∇²f(x) · v` for a function `f` of one tensor to a float scalar and a `v` of the shape and dtype of `x`: the
/// gradient of `∇f(x) · v`. It costs about as much as two gradients, and the matrix of second derivatives is never
/// made (Pearlmutter 1994, Fast exact multiplication by the Hessian). Zeros if the gradient is constant.
///
/// ```
/// use anygrad_graph::{Device, Tensor, hessian_vector_product};
/// let cpu = Device::cpu();
/// let x = Tensor::from_slice(&[2.0f32, 3.0], [2], &cpu);
/// let v = Tensor::from_slice(&[1.0f32, 0.0], [2], &cpu);
/// // f = x₀²·x₁, whose second derivatives are [[2·x₁, 2·x₀], [2·x₀, 0]]
/// let f = |x: &Tensor| (x.slice(0, 0, 1).square() * x.slice(0, 1, 1)).sum_all();
/// assert_eq!(hessian_vector_product(f, &x, &v).to_vec::<f32>()?, [6.0, 4.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn hessian_vector_product(f: impl FnOnce(&Tensor) -> Tensor, x: &Tensor, v: &Tensor) -> Tensor {
    let caller = Location::caller();
    let backward = Backward { name: "hessian_vector_product", caller, zeros: true };
    if x.check().is_ok() && v.check().is_ok() && (x.shape() != v.shape() || x.dtype() != v.dtype()) {
        let of = |t: &Tensor| format!("{} {}", t.dtype(), t.shape());
        let message = format!("the vector is {}, the point {}", of(v), of(x));
        return backward.wrong(message, &[("point", x), ("vector", v)]);
    }
    let at = scope::recorded_at(caller, || argument(x));
    let slope = first(backward.of_loss(&f(&at), &[&at]), x);
    let along = scope::recorded_at(caller, || (slope * v).sum_all());
    first(backward.of_loss(&along, &[&at]), x)
}

/// The matrix of derivatives of `f`, which maps a tensor to a float tensor, at `x`: of shape `[output…, x…]`, element
/// `[i…, j…]` is `∂f_i/∂x_j`. Zeros where the output does not depend on `x`.
///
/// A gradient is recorded for each element of the output, so this is for small outputs.
///
/// ```
/// use anygrad_graph::{Device, Tensor, jacobian};
/// let x = Tensor::from_slice(&[2.0f32, 3.0], [2], &Device::cpu());
/// let j = jacobian(|x| x.square(), &x);
/// assert_eq!(j.to_vec::<f32>()?, [4.0, 0.0, 0.0, 6.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn jacobian(f: impl FnOnce(&Tensor) -> Tensor, x: &Tensor) -> Tensor {
    let caller = Location::caller();
    let at = scope::recorded_at(caller, || argument(x));
    Backward { name: "jacobian", caller, zeros: true }.rows(&f(&at), &at)
}

/// The matrix of second derivatives of `f`, which maps a tensor to a float scalar, at `x`: of shape `[x…, x…]`. A
/// gradient is recorded for each element of `x`, so this is for small tensors; [`hessian_vector_product`] is for
/// large ones. Zeros if the gradient is constant.
///
/// ```
/// use anygrad_graph::{Device, Tensor, hessian};
/// let x = Tensor::from_slice(&[0.5f32, -1.0], [2], &Device::cpu());
/// // the saddle x₀² − x₁²
/// let f = |x: &Tensor| (x.slice(0, 0, 1).square() - x.slice(0, 1, 1).square()).sum_all();
/// assert_eq!(hessian(f, &x).to_vec::<f32>()?, [2.0, 0.0, 0.0, -2.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn hessian(f: impl FnOnce(&Tensor) -> Tensor, x: &Tensor) -> Tensor {
    let caller = Location::caller();
    let backward = Backward { name: "hessian", caller, zeros: true };
    let at = scope::recorded_at(caller, || argument(x));
    let slope = first(backward.of_loss(&f(&at), &[&at]), x);
    backward.rows(&slope, &at)
}

impl Backward {
    /// The derivatives of each element of `output`, one after another.
    fn rows(self, output: &Tensor, x: &Tensor) -> Tensor {
        if output.check().is_err() || x.check().is_err() || !output.dtype().is_float() {
            let message = format!("the output is {}, not a float", output.dtype());
            return self.wrong(message, &[("output", output), ("point", x)]);
        }
        let sizes: Vec<usize> = output.shape().iter().chain(x.shape().iter()).copied().collect();
        let shape = Shape::from(sizes);
        if shape.checked_numel().is_none_or(|n| n > u32::MAX as usize) {
            let message = format!("the result would have shape {shape}: more than 2^32 elements");
            return self.wrong(message, &[("output", output), ("point", x)]);
        }
        let flat = scope::recorded_at(self.caller, || output.reshape([output.numel()]));
        let row = |i: usize| {
            let element = scope::recorded_at(self.caller, || flat.slice(0, i, 1).reshape(Shape::scalar()));
            let row = first(self.of_loss(&element, &[x]), x);
            scope::recorded_at(self.caller, || row.reshape([1, x.numel()]))
        };
        let rows: Vec<Tensor> = (0..output.numel()).map(row).collect();
        scope::recorded_at(self.caller, || match rows.is_empty() {
            true => Tensor::full(shape, 0.0, x.dtype(), x.device()),
            false => Tensor::concat(&rows.iter().collect::<Vec<_>>(), 0).reshape(shape),
        })
    }
}
