//! Batches as tensors on a device.

use anygrad_data::{Batch, BatchTargets};
use anygrad_graph::{DType, Device, Tensor};

/// A batch on the device of a model.
pub(crate) struct Feed {
    /// Number of samples, b.
    pub(crate) len: usize,
    /// `[b, ..]`, of the dtype of the parameters.
    pub(crate) inputs: Tensor,
    /// Labels `[b]`, u32, or values `[b, ..]` of the dtype of the parameters.
    pub(crate) targets: Tensor,
    labelled: bool,
}

impl Feed {
    /// Uploads `batch`. Copied as it is; the order of the numbers is that of the data set.
    #[track_caller]
    pub(crate) fn new(batch: &Batch, dtype: DType, device: &Device) -> Self {
        let (targets, labelled) = match &batch.targets {
            BatchTargets::Classes { labels, .. } => {
                (Tensor::from_slice(labels, [labels.len()], device), true)
            }
            BatchTargets::Values { values, shape } => (floats(values, shape, dtype, device), false),
        };
        let inputs = floats(&batch.inputs, &batch.input_shape, dtype, device);
        Self { len: batch.len(), inputs, targets, labelled }
    }

    /// How many of the scores `output` are highest at the label, a u32 scalar; `None` if the targets are no labels
    /// or `output` is not `[b, classes]`.
    #[track_caller]
    pub(crate) fn correct(&self, output: &Tensor) -> Option<Tensor> {
        let scores = self.labelled && output.rank() == 2 && output.size(0) == self.len;
        scores.then(|| output.argmax(1).eq(&self.targets).to_dtype(DType::U32).sum_all())
    }
}

#[track_caller]
fn floats(values: &[f32], shape: &[usize], dtype: DType, device: &Device) -> Tensor {
    match dtype {
        DType::F64 => {
            let wide: Vec<f64> = values.iter().copied().map(f64::from).collect();
            Tensor::from_slice(&wide, shape, device)
        }
        _ => Tensor::from_slice(values, shape, device).to_dtype(dtype),
    }
}
