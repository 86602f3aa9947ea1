//! Work as plain data: what kernel selection produces and a plan dispatches.

use std::sync::Arc;

use crate::Choices;

/// Which buffer of its op a binding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// The i-th buffer the op reads.
    Input(usize),
    /// The i-th buffer the op writes.
    Output(usize),
    /// The i-th buffer that only the launches of this op share; see [`Lowered::scratch`].
    Scratch(usize),
    /// The whole block of memory in which the i-th buffer the op reads lies; see [`Gpu::pack`](crate::Gpu::pack).
    Block(usize),
}

/// What a kernel does with a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Only reads.
    Read,
    /// Reads and writes.
    ReadWrite,
}

/// One 32-bit field of the uniform block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Param {
    /// A size, stride or offset, known when the launch was made.
    Word(u32),
    /// The i-th run-time number of the launch: a 32-bit word given per run.
    Number(usize),
}

/// One dispatch of one kernel, as plain data: the text is the key of the pipeline cache.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The kernel family, for instance `matmul`.
    pub family: &'static str,
    /// The variant within the family, for instance `tiled`.
    pub variant: &'static str,
    /// The complete WGSL module, entry point `main`.
    pub source: Arc<str>,
    /// Binding `i + 1` of group 0 is `bindings[i]`; binding 0 is the uniform block, absent if `params` is empty.
    pub bindings: Vec<(Operand, Access)>,
    /// The fields of the uniform block, in order.
    pub params: Vec<Param>,
    /// Workgroups along x, y and z, each from 1 to the most the adapter allows.
    pub grid: [u32; 3],
    /// Arithmetic operations of the whole dispatch, for reports.
    pub flops: u64,
    /// The least bytes the dispatch has to move, for reports.
    pub bytes: u64,
}

/// What an op becomes on this device: launches in order, and the scratch buffers (bytes each) they share.
#[derive(Clone, Debug, Default)]
pub struct Lowered {
    /// The dispatches, in order; none if there is nothing to compute.
    pub launches: Vec<Launch>,
    /// Bytes of each scratch buffer.
    pub scratch: Vec<usize>,
}

/// What kernel selection may know of an adapter: plain data, so selection is tested without an adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Whether shaders run on the CPU (lavapipe, SwiftShader). Barriers are dear there, registers cheap.
    pub software: bool,
    /// Most workgroups along one dimension of a dispatch.
    pub max_groups: u32,
    /// Most threads of a workgroup.
    pub max_threads: u32,
    /// Most bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Most storage buffers a kernel may bind.
    pub storage_buffers: u32,
    /// Whether kernels may use subgroup operations.
    pub subgroups: bool,
    /// Threads of a subgroup, where kernels may use subgroup operations and all subgroups are of one size; 0 otherwise.
    pub subgroup_size: u32,
    /// What was measured to be fastest on it; empty until it is tuned.
    pub choices: Choices,
}

impl Caps {
    /// The limits every WebGPU adapter has: 256 threads, 16 KiB, 8 buffers. For tests without an adapter.
    pub fn portable() -> Self {
        Self {
            software: false,
            max_groups: 65_535,
            max_threads: 256,
            workgroup_bytes: 16 * 1024,
            storage_buffers: 8,
            subgroups: false,
            subgroup_size: 0,
            choices: Choices::default(),
        }
    }
}
