use anygrad_layout::DType;

/// What can go wrong on the CPU. Every variant names the operation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CpuError {
    /// Two element types that have to agree do not.
    #[error("{op}: element type {found} where {expected} is needed")]
    DType {
        /// The operation.
        op: &'static str,
        /// The type that fits.
        expected: DType,
        /// The type that was given.
        found: DType,
    },
    /// Two shapes do not fit each other.
    #[error("{op}: shapes {left:?} and {right:?} do not fit")]
    Shape {
        /// The operation.
        op: &'static str,
        /// The shape of the first operand, or the one expected.
        left: Vec<usize>,
        /// The shape of the other operand, or the one given.
        right: Vec<usize>,
    },
    /// A layout reaches elements that its storage does not have.
    #[error("{op}: a view of shape {shape:?} reaches outside its {len} elements")]
    OutOfBounds {
        /// The operation.
        op: &'static str,
        /// The shape of the view.
        shape: Vec<usize>,
        /// The number of elements there are.
        len: usize,
    },
    /// An axis that the operand does not have.
    #[error("{op}: there is no axis {axis} in rank {rank}")]
    Axis {
        /// The operation.
        op: &'static str,
        /// The axis asked for.
        axis: usize,
        /// The number of axes there are.
        rank: usize,
    },
    /// The operation means nothing for this element type.
    #[error("{op} is not defined for {dtype}")]
    Unsupported {
        /// The operation.
        op: &'static str,
        /// The element type.
        dtype: DType,
    },
    /// The operation has no value for no elements (a maximum, say).
    #[error("{op} of no elements has no value")]
    Empty {
        /// The operation.
        op: &'static str,
    },
    /// A description that contradicts itself.
    #[error("{op}: {why}")]
    Invalid {
        /// The operation.
        op: &'static str,
        /// What contradicts what.
        why: &'static str,
    },
    /// A matrix for which there is no result: a singular one has no inverse.
    #[error("{op}: matrix {matrix} of {shape:?} {why}")]
    NoResult {
        /// The operation.
        op: &'static str,
        /// Its place in the batch, in row-major order.
        matrix: usize,
        /// The shape of the batch of matrices.
        shape: Vec<usize>,
        /// Why there is none.
        why: &'static str,
    },
    /// The allocator has no memory left.
    #[error("out of memory: {bytes} bytes were asked for")]
    OutOfMemory {
        /// The size of the allocation that failed.
        bytes: usize,
    },
}
