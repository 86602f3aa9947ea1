//! Kernels over rows: how many there are, and that they compute what single ops do.
#![allow(clippy::unwrap_used, clippy::panic)]

use anygrad_graph::{DType, Device, Tensor, eval, eval_unfused, explain, grad};

/// The CPU, and the GPU to test: none if there is none or `ANYGRAD_GPU=off`, and at least one for `require`.
fn devices() -> Vec<Device> {
    let wish = std::env::var("ANYGRAD_GPU").unwrap_or_else(|_| "auto".into());
    let found = match wish.as_str() {
        "off" => Err("ANYGRAD_GPU=off".to_owned()),
        _ => Device::gpu(0).or_else(|_| Device::software()).map_err(|error| error.to_string()),
    };
    match found {
        Ok(device) => vec![Device::cpu(), device],
        Err(why) if wish == "require" => panic!("ANYGRAD_GPU=require: {why}"),
        Err(why) => {
            // past the test harness, which hides what passing tests print
            let line = format!("\nskipping the tests that need a GPU: {why}\n");
            let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
            vec![Device::cpu()]
        }
    }
}

/// Numbers that look random, the same everywhere.
fn noise(n: usize, seed: u32) -> Vec<f32> {
    let word = |i: u32| (i ^ seed).wrapping_mul(0x9E37_79B9).rotate_left(13).wrapping_mul(0x85EB_CA6B);
    (0..n as u32).map(|i| (word(i) >> 8) as f32 / (1 << 22) as f32 - 2.0).collect()
}

fn leaf(shape: &[usize], seed: u32, device: &Device) -> Tensor {
    Tensor::from_slice(&noise(shape.iter().product(), seed), shape, device)
}

fn kernels(tensors: &[&Tensor]) -> usize {
    explain(tensors).unwrap().kernels.len()
}

/// The norm over the last axis.
fn norm(x: &Tensor) -> Tensor {
    let centred = x - x.mean_keep(&[-1]);
    let variance = centred.square().mean_keep(&[-1]);
    &centred * (variance + 1e-5).rsqrt()
}

/// Cross-entropy of rows of scores, as a composition of what fuses.
fn cross_entropy(scores: &Tensor, labels: &Tensor) -> Tensor {
    let classes = Tensor::iota(scores.size(1), scores.device());
    let chosen = labels.unsqueeze(1).eq(classes.unsqueeze(0));
    -chosen.select(scores.log_softmax(1), 0.0).sum(&[1])
}

/// Whether two runs agree: NaN with NaN, the rest up to what the order of additions changes.
fn agree(name: &str, fused: &Tensor, alone: &Tensor) {
    let (fused, alone) = (fused.to_vec::<f32>().unwrap(), alone.to_vec::<f32>().unwrap());
    assert_eq!(fused.len(), alone.len(), "{name}");
    for (i, (a, b)) in fused.iter().zip(&alone).enumerate() {
        let close =
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 2e-5 * a.abs().max(b.abs()).max(1.0);
        assert!(close, "{name}: element {i} is {a} fused, {b} alone");
    }
}

/// Computes `outputs` fused and one by one.
fn check(name: &str, outputs: &[&Tensor]) {
    let alone = eval_unfused(outputs).unwrap();
    eval(outputs).unwrap();
    outputs
        .iter()
        .zip(&alone)
        .enumerate()
        .for_each(|(i, (fused, alone))| agree(&format!("{name} {i}"), fused, alone));
}

#[test]
fn compositions_over_rows_are_one_kernel() {
    for device in devices() {
        let x = leaf(&[100, 70], 1, &device);
        let labels = Tensor::from_slice(&(0..100u32).map(|i| i % 70).collect::<Vec<_>>(), [100], &device);
        assert_eq!(kernels(&[&x.softmax(-1)]), 1, "{device:?}");
        assert_eq!(kernels(&[&x.log_softmax(-1)]), 1);
        assert_eq!(kernels(&[&x.logsumexp(&[-1])]), 1);
        assert_eq!(kernels(&[&norm(&x)]), 1);
        assert_eq!(kernels(&[&cross_entropy(&x, &labels)]), 1);
        let weight = leaf(&[70], 2, &device);
        assert_eq!(kernels(&[&((norm(&(&x * 2.0)) * &weight).tanh() + &x)]), 1);
        // forward and backward of each row: one kernel, and one for the sum of all losses
        let loss = cross_entropy(&x, &labels).mean_all();
        let slopes = grad(&loss, &[&x]).remove(0);
        assert!(kernels(&[&loss, &slopes]) <= 2, "{}", explain(&[&loss, &slopes]).unwrap());
        let y = norm(&x);
        let slopes = grad(&(&y * leaf(&[100, 70], 3, &device)).sum_all(), &[&x]).remove(0);
        assert_eq!(kernels(&[&y, &slopes]), 1);
    }
}

#[test]
fn what_leads_out_and_back_stays_outside() {
    for device in devices() {
        // the product lies between the two softmaxes, and reads and is read by rows
        let x = leaf(&[40, 24], 1, &device);
        let p = x.softmax(-1);
        let q = (p.matmul(&leaf(&[24, 24], 2, &device)) + &p).softmax(-1);
        let z = &q * &p;
        assert_eq!(kernels(&[&z]), 3, "{}", explain(&[&z]).unwrap());
        check("two softmaxes", &[&z, &p]);
    }
}

#[test]
fn rows_of_any_size_and_layout_are_right() {
    for device in devices() {
        for shape in
            [[1, 1], [1, 2], [7, 1], [5, 3], [3, 4], [64, 16], [70, 33], [3, 1000], [129, 260], [2, 5000]]
        {
            let [n, m] = shape;
            let x = leaf(&[n, m], 7, &device);
            let turned = leaf(&[m, n], 8, &device).transpose(0, 1);
            let wide = leaf(&[1, m], 9, &device);
            let tall = leaf(&[n, 1], 10, &device);
            let soft = (&turned * &wide + &tall).softmax(-1);
            let slopes = grad(&(&soft * &x).sum_all(), &[&x]).remove(0);
            let sums = x.square().sum(&[-1]).sqrt();
            let both = norm(&(&x + &soft)) * &wide - &tall;
            check(&format!("{device:?} {shape:?}"), &[&soft, &slopes, &sums, &both, &x.log_softmax(-1)]);
            check(
                &format!("{device:?} {shape:?} tall"),
                &[&(x.max_keep(&[-1]) * &tall), &(&x - x.min_keep(&[-1]))],
            );
        }
        let empty = Tensor::zeros([0, 5], &device);
        assert_eq!(empty.softmax(-1).to_vec::<f32>().unwrap(), []);
        let nothing = Tensor::zeros([5, 0], &device);
        assert_eq!((nothing.exp().sum_keep(&[-1]) + 1.0).to_vec::<f32>().unwrap(), [1.0; 5]);
    }
}

#[test]
fn rows_with_other_axes_around_them() {
    for device in devices() {
        // groups of channels, with a weight for each channel
        let x = leaf(&[2, 6, 5], 1, &device);
        let groups = x.reshape([2, 3, 10]);
        let y = norm(&groups).reshape([2, 6, 5]) * leaf(&[6, 1], 2, &device);
        assert_eq!(kernels(&[&y]), 1, "{}", explain(&[&y]).unwrap());
        check("groups", &[&y]);
        // a mask that repeats over heads and queries, as attention has it
        let scores = leaf(&[2, 3, 4, 8], 3, &device);
        let mask = leaf(&[2, 1, 1, 8], 4, &device).gt(0.0).detached().unwrap();
        let p = mask.select(scores * 0.5, f64::NEG_INFINITY).softmax(-1);
        assert_eq!(kernels(&[&p]), 1);
        check("masked", &[&p]);
    }
}

#[test]
fn nan_and_infinities_stay_in_their_rows() {
    for device in devices() {
        let mut values = noise(4 * 40, 5);
        values[3] = f32::NAN;
        values[40] = f32::INFINITY;
        (80..120).for_each(|i| values[i] = f32::NEG_INFINITY);
        values[125] = f32::NEG_INFINITY;
        let x = Tensor::from_slice(&values, [4, 40], &device);
        let p = x.softmax(-1).to_vec::<f32>().unwrap();
        assert!(p[..120].iter().all(|p| p.is_nan()), "{device:?}");
        assert_eq!(p[125], 0.0);
        assert!((p[120..].iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let l = x.logsumexp(&[-1]).to_vec::<f32>().unwrap();
        assert!(l[0].is_nan() && l[1] == f32::INFINITY && l[2] == f32::NEG_INFINITY && l[3].is_finite());
        check("odd rows", &[&x.log_softmax(-1), &x.softmax(-1), &norm(&x)]);
    }
}

#[test]
fn values_that_die_are_overwritten_after_their_last_read() {
    for device in devices() {
        for (n, m) in [(3, 8), (70, 7), (130, 300)] {
            let fresh = || leaf(&[n, m], 4, &device);
            let expected = eval_unfused(&[&fresh().softmax(-1)]).unwrap().remove(0);
            let dying = fresh().softmax(-1);
            eval(&[&dying]).unwrap();
            agree("softmax in place", &dying, &expected);
            // one value a row that dies, and one that is needed both as it was and as it will be
            let scale = |x: &Tensor, s: &Tensor| (x * s, s * 0.5 + x.sum_keep(&[-1]));
            let (x, s) = (fresh(), leaf(&[n, 1], 5, &device));
            let (a, b) = scale(&x, &s);
            let expected = eval_unfused(&[&a, &b]).unwrap();
            drop((a, b));
            let (a, b) = scale(&x, &leaf(&[n, 1], 5, &device));
            eval(&[&a, &b]).unwrap();
            agree("scaled", &a, &expected[0]);
            agree("scale", &b, &expected[1]);
        }
    }
}

#[test]
fn few_long_rows_are_reduced_in_chunks() {
    for device in devices() {
        let x = leaf(&[2, 300_000], 1, &device);
        let p = x.softmax(-1);
        assert!(kernels(&[&p]) > 1);
        check("long rows", &[&p]);
        let ones = Tensor::ones([10_000_000], &device);
        assert_eq!((&ones * ones.sum_keep(&[0])).max_all().item().unwrap(), 1e7);
    }
}

#[test]
fn integers_and_doubles_have_rows_too() {
    let cpu = Device::cpu();
    let x = leaf(&[30, 17], 1, &cpu);
    let wide = x.to_dtype(DType::F64).softmax(-1).to_vec::<f64>().unwrap();
    let single = x.softmax(-1).to_vec::<f32>().unwrap();
    assert!(wide.iter().zip(&single).all(|(a, b)| (a - f64::from(*b)).abs() < 1e-6));
    for device in devices() {
        let values: Vec<i32> = (0..60).map(|i| i * 37 % 23 - 11).collect();
        let x = Tensor::from_slice(&values, [6, 10], &device);
        let y = &x - x.min_keep(&[-1]) + x.sum_keep(&[-1]);
        assert_eq!(kernels(&[&y]), 1);
        let expected: Vec<i32> = values
            .chunks(10)
            .flat_map(|row| row.iter().map(|v| v - row.iter().min().unwrap() + row.iter().sum::<i32>()))
            .collect();
        assert_eq!(y.to_vec::<i32>().unwrap(), expected);
        let above = x.gt(x.max_keep(&[-1]) - 1);
        assert_eq!(above.to_vec::<bool>().unwrap().iter().filter(|hit| **hit).count(), 6 + repeats(&values));
    }
}

/// How often the largest of a row of ten is there again.
fn repeats(values: &[i32]) -> usize {
    let again = |row: &[i32]| row.iter().filter(|v| Some(*v) == row.iter().max()).count() - 1;
    values.chunks(10).map(again).sum()
}

#[test]
fn halves_are_read_and_written_around_a_kernel() {
    for device in devices() {
        let x = leaf(&[20, 12], 1, &device).to_dtype(DType::F16);
        check("halves", &[&x.softmax(-1).to_dtype(DType::F32)]);
        let half = x.softmax(-1);
        assert_eq!(half.dtype(), DType::F16);
        eval(&[&half]).unwrap();
    }
}
