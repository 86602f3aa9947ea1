//! Parameters side by side in memory, and optimizer state likewise, so that a step updates all of them in few
//! dispatches; see [`anygrad_graph::pack`].

use anygrad_graph::{Tensor, pack};

/// Packs tensors that are updated together, unless some of them are packed already: then all were, and those that are
/// not have been replaced. Without memory for it they stay where they are.
pub(crate) fn side_by_side(tensors: &[&Tensor]) {
    let ready = |tensor: &&&Tensor| tensor.is_evaluated() && !tensor.device().is_cpu();
    if tensors.iter().any(|tensor| tensor.is_packed()) || tensors.iter().filter(ready).count() < tensors.len()
    {
        return;
    }
    // an error is that of memory, which the step can do without, or of the device, which the step will tell
    let _ = pack(tensors);
}
