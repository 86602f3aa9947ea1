use std::fmt;
use std::ops::{Deref, DerefMut};

use smallvec::SmallVec;

/// The sizes of a tensor's axes; `[]` is a scalar. Dereferences to `[usize]`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Shape(SmallVec<[usize; 6]>);

impl Shape {
    /// A scalar's shape.
    pub fn scalar() -> Self {
        Self::default()
    }

    /// Number of elements: the product of the sizes, 1 for a scalar. Saturates instead of overflowing.
    pub fn numel(&self) -> usize {
        numel(&self.0)
    }

    /// Number of elements, or `None` if the product overflows.
    pub fn checked_numel(&self) -> Option<usize> {
        // a size of 0 makes the product 0 however large the others are
        if self.0.contains(&0) {
            return Some(0);
        }
        self.0.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Adds an axis at the end.
    pub fn push(&mut self, size: usize) {
        self.0.push(size);
    }

    /// Inserts an axis before `axis`.
    pub fn insert(&mut self, axis: usize, size: usize) {
        self.0.insert(axis, size);
    }

    /// Removes `axis` and returns its size.
    pub fn remove(&mut self, axis: usize) -> usize {
        self.0.remove(axis)
    }

    /// Row-major strides, in elements: the last axis has stride 1.
    pub fn strides(&self) -> SmallVec<[isize; 6]> {
        let mut strides = SmallVec::from_elem(1, self.0.len());
        let mut step = 1isize;
        for (stride, &size) in strides.iter_mut().zip(&self.0).rev() {
            *stride = step;
            step = step.saturating_mul(size.max(1) as isize);
        }
        strides
    }
}

fn numel(sizes: &[usize]) -> usize {
    if sizes.contains(&0) { 0 } else { sizes.iter().fold(1usize, |n, &d| n.saturating_mul(d)) }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl DerefMut for Shape {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.0
    }
}

impl From<&[usize]> for Shape {
    fn from(sizes: &[usize]) -> Self {
        Self(SmallVec::from_slice(sizes))
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

impl From<&Vec<usize>> for Shape {
    fn from(sizes: &Vec<usize>) -> Self {
        Self(SmallVec::from_slice(sizes))
    }
}

impl From<Vec<usize>> for Shape {
    fn from(sizes: Vec<usize>) -> Self {
        Self(SmallVec::from_vec(sizes))
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(sizes: [usize; N]) -> Self {
        Self(SmallVec::from_slice(&sizes))
    }
}

impl<const N: usize> From<&[usize; N]> for Shape {
    fn from(sizes: &[usize; N]) -> Self {
        Self(SmallVec::from_slice(sizes))
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(sizes: I) -> Self {
        Self(sizes.into_iter().collect())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The shape two operands broadcast to: axes are aligned at the end, and sizes are equal or one of them is 1.
/// `None` if they do not fit.
///
/// ```
/// use anygrad_layout::broadcast;
/// assert_eq!(broadcast(&[4, 1, 3], &[5, 1]).as_deref(), Some(&[4, 5, 3][..]));
/// assert_eq!(broadcast(&[2, 3], &[2]), None);
/// ```
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Shape> {
    let rank = a.len().max(b.len());
    let size = |s: &[usize], axis: usize| {
        (axis + s.len()).checked_sub(rank).and_then(|i| s.get(i)).copied().unwrap_or(1)
    };
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect::<Option<SmallVec<[usize; 6]>>>()
        .map(Shape)
}
