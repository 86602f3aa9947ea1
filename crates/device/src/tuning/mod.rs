//! Which kernel is the fastest for a shape on this adapter, found by measuring.
//!
//! The tables of [`kernels`](crate::kernels) choose well on many adapters and best on few: a table tuned on four GPUs gets
//! 79 % of each one's own best on average, and 44 % at worst (llama.cpp's pull request 22241). So a choice can be measured:
//! [`Choices::listen`] notes the cases that programs have, [`Gpu::tune`] measures the variants of each, and what it finds
//! is asked first from then on. Nothing is measured unless it is called.

mod case;
mod choices;
mod file;
mod measure;

pub use case::Case;
pub use choices::Choices;
pub use measure::{Timing, Tuned, Tuning};

use crate::Gpu;

impl Gpu {
    /// What was measured to be fastest on this device, and the way to note cases.
    pub fn choices(&self) -> &Choices {
        &self.caps().choices
    }
}
