//! What a device has done and holds.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a [`Gpu`](crate::Gpu) has done since it was opened. A step that is only replayed adds no pipelines,
/// plans or bind groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Pipelines compiled.
    pub pipelines: u64,
    /// Plans made.
    pub plans: u64,
    /// Kernels dispatched.
    pub dispatches: u64,
    /// Command buffers handed to the device.
    pub submits: u64,
    /// Uploads of data.
    pub uploads: u64,
    /// Reads of data back to the host.
    pub readbacks: u64,
    /// Bind groups made.
    pub bind_groups: u64,
}

/// The memory of a [`Gpu`](crate::Gpu) in bytes, as allocated: sizes are rounded up to size classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// Bytes of the buffers in use.
    pub live_bytes: u64,
    /// Bytes of the buffers that wait to be used again.
    pub pooled_bytes: u64,
    /// The most `live_bytes` has been, since [`Gpu::reset_peak`](crate::Gpu::reset_peak) if that was called.
    pub peak_bytes: u64,
    /// Buffers ever requested from the driver; it stands still where the pool serves every request.
    pub allocations: u64,
}

/// The live counters behind [`Counters`].
#[derive(Debug, Default)]
pub(crate) struct CounterCells {
    pub(crate) pipelines: AtomicU64,
    pub(crate) plans: AtomicU64,
    pub(crate) dispatches: AtomicU64,
    pub(crate) submits: AtomicU64,
    pub(crate) uploads: AtomicU64,
    pub(crate) readbacks: AtomicU64,
    pub(crate) bind_groups: AtomicU64,
}

impl CounterCells {
    pub(crate) fn snapshot(&self) -> Counters {
        Counters {
            pipelines: self.pipelines.load(Relaxed),
            plans: self.plans.load(Relaxed),
            dispatches: self.dispatches.load(Relaxed),
            submits: self.submits.load(Relaxed),
            uploads: self.uploads.load(Relaxed),
            readbacks: self.readbacks.load(Relaxed),
            bind_groups: self.bind_groups.load(Relaxed),
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(cell: &AtomicU64, amount: u64) {
    cell.fetch_add(amount, Relaxed);
}
