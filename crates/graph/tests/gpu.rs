//! The same steps of a training on a GPU and on the CPU, and reading back without blocking.
#![allow(clippy::unwrap_used, clippy::panic)]

use anygrad_graph::{Device, Rng, Tensor, eval, grad};

/// A GPU, the best real one or a software one; `ANYGRAD_GPU=require|auto|off` says whether there has to be one.
fn gpu() -> Option<Device> {
    let wanted = std::env::var("ANYGRAD_GPU").unwrap_or_else(|_| "auto".into());
    let why = match wanted.as_str() {
        "off" => "ANYGRAD_GPU=off".to_string(),
        _ => match Device::gpu(0).or_else(|_| Device::software()) {
            Ok(device) => return Some(device),
            Err(error) if wanted == "require" => panic!("ANYGRAD_GPU=require: {error}"),
            Err(error) => error.to_string(),
        },
    };
    let line = format!("\nskipping the tests that need a GPU: {why}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    None
}

/// Five steps of a convolution, pooling, dropout and a product, by hand; the losses.
fn train(device: &Device) -> Vec<f32> {
    let mut rng = Rng::new(3);
    let x = rng.uniform([16, 1, 8, 8], device).detached().unwrap();
    let labels: Vec<u32> = (0..16).map(|i| i % 10).collect();
    let labels = Tensor::from_slice(&labels, [16], device);
    let mut w1 = (rng.uniform([4, 1, 3, 3], device) - 0.5).detached().unwrap();
    let mut w2 = (rng.uniform([64, 10], device) - 0.5).detached().unwrap();
    let mut step = |w1: &mut Tensor, w2: &mut Tensor| {
        let h = x.conv2d(w1, 1, 1).relu().max_pool2d(2, 2).flatten(1);
        let h = rng.bernoulli(0.8, h.shape(), device).select(h / 0.8, 0.0);
        let loss = -(h.matmul(w2).log_softmax(1) * labels.one_hot(10)).sum(&[1]).mean_all();
        let g = grad(&loss, &[w1, w2]);
        (*w1, *w2) = (&*w1 - &g[0] * 0.1, &*w2 - &g[1] * 0.1);
        eval(&[w1, w2, &loss]).unwrap();
        loss.item().unwrap()
    };
    (0..5).map(|_| step(&mut w1, &mut w2)).collect()
}

#[test]
fn a_gpu_follows_the_cpu() {
    let Some(gpu) = gpu() else { return };
    let (expected, found) = (train(&Device::cpu()), train(&gpu));
    assert!(expected[4] < expected[0], "{expected:?}");
    for (a, b) in expected.iter().zip(&found) {
        assert!((a - b).abs() < 1e-5, "{expected:?} {found:?}");
    }
    // planned once and, from the second step on, once more for parameters that may be overwritten
    let stats = gpu.stats();
    assert!(stats.plan_hits >= 3, "{stats:?}");
}

#[test]
fn reading_without_blocking_gives_the_same() {
    for device in std::iter::once(Device::cpu()).chain(gpu()) {
        let x = Rng::new(9).uniform([1000], &device) + 1.0;
        let later = pollster::block_on(x.to_vec_async::<f32>()).unwrap();
        assert_eq!(later, x.to_vec::<f32>().unwrap());
        assert!(pollster::block_on(x.to_vec_async::<u32>()).is_err());
    }
}

#[test]
fn a_value_read_later_is_the_one_it_was_and_its_errors_come_at_once() {
    for device in std::iter::once(Device::cpu()).chain(gpu()) {
        let mut x = (Tensor::ones([3], &device) * 2.0).detached().unwrap();
        let mut later = Vec::new();
        for _ in 0..20 {
            let sum = x.sum_all();
            later.push((sum.item_later().unwrap(), x.to_vec_later::<f32>().unwrap()));
            // overwrites what is read
            x = (&x + 1.0).detached().unwrap();
        }
        for (step, (sum, values)) in later.into_iter().enumerate() {
            let x = 2.0 + step as f32;
            assert_eq!((sum.wait().unwrap(), values.wait().unwrap()), (3.0 * x, vec![x; 3]));
        }
        let last = x.item_later();
        assert!(last.err().unwrap().to_string().contains("not one element"));
        assert!(x.to_vec_later::<u32>().is_err());
        let value = x.to_vec_later::<f32>().unwrap();
        while !value.is_here() {
            std::thread::yield_now();
        }
        assert_eq!(value.wait().unwrap(), [22.0; 3]);
    }
}
