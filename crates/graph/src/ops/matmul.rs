//! Matrix products.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::{Pointwise, matmul as kernel};
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout, Shape};

use super::views;
use crate::Tensor;
use crate::op::{Gradients, Meta, Op, Vjp};
use crate::tensor::State;

/// `[batch.., m, k] × [batch.., k, n] → [batch.., m, n]`; the batch axes are equal. Transposed and broadcast
/// operands are views, read through their strides.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct MatMul;

impl Op for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [left, right] = inputs else { return Err(format!("takes 2 inputs, got {}", inputs.len())) };
        let (a, b) = (&left.shape, &right.shape);
        if left.dtype != right.dtype {
            return Err(format!("dtypes differ: left {}, right {}", left.dtype, right.dtype));
        }
        if left.dtype == DType::Bool {
            return Err("does not take bool".into());
        }
        let ([batch_a @ .., m, k], [batch_b @ .., rows, n]) = (&a[..], &b[..]) else {
            return Err(format!("takes matrices: left {a}, right {b}"));
        };
        if k != rows {
            return Err(format!("inner dimensions differ: left {a}, right {b}"));
        }
        if batch_a != batch_b {
            return Err(format!("batch dimensions differ: left {a}, right {b}"));
        }
        let mut shape = Shape::from(batch_a);
        shape.push(*m);
        shape.push(*n);
        Ok(Meta { shape, dtype: left.dtype })
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        // Y = A·B: dA = dY·Bᵀ, dB = Aᵀ·dY
        match v.inputs {
            [a, b] => Some(vec![
                Some(Tensor::record(MatMul, &[v.grad, &b.t()])),
                Some(Tensor::record(MatMul, &[&a.t(), v.grad])),
            ]),
            _ => None,
        }
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [a, b] = views("matmul", inputs)?;
        anygrad_cpu::matmul(host, a, b)
    }
    fn flops(&self, inputs: &[&Meta], output: &Meta) -> u64 {
        let depth = inputs.first().and_then(|a| a.shape.last()).copied().unwrap_or(0);
        2 * (output.shape.numel() as u64).saturating_mul(depth as u64)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        kernel::matmul(&inputs[0], &inputs[1], dtypes[0], caps, None)
    }
    fn stores_through(&self) -> bool {
        true
    }
    fn lower_then(
        &self,
        inputs: &[Layout],
        _: &[DType],
        tail: &Pointwise,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        kernel::matmul_then(&inputs[0], &inputs[1], tail, caps, None)
    }
}

/// The factors of a product that has not been computed.
pub(crate) fn factors(product: &Tensor) -> Option<(Tensor, Tensor)> {
    product.0.op.as_any().downcast_ref::<MatMul>()?;
    match &*product.0.state() {
        State::Pending(inputs) => match &inputs[..] {
            [a, b] => Some((a.clone(), b.clone())),
            _ => None,
        },
        _ => None,
    }
}

impl Tensor {
    /// Matrix product, as `torch.matmul`: `[.., m, k] × [.., k, n] → [.., m, n]` with broadcast batch axes. A
    /// vector on the left is a row, on the right a column, and its axis disappears from the result.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let device = Device::cpu();
    /// let a = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2], &device);
    /// let x = Tensor::from_slice(&[1.0f32, -1.0], [2], &device);
    /// assert_eq!(a.matmul(&x).to_vec::<f32>()?, [-1.0, -1.0]);
    /// let error = a.matmul(&Tensor::ones([3, 2], &device)).check().unwrap_err().to_string();
    /// assert!(error.starts_with("matmul: inner dimensions differ: left [2, 2], right [3, 2]"), "{error}");
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn matmul(&self, other: &Tensor) -> Tensor {
        let (a, b) = (self, other);
        if a.check().is_err() || b.check().is_err() {
            return Tensor::record(MatMul, &[a, b]);
        }
        // said here, of the shapes as they were given, and not of what they are brought to below
        if a.rank() > 0 && b.rank() > 0 && a.size(-1) != b.size(if b.rank() == 1 { 0 } else { -2 }) {
            let message = format!("inner dimensions differ: left {}, right {}", a.shape(), b.shape());
            return Tensor::wrong("matmul", message, &[("left", a), ("right", b)]);
        }
        match (a.rank(), b.rank()) {
            (0, _) | (_, 0) => Tensor::record(MatMul, &[a, b]),
            (1, 1) => a.unsqueeze(0).matmul(&b.unsqueeze(1)).reshape(Shape::scalar()),
            (1, _) => a.unsqueeze(0).matmul(b).squeeze(-2),
            (_, 1) => a.matmul(&b.unsqueeze(1)).squeeze(-1),
            // one matrix for all: its batch axes are rows of one product
            (_, 2) if a.rank() > 2 => {
                let mut shape = a.shape().clone();
                shape[a.rank() - 1] = b.size(1);
                let rows = a.numel() / a.size(-1).max(1);
                if a.numel() == 0 {
                    return self.batched(b);
                }
                a.reshape([rows, a.size(-1)]).matmul(b).reshape(shape)
            }
            (2, 2) => Tensor::record(MatMul, &[a, b]),
            _ => self.batched(b),
        }
    }

    #[track_caller]
    fn batched(&self, other: &Tensor) -> Tensor {
        let split = |t: &Tensor| t.rank().saturating_sub(2);
        let (batch_a, matrix_a) = self.shape().split_at(split(self));
        let (batch_b, matrix_b) = other.shape().split_at(split(other));
        let Some(batch) = anygrad_layout::broadcast(batch_a, batch_b) else {
            return Tensor::record(MatMul, &[self, other]);
        };
        let with = |matrix: &[usize]| batch.iter().chain(matrix).copied().collect::<Shape>();
        Tensor::record(MatMul, &[&self.expand(with(matrix_a)), &other.expand(with(matrix_b))])
    }
}
