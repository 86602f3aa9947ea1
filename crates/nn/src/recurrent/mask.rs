use anygrad_graph::Tensor;

/// Which steps of padded sequences are real: `lengths` `[n]` (u32 or i32) gives a bool mask `[n, steps]` that is true
/// at step `t` of sequence `i` where `t < lengths[i]`. For [`forward_masked`](crate::Recurrent::forward_masked), and,
/// as it is true where a key counts, for attention.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::length_mask;
/// let lengths = Tensor::from_slice(&[3u32, 1], [2], &Device::cpu());
/// let mask = length_mask(&lengths, 3);
/// assert_eq!(mask.to_vec::<bool>()?, [true, true, true, true, false, false]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
///
/// Poisoned if the lengths are no integers, or not of one axis.
#[track_caller]
pub fn length_mask(lengths: &Tensor, steps: usize) -> Tensor {
    if lengths.check().is_ok() && (lengths.rank() != 1 || !lengths.dtype().is_int()) {
        let message = format!("takes lengths [n] of u32 or i32: {} {}", lengths.dtype(), lengths.shape());
        return Tensor::wrong("length_mask", message, &[("lengths", lengths)]);
    }
    let step = Tensor::iota(steps, lengths.device()).to_dtype(lengths.dtype());
    step.unsqueeze(0).lt(lengths.unsqueeze(1))
}
