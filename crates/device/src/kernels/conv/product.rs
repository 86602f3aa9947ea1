use anygrad_layout::{DType, Layout, Shape};

use super::Geometry;
use crate::kernels::matmul::{matmul, matmul_then};
use crate::kernels::{Pointwise, SourceKind};
use crate::{Caps, DeviceError, Lowered, Operand};

/// The factors of a convolution that is a matrix product, and whether the weights are the first.
#[derive(Clone, Debug)]
pub(super) struct Factors {
    a: Layout,
    b: Layout,
    weights_first: bool,
}

/// A convolution is a product of matrices without any gathering if its window is one position,
/// `[n, g, o, c] × [n, g, c, positions]`, or covers the whole input, `[n, c·taps] × [c·taps, o]`; or
/// `[o, c·taps] × [c·taps, n]`, where samples and channels of the output are `exchanged`.
pub(super) fn factors(geometry: &Geometry, x: &Layout, w: &Layout, exchanged: bool) -> Option<Factors> {
    let plain = geometry.spread == [1; 3] && geometry.pad_lo == [0; 3];
    let (n, g) = (geometry.batch, geometry.groups);
    let (c, o) = (geometry.group_inputs, geometry.group_outputs);
    if !plain || geometry.outputs() == 0 || geometry.reads_nothing() {
        return None;
    }
    let same = geometry.stride == [1; 3] && geometry.output == geometry.input;
    if geometry.kernel == [1; 3] && same && !exchanged {
        let b = x.reshape(&[n, g, c, geometry.positions()])?;
        let a = w.reshape(&[g, o, c])?.expand(&[n, g, o, c]);
        return Some(Factors { a, b, weights_first: true });
    }
    if geometry.output == [1; 3] && geometry.kernel == geometry.input && geometry.dilation == [1; 3] && g == 1
    {
        let (x, w) = (x.reshape(&[n, geometry.taps()])?, w.reshape(&[o, geometry.taps()])?);
        return Some(match exchanged {
            true => Factors { a: w, b: x.permute(&[1, 0]), weights_first: true },
            false => Factors { a: x, b: w.permute(&[1, 0]), weights_first: false },
        });
    }
    None
}

pub(super) fn product(geometry: &Geometry, caps: &Caps) -> Result<Lowered, DeviceError> {
    let Some(factors) = &geometry.product else {
        return Err(DeviceError::Unsupported {
            what: format!("as a product: {:?}", Shape::from(geometry.kernel)),
        });
    };
    let mut lowered = match geometry.tail.as_deref() {
        None => matmul(&factors.a, &factors.b, DType::F32, caps, None)?,
        Some(tail) if factors.weights_first => {
            matmul_then(&factors.a, &factors.b, &exchanged(tail), caps, None)?
        }
        Some(tail) => matmul_then(&factors.a, &factors.b, tail, caps, None)?,
    };
    if factors.weights_first {
        // the op's inputs are (x, w)
        for (operand, _) in lowered.launches.iter_mut().flat_map(|launch| &mut launch.bindings) {
            match operand {
                Operand::Input(0) => *operand = Operand::Input(1),
                Operand::Input(1) => *operand = Operand::Input(0),
                _ => {}
            }
        }
    }
    Ok(lowered)
}

/// A program that finds input 0 at 1, and the other way round.
fn exchanged(program: &Pointwise) -> Pointwise {
    let mut program = program.clone();
    for source in &mut program.inputs {
        source.kind = match source.kind {
            SourceKind::Buffer(0) => SourceKind::Buffer(1),
            SourceKind::Buffer(1) => SourceKind::Buffer(0),
            other => other,
        };
    }
    program
}
