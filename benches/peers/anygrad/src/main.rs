//! anygrad as a contestant, on the devices that it has names for.

#[path = "../../protocol.rs"]
mod protocol;
#[path = "../../../workloads/mod.rs"]
mod workloads;

use anygrad::prelude::Device;
use workloads::kernels::kernel;
use workloads::rows::ROWS;
use workloads::steps::STEPS;

fn main() {
    protocol::play(|device, kind, sizes| {
        let device = Device::from_name(device).expect("the device");
        let step = STEPS.iter().find(|(name, _)| name.split(' ').next() == Some(kind));
        let mut run = match step {
            Some((_, build)) => build(&device).expect("the step"),
            None => {
                let row = ROWS.iter().find(|row| row.kind == kind && row.shape == sizes)?;
                kernel(row, &device).expect("the kernel")
            }
        };
        Some(Box::new(move || run().expect("a run")))
    });
}
