//! Reductions: their text on every backend, and their results against loops.

mod common;

use anygrad_device::kernels::reduce::{Reduce, VARIANTS, reduce};
use anygrad_device::kernels::{Pointwise, Step};
use anygrad_device::{Caps, DeviceError};
use anygrad_layout::{DType, Layout};
use common::{check_text, sweep_caps};

const KINDS: [Reduce; 6] =
    [Reduce::Sum, Reduce::Prod, Reduce::Max, Reduce::Min, Reduce::ArgMax, Reduce::ArgMin];

/// Views and the axes to reduce them over.
fn cases() -> Vec<(Layout, Vec<usize>)> {
    let dense = |shape: &[usize]| Layout::contiguous(shape);
    vec![
        (dense(&[1]), vec![0]),
        (dense(&[]), vec![]),
        (dense(&[7]), vec![]),
        (dense(&[5, 7]), vec![1]),
        (dense(&[5, 7]), vec![0]),
        (dense(&[5, 8]), vec![0, 1]),
        (dense(&[33, 300]), vec![1]),
        (dense(&[300, 33]), vec![0]),
        (dense(&[3, 4, 5, 6]), vec![0, 2, 3]),
        (dense(&[3, 4, 5, 6]), vec![1, 2]),
        (dense(&[6, 5, 4]).permute(&[2, 0, 1]), vec![0, 2]),
        (dense(&[9, 21]).slice(1, 20, 10, -2), vec![1]),
        (dense(&[9, 21]).slice(0, 1, 4, 2), vec![0]),
        (dense(&[4, 1]).expand(&[3, 4, 5]), vec![0, 2]),
        (dense(&[2, 5000]), vec![1]),
        (dense(&[5000, 3]), vec![0]),
        (Layout { offset: 3, ..dense(&[2, 12]) }, vec![1]),
        (Layout { offset: 4, ..dense(&[2, 12]) }, vec![1]),
    ]
}

#[test]
fn every_text_is_valid_everywhere() {
    for caps in sweep_caps() {
        for (view, axes) in cases() {
            for kind in KINDS {
                for dtype in [DType::F32, DType::I32, DType::U32] {
                    for variant in VARIANTS {
                        let program = Pointwise::copy(&view, dtype);
                        check_text(&reduce(&program, kind, &axes, &caps, Some(variant)).unwrap(), &caps);
                    }
                }
            }
        }
    }
}

#[test]
fn every_variant_is_chosen_for_what_it_is_good_at() {
    let chosen = |shape: [usize; 2], axis: usize, caps: &Caps| {
        let program = Pointwise::copy(&Layout::contiguous(shape), DType::F32);
        reduce(&program, Reduce::Sum, &[axis], caps, None).unwrap().launches[0].variant
    };
    let [gpu, software] = sweep_caps();
    assert_eq!(chosen([100_000, 10], 1, &gpu), "thread");
    assert_eq!(chosen([10_000, 512], 0, &gpu), "two_stage");
    assert_eq!(chosen([512, 10_000], 0, &gpu), "thread");
    assert_eq!(chosen([1, 1 << 20], 1, &gpu), "two_stage");
    assert_eq!(chosen([1024, 1024], 1, &gpu), "workgroup");
    assert_eq!(chosen([1024, 1024], 1, &software), "thread");
    assert_eq!(chosen([1, 1 << 20], 1, &software), "two_stage");
}

#[test]
fn wrong_calls_are_errors() {
    let caps = Caps::portable();
    let program = Pointwise::copy(&Layout::contiguous([2, 3]), DType::F32);
    let message = |program: &Pointwise, kind, axes: &[usize], force| {
        reduce(program, kind, axes, &caps, force).unwrap_err().to_string()
    };
    assert!(message(&program, Reduce::Sum, &[2], None).contains("axis 2 of shape [2, 3] does not exist"));
    assert!(message(&program, Reduce::Sum, &[1, 1], None).contains("axis 1 occurs twice"));
    assert!(message(&program, Reduce::Sum, &[1], Some("tree")).contains("no variant tree"));
    let bools = Pointwise::copy(&Layout::contiguous([2, 3]), DType::Bool);
    assert!(message(&bools, Reduce::Sum, &[1], None).contains("of bool"));
    let nothing = Pointwise::copy(&Layout::contiguous([2, 0]), DType::F32);
    assert!(message(&nothing, Reduce::ArgMin, &[1], None).contains("ArgMin of nothing"));
    assert_eq!(reduce(&nothing, Reduce::Sum, &[1], &caps, None).unwrap().launches.len(), 1);
    assert!(reduce(&nothing, Reduce::Max, &[0], &caps, None).unwrap().launches.is_empty());
    let f64s = Pointwise::copy(&Layout::contiguous([2]), DType::F64);
    assert!(matches!(reduce(&f64s, Reduce::Sum, &[0], &caps, None), Err(DeviceError::Unsupported { .. })));
    let mut fused = program;
    fused.steps.push(Step { wgsl: "$0 * $1", args: [0u32, 1].as_slice().into(), dtype: DType::F32 });
    assert!(message(&fused, Reduce::Sum, &[1], None).contains("reads value 1"));
}
