//! Records a case on a device, with its derivatives, and computes them.

use anygrad_graph::{DType, Device, Error, Shape, Tensor, eval, f16, grad};

use crate::case::Case;
use crate::draw::Draw;

/// Whether float inputs are f32, as users have them, f64, as the reference has, or f16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    Single,
    Double,
    Half,
}

/// A case in a graph. Not computed yet.
pub struct Recorded {
    pub output: Tensor,
    /// Σ weight·output, if derivatives are wanted.
    pub loss: Option<Tensor>,
    /// The gradients of the loss for the differentiable leaves.
    pub first: Vec<Tensor>,
    /// Σ weight·gradient over all leaves.
    pub slope: Option<Tensor>,
    /// The gradients of the slope; `None` where it does not depend on the leaf.
    pub second: Vec<Option<Tensor>>,
}

/// What a case gives.
pub struct Numbers {
    pub shape: Shape,
    pub dtype: DType,
    pub output: Vec<f64>,
    pub first: Vec<Vec<f64>>,
    pub second: Vec<Vec<f64>>,
}

pub fn record(case: &Case, device: &Device, precision: Precision, values: &[Vec<f64>]) -> Recorded {
    let leaves: Vec<Tensor> = case
        .inputs
        .iter()
        .zip(values)
        .map(|(input, values)| leaf(values, &input.stored_shape(), dtype(input.dtype, precision), device))
        .collect();
    let inputs: Vec<Tensor> =
        case.inputs.iter().zip(&leaves).map(|(input, leaf)| input.arrange(leaf)).collect();
    let output = (case.build)(&inputs);
    let wrt: Vec<&Tensor> =
        case.inputs.iter().zip(&leaves).filter(|(i, _)| i.differentiable).map(|(_, t)| t).collect();
    let mut recorded = Recorded { output, loss: None, first: Vec::new(), slope: None, second: Vec::new() };
    if case.order == 0 || recorded.output.check().is_err() {
        return recorded;
    }
    let mut draw = Draw::named(&format!("{} weights", case.name));
    let loss = weighted(&recorded.output, &mut draw);
    recorded.first = grad(&loss, &wrt);
    recorded.loss = Some(loss);
    if case.order >= 2 && recorded.first.iter().all(|g| g.check().is_ok()) {
        let slope = recorded.first.iter().map(|g| weighted(g, &mut draw)).reduce(|a, b| a + b);
        if let Some(slope) = &slope {
            recorded.second = grad(slope, &wrt).into_iter().map(not_constant).collect();
        }
        recorded.slope = slope;
    }
    recorded
}

/// `None` for the gradient of something that does not depend on the leaf, as linear ops have it.
fn not_constant(g: Tensor) -> Option<Tensor> {
    match g.check() {
        Err(error) if error.to_string().contains("the loss does not depend on") => None,
        _ => Some(g),
    }
}

fn weighted(t: &Tensor, draw: &mut Draw) -> Tensor {
    let weights: Vec<f64> = (0..t.numel()).map(|_| f64::from(draw.float(-1.0, 1.0) as f32)).collect();
    (t * leaf(&weights, t.shape(), t.dtype(), t.device())).sum_all()
}

/// Computes everything in one run, as one program.
pub fn compute(case: &Case, device: &Device, precision: Precision) -> Result<Numbers, Error> {
    compute_with(case, device, precision, &case.values())
}

/// The same from other values.
pub fn compute_with(
    case: &Case,
    device: &Device,
    precision: Precision,
    values: &[Vec<f64>],
) -> Result<Numbers, Error> {
    let recorded = record(case, device, precision, values);
    let second = recorded.second.iter().flatten();
    let all: Vec<&Tensor> = [&recorded.output].into_iter().chain(&recorded.first).chain(second).collect();
    eval(&all)?;
    let zeros = |like: &Tensor| Ok(vec![0.0; like.numel()]);
    let second = recorded.second.iter().zip(&recorded.first);
    Ok(Numbers {
        shape: recorded.output.shape().clone(),
        dtype: recorded.output.dtype(),
        output: read(&recorded.output)?,
        first: recorded.first.iter().map(read).collect::<Result<_, _>>()?,
        second: second.map(|(h, g)| h.as_ref().map_or_else(|| zeros(g), read)).collect::<Result<_, _>>()?,
    })
}

fn dtype(dtype: DType, precision: Precision) -> DType {
    match (dtype, precision) {
        (DType::F32, Precision::Double) => DType::F64,
        (DType::F32, Precision::Half) => DType::F16,
        _ => dtype,
    }
}

pub fn leaf(values: &[f64], shape: &[usize], dtype: DType, device: &Device) -> Tensor {
    match dtype {
        DType::F64 => Tensor::from_slice(values, shape, device),
        DType::F16 => Tensor::from_slice(&each(values, f16::from_f64), shape, device),
        DType::I32 => Tensor::from_slice(&each(values, |v| v as i32), shape, device),
        DType::U32 => Tensor::from_slice(&each(values, |v| v as u32), shape, device),
        DType::Bool => Tensor::from_slice(&each(values, |v| v != 0.0), shape, device),
        _ => Tensor::from_slice(&each(values, |v| v as f32), shape, device),
    }
}

/// The elements as f64, which holds all of them.
pub fn read(t: &Tensor) -> Result<Vec<f64>, Error> {
    Ok(match t.dtype() {
        DType::F64 => t.to_vec::<f64>()?,
        DType::F16 => each(&t.to_vec::<f16>()?, f64::from),
        DType::I32 => each(&t.to_vec::<i32>()?, f64::from),
        DType::U32 => each(&t.to_vec::<u32>()?, f64::from),
        DType::Bool => each(&t.to_vec::<bool>()?, |b| f64::from(u8::from(b))),
        _ => each(&t.to_vec::<f32>()?, f64::from),
    })
}

fn each<T: Copy, U>(values: &[T], f: impl Fn(T) -> U) -> Vec<U> {
    values.iter().map(|&v| f(v)).collect()
}
