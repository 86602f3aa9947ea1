//! Picking by index in other words, and what only the host can know the size of.

use std::panic::Location;

use anygrad_layout::{DType, broadcast};

use super::axis_of;
use super::gather::in_range;
use crate::error::Error;
use crate::{Shape, Tensor, scope};

impl Tensor {
    /// As [`gather`](Tensor::gather), but the other axes of this tensor and of `index` broadcast: NumPy's
    /// `take_along_axis`. Picks what `argmax` and sorting point at.
    #[track_caller]
    pub fn take_along_axis(&self, index: &Tensor, axis: isize) -> Tensor {
        let inputs = [("input", self), ("index", index)];
        let at = match axis_of(axis, self.rank()) {
            Ok(at) => at,
            Err(message) => return Tensor::wrong("take_along_axis", message, &inputs),
        };
        let fits = (index.rank() == self.rank()).then(|| {
            let (mut own, mut other) = (self.shape().clone(), index.shape().clone());
            (own[at], other[at]) = (1, 1);
            broadcast(&own, &other)
        });
        let Some(Some(mut common)) = fits else {
            let message =
                format!("index {} does not broadcast with {} beside axis {at}", index.shape(), self.shape());
            return Tensor::wrong("take_along_axis", message, &inputs);
        };
        if let Err(message) = in_range(index, self.shape()[at]) {
            return Tensor::wrong("take_along_axis", message, &inputs);
        }
        common[at] = self.shape()[at];
        let from = self.expand(&common);
        common[at] = index.shape()[at];
        from.gather(at as isize, &index.expand(&common))
    }

    /// The rows of this table `[n, …]` for indices of any shape: `[*index, …]`, as `F.embedding`. An index that is
    /// out of range reads zeros on every device; indices given from the host are checked when this is called.
    #[track_caller]
    pub fn embedding(&self, index: &Tensor) -> Tensor {
        let inputs = [("table", self), ("index", index)];
        let Some((&rows, row)) = self.shape().split_first() else {
            return Tensor::wrong("embedding", "the table is a scalar", &inputs);
        };
        if !index.dtype().is_int() {
            let message = format!("the index is {}, not u32 or i32", index.dtype());
            return Tensor::wrong("embedding", message, &inputs);
        }
        if let Err(message) = in_range(index, rows) {
            return Tensor::wrong("embedding", message, &inputs);
        }
        let shape: Shape = index.shape().iter().chain(row).copied().collect();
        self.index_select(0, &index.reshape([index.numel()])).reshape(shape)
    }

    /// The positions of the elements that are not 0 (not false), in row-major order: u32 `[count, rank]`. Their
    /// number is known on the host only, so this evaluates the tensor and waits for the device.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::from_slice(&[0, 3, 0, 4], [2, 2], &Device::cpu()).nonzero()?;
    /// assert_eq!(t.to_vec::<u32>()?, [0, 1, 1, 1]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`to_vec`](Tensor::to_vec).
    #[track_caller]
    pub fn nonzero(&self) -> Result<Tensor, Error> {
        let flat = self.true_positions()?;
        let (shape, rank) = (self.shape(), self.rank());
        let mut positions = vec![0u32; flat.len() * rank];
        for (row, &at) in positions.chunks_mut(rank.max(1)).zip(&flat) {
            let mut rest = at as usize;
            for (place, &size) in row.iter_mut().zip(shape.iter()).rev() {
                *place = (rest % size) as u32;
                rest /= size;
            }
        }
        Ok(Tensor::from_slice(&positions, [flat.len(), rank], self.device()))
    }

    /// The elements where `mask` (bool) is true, in row-major order along one axis; both broadcast. Their number is
    /// known on the host only, so this evaluates the mask, with every pending tensor that it is made of and that is
    /// still held, and waits for the device. The elements themselves are recorded, and have a gradient: record what
    /// the mask is made of apart from what is differentiated.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let d = Device::cpu();
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [3], &d);
    /// let mask = Tensor::from_slice(&[true, false, true], [3], &d);
    /// assert_eq!(x.masked_select(&mask)?.to_vec::<f32>()?, [1.0, 3.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    ///
    /// # Errors
    /// The mask is not bool, or does not broadcast with this tensor; as [`to_vec`](Tensor::to_vec).
    #[track_caller]
    pub fn masked_select(&self, mask: &Tensor) -> Result<Tensor, Error> {
        let inputs = [("input", self), ("mask", mask)];
        let caller = Location::caller();
        let wrong = |message: String| {
            let poisoned = scope::recorded_at(caller, || Tensor::wrong("masked_select", message, &inputs));
            poisoned.check().cloned()
        };
        if mask.dtype() != DType::Bool {
            return wrong(format!("the mask is {}, not bool", mask.dtype()));
        }
        let Some(shape) = broadcast(self.shape(), mask.shape()) else {
            return wrong(format!("shapes do not broadcast: {} and {}", self.shape(), mask.shape()));
        };
        let whole = self.expand(&shape).reshape([shape.numel()]);
        let positions = mask.expand(&shape).true_positions()?;
        whole.check()?;
        let index = Tensor::from_slice(&positions, [positions.len()], self.device());
        Ok(whole.gather(0, &index))
    }

    /// The row-major positions of the elements that are not 0.
    fn true_positions(&self) -> Result<Vec<u32>, Error> {
        let truth = self.to_dtype(DType::Bool).to_vec::<bool>()?;
        Ok(truth.iter().enumerate().filter(|(_, is)| **is).map(|(at, _)| at as u32).collect())
    }
}
