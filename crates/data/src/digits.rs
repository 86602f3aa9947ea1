//! Handwritten digits, 8x8, embedded in the crate: a data set for trying things out, without a download.
//!
//! The test set of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, 1998, UCI Machine Learning
//! Repository, <https://doi.org/10.24432/C50P49>), licence CC BY 4.0; scikit-learn's `load_digits` is the same data.

use crate::readers::idx;
use crate::readers::mnist::labelled_images;
use crate::{Dataset, Result};

/// The 1,797 digits: inputs of shape `[1, 8, 8]` in [0, 1] (the 17 levels 0..16 divided by 16), classes 0..9.
///
/// ```
/// let digits = anygrad_data::digits::load()?;
/// assert_eq!((digits.len(), digits.input_shape()), (1797, &[1, 8, 8][..]));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// None in a sound build; a damaged one is reported as a file would be.
pub fn load() -> Result<Dataset> {
    const IMAGES: &[u8] = include_bytes!("../assets/digits-images-idx3-ubyte.gz");
    const LABELS: &[u8] = include_bytes!("../assets/digits-labels-idx1-ubyte.gz");
    const NAMES: [&str; 2] = ["embedded digits-images", "embedded digits-labels"];
    labelled_images(idx::parse(IMAGES, NAMES[0])?, idx::parse(LABELS, NAMES[1])?, NAMES, 16.0)
}
