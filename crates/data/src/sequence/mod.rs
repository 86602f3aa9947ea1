//! Sequences of different lengths, and windows over time series.

mod bucket;
mod pad;
mod window;

pub use bucket::bucket_batches;
pub use pad::{PadSettings, Padded, Side, pad_sequences};
pub use window::{WindowSettings, windows};
