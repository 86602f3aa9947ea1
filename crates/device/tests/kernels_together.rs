//! Several pointwise programs in one kernel: its text on every backend, and the bits of each against a kernel of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::pointwise::pointwise;
use anygrad_device::kernels::together::together;
use anygrad_device::kernels::{Pointwise, Sink, Source, SourceKind, Step};
use anygrad_device::{Buffer, Caps, DeviceError};
use anygrad_layout::{DType, Layout};
use common::{bits, check_text, floats, gpus, noise, run, run_over, sweep_caps};

const SHAPES: &[&[usize]] =
    &[&[], &[1], &[5], &[8], &[0, 3], &[7, 3], &[3, 8], &[2, 3, 4], &[70, 12], &[64], &[1023], &[5000]];

fn load(buffer: usize, layout: Layout) -> Source {
    Source { kind: SourceKind::Buffer(buffer), dtype: DType::F32, layout }
}

/// a·b + number, and whether that is below a number of the kernel's; `b` is one number, in the buffer 0 of all.
fn update(shape: &[usize], buffer: usize, layout: Layout) -> Pointwise {
    let step = |wgsl, args: &[u32], dtype| Step { wgsl, args: args.into(), dtype };
    let one = Layout::contiguous([0usize; 0]).expand(shape);
    Pointwise {
        shape: shape.into(),
        inputs: vec![load(buffer, layout), load(0, one)],
        numbers: vec![DType::F32],
        steps: vec![step("$0 * $1 + $2", &[0, 1, 2], DType::F32), step("$0 < $1", &[3, 2], DType::Bool)],
        outputs: vec![
            Sink { value: 3, dtype: DType::F32, in_place: None },
            Sink { value: 4, dtype: DType::Bool, in_place: None },
        ],
    }
}

/// As `update`, by another formula.
fn other(shape: &[usize], buffer: usize, layout: Layout) -> Pointwise {
    let mut program = update(shape, buffer, layout);
    program.steps[0].wgsl = "$0 - $1 * $2";
    program
}

/// A program a shape: dense, reversed along the last axis, and permuted in turn.
fn programs() -> Vec<Pointwise> {
    let program = |(n, shape): (usize, &&[usize])| {
        let dense = Layout::contiguous(*shape);
        let last = shape.len().checked_sub(1);
        let layout = match (n % 3, last) {
            (1, Some(last)) if shape[last] > 0 => dense.slice(last, shape[last] - 1, shape[last], -1),
            (2, Some(_)) => {
                let order: Vec<usize> = (0..shape.len()).rev().collect();
                let backwards: Vec<usize> = shape.iter().rev().copied().collect();
                Layout::contiguous(backwards).permute(&order)
            }
            _ => dense,
        };
        let make = if n % 4 == 3 { other } else { update };
        make(shape, n + 1, layout)
    };
    SHAPES.iter().enumerate().map(program).collect()
}

fn many() -> Caps {
    Caps { storage_buffers: 64, ..Caps::portable() }
}

#[test]
fn every_text_is_valid_everywhere() {
    for caps in sweep_caps() {
        let caps = Caps { storage_buffers: 64, ..caps };
        check_text(&together(&programs(), &[], &caps).unwrap(), &caps);
    }
    assert!(together(&[], &[], &many()).unwrap().launches.is_empty());
    let empty = update(&[0], 1, Layout::contiguous([0]));
    assert!(together(&[empty], &[], &many()).unwrap().launches.is_empty());
}

#[test]
fn programs_that_compute_the_same_share_their_function() {
    let text = |count: usize| {
        let programs: Vec<Pointwise> =
            (0..count).map(|n| update(&[8 + n], n + 1, Layout::contiguous([8 + n]))).collect();
        together(&programs, &[], &many()).unwrap().launches[0].source.clone()
    };
    assert_eq!(text(9).matches("fn apply").count(), 1);
    let both = together(&programs(), &[], &many()).unwrap().launches[0].source.clone();
    assert_eq!(both.matches("fn apply").count(), 2);
}

#[test]
fn what_does_not_go_together_is_an_error() {
    let dense = Layout::contiguous([4]);
    let message = |programs: &[Pointwise]| together(programs, &[], &many()).unwrap_err().to_string();
    let mut overwrites = update(&[4], 1, dense.clone());
    overwrites.outputs[0].in_place = Some(0);
    let reads = update(&[4], 1, dense.clone());
    assert!(message(&[overwrites, reads.clone()]).contains("overwrites what another one reads"));
    let mut half = reads.clone();
    half.inputs[0].dtype = DType::F16;
    half.outputs = vec![Sink { value: 0, dtype: DType::F16, in_place: None }];
    assert!(message(&[half]).contains("f16"));
    let mut wrong = reads.clone();
    wrong.outputs[0].value = 9;
    assert!(message(&[wrong]).contains("value 9"));
    let caps = Caps { storage_buffers: 8, ..many() };
    assert!(matches!(together(&programs(), &[], &caps), Err(DeviceError::Unsupported { .. })));
}

#[test]
fn each_has_the_bits_of_a_kernel_of_its_own() {
    for gpu in gpus() {
        // as many at a time as the adapter binds
        let most = (gpu.caps().storage_buffers as usize).saturating_sub(1) / 3;
        for programs in programs().chunks(most.clamp(1, SHAPES.len())) {
            let scale = bits(&[1.25]);
            let inputs: Vec<Vec<u32>> = (0..=SHAPES.len())
                .map(|n| if n == 0 { scale.clone() } else { bits(&noise(n as u32, 6000)) })
                .collect();
            let inputs: Vec<&[u32]> = inputs.iter().map(Vec::as_slice).collect();
            let counts: Vec<usize> = programs.iter().flat_map(|p| [p.shape.numel(); 2]).collect();
            let numbers: Vec<u32> = (0..programs.len()).map(|n| (n as f32 * 0.5).to_bits()).collect();
            let lowered = together(programs, &[], gpu.caps()).unwrap();
            let found = run(gpu, &lowered, &inputs, &counts, &numbers);
            for (n, program) in programs.iter().enumerate() {
                let alone = pointwise(program, gpu.caps(), None).unwrap();
                let wanted = run(gpu, &alone, &inputs, &[program.shape.numel(); 2], &numbers[n..]);
                assert_eq!(found[2 * n..2 * n + 2], wanted[..], "{}", program.shape);
            }
        }
    }
}

#[test]
fn outputs_in_place_overwrite_their_inputs() {
    for gpu in gpus() {
        let sizes = [7usize, 4096, 1, 300];
        let programs: Vec<Pointwise> = (sizes.iter().enumerate())
            .map(|(n, &size)| {
                let mut program = update(&[size], n + 1, Layout::contiguous([size]));
                program.outputs.truncate(1);
                program.outputs[0].in_place = Some(0);
                program
            })
            .collect();
        let lowered = together(&programs, &[], gpu.caps()).unwrap();
        assert_eq!(lowered.launches[0].bindings.len(), 1 + sizes.len());
        let before: Vec<Vec<u32>> = sizes.iter().map(|&size| bits(&noise(size as u32, size))).collect();
        let scale = bits(&[1.25]);
        let inputs: [&[u32]; 5] = [&scale, &[], &[], &[], &[]];
        let numbers: Vec<u32> = (0..4).map(|n| (n as f32).to_bits()).collect();
        let found = run_over(gpu, &lowered, &inputs, &before, &numbers);
        for (n, (found, before)) in found.iter().zip(&before).enumerate() {
            let value = |&word: &u32| f64::from(f32::from_bits(word));
            for (found, before) in found.iter().zip(before) {
                let wanted = value(before) * 1.25 + n as f64;
                assert!((value(found) - wanted).abs() < 1e-6, "program {n}: {} {wanted}", value(found));
            }
        }
    }
}

#[test]
fn a_block_takes_one_binding_and_its_neighbours_stay() {
    for gpu in gpus() {
        // of five buffers in a block, three are overwritten, one is read, and one has nothing to do with it
        let sizes = [7usize, 4096, 1, 300, 65];
        let before: Vec<Vec<u32>> = sizes.iter().map(|&size| bits(&noise(size as u32, size))).collect();
        let upload = |words: &[u32]| gpu.upload(bytemuck::cast_slice(words)).unwrap();
        let buffers: Vec<Buffer> = before.iter().map(|words| upload(words)).collect();
        let parts = gpu.pack(&buffers).unwrap();
        let read = |buffer: &Buffer| floats(bytemuck::cast_slice(&gpu.read(buffer, buffer.len()).unwrap()));
        for (part, words) in parts.iter().zip(&before) {
            assert_eq!(bits(&read(part)), *words);
        }
        let programs: Vec<Pointwise> = (0..3)
            .map(|n| {
                let mut program = update(&[sizes[n]], n + 1, Layout::contiguous([sizes[n]]));
                program.outputs.truncate(1);
                program.outputs[0].in_place = Some(0);
                // the first element of the fourth
                program.inputs[1].kind = SourceKind::Buffer(4);
                program
            })
            .collect();
        let inputs: Vec<Buffer> =
            [&upload(&bits(&[9.0])), &parts[0], &parts[1], &parts[2], &parts[3]].map(Buffer::clone).to_vec();
        let blocks: Vec<_> = inputs.iter().map(Buffer::block).collect();
        assert!(blocks[0].is_none() && blocks[1..].iter().all(Option::is_some));
        let lowered = together(&programs, &blocks, gpu.caps()).unwrap();
        check_text(&lowered, gpu.caps());
        assert_eq!(lowered.launches[0].bindings.len(), 1);
        let numbers: Vec<u32> = (0..3).map(|n| (n as f32).to_bits()).collect();
        let outputs: Vec<Buffer> = parts[..3].to_vec();
        gpu.run_once(&lowered, &inputs, &outputs, &numbers).unwrap();
        let scale = f64::from(f32::from_bits(before[3][0]));
        for (n, (part, words)) in parts.iter().zip(&before).enumerate() {
            for (found, before) in read(part).into_iter().zip(floats(words)) {
                let wanted = if n < 3 { f64::from(before) * scale + n as f64 } else { f64::from(before) };
                assert!((f64::from(found) - wanted).abs() < 1e-6, "buffer {n}: {found} {wanted}");
            }
        }
        gpu.check_guards().unwrap();
    }
}
