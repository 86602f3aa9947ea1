//! Pictures that people read: curves, confusion matrices, decision boundaries, filters and more.
//!
//! Each function takes plain slices or closures, so that it works without a trainer, checks them, and returns a
//! [`Picture`], which [`Picture::save`] writes as SVG or PNG. The same inputs give the same bytes.

#[allow(dead_code, reason = "the pictures to come")]
mod axis;
mod chart;
#[allow(dead_code, reason = "the pictures to come")]
mod check;
mod colour;
mod confusion;
mod frame;
mod picture;
#[cfg(feature = "png")]
mod raster;
mod svg;

pub use chart::Chart;
pub use colour::{Colour, ColourMap};
pub use confusion::{Normalise, confusion_matrix};
pub use picture::{Anchor, Picture, Stroke};
