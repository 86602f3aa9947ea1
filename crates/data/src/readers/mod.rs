//! Files to samples. What a file claims about itself is checked before memory is taken for it.

pub mod cifar;
pub mod csv;
pub mod idx;
pub mod image_folder;
pub mod mnist;
mod open;
pub mod text_files;

pub(crate) use open::{file_error, open, unpacked};
