//! What the kernel tests share: checks of the text without an adapter, and one GPU a test process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking
#![allow(dead_code)] // every test binary uses its own part

mod device;
mod text;

#[allow(unused_imports)] // the same
pub use device::{close, gpu, gpus, run, run_over};
#[allow(unused_imports)]
pub use text::{check_text, parse};

use anygrad_device::Caps;

/// Capabilities a kernel must be right for: those of every WebGPU adapter, of a software one, and of one with
/// subgroups and more workgroup memory.
pub fn sweep_caps() -> [Caps; 3] {
    let software = Caps { software: true, max_threads: 1024, ..Caps::portable() };
    let lanes = Caps { subgroups: true, subgroup_size: 8, workgroup_bytes: 32 * 1024, ..software.clone() };
    [Caps::portable(), software, lanes]
}

/// Numbers in [-1, 1) that look random and are the same everywhere.
pub fn noise(seed: u32, n: usize) -> Vec<f32> {
    words(seed, n).into_iter().map(|w| (w >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
}

/// Words that look random and are the same everywhere.
pub fn words(seed: u32, n: usize) -> Vec<u32> {
    let mut state = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x1234_5678_9ABC_DEF1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32 ^ (state >> 17) as u32
    };
    (0..n).map(|_| next()).collect()
}

/// The bits of each number.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// The numbers of these bits.
pub fn floats(words: &[u32]) -> Vec<f32> {
    words.iter().map(|w| f32::from_bits(*w)).collect()
}
