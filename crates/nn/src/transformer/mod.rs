//! The encoder and the decoder of Vaswani et al. 2017.

pub mod decoder;
pub mod encoder;
mod feed_forward;
