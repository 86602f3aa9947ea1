//! Running what was recorded.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::Tensor;
use crate::device::{Backend, Device};
use crate::error::Error;
use crate::plan::Plan;
use crate::program::{Lowered, lower};
use crate::tensor::State;

/// Computes tensors, all in one run: their shared parts once, with everything fused that can be. On a GPU nothing
/// waits for the result. Pending tensors on the way that are still held elsewhere get their values too.
///
/// # Errors
/// The first error that recording met, or a failure of the device. A run that fails before the device has started
/// leaves every tensor as it was.
///
/// ```
/// use anygrad_graph::{Device, Tensor, eval};
/// let x = Tensor::ones([2, 2], &Device::cpu());
/// let (y, z) = (&x + 1.0, (&x + 1.0).sum_all());
/// eval(&[&y, &z])?;
/// assert!(y.is_evaluated() && z.is_evaluated());
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
pub fn eval(tensors: &[&Tensor]) -> Result<(), Error> {
    eval_with(tensors, |plan, lowered, device| run(plan, lowered, device, None)).map(|_| ())
}

/// Finds or makes the plan for `tensors` and hands it to `go`. `None`: there is nothing to run.
pub(crate) fn eval_with<T>(
    tensors: &[&Tensor],
    go: impl FnOnce(&Plan, Lowered, &Device) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let pending = pending(tensors)?;
    let Some(first) = pending.first() else { return Ok(None) };
    let device = first.device().clone();
    let inner = device.inner();
    // one run at a time: what a run overwrites must not be read by another
    let mut plans = inner.plans();
    let lowered = lower(&pending)?;
    if lowered.results.is_empty() {
        return Ok(None);
    }
    let plan = match plans.find(&lowered) {
        Some(plan) => {
            inner.hits.fetch_add(1, Ordering::Relaxed);
            plan
        }
        None => {
            inner.misses.fetch_add(1, Ordering::Relaxed);
            let plan = Arc::new(Plan::new(&lowered, &device)?);
            plans.insert(&lowered, plan.clone());
            plan
        }
    };
    go(&plan, lowered, &device).map(Some)
}

fn pending<'a>(tensors: &[&'a Tensor]) -> Result<Vec<&'a Tensor>, Error> {
    for tensor in tensors {
        tensor.check()?;
    }
    let pending: Vec<&Tensor> = tensors.iter().copied().filter(|t| !t.is_evaluated()).collect();
    match (pending.first(), pending.iter().find(|t| t.device() != pending[0].device())) {
        (Some(first), Some(other)) => Err(Error::invalid(
            "eval",
            format!("tensors are on two devices: {} and {}", first.device(), other.device()),
        )),
        _ => Ok(pending),
    }
}

/// Runs a plan and gives the tensors their values. `times` gets microseconds, as far as the device can tell.
pub(crate) fn run(
    plan: &Plan,
    lowered: Lowered,
    device: &Device,
    times: Option<&mut Vec<f64>>,
) -> Result<(), Error> {
    let (lowered, buffers) = match (plan, &device.inner().backend) {
        (Plan::Cpu(plan), Backend::Cpu(host)) => plan.run(lowered, host, times)?,
        (Plan::Gpu(plan), Backend::Gpu(gpu)) => {
            let buffers = plan.run(&lowered, gpu, times)?;
            (lowered, buffers)
        }
        _ => return Err(Error::invalid("eval", "a plan of another device was found")),
    };
    for (tensor, id) in &lowered.results {
        let at = lowered.program.outputs.binary_search(id);
        if let Some(buffer) = at.ok().and_then(|at| buffers.get(at)) {
            tensor.0.depth.store(0, Ordering::Relaxed);
            let before = std::mem::replace(&mut *tensor.0.state(), State::Ready(buffer.clone(), true));
            // dropped without the lock held
            drop(before);
        }
    }
    Ok(())
}

/// The plan that evaluating `tensors` now would run, with what it was made from. Runs nothing.
pub(crate) fn plan_of(tensors: &[&Tensor]) -> Result<Option<(Lowered, Arc<Plan>)>, Error> {
    let pending = pending(tensors)?;
    let Some(first) = pending.first() else { return Ok(None) };
    let device = first.device().clone();
    let mut plans = device.inner().plans();
    let lowered = lower(&pending)?;
    let plan = match plans.find(&lowered) {
        Some(plan) => plan,
        None => Arc::new(Plan::new(&lowered, &device)?),
    };
    Ok(Some((lowered, plan)))
}
