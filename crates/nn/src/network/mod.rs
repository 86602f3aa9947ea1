//! Models with branches: a graph of layers with any number of inputs and outputs, as Keras's functional API.
//!
//! [`builder`] is what users describe a model with, [`node`] one use of a layer, [`model`] what runs, [`table`] its
//! summary, and [`shared`] a layer that is used in several places.

pub mod builder;
pub mod model;
mod node;
pub mod shared;
pub mod table;
