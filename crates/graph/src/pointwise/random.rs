//! The counter-based random generator.

use anygrad_layout::DType;

use super::row::{gradient, lanes, pointwise};
use super::{Class, Types};
use crate::Tensor;

pointwise! {
    /// The first word of the Threefry-2x32-20 block `(self, 0)` under the key `(k0, k1)`: 32 random bits that are
    /// the same on every device (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011).
    threefry(x, k0, k1) Types::Same(Class::Only(DType::U32)) => {
        cpu: same [U32] anygrad_cpu::threefry(x, [k0, k1])[0],
        wgsl: [_ => "ag_threefry($0, $1, $2)"],
        vjp: none,
        probe: (0.0, 1e9),
    }
    /// 32 random bits as an f32 in [0, 1): the top 24 bits times 2⁻²⁴, so every value is exact.
    unit_float(x) Types::To(Class::Only(DType::U32), DType::F32) => {
        cpu: to_f32 [U32] anygrad_cpu::unit_float(x),
        wgsl: [_ => "ag_unit_float($0)"],
        vjp: none,
        probe: (0.0, 4e9),
    }
}
