//! The proof of every op on every device, driven by lists of cases: see `cases`.
//!
//! What runs here, for each case: f32 on the CPU against f64; gradients and their gradients against central
//! differences in f64; the GPU against the CPU, with NaN and infinities compared apart, between guard bands, and
//! again with wgpu's checks in the shaders. Beside the cases: numbers from PyTorch (`golden`), random programs
//! (`programs`), error texts (`messages`), and wrong ops that have to be caught (`broken`).
//!
//! `ANYGRAD_GPU=require|auto|off` says whether a GPU has to be there.
// helpers of tests may fail as tests do
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod broken;
mod case;
mod cases;
mod checkpoint;
mod compare;
mod devices;
mod differences;
mod draw;
mod edges;
mod edges_axes;
mod edges_sizes;
mod functions;
mod golden;
mod grad_check;
mod half;
mod hessian;
mod long_sums;
mod messages;
mod messages_contract;
mod messages_conv;
mod messages_movement;
mod messages_reduce;
mod outside;
mod programs;
mod registry;
mod run;
mod special;
mod suite;
mod sweep_conv;
mod sweep_matmul;
