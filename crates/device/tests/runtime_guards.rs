//! Guard bands: they catch what a kernel writes beside a buffer, and nothing else.

mod runtime_support;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anygrad_device::{DeviceError, Options, Param, Plan, PlanStep};
use runtime_support::{ADD, bytes, fresh, gpu, launch, read, step};

/// `out[i] = input[i] + word` for `i < n`.
fn add_word(n: u32, word: u32) -> PlanStep {
    step(launch(ADD, &[Param::Word(n), Param::Word(word)], n.div_ceil(64)), &[0, 1])
}

#[test]
fn guard_bands_catch_a_kernel_that_writes_past_the_end() {
    let Some(_) = gpu() else { return };
    for checked in [true, false] {
        let gpu = fresh(&Options::default().guard_bands(true).checked_shaders(checked));
        for n in [1, 3, 64, 100, 5000_u32] {
            let input = gpu.upload(&bytes(&vec![4; n as usize + 8])).unwrap();
            let out = gpu.alloc(4 * n as usize).unwrap();
            let run = |count: u32| {
                let plan = Plan::new(&gpu, vec![add_word(count, 1)]).unwrap();
                plan.run(&[input.clone(), out.clone()], &[]).unwrap();
                assert_eq!(read(&gpu, &out), vec![5; n as usize]);
            };
            run(n);
            gpu.check_guards().unwrap();
            run(n + 1);
            let error = gpu.check_guards().unwrap_err();
            let DeviceError::OutOfBounds { bytes, side, distance } = error else { panic!("{error}") };
            assert_eq!((bytes, side, distance), (4 * u64::from(n), "past the end of", 0));
            gpu.check_guards().unwrap();
        }
        // In the pool, too, and before a buffer is given out again.
        let (input, out) = (gpu.upload(&bytes(&[0; 16])).unwrap(), gpu.alloc(24).unwrap());
        let plan = Plan::new(&gpu, vec![add_word(8, 1)]).unwrap();
        plan.run(&[input, out], &[]).unwrap();
        assert!(gpu.check_guards().is_err());
        // A fresh buffer holds no leftovers.
        let fresh = gpu.alloc(24).unwrap();
        assert!(read(&gpu, &fresh).iter().all(|word| f32::from_bits(*word).is_nan()));
        gpu.trim();
        gpu.check_guards().unwrap();
    }
}

#[test]
fn buffers_that_other_threads_use_anew_are_no_damage() {
    let Some(_) = gpu() else { return };
    let gpu = &fresh(&Options::default().guard_bands(true));
    let done = &AtomicBool::new(false);
    // Every size of a thread is of one class, so the same memory has its rear band elsewhere each time. The
    // larger ones are not filled with the pattern before.
    let work = |seed: u32, base: u32, spread: u32| {
        let mut state = seed;
        while !done.load(Relaxed) {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let n = base + (state >> 8) % spread;
            let buffers =
                [gpu.upload(&bytes(&vec![state; n as usize])).unwrap(), gpu.alloc(4 * n as usize).unwrap()];
            let plan = Plan::new(gpu, vec![add_word(n, seed)]).unwrap();
            plan.run(&buffers, &[]).unwrap();
            // A band that is mended where it no longer is would show here.
            assert_eq!(read(gpu, &buffers[1]), vec![state.wrapping_add(seed); n as usize]);
        }
    };
    std::thread::scope(|scope| {
        for (seed, base, spread) in [(1, 1, 64), (2, 1, 64), (3, 17_000, 3000), (4, 17_000, 3000)] {
            scope.spawn(move || work(seed, base, spread));
        }
        let start = Instant::now();
        let mut checks = Ok(());
        while checks.is_ok() && start.elapsed() < Duration::from_millis(1500) {
            checks = gpu.check_guards();
        }
        done.store(true, Relaxed);
        checks.unwrap();
    });
    gpu.check_guards().unwrap();
}
