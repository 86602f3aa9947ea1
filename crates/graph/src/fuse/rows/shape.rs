//! The shape that groups over the same rows share.

use anygrad_layout::{Layout, Shape};

/// How many rows there are, and elements in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    pub count: usize,
    pub elements: usize,
}

impl Rows {
    pub fn numel(self) -> usize {
        self.count.saturating_mul(self.elements)
    }
}

/// The distances at which the axes of several shapes end, in row-major order: the shape that refines all of them has an
/// axis between each two. `[2, 6]` and `[4, 3]`, refined, are `[2, 2, 3]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Cuts {
    /// Ascending from 1 to the number of all elements; each divides the next.
    ends: Vec<usize>,
    rows: Option<Rows>,
}

impl Cuts {
    /// Of shapes that each have as many elements as there are, or as there are rows. `None` if others are among them,
    /// or if no shape refines them.
    pub fn new<'a>(rows: Rows, shapes: impl Iterator<Item = &'a Shape>) -> Option<Self> {
        let mut ends = vec![1, rows.elements, rows.numel()];
        for shape in shapes {
            let mut end = match shape.numel() {
                n if n == rows.numel() => 1,
                n if n == rows.count => rows.elements,
                _ => return None,
            };
            for size in shape.iter().rev() {
                end *= size;
                ends.push(end);
            }
        }
        ends.sort_unstable();
        ends.dedup();
        let divide = ends.windows(2).all(|pair| pair[1].is_multiple_of(pair[0].max(1)));
        divide.then_some(Self { ends, rows: Some(rows) })
    }

    /// The refined shape, without axes of size 1.
    pub fn shape(&self) -> Shape {
        self.ends.windows(2).rev().map(|pair| pair[1] / pair[0].max(1)).collect()
    }

    /// How many of its axes count rows.
    pub fn outer(&self) -> usize {
        let elements = self.rows.map_or(1, |rows| rows.elements);
        self.ends.iter().filter(|&&end| end > elements).count()
    }

    /// A layout of one of the shapes, with the axes of the refined one. One of the rows repeats for their elements.
    pub fn refine(&self, layout: &Layout) -> Layout {
        let rows = self.rows.unwrap_or(Rows { count: 1, elements: 1 });
        let whole = layout.shape.numel() == rows.numel();
        let shape = self.shape();
        let mut strides = vec![0isize; shape.rank()];
        // from the last axis on: the refined axes that end inside each axis of the layout
        let mut at = shape.rank();
        if !whole {
            at = self.outer();
        }
        for (&size, &stride) in layout.shape.iter().zip(&layout.strides).rev() {
            let mut inside = 1;
            while inside < size && at > 0 {
                at -= 1;
                strides[at] = stride * inside as isize;
                inside *= shape[at];
            }
        }
        Layout { shape, strides: strides.as_slice().into(), offset: layout.offset }
    }

    /// Whether a layout of all elements reads one value a row, in order, for all elements of the row.
    pub fn repeats_rows(&self, layout: &Layout) -> bool {
        let refined = self.refine(layout);
        let outer = self.outer();
        let inner = refined.strides.iter().skip(outer).all(|&stride| stride == 0);
        inner && leading(&refined, outer).is_contiguous()
    }
}

/// The first axes of a layout.
pub(super) fn leading(layout: &Layout, axes: usize) -> Layout {
    Layout {
        shape: layout.shape.iter().take(axes).copied().collect(),
        strides: layout.strides.iter().take(axes).copied().collect(),
        offset: layout.offset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(rows: [usize; 2], shapes: &[&[usize]]) -> Option<Cuts> {
        let shapes: Vec<Shape> = shapes.iter().map(|s| Shape::from(*s)).collect();
        Cuts::new(Rows { count: rows[0], elements: rows[1] }, shapes.iter())
    }

    #[test]
    fn shapes_are_refined_where_their_axes_nest() {
        let both = cuts([6, 8], &[&[6, 8], &[2, 3, 4, 2], &[2, 3, 1, 1], &[6]]).unwrap();
        assert_eq!((&both.shape()[..], both.outer()), (&[2, 3, 4, 2][..], 2));
        // groups of channels: rows of 2 channels of 5 elements, and a number for each channel
        let groups = cuts([6, 10], &[&[2, 3, 10], &[2, 6, 5], &[2, 3, 1]]).unwrap();
        assert_eq!((&groups.shape()[..], groups.outer()), (&[2, 3, 2, 5][..], 2));
        let channel = groups.refine(&Layout::contiguous([6, 1]).expand(&[2, 6, 5]));
        assert_eq!(channel.strides.as_slice(), [0, 2, 1, 0]);
        let row = groups.refine(&Layout::contiguous([2, 3, 1]));
        assert_eq!(row.strides.as_slice(), [3, 1, 0, 0]);
        assert!(groups.repeats_rows(&Layout::contiguous([2, 3, 1]).expand(&[2, 3, 10])));
        assert!(!groups.repeats_rows(&Layout::contiguous([3, 1]).expand(&[2, 3, 10])));
        assert!(cuts([6, 8], &[&[4, 12]]).is_none());
        assert!(cuts([6, 8], &[&[5]]).is_none());
        let one = cuts([1, 8], &[&[8], &[]]).unwrap();
        assert_eq!((&one.shape()[..], one.outer()), (&[8][..], 0));
        assert!(one.repeats_rows(&Layout::contiguous([]).expand(&[8])));
    }

    #[test]
    fn axes_of_size_1_vanish() {
        let cuts = cuts([6, 4], &[&[1, 6, 1, 4, 1]]).unwrap();
        let turned =
            Layout { strides: [99, 1, 99, 6, 99].as_slice().into(), ..Layout::contiguous([1, 6, 1, 4, 1]) };
        assert_eq!(cuts.refine(&turned).strides.as_slice(), [1, 6]);
    }
}
