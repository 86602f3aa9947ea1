//! What tests of whole trainings share.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use anygrad::data::{Batch, BatchTargets};
use anygrad::graph::{AdapterKind, Options, adapters};
use anygrad::prelude::*;
use anygrad::train::Progress;

/// A GPU of the test's own, so that its counters are: the best real one, else a software one. None if there is none,
/// or if `ANYGRAD_GPU=off`; at least one for `require`.
pub fn gpu() -> Option<Device> {
    let wanted = std::env::var("ANYGRAD_GPU").unwrap_or_else(|_| "auto".into());
    assert!(["auto", "require", "off"].contains(&wanted.as_str()), "ANYGRAD_GPU is auto, require or off");
    if wanted == "off" {
        say("ANYGRAD_GPU=off");
        return None;
    }
    match Device::gpu(0).or_else(|_| Device::software()) {
        Ok(device) => Some(device),
        Err(error) if wanted == "require" => panic!("ANYGRAD_GPU=require: {error}"),
        Err(error) => {
            say(&error.to_string());
            None
        }
    }
}

/// The best GPU, or a software adapter that is given the kernels of one.
pub fn as_hardware() -> Option<Device> {
    gpu()?;
    let best = adapters().iter().position(|adapter| adapter.kind != AdapterKind::Cpu).unwrap_or(0);
    Some(Device::open_with(best, &Options::default().as_hardware(true)).unwrap())
}

/// Says why a test is skipped, past the test harness, which hides what passing tests print.
fn say(why: &str) {
    let line = format!("\nskipping the tests that need a GPU: {why}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}

/// The devices to test: the CPU, and a GPU if there is one.
pub fn devices() -> Vec<Device> {
    std::iter::once(Device::cpu()).chain(gpu()).collect()
}

/// A training that shows nothing.
pub fn quiet<'a>() -> Fit<'a> {
    Fit { progress: Progress::hidden(), ..Fit::default() }
}

/// A batch of labelled samples on a device.
pub fn upload(batch: &Batch, device: &Device) -> (Tensor, Tensor) {
    let BatchTargets::Classes { labels, .. } = &batch.targets else { panic!("labels are wanted") };
    let x = Tensor::from_slice(&batch.inputs, &batch.input_shape[..], device);
    (x, Tensor::from_slice(labels, [labels.len()], device))
}

/// The bits of all parameters, buffers and optimizer state, by path.
pub fn bits(params: &Params) -> Vec<(String, Vec<u32>)> {
    let entries = params.iter().chain(params.state());
    let floats = entries.filter(|entry| entry.tensor.dtype() == DType::F32);
    let read = |tensor: &Tensor| tensor.to_vec::<f32>().unwrap().into_iter().map(f32::to_bits).collect();
    floats.map(|entry| (entry.path.to_string(), read(&entry.tensor))).collect()
}
