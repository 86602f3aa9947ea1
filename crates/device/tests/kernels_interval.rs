//! Sums over intervals against loops over every interval.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::interval::interval_sum;
use anygrad_device::{Caps, DeviceError};
use anygrad_layout::{DType, Intervals, Layout};
use common::{bits, check_text, close, floats, gpu, noise, run, sweep_caps};

const RULES: [Intervals; 5] = [
    Intervals::Adaptive,
    Intervals::Pick { step: 3, first: -2, over: 4 },
    Intervals::Picked { step: 3, first: 2, over: 4 },
    Intervals::Pick { step: 5, first: 3, over: 2 },
    Intervals::Picked { step: 5, first: -3, over: 2 },
];

/// Views, the axis and its size in the output.
fn cases() -> Vec<(Layout, usize, usize)> {
    vec![
        (Layout::contiguous([2, 7, 3]), 1, 4),
        (Layout::contiguous([3, 5]), 0, 11),
        (Layout::contiguous([13]), 0, 3),
        (Layout::contiguous([2, 3, 4]).permute(&[2, 0, 1]), 1, 5),
        (Layout::contiguous([2, 9, 4]).slice(1, 8, 5, -2).slice(2, 1, 2, 1), 1, 3),
        (Layout::contiguous([1, 6]).expand(&[3, 6]), 1, 6),
        (Layout::contiguous([4, 1]).expand(&[4, 6]), 1, 3),
        (Layout::contiguous([2, 0]), 1, 3),
        (Layout::contiguous([2, 3]), 1, 0),
        (Layout::contiguous([1, 1]), 1, 1),
    ]
}

#[test]
fn every_text_is_valid_everywhere() {
    for (x, axis, outputs) in cases() {
        for rule in RULES {
            for caps in sweep_caps() {
                let lowered = interval_sum(&x, DType::F32, axis, outputs, rule, &caps).unwrap();
                check_text(&lowered, &caps);
            }
        }
    }
}

#[test]
fn sums_are_those_of_the_intervals() {
    let Some(gpu) = gpu() else { return };
    for (x, axis, outputs) in cases() {
        let numbers = noise(7, x.extent());
        let dense: Vec<f32> = x.offsets().map(|at| numbers[at]).collect();
        let inputs = x.shape[axis];
        let inner: usize = x.shape[axis + 1..].iter().product();
        let before: usize = x.shape[..axis].iter().product();
        for rule in RULES {
            let count = before * outputs * inner;
            let lowered = interval_sum(&x, DType::F32, axis, outputs, rule, gpu.caps()).unwrap();
            let got = run(gpu, &lowered, &[&bits(&numbers)], &[count], &[]).remove(0);
            for (at, got) in floats(&got).into_iter().enumerate() {
                let (row, i) = (at / inner, at % inner);
                let (b, o) = (row / outputs, row % outputs);
                let terms =
                    rule.of(o, inputs, outputs).map(|k| f64::from(dense[(b * inputs + k) * inner + i]));
                let sum: f64 = terms.sum();
                assert!(close(got, sum, 1e-6), "{x:?} {rule:?} [{at}]: {got} for {sum}");
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (caps, software) = (Caps::portable(), Caps { software: true, ..Caps::portable() });
    let sum = |x: &Layout, dtype, axis, caps| interval_sum(x, dtype, axis, 2, Intervals::Adaptive, caps);
    let x = Layout::contiguous([2, 4]);
    assert!(matches!(sum(&x, DType::F32, 2, &caps), Err(DeviceError::Validation { .. })));
    assert!(matches!(sum(&x, DType::Bool, 0, &caps), Err(DeviceError::Validation { .. })));
    assert!(matches!(sum(&x, DType::F64, 0, &caps), Err(DeviceError::Unsupported { .. })));
    let none = Intervals::Pick { step: 1, first: 0, over: 0 };
    let nowhere = interval_sum(&x, DType::F32, 0, 2, none, &caps);
    assert!(matches!(nowhere, Err(DeviceError::Validation { .. })));
    let long = Layout::contiguous([1 << 18]);
    assert!(sum(&long, DType::F32, 0, &caps).is_ok());
    assert!(matches!(sum(&long, DType::F32, 0, &software), Err(DeviceError::Unsupported { .. })));
}
