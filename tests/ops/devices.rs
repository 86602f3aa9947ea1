//! The devices of this test process.

use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use anygrad_graph::{Device, Options, adapters};

/// The GPUs to test: the best adapter without and with wgpu's checks in shaders, both with guard bands around
/// buffers. Empty if `ANYGRAD_GPU` is `off`, or if there is no adapter and it is not `require`. With
/// `ANYGRAD_AS_HARDWARE=on` a software adapter is given the kernels of a GPU.
pub fn gpus() -> &'static [(&'static str, Device)] {
    static GPUS: OnceLock<Vec<(&'static str, Device)>> = OnceLock::new();
    GPUS.get_or_init(|| {
        let wanted = std::env::var("ANYGRAD_GPU").unwrap_or_else(|_| "auto".into());
        assert!(["auto", "require", "off"].contains(&wanted.as_str()), "ANYGRAD_GPU is auto, require or off");
        if wanted == "off" {
            say("skipped: GPU tests, as ANYGRAD_GPU=off");
            return Vec::new();
        }
        if adapters().is_empty() {
            assert_ne!(wanted, "require", "ANYGRAD_GPU=require, but there is no GPU adapter");
            say("skipped: GPU tests, as there is no GPU adapter");
            return Vec::new();
        }
        let hardware = std::env::var("ANYGRAD_AS_HARDWARE").is_ok_and(|value| value == "on");
        let options = Options::default().guard_bands(true).as_hardware(hardware);
        [("GPU", options.clone()), ("GPU with checked shaders", options.checked_shaders(true))]
            .into_iter()
            .map(|(name, options)| (name, Device::open_with(0, &options).expect("a listed adapter opens")))
            .collect()
    })
}

pub fn gpu() -> Option<&'static Device> {
    gpus().first().map(|(_, device)| device)
}

/// Fails if something was written beside a buffer since the last call.
pub fn check_guards(device: &Device) -> Result<(), String> {
    device.as_gpu().map_or(Ok(()), |gpu| gpu.check_guards().map_err(|error| error.to_string()))
}

/// Guard bands tell which test damaged them only if GPU tests run one after another.
pub fn alone<T>(f: impl FnOnce() -> T) -> T {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    f()
}

/// Prints past the test harness, which hides what tests that pass print.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
