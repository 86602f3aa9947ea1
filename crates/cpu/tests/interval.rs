//! Sums over intervals against loops over every pair of output and input.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_cpu::*;
use anygrad_layout::{DType, Intervals, Layout};
use common::{Numbers, assert_close, layouts, storage_for, values, with_threads};

const TYPES: [DType; 4] = [DType::F32, DType::F64, DType::I32, DType::U32];

fn drawn(numbers: &mut Numbers) -> Intervals {
    let (step, over) = (1 + numbers.below(5) as u32, 1 + numbers.below(5) as u32);
    let first = numbers.below(13) as i32 - 6;
    match numbers.below(3) {
        0 => Intervals::Adaptive,
        1 => Intervals::Pick { step, first, over },
        _ => Intervals::Picked { step, first, over },
    }
}

#[test]
fn sums_are_those_of_the_intervals() {
    let (host, mut numbers) = (Host::new(), Numbers(5));
    for _ in 0..100 {
        let shape = [numbers.below(4), numbers.below(8), 1 + numbers.below(4)];
        let (axis, outputs) = (numbers.below(3), numbers.below(8));
        let rule = drawn(&mut numbers);
        for (layout, dtype) in layouts(&shape).iter().zip(TYPES) {
            let x = storage_for(&mut numbers, dtype, layout);
            let x = View::new(&x, layout);
            let flat = values(x);
            let inner: usize = shape[axis + 1..].iter().product();
            let before: usize = shape[..axis].iter().product();
            let mut want = Vec::new();
            for b in 0..before {
                for o in 0..outputs {
                    let reads = rule.of(o, shape[axis], outputs);
                    for i in 0..inner {
                        let term = |at: usize| flat[(b * shape[axis] + at) * inner + i];
                        want.push(reads.clone().map(term).sum());
                    }
                }
            }
            let got = interval_sum(&host, x, axis, outputs, rule).unwrap().to_f64_vec();
            assert_close(&got, &want, 1e-6, &format!("{layout:?} {rule:?} axis {axis} to {outputs}"));
        }
    }
}

#[test]
fn threads_do_not_show() {
    let (host, mut numbers) = (Host::new(), Numbers(6));
    let layout = Layout::contiguous([64, 40, 50]);
    let x = numbers.storage(DType::F32, layout.numel());
    let work =
        || interval_sum(&host, View::new(&x, &layout), 1, 17, Intervals::Adaptive).unwrap().to_f64_vec();
    let [one, two, all] = with_threads(work);
    assert!(one == two && two == all);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (host, layout) = (Host::new(), Layout::contiguous([2, 3]));
    let data = Storage::F32(vec![0.0; 6]);
    let sum = |axis, rule| interval_sum(&host, View::new(&data, &layout), axis, 4, rule);
    assert!(matches!(sum(2, Intervals::Adaptive), Err(CpuError::Shape { .. })));
    let none = Intervals::Pick { step: 0, first: 0, over: 1 };
    assert!(matches!(sum(0, none), Err(CpuError::Invalid { .. })));
}
