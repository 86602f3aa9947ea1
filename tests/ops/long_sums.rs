//! Reductions and scans that are long enough for the rounding errors of a careless loop to show.

use anygrad_graph::{Device, Tensor};

use crate::devices::{alone, gpus};

fn on_all(check: impl Fn(&Device)) {
    check(&Device::cpu());
    if let Some((_, gpu)) = gpus().first() {
        alone(|| check(gpu));
    }
}

/// From 0 to 1, by a counter and a multiplication that mixes it.
fn uniform(n: u32) -> Vec<f32> {
    (0..n).map(|i| (i.wrapping_mul(2_654_435_769) >> 8) as f32 / (1 << 24) as f32).collect()
}

#[test]
fn ten_million_ones_are_ten_million() {
    const N: usize = 10_000_000;
    on_all(|device| {
        let ones = Tensor::from_slice(&vec![1.0f32; N], [N], device);
        assert_eq!(ones.sum_all().item().unwrap(), N as f32, "{device}");
        assert_eq!(ones.mean_all().item().unwrap(), 1.0, "{device}");
        assert_eq!(ones.reshape([10, N / 10]).sum(&[1]).to_vec::<f32>().unwrap(), [N as f32 / 10.0; 10]);
        assert_eq!(ones.reshape([N / 10, 10]).sum(&[0]).to_vec::<f32>().unwrap(), [N as f32 / 10.0; 10]);
        assert_eq!(ones.cumsum(0).at(0, -1).item().unwrap(), N as f32, "{device}");
    });
}

#[test]
fn a_million_terms_keep_six_digits() {
    const N: usize = 1_000_000;
    let numbers = uniform(N as u32);
    let exact: f64 = numbers.iter().map(|&x| f64::from(x)).sum();
    on_all(|device| {
        let x = Tensor::from_slice(&numbers, [N], device);
        for (what, sum) in
            [("sum", x.sum_all()), ("cumsum", x.cumsum(0).at(0, -1)), ("mean", x.mean_all() * N as f64)]
        {
            let error = (f64::from(sum.item().unwrap()) - exact).abs() / exact;
            assert!(error <= 1e-6, "{what} on {device}: off by {error:.1e}");
        }
    });
}

#[test]
fn a_million_rows_and_one_long_order() {
    const N: usize = 1_000_000;
    let numbers = uniform(N as u32);
    let mut sorted = numbers.clone();
    sorted.sort_by(f32::total_cmp);
    on_all(|device| {
        let x = Tensor::from_slice(&numbers, [N], device);
        let (values, order) = x.sort(0, false);
        assert!(values.to_vec::<f32>().unwrap() == sorted, "{device}");
        let order = order.to_vec::<u32>().unwrap();
        assert!(order.iter().zip(&sorted).all(|(&i, &x)| numbers[i as usize] == x), "{device}");
        assert_eq!(x.median(0).item().unwrap(), sorted[N / 2 - 1], "{device}");
        let rows = x.reshape([N, 1]).cumsum(1).to_vec::<f32>().unwrap();
        assert!(rows == numbers, "{device}");
        let pairs = x.reshape([N / 2, 2]).cumsum(1).at(1, 1).to_vec::<f32>().unwrap();
        assert!(pairs.iter().zip(numbers.chunks(2)).all(|(&sum, pair)| sum == pair[0] + pair[1]), "{device}");
    });
}

/// The variance of a little noise far from 0 is that of the noise, not of rounded means.
#[test]
fn variance_far_from_zero() {
    let noise: Vec<f32> = uniform(10_000).iter().map(|x| 1e4 + x * 0.1).collect();
    let mean: f64 = noise.iter().map(|&x| f64::from(x)).sum::<f64>() / noise.len() as f64;
    let exact: f64 = noise.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / noise.len() as f64;
    on_all(|device| {
        let x = Tensor::from_slice(&noise, [noise.len()], device);
        let error = (f64::from(x.var(&[0]).item().unwrap()) - exact).abs() / exact;
        assert!(error < 1e-5, "{device}: off by {error:.1e}");
    });
}
