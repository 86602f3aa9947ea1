//! Programs over rows against loops, and wrong ones.
#![allow(clippy::unwrap_used)]

use anygrad_cpu::{
    Arithmetic, CpuError, Lane, LaneMut, PreparedRows, Reduce, RowSink, RowStep, RowWork, Rows, Sink, Source,
    SourceKind, Storage, float1, float2,
};
use anygrad_layout::{DType, Layout};

fn each(run: anygrad_cpu::BlockFn, args: &[u32]) -> RowStep {
    RowStep { work: RowWork::Each(run), args: args.into(), dtype: DType::F32 }
}

fn fold(kind: Reduce, arg: u32) -> RowStep {
    RowStep { work: RowWork::Fold(kind), args: [arg].as_slice().into(), dtype: DType::F32 }
}

fn sink(value: u32, whole: bool) -> RowSink {
    RowSink { sink: Sink { value, dtype: DType::F32 }, whole }
}

fn source(kind: SourceKind, layout: Layout) -> Source {
    Source { kind, dtype: DType::F32, layout }
}

/// Softmax of rows, beside the largest of each.
fn softmax(kind: SourceKind, rows: usize, elements: usize) -> Rows {
    Rows {
        shape: [rows, elements].as_slice().into(),
        outer: 1,
        inputs: vec![source(kind, Layout::contiguous([rows, elements]))],
        numbers: vec![],
        steps: vec![
            fold(Reduce::Max, 0),
            each(|args, out| float2(args, out, |a, b| a - b, |a, b| a - b), &[0, 1]),
            each(|args, out| float1(args, out, f32::exp, f64::exp), &[2]),
            fold(Reduce::Sum, 3),
            each(|args, out| float2(args, out, |a, b| a / b, |a, b| a / b), &[3, 4]),
        ],
        outputs: vec![sink(5, true), sink(1, false)],
    }
}

fn expected(x: &[f32], elements: usize) -> (Vec<f32>, Vec<f32>) {
    let largest: Vec<f32> =
        x.chunks(elements).map(|row| row.iter().copied().fold(f32::MIN, f32::max)).collect();
    let row = |(row, largest): (&[f32], &f32)| {
        let powers: Vec<f64> = row.iter().map(|x| f64::from(x - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(move |p| (p / sum) as f32).collect::<Vec<f32>>()
    };
    (x.chunks(elements).zip(&largest).flat_map(row).collect(), largest)
}

#[test]
fn softmax_is_one_program_in_place_too() {
    for (rows, elements) in [(1, 1), (1, 2), (3, 5), (700, 3), (5, 1024), (9, 1025), (1000, 200), (2, 70_000)]
    {
        let x: Vec<f32> = (0..rows * elements).map(|i| ((i * 7919) % 1000) as f32 / 100.0).collect();
        let (p, largest) = expected(&x, elements);
        let close = |out: &Storage| {
            let out = out.as_slice::<f32>().unwrap();
            out.iter().zip(&p).all(|(a, b)| (a - b).abs() <= 1e-6)
        };
        let data = Storage::from(x.clone());
        let mut outputs = [Storage::zeros(DType::F32, rows * elements), Storage::zeros(DType::F32, rows)];
        let program = PreparedRows::new(&softmax(SourceKind::Buffer(0), rows, elements)).unwrap();
        program.run(&[&data], &[], &mut outputs).unwrap();
        assert!(close(&outputs[0]), "{rows} {elements}");
        assert_eq!(outputs[1].as_slice::<f32>().unwrap(), largest);
        if elements == 1 {
            continue;
        }
        let mut over = [data, Storage::zeros(DType::F32, rows)];
        let program = PreparedRows::new(&softmax(SourceKind::InPlace(0), rows, elements)).unwrap();
        program.run(&[], &[], &mut over).unwrap();
        assert_eq!(over, outputs);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (rows, elements) = (3000, 77);
    let x: Vec<f32> = (0..rows * elements).map(|i| ((i * 7919) % 1009) as f32 / 100.0).collect();
    let data = Storage::from(x);
    let program = PreparedRows::new(&softmax(SourceKind::Buffer(0), rows, elements)).unwrap();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut outputs = [Storage::zeros(DType::F32, rows * elements), Storage::zeros(DType::F32, rows)];
        pool.install(|| program.run(&[&data], &[], &mut outputs)).unwrap();
        outputs
    };
    let one = run(1);
    assert!([2, 3, 8].into_iter().all(|threads| run(threads) == one));
}

#[test]
fn values_repeat_along_rows_and_from_row_to_row() {
    // (x − tall) · wide · number, in all elements and summed
    let (rows, elements) = (300, 37);
    let x: Vec<f32> = (0..rows * elements).map(|i| (i % 13) as f32).collect();
    let tall: Vec<f32> = (0..rows).map(|i| (i % 7) as f32).collect();
    let wide: Vec<f32> = (0..elements).map(|i| (i % 5) as f32).collect();
    let shape = [rows, elements];
    let times: anygrad_cpu::BlockFn = |args, out| float2(args, out, |a, b| a * b, |a, b| a * b);
    let program = Rows {
        shape: shape.as_slice().into(),
        outer: 1,
        inputs: vec![
            source(SourceKind::Buffer(0), Layout::contiguous(shape)),
            source(SourceKind::InPlace(1), Layout::contiguous([rows, 1]).expand(&shape)),
            source(SourceKind::Buffer(1), Layout::contiguous([1, elements]).expand(&shape)),
        ],
        numbers: vec![DType::F32],
        steps: vec![
            each(|args, out| float2(args, out, |a, b| a - b, |a, b| a - b), &[0, 1]),
            each(times, &[4, 2]),
            each(times, &[5, 3]),
            fold(Reduce::Sum, 6),
            each(times, &[7, 1]),
            fold(Reduce::Prod, 3),
        ],
        outputs: vec![sink(6, true), sink(8, false), sink(7, true), sink(9, false)],
    };
    let mut outputs = [
        Storage::zeros(DType::F32, rows * elements),
        Storage::from(tall.clone()),
        Storage::zeros(DType::F32, rows * elements),
        Storage::zeros(DType::F32, rows),
    ];
    let inputs = [Storage::from(x.clone()), Storage::from(wide.clone())];
    PreparedRows::new(&program).unwrap().run(&[&inputs[0], &inputs[1]], &[1.0], &mut outputs).unwrap();
    let y: Vec<f32> =
        (0..rows * elements).map(|i| (x[i] - tall[i / elements]) * wide[i % elements]).collect();
    let sums: Vec<f32> = y.chunks(elements).map(|row| row.iter().sum()).collect();
    assert_eq!(outputs[0].as_slice::<f32>().unwrap(), y);
    let scaled: Vec<f32> = sums.iter().zip(&tall).map(|(s, t)| s * t).collect();
    assert_eq!(outputs[1].as_slice::<f32>().unwrap(), scaled);
    assert!(outputs[2].as_slice::<f32>().unwrap().iter().enumerate().all(|(i, s)| *s == sums[i / elements]));
    assert!(outputs[3].as_slice::<f32>().unwrap().iter().all(|p| *p == 1.0));
}

#[test]
fn wrong_programs_are_errors() {
    let wrong = |change: &dyn Fn(&mut Rows)| {
        let mut program = softmax(SourceKind::Buffer(0), 2, 3);
        change(&mut program);
        PreparedRows::new(&program).unwrap_err()
    };
    assert!(matches!(wrong(&|p| p.outer = 3), CpuError::Invalid { .. }));
    assert!(matches!(wrong(&|p| p.steps[0].args = [9].as_slice().into()), CpuError::Invalid { .. }));
    assert!(matches!(wrong(&|p| p.steps[0].work = RowWork::Fold(Reduce::ArgMax)), CpuError::Invalid { .. }));
    assert!(matches!(wrong(&|p| p.outputs[0].whole = false), CpuError::Invalid { .. }));
    assert!(matches!(wrong(&|p| p.inputs[0].layout = Layout::contiguous([3, 2])), CpuError::Shape { .. }));
    assert!(matches!(wrong(&|p| p.inputs[0].kind = SourceKind::InPlace(1)), CpuError::Invalid { .. }));
    assert!(matches!(wrong(&|p| p.inputs[0].kind = SourceKind::InPlace(7)), CpuError::Invalid { .. }));
    let program = PreparedRows::new(&softmax(SourceKind::Buffer(0), 2, 3)).unwrap();
    let mut outputs = [Storage::zeros(DType::F32, 6), Storage::zeros(DType::F32, 2)];
    let short = Storage::zeros(DType::F32, 5);
    assert!(matches!(program.run(&[&short], &[], &mut outputs), Err(CpuError::OutOfBounds { .. })));
    assert!(matches!(program.run(&[], &[], &mut outputs), Err(CpuError::Invalid { .. })));
    outputs[1] = Storage::zeros(DType::F32, 3);
    let whole = Storage::zeros(DType::F32, 6);
    assert!(matches!(program.run(&[&whole], &[], &mut outputs), Err(CpuError::Shape { .. })));
}

fn plus(args: &[Lane<'_>], out: &mut LaneMut<'_>) -> Option<()> {
    float2(args, out, |a, b| a + b, |a, b| a + b)
}

fn minus(args: &[Lane<'_>], out: &mut LaneMut<'_>) -> Option<()> {
    float2(args, out, |a, b| a - b, |a, b| a - b)
}

fn times(args: &[Lane<'_>], out: &mut LaneMut<'_>) -> Option<()> {
    float2(args, out, |a, b| a * b, |a, b| a * b)
}

fn squared(args: &[Lane<'_>], out: &mut LaneMut<'_>) -> Option<()> {
    float1(args, out, |a| a * a, |a| a * a)
}

/// A step of arithmetic, known as such or not, of values in either order.
fn arithmetic(which: usize, known: bool, x: u32, y: u32) -> RowStep {
    let (plain, run, args): (Arithmetic, anygrad_cpu::BlockFn, &[u32]) = match which {
        0 => (Arithmetic::Add, plus, &[x, y]),
        1 => (Arithmetic::Add, plus, &[y, x]),
        2 => (Arithmetic::Sub, minus, &[x, y]),
        3 => (Arithmetic::Sub, minus, &[y, x]),
        4 => (Arithmetic::Mul, times, &[x, y]),
        5 => (Arithmetic::Mul, times, &[y, x]),
        _ => (Arithmetic::Square, squared, &[x]),
    };
    let work = if known { RowWork::Plain(plain, run) } else { RowWork::Each(run) };
    RowStep { work, args: args.into(), dtype: DType::F32 }
}

#[test]
fn arithmetic_in_one_loop_gives_the_bits_of_single_steps() {
    for (rows, elements) in [(1, 2), (40, 3), (9, 31), (5, 40), (33, 64), (3, 2100)] {
        let noise = |n: usize, seed: usize| -> Vec<f32> {
            (0..n).map(|i| (((i + seed) * 7919) % 1009) as f32 / 300.0 - 1.7).collect()
        };
        let (n, shape) = (rows * elements, [rows, elements]);
        let inputs: Vec<Storage> =
            [(n, 1), (n, 2), (elements, 3), (rows, 4)].map(|(len, seed)| noise(len, seed).into()).into();
        let inputs: Vec<&Storage> = inputs.iter().collect();
        let sources = || {
            vec![
                source(SourceKind::Buffer(0), Layout::contiguous(shape)),
                source(SourceKind::Buffer(1), Layout::contiguous(shape)),
                source(SourceKind::Buffer(2), Layout::contiguous([1, elements]).expand(&shape)),
                source(SourceKind::Buffer(3), Layout::contiguous([rows, 1]).expand(&shape)),
            ]
        };
        // values: 0 to 3 the inputs, 4 a number, 5 and 6 two steps, 7 their sum, 8 to 10 what goes on with them
        for (first, second) in (0..7).flat_map(|first| (0..7).map(move |second| (first, second))) {
            for (b, c) in [(1, 2), (3, 1), (2, 3), (4, 2), (1, 4), (3, 4), (0, 0), (1, 5)] {
                let outputs = |known: bool, keep: &[(u32, bool)]| {
                    let program = Rows {
                        shape: shape.as_slice().into(),
                        outer: 1,
                        inputs: sources(),
                        numbers: vec![DType::F32],
                        steps: vec![
                            arithmetic(first, known, 0, b),
                            arithmetic(second, known, 5, c),
                            fold(Reduce::Sum, 6),
                            arithmetic(3, known, 6, 7),
                            arithmetic(4, known, 8, 2),
                            arithmetic(first, known, 9, 5),
                        ],
                        outputs: keep.iter().map(|&(value, whole)| sink(value, whole)).collect(),
                    };
                    let mut out: Vec<Storage> = keep
                        .iter()
                        .map(|&(_, whole)| Storage::zeros(DType::F32, if whole { n } else { rows }))
                        .collect();
                    PreparedRows::new(&program).unwrap().run(&inputs, &[1.5], &mut out).unwrap();
                    let bits =
                        |out: &Storage| out.as_slice::<f32>().unwrap().iter().map(|x| x.to_bits()).collect();
                    out.iter().map(bits).collect::<Vec<Vec<u32>>>()
                };
                let kept: [&[(u32, bool)]; 5] = [
                    &[(6, true)],
                    &[(7, false)],
                    &[(10, true), (7, false)],
                    &[(5, true), (7, false)],
                    &[(9, true)],
                ];
                for keep in kept {
                    let name = format!("{rows}x{elements}: {first} {second} with {b} {c}, {keep:?}");
                    assert_eq!(outputs(true, keep), outputs(false, keep), "{name}");
                }
            }
        }
    }
}
