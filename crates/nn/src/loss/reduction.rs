use anygrad_graph::Tensor;

/// How a loss makes one number of the losses of all elements or samples.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Loss, Mse, Reduction};
/// let device = Device::cpu();
/// let prediction = Tensor::from_slice(&[1.0f32, 3.0], [2, 1], &device);
/// let target = Tensor::zeros([2, 1], &device);
/// let of = |reduction| Mse { reduction }.loss(&prediction, &target).to_vec::<f32>();
/// assert_eq!(of(Reduction::Mean)?, [5.0]);
/// assert_eq!(of(Reduction::Sum)?, [10.0]);
/// assert_eq!(of(Reduction::None)?, [1.0, 9.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Nothing is reduced: the losses as they are.
    None,
    /// The mean over all of them; the default.
    #[default]
    Mean,
    /// The mean over the samples of their sums: the sum divided by the size of the first axis. PyTorch's `batchmean`.
    BatchMean,
    /// Their sum.
    Sum,
}

impl Reduction {
    /// `each`, reduced. A mean over no elements is NaN.
    #[track_caller]
    pub fn of(self, each: &Tensor) -> Tensor {
        match self {
            Self::None => each.clone(),
            Self::Mean => each.mean_all(),
            Self::BatchMean if each.rank() == 0 => each.clone(),
            Self::BatchMean => each.sum_all() / each.size(0) as f64,
            Self::Sum => each.sum_all(),
        }
    }
}
