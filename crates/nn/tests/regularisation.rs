//! Layers that add chance in training: what they keep, what they draw, and that they do nothing in evaluation.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Rng, Tensor, grad};
use anygrad_nn::*;
use common::devices::gpu;
use common::{close, values};

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt())
}

#[test]
fn whole_channels_are_dropped() {
    let cases: [(&dyn Layer, &[usize]); 3] = [
        (&Dropout1d::new(0.25), &[40, 50, 5]),
        (&Dropout2d::new(0.25), &[40, 50, 2, 3]),
        (&Dropout3d::keep(0.75), &[40, 50, 2, 1, 2]),
    ];
    for (layer, shape) in cases {
        let x = Rng::new(1).uniform(shape, &Device::cpu()) + 1.0;
        let x = x.detached().unwrap();
        let y = layer.forward(&x, &mut Ctx::train(3));
        let gradient = grad(&y.sum_all(), &[&x]).remove(0);
        let (inputs, found) = (values(&x), values(&y));
        let plane = found.len() / 2000;
        let mut dropped = 0;
        for (y, x) in found.chunks(plane).zip(inputs.chunks(plane)) {
            let kept: Vec<f64> = x.iter().map(|x| x / 0.75).collect();
            if y.iter().all(|&y| y == 0.0) {
                dropped += 1;
            } else {
                close(layer.kind(), y, &kept, 1e-6);
            }
        }
        // four deviations of a binomial: 4·√(2000·0.1875) = 77
        assert!((423..577).contains(&dropped), "{}: {dropped} of 2000", layer.kind());
        let mask: Vec<f64> = found.iter().map(|&y| if y == 0.0 { 0.0 } else { 1.0 / 0.75 }).collect();
        close(layer.kind(), &values(&gradient), &mask, 1e-6);
        assert_eq!(values(&layer.forward(&x, &mut Ctx::eval())), inputs, "{}", layer.kind());
    }
}

#[test]
fn alpha_dropout_keeps_mean_and_deviation() {
    for device in [Some(Device::cpu()), gpu()].into_iter().flatten() {
        let x = GaussianNoise::new(1.0).forward(&Tensor::zeros([400, 250], &device), &mut Ctx::train(8));
        let x = x.detached().unwrap();
        for p in [0.1, 0.5] {
            let layer = AlphaDropout::new(p);
            let y = layer.forward(&x, &mut Ctx::train(5));
            let gradient = grad(&y.sum_all(), &[&x]).remove(0);
            let floor = -1.7580993408473766;
            let a = 1.0 / ((1.0 - p) * (1.0 + p * floor * floor)).sqrt();
            let b = -a * p * floor;
            let dropped: Vec<bool> = values(&gradient).iter().map(|&g| g == 0.0).collect();
            let expected: Vec<f64> = values(&x)
                .iter()
                .zip(&dropped)
                .map(|(x, &dropped)| a * if dropped { floor } else { *x } + b)
                .collect();
            close("alpha dropout", &values(&y), &expected, 1e-5);
            let part = dropped.iter().filter(|&&d| d).count() as f64 / 1e5;
            assert!((part - p).abs() < 0.007, "{part} instead of {p}");
            let (mean, deviation) = moments(&expected);
            assert!(mean.abs() < 0.015 && (deviation - 1.0).abs() < 0.015, "{mean} {deviation}");
        }
    }
}

#[test]
fn gaussian_layers_have_their_deviation() {
    for device in [Some(Device::cpu()), gpu()].into_iter().flatten() {
        let x = Tensor::full([400, 250], 2.0, anygrad_graph::DType::F32, &device);
        // the deviation of p = 0.2 is √(0.2/0.8) = ½, times 2
        let cases: [(&dyn Layer, f64); 2] =
            [(&GaussianNoise::new(0.3), 0.3), (&GaussianDropout::new(0.2), 1.0)];
        for (layer, expected) in cases {
            let draw = |seed| values(&layer.forward(&x, &mut Ctx::train(seed)));
            let (mean, deviation) = moments(&draw(1));
            assert!((mean - 2.0).abs() < 0.013 * expected, "{}: mean {mean}", layer.kind());
            assert!((deviation / expected - 1.0).abs() < 0.01, "{}: deviation {deviation}", layer.kind());
            assert_eq!(draw(1), draw(1));
            assert_ne!(draw(1), draw(2));
            assert_eq!(values(&layer.forward(&x, &mut Ctx::eval())), vec![2.0; 100_000]);
        }
    }
}

#[test]
fn the_mean_of_many_masks_is_the_output_in_evaluation() {
    let params = Params::new(&Device::cpu(), 4);
    let model = Sequential::new().then(Dropout::new(0.3)).then(Linear::new(params.at("fc"), 8, 3));
    let x = Rng::new(1).uniform([1, 8], &Device::cpu());
    let evaluated = values(&model.forward(&x, &mut Ctx::eval()));
    let many = model.forward(&x.expand([4000, 8]), &mut Ctx::train(2)).mean(&[0]);
    close("bagging", &values(&many), &evaluated, 0.03);
}

#[test]
fn wrong_probabilities_and_shapes_are_named() {
    let error = |layer: &dyn Layer, input: &[usize]| {
        let y = layer.forward(&Tensor::zeros(input, &Device::cpu()), &mut Ctx::eval());
        let text = y.check().unwrap_err().to_string();
        text.lines().next().unwrap_or_default().to_owned()
    };
    let range = "it must be at least 0 and below 1";
    assert_eq!(error(&Dropout2d::new(1.0), &[1, 1, 2, 2]), format!("dropout: the probability is 1; {range}"));
    assert_eq!(
        error(&AlphaDropout::new(-0.5), &[2]),
        format!("alpha_dropout: the probability is -0.5; {range}")
    );
    assert_eq!(
        error(&GaussianDropout::new(f64::NAN), &[2]),
        format!("gaussian_dropout: the probability is NaN; {range}")
    );
    assert_eq!(
        error(&GaussianNoise::new(-1.0), &[2]),
        "gaussian_noise: the deviation is -1; it must be finite and at least 0"
    );
    assert_eq!(error(&Dropout1d::new(0.5), &[2, 3]), "dropout: takes [N, C, L]: input [2, 3]");
}
