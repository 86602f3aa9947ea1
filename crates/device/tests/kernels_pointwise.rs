//! Pointwise kernels: their text on every backend, and their results against loops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::pointwise::{VARIANTS, pointwise};
use anygrad_device::kernels::{Pointwise, Sink, Source, SourceKind, Step};
use anygrad_device::{Caps, DeviceError};
use anygrad_layout::{DType, Layout, Shape};
use common::{bits, check_text, close, floats, gpu, gpus, noise, run, run_over, sweep_caps, words};

fn load(buffer: usize, dtype: DType, layout: Layout) -> Source {
    Source { kind: SourceKind::Buffer(buffer), dtype, layout }
}

fn iota(layout: Layout) -> Source {
    Source { kind: SourceKind::Iota, dtype: DType::U32, layout }
}

fn step(wgsl: &'static str, args: &[u32], dtype: DType) -> Step {
    Step { wgsl, args: args.into(), dtype }
}

fn sink(value: u32, dtype: DType) -> Sink {
    Sink { value, dtype, in_place: None }
}

/// Views of a shape: dense, permuted, sliced with a step, broadcast along either end, reversed, offset.
fn views(shape: &[usize]) -> Vec<Layout> {
    let rank = shape.len();
    let dense = Layout::contiguous(shape);
    let mut views = vec![dense.clone()];
    let reversed: Vec<usize> = (0..rank).rev().collect();
    let backwards: Shape = shape.iter().rev().copied().collect();
    views.push(Layout::contiguous(backwards).permute(&reversed));
    views.push(Layout { strides: dense.strides.iter().map(|_| 0).collect(), ..dense.clone() });
    for axis in 0..rank {
        let mut one: Shape = shape.into();
        one[axis] = 1;
        views.push(Layout::contiguous(one).expand(shape));
        let mut wide: Shape = shape.into();
        wide[axis] = 2 * shape[axis] + 1;
        views.push(Layout::contiguous(&wide).slice(axis, 1.min(shape[axis]), shape[axis], 2));
        if shape[axis] > 0 {
            views.push(dense.slice(axis, shape[axis] - 1, shape[axis], -1));
        }
    }
    views.push(Layout { offset: 3, ..dense.clone() });
    views.push(Layout { offset: 4, ..dense });
    views
}

const SHAPES: &[&[usize]] =
    &[&[], &[1], &[5], &[8], &[0, 3], &[7, 3], &[3, 8], &[2, 3, 4], &[5, 1, 12], &[2, 3, 2, 5]];

/// max(a·b + number, a) and whether a < b: two loads, a number, two outputs of different types.
fn mixed(shape: &[usize], a: Layout, b: Layout) -> Pointwise {
    Pointwise {
        shape: shape.into(),
        inputs: vec![load(0, DType::F32, a), load(1, DType::F32, b)],
        numbers: vec![DType::F32],
        steps: vec![
            step("$0 * $1 + $2", &[0, 1, 2], DType::F32),
            step("ag_max($0, $1)", &[3, 0], DType::F32),
            step("$0 < $1", &[0, 1], DType::Bool),
        ],
        outputs: vec![sink(4, DType::F32), sink(5, DType::Bool)],
    }
}

#[test]
fn every_text_is_valid_everywhere() {
    for caps in sweep_caps() {
        for &shape in SHAPES {
            let views = views(shape);
            for (k, a) in views.iter().enumerate() {
                let b = &views[(k * 7 + 3) % views.len()];
                let program = mixed(shape, a.clone(), b.clone());
                for variant in [None, Some("vec4"), Some("strided")] {
                    match pointwise(&program, &caps, variant) {
                        Ok(lowered) => {
                            assert_eq!(lowered.launches.is_empty(), shape.contains(&0));
                            check_text(&lowered, &caps);
                        }
                        Err(e) => assert_eq!(variant, Some("vec4"), "{e}"),
                    }
                }
            }
        }
    }
}

#[test]
fn the_table_lists_what_is_chosen() {
    let caps = Caps::portable();
    let chosen = |shape: &[usize]| {
        let dense = Layout::contiguous(shape);
        pointwise(&mixed(shape, dense.clone(), dense), &caps, None).unwrap().launches[0].variant
    };
    assert_eq!([chosen(&[6, 4]), chosen(&[7])], ["vec4", "strided"]);
    assert_eq!(VARIANTS, ["vec4", "pairs", "strided"]);
    // the text does not depend on sizes
    let text = |n: usize| {
        let row = Layout::contiguous([1, 8 * n]).expand(&[n, 8 * n]);
        let program = mixed(&[n, 8 * n], Layout::contiguous([n, 8 * n]), row);
        pointwise(&program, &caps, None).unwrap().launches[0].source.clone()
    };
    assert_eq!(text(3), text(50));
}

#[test]
fn wrong_programs_are_errors() {
    let caps = Caps::portable();
    let dense = Layout::contiguous([4]);
    let good = mixed(&[4], dense.clone(), dense.clone());
    let wrong = |change: &dyn Fn(&mut Pointwise)| {
        let mut program = good.clone();
        change(&mut program);
        pointwise(&program, &caps, None).unwrap_err().to_string()
    };
    assert!(wrong(&|p| p.steps[0].args[1] = 3).contains("step 0 reads value 3"));
    assert!(wrong(&|p| p.steps[0].args.truncate(2)).contains("no argument 2"));
    assert!(wrong(&|p| p.outputs[0].value = 9).contains("value 9"));
    assert!(wrong(&|p| p.outputs[0].dtype = DType::U32).contains("output 0 is u32, its value f32"));
    assert!(wrong(&|p| p.outputs.clear()).contains("without outputs"));
    assert!(wrong(&|p| p.shape = [5].into()).contains("input 0 has shape [4], the program [5]"));
    assert!(wrong(&|p| p.inputs[0].dtype = DType::F64).contains("f64"));
    assert!(wrong(&|p| p.outputs[0].in_place = Some(7)).contains("no buffer"));
    assert!(
        wrong(&|p| {
            p.inputs[0].layout.offset = 1;
            p.outputs[0].in_place = Some(0);
        })
        .contains("cannot overwrite")
    );
    assert!(wrong(&|p| p.outputs.iter_mut().for_each(|o| o.in_place = Some(0))).contains("cannot overwrite"));
    assert!(
        wrong(&|p| {
            p.outputs[0].in_place = Some(0);
            p.inputs[1] = load(0, DType::F32, Layout::contiguous([1]).expand(&[4]));
        })
        .contains("used otherwise")
    );
    assert!(pointwise(&good, &caps, Some("other")).unwrap_err().to_string().contains("no variant other"));
    let many = Pointwise {
        inputs: (0..8).map(|i| load(i, DType::F32, dense.clone())).collect(),
        numbers: vec![],
        steps: vec![],
        outputs: vec![sink(0, DType::F32)],
        ..good.clone()
    };
    assert!(matches!(pointwise(&many, &caps, None), Err(DeviceError::Unsupported { .. })));
    let huge = Pointwise::copy(&Layout::contiguous([1]).expand(&[1 << 16, 1 << 16]), DType::F32);
    assert!(matches!(pointwise(&huge, &caps, None), Err(DeviceError::TooLarge { .. })));
}

/// The words a layout of `layout.extent()` elements shows, in order.
fn seen(layout: &Layout, words: &[u32]) -> Vec<u32> {
    layout.offsets().map(|at| words[at]).collect()
}

/// The variants for outputs of whole words: pairs is for f16 alone.
fn without_halves() -> impl Iterator<Item = &'static str> {
    VARIANTS.iter().copied().filter(|variant| *variant != "pairs")
}

#[test]
fn results_are_those_of_a_loop() {
    let Some(gpu) = gpu() else { return };
    for &shape in SHAPES {
        let views = views(shape);
        for (k, a) in views.iter().enumerate() {
            let b = &views[(k * 7 + 3) % views.len()];
            let (left, right) = (bits(&noise(1, a.extent())), bits(&noise(2, b.extent())));
            let n = a.numel();
            let (x, y) = (floats(&seen(a, &left)), floats(&seen(b, &right)));
            let program = mixed(shape, a.clone(), b.clone());
            for variant in without_halves() {
                let Ok(lowered) = pointwise(&program, gpu.caps(), Some(variant)) else {
                    assert_eq!(variant, "vec4");
                    continue;
                };
                let out = run(gpu, &lowered, &[&left, &right], &[n, n], &[0.25f32.to_bits()]);
                for i in 0..n {
                    let wanted = (f64::from(x[i]) * f64::from(y[i]) + 0.25).max(f64::from(x[i]));
                    assert!(close(f32::from_bits(out[0][i]), wanted, 1e-6), "{variant} {a:?} {b:?} at {i}");
                    assert_eq!(out[1][i], u32::from(x[i] < y[i]), "{variant} {a:?} {b:?} at {i}");
                }
            }
        }
    }
}

#[test]
fn types_positions_and_numbers_arrive_as_they_are() {
    for gpu in gpus() {
        let shape = [3usize, 20];
        let dense = Layout::contiguous(shape);
        let stretched = Layout { strides: [100isize, -3].as_slice().into(), offset: 77, ..dense.clone() };
        let program = Pointwise {
            shape: shape.into(),
            inputs: vec![
                load(0, DType::I32, dense.clone()),
                load(1, DType::Bool, dense.slice(0, 2, 3, -1)),
                iota(stretched.clone()),
                load(0, DType::U32, dense.permute(&[0, 1])),
            ],
            numbers: vec![DType::I32, DType::Bool, DType::U32],
            steps: vec![
                step("$0 + $1", &[0, 4], DType::I32),
                step("$0 != $1", &[1, 5], DType::Bool),
                step("$0 ^ $1 ^ $2", &[2, 6, 3], DType::U32),
            ],
            outputs: vec![
                sink(7, DType::I32),
                sink(8, DType::Bool),
                sink(9, DType::U32),
                sink(2, DType::U32),
            ],
        };
        let ints = words(3, 60);
        let bools: Vec<u32> = words(4, 60).iter().map(|w| w >> 7 & 1).collect();
        let flipped = seen(&dense.slice(0, 2, 3, -1), &bools);
        let positions: Vec<u32> = stretched.offsets().map(|p| p as u32).collect();
        for variant in without_halves() {
            let lowered = pointwise(&program, gpu.caps(), Some(variant)).unwrap();
            let out = run(gpu, &lowered, &[&ints, &bools], &[60; 4], &[-7i32 as u32, 1, 0xffff_0000]);
            for i in 0..60 {
                assert_eq!(out[0][i], ints[i].wrapping_sub(7));
                assert_eq!(out[1][i], u32::from(flipped[i] != 1));
                assert_eq!(out[2][i], positions[i] ^ 0xffff_0000 ^ ints[i]);
                assert_eq!(out[3][i], positions[i]);
            }
        }
    }
}

#[test]
fn an_output_in_place_overwrites_its_input() {
    for gpu in gpus() {
        for n in [1usize, 4, 7, 4096, 70_000] {
            let dense = Layout::contiguous([n]);
            let mut program = mixed(&[n], dense.clone(), dense);
            program.outputs[0].in_place = Some(0);
            let (a, b) = (noise(5, n), noise(6, n));
            for variant in without_halves() {
                let Ok(lowered) = pointwise(&program, gpu.caps(), Some(variant)) else {
                    assert_ne!(n % 4, 0);
                    continue;
                };
                // the input's buffer is output 0; input 0 itself is not bound
                let before = [bits(&a), vec![9; n]];
                let out = run_over(gpu, &lowered, &[&[], &bits(&b)], &before, &[0.5f32.to_bits()]);
                for i in 0..n {
                    let wanted = (f64::from(a[i]) * f64::from(b[i]) + 0.5).max(f64::from(a[i]));
                    assert!(close(f32::from_bits(out[0][i]), wanted, 1e-6), "{variant} {n} at {i}");
                    assert_eq!(out[1][i], u32::from(a[i] < b[i]));
                }
            }
        }
    }
}

#[test]
fn many_elements_fold_over_the_grid() {
    let Some(gpu) = gpu() else { return };
    // few groups a row, so that the grid folds and has spare groups
    let caps = Caps { max_groups: 13, ..gpu.caps().clone() };
    let n = 2_001;
    for (rows, columns) in [(3, n), (4, n - 1)] {
        let dense = Layout::contiguous([rows, columns]);
        let program = Pointwise::copy(&dense.permute(&[1, 0]), DType::U32);
        let data = words(8, rows * columns);
        let lowered = pointwise(&program, &caps, None).unwrap();
        assert!(lowered.launches[0].grid[1] > 1);
        assert_eq!(run(gpu, &lowered, &[&data], &[data.len()], &[])[0], seen(&dense.permute(&[1, 0]), &data));
    }
}
