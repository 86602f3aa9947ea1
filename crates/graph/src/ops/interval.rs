//! Sums over intervals of an axis: adaptive pooling and resizing are made of them.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::interval as kernel;
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Intervals, Layout};

use super::views;
use crate::Tensor;
use crate::op::{Gradients, Meta, Op, Vjp};

/// `y[.., o, ..] = Σ_{i in intervals.of(o)} x[.., i, ..]` along an axis, which gets `size` positions.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct IntervalSum {
    /// The axis.
    pub axis: usize,
    /// Its size in the output.
    pub size: usize,
    /// Which inputs each output adds up.
    pub intervals: Intervals,
}

impl Op for IntervalSum {
    fn name(&self) -> &'static str {
        "interval_sum"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [x] = inputs else { return Err(format!("takes 1 input, got {}", inputs.len())) };
        if !x.dtype.is_float() {
            return Err(format!("takes floats, not {}", x.dtype));
        }
        let Some(&n) = x.shape.get(self.axis) else {
            return Err(format!("axis {} is out of range for {} axes", self.axis, x.shape.rank()));
        };
        if !self.intervals.fits(n, self.size) {
            return Err(format!(
                "{n} to {} positions along axis {} of {} are too many for 31 bits",
                self.size, self.axis, x.shape
            ));
        }
        let mut shape = x.shape.clone();
        shape[self.axis] = self.size;
        Ok(Meta { shape, dtype: x.dtype })
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        // the inputs of an output get its gradient: y = A·x, dx = Aᵀ·g
        let size = v.inputs.first()?.shape().get(self.axis).copied()?;
        let back = IntervalSum { axis: self.axis, size, intervals: self.intervals.adjoint() };
        Some(vec![Some(Tensor::record(back, &[v.grad]))])
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [x] = views("interval_sum", inputs)?;
        anygrad_cpu::interval_sum(host, x, self.axis, self.size, self.intervals)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        kernel::interval_sum(&inputs[0], dtypes[0], self.axis, self.size, self.intervals, caps)
    }
}
