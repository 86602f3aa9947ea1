//! Layers that read a sequence step by step and carry a state along.
//!
//! [`rules`] holds what one step of each kind computes, [`weights`] the parameters of one direction of one layer,
//! [`scan`] runs a rule over time, and [`layer`] stacks that into what users call. [`cell`] is a single step.

pub mod cell;
pub mod layer;
pub mod mask;
pub mod rules;
mod scan;
pub mod settings;
pub mod state;
mod steps;
mod weights;
