//! Cutting sequences into steps, and putting them together again.
//!
//! Steps lie one after another in memory, first all sequences of the first step: a step is then a row of a matrix of all
//! steps, and the gradients of all steps are that matrix again.

use anygrad_graph::{Shape, Tensor};

/// `[n, steps, features]` as the rows of all sequences at the first step, at the second and so on.
#[track_caller]
pub(super) fn rows_by_step(x: &Tensor) -> Tensor {
    let rows = x.size(0).saturating_mul(x.size(1));
    x.transpose(0, 1).reshape(Shape::from([rows, x.size(2)]))
}

/// The steps of [`rows_by_step`] for `n` sequences: `count` tensors `[n, features]`.
#[track_caller]
pub(super) fn cut_steps(rows: &Tensor, n: usize, count: usize) -> Vec<Tensor> {
    let mut steps = Vec::with_capacity(count);
    for t in 0..count {
        steps.push(rows.slice(0, t.saturating_mul(n), n));
    }
    steps
}

/// The outputs of the steps, `[n, features]` each, as `[n, steps, features]`.
#[track_caller]
pub(super) fn stack_steps(steps: &[Tensor]) -> Tensor {
    Tensor::stack(&steps.iter().collect::<Vec<_>>(), 0).transpose(0, 1)
}
