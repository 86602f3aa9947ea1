//! Pointwise kernels: their text on every backend, and their results against loops.

mod common;

use anygrad_device::kernels::pointwise::{VARIANTS, pointwise};
use anygrad_device::kernels::{Pointwise, Sink, Source, SourceKind, Step};
use anygrad_device::{Caps, DeviceError};
use anygrad_layout::{DType, Layout, Shape};
use common::{check_text, sweep_caps};

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
    assert_eq!(VARIANTS, ["vec4", "strided"]);
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
