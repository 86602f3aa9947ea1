//! Buffers, transfers and plans on a device, with small kernels written by hand.

mod runtime_support;

use std::sync::Arc;

use anygrad_device::{Access, DeviceError, Gpu, Launch, Operand, Options, Param, Plan, PlanStep, adapters};
use runtime_support::{ADD, bytes, fresh, gpu, launch, step, words};

#[test]
fn adapters_are_listed_best_first_and_described_in_one_line() {
    let adapters = adapters();
    assert!(adapters.is_sorted_by_key(|info| info.kind));
    for info in &adapters {
        assert!(!info.name.is_empty() && !info.to_string().contains('\n'), "{info}");
    }
    let error = Gpu::open(adapters.len() + 7, &Options::default()).unwrap_err();
    assert!(matches!(error, DeviceError::NoAdapter { .. }), "{error}");
}

#[test]
fn a_million_floats_come_back_bit_for_bit() {
    let Some(gpu) = gpu() else { return };
    // All exponents, both signs, NaNs with payloads, denormals.
    let data: Vec<u32> = (0..1_000_000_u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
    let buffer = gpu.upload(&bytes(&data)).unwrap();
    assert_eq!(buffer.len(), 4_000_000);
    assert_eq!(words(&gpu.read(&buffer, 4_000_000).unwrap()), data);
    // A part, a second time through the same staging buffer, and after an overwrite of a part.
    assert_eq!(words(&gpu.read(&buffer, 12).unwrap()), data[..3]);
    gpu.write(&buffer, &bytes(&[7, 8])).unwrap();
    assert_eq!(words(&gpu.read(&buffer, 12).unwrap()), [7, 8, data[2]]);
}

#[test]
fn data_of_many_pieces_and_odd_lengths_comes_back() {
    let Some(gpu) = gpu() else { return };
    for len in [1, 2, 3, 4, 5, 255, 257, (33 << 20) + 3] {
        let data: Vec<u8> = (0..len).map(|i| (i * 31 + i / 251) as u8).collect();
        let buffer = gpu.upload(&data).unwrap();
        assert!(gpu.read(&buffer, len).unwrap() == data, "{len} bytes");
    }
}

#[test]
fn no_bytes_are_fine_everywhere() {
    let Some(gpu) = gpu() else { return };
    let empty = gpu.alloc(0).unwrap();
    assert!(empty.is_empty() && empty.capacity() == 0);
    gpu.write(&empty, &[]).unwrap();
    assert_eq!(gpu.read(&empty, 0).unwrap(), []);
    assert_eq!(pollster::block_on(gpu.read_async(&empty, 0)).unwrap(), []);
    // A kernel that binds it: nothing to read, and one element to write.
    let out = gpu.upload(&bytes(&[5])).unwrap();
    let plan =
        Plan::new(&gpu, vec![step(launch(ADD, &[Param::Word(1), Param::Word(3)], 1), &[0, 1])]).unwrap();
    plan.run(&[empty.clone(), out.clone()], &[]).unwrap();
    gpu.wait().unwrap();
    plan.run(&[out.clone(), empty], &[]).unwrap();
    gpu.wait().unwrap();
    // An empty grid runs nothing.
    let nothing =
        Plan::new(&gpu, vec![step(launch(ADD, &[Param::Word(0), Param::Word(3)], 0), &[0, 1])]).unwrap();
    assert!(nothing.is_empty());
    nothing.run(&[], &[]).unwrap();
}

#[test]
fn wrong_sizes_are_errors() {
    let Some(gpu) = gpu() else { return };
    let buffer = gpu.upload(&[1; 10]).unwrap();
    assert!(matches!(gpu.read(&buffer, 11), Err(DeviceError::Validation { .. })));
    assert!(matches!(gpu.write(&buffer, &[0; 12]), Err(DeviceError::Validation { .. })));
    assert!(matches!(gpu.write(&buffer, &[0; 6]), Err(DeviceError::Validation { .. })));
    let limit = gpu.limits().buffer_bytes;
    for bytes in [limit as usize + 1, usize::MAX] {
        let error = gpu.alloc(bytes).unwrap_err();
        let too_large = DeviceError::TooLarge { bytes: bytes as u64, limit, what: "a buffer".into() };
        assert_eq!(error.to_string(), too_large.to_string());
    }
    let other = fresh(&Options::default());
    assert!(matches!(other.read(&buffer, 4), Err(DeviceError::Validation { .. })));
}

#[test]
fn memory_stands_still_over_thousands_of_cycles() {
    let Some(_) = gpu() else { return };
    let gpu = fresh(&Options::default());
    let cycle = |round: usize| {
        let held: Vec<_> = (1..8).map(|i| gpu.alloc(1000 * i + round % 50).unwrap()).collect();
        gpu.write(&held[0], &[1; 512]).unwrap();
    };
    (0..50).for_each(cycle);
    let (memory, held) = (gpu.memory(), gpu.memory().pooled_bytes);
    assert_eq!(memory.live_bytes, 0);
    (0..3000).for_each(cycle);
    assert_eq!(gpu.memory(), memory);
    assert!(held > 0);
    gpu.trim();
    assert_eq!(gpu.memory().pooled_bytes, 0);
    let kept = gpu.alloc(100).unwrap();
    assert!(kept.is_unique() && !{ kept.clone() }.is_unique());
    assert_eq!(gpu.memory().live_bytes, kept.capacity() as u64);
}

#[test]
fn the_pool_does_not_grow_with_the_variety_of_sizes() {
    let Some(_) = gpu() else { return };
    let gpu = fresh(&Options::default());
    for i in 0..200 {
        drop(gpu.alloc((1 << 20) + i * 400_000).unwrap());
        let memory = gpu.memory();
        assert!(memory.pooled_bytes <= memory.peak_bytes + memory.peak_bytes / 4 + (64 << 20), "{memory:?}");
    }
}

#[test]
fn a_buffer_freed_under_way_is_not_overwritten_early() {
    let Some(gpu) = gpu() else { return };
    let n = 100_000;
    let add = |x: u32| step(launch(ADD, &[Param::Word(n), Param::Word(x)], n.div_ceil(64)), &[0, 1]);
    let plan = Plan::new(&gpu, vec![add(1)]).unwrap();
    let mut outs = Vec::new();
    for round in 0..40 {
        // The input returns to the pool while the kernel may not have begun, and the next round writes to it.
        let input = gpu.upload(&bytes(&vec![round; n as usize])).unwrap();
        let out = gpu.alloc(4 * n as usize).unwrap();
        plan.run(&[input, out.clone()], &[]).unwrap();
        outs.push(out);
    }
    for (round, out) in outs.iter().enumerate() {
        assert_eq!(words(&gpu.read(out, 4 * n as usize).unwrap()), vec![round as u32 + 1; n as usize]);
    }
}

#[test]
fn reading_later_gives_what_reading_now_gives() {
    let Some(gpu) = gpu() else { return };
    let data: Vec<u32> = (0..5000).collect();
    let buffer = gpu.upload(&bytes(&data)).unwrap();
    let later: Vec<_> = (1..9).map(|i| gpu.read_async(&buffer, 2500 * i)).collect();
    let now = gpu.read(&buffer, 20_000).unwrap();
    // The copy was made at the call: this comes too late for it.
    gpu.write(&buffer, &[0; 400]).unwrap();
    let dropped = gpu.read_async(&buffer, 20_000);
    drop(dropped);
    drop(buffer);
    for (i, read) in (1..9).zip(later) {
        assert_eq!(pollster::block_on(read).unwrap(), now[..2500 * i]);
    }
}

#[test]
fn a_read_is_waited_for_and_not_what_comes_after_it() {
    let Some(gpu) = gpu() else { return };
    let n = 64;
    let add = |x: u32| step(launch(ADD, &[Param::Word(n), Param::Word(x)], 1), &[0, 1]);
    let plan = Plan::new(&gpu, vec![add(1), PlanStep { slots: vec![1, 0], ..add(0) }]).unwrap();
    let buffers = [gpu.upload(&bytes(&vec![0; n as usize])).unwrap(), gpu.alloc(4 * n as usize).unwrap()];
    let mut reads = Vec::new();
    for _ in 0..100 {
        plan.run(&buffers, &[]).unwrap();
        // the next run overwrites what is read here
        reads.push(gpu.read_later(&buffers[0], 4 * n as usize).unwrap());
    }
    let last = reads.pop().unwrap();
    for (round, read) in (1..).zip(reads) {
        assert_eq!(words(&read.wait().unwrap()), vec![round; n as usize]);
    }
    while !last.is_done() {
        std::thread::yield_now();
    }
    assert_eq!(words(&last.wait().unwrap()), vec![100; n as usize]);
    let empty = gpu.alloc(0).unwrap();
    assert!(gpu.read_later(&empty, 0).unwrap().is_done());
    assert!(matches!(gpu.read_later(&buffers[0], 4 * n as usize + 1), Err(DeviceError::Validation { .. })));
}

#[test]
fn a_wrong_shader_is_a_validation_error_that_shows_the_text() {
    let Some(gpu) = gpu() else { return };
    for source in
        ["@compute fn main() { let x = ; }", "not wgsl", "@compute @workgroup_size(1) fn other() {}"]
    {
        let launch = Launch {
            source: Arc::from(source),
            bindings: Vec::new(),
            params: Vec::new(),
            ..launch(ADD, &[], 1)
        };
        let Err(error) = Plan::new(&gpu, vec![step(launch, &[])]) else { panic!("{source} compiled") };
        assert!(matches!(error, DeviceError::Validation { .. }), "{error}");
    }
    // And nothing is left behind that the next call would trip over.
    gpu.upload(&[1, 2, 3, 4]).unwrap();
}

#[test]
fn more_workgroup_memory_than_there_is_is_an_error() {
    let Some(gpu) = gpu() else { return };
    let count = gpu.caps().workgroup_bytes / 4 + 1;
    let source = format!(
        "var<workgroup> tile: array<u32, {count}>;
        @compute @workgroup_size(1) fn main() {{ tile[0] = 1u; }}"
    );
    let launch =
        Launch { source: source.into(), bindings: Vec::new(), params: Vec::new(), ..launch(ADD, &[], 1) };
    let error = Plan::new(&gpu, vec![step(launch, &[])]).err().unwrap();
    assert!(matches!(error, DeviceError::TooLarge { .. }), "{error}");
}

#[test]
fn launches_that_do_not_fit_are_errors() {
    let Some(gpu) = gpu() else { return };
    let good = step(launch(ADD, &[Param::Word(1), Param::Number(0)], 1), &[0, 1]);
    let good = PlanStep { numbers: vec![0], ..good };
    let buffers = [gpu.alloc(4).unwrap(), gpu.alloc(4).unwrap()];

    let mut wide = good.clone();
    wide.launch.grid = [1, gpu.caps().max_groups + 1, 1];
    assert!(matches!(Plan::new(&gpu, vec![wide]), Err(DeviceError::TooLarge { .. })));
    let mut many = good.clone();
    many.launch.bindings = vec![(Operand::Input(0), Access::Read); gpu.caps().storage_buffers as usize + 1];
    many.slots = vec![0; many.launch.bindings.len()];
    assert!(matches!(Plan::new(&gpu, vec![many]), Err(DeviceError::TooLarge { .. })));
    let mut long = good.clone();
    long.launch.params = vec![Param::Word(0); gpu.limits().param_bytes as usize / 4 + 1];
    assert!(matches!(Plan::new(&gpu, vec![long]), Err(DeviceError::TooLarge { .. })));
    let slotless = PlanStep { slots: vec![0], ..good.clone() };
    assert!(matches!(Plan::new(&gpu, vec![slotless]), Err(DeviceError::Validation { .. })));
    let numberless = PlanStep { numbers: vec![], ..good.clone() };
    assert!(matches!(Plan::new(&gpu, vec![numberless]), Err(DeviceError::Validation { .. })));

    let plan = Plan::new(&gpu, vec![good]).unwrap();
    assert!(matches!(plan.run(&buffers[..1], &[1]), Err(DeviceError::Validation { .. })));
    assert!(matches!(plan.run(&buffers, &[]), Err(DeviceError::Validation { .. })));
    let twice = [buffers[0].clone(), buffers[0].clone()];
    let error = plan.run(&twice, &[1]).unwrap_err();
    assert!(error.to_string().contains("bound twice"), "{error}");
    let other = fresh(&Options::default());
    assert!(plan.run(&[other.alloc(4).unwrap(), buffers[0].clone()], &[1]).is_err());
    plan.run(&buffers, &[1]).unwrap();
}

#[test]
fn threads_share_a_device_and_a_plan() {
    let Some(gpu) = gpu() else { return };
    let n = 777_u32;
    let add = launch(ADD, &[Param::Word(n), Param::Number(0)], n.div_ceil(64));
    let plan = Plan::new(&gpu, vec![PlanStep { numbers: vec![0], ..step(add, &[0, 1]) }]).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (gpu, plan) = (&gpu, &plan);
            scope.spawn(move || {
                for round in 0..40 {
                    let start = thread * 1000 + round;
                    let input = gpu.upload(&bytes(&vec![start; n as usize])).unwrap();
                    let out = gpu.alloc(4 * n as usize).unwrap();
                    plan.run(&[input, out.clone()], &[thread * 7]).unwrap();
                    let read = gpu.read(&out, 4 * n as usize).unwrap();
                    assert_eq!(words(&read), vec![start + thread * 7; n as usize]);
                }
            });
        }
    });
}

#[test]
fn the_last_part_of_a_block_returns_its_memory() {
    let Some(_) = gpu() else { return };
    let gpu = fresh(&Options::default());
    let buffers: Vec<_> = (0..5).map(|n| gpu.upload(&vec![n as u8; 1000 * n]).unwrap()).collect();
    let mut parts = gpu.pack(&buffers).unwrap();
    drop(buffers);
    for (n, part) in parts.iter().enumerate() {
        assert_eq!(gpu.read(part, part.len()).unwrap(), vec![n as u8; 1000 * n]);
        assert_eq!(part.block().is_some(), n > 0, "what has no bytes lies nowhere");
    }
    gpu.write(&parts[2], &[9; 8]).unwrap();
    assert_eq!(gpu.read(&parts[2], 12).unwrap(), [9, 9, 9, 9, 9, 9, 9, 9, 2, 2, 2, 2]);
    assert_eq!(gpu.read(&parts[1], 1000).unwrap(), vec![1; 1000]);
    let packed = gpu.memory().live_bytes;
    assert!(packed >= 10_000);
    parts.truncate(2);
    assert_eq!(gpu.memory().live_bytes, packed, "a part is left");
    drop(parts);
    assert_eq!(gpu.memory().live_bytes, 0);
}
