//! Pictures that people read: curves, confusion matrices, decision boundaries, filters and more.
//!
//! Each function takes plain slices or closures, so that it works without a trainer, checks them, and returns a
//! [`Picture`], which [`Picture::save`] writes as SVG or PNG. The same inputs give the same bytes.

mod axis;
mod boundary;
mod chart;
mod check;
mod colour;
mod confusion;
mod curves;
mod directions;
mod embedding;
mod field;
mod frame;
mod images;
mod panels;
mod picture;
mod ranking;
#[cfg(feature = "png")]
mod raster;
mod surface;
mod svg;
mod tensors;

pub use boundary::{Decision, decision_boundary};
pub use chart::Chart;
pub use colour::{Colour, ColourMap};
pub use confusion::{Normalise, confusion_matrix};
pub use curves::learning_rate_curve;
pub use directions::filter_normalised;
pub use embedding::embedding_scatter;
pub use images::{Caption, feature_maps, filter_grid, image_grid, prediction_grid};
pub use panels::{FunctionCurve, function_curves, histograms};
pub use picture::{Anchor, Picture, Stroke};
pub use ranking::{Scored, precision_recall_curve, roc_curve};
pub use surface::LossSurface;
pub use tensors::{Function, activation_curves};

pub(crate) use axis::Axis;
pub(crate) use frame::title;
pub(crate) use picture::{fitted, text_width};
