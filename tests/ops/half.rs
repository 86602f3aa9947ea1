//! f16 on every device: conversions bit by bit, and every case of the suite with f16 inputs.

use anygrad_graph::{DType, Device, PoolOptions, Resize, Tensor, Window, eval, f16};

use crate::case::Case;
use crate::cases;
use crate::compare::{Against, difference};
use crate::devices::{alone, check_guards, gpus, say};
use crate::run::{Numbers, Precision, compute_with};

/// Every half, with what lies between it and the next: the middle, which is a tie, and the f32 numbers beside it.
fn around_every_half() -> Vec<f32> {
    let mut values = vec![f32::MIN_POSITIVE, -1e-45, f32::MAX, f32::MIN, 65519.996, 65520.0, -65536.0, 1e30];
    for bits in 0..=u16::MAX {
        let half = f16::from_bits(bits);
        let next = f16::from_bits(bits.wrapping_add(1));
        let x = half.to_f32();
        values.push(x);
        if half.is_finite() && next.to_f32().is_finite() {
            let middle = (x + next.to_f32()) / 2.0;
            values.extend([
                middle,
                f32::from_bits(middle.to_bits() + 1),
                f32::from_bits(middle.to_bits() - 1),
            ]);
        }
    }
    values
}

/// Where two lists of halves differ in their bits; a NaN need only be a NaN.
fn differing(got: &[f16], want: &[f16]) -> Option<String> {
    let same = |(g, w): &(&f16, &f16)| g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan());
    let at = got.iter().zip(want).position(|pair| !same(&pair));
    match at {
        Some(at) => Some(format!("[{at}] is {:#06x}, not {:#06x}", got[at].to_bits(), want[at].to_bits())),
        None if got.len() != want.len() => Some(format!("{} elements, not {}", got.len(), want.len())),
        None => None,
    }
}

fn everywhere(test: impl Fn(&Device)) {
    test(&Device::cpu());
    alone(|| {
        for (_, device) in gpus() {
            test(device);
            check_guards(device).expect("nothing is written beside a buffer");
        }
    });
}

#[test]
fn rounding_is_that_of_the_half_crate() {
    let values = around_every_half();
    let want: Vec<f16> = values.iter().map(|&x| f16::from_f32(x)).collect();
    everywhere(|device| {
        // an odd count leaves the last word half full
        for count in [values.len(), values.len() - 1, 1, 2, 3, 4, 0] {
            let x = Tensor::from_slice(&values[..count], [count], device);
            let got = x.to_dtype(DType::F16).to_vec::<f16>().expect("rounds");
            assert_eq!(differing(&got, &want[..count]), None, "{count} on {device}");
        }
    });
}

#[test]
fn every_half_is_read_as_what_it_is() {
    let halves: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
    let want: Vec<f32> = halves.iter().map(|x| x.to_f32()).collect();
    everywhere(|device| {
        for count in [halves.len(), halves.len() - 1] {
            let x = Tensor::from_slice(&halves[..count], [count], device);
            let got = x.to_dtype(DType::F32).to_vec::<f32>().expect("widens");
            let same = |(g, w): (&f32, &f32)| g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan());
            let wrong = got.iter().zip(&want).position(|pair| !same(pair));
            assert_eq!((got.len(), wrong), (count, None), "on {device}");
            assert_eq!(differing(&x.to_vec::<f16>().expect("reads"), &halves[..count]), None);
        }
    });
}

#[test]
fn converts_from_and_to_every_dtype() {
    everywhere(|device| {
        let of = |t: Tensor| t.to_dtype(DType::F16).to_vec::<f16>().expect("converts");
        let halves = |values: &[f32]| values.iter().map(|&x| f16::from_f32(x)).collect::<Vec<_>>();
        let ints = Tensor::from_slice(&[-70000, -3, 0, 2049, 2051, 65519, 65520, i32::MAX], [8], device);
        let inf = f32::INFINITY;
        assert_eq!(of(ints), halves(&[-inf, -3.0, 0.0, 2048.0, 2052.0, 65504.0, inf, inf]));
        assert_eq!(of(Tensor::from_slice(&[0u32, 7, u32::MAX], [3], device)), halves(&[0.0, 7.0, inf]));
        assert_eq!(of(Tensor::from_slice(&[true, false, true], [3], device)), halves(&[1.0, 0.0, 1.0]));
        let x = Tensor::from_slice(&halves(&[-2.75, 0.0, 65504.0, inf, f32::NAN]), [5], device);
        assert_eq!(x.to_dtype(DType::I32).to_vec::<i32>().expect("cuts"), [-2, 0, 65504, i32::MAX, 0]);
        assert_eq!(x.to_dtype(DType::U32).to_vec::<u32>().expect("cuts"), [0, 0, 65504, u32::MAX, 0]);
        let truth = x.to_dtype(DType::Bool).to_vec::<bool>().expect("compares");
        assert_eq!(truth, [true, false, true, true, true]);
        assert_eq!((x.bytes(), x.dtype().name()), (10, "f16"));
    });
    // by way of f32, on every processor: just above a tie that f32 cannot tell from it
    let x = Tensor::from_slice(&[2049.0f64 + 1e-9, -0.1], [2], &Device::cpu()).to_dtype(DType::F16);
    assert_eq!(x.to_dtype(DType::F64).to_vec::<f64>().expect("widens"), [2048.0, -0.0999755859375]);
}

/// f16 has 11 significant bits; an op rounds its result once.
const ROUNDING: f64 = 1.0 / 1024.0;

fn halved(case: &Case) -> bool {
    case.inputs.iter().any(|input| input.dtype == DType::F32) && !case.special
}

/// Whether f16 holds the results: they are neither too large nor, as a whole, too small.
fn in_range(numbers: &Numbers) -> bool {
    numbers.first.iter().chain([&numbers.output]).all(|list| {
        let finite = || list.iter().filter(|x| x.is_finite()).map(|x| x.abs());
        let largest = finite().fold(0.0, f64::max);
        largest == 0.0 || (1e-4..60_000.0).contains(&largest)
    })
}

fn rounded(case: &Case) -> Vec<Vec<f64>> {
    let round = |(values, input): (Vec<f64>, &crate::case::Input)| match input.dtype {
        DType::F32 => values.into_iter().map(|x| f16::from_f64(x).to_f64()).collect(),
        _ => values,
    };
    case.values().into_iter().zip(&case.inputs).map(round).collect()
}

fn wrong(case: &Case, got: &Numbers, want: &Numbers) -> Option<String> {
    if got.shape != want.shape {
        return Some(format!("{}: shape {}, not {}", case.name, got.shape, want.shape));
    }
    let exact = !got.dtype.is_float();
    let tolerance = if exact { 0.0 } else { 4.0 * ROUNDING * case.loose.sqrt() };
    if let Some(wrong) = difference(&got.output, &want.output, tolerance, Against::Whole) {
        return Some(format!("{}: {wrong}", case.name));
    }
    // gradients are longer formulas, rounded after each op
    let slopes = 16.0 * ROUNDING * (case.loose * case.loose_slopes).sqrt();
    let mut all = got.first.iter().zip(&want.first).enumerate();
    let wrong = all.find_map(|(i, (got, want))| Some((i, difference(got, want, slopes, Against::Whole)?)))?;
    Some(format!("{}: gradient of input {}: {}", case.name, wrong.0, wrong.1))
}

#[test]
fn every_case_takes_f16() {
    let (mut failures, mut held) = (Vec::new(), Vec::new());
    let cpu = Device::cpu();
    let halved: Vec<Case> = cases::selected().into_iter().filter(halved).collect();
    for case in halved.iter().map(|case| case.clone().order(case.order.min(1))) {
        let values = rounded(&case);
        let double = compute_with(&case, &cpu, Precision::Double, &values);
        match (compute_with(&case, &cpu, Precision::Half, &values), double) {
            (Ok(_), Ok(double)) if !in_range(&double) => {}
            (Ok(half), Ok(double)) => {
                failures.extend(wrong(&case, &half, &double));
                held.push((case, values, half));
            }
            (Err(error), _) | (_, Err(error)) => failures.push(format!("{}: {error}", case.name)),
        }
    }
    alone(|| {
        for (name, device) in gpus() {
            for (case, values, half) in held.iter().filter(|(case, ..)| case.cpu_only.is_none()) {
                match compute_with(case, device, Precision::Half, values) {
                    Ok(got) => failures.extend(wrong(case, &got, half).map(|w| format!("{name}: {w}"))),
                    Err(error) => failures.push(format!("{name}: {}: {error}", case.name)),
                }
                if let Err(error) = check_guards(device) {
                    failures.push(format!("{name}: {}: {error}", case.name));
                }
            }
        }
    });
    let beyond = halved.len() - held.len();
    say(&format!("f16: {} cases, {beyond} beyond its range, {} failures", held.len(), failures.len()));
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
    assert!(
        beyond * 50 < halved.len() || halved.len() < 50,
        "{beyond} of {} cases did not run",
        halved.len()
    );
}

#[test]
fn dtypes_do_not_mix_by_themselves() {
    let device = Device::cpu();
    let single = |shape: &[usize]| Tensor::ones(shape, &device);
    let half = |shape: &[usize]| single(shape).to_dtype(DType::F16);
    let index = Tensor::iota(2, &device).reshape([1, 2]);
    let mixed = [
        half(&[2, 2]) + single(&[2, 2]),
        single(&[2, 2]).gt(0.0).select(half(&[2, 2]), single(&[2, 2])),
        half(&[2, 3]).matmul(&single(&[3, 2])),
        half(&[1, 1, 3, 3]).conv2d(&single(&[1, 1, 2, 2]), 1, 0),
        Tensor::concat(&[&half(&[2]), &single(&[2])], 0),
        single(&[2, 2]).scatter_add_into(0, &index, &half(&[1, 2])),
    ];
    for (i, tensor) in mixed.iter().enumerate() {
        let error = tensor.check().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("f16") && error.contains("f32"), "{i}: {error:?}");
    }
    // an index is a whole number
    assert!(single(&[2, 2]).gather(0, &half(&[1, 2])).check().is_err());
}

/// The sum under a mean may leave the range of f16, 65,504, where the mean does not.
#[test]
fn means_of_large_halves_stay_in_range() {
    everywhere(|device| {
        let x = Tensor::full([1, 1, 6, 6], 30_000.0, DType::F16, device);
        let two = PoolOptions::new(2).stride(2).padding(1).exclude_padding();
        let means = [
            x.mean_all(),
            x.avg_pool2d(3, 3),
            x.avg_pool(&Window::new(&[2, 2])),
            x.avg_pool_with(&two),
            x.adaptive_avg_pool(&[4, 4]),
            x.global_avg_pool(),
            x.resize(&[4, 9], Resize::Linear),
            x.resize(&[4, 9], Resize::Cubic),
            x.lp_pool(2.0, &PoolOptions::new(2)) * 0.5,
        ];
        for (i, mean) in means.iter().enumerate() {
            assert_eq!(mean.dtype(), DType::F16);
            let values = mean.to_vec::<f16>().expect("computes");
            let near = values.iter().all(|v| (v.to_f32() - 30_000.0).abs() <= 32.0);
            assert!(near, "mean {i} on {device}: {values:?}");
        }
    });
}

/// A step that overwrites what it reads, at odd lengths, on values of both dtypes.
#[test]
fn a_loop_in_f16_is_planned_once_and_flat() {
    everywhere(|device| {
        for n in [1usize, 7, 8, 4099] {
            let numbers =
                |scale: f32| (0..n).map(|i| f16::from_f32((i % 37) as f32 * scale)).collect::<Vec<_>>();
            let (start, slope) = (numbers(0.11), numbers(-0.07));
            let mut x = Tensor::from_slice(&start, [n], device);
            let g = Tensor::from_slice(&slope, [n], device);
            let mut want = start.clone();
            let mut seen = Vec::new();
            for step in 0..6 {
                let rate = 0.1 * f64::from(step + 1);
                x = &x - &g * rate;
                eval(&[&x]).expect("a step");
                let single = |h: f16| h.to_f32();
                for (w, &g) in want.iter_mut().zip(&slope) {
                    *w = f16::from_f32(single(*w) - single(f16::from_f32(single(g) * rate as f32)));
                }
                let stats = device.stats();
                seen.push((stats.plan_misses, stats.live_bytes));
            }
            assert_eq!(differing(&x.to_vec::<f16>().expect("reads"), &want), None, "{n} on {device}");
            let last = seen.last().copied();
            assert!(
                seen[2..].iter().all(|&now| Some(now) == last) || device.is_cpu(),
                "{n} on {device}: {seen:?}"
            );
        }
    });
}
