//! Reductions to truth values, and counting.

use anygrad_layout::DType;

use crate::Tensor;

impl Tensor {
    /// Whether any element over `axes` is true, that is not 0 (NaN is not), as bool; the axes disappear. False over
    /// no elements.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[0.0f32, 2.0, 0.0, 0.0], [2, 2], &Device::cpu());
    /// assert_eq!(x.any(&[1]).to_vec::<bool>()?, [true, false]);
    /// assert_eq!(x.all(&[0]).to_vec::<bool>()?, [false, false]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn any(&self, axes: &[isize]) -> Tensor {
        match self.checked_axes("any", axes) {
            Ok(_) => self.truths(axes).ne(0u32),
            Err(wrong) => wrong,
        }
    }

    /// Whether any element over `axes` is true; the axes stay with size 1.
    #[track_caller]
    pub fn any_keep(&self, axes: &[isize]) -> Tensor {
        self.any(axes).reshape(self.kept_shape(axes))
    }

    /// Whether any element is true, a bool scalar.
    #[track_caller]
    pub fn any_all(&self) -> Tensor {
        self.any(&self.all_axes())
    }

    /// Whether all elements over `axes` are true, that is not 0 (NaN is not), as bool; the axes disappear. True over
    /// no elements.
    #[track_caller]
    pub fn all(&self, axes: &[isize]) -> Tensor {
        match self.checked_axes("all", axes) {
            Ok(_) => self.to_dtype(DType::Bool).logical_not().truths(axes).eq(0u32),
            Err(wrong) => wrong,
        }
    }

    /// Whether all elements over `axes` are true; the axes stay with size 1.
    #[track_caller]
    pub fn all_keep(&self, axes: &[isize]) -> Tensor {
        self.all(axes).reshape(self.kept_shape(axes))
    }

    /// Whether all elements are true, a bool scalar.
    #[track_caller]
    pub fn all_all(&self) -> Tensor {
        self.all(&self.all_axes())
    }

    /// How many elements over `axes` are not 0 (NaN is not), as u32; the axes disappear.
    #[track_caller]
    pub fn count_nonzero(&self, axes: &[isize]) -> Tensor {
        match self.checked_axes("count_nonzero", axes) {
            Ok(_) => self.truths(axes),
            Err(wrong) => wrong,
        }
    }

    #[track_caller]
    fn truths(&self, axes: &[isize]) -> Tensor {
        self.to_dtype(DType::Bool).to_dtype(DType::U32).sum(axes)
    }
}
