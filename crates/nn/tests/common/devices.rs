//! Which GPU the tests use.

use anygrad_graph::Device;

/// The GPU to compare with: none if there is none or `ANYGRAD_GPU=off`, and at least one for `require`.
pub fn gpu() -> Option<Device> {
    let wish = std::env::var("ANYGRAD_GPU").unwrap_or_else(|_| "auto".into());
    if wish == "off" {
        say("ANYGRAD_GPU=off");
        return None;
    }
    match Device::gpu(0).or_else(|_| Device::software()) {
        Ok(device) => Some(device),
        Err(error) if wish == "require" => panic!("ANYGRAD_GPU=require: {error}"),
        Err(error) => {
            say(&error.to_string());
            None
        }
    }
}

/// Says why a test is skipped, past the test harness, which hides what passing tests print.
fn say(why: &str) {
    let line = format!("\nskipping the tests that need a GPU: {why}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}
