//! The identity that gradients do not pass.

use anygrad_layout::Layout;

use crate::Tensor;
use crate::op::{Kind, Meta, Op};

/// The same value; no gradient.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct StopGradient;

impl Op for StopGradient {
    fn name(&self) -> &'static str {
        "stop_gradient"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        inputs.first().map(|&meta| meta.clone()).ok_or_else(|| "takes 1 input".into())
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        Some(input.clone())
    }
    fn stops_gradient(&self) -> bool {
        true
    }
}

impl Tensor {
    /// The same value as a constant: gradients do not pass. Nothing is computed or copied. Also
    /// [`detach`](Tensor::detach).
    #[track_caller]
    pub fn stop_gradient(&self) -> Tensor {
        Tensor::record(StopGradient, &[self])
    }

    /// PyTorch's name for [`stop_gradient`](Tensor::stop_gradient): the same value as a constant, still pending.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor, grad};
    /// let x = Tensor::from_slice(&[3.0f32], [1], &Device::cpu());
    /// let y = (&x * x.detach()).sum_all();
    /// assert_eq!(grad(&y, &[&x])[0].to_vec::<f32>()?, [3.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn detach(&self) -> Tensor {
        self.stop_gradient()
    }
}
