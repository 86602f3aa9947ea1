//! Which device runs, said once.

use std::sync::{Mutex, PoisonError};

use anygrad_graph::Device;

/// `device: CPU (2 threads, AVX2) - no GPU was found`: what computes, and why.
pub fn device_line(device: &Device) -> String {
    format!("device: {device} - {}", device.why())
}

/// Writes [`device_line`] to standard error, once for each device and process: [`Trainer::fit`](crate::Trainer::fit)
/// does so unless its progress is hidden, and a program may do so earlier.
pub fn announce(device: &Device) {
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let line = device_line(device);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&line) {
        eprintln!("{line}");
        said.push(line);
    }
}
