//! Convolutions that store through a pointwise program, with every variant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::conv::{VARIANTS, conv, conv_exchanged, conv_then};
use anygrad_device::kernels::{Pointwise, Sink, Source, SourceKind, Step};
use anygrad_device::{Caps, DeviceError};
use anygrad_layout::{Conv, DType, Layout};
use common::{bits, check_text, floats, gpu, noise, run, sweep_caps};

/// `relu(output + bias)`, whether it is above 0, and it plus a residual, over outputs of a shape. Input 2 is the bias, one
/// number for each place along axis `axis`; the residual is input 0 or 1 of the convolution or a buffer of its own.
fn block(shape: &[usize], axis: usize, residual: usize) -> Pointwise {
    let outputs = Layout::contiguous(shape);
    let mut alone = vec![1; shape.len()];
    alone[axis] = shape[axis];
    let bias = Layout::contiguous(&alone[..]).expand(shape);
    let source = |kind, layout: &Layout| Source { kind, dtype: DType::F32, layout: layout.clone() };
    let step = |wgsl, args: [u32; 2], dtype| Step { wgsl, args: args.into_iter().collect(), dtype };
    let sink = |value, dtype| Sink { value, dtype, in_place: None };
    Pointwise {
        shape: outputs.shape.clone(),
        inputs: vec![
            source(SourceKind::Buffer(2), &bias),
            source(SourceKind::Computed, &outputs),
            source(SourceKind::Buffer(residual), &outputs),
        ],
        numbers: vec![DType::F32],
        steps: vec![
            step("$0 + $1", [0, 1], DType::F32),
            step("max($0, $1)", [4, 3], DType::F32),
            step("$0 > $1", [4, 3], DType::Bool),
            step("$0 + $1", [5, 2], DType::F32),
        ],
        outputs: vec![sink(7, DType::F32), sink(6, DType::Bool)],
    }
}

#[derive(Clone, Debug)]
struct Case {
    x: Vec<usize>,
    w: Vec<usize>,
    conv: Conv,
    exchanged: bool,
}

fn cases() -> Vec<Case> {
    let case = |x: &[usize], w: &[usize], exchanged: bool, edit: &dyn Fn(&mut Conv)| {
        let mut conv = Conv::new(x.len() - 2);
        edit(&mut conv);
        Case { x: x.to_vec(), w: w.to_vec(), conv, exchanged }
    };
    let padded = |conv: &mut Conv| (conv.pad_lo, conv.pad_hi) = ([0, 1, 1], [0, 1, 1]);
    vec![
        // runs of four, and rows that no run divides
        case(&[2, 3, 6, 8], &[5, 3, 3, 3], false, &padded),
        case(&[1, 4, 5, 21], &[18, 4, 3, 3], false, &padded),
        // one channel a group; a product; a window that covers the input
        case(&[2, 4, 8, 16], &[4, 1, 3, 3], false, &|conv| {
            conv.groups = 4;
            padded(conv);
        }),
        case(&[2, 12, 4, 4], &[20, 12, 1, 1], false, &|_| {}),
        case(&[5, 3, 4, 4], &[7, 3, 4, 4], true, &|_| {}),
        // in phases, and a long sum of few outputs
        case(&[2, 3, 4, 5], &[4, 3, 3, 3], false, &|conv| {
            conv.input_dilation = [1, 2, 2];
            (conv.pad_lo, conv.pad_hi) = ([0, 1, 1], [0, 2, 2]);
        }),
        case(&[3, 64, 12, 12], &[5, 64, 9, 9], true, &|_| {}),
    ]
}

fn output_shape(case: &Case) -> Vec<usize> {
    let from = 3 - case.conv.rank;
    let mut shape = vec![case.x[0], case.w[0]];
    if case.exchanged {
        shape.swap(0, 1);
    }
    let space = (0..case.conv.rank).map(|i| case.conv.output_size(from + i, case.x[2 + i], case.w[2 + i]));
    shape.extend(space);
    shape
}

#[test]
fn every_variant_stores_through_a_program() {
    let Some(gpu) = gpu() else { return };
    let mut ran: Vec<&str> = Vec::new();
    for case in cases() {
        let (x, w) = (Layout::contiguous(&case.x[..]), Layout::contiguous(&case.w[..]));
        let shape = output_shape(&case);
        let outputs: usize = shape.iter().product();
        let axis = usize::from(!case.exchanged);
        let residual = noise(4, outputs);
        let z = noise(3, shape[axis]);
        let inputs = [bits(&noise(1, x.numel())), bits(&noise(2, w.numel())), bits(&z), bits(&residual)];
        let tail = block(&shape, axis, 3);
        for variant in VARIANTS.iter().map(|name| Some(*name)).chain([None]) {
            let plain = if case.exchanged { conv_exchanged } else { conv };
            let plain = match plain(&x, &w, &case.conv, gpu.caps(), variant) {
                Err(DeviceError::Unsupported { .. }) => continue,
                plain => plain.unwrap(),
            };
            let lowered = conv_then(&x, &w, &case.conv, case.exchanged, &tail, gpu.caps(), variant).unwrap();
            assert_eq!(lowered.launches.len(), plain.launches.len(), "{case:?} {variant:?}");
            check_text(&lowered, &sweep_caps()[2]);
            ran.extend(variant);
            let sums = floats(&run(gpu, &plain, &[&inputs[0], &inputs[1]], &[outputs], &[])[0]);
            let operands = [&inputs[0][..], &inputs[1], &inputs[2], &inputs[3]];
            let got = run(gpu, &lowered, &operands, &[outputs; 2], &[0f32.to_bits()]);
            let inner: usize = shape[axis + 1..].iter().product();
            for (i, sum) in sums.iter().enumerate() {
                let value = sum + z[i / inner % shape[axis]];
                let expected = [(value.max(0.0) + residual[i]).to_bits(), u32::from(value > 0.0)];
                assert_eq!([got[0][i], got[1][i]], expected, "{case:?} {variant:?}: {i}");
            }
        }
    }
    for name in VARIANTS {
        assert!(ran.contains(name) || !gpu.caps().software, "{name} did not run");
    }
}

#[test]
fn the_input_may_be_the_residual() {
    let Some(gpu) = gpu() else { return };
    // the factors of a product change places, and the residual goes with them
    let (x, w) = (Layout::contiguous([2, 8, 3, 4]), Layout::contiguous([8, 8, 1, 1]));
    let (xs, ws, z) = (noise(1, x.numel()), noise(2, w.numel()), noise(3, 8));
    let conv_1x1 = Conv::new(2);
    let tail = block(&[2, 8, 3, 4], 1, 0);
    let inputs = [bits(&xs), bits(&ws), bits(&z)];
    let plain = conv(&x, &w, &conv_1x1, gpu.caps(), Some("product")).unwrap();
    let sums = floats(&run(gpu, &plain, &[&inputs[0], &inputs[1]], &[x.numel()], &[])[0]);
    let lowered = conv_then(&x, &w, &conv_1x1, false, &tail, gpu.caps(), Some("product")).unwrap();
    let operands = [&inputs[0][..], &inputs[1], &inputs[2]];
    let got = floats(&run(gpu, &lowered, &operands, &[x.numel(); 2], &[0f32.to_bits()])[0]);
    for (i, sum) in sums.iter().enumerate() {
        assert_eq!(got[i], (sum + z[i / 12 % 8]).max(0.0) + xs[i], "{i}");
    }
}

#[test]
fn a_program_that_does_not_fit_is_an_error() {
    let caps = Caps::portable();
    let (x, w) = (Layout::contiguous([1, 2, 4, 4]), Layout::contiguous([4, 2, 3, 3]));
    let then = |shape: &[usize]| conv_then(&x, &w, &Conv::new(2), false, &block(shape, 1, 3), &caps, None);
    assert!(then(&[1, 4, 2, 2]).is_ok());
    assert!(matches!(then(&[1, 4, 2, 3]), Err(DeviceError::Validation { .. })));
    // nothing is read: there is nothing to follow
    let (x, w) = (Layout::contiguous([1, 0, 4, 4]), Layout::contiguous([4, 0, 3, 3]));
    let nothing = conv_then(&x, &w, &Conv::new(2), false, &block(&[1, 4, 2, 2], 1, 3), &caps, None);
    assert!(matches!(nothing, Err(DeviceError::Unsupported { .. })));
}
