//! Axes split, dropped and moved: reshapes and permutations with a name.

use anygrad_layout::Shape;

use super::axis_of;
use crate::{Sizes, Tensor};

impl Tensor {
    /// `axis` as several axes of these sizes, whose product is its size; one of them may be −1. The inverse of
    /// [`flatten`](Tensor::flatten).
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::zeros([2, 12], &Device::cpu());
    /// assert_eq!(t.unflatten(1, [3, -1]).shape()[..], [2, 3, 4]);
    /// ```
    #[track_caller]
    pub fn unflatten(&self, axis: isize, sizes: impl Into<Sizes>) -> Tensor {
        let at = match axis_of(axis, self.rank()) {
            Ok(at) => at,
            Err(message) => return Tensor::wrong("unflatten", message, &[("input", self)]),
        };
        let size = self.size(at as isize);
        let parts = match sizes.into().resolve(size) {
            Ok(parts) if parts.checked_numel() == Some(size) => parts,
            Ok(parts) => {
                let message = format!("{parts} does not make up the {size} of axis {at} of {}", self.shape());
                return Tensor::wrong("unflatten", message, &[("input", self)]);
            }
            Err(message) => return Tensor::wrong("unflatten", message, &[("input", self)]),
        };
        let (before, after) = (self.shape().get(..at), self.shape().get(at + 1..));
        let sizes = [before, Some(&parts[..]), after].into_iter().flatten().flatten();
        self.reshape(sizes.copied().collect::<Shape>())
    }

    /// Without any of the axes of size 1.
    #[track_caller]
    pub fn squeeze_all(&self) -> Tensor {
        self.reshape(self.shape().iter().copied().filter(|&size| size != 1).collect::<Shape>())
    }

    /// `axis` moved to the place `to`, the others in their order.
    #[track_caller]
    pub fn movedim(&self, axis: isize, to: isize) -> Tensor {
        match (axis_of(axis, self.rank()), axis_of(to, self.rank())) {
            (Ok(axis), Ok(to)) => {
                let mut axes: Vec<isize> = (0..self.rank() as isize).collect();
                let moved = axes.remove(axis);
                axes.insert(to, moved);
                self.permute(&axes)
            }
            (Err(message), _) | (_, Err(message)) => Tensor::wrong("movedim", message, &[("input", self)]),
        }
    }

    /// Images with the color axis last as the convolutions take them: `[N, …, C]` becomes `[N, C, …]`, NHWC becomes
    /// NCHW. For 1 to 3 spatial axes. A view.
    #[track_caller]
    pub fn to_channels_first(&self) -> Tensor {
        match self.rank() {
            3..=5 => self.movedim(-1, 1),
            _ => self.not_images("to_channels_first", "[N, …, C]"),
        }
    }

    /// The inverse of [`to_channels_first`](Tensor::to_channels_first): `[N, C, …]` becomes `[N, …, C]`, NCHW becomes
    /// NHWC. A view.
    #[track_caller]
    pub fn to_channels_last(&self) -> Tensor {
        match self.rank() {
            3..=5 => self.movedim(1, -1),
            _ => self.not_images("to_channels_last", "[N, C, …]"),
        }
    }

    #[track_caller]
    fn not_images(&self, name: &'static str, form: &str) -> Tensor {
        let message = format!("takes {form} of 3 to 5 axes, not {}", self.shape());
        Tensor::wrong(name, message, &[("input", self)])
    }
}
