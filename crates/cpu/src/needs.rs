//! What a program asks of the storages that it is run on.

use anygrad_layout::DType;

use crate::{CpuError, Storage};

/// Input `input` is read as `dtype` and up to element `extent`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub input: usize,
    pub dtype: DType,
    pub extent: usize,
}

/// Checks inputs against `needs`, and outputs against their types and lengths, for an error of `op`.
pub(crate) fn check(
    op: &'static str,
    (needs, inputs): (&[Need], &[&Storage]),
    (kept, outputs): (impl ExactSizeIterator<Item = (DType, usize)>, &[Storage]),
) -> Result<(), CpuError> {
    if outputs.len() != kept.len() {
        return Err(CpuError::Invalid { op, why: "the outputs are not as many as it has" });
    }
    for need in needs {
        let Some(storage) = inputs.get(need.input) else {
            return Err(CpuError::Invalid { op, why: "an input is missing" });
        };
        if storage.dtype() != need.dtype {
            return Err(CpuError::DType { op, expected: need.dtype, found: storage.dtype() });
        }
        if storage.len() < need.extent {
            return Err(CpuError::OutOfBounds { op, shape: vec![need.extent], len: storage.len() });
        }
    }
    for (storage, (dtype, len)) in outputs.iter().zip(kept) {
        if storage.dtype() != dtype {
            return Err(CpuError::DType { op, expected: dtype, found: storage.dtype() });
        }
        if storage.len() != len {
            return Err(CpuError::Shape { op, left: vec![len], right: vec![storage.len()] });
        }
    }
    Ok(())
}
