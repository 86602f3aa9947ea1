//! Attention: each query reads a mean of values, weighed by how well their keys fit.

pub mod additive;
pub mod dot_product;
pub mod masks;
pub mod multi_head;
pub mod positions;
