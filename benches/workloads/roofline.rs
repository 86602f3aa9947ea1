//! What a device can do at most, measured on it.

use std::time::Instant;

use anygrad::prelude::Device;

use super::Fallible;
use super::kernels::kernel;
use super::rows::Row;

/// The fastest product and the fastest copy of a device.
#[derive(Clone, Copy, Debug)]
pub struct Roofline {
    /// Multiplications and additions a second.
    pub flops: f64,
    /// Bytes read and written a second.
    pub bytes: f64,
}

impl Roofline {
    /// Measures `device`: products that grow until one takes a while, and a copy of 64 MiB.
    pub fn measure(device: &Device) -> Fallible<Self> {
        let copy = Row { kind: "scale", shape: &[16 << 20] };
        let bytes = copy.bytes() / fastest(&copy, device)?;
        let mut flops: f64 = 0.0;
        for shape in
            [&[1, 512, 512, 512], &[1, 1024, 1024, 1024], &[1, 2048, 2048, 2048], &[1, 4096, 4096, 4096]]
        {
            let row = Row { kind: "matmul", shape };
            let seconds = fastest(&row, device)?;
            flops = flops.max(row.flops() / seconds);
            if seconds > 0.05 {
                break;
            }
        }
        Ok(Self { flops, bytes })
    }

    /// Which part of what the device can do a run of `row` in so many seconds is.
    pub fn share(&self, row: &Row, seconds: f64) -> f64 {
        (row.flops() / self.flops).max(row.bytes() / self.bytes) / seconds
    }
}

/// Seconds of the fastest of a few runs.
pub fn fastest(row: &Row, device: &Device) -> Fallible<f64> {
    let mut run = kernel(row, device)?;
    // compiles and allocates
    run()?;
    let begun = Instant::now();
    let mut fastest = f64::INFINITY;
    while fastest.is_infinite() || begun.elapsed().as_secs_f64() < 0.3 {
        let start = Instant::now();
        run()?;
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    Ok(fastest)
}
