//! Resizing: `tests/golden/resize.py`.

use anygrad_graph::Resize;

use super::Build;

/// Every mode to some sizes, and one by a factor.
macro_rules! sizes {
    ($($name:literal $mode:ident [$($text:literal $size:expr),+]),+ $(,)?) => {&[
        ("by", |x| x[0].resize_by(2.0, Resize::Linear)),
        $($((concat!($name, " ", $text), |x| x[0].resize(&$size, Resize::$mode)),)+)+
    ]};
}

/// What each case of the file is here.
pub const TABLE: &[(&str, Build)] = sizes![
    "nearest" Nearest ["8" [8], "4" [4], "6x8" [6, 8], "3x2" [3, 2], "4x1" [4, 1], "3x5x4" [3, 5, 4]],
    "exact" NearestExact ["8" [8], "4" [4], "6x8" [6, 8], "3x2" [3, 2], "4x1" [4, 1], "3x5x4" [3, 5, 4]],
    "linear" Linear ["8" [8], "4" [4], "6x8" [6, 8], "3x2" [3, 2], "4x1" [4, 1], "3x5x4" [3, 5, 4]],
    "corners" LinearCorners ["8" [8], "4" [4], "6x8" [6, 8], "3x2" [3, 2], "4x1" [4, 1], "3x5x4" [3, 5, 4]],
    "cubic" Cubic ["7x6" [7, 6], "4x3" [4, 3], "3x5" [3, 5]],
    "cubic_corners" CubicCorners ["7x6" [7, 6], "4x3" [4, 3], "3x5" [3, 5]],
];
