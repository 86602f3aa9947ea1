//! What is measured, here and by the programs that measure others.

// each program measures a part of it
#![allow(dead_code)]

pub mod kernels;
pub mod roofline;
pub mod rows;
pub mod steps;

pub type Fallible<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// One run of something, to its end on the device.
pub type Workload = Box<dyn FnMut() -> Fallible<()>>;
