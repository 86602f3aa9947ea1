//! Tensors put together, and repeated: made of concatenation and views.

use anygrad_layout::Shape;

use super::axis_of;
use crate::Tensor;
use crate::op::Kind;

impl Tensor {
    /// Tensors of one shape beside each other along a new axis: `axis` of the result has one position for each.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let (a, b) = (Tensor::zeros([3], &Device::cpu()), Tensor::ones([3], &Device::cpu()));
    /// assert_eq!(Tensor::stack(&[&a, &b], -1).shape()[..], [3, 2]);
    /// ```
    #[track_caller]
    pub fn stack(tensors: &[&Tensor], axis: isize) -> Tensor {
        let Some(first) = tensors.first() else { return Tensor::concat(tensors, 0) };
        let problem = match tensors.iter().find(|t| t.shape() != first.shape() || t.dtype() != first.dtype())
        {
            Some(other) if other.dtype() != first.dtype() => {
                Some(format!("dtypes differ: {} and {}", first.dtype(), other.dtype()))
            }
            Some(other) => Some(format!("shapes differ: {} and {}", first.shape(), other.shape())),
            None => axis_of(axis, first.rank() + 1).err(),
        };
        if let Some(message) = problem {
            let labels: Vec<String> = (0..tensors.len()).map(|i| format!("input {i}")).collect();
            let inputs = labels.iter().map(String::as_str).zip(tensors.iter().copied());
            return Tensor::wrong("stack", message, &inputs.collect::<Vec<_>>());
        }
        let mut rows = Vec::with_capacity(tensors.len());
        for tensor in tensors {
            rows.push(tensor.unsqueeze(axis));
        }
        Tensor::concat(&rows.iter().collect::<Vec<_>>(), axis)
    }

    /// The same elements, copied in row-major order if this is a view that has them in another. No result depends on
    /// it: kernels read views as they are. It pays for a view that many of them read, such as the transposed weight of
    /// a recurrent layer.
    #[track_caller]
    pub fn contiguous(&self) -> Tensor {
        match self.0.op.kind() {
            Kind::View if self.rank() > 0 => Tensor::concat(&[self], 0),
            _ => self.clone(),
        }
    }

    /// The whole tensor `counts[axis]` times along each axis, as `numpy.tile` and PyTorch's `repeat`: where there are
    /// fewer counts than axes they are for the last axes, and more counts add axes in front. Size: `n·count`. A view
    /// until a kernel needs it in memory.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::iota(2, &Device::cpu()).tile(&[2, 2]);
    /// assert_eq!((t.shape()[..].to_vec(), t.to_vec::<u32>()?), (vec![2, 4], vec![0, 1, 0, 1, 0, 1, 0, 1]));
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[doc(alias = "repeat")]
    #[track_caller]
    pub fn tile(&self, counts: &[usize]) -> Tensor {
        let rank = self.rank().max(counts.len());
        let at = |list: &[usize], axis: usize| {
            (axis + list.len()).checked_sub(rank).and_then(|i| list.get(i)).copied().unwrap_or(1)
        };
        // each axis as (count, size), the counts repeated, and both merged again
        let (mut apart, mut repeated, mut merged) = (Shape::scalar(), Shape::scalar(), Shape::scalar());
        for axis in 0..rank {
            let (count, size) = (at(counts, axis), at(self.shape(), axis));
            let Some(product) = count.checked_mul(size) else {
                return Tensor::wrong("tile", "the size overflows", &[("input", self)]);
            };
            if count != 1 {
                apart.push(1);
                repeated.push(count);
            }
            apart.push(size);
            repeated.push(size);
            merged.push(product);
        }
        self.reshape(apart).expand(repeated).reshape(merged)
    }

    /// Every position of `axis` `count` times in a row: `[a, b]` gives `[a, a, b, b]`. Size: `n·count`. A view until a
    /// kernel needs it in memory.
    #[track_caller]
    pub fn repeat_interleave(&self, axis: isize, count: usize) -> Tensor {
        let at = match axis_of(axis, self.rank()) {
            Ok(at) => at,
            Err(message) => return Tensor::wrong("repeat_interleave", message, &[("input", self)]),
        };
        let (mut apart, mut repeated, mut merged) =
            (self.shape().clone(), self.shape().clone(), self.shape().clone());
        apart.insert(at + 1, 1);
        repeated.insert(at + 1, count);
        match merged.get_mut(at).and_then(|size| Some((size.checked_mul(count)?, size))) {
            Some((product, size)) => *size = product,
            None => return Tensor::wrong("repeat_interleave", "the size overflows", &[("input", self)]),
        }
        self.reshape(apart).expand(repeated).reshape(merged)
    }

    /// Positions moved on by `shifts[i]` along `axes[i]`, and those that leave at one end enter at the other:
    /// `y[(p + shift) mod n] = x[p]`. A negative shift moves back.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::iota(5, &Device::cpu()).roll(&[2], &[0]);
    /// assert_eq!(t.to_vec::<u32>()?, [3, 4, 0, 1, 2]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn roll(&self, shifts: &[isize], axes: &[isize]) -> Tensor {
        if shifts.len() != axes.len() {
            let message = format!("{} shifts for {} axes", shifts.len(), axes.len());
            return Tensor::wrong("roll", message, &[("input", self)]);
        }
        let mut rolled = self.clone();
        for (&shift, &axis) in shifts.iter().zip(axes) {
            let at = match axis_of(axis, self.rank()) {
                Ok(at) => at,
                Err(message) => return Tensor::wrong("roll", message, &[("input", self)]),
            };
            let size = self.size(at as isize);
            let moved = match isize::try_from(size) {
                Ok(n) if n > 0 => shift.rem_euclid(n) as usize,
                _ => 0,
            };
            if moved > 0 {
                let (front, back) =
                    (rolled.every(at, 0, size - moved, 1), rolled.every(at, size - moved, moved, 1));
                rolled = Tensor::concat(&[&back, &front], at as isize);
            }
        }
        rolled
    }
}
