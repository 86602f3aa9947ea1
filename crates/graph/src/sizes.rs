//! Sizes as one writes them for a reshape, where one of them may be left open.

use anygrad_layout::Shape;
use smallvec::SmallVec;

/// The sizes a [`reshape`](crate::Tensor::reshape) is given: a shape, or signed numbers of which one may be −1, the
/// size that follows from the others.
///
/// ```
/// # use anygrad_graph::{Device, Tensor};
/// let t = Tensor::iota(12, &Device::cpu());
/// assert_eq!(t.reshape([3, 4]).shape()[..], [3, 4]);
/// assert_eq!(t.reshape([2, -1]).shape()[..], [2, 6]);
/// let rows = t.reshape([3usize, 4]).shape()[0];
/// assert_eq!(t.reshape([rows, 2, 2]).reshape([-1]).shape()[..], [12]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes(Given);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    All(Shape),
    /// With a negative number somewhere.
    Signed(SmallVec<[isize; 6]>),
}

impl Sizes {
    /// The shape of `count` elements, or what is wrong with the sizes. That all sizes are given does not mean that
    /// they fit `count`.
    pub(crate) fn resolve(self, count: usize) -> Result<Shape, String> {
        let sizes = match self.0 {
            Given::All(shape) => return Ok(shape),
            Given::Signed(sizes) => sizes,
        };
        if let Some(size) = sizes.iter().find(|&&size| size < -1) {
            return Err(format!("size {size} is negative"));
        }
        if sizes.iter().filter(|&&size| size == -1).count() > 1 {
            return Err(format!("{sizes:?} leaves more than one size open"));
        }
        let given = sizes.iter().filter(|&&size| size >= 0).map(|&size| size as usize).collect::<Shape>();
        let open = match given.numel() {
            0 => return Err(format!("{sizes:?} leaves a size open that could be anything")),
            given if count.is_multiple_of(given) => count / given,
            _ => return Err(format!("{count} elements do not divide into {sizes:?}")),
        };
        Ok(sizes.iter().map(|&size| usize::try_from(size).unwrap_or(open)).collect())
    }

    fn signed(sizes: impl Iterator<Item = isize> + Clone) -> Self {
        match sizes.clone().map(usize::try_from).collect::<Result<Shape, _>>() {
            Ok(shape) => Self(Given::All(shape)),
            Err(_) => Self(Given::Signed(sizes.collect())),
        }
    }
}

impl<const N: usize> From<[i32; N]> for Sizes {
    fn from(sizes: [i32; N]) -> Self {
        Self::signed(sizes.iter().map(|&size| size as isize))
    }
}

impl<const N: usize> From<&[i32; N]> for Sizes {
    fn from(sizes: &[i32; N]) -> Self {
        Self::from(*sizes)
    }
}

impl<const N: usize> From<[isize; N]> for Sizes {
    fn from(sizes: [isize; N]) -> Self {
        Self::signed(sizes.iter().copied())
    }
}

impl<const N: usize> From<&[isize; N]> for Sizes {
    fn from(sizes: &[isize; N]) -> Self {
        Self::from(*sizes)
    }
}

impl From<&[isize]> for Sizes {
    fn from(sizes: &[isize]) -> Self {
        Self::signed(sizes.iter().copied())
    }
}

impl From<Shape> for Sizes {
    fn from(shape: Shape) -> Self {
        Self(Given::All(shape))
    }
}

macro_rules! from_shapes {
    ($($type:ty),+) => {$(
        impl From<$type> for Sizes {
            fn from(sizes: $type) -> Self {
                Self(Given::All(Shape::from(sizes)))
            }
        }
    )+};
}

from_shapes!(&Shape, &[usize], &Vec<usize>, Vec<usize>);

impl<const N: usize> From<[usize; N]> for Sizes {
    fn from(sizes: [usize; N]) -> Self {
        Self(Given::All(Shape::from(sizes)))
    }
}

impl<const N: usize> From<&[usize; N]> for Sizes {
    fn from(sizes: &[usize; N]) -> Self {
        Self(Given::All(Shape::from(sizes)))
    }
}
