//! A device for the tests of the runtime, and small kernels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking
#![allow(dead_code)] // each test file uses its part

use std::sync::{Arc, OnceLock};

use anygrad_device::{Access, Buffer, Gpu, Launch, Operand, Options, Param, PlanStep, adapters};

/// `out[i] = input[i] + addend` for `i < n`. Parameters: n, addend. Bindings: input, output.
pub const ADD: &str = "
struct Params { n: u32, addend: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < p.n { out[id.x] = input[id.x] + p.addend; }
}";

/// The device that the tests of a process share, or None if there is none and it need not be there: see ANYGRAD_GPU.
pub fn gpu() -> Option<Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    GPU.get_or_init(|| {
        let wanted = std::env::var("ANYGRAD_GPU").unwrap_or_else(|_| "auto".into());
        if wanted == "off" {
            say("ANYGRAD_GPU=off");
            return None;
        }
        if adapters().is_empty() {
            assert_ne!(wanted, "require", "ANYGRAD_GPU=require, but there is no GPU adapter");
            say("there is no GPU adapter");
            return None;
        }
        Some(fresh(&Options::default()))
    })
    .clone()
}

/// Says why tests are skipped, past the test harness, which hides what passing tests print.
fn say(why: &str) {
    let line = format!("\nskipping the tests that need a GPU: {why}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}

/// A device of its own, for tests that count or destroy. Only after [`gpu`] gave one.
pub fn fresh(options: &Options) -> Gpu {
    Gpu::open(0, options).expect("an adapter that is listed opens")
}

pub fn launch(source: &str, params: &[Param], groups: u32) -> Launch {
    Launch {
        family: "test",
        variant: "by_hand",
        source: Arc::from(source),
        bindings: vec![(Operand::Input(0), Access::Read), (Operand::Output(0), Access::ReadWrite)],
        params: params.to_vec(),
        grid: [groups, 1, 1],
        flops: 0,
        bytes: 0,
    }
}

pub fn step(launch: Launch, slots: &[usize]) -> PlanStep {
    PlanStep { launch, slots: slots.to_vec(), numbers: Vec::new(), label: "test".into() }
}

pub fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

pub fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks(4).map(|word| u32::from_le_bytes(word.try_into().expect("whole words"))).collect()
}

/// All words of a buffer.
pub fn read(gpu: &Gpu, buffer: &Buffer) -> Vec<u32> {
    words(&gpu.read(buffer, buffer.len()).expect("read"))
}
