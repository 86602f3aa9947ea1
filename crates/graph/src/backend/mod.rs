//! The two ways a program runs.

pub(crate) mod cpu;
pub(crate) mod gpu;
pub(crate) mod slots;
