//! What is measured, here and by the programs that measure others.

pub mod steps;

pub type Fallible<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// One run of something, to its end on the device.
pub type Workload = Box<dyn FnMut() -> Fallible<()>>;
