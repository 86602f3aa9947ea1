//! Convolutions against a loop in f64, with every variant, in one to three dimensions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::conv::{VARIANTS, conv, conv_exchanged};
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{Conv, Layout};
use common::{bits, check_text, floats, gpu, gpus, noise, run, sweep_caps};

/// One call: views of the input and the weights, and the geometry.
#[derive(Clone, Debug)]
struct Case {
    name: &'static str,
    x: Layout,
    w: Layout,
    conv: Conv,
}

fn case(name: &'static str, x: &[usize], w: &[usize], edit: impl FnOnce(&mut Conv)) -> Case {
    let mut conv = Conv::new(x.len() - 2);
    edit(&mut conv);
    Case { name, x: Layout::contiguous(x), w: Layout::contiguous(w), conv }
}

fn pads(conv: &mut Conv, lo: isize, hi: isize) {
    for axis in 3 - conv.rank..3 {
        (conv.pad_lo[axis], conv.pad_hi[axis]) = (lo, hi);
    }
}

fn all(conv: &Conv, value: usize) -> [usize; 3] {
    std::array::from_fn(|axis| if axis >= 3 - conv.rank { value } else { 1 })
}

/// The convolution whose result is the input gradient of `forward`: weights transposed and flipped, the output
/// gradient spread by the stride.
fn input_gradient(name: &'static str, forward: &Case) -> Case {
    let (conv, groups) = (&forward.conv, forward.conv.groups);
    let out = output_shape(forward);
    let mut back = Conv { flip: !conv.flip, groups, ..Conv::new(conv.rank) };
    for axis in 3 - conv.rank..3 {
        let at = axis + conv.rank - 1; // of the shapes: axis - (3 - rank) + 2
        let (n, k, o) = (forward.x.shape[at] as isize, forward.w.shape[at] as isize, out[at] as isize);
        let reach = conv.dilation[axis] as isize * (k - 1);
        back.input_dilation[axis] = conv.stride[axis];
        back.dilation[axis] = conv.dilation[axis];
        back.stride[axis] = conv.input_dilation[axis];
        back.pad_lo[axis] = reach - conv.pad_lo[axis];
        let spread = (n - 1) * conv.input_dilation[axis] as isize + 1;
        let read = (o - 1) * conv.stride[axis] as isize + 1;
        back.pad_hi[axis] = spread + conv.pad_lo[axis] - read;
    }
    // [O, C/g, *k] -> [C, O/g, *k]; with groups the group axis stays in front, which needs one group here
    assert_eq!(groups, 1);
    let mut axes: Vec<usize> = (0..forward.w.rank()).collect();
    axes.swap(0, 1);
    Case { name, x: Layout::contiguous(&out[..]), w: forward.w.permute(&axes), conv: back }
}

/// The convolution whose result is the weight gradient of `forward`, with the first two axes swapped: the
/// samples are the channels, and the output gradient is the kernel.
fn weight_gradient(name: &'static str, forward: &Case) -> Case {
    let conv = &forward.conv;
    let out = output_shape(forward);
    let mut back = Conv::new(conv.rank);
    for axis in 3 - conv.rank..3 {
        let at = axis + conv.rank - 1;
        let (n, k, o) = (forward.x.shape[at] as isize, forward.w.shape[at] as isize, out[at] as isize);
        back.stride[axis] = conv.dilation[axis];
        back.dilation[axis] = conv.stride[axis];
        back.input_dilation[axis] = conv.input_dilation[axis];
        back.pad_lo[axis] = conv.pad_lo[axis];
        let spread = (n - 1) * conv.input_dilation[axis] as isize + 1;
        let read = (o - 1) * conv.stride[axis] as isize + (k - 1) * conv.dilation[axis] as isize + 1;
        back.pad_hi[axis] = read - spread - conv.pad_lo[axis];
    }
    let mut axes: Vec<usize> = (0..forward.w.rank()).collect();
    axes.swap(0, 1);
    let (x, g) = (forward.x.permute(&axes), Layout::contiguous(&out[..]).permute(&axes));
    Case { name, x, w: g, conv: back }
}

fn output_shape(case: &Case) -> Vec<usize> {
    let rank = case.conv.rank;
    let mut shape = vec![case.x.shape[0], case.w.shape[0]];
    shape.extend(
        (0..rank).map(|i| case.conv.output_size(3 - rank + i, case.x.shape[2 + i], case.w.shape[2 + i])),
    );
    shape
}

fn position(layout: &Layout, index: &[usize]) -> usize {
    let offset = index.iter().zip(&layout.strides).map(|(i, s)| *i as isize * s).sum::<isize>();
    (layout.offset as isize + offset) as usize
}

/// The formula of [`Conv`], one output at a time. Gives the sum and the sum of absolute values.
fn reference(case: &Case, x: &[f32], w: &[f32]) -> Vec<(f64, f64)> {
    let (conv, rank) = (&case.conv, case.conv.rank);
    let shape = output_shape(case);
    let group_outputs = shape[1] / conv.groups;
    let taps = Layout::contiguous(&case.w.shape[1..]);
    let outputs: usize = shape.iter().product();
    let unravel = |mut i: usize, shape: &[usize]| {
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            (index[axis], i) = (i % shape[axis], i / shape[axis]);
        }
        index
    };
    (0..outputs)
        .map(|i| {
            let at = unravel(i, &shape);
            let (mut sum, mut size) = (0.0, 0.0);
            'taps: for t in 0..taps.numel() {
                let tap = unravel(t, &taps.shape);
                let group = at[1] / group_outputs;
                let mut from = vec![at[0], group * case.w.shape[1] + tap[0]];
                let mut weight = vec![at[1], tap[0]];
                for a in 0..rank {
                    let axis = 3 - rank + a;
                    let spread = (at[2 + a] * conv.stride[axis] + tap[1 + a] * conv.dilation[axis]) as isize
                        - conv.pad_lo[axis];
                    let step = conv.input_dilation[axis] as isize;
                    if spread < 0 || spread % step != 0 || spread / step >= case.x.shape[2 + a] as isize {
                        continue 'taps;
                    }
                    from.push((spread / step) as usize);
                    let k = case.w.shape[2 + a];
                    weight.push(if conv.flip { k - 1 - tap[1 + a] } else { tap[1 + a] });
                }
                let term = f64::from(x[position(&case.x, &from)]) * f64::from(w[position(&case.w, &weight)]);
                sum += term;
                size += term.abs();
            }
            (sum, size)
        })
        .collect()
}

fn cases() -> Vec<Case> {
    let lenet1 = case("lenet1", &[3, 1, 28, 28], &[6, 1, 5, 5], |c| pads(c, 2, 2));
    let lenet2 = case("lenet2", &[3, 6, 14, 14], &[16, 6, 5, 5], |_| {});
    let strided = case("strided", &[2, 3, 11, 9], &[5, 3, 3, 3], |c| {
        c.stride = all(c, 2);
        pads(c, 1, 1);
    });
    let dilated = case("dilated", &[2, 2, 12, 13], &[3, 2, 3, 2], |c| {
        c.dilation = [1, 2, 3];
        c.stride = [1, 1, 2];
        pads(c, 2, 1);
    });
    let line = case("line", &[4, 3, 37], &[7, 3, 9], |c| {
        c.stride = [1, 1, 3];
        pads(c, 4, 4);
    });
    let volume = case("volume", &[2, 2, 5, 6, 7], &[3, 2, 2, 3, 3], |c| {
        c.stride = [2, 1, 2];
        c.pad_lo = [1, 0, 2];
        c.pad_hi = [0, 1, 1];
    });
    let transposed = case("transposed", &[2, 3, 4, 5], &[4, 3, 3, 3], |c| {
        c.input_dilation = [1, 2, 3];
        c.flip = true;
        pads(c, 1, 2);
    });
    let mut cases = vec![
        input_gradient("lenet1 dx", &lenet1),
        weight_gradient("lenet1 dw", &lenet1),
        input_gradient("lenet2 dx", &lenet2),
        weight_gradient("lenet2 dw", &lenet2),
        input_gradient("strided dx", &strided),
        weight_gradient("strided dw", &strided),
        input_gradient("dilated dx", &dilated),
        weight_gradient("dilated dw", &dilated),
        input_gradient("line dx", &line),
        weight_gradient("line dw", &line),
        input_gradient("volume dx", &volume),
        weight_gradient("volume dw", &volume),
        input_gradient("transposed dx", &transposed),
        weight_gradient("transposed dw", &transposed),
        case("one", &[1, 1, 1], &[1, 1, 1], |_| {}),
        case("cropped", &[2, 3, 9, 12], &[2, 3, 3, 3], |c| pads(c, -2, -1)),
        case("cropped by a vector", &[2, 4, 9, 20], &[8, 4, 3, 3], |c| pads(c, -4, -1)),
        case("crops and pads", &[1, 2, 9, 12], &[2, 2, 2, 5], |c| {
            c.pad_lo = [0, -1, 3];
            c.pad_hi = [0, 4, -2];
        }),
        case("grouped", &[2, 6, 7, 8], &[9, 2, 3, 3], |c| {
            c.groups = 3;
            pads(c, 1, 1);
        }),
        case("depthwise", &[2, 5, 8, 16], &[5, 1, 3, 3], |c| {
            c.groups = 5;
            pads(c, 1, 1);
        }),
        case("depthwise multiplied", &[1, 3, 6, 21], &[9, 1, 1, 4], |c| c.groups = 3),
        case("pointwise", &[3, 12, 4, 4], &[20, 12, 1, 1], |_| {}),
        case("pointwise grouped", &[2, 6, 3, 5], &[8, 3, 1, 1], |c| c.groups = 2),
        case("pointwise strided", &[2, 6, 7, 5], &[8, 6, 1, 1], |c| c.stride = [1, 2, 2]),
        case("covers the input", &[5, 3, 4, 4], &[7, 3, 4, 4], |_| {}),
        case("covers the input flipped", &[5, 3, 4, 4], &[7, 3, 4, 4], |c| c.flip = true),
        case("aligned rows", &[1, 3, 6, 36], &[9, 3, 3, 5], |_| {}),
        case("wide row", &[1, 1, 100], &[2, 1, 13], |c| pads(c, 6, 6)),
        case("large stride", &[1, 2, 64], &[3, 2, 8], |c| c.stride = [1, 1, 7]),
        case("taller than wide", &[2, 3, 33, 1], &[70, 3, 5, 1], |_| {}),
        case("many channels", &[1, 37, 5, 5], &[67, 37, 3, 3], |c| pads(c, 1, 1)),
        case("window in the padding only", &[1, 1, 2], &[1, 1, 1], |c| pads(c, 3, 3)),
        case("no output", &[2, 3, 2, 2], &[4, 3, 3, 3], |_| {}),
        case("no samples", &[0, 3, 4, 4], &[4, 3, 3, 3], |_| {}),
        case("no channels", &[2, 0, 4, 4], &[4, 0, 3, 3], |_| {}),
        case("empty input, padded", &[2, 1, 0, 4], &[2, 1, 2, 2], |c| pads(c, 2, 1)),
    ];
    cases.extend([lenet1, lenet2, strided, dilated, line, volume, transposed]);
    let view = |name, x: Layout, w: Layout| Case { name, x, w, conv: Conv::new(2) };
    cases.push(view(
        "channels last",
        Layout::contiguous([2, 7, 9, 3]).permute(&[0, 3, 1, 2]),
        Layout::contiguous([3, 3, 3, 4]).permute(&[3, 2, 0, 1]),
    ));
    cases.push(view(
        "every second column, backwards",
        Layout::contiguous([2, 2, 6, 20]).slice(3, 19, 10, -2).slice(2, 1, 5, 1),
        Layout::contiguous([4, 3, 3, 3]).slice(0, 3, 2, -2).slice(1, 1, 2, 1),
    ));
    cases.push(view(
        "broadcast",
        Layout::contiguous([1, 3, 1, 8]).expand(&[4, 3, 6, 8]),
        Layout::contiguous([2, 1, 3, 3]).expand(&[2, 3, 3, 3]),
    ));
    cases
}

fn lower(case: &Case, caps: &Caps, force: Option<&str>) -> Option<Lowered> {
    match conv(&case.x, &case.w, &case.conv, caps, force) {
        Ok(lowered) => Some(lowered),
        Err(DeviceError::Unsupported { .. }) if force.is_some_and(|name| PARTIAL.contains(&name)) => None,
        Err(error) => panic!("{}: {error}", case.name),
    }
}

/// The variants that do not run for every case, or on every adapter.
const PARTIAL: &[&str] = &["product", "phased", "shared", "shared_split"];

fn forced() -> impl Iterator<Item = Option<&'static str>> {
    VARIANTS.iter().map(|name| Some(*name)).chain([None])
}

#[test]
fn every_text_is_valid_everywhere() {
    for case in cases() {
        let subgroups = Caps { software: true, subgroups: true, subgroup_size: 8, ..Caps::portable() };
        for caps in sweep_caps().into_iter().chain([subgroups]) {
            for variant in forced() {
                if let Some(lowered) = lower(&case, &caps, variant) {
                    check_text(&lowered, &caps);
                }
            }
        }
    }
}

#[test]
fn every_variant_gives_the_sum() {
    let Some(gpu) = gpu() else { return };
    let (mut products, mut phased, mut shared) = (0, 0, 0);
    for case in cases() {
        let (x, w) = (noise(1, case.x.extent()), noise(2, case.w.extent()));
        let expected = reference(&case, &x, &w);
        for variant in forced() {
            let Some(lowered) = lower(&case, gpu.caps(), variant) else { continue };
            products += usize::from(variant == Some("product"));
            phased += usize::from(variant == Some("phased"));
            shared += usize::from(variant == Some("shared"));
            assert_eq!(lowered.launches.is_empty(), expected.is_empty());
            let inputs: [&[u32]; 2] = [&bits(&x), &bits(&w)];
            // the one that is chosen also with the checks of shaders
            let checked = gpus().iter().skip(1).filter(|_| variant.is_none());
            for gpu in [gpu].into_iter().chain(checked) {
                let out = floats(&run(gpu, &lowered, &inputs, &[expected.len()], &[])[0]);
                for (i, (got, (sum, size))) in out.iter().zip(&expected).enumerate() {
                    let error = (f64::from(*got) - sum).abs();
                    assert!(error <= 2e-6 * size + 1e-7, "{} {variant:?}: {i}: {got} for {sum}", case.name);
                }
            }
        }
    }
    assert!(products >= 6, "{products} cases ran as a product");
    assert!(phased >= 8, "{phased} cases ran in phases");
    assert!(shared >= 40 || gpu.caps().subgroup_size == 0, "{shared} cases shared weights");
}

#[test]
fn samples_and_channels_of_the_output_change_places() {
    let Some(gpu) = gpu() else { return };
    for case in cases() {
        let shape = output_shape(&case);
        let [samples, channels, ..] = shape[..] else { unreachable!() };
        let positions: usize = shape[2..].iter().product();
        let (x, w) = (noise(1, case.x.extent()), noise(2, case.w.extent()));
        let inputs: [&[u32]; 2] = [&bits(&x), &bits(&w)];
        for variant in [Some("naive"), Some("tiled_split"), None] {
            let here = |lowered: &Lowered| {
                floats(&run(gpu, lowered, &inputs, &[samples * channels * positions], &[])[0])
            };
            let Some(plain) = lower(&case, gpu.caps(), variant) else { continue };
            let exchanged = conv_exchanged(&case.x, &case.w, &case.conv, gpu.caps(), variant).unwrap();
            let (plain, exchanged) = (here(&plain), here(&exchanged));
            for (i, got) in exchanged.iter().enumerate() {
                let (row, position) = (i / positions, i % positions);
                let (channel, sample) = (row / samples, row % samples);
                let expected = plain[(sample * channels + channel) * positions + position];
                assert!((got - expected).abs() <= 1e-5, "{} {variant:?}: {i}: {got} {expected}", case.name);
            }
        }
    }
}

#[test]
fn infinities_and_nan_stay_where_they_are_read() {
    let Some(gpu) = gpu() else { return };
    // the last column of the input is read by the last output only; every tile reaches past its end
    let case = case("specials", &[1, 3, 3, 13], &[3, 3, 3, 9], |_| {});
    let mut x = noise(3, case.x.extent());
    (x[12], x[13 * 3 - 1]) = (f32::INFINITY, f32::NAN);
    let w = noise(4, case.w.extent());
    let expected = reference(&case, &x, &w);
    assert_eq!(expected.iter().filter(|(sum, _)| !sum.is_finite()).count(), 3);
    for variant in forced() {
        let Some(lowered) = lower(&case, gpu.caps(), variant) else { continue };
        let out = floats(&run(gpu, &lowered, &[&bits(&x), &bits(&w)], &[expected.len()], &[])[0]);
        for (got, (sum, _)) in out.iter().zip(&expected) {
            assert_eq!(got.is_finite(), sum.is_finite(), "{variant:?}: {got} for {sum}");
        }
    }
}

#[test]
fn the_same_bits_every_time() {
    let Some(gpu) = gpu() else { return };
    let forward = case("lenet1", &[16, 1, 28, 28], &[6, 1, 5, 5], |c| pads(c, 2, 2));
    let case = weight_gradient("lenet1 dw", &forward);
    let (x, w) = (noise(1, case.x.extent()), noise(2, case.w.extent()));
    for variant in forced() {
        let Some(lowered) = lower(&case, gpu.caps(), variant) else { continue };
        let once = || run(gpu, &lowered, &[&bits(&x), &bits(&w)], &[150], &[]);
        assert_eq!(once(), once(), "{variant:?}");
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let caps = Caps::portable();
    let try_conv = |x: &[usize], w: &[usize], c: &Conv| {
        conv(&Layout::contiguous(x), &Layout::contiguous(w), c, &caps, None)
    };
    let plain = Conv::new(2);
    let is_validation = |result| matches!(result, Err(DeviceError::Validation { .. }));
    assert!(is_validation(try_conv(&[1, 2, 3], &[1, 2, 3, 3], &plain)));
    assert!(is_validation(try_conv(&[1, 2, 3, 3], &[1, 3, 3, 3], &plain)));
    assert!(is_validation(try_conv(&[1, 2, 3, 3], &[1, 1, 3, 3], &Conv { groups: 2, ..plain.clone() })));
    assert!(is_validation(try_conv(
        &[1, 2, 3, 3],
        &[1, 2, 3, 3],
        &Conv { stride: [1, 0, 1], ..plain.clone() }
    )));
    assert!(is_validation(try_conv(&[1, 2, 3, 3], &[1, 2, 3, 3], &Conv { groups: 0, ..plain.clone() })));
    assert!(is_validation(try_conv(&[1, 2, 3, 3], &[1, 2, 3, 3], &Conv { rank: 4, ..plain.clone() })));
    let (x, w) = (Layout::contiguous([1, 1, 3, 3]), Layout::contiguous([1, 1, 2, 2]));
    assert!(is_validation(conv(&x, &w, &plain, &caps, Some("fast"))));
    assert!(matches!(conv(&x, &w, &plain, &caps, Some("product")), Err(DeviceError::Unsupported { .. })));
    let large = Layout::contiguous([1, 1, 1, 1]).expand(&[1 << 20, 1, 1 << 10, 1 << 10]);
    assert!(matches!(conv(&large, &w, &plain, &caps, None), Err(DeviceError::TooLarge { .. })));
}

#[test]
fn variants_are_chosen_by_adapter_and_shape() {
    let software = Caps { software: true, ..Caps::portable() };
    let chosen = |case: &Case, caps: &Caps| {
        lower(case, caps, None).unwrap().launches.iter().map(|l| l.variant).collect::<Vec<_>>()
    };
    let lenet1 = case("lenet1", &[64, 1, 28, 28], &[6, 1, 5, 5], |c| pads(c, 2, 2));
    let gradient = weight_gradient("lenet1 dw", &lenet1);
    let (alone, shared) = (&software, Caps { subgroup_size: 8, ..software.clone() });
    assert_eq!(chosen(&lenet1, alone), ["pack_input", "pack_weight", "direct"]);
    assert_eq!(chosen(&gradient, alone), ["pack_input", "pack_weight", "direct_split", "split_sum"]);
    assert_eq!(chosen(&lenet1, &shared), ["pack_input", "pack_weight", "shared"]);
    assert_eq!(chosen(&gradient, &shared), ["pack_input", "pack_weight", "shared_split", "split_sum"]);
    // one position of one sample: seven threads of a subgroup would have nothing to do
    let one = case("one", &[1, 64, 3, 3], &[64, 8, 3, 3], |c| c.groups = 8);
    assert_eq!(chosen(&one, &shared).last(), Some(&"direct"));
    // the phase that reads one tap reads the input as it is
    let strided = case("strided", &[2, 4, 8, 8], &[8, 4, 1, 1], |c| c.stride = [1, 2, 2]);
    let phased = input_gradient("strided dx", &strided);
    assert_eq!(chosen(&phased, &shared), ["pack_weight", "shared", "shared", "shared", "shared"]);
    assert_eq!(chosen(&lenet1, &Caps::portable()), ["tiled"]);
    assert_eq!(chosen(&gradient, &Caps::portable()), ["tiled_split", "split_sum"]);
    let pointwise = case("pointwise", &[8, 16, 8, 8], &[32, 16, 1, 1], |_| {});
    assert_eq!(lower(&pointwise, &software, None).unwrap().launches[0].family, "matmul");
}
