//! The block interpreter against a loop that evaluates one element at a time.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_cpu::*;
use anygrad_layout::{DType, Layout, Shape};
use common::{Numbers, layouts, with_threads};

const ADD: BlockFn =
    |args, out| number2(args, out, |a, b| a + b, |a, b| a + b, i32::wrapping_add, u32::wrapping_add);
const MUL: BlockFn =
    |args, out| number2(args, out, |a, b| a * b, |a, b| a * b, i32::wrapping_mul, u32::wrapping_mul);
const NEG: BlockFn = |args, out| number1(args, out, |a| -a, |a| -a, i32::wrapping_neg, u32::wrapping_neg);
const LESS: BlockFn = |args, out| compare2(args, out, |a, b| a < b, |a, b| a < b, |a, b| a < b, |a, b| a < b);
const FMA: BlockFn = |args, out| float3(args, out, |a, b, c| a * b + c, |a, b, c| a * b + c);

fn source(kind: SourceKind, dtype: DType, layout: Layout) -> Source {
    Source { kind, dtype, layout }
}

fn step(run: BlockFn, args: &[u32], dtype: DType) -> Step {
    Step { run, args: args.into(), dtype }
}

/// One element of a value, at f64; f32 arithmetic is rounded after each step, as the lanes do.
fn element(
    program: &Pointwise,
    inputs: &[&Storage],
    numbers: &[f64],
    old: &[Storage],
    at: usize,
) -> Vec<f64> {
    let mut values = Vec::new();
    for source in &program.inputs {
        let position = || source.layout.offsets().nth(at).unwrap();
        values.push(match source.kind {
            SourceKind::Buffer(i) => inputs[i].to_f64_vec()[position()],
            SourceKind::Iota => position() as f64,
            SourceKind::InPlace(k) => old[k].to_f64_vec()[at],
        });
    }
    values.extend(
        numbers.iter().zip(&program.numbers).map(|(&x, &d)| Storage::from_f64(d, &[x]).to_f64_vec()[0]),
    );
    for step in &program.steps {
        let one: Vec<Storage> = step
            .args
            .iter()
            .map(|&arg| {
                let arg = arg as usize;
                let n = program.inputs.len();
                let dtype = program.inputs.get(arg).map(|s| s.dtype);
                let dtype = dtype.or_else(|| program.numbers.get(arg - n).copied());
                let dtype = dtype.unwrap_or_else(|| program.steps[arg - n - program.numbers.len()].dtype);
                Storage::from_f64(dtype, &[values[arg]])
            })
            .collect();
        let lanes: Vec<Lane<'_>> = one
            .iter()
            .map(|s| match s {
                Storage::F32(x) => Lane::F32(x),
                Storage::F64(x) => Lane::F64(x),
                Storage::I32(x) => Lane::I32(x),
                Storage::U32(x) => Lane::U32(x),
                Storage::F16(_) => unreachable!("f16 is computed in f32"),
            })
            .collect();
        let mut out = Storage::zeros(step.dtype, 1);
        let mut lane = match &mut out {
            Storage::F32(x) => LaneMut::F32(x),
            Storage::F64(x) => LaneMut::F64(x),
            Storage::I32(x) => LaneMut::I32(x),
            Storage::U32(x) => LaneMut::U32(x),
            Storage::F16(_) => unreachable!("f16 is computed in f32"),
        };
        (step.run)(&lanes, &mut lane).unwrap();
        values.push(out.to_f64_vec()[0]);
    }
    values
}

fn compare(program: &Pointwise, inputs: &[&Storage], numbers: &[f64], old: &[Storage], sampled: usize) {
    let mut outputs = old.to_vec();
    run_pointwise(program, inputs, numbers, &mut outputs).unwrap();
    let n = program.shape.numel();
    let outputs: Vec<Vec<f64>> = outputs.iter().map(Storage::to_f64_vec).collect();
    for at in (0..n).step_by((n / sampled).max(1)) {
        let values = element(program, inputs, numbers, old, at);
        for (k, sink) in program.outputs.iter().enumerate() {
            assert_eq!(outputs[k][at], values[sink.value as usize], "output {k} at {at} of {program:?}");
        }
    }
}

/// A program of random steps over random sources, several outputs, some read in place.
fn random_program(numbers: &mut Numbers, shape: &[usize], dtype: DType) -> (Pointwise, Vec<Storage>, usize) {
    let mut storages = Vec::new();
    let mut inputs = Vec::new();
    let choices = layouts(shape);
    for _ in 0..1 + numbers.below(4) {
        let layout = choices[numbers.below(choices.len())].clone();
        storages.push(numbers.storage(dtype, layout.extent().max(1)));
        inputs.push(source(SourceKind::Buffer(storages.len() - 1), dtype, layout));
    }
    let kept = 1 + numbers.below(3);
    for k in 0..kept {
        if numbers.below(2) == 0 {
            inputs.push(source(SourceKind::InPlace(k), dtype, Layout::contiguous(shape)));
        }
    }
    if !shape.is_empty() && shape[0] > 0 {
        let scalar = Layout { offset: 2, ..Layout::contiguous(Shape::scalar()).expand(shape) };
        storages.push(numbers.storage(dtype, 3));
        inputs.push(source(SourceKind::Buffer(storages.len() - 1), dtype, scalar));
    }
    let given = numbers.below(3);
    let mut values = inputs.len() + given;
    let mut steps = Vec::new();
    for _ in 0..numbers.below(12) {
        let any = |numbers: &mut Numbers| numbers.below(values) as u32;
        let (a, b, c) = (any(numbers), any(numbers), any(numbers));
        steps.push(match numbers.below(4) {
            0 => step(ADD, &[a, b], dtype),
            1 => step(NEG, &[a], dtype),
            2 if dtype.is_float() => step(FMA, &[a, b, c], dtype),
            _ => step(MUL, &[a, b], dtype),
        });
        values += 1;
    }
    let outputs = (0..kept).map(|_| Sink { value: numbers.below(values) as u32, dtype }).collect();
    let program = Pointwise { shape: shape.into(), inputs, numbers: vec![dtype; given], steps, outputs };
    (program, storages, kept)
}

#[test]
fn random_programs_equal_one_element_at_a_time() {
    let mut numbers = Numbers(7);
    let shapes: [&[usize]; 7] = [&[], &[1], &[7], &[3, 5], &[2, 3, 4], &[1, 1031], &[0, 3]];
    for round in 0..600 {
        let shape = shapes[round % shapes.len()];
        let dtype = [DType::F32, DType::F64, DType::I32, DType::U32][numbers.below(4)];
        let (program, storages, kept) = random_program(&mut numbers, shape, dtype);
        let inputs: Vec<&Storage> = storages.iter().collect();
        let n = program.shape.numel();
        let old: Vec<Storage> = (0..kept).map(|_| numbers.storage(dtype, n)).collect();
        compare(&program, &inputs, &[3.0, 2.0][..program.numbers.len()], &old, 40);
    }
}

#[test]
fn large_programs_do_not_depend_on_the_threads() {
    let mut numbers = Numbers(11);
    for shape in [&[301, 1009][..], &[70, 65, 67]] {
        for _ in 0..6 {
            let (program, storages, kept) = random_program(&mut numbers, shape, DType::F32);
            let inputs: Vec<&Storage> = storages.iter().collect();
            let old: Vec<Storage> =
                (0..kept).map(|_| numbers.storage(DType::F32, program.shape.numel())).collect();
            let given = &[3.0, 2.0][..program.numbers.len()];
            let results = with_threads(|| {
                let mut outputs = old.clone();
                run_pointwise(&program, &inputs, given, &mut outputs).unwrap();
                outputs
            });
            assert!(results[0] == results[1] && results[0] == results[2]);
            compare(&program, &inputs, given, &old, 3);
        }
    }
}

#[test]
fn positions_types_and_truth_values_mix() {
    // out0 = position < 4 ? x : y, out1 = (position < 4), out2 = f32(position)
    let shape = Shape::from([2, 3]);
    let dense = Layout::contiguous(&shape);
    let program = Pointwise {
        shape: shape.clone(),
        inputs: vec![
            source(SourceKind::Iota, DType::U32, Layout::contiguous([3, 2]).permute(&[1, 0])),
            source(SourceKind::Buffer(0), DType::F32, dense.clone()),
            source(SourceKind::Buffer(1), DType::F32, dense),
        ],
        numbers: vec![DType::U32],
        steps: vec![
            step(LESS, &[0, 3], DType::Bool),
            step(select, &[4, 1, 2], DType::F32),
            step(convert, &[0], DType::F32),
        ],
        outputs: vec![
            Sink { value: 5, dtype: DType::F32 },
            Sink { value: 4, dtype: DType::Bool },
            Sink { value: 6, dtype: DType::F32 },
        ],
    };
    let x = Storage::from(vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let y = Storage::from(vec![-1.0f32, -2.0, -3.0, -4.0, -5.0, f32::NAN]);
    let mut out =
        [Storage::zeros(DType::F32, 6), Storage::zeros(DType::Bool, 6), Storage::zeros(DType::F32, 6)];
    run_pointwise(&program, &[&x, &y], &[4.0], &mut out).unwrap();
    assert_eq!(out[2].as_f32().unwrap(), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    assert_eq!(out[1].as_u32().unwrap(), [1, 1, 0, 1, 1, 0]);
    let first = out[0].as_f32().unwrap();
    assert_eq!(first[..5], [1.0, 2.0, -3.0, 4.0, 5.0]);
    assert!(first[5].is_nan());
}

#[test]
fn outputs_can_be_swapped_in_place() {
    let shape = Shape::from([3000]);
    let dense = Layout::contiguous(&shape);
    let program = Pointwise {
        shape,
        inputs: (0..2).map(|k| source(SourceKind::InPlace(k), DType::I32, dense.clone())).collect(),
        numbers: vec![],
        steps: vec![],
        outputs: vec![Sink { value: 1, dtype: DType::I32 }, Sink { value: 0, dtype: DType::I32 }],
    };
    let (a, b) = (Storage::from(vec![1i32; 3000]), Storage::from(vec![2i32; 3000]));
    let mut outputs = [a.clone(), b.clone()];
    run_pointwise(&program, &[], &[], &mut outputs).unwrap();
    assert!(outputs == [b, a]);
}

#[test]
fn numbers_are_exact_integers() {
    let program = Pointwise {
        shape: [2].into(),
        inputs: vec![],
        numbers: vec![DType::U32, DType::I32, DType::F32, DType::Bool],
        steps: vec![],
        outputs: [DType::U32, DType::I32, DType::F32, DType::Bool]
            .iter()
            .enumerate()
            .map(|(i, &dtype)| Sink { value: i as u32, dtype })
            .collect(),
    };
    let mut out: Vec<Storage> = program.numbers.iter().map(|&d| Storage::zeros(d, 2)).collect();
    run_pointwise(&program, &[], &[4294967295.0, -2147483648.0, 0.1, 7.0], &mut out).unwrap();
    assert_eq!(out[0].as_u32().unwrap(), [u32::MAX; 2]);
    assert_eq!(out[1].as_i32().unwrap(), [i32::MIN; 2]);
    assert_eq!(out[2].as_f32().unwrap(), [0.1f32; 2]);
    assert_eq!(out[3].as_u32().unwrap(), [1; 2]);
}

#[test]
fn wrong_programs_and_operands_are_errors() {
    let good = Pointwise {
        shape: [4].into(),
        inputs: vec![source(SourceKind::Buffer(0), DType::F32, Layout::contiguous([4]))],
        numbers: vec![],
        steps: vec![step(NEG, &[0], DType::F32)],
        outputs: vec![Sink { value: 1, dtype: DType::F32 }],
    };
    let x = Storage::zeros(DType::F32, 4);
    let run = |program: &Pointwise, x: &Storage, n: usize| {
        run_pointwise(program, &[x], &[], &mut [Storage::zeros(DType::F32, n)])
    };
    assert_eq!(run(&good, &x, 4), Ok(()));
    assert!(matches!(run(&good, &x, 5), Err(CpuError::Shape { .. })));
    assert!(matches!(run(&good, &Storage::zeros(DType::F32, 3), 4), Err(CpuError::OutOfBounds { .. })));
    assert!(matches!(run(&good, &Storage::zeros(DType::I32, 4), 4), Err(CpuError::DType { .. })));
    assert!(matches!(run_pointwise(&good, &[], &[], &mut [x.clone()]), Err(CpuError::Invalid { .. })));
    assert!(matches!(run_pointwise(&good, &[&x], &[1.0], &mut [x.clone()]), Err(CpuError::Invalid { .. })));
    let mut forward = good.clone();
    forward.steps[0].args[0] = 1;
    assert!(matches!(run(&forward, &x, 4), Err(CpuError::Invalid { .. })));
    let mut missing = good.clone();
    missing.outputs[0].value = 9;
    assert!(matches!(run(&missing, &x, 4), Err(CpuError::Invalid { .. })));
    let mut shape = good.clone();
    shape.inputs[0].layout = Layout::contiguous([2, 2]);
    assert!(matches!(run(&shape, &x, 4), Err(CpuError::Shape { .. })));
    let mut untyped = good.clone();
    untyped.steps[0] = step(FMA, &[0], DType::F32);
    assert!(matches!(run(&untyped, &x, 4), Err(CpuError::Unsupported { .. })));
    let mut beside = good;
    beside.inputs[0].kind = SourceKind::InPlace(3);
    assert!(matches!(run(&beside, &x, 4), Err(CpuError::Invalid { .. })));
}
