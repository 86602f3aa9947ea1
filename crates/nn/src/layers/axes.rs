/// A size for each of `N` spatial axes, or one for all of them: `3` or `[3, 5]`.
///
/// ```
/// use anygrad_nn::Axes;
/// assert_eq!(Axes::<2>::from(3).sizes(), [3, 3]);
/// assert_eq!(Axes::<2>::from([3, 5]).sizes(), [3, 5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axes<const N: usize>([usize; N]);

impl<const N: usize> Axes<N> {
    /// The size of each axis.
    pub fn sizes(self) -> [usize; N] {
        self.0
    }
}

impl<const N: usize> From<usize> for Axes<N> {
    fn from(size: usize) -> Self {
        Self([size; N])
    }
}

impl<const N: usize> From<[usize; N]> for Axes<N> {
    fn from(sizes: [usize; N]) -> Self {
        Self(sizes)
    }
}
