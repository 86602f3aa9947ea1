//! The words both backends share: element types, shapes, strided layouts and window geometry.
//!
//! Nothing here owns data or knows a device. A [`Layout`] says where the elements of a view lie in a buffer, a
//! [`Conv`] or [`Window`] says which input positions an output position reads.
//!
//! ```
//! use anygrad_layout::{Layout, Shape};
//! let matrix = Layout::contiguous(&[2, 3]);
//! let transposed = matrix.permute(&[1, 0]);
//! assert_eq!(transposed.shape, Shape::from(&[3, 2][..]));
//! assert_eq!(transposed.offsets().collect::<Vec<_>>(), [0, 3, 1, 4, 2, 5]);
//! ```
#![forbid(unsafe_code)]

mod attention;
mod collapse;
mod dtype;
mod intervals;
mod layout;
mod shape;
mod window;

pub use attention::Attention;
pub use collapse::{Collapsed, collapse};
pub use dtype::DType;
pub use intervals::Intervals;
pub use layout::{Layout, Offsets};
pub use shape::{Shape, broadcast};
pub use window::{Conv, Window};
