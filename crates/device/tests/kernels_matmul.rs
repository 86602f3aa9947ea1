//! Matrix products against a loop in f64, with every variant, for all ways operands can lie.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use std::collections::HashSet;

use anygrad_device::kernels::matmul::{VARIANTS, matmul, matmul_then};
use anygrad_device::kernels::{Pointwise, Sink, Source, SourceKind, Step, pointwise};
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout};
use common::{bits, check_text, floats, gpu, gpus, noise, run, sweep_caps, words};

/// Sums of products at every output, with the sums of their absolute values, in f64.
fn reference(a: &Layout, b: &Layout, x: &[f32], y: &[f32]) -> Vec<(f64, f64)> {
    terms(a, b)
        .map(|pairs| {
            let products = pairs.iter().map(|(i, j)| f64::from(x[*i]) * f64::from(y[*j]));
            products.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
        })
        .collect()
}

/// For every output, the positions of the pairs that are multiplied.
fn terms(a: &Layout, b: &Layout) -> impl Iterator<Item = Vec<(usize, usize)>> {
    let rank = a.rank();
    let (m, k, n) = (a.shape[rank - 2], a.shape[rank - 1], b.shape[rank - 1]);
    let batches: usize = a.shape[..rank - 2].iter().product();
    let (at_a, at_b): (Vec<usize>, Vec<usize>) = (a.offsets().collect(), b.offsets().collect());
    (0..batches * m * n).map(move |i| {
        let (batch, row, column) = (i / n / m, i / n % m, i % n);
        (0..k)
            .map(|k_at| (at_a[(batch * m + row) * k + k_at], at_b[(batch * k + k_at) * n + column]))
            .collect()
    })
}

/// The four ways an `[m, k]` and a `[k, n]` matrix can lie in memory.
fn transposes(m: usize, n: usize, k: usize) -> Vec<(Layout, Layout)> {
    let plain = |rows: usize, columns: usize| Layout::contiguous([rows, columns]);
    let turned = |rows: usize, columns: usize| Layout::contiguous([columns, rows]).permute(&[1, 0]);
    vec![
        (plain(m, k), plain(k, n)),
        (plain(m, k), turned(k, n)),
        (turned(m, k), plain(k, n)),
        (turned(m, k), turned(k, n)),
    ]
}

fn cases() -> Vec<(Layout, Layout)> {
    let sizes = [
        (1, 1, 1),
        (1, 1, 7),
        (8, 8, 4),
        (3, 5, 2),
        (7, 9, 17),
        // every rest of a division by the sides of a tile
        (2, 3, 3),
        (6, 6, 5),
        (10, 14, 6),
        (13, 10, 6),
        (14, 15, 9),
        (16, 12, 20),
        (33, 31, 4),
        (64, 64, 16),
        (65, 66, 67),
        (68, 72, 40),
        (128, 10, 84),
        (1, 100, 36),
        (100, 1, 33),
        (5, 4, 0),
        (0, 4, 3),
        (4, 0, 3),
        (4, 5, 1000),
        // more than one tile of every kind, and more than eight rows of them
        (129, 127, 17),
        (131, 196, 8),
        (300, 33, 5),
        (1, 130, 200),
        (130, 1, 64),
    ];
    let mut cases: Vec<_> = sizes.into_iter().flat_map(|(m, n, k)| transposes(m, n, k)).collect();
    let whole = |shape: &[usize]| Layout::contiguous(shape);
    cases.extend([
        // batches: dense, shared on either side, permuted, of two axes that do not merge, none
        (whole(&[3, 5, 6]), whole(&[3, 6, 7])),
        (whole(&[8, 12]).expand(&[5, 8, 12]), whole(&[5, 12, 16])),
        (whole(&[4, 8, 12]), whole(&[12, 4]).expand(&[4, 12, 4])),
        (whole(&[2, 8, 3, 4]).permute(&[0, 2, 1, 3]), whole(&[2, 4, 3, 8]).permute(&[0, 2, 1, 3])),
        (whole(&[2, 1, 9, 5]).expand(&[2, 3, 9, 5]), whole(&[1, 3, 5, 6]).expand(&[2, 3, 5, 6])),
        (whole(&[0, 3, 4]), whole(&[0, 4, 5])),
        (whole(&[3, 3, 0]), whole(&[3, 0, 5])),
        // one matrix for a batch of matrices that follow each other, of rows, of columns; for a batch of two axes
        (whole(&[3, 5, 8]), whole(&[8, 12]).expand(&[3, 8, 12])),
        (whole(&[3, 4, 8]).slice(1, 0, 1, 1), whole(&[8, 12]).expand(&[3, 8, 12])),
        (whole(&[9, 8]).expand(&[3, 9, 8]), whole(&[3, 8, 1])),
        (whole(&[2, 3, 5, 8]).permute(&[1, 0, 2, 3]), whole(&[8, 12]).expand(&[3, 2, 8, 12])),
        // slices: aligned and not, every second, backwards, repeated
        (whole(&[9, 16]).slice(1, 4, 8, 1), whole(&[12, 24]).slice(0, 2, 8, 1).slice(1, 8, 12, 1)),
        (whole(&[9, 17]).slice(1, 3, 8, 1), whole(&[8, 13]).slice(1, 1, 12, 1)),
        (whole(&[9, 16]).slice(1, 1, 7, 2), whole(&[14, 8]).slice(0, 13, 7, -2)),
        (whole(&[8, 8]).slice(0, 7, 8, -1), whole(&[8, 8]).slice(1, 7, 8, -1)),
        (whole(&[16, 8]).slice(0, 15, 4, -4), whole(&[8, 8]).slice(0, 7, 8, -1)),
        (whole(&[1, 8]).expand(&[12, 8]), whole(&[8, 1]).expand(&[8, 20])),
        (whole(&[12, 1]).expand(&[12, 8]), whole(&[1, 20]).expand(&[8, 20])),
    ]);
    cases
}

/// The variants that an adapter runs, and its own choice.
fn forced(caps: &Caps) -> impl Iterator<Item = Option<&'static str>> {
    let lanes = caps.subgroups && caps.subgroup_size == 8;
    let large = caps.workgroup_bytes >= 32 * 1024;
    let runs = move |name: &&&str| {
        (lanes || !name.starts_with("lanes")) && (large || !name.starts_with("tiled_large"))
    };
    VARIANTS.iter().filter(runs).map(|name| Some(*name)).chain([None])
}

#[test]
fn every_text_is_valid_everywhere() {
    let mut known = HashSet::new();
    let mut check = |mut lowered: Lowered, caps: &Caps| {
        lowered.launches.retain(|launch| known.insert((launch.source.clone(), launch.bindings.clone())));
        check_text(&lowered, caps);
    };
    for (a, b) in cases() {
        for caps in sweep_caps() {
            for variant in forced(&caps) {
                check(matmul(&a, &b, DType::F32, &caps, variant).unwrap(), &caps);
            }
            for dtype in [DType::I32, DType::U32] {
                check(matmul(&a, &b, dtype, &caps, None).unwrap(), &caps);
            }
        }
    }
}

/// Whether a driver compiles a text of the variant so long that it sees a third of the cases alone; a smaller variant
/// of the same text sees all of them.
fn long(variant: Option<&str>) -> bool {
    let smaller = ["lanes_narrow", "tiled_small"];
    variant.is_some_and(|name| {
        (name.starts_with("lanes") || name.starts_with("tiled"))
            && !smaller.iter().any(|s| name.starts_with(s))
    })
}

#[test]
fn every_variant_gives_the_sum() {
    let Some(gpu) = gpu() else { return };
    for (case, (a, b)) in cases().into_iter().enumerate() {
        let (x, y) = (noise(1, a.extent()), noise(2, b.extent()));
        let expected = reference(&a, &b, &x, &y);
        for variant in forced(gpu.caps()).filter(|variant| !long(*variant) || case % 3 == 0) {
            let lowered = matmul(&a, &b, DType::F32, gpu.caps(), variant).unwrap();
            assert_eq!(lowered.launches.is_empty(), expected.is_empty());
            let out = floats(&run(gpu, &lowered, &[&bits(&x), &bits(&y)], &[expected.len()], &[])[0]);
            for (i, (got, (sum, size))) in out.iter().zip(&expected).enumerate() {
                let error = (f64::from(*got) - sum).abs();
                assert!(error <= 2e-6 * size + 1e-7, "{a:?} {b:?} {variant:?}: {i}: {got} for {sum}");
            }
        }
    }
}

/// `relu(product + bias)`, and whether it is above 0, as a program over the outputs of a product. The bias is input 2.
fn bias_and_relu(shape: &[usize]) -> Pointwise {
    let outputs = Layout::contiguous(shape);
    let bias = Layout::contiguous([shape[shape.len() - 1]]).expand(shape);
    let source = |kind, layout| Source { kind, dtype: DType::F32, layout };
    let step = |wgsl, args: [u32; 2], dtype| Step { wgsl, args: args.into_iter().collect(), dtype };
    Pointwise {
        shape: outputs.shape.clone(),
        inputs: vec![source(SourceKind::Computed, outputs), source(SourceKind::Buffer(2), bias)],
        numbers: vec![DType::F32],
        steps: vec![
            step("$0 + $1", [0, 1], DType::F32),
            step("max($0, $1)", [3, 2], DType::F32),
            step("$0 > $1", [3, 2], DType::Bool),
        ],
        outputs: vec![
            Sink { value: 4, dtype: DType::F32, in_place: None },
            Sink { value: 5, dtype: DType::Bool, in_place: None },
        ],
    }
}

#[test]
fn a_program_over_the_outputs_runs_before_they_are_stored() {
    let Some(gpu) = gpu() else { return };
    for (batch, m, n, k) in [(1, 33, 12, 20), (2, 5, 7, 19), (1, 1, 40, 65), (1, 21, 1, 8), (3, 8, 64, 4)] {
        let (a, b) = (Layout::contiguous([batch, m, k]), Layout::contiguous([batch, k, n]));
        let (x, y, z) = (noise(1, a.extent()), noise(2, b.extent()), noise(3, n));
        let tail = bias_and_relu(&[batch, m, n]);
        let inputs = [bits(&x), bits(&y), bits(&z)];
        let outputs = batch * m * n;
        for variant in forced(gpu.caps()) {
            let plain = matmul(&a, &b, DType::F32, gpu.caps(), variant).unwrap();
            let sums = floats(&run(gpu, &plain, &[&inputs[0], &inputs[1]], &[outputs], &[])[0]);
            let lowered = matmul_then(&a, &b, &tail, gpu.caps(), variant).unwrap();
            check_text(&lowered, &sweep_caps()[2]);
            let inputs = [&inputs[0][..], &inputs[1], &inputs[2]];
            let got = run(gpu, &lowered, &inputs, &[outputs; 2], &[0f32.to_bits()]);
            for (i, sum) in sums.iter().enumerate() {
                let value = sum + z[i % n];
                let expected = [value.max(0.0).to_bits(), u32::from(value > 0.0)];
                assert_eq!([got[0][i], got[1][i]], expected, "{batch} {m} {n} {k} {variant:?}: {i}");
            }
        }
    }
}

#[test]
fn a_program_that_does_not_fit_the_outputs_is_an_error() {
    let caps = Caps::portable();
    let (a, b) = (Layout::contiguous([4, 8]), Layout::contiguous([8, 12]));
    let then = |tail: &Pointwise| matmul_then(&a, &b, tail, &caps, None);
    let mut tail = bias_and_relu(&[4, 12]);
    assert!(then(&tail).is_ok());
    assert!(matches!(then(&bias_and_relu(&[4, 13])), Err(DeviceError::Validation { .. })));
    assert!(matches!(pointwise::pointwise(&tail, &caps, None), Err(DeviceError::Validation { .. })));
    tail.inputs[0].layout = Layout::contiguous([12, 4]).permute(&[1, 0]);
    assert!(matches!(then(&tail), Err(DeviceError::Validation { .. })));
    tail.inputs[0].kind = SourceKind::Buffer(3);
    assert!(matches!(then(&tail), Err(DeviceError::Validation { .. })));
}

#[test]
fn shader_checks_change_nothing() {
    let [trusted, checked] = gpus() else { return };
    for ((m, n, k), transpose) in [((37, 70, 18), 0), ((132, 68, 36), 1), ((20, 8, 64), 2), ((9, 35, 33), 3)]
    {
        let (a, b) = transposes(m, n, k).swap_remove(transpose);
        let (x, y) = (bits(&noise(7, a.extent())), bits(&noise(8, b.extent())));
        for variant in forced(trusted.caps()) {
            let lowered = matmul(&a, &b, DType::F32, trusted.caps(), variant).unwrap();
            let [plain, other] = [trusted, checked].map(|gpu| run(gpu, &lowered, &[&x, &y], &[m * n], &[]));
            assert_eq!(plain, other, "{a:?} {b:?} {variant:?}");
        }
    }
}

#[test]
fn long_sums_are_whole_and_deterministic() {
    let Some(gpu) = gpu() else { return };
    // llvmpipe leaves loops after 65,535 turns: such a sum is cut on every adapter
    let k = 200_003;
    let (a, b) = (Layout::contiguous([2, k]), Layout::contiguous([3, k]).permute(&[1, 0]));
    let ones = vec![1f32; 3 * k];
    let (x, y) = (noise(5, 2 * k), noise(6, 3 * k));
    for variant in forced(gpu.caps()) {
        let lowered = matmul(&a, &b, DType::F32, gpu.caps(), variant).unwrap();
        let out = run(gpu, &lowered, &[&bits(&ones[..2 * k]), &bits(&ones)], &[6], &[]);
        assert_eq!(floats(&out[0]), [k as f32; 6], "{variant:?}");
        let once = || run(gpu, &lowered, &[&bits(&x), &bits(&y)], &[6], &[]);
        assert_eq!(once(), once(), "{variant:?}");
    }
}

#[test]
fn integers_wrap() {
    let Some(gpu) = gpu() else { return };
    for (a, b) in cases() {
        let (x, y) = (words(3, a.extent()), words(4, b.extent()));
        let expected: Vec<u32> = terms(&a, &b)
            .map(|pairs| pairs.iter().fold(0u32, |sum, (i, j)| sum.wrapping_add(x[*i].wrapping_mul(y[*j]))))
            .collect();
        for dtype in [DType::I32, DType::U32] {
            let lowered = matmul(&a, &b, dtype, gpu.caps(), None).unwrap();
            assert_eq!(run(gpu, &lowered, &[&x, &y], &[expected.len()], &[])[0], expected, "{a:?} {b:?}");
        }
    }
}

#[test]
fn infinities_and_nan_stay_in_their_row_and_column() {
    let Some(gpu) = gpu() else { return };
    for (a, b) in transposes(19, 21, 23) {
        let (mut x, mut y) = (noise(1, a.extent()), noise(2, b.extent()));
        // the last element of the last row of a, and of the last column of b: tiles repeat and mask them
        let (last_a, last_b) = (a.offsets().last().unwrap(), b.offsets().last().unwrap());
        (x[last_a], y[last_b]) = (f32::NAN, f32::INFINITY);
        for variant in forced(gpu.caps()) {
            let lowered = matmul(&a, &b, DType::F32, gpu.caps(), variant).unwrap();
            let out = floats(&run(gpu, &lowered, &[&bits(&x), &bits(&y)], &[19 * 21], &[])[0]);
            for (i, value) in out.iter().enumerate() {
                let (row, column) = (i / 21, i % 21);
                assert_eq!(value.is_nan(), row == 18, "{variant:?}: {row} {column}: {value}");
                assert_eq!(value.is_infinite(), row != 18 && column == 20, "{variant:?}: {row} {column}");
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let caps = Caps::portable();
    let product = |a: &[usize], b: &[usize], dtype, force| {
        matmul(&Layout::contiguous(a), &Layout::contiguous(b), dtype, &caps, force)
    };
    let f32 = DType::F32;
    for (a, b) in
        [(&[2, 3][..], &[4, 5][..]), (&[3], &[3, 1]), (&[2, 2, 3], &[3, 3, 4]), (&[1, 2, 3], &[3, 4])]
    {
        assert!(matches!(product(a, b, f32, None), Err(DeviceError::Validation { .. })));
    }
    assert!(matches!(product(&[2, 2], &[2, 2], f32, Some("fast")), Err(DeviceError::Validation { .. })));
    for dtype in [DType::F64, DType::Bool] {
        assert!(matches!(product(&[2, 2], &[2, 2], dtype, None), Err(DeviceError::Unsupported { .. })));
    }
    let forced = product(&[2, 2], &[2, 2], DType::I32, Some("tiled_small"));
    assert!(matches!(forced, Err(DeviceError::Unsupported { .. })));
    let large = product(&[1 << 17, 1], &[1, 1 << 17], f32, None);
    assert!(matches!(large, Err(DeviceError::TooLarge { .. })));
}

#[test]
fn variants_are_chosen_by_adapter_and_shape() {
    let software = Caps { software: true, ..Caps::portable() };
    let lanes = Caps { subgroups: true, subgroup_size: 8, ..software.clone() };
    let chosen = |(m, n, k): (usize, usize, usize), caps: &Caps| {
        matmul(&Layout::contiguous([m, k]), &Layout::contiguous([k, n]), DType::F32, caps, None)
            .unwrap()
            .launches[0]
            .variant
    };
    assert_eq!(chosen((256, 256, 256), &software), "direct");
    assert_eq!(chosen((8, 8, 4096), &software), "direct_split");
    assert_eq!(chosen((256, 256, 256), &lanes), "lanes");
    assert_eq!(chosen((256, 10, 256), &lanes), "lanes_narrow");
    assert_eq!(chosen((4, 512, 256), &lanes), "lanes_flat");
    assert_eq!(chosen((16, 64, 4096), &lanes), "lanes_narrow_split");
    // subgroups of another size, or of several
    assert_eq!(chosen((256, 256, 256), &Caps { subgroup_size: 4, ..lanes.clone() }), "direct");
    let portable = Caps::portable();
    let large = Caps { workgroup_bytes: 32 * 1024, ..portable.clone() };
    assert_eq!(chosen((4096, 4096, 4096), &large), "tiled_large");
    assert_eq!(chosen((4096, 4096, 4096), &portable), "tiled_tall");
    assert_eq!(chosen((784, 1024, 128), &portable), "tiled_medium");
    assert_eq!(chosen((64, 64, 65536), &portable), "tiled_medium_split");
    assert_eq!(chosen((128, 512, 784), &portable), "tiled_small");
    assert_eq!(chosen((1, 512, 784), &portable), "vector");
    assert_eq!(chosen((512, 1, 784), &portable), "vector");
    // without workgroup memory for the tiles there is a variant that needs none
    assert_eq!(chosen((256, 256, 256), &Caps { workgroup_bytes: 2048, ..portable }), "direct");
}
