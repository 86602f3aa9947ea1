//! Everything that can go wrong on a device, as values.

use std::path::PathBuf;
use std::time::Duration;

/// A failure of the device room. Nothing in this crate panics on a wrong call or a failing driver.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// There is no adapter at the place asked for.
    #[error("no GPU adapter {wanted}: {found}")]
    NoAdapter {
        /// What was asked for, for instance `at index 1`.
        wanted: String,
        /// What was found instead, adapters or the reason that there are none.
        found: String,
    },
    /// A call that wgpu, the shader compiler or this crate finds wrong.
    #[error("{what}: {message}")]
    Validation {
        /// The operation that was attempted.
        what: String,
        /// What is wrong with it.
        message: String,
    },
    /// The device has no memory for a buffer.
    #[error("the GPU has no memory for a buffer of {bytes} bytes")]
    OutOfMemory {
        /// Size of the buffer that did not fit.
        bytes: u64,
    },
    /// The device is gone: unplugged, reset by the driver, or destroyed. Open it again to go on.
    #[error("the GPU device is lost: {message}")]
    Lost {
        /// What the driver says about it.
        message: String,
    },
    /// The device did not finish its work in the time allowed.
    #[error("{what}: the GPU did not finish within {after:?}")]
    Timeout {
        /// The operation that waited.
        what: String,
        /// How long it waited.
        after: Duration,
    },
    /// A size beyond what the adapter can do.
    #[error("{what}: {bytes} is more than the limit of this GPU, {limit}")]
    TooLarge {
        /// The size asked for.
        bytes: u64,
        /// The most that is possible.
        limit: u64,
        /// What has that limit.
        what: String,
    },
    /// Something that this device, or this crate, cannot do.
    #[error("unsupported on this GPU: {what}")]
    Unsupported {
        /// What cannot be done.
        what: String,
    },
    /// A kernel wrote where it must not; see [`Gpu::check_guards`](crate::Gpu::check_guards).
    #[error("a kernel wrote {side} a buffer of {bytes} bytes, {distance} bytes away from it")]
    OutOfBounds {
        /// Size of the buffer.
        bytes: u64,
        /// `before` or `past the end of`.
        side: &'static str,
        /// Bytes from the buffer's edge to the nearest change.
        distance: u64,
    },
    /// A file that cannot be read or written, or that does not hold what it should.
    #[error("{}: {message}", path.display())]
    File {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A failure inside the driver or wgpu.
    #[error("{what}: internal error: {message}")]
    Internal {
        /// The operation that was attempted.
        what: String,
        /// What the driver says about it.
        message: String,
    },
}

impl DeviceError {
    /// The same error with the ops it concerns, in the words of a plan's step.
    pub(crate) fn of(self, label: &str) -> Self {
        match self {
            Self::Validation { what, message } => {
                Self::Validation { what: format!("{what} for {label}"), message }
            }
            Self::Internal { what, message } => {
                Self::Internal { what: format!("{what} for {label}"), message }
            }
            other => other,
        }
    }
}
