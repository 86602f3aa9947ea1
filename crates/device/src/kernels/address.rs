//! Index arithmetic shared by several views of one shape: each axis is divided out once.

use anygrad_layout::{Layout, collapse};

use super::Builder;

/// The merged axes of several views, ready to be walked by one index.
#[derive(Clone, Debug)]
pub(super) struct Axes {
    /// Sizes of the merged axes, at least one.
    pub sizes: Vec<usize>,
    /// For each view, its strides along them.
    pub strides: Vec<Vec<isize>>,
    /// Letter that names the coordinates: `i` gives `i0`, `i1`, ..
    pub letter: char,
    /// What the names of its params start with, where a kernel walks several shapes.
    pub prefix: String,
}

impl Axes {
    /// Merges the axes of views that have the shape `shape`.
    pub fn new(letter: char, shape: &[usize], layouts: &[&Layout]) -> Self {
        let merged = collapse(shape, layouts);
        Self {
            sizes: merged.sizes.to_vec(),
            strides: merged.strides.iter().map(|s| s.to_vec()).collect(),
            letter,
            prefix: String::new(),
        }
    }

    /// Number of positions.
    pub fn count(&self) -> usize {
        self.sizes.iter().fold(1, |n, d| n.saturating_mul(*d))
    }

    /// Statements that split the index `index` into coordinates `<letter>0`, `<letter>1`, .. The sizes become
    /// params.
    pub fn coordinates(&self, builder: &mut Builder, index: &str) -> String {
        let letter = self.letter;
        let mut text = String::new();
        let mut rest = index.to_owned();
        for axis in (1..self.sizes.len()).rev() {
            let size = format!("{}{letter}_size{axis}", self.prefix);
            let quotient = builder.divisor(&size, self.sizes[axis], &rest);
            let next = if axis == 1 { format!("{letter}0") } else { format!("{letter}_rest{axis}") };
            text += &format!("    let {next} = {quotient};\n");
            text += &format!("    let {letter}{axis} = {rest} - {next} * p.{size};\n");
            rest = next;
        }
        if self.sizes.len() <= 1 {
            text += &format!("    let {letter}0 = {index};\n");
        }
        text
    }

    /// The terms that view `view` adds to a position: ` + i0 * p.x_i0 + i1`. Strides become params named after
    /// `name`, but for those that are 0, and 1 along the last axis: these are part of the text, since they let
    /// a compiler see a repeated or contiguous load.
    pub fn terms(&self, builder: &mut Builder, name: &str, view: usize) -> String {
        let letter = self.letter;
        let mut text = String::new();
        let strides = self.strides.get(view).map(Vec::as_slice).unwrap_or_default();
        for (axis, &stride) in strides.iter().enumerate() {
            if stride == 0 {
                continue;
            }
            if stride == 1 && axis + 1 == strides.len() {
                text += &format!(" + {letter}{axis}");
            } else {
                let param = format!("{name}_{letter}{axis}");
                builder.signed_param(&param, stride);
                text += &format!(" + {letter}{axis} * p.{param}");
            }
        }
        text
    }
}
