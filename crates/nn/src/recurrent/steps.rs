//! Cutting a tensor into parts whose gradients are put together again cheaply.
//!
//! The gradient of a slice is the gradient of the part, padded with zeros to the size of the whole. Many slices of one
//! tensor would make as many tensors of its full size, so steps are cut in two or three rounds, and gates are put in
//! their places by a comparison, which fuses with what is around it.

use anygrad_graph::{Tensor, custom_vjp};

/// Parts a round.
const ROUND: usize = 8;

/// Every position of axis 1 of `x`, without that axis.
#[track_caller]
pub(super) fn unbind_steps(x: &Tensor) -> Vec<Tensor> {
    let count = x.size(1);
    if count <= ROUND {
        return x.unbind(1);
    }
    let mut size = 1;
    while size * ROUND < count {
        size *= ROUND;
    }
    let mut steps = Vec::with_capacity(count);
    for chunk in x.split_every(size, 1) {
        steps.extend(unbind_steps(&chunk));
    }
    steps
}

/// Cuts `[n, gates, hidden]` into gates.
pub struct Gates {
    /// For each gate a bool `[1, gates, 1]` that is true there.
    places: Vec<Tensor>,
    zero: Tensor,
}

impl Gates {
    /// For `count` gates of tensors like `like`. Made once for all steps, as each constant in it is an upload.
    #[track_caller]
    pub fn new(count: usize, like: &Tensor) -> Self {
        let device = like.device();
        let gate = Tensor::iota(count, device).reshape([1, count, 1]);
        let mut places = Vec::with_capacity(count);
        for index in 0..count {
            places.push(gate.eq(index as u32));
        }
        Self { places, zero: Tensor::number(0.0, like.dtype(), device) }
    }

    /// Gate `index` of `x`: `[n, hidden]`.
    #[track_caller]
    pub fn of(&self, x: &Tensor, index: usize) -> Tensor {
        let Some(place) = self.places.get(index) else {
            let message = format!("there are {} gates, and no gate {index}", self.places.len());
            return Tensor::wrong("recurrent", message, &[("input", x)]);
        };
        if self.places.len() == 1 {
            return x.squeeze(1);
        }
        let cut = |x: &[Tensor]| match x {
            [x, ..] => x.slice(1, index, 1),
            [] => Tensor::wrong("recurrent", "no gates", &[]),
        };
        let gate = custom_vjp(&[x, place, &self.zero], cut, |v| match v.inputs {
            [_, place, zero] => vec![place.select(v.grad, zero), place.clone(), zero.clone()],
            _ => Vec::new(),
        });
        gate.squeeze(1)
    }
}
