//! Layers that read a sequence step by step and carry a state along.
//!
//! [`rules`] holds what one step of each kind computes, [`weights`] the parameters of one direction of one layer,
//! [`scan`] runs a rule over time, [`stack`] puts layers on top of each other, and [`layer`] is what users call.
//! [`cell`] is a single step.

pub mod cell;
mod checks;
pub mod layer;
pub mod mask;
pub mod rules;
mod scan;
pub mod settings;
pub(crate) mod stack;
pub mod state;
mod steps;
mod weights;
