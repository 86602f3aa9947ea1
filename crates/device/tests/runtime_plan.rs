//! Plans: replay without new work, run-time numbers, long plans, timing.

mod runtime_support;

use std::time::Duration;

use anygrad_device::{DeviceError, KernelCache, Lowered, Options, Param, Plan, PlanStep};
use runtime_support::{ADD, bytes, fresh, gpu, launch, read, step};

/// `out[i] = input[i] + number 0`, on `n` elements.
fn add_number(n: u32, slots: &[usize]) -> PlanStep {
    let add = launch(ADD, &[Param::Word(n), Param::Number(0)], n.div_ceil(64));
    PlanStep { numbers: vec![0], ..step(add, slots) }
}

fn add_word(n: u32, word: u32, slots: &[usize]) -> PlanStep {
    step(launch(ADD, &[Param::Word(n), Param::Word(word)], n.div_ceil(64)), slots)
}

#[test]
fn replaying_compiles_nothing_and_allocates_nothing() {
    let Some(_) = gpu() else { return };
    let gpu = fresh(&Options::default());
    let n = 1000;
    // Steps with and without numbers alternate; the numbers differ in place and value.
    let mut steps = vec![add_number(n, &[0, 1]), add_word(n, 10, &[1, 2]), add_number(n, &[2, 3])];
    steps[2].numbers = vec![1];
    let plan = Plan::new(&gpu, steps.clone()).unwrap();
    assert_eq!(plan.len(), 3);
    let input = gpu.upload(&bytes(&vec![1; n as usize])).unwrap();
    let run = |round: u32| {
        let mut buffers = vec![input.clone()];
        buffers.extend((0..3).map(|_| gpu.alloc(4 * n as usize).unwrap()));
        plan.run(&buffers, &[round, 1000 * round]).unwrap();
        assert_eq!(read(&gpu, &buffers[3]), vec![11 + round * 1001; n as usize]);
    };
    (0..3).for_each(run);
    let (before, memory) = (gpu.counters(), gpu.memory());
    assert_eq!((before.pipelines, before.plans, before.dispatches), (1, 1, 9));
    (3..300).for_each(run);
    let after = gpu.counters();
    assert_eq!(gpu.memory(), memory);
    assert_eq!((after.pipelines, after.plans, after.bind_groups), (1, 1, before.bind_groups));
    assert_eq!(after.dispatches, 900);
    assert_eq!(after.submits - before.submits, 2 * 297); // the run and the read
    assert_eq!(after.uploads, 1);
    // Another plan of the same kernels compiles nothing either.
    Plan::new(&gpu, steps).unwrap();
    assert_eq!(gpu.counters().pipelines, 1);
}

#[test]
fn compiled_kernels_are_kept_up_to_a_number_and_those_of_plans_always() {
    let Some(_) = gpu() else { return };
    let gpu = fresh(&Options::default().pipelines(4));
    // ten kernels with a text each: `out[i] = input[i] + k`
    let plan = |k: u32| {
        let source = ADD.replace("input[id.x] + p.addend", &format!("input[id.x] + p.addend + {k}u"));
        Plan::new(&gpu, vec![step(launch(&source, &[Param::Word(3), Param::Word(0)], 1), &[0, 1])]).unwrap()
    };
    let buffers = [gpu.upload(&bytes(&[1, 2, 3])).unwrap(), gpu.alloc(12).unwrap()];
    let runs = |plan: &Plan, k: u32| {
        plan.run(&buffers, &[]).unwrap();
        assert_eq!(read(&gpu, &buffers[1]), [1 + k, 2 + k, 3 + k]);
    };
    let first = plan(0);
    (1..10).for_each(|k| runs(&plan(k), k));
    assert_eq!(gpu.counters().pipelines, 10);
    // the last four are there yet, the first is not; its plan runs all the same
    (6..10).for_each(|k| runs(&plan(k), k));
    assert_eq!(gpu.counters().pipelines, 10);
    runs(&plan(0), 0);
    assert_eq!(gpu.counters().pipelines, 11);
    runs(&first, 0);
}

#[test]
fn kernels_are_kept_in_a_file_and_a_damaged_one_is_replaced() {
    let Some(_) = gpu() else { return };
    let folder = std::env::temp_dir().join(format!("anygrad-runtime-{}", std::process::id()));
    let files = || -> Vec<_> {
        let entries = std::fs::read_dir(&folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let run = || {
        let gpu = fresh(&Options::default().kernel_cache(KernelCache::Folder(folder.clone())));
        let plan = Plan::new(&gpu, vec![add_number(64, &[0, 1])]).unwrap();
        let buffers = [gpu.upload(&bytes(&[1; 64])).unwrap(), gpu.alloc(256).unwrap()];
        plan.run(&buffers, &[4]).unwrap();
        assert_eq!(read(&gpu, &buffers[1]), [5; 64]);
    };
    run();
    let first = files();
    assert!(first.len() <= 1, "{first:?}"); // none, if the driver hands no kernels out
    let contents = || first.iter().map(|file| std::fs::read(file).unwrap()).collect::<Vec<_>>();
    let sound = contents();
    run();
    assert_eq!((files(), contents()), (first.clone(), sound.clone()));
    for (file, sound) in first.iter().zip(&sound) {
        let mut damaged = sound.clone();
        damaged[sound.len() / 2] ^= 1;
        std::fs::write(file, &damaged).unwrap();
        run();
        assert_eq!(std::fs::read(file).unwrap().len(), sound.len());
        assert_ne!(std::fs::read(file).unwrap(), damaged);
    }
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn many_kernels_are_compiled_side_by_side_each_once_and_the_first_mistake_is_told() {
    let Some(_) = gpu() else { return };
    let gpu = fresh(&Options::default());
    let add = |k: u32| {
        let source = ADD.replace("input[id.x] + p.addend", &format!("input[id.x] + p.addend + {k}u"));
        step(launch(&source, &[Param::Word(1), Param::Word(0)], 1), &[0, 1])
    };
    // forty steps of twenty kernels, in an order that shows
    let steps: Vec<PlanStep> = (0..40)
        .map(|i| PlanStep { slots: if i % 2 == 0 { vec![0, 1] } else { vec![1, 0] }, ..add(i % 20) })
        .collect();
    let plan = Plan::new(&gpu, steps.clone()).unwrap();
    assert_eq!(gpu.counters().pipelines, 20);
    let buffers = [gpu.upload(&bytes(&[7])).unwrap(), gpu.alloc(4).unwrap()];
    plan.run(&buffers, &[]).unwrap();
    assert_eq!(read(&gpu, &buffers[0]), [7 + 2 * 190]);
    let wrong = |k: u32| {
        let launch = launch(&format!("not wgsl {k}"), &[], 1);
        PlanStep { label: format!("mistake {k}"), ..step(launch, &[0, 1]) }
    };
    let error = Plan::new(&gpu, [steps, vec![wrong(1), wrong(2), add(20)]].concat()).err().unwrap();
    assert!(error.to_string().contains("mistake 1"), "{error}");
    assert_eq!(gpu.counters().pipelines, 21);
}

#[test]
fn dropped_plans_and_freed_memory_leave_nothing_behind() {
    let Some(_) = gpu() else { return };
    let gpu = fresh(&Options::default());
    let round = |_| {
        let plan = Plan::new(&gpu, vec![add_number(64, &[0, 1])]).unwrap();
        let buffers = [gpu.upload(&bytes(&[1; 64])).unwrap(), gpu.alloc(256).unwrap()];
        plan.run(&buffers, &[1]).unwrap();
        let read_back = buffers[1].clone();
        drop(plan);
        assert_eq!(read(&gpu, &read_back), [2; 64]);
        gpu.trim();
    };
    (0..100).for_each(round);
    assert_eq!(gpu.memory().live_bytes, 0);
    assert!(gpu.memory().pooled_bytes <= 512);
}

#[test]
fn thousands_of_dependent_dispatches_split_and_keep_their_order() {
    let Some(gpu) = gpu() else { return };
    let n = 100_u32;
    let steps = (0..5000).map(|i| add_word(n, i, if i % 2 == 0 { &[0, 1] } else { &[1, 0] })).collect();
    let plan = Plan::new(&gpu, steps).unwrap();
    let buffers = [gpu.upload(&bytes(&vec![0; n as usize])).unwrap(), gpu.alloc(4 * n as usize).unwrap()];
    let before = gpu.counters().submits;
    for runs in 1..=2 {
        plan.run(&buffers, &[]).unwrap();
        assert_eq!(read(&gpu, &buffers[0]), vec![runs * (4999 * 5000 / 2); n as usize]);
    }
    // 32, 64, 128, then 256 dispatches each
    assert!(gpu.counters().submits - before >= 2 * (3 + 19));
}

#[test]
fn a_loop_that_never_reads_is_held_back_and_stays_right() {
    let Some(gpu) = gpu() else { return };
    let n = 4096;
    let plan = Plan::new(&gpu, vec![add_number(n, &[0, 1]), add_word(n, 0, &[1, 0])]).unwrap();
    let buffers = [gpu.upload(&bytes(&vec![0; n as usize])).unwrap(), gpu.alloc(4 * n as usize).unwrap()];
    for number in 0..500 {
        plan.run(&buffers, &[number]).unwrap();
    }
    assert_eq!(read(&gpu, &buffers[0]), vec![499 * 500 / 2; n as usize]);
}

#[test]
fn timing_gives_a_time_for_each_step_and_the_same_result() {
    let Some(gpu) = gpu() else { return };
    let n = 1 << 20;
    let steps = (0..600).map(|i| add_number(if i == 5 { n } else { 1 }, &[0, 1])).collect();
    let plan = Plan::new(&gpu, steps).unwrap();
    let buffers = [gpu.upload(&vec![0; 4 << 20]).unwrap(), gpu.alloc(4 << 20).unwrap()];
    plan.run(&buffers, &[2]).unwrap();
    let times = plan.run_timed(&buffers, &[3]);
    if !gpu.limits().timestamps {
        assert!(matches!(times, Err(DeviceError::Unsupported { .. })));
        return;
    }
    let times = times.unwrap();
    assert_eq!((times.len(), plan.labels().count()), (600, 600));
    assert!(times.iter().all(|time| (0.0..1e8).contains(time)), "{times:?}");
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    assert!(times[5] > median(times.clone()), "{} of a million, {} of one", times[5], median(times.clone()));
    assert_eq!(read(&gpu, &buffers[1]), vec![3; n as usize]);
}

#[test]
fn an_op_runs_by_itself() {
    let Some(gpu) = gpu() else { return };
    let lowered =
        Lowered { launches: vec![launch(ADD, &[Param::Word(2), Param::Number(1)], 1)], scratch: vec![8] };
    let (input, out) = (gpu.upload(&bytes(&[1, 2])).unwrap(), gpu.alloc(8).unwrap());
    gpu.run_once(&lowered, std::slice::from_ref(&input), std::slice::from_ref(&out), &[5, 6]).unwrap();
    assert_eq!(read(&gpu, &out), [7, 8]);
    assert!(matches!(gpu.run_once(&lowered, &[input], &[], &[5, 6]), Err(DeviceError::Validation { .. })));
    assert!(matches!(gpu.run_once(&lowered, &[], &[out], &[]), Err(DeviceError::Validation { .. })));
}

/// Spins for `n` rounds in one thread, in a way that no compiler can shorten. Drivers can: lavapipe ends every loop of a
/// thread after 65535 rounds in all.
const SPIN: &str = "
struct Params { n: u32, seed: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(1)
fn main() {
    var x = p.seed;
    for (var i = 0u; i < p.n; i++) { x = (x ^ (x >> 7u)) * 2654435761u + input[x & 15u]; }
    out[0] = x;
}";

#[test]
fn work_that_takes_too_long_is_a_timeout_and_can_be_waited_for_again() {
    let Some(_) = gpu() else { return };
    let gpu = fresh(&Options::default().timeout(Duration::from_millis(5)));
    let spin = |n| step(launch(SPIN, &[Param::Word(n), Param::Word(1)], 1), &[0, 1]);
    // A tenth of a second or more on any device, for each dispatch waits for the one before.
    let long = Plan::new(&gpu, vec![spin(60_000); 256]).unwrap();
    let buffers = [gpu.upload(&[0; 64]).unwrap(), gpu.alloc(4).unwrap()];
    let short = Plan::new(&gpu, vec![spin(1)]).unwrap();
    let _ = short.run(&buffers, &[]); // some drivers compile now
    while gpu.wait().is_err() {}
    long.run(&buffers, &[]).unwrap();
    let is_timeout = |error| matches!(error, DeviceError::Timeout { .. });
    assert!(gpu.wait().is_err_and(is_timeout));
    // Here a driver may block in the submission itself, until the plan is done.
    assert!(gpu.read(&buffers[1], 4).map_or_else(is_timeout, |data| data.len() == 4));
    let later = gpu.read_async(&buffers[1], 4);
    assert!(pollster::block_on(later).map_or_else(is_timeout, |data| data.len() == 4));
    let mut waits = 0;
    while let Err(error) = gpu.wait() {
        assert!(is_timeout(error));
        waits += 1;
        assert!(waits < 3000);
    }
    gpu.read(&buffers[1], 4).unwrap();
}

#[test]
fn heavy_steps_are_submitted_one_by_one() {
    let Some(_) = gpu() else { return };
    let gpu = fresh(&Options::default());
    let mut heavy = add_word(4, 1, &[0, 1]);
    heavy.launch.flops = u64::MAX;
    let plan = Plan::new(&gpu, vec![heavy; 40]).unwrap();
    let buffers = [gpu.upload(&[0; 16]).unwrap(), gpu.alloc(16).unwrap()];
    plan.run(&buffers, &[]).unwrap();
    assert_eq!((gpu.counters().submits, gpu.counters().dispatches), (40, 40));
    assert_eq!(read(&gpu, &buffers[1]), [1; 4]);
}

/// Counts the rounds of a loop of `m` in a loop of `n`.
const ROUNDS: &str = "
struct Params { n: u32, m: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(1)
fn main() {
    var rounds = 0u;
    for (var i = 0u; i < p.n; i++) { for (var j = 0u; j < p.m; j++) { rounds += input[0]; } }
    out[0] = rounds;
}";

/// Kernels rely on this many rounds a thread, and on no more: lavapipe ends loops after 65535 in all.
#[test]
fn a_thread_runs_sixty_thousand_rounds_of_its_loops() {
    let Some(gpu) = gpu() else { return };
    let input = gpu.upload(&bytes(&[1])).unwrap();
    for (n, m) in [(1, 60_000), (60_000, 0), (240, 249)] {
        let out = gpu.alloc(4).unwrap();
        let lowered = Lowered {
            launches: vec![launch(ROUNDS, &[Param::Word(n), Param::Word(m)], 1)],
            ..Lowered::default()
        };
        gpu.run_once(&lowered, std::slice::from_ref(&input), std::slice::from_ref(&out), &[]).unwrap();
        assert_eq!(read(&gpu, &out), [n * m]);
    }
}
