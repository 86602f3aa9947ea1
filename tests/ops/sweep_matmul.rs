//! Every product of sizes around those of tiles: m, k, n in {1, 3, 17, 64, 129}.

use std::time::Instant;

use anygrad_graph::{Device, Tensor, eval, grad};

use crate::compare::{Against, difference};
use crate::devices::{alone, gpu, say};
use crate::draw::Draw;
use crate::run::{leaf, read};

const SIZES: [usize; 5] = [1, 3, 17, 64, 129];

/// A product and its two gradients, recorded.
fn product([m, k, n]: [usize; 3], dtype: anygrad_graph::DType, device: &Device) -> [Tensor; 3] {
    let mut draw = Draw::named(&format!("product {m} {k} {n}"));
    let mut matrix = |rows: usize, columns: usize| {
        let values: Vec<f64> = (0..rows * columns).map(|_| f64::from(draw.float(-1.0, 1.0) as f32)).collect();
        leaf(&values, &[rows, columns], dtype, device)
    };
    let (a, b, weight) = (matrix(m, k), matrix(k, n), matrix(m, n));
    let y = a.matmul(&b);
    let grads = grad(&(&y * weight).sum_all(), &[&a, &b]);
    [y, grads[0].clone(), grads[1].clone()]
}

#[test]
fn products_of_all_sizes_and_their_gradients_are_those_of_f64() {
    let (started, cpu) = (Instant::now(), Device::cpu());
    let devices = || [Some(&cpu), gpu()].into_iter().flatten();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (m, k) in SIZES.into_iter().flat_map(|m| SIZES.map(|k| (m, k))) {
        // one run for the sizes of n
        let all = |dtype, device: &Device| SIZES.map(|n| product([m, k, n], dtype, device)).concat();
        let want = all(anygrad_graph::DType::F64, &cpu);
        eval(&want.iter().collect::<Vec<_>>()).expect("f64 runs");
        for device in devices() {
            let got = all(anygrad_graph::DType::F32, device);
            alone(|| eval(&got.iter().collect::<Vec<_>>())).expect("f32 runs");
            for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                count += 1;
                let (got, want) = (read(got).expect("numbers"), read(want).expect("numbers"));
                if let Some(what) = difference(&got, &want, 1e-5, Against::Whole) {
                    wrong.push(format!("{m}x{k}x{}, output {} on {device}: {what}", SIZES[i / 3], i % 3));
                }
            }
        }
    }
    say(&format!("products: {count} compared, {:.1} s", started.elapsed().as_secs_f64()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rule of three matrices: for Y = A·X·B and G = dL/dY, dL/dX = Aᵀ·G·Bᵀ.
#[test]
fn the_gradient_between_two_factors_is_the_product_with_their_transposes() {
    for device in [Some(&Device::cpu()), gpu()].into_iter().flatten() {
        let mut draw = Draw::named("three matrices");
        let mut matrix = |rows: usize, columns: usize| {
            let values: Vec<f64> =
                (0..rows * columns).map(|_| f64::from(draw.float(-1.0, 1.0) as f32)).collect();
            leaf(&values, &[rows, columns], anygrad_graph::DType::F32, device)
        };
        let (a, x, b, g) = (matrix(2, 3), matrix(3, 4), matrix(4, 5), matrix(2, 5));
        let found = grad(&(a.matmul(&x).matmul(&b) * &g).sum_all(), &[&x]).remove(0);
        let want = a.t().matmul(&g).matmul(&b.t());
        alone(|| {
            let (found, want) = (read(&found).expect("numbers"), read(&want).expect("numbers"));
            assert_eq!(difference(&found, &want, 1e-6, Against::Whole), None, "{device}");
        });
    }
}
