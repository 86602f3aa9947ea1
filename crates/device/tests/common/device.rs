//! One GPU a test process, and a way to run what a kernel family gives.

use std::sync::OnceLock;

use anygrad_device::{Buffer, Gpu, Lowered, Operand, Options, Plan, PlanStep, adapters};

/// The devices the tests of this process share, without and with wgpu's shader checks, both with guard bands.
/// None if the environment says `ANYGRAD_GPU=off`, or if there is none and it does not say `require`.
pub fn gpus() -> &'static [Gpu] {
    static GPUS: OnceLock<Vec<Gpu>> = OnceLock::new();
    GPUS.get_or_init(|| {
        let wanted = std::env::var("ANYGRAD_GPU").unwrap_or_else(|_| "auto".into());
        if wanted == "off" {
            say("ANYGRAD_GPU=off");
            return Vec::new();
        }
        if adapters().is_empty() {
            assert_ne!(wanted, "require", "ANYGRAD_GPU=require, but there is no GPU adapter");
            say("there is no GPU adapter");
            return Vec::new();
        }
        let options = Options::default().guard_bands(true);
        [options.clone(), options.checked_shaders(true)]
            .iter()
            .map(|options| Gpu::open(0, options).expect("an adapter that is listed opens"))
            .collect()
    })
}

/// Says why tests are skipped, past the test harness, which hides what passing tests print.
fn say(why: &str) {
    let line = format!("\nskipping the tests that need a GPU: {why}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}

/// The device that runs kernels as in normal use, with guard bands.
pub fn gpu() -> Option<&'static Gpu> {
    gpus().first()
}

/// Runs launches on words and gives the words of each output, `outputs[k]` of them. What no kernel writes stays
/// `0xdeadbeef`.
pub fn run(
    gpu: &Gpu,
    lowered: &Lowered,
    inputs: &[&[u32]],
    outputs: &[usize],
    numbers: &[u32],
) -> Vec<Vec<u32>> {
    let before: Vec<Vec<u32>> = outputs.iter().map(|n| vec![0xdead_beef; *n]).collect();
    run_over(gpu, lowered, inputs, &before, numbers)
}

/// As [`run`], over outputs that hold something before.
pub fn run_over(
    gpu: &Gpu,
    lowered: &Lowered,
    inputs: &[&[u32]],
    outputs: &[Vec<u32>],
    numbers: &[u32],
) -> Vec<Vec<u32>> {
    let upload = |words: &[u32]| {
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        gpu.upload(&bytes).expect("upload")
    };
    let mut buffers: Vec<Buffer> = inputs.iter().map(|words| upload(words)).collect();
    buffers.extend(outputs.iter().map(|words| upload(words)));
    buffers.extend(lowered.scratch.iter().map(|bytes| gpu.alloc(*bytes).expect("scratch")));
    let slot = |operand: &Operand| match *operand {
        Operand::Input(i) => i,
        Operand::Output(k) => inputs.len() + k,
        Operand::Scratch(s) => inputs.len() + outputs.len() + s,
        Operand::Block(i) => i,
    };
    let steps = lowered.launches.iter().map(|launch| PlanStep {
        slots: launch.bindings.iter().map(|(operand, _)| slot(operand)).collect(),
        numbers: (0..numbers.len()).collect(),
        label: format!("{} {}", launch.family, launch.variant),
        launch: launch.clone(),
    });
    let plan = Plan::new(gpu, steps.collect()).expect("plan");
    plan.run(&buffers, numbers).expect("run");
    let read = |k: usize| {
        let bytes = gpu.read(&buffers[inputs.len() + k], 4 * outputs[k].len()).expect("read");
        bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    };
    let results = (0..outputs.len()).map(read).collect();
    gpu.check_guards().expect("nothing is written beside a buffer");
    results
}

/// Whether two numbers are the same up to `tolerance`, relative to the larger one or to 1; NaN and infinities
/// compare as themselves.
pub fn close(a: f32, b: f64, tolerance: f64) -> bool {
    let a = f64::from(a);
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    if a.is_infinite() || b.is_infinite() {
        return a == b;
    }
    (a - b).abs() <= tolerance * b.abs().max(a.abs()).max(1.0)
}
