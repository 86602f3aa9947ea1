//! Kernels over rows: their text on every backend, and their results against loops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::Caps;
use anygrad_device::kernels::reduce::Reduce;
use anygrad_device::kernels::rows::{RowSink, RowStep, RowWork, Rows, VARIANTS, rows};
use anygrad_device::kernels::{Sink, Source, SourceKind};
use anygrad_layout::{DType, Layout};
use common::{bits, check_text, close, floats, gpus, noise, run, run_over, sweep_caps};

fn step(work: RowWork, args: &[u32], dtype: DType) -> RowStep {
    RowStep { work, args: args.into(), dtype }
}

fn each(wgsl: &'static str, args: &[u32]) -> RowStep {
    step(RowWork::Each(wgsl), args, DType::F32)
}

fn fold(kind: Reduce, arg: u32) -> RowStep {
    step(RowWork::Fold(kind), &[arg], DType::F32)
}

fn sink(value: u32, whole: bool, in_place: Option<usize>) -> RowSink {
    RowSink { sink: Sink { value, dtype: DType::F32, in_place }, whole }
}

/// `y = softmax(x · wide · number) + tall`, the largest and the sum of each row, and which elements are above 0.
fn program(layouts: [Layout; 3], outer: usize, in_place: bool) -> Rows {
    let source =
        |(i, layout): (usize, Layout)| Source { kind: SourceKind::Buffer(i), dtype: DType::F32, layout };
    Rows {
        shape: layouts[0].shape.clone(),
        outer,
        inputs: layouts.into_iter().enumerate().map(source).collect(),
        numbers: vec![DType::F32],
        steps: vec![
            each("$0 * $1", &[0, 1]),
            each("$0 * $1", &[4, 3]),
            fold(Reduce::Max, 5),
            each("ag_exp($0 - $1)", &[5, 6]),
            fold(Reduce::Sum, 7),
            each("$0 / $1", &[7, 8]),
            each("$0 + $1", &[9, 2]),
            step(RowWork::Each("$0 > 0.0"), &[5], DType::Bool),
            each("$0 * $1", &[6, 2]),
        ],
        outputs: vec![
            sink(10, true, in_place.then_some(0)),
            sink(12, false, in_place.then_some(2)),
            RowSink { sink: Sink { value: 11, dtype: DType::Bool, in_place: None }, whole: true },
            sink(8, false, None),
            sink(6, true, None),
        ],
    }
}

/// Shapes of rows and their elements, dense and not.
fn cases() -> Vec<([Layout; 3], usize)> {
    let mut cases = Vec::new();
    for (n, m) in
        [(1, 1), (3, 1), (1, 8), (5, 7), (33, 64), (70, 33), (6, 300), (4, 1028), (2, 5001), (4500, 3)]
    {
        let shape = [n, m];
        let wide = Layout::contiguous([m]).expand(&shape);
        let tall = Layout::contiguous([n, 1]).expand(&shape);
        cases.push(([Layout::contiguous(shape), wide.clone(), tall.clone()], 1));
        cases.push(([Layout::contiguous([m, n]).permute(&[1, 0]), wide, tall], 1));
    }
    let shape = [2, 3, 4, 5];
    let channel = Layout::contiguous([4, 1]).expand(&shape);
    let tall = Layout::contiguous([2, 3, 1, 1]).expand(&shape);
    cases.push(([Layout::contiguous(shape), channel, tall], 2));
    let whole = Layout::contiguous([9]);
    cases.push(([whole.clone(), whole.clone(), Layout::contiguous([1]).expand(&[9])], 0));
    cases
}

#[test]
fn every_text_is_valid_everywhere() {
    for caps in sweep_caps() {
        for (layouts, outer) in cases() {
            let dense = layouts[0].is_contiguous()
                && layouts[0].shape.numel() > 1
                && layouts[0].shape[0] < layouts[0].shape.numel();
            for in_place in [false, true] {
                if in_place && !dense {
                    continue;
                }
                for variant in VARIANTS {
                    let program = program(layouts.clone(), outer, in_place);
                    check_text(&rows(&program, &caps, Some(variant)).unwrap(), &caps);
                }
            }
        }
    }
}

#[test]
fn variants_are_chosen_by_shape() {
    let chosen = |n: usize, m: usize, caps: &Caps| {
        let [wide, tall] = [Layout::contiguous([m]), Layout::contiguous([n, 1])].map(|l| l.expand(&[n, m]));
        let program = program([Layout::contiguous([n, m]), wide, tall], 1, false);
        rows(&program, caps, None).unwrap().launches[0].variant
    };
    let [gpu, software, _] = sweep_caps();
    assert_eq!(chosen(1000, 10, &gpu), "thread");
    assert_eq!(chosen(1000, 1000, &gpu), "workgroup");
    assert_eq!(chosen(1000, 1000, &software), "thread");
}

#[test]
fn wrong_calls_are_errors() {
    let caps = Caps::portable();
    let wrong = |change: &dyn Fn(&mut Rows)| {
        let shape = [2, 3];
        let [wide, tall] = [Layout::contiguous([3]), Layout::contiguous([2, 1])].map(|l| l.expand(&shape));
        let mut program = program([Layout::contiguous(shape), wide, tall], 1, false);
        change(&mut program);
        rows(&program, &caps, None).unwrap_err().to_string()
    };
    assert!(wrong(&|p| p.outer = 3).contains("without outputs or rows"));
    assert!(wrong(&|p| p.steps[0].args = [9, 9].as_slice().into()).contains("comes later"));
    assert!(wrong(&|p| p.steps[2].work = RowWork::Fold(Reduce::ArgMax)).contains("cannot be ArgMax"));
    assert!(wrong(&|p| p.outputs[0].whole = false).contains("more than one value a row"));
    assert!(wrong(&|p| p.outputs[0].sink.in_place = Some(1)).contains("used otherwise"));
    assert!(wrong(&|p| p.outputs[0].sink.in_place = Some(2)).contains("used otherwise"));
    assert!(wrong(&|p| p.outputs[1].sink.in_place = Some(0)).contains("used otherwise"));
}

#[test]
fn every_variant_is_right_on_every_shape() {
    for gpu in gpus() {
        let caps = gpu.caps();
        for (layouts, outer) in cases() {
            let [x_at, wide_at, tall_at] =
                layouts.clone().map(|layout| layout.offsets().collect::<Vec<usize>>());
            let shape = layouts[0].shape.clone();
            let (count, numel) = (shape[..outer].iter().product::<usize>(), shape.numel());
            let elements = numel / count;
            let mut x = noise(1, numel);
            let (wide, tall) = (noise(2, numel), noise(3, count));
            // the last row of the smaller ones is odd
            if count > 3 && elements > 3 {
                x[x_at[numel - 1]] = f32::NAN;
                x[x_at[elements]] = f32::NEG_INFINITY;
            }
            let number = 3.0f32;
            let z: Vec<f32> = (0..numel).map(|i| x[x_at[i]] * wide[wide_at[i]] * number).collect();
            let inputs = [bits(&x), bits(&wide), bits(&tall)];
            let inputs: Vec<&[u32]> = inputs.iter().map(Vec::as_slice).collect();
            let sizes = [numel, count, numel, count, numel];
            // a workgroup for each of many rows takes minutes on a software adapter
            let variants = VARIANTS.iter().filter(|variant| **variant == "thread" || count < 1000);
            for variant in variants {
                let name = format!("{variant} {:?}", layouts[0]);
                let lowered = rows(&program(layouts.clone(), outer, false), caps, Some(variant)).unwrap();
                let out = run(gpu, &lowered, &inputs, &sizes, &[number.to_bits()]);
                for r in 0..count {
                    let row = &z[r * elements..(r + 1) * elements];
                    let nan = row.iter().any(|z| z.is_nan());
                    let largest =
                        if nan { f32::NAN } else { row.iter().copied().fold(f32::NEG_INFINITY, f32::max) };
                    let power = |z: &f32| (f64::from(*z) - f64::from(largest)).exp();
                    let sum: f64 = row.iter().map(power).sum();
                    let shift = f64::from(tall[tall_at[r * elements]]);
                    for (i, z) in row.iter().enumerate() {
                        let at = r * elements + i;
                        assert!(close(floats(&out[0])[at], power(z) / sum + shift, 1e-5), "{name} {at}");
                        assert_eq!(out[2][at], u32::from(*z > 0.0), "{name} {at}");
                        assert!(close(floats(&out[4])[at], f64::from(largest), 0.0), "{name} {at}");
                    }
                    assert!(close(floats(&out[1])[r], f64::from(largest) * shift, 1e-6), "{name} {r}");
                    assert!(close(floats(&out[3])[r], sum, 1e-5), "{name} {r}");
                }
                // over its inputs, to the same bits
                if layouts[0].is_contiguous() && count < numel {
                    let lowered = rows(&program(layouts.clone(), outer, true), caps, Some(variant)).unwrap();
                    let before = [bits(&x), bits(&tall), vec![0; numel], vec![0; count], vec![0; numel]];
                    let over = run_over(gpu, &lowered, &inputs, &before, &[number.to_bits()]);
                    assert_eq!(over, out, "{name} in place");
                }
            }
        }
    }
}
