//! Attention and Transformer layers against PyTorch (`golden/attention.py`), their masks and error texts.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Tensor, grad};
use anygrad_nn::*;
use common::golden::{Golden, everywhere};
use common::{close, tensor, values};

const GOLDEN: &[u8] = include_bytes!("golden/attention.safetensors");

/// Checks results and all gradients of their sum, each times its golden numbers.
fn check(golden: &Golden, name: &str, params: &Params, given: &[(&str, &Tensor)], found: &[(&str, &Tensor)]) {
    let weighed = found.iter().map(|(key, t)| (*t * golden.tensor(&format!("{name}.c_{key}"))).sum_all());
    let loss = weighed.reduce(|a, b| a + b).unwrap();
    let wrt: Vec<&Tensor> = given.iter().map(|(_, t)| *t).collect();
    let (gradients, of_params) = (grad(&loss, &wrt), params.grad(&loss));
    for (key, t) in found {
        golden.check(&format!("{name}.{key}"), t);
    }
    for ((key, _), g) in given.iter().zip(&gradients) {
        golden.check(&format!("{name}.d{key}"), g);
    }
    golden.check_gradients(name, params, &of_params);
}

fn mask(golden: &Golden, name: &str) -> Tensor {
    golden.labels(name).eq(1u32)
}

#[test]
fn dot_product_attention_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let (pairs, added) = (mask(golden, "pairs"), golden.tensor("added"));
        for (name, mask, causal) in [
            ("dot", None, false),
            ("dot bool", Some(&pairs), false),
            ("dot float", Some(&added), false),
            ("dot causal", None, true),
        ] {
            let [q, k, v] = ["q", "k", "v"].map(|key| golden.tensor(&format!("{name}.{key}")));
            let y = scaled_dot_product_attention(&q, &k, &v, mask, causal, 0.0, &mut Ctx::train(0));
            check(golden, name, &golden.params(), &[("q", &q), ("k", &k), ("v", &v)], &[("y", &y)]);
        }
    });
}

#[test]
fn additive_attention_is_bahdanaus() {
    everywhere(GOLDEN, |golden| {
        let params = golden.params();
        let layer = AdditiveAttention::new(params.at(""), 4, 3, 5);
        golden.set("additive", &params);
        let [q, k, v] = ["q", "k", "v"].map(|key| golden.tensor(&format!("additive.{key}")));
        let keys = mask(golden, "keys");
        let masks = AttentionMasks { keys: Some(&keys), ..AttentionMasks::default() };
        let (y, w) = layer.forward_with(&q, &k, &v, &masks, &mut Ctx::train(0));
        check(golden, "additive", &params, &[("q", &q), ("k", &k), ("v", &v)], &[("y", &y), ("w", &w)]);
    });
}

#[test]
fn multi_head_attention_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let keys = mask(golden, "keys");
        let plain = AttentionMasks::default();
        let padded = AttentionMasks { keys: Some(&keys), ..plain };
        let all = [
            ("heads", plain),
            ("heads keys", padded),
            ("heads pairs", AttentionMasks { causal: true, ..padded }),
        ];
        for (name, masks) in all {
            let params = golden.params();
            let layer = MultiHeadAttention::new(params.at(""), 4, 2);
            golden.set(name, &params);
            let [q, k, v] = ["q", "k", "v"].map(|key| golden.tensor(&format!("{name}.{key}")));
            let (y, w) = layer.forward_weights(&q, &k, &v, &masks, &mut Ctx::train(0));
            check(golden, name, &params, &[("q", &q), ("k", &k), ("v", &v)], &[("y", &y), ("w", &w)]);
        }
    });
}

#[test]
fn transformer_layers_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let (keys, real) = (mask(golden, "keys"), mask(golden, "real"));
        let padded = AttentionMasks { keys: Some(&keys), ..AttentionMasks::default() };
        let real = AttentionMasks { keys: Some(&real), ..AttentionMasks::default() };
        let causal = AttentionMasks { causal: true, ..AttentionMasks::default() };
        for (kind, first, activation) in [("post", false, relu as fn(&Tensor) -> Tensor), ("pre", true, gelu)]
        {
            let name = format!("encoder {kind}");
            let params = golden.params();
            let layer = TransformerEncoderLayer::new(params.at(""), 4, 2, 6);
            let layer = layer.norm_first(first).activation(activation).dropout(0.0);
            golden.set(&name, &params);
            let x = golden.tensor(&format!("{name}.x"));
            let y = layer.forward_masked(&x, &real, &mut Ctx::train(0));
            check(golden, &name, &params, &[("x", &x)], &[("y", &y)]);

            let name = format!("decoder {kind}");
            let params = golden.params();
            let layer = TransformerDecoderLayer::new(params.at(""), 4, 2, 6);
            let layer = layer.norm_first(first).activation(activation).dropout(0.0);
            golden.set(&name, &params);
            let [x, memory] = ["x", "memory"].map(|key| golden.tensor(&format!("{name}.{key}")));
            let y = layer.forward_with(&x, &memory, &causal, &padded, &mut Ctx::train(0));
            check(golden, &name, &params, &[("x", &x), ("memory", &memory)], &[("y", &y)]);
        }
    });
}

#[test]
fn transformer_stacks_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let params = golden.params();
        let layer = |path| TransformerEncoderLayer::new(path, 4, 2, 3);
        let encoder = TransformerEncoder::new(params.at(""), 2, layer).final_norm();
        golden.set("encoder stack", &params);
        let x = golden.tensor("encoder stack.x");
        let y = encoder.forward(&x, &mut Ctx::eval());
        check(golden, "encoder stack", &params, &[("x", &x)], &[("y", &y)]);

        let params = golden.params();
        let layer = |path| TransformerDecoderLayer::new(path, 4, 2, 3);
        let decoder = TransformerDecoder::new(params.at(""), 2, layer).final_norm();
        golden.set("decoder stack", &params);
        let [x, memory] = ["x", "memory"].map(|key| golden.tensor(&format!("decoder stack.{key}")));
        let causal = AttentionMasks { causal: true, ..AttentionMasks::default() };
        let y = decoder.forward_with(&x, &memory, &causal, &AttentionMasks::default(), &mut Ctx::eval());
        check(golden, "decoder stack", &params, &[("x", &x), ("memory", &memory)], &[("y", &y)]);
    });
}

#[test]
fn a_query_that_reads_nothing_gets_zeros_and_finite_gradients() {
    for dtype in [DType::F32, DType::F64, DType::F16] {
        let cpu = Device::cpu();
        let of = |values: &[f32], shape: [usize; 2]| Tensor::from_slice(values, shape, &cpu).to_dtype(dtype);
        let q = of(&[1.0, 2.0, -1.0, 0.5], [2, 2]);
        // a key that is left out may be as large as it likes
        let k = of(&[1.0, 0.0, 200.0, 200.0, 0.0, 1.0], [3, 2]);
        let v = of(&[1.0, 2.0, 3.0], [3, 1]);
        let inf = f32::NEG_INFINITY;
        let added = of(&[0.0, inf, 0.0, inf, inf, inf], [2, 3]);
        let read = Tensor::from_slice(&[true, false, true, false, false, false], [2, 3], &cpu);
        for mask in [added, read] {
            let y = scaled_dot_product_attention(&q, &k, &v, Some(&mask), false, 0.0, &mut Ctx::eval());
            let gradients = grad(&y.square().sum_all(), &[&q, &k, &v]);
            let y = values(&y);
            assert!((1.0..3.0).contains(&y[0]) && y[1] == 0.0, "{y:?}");
            let [dq, dk, dv] = [0, 1, 2].map(|i| values(&gradients[i]));
            assert!(dq[..2].iter().all(|g| g.is_finite() && *g != 0.0) && dq[2..] == [0.0; 2], "{dq:?}");
            assert!(dk.iter().all(|g| g.is_finite()) && dk[2..4] == [0.0; 2], "{dk:?}");
            assert!(dv[0] != 0.0 && dv[1] == 0.0, "{dv:?}");
        }
    }
}

#[test]
fn a_loss_under_a_key_mask_has_finite_gradients_everywhere() {
    let p = Params::new(&Device::cpu(), 3);
    let encoder =
        TransformerEncoder::new(p.at("encoder"), 2, |path| TransformerEncoderLayer::new(path, 8, 2, 16));
    let lengths = Tensor::from_slice(&[0u32, 2], [2], &Device::cpu());
    let keys = length_mask(&lengths, 3);
    let masks = AttentionMasks { keys: Some(&keys), causal: true, ..AttentionMasks::default() };
    let x = tensor(&(0..48).map(|i| (i as f32).sin()).collect::<Vec<_>>(), [2, 3, 8]);
    let y = encoder.forward_masked(&x, &masks, &mut Ctx::train(1));
    let labels = Tensor::from_slice(&[0u32, 1, 2, 3, 4, 5], [6], &Device::cpu());
    let loss = cross_entropy(&y.reshape([6, 8]), &labels);
    let gradients = p.grad(&loss);
    assert!(loss.item().unwrap().is_finite());
    for (path, g) in gradients.iter() {
        assert!(values(g).iter().all(|g| g.is_finite()), "{path}");
    }
}

#[test]
fn padding_and_the_future_change_nothing() {
    let p = Params::new(&Device::cpu(), 3);
    let layer = MultiHeadAttention::new(p.at("attention"), 4, 2);
    let run = |last: f32, masks: &AttentionMasks<'_>| {
        let mut x: Vec<f32> = (0..16).map(|i| (i as f32).cos()).collect();
        x[12..].fill(last);
        let x = tensor(&x, [1, 4, 4]);
        values(&layer.forward_with(&x, &x, &x, masks, &mut Ctx::eval()).slice(1, 0, 3))
    };
    let keys = Tensor::from_slice(&[true, true, true, false], [1, 4], &Device::cpu());
    let padded = AttentionMasks { keys: Some(&keys), ..AttentionMasks::default() };
    let causal = AttentionMasks { causal: true, ..AttentionMasks::default() };
    for masks in [padded, causal] {
        assert_eq!(run(0.0, &masks), run(1e3, &masks));
    }
    let open = AttentionMasks::default();
    assert_ne!(run(0.0, &open), run(1e3, &open));
}

#[test]
fn the_matrix_of_weights_is_made_where_it_is_asked_for_alone() {
    let p = Params::new(&Device::cpu(), 3);
    let layer = MultiHeadAttention::new(p.at("attention"), 4, 2).dropout(0.5);
    let x = tensor(&(0..24).map(|i| (i as f32).cos()).collect::<Vec<_>>(), [1, 6, 4]);
    let keys = Tensor::from_slice(&[true, true, true, false, true, false], [1, 6], &Device::cpu());
    let masks = AttentionMasks { keys: Some(&keys), causal: true, ..AttentionMasks::default() };
    let by_blocks = |y: &Tensor| {
        let plan = anygrad_graph::explain(&[y]).unwrap();
        plan.program.iter().any(|line| line.split_whitespace().nth(2) == Some("attention"))
    };
    let alone = layer.forward_with(&x, &x, &x, &masks, &mut Ctx::eval());
    let (y, weights) = layer.forward_weights(&x, &x, &x, &masks, &mut Ctx::eval());
    assert!(by_blocks(&alone) && !by_blocks(&y));
    assert!(!by_blocks(&layer.forward_with(&x, &x, &x, &masks, &mut Ctx::train(1))));
    assert_eq!(weights.shape()[..], [1, 2, 6, 6]);
    close("with and without weights", &values(&alone), &values(&y), 1e-6);
}

#[test]
fn weights_are_dropped_in_training_alone() {
    let cpu = Device::cpu();
    // equal scores over 1000 keys: the output is the mean, and a half of the keys is dropped
    let (q, k) = (Tensor::zeros([4, 2], &cpu), Tensor::zeros([1000, 2], &cpu));
    let v = Tensor::ones([1000, 1], &cpu);
    let run = |ctx: &mut Ctx| values(&scaled_dot_product_attention(&q, &k, &v, None, false, 0.5, ctx));
    close("eval", &run(&mut Ctx::eval()), &[1.0; 4], 1e-5);
    let dropped = run(&mut Ctx::train(5));
    // four deviations of the mean of 1000 draws of 0 or 2
    assert!(dropped.iter().all(|y| *y != 1.0 && (y - 1.0).abs() < 0.127), "{dropped:?}");
    assert_eq!(dropped, run(&mut Ctx::train(5)));
    assert_ne!(dropped, run(&mut Ctx::train(6)));
}

#[test]
fn positions_are_the_papers_and_are_added() {
    let table = values(&sinusoidal_positions(50, 6, DType::F64, &Device::cpu()));
    for (t, i) in [(0, 0), (1, 0), (7, 1), (49, 2)] {
        let angle = t as f64 / 10000f64.powf(2.0 * i as f64 / 6.0);
        assert!((table[t * 6 + 2 * i] - angle.sin()).abs() < 1e-12, "sin {t} {i}");
        assert!((table[t * 6 + 2 * i + 1] - angle.cos()).abs() < 1e-12, "cos {t} {i}");
    }
    let mut ctx = Ctx::eval();
    let x = Tensor::ones([2, 3, 6], &Device::cpu());
    let layer = SinusoidalPositions::new();
    let y = values(&layer.forward(&x, &mut ctx));
    close("added", &y[18..], &table[..18].iter().map(|p| p + 1.0).collect::<Vec<_>>(), 1e-6);
    // another length takes another table
    assert_eq!(layer.forward(&Tensor::ones([1, 5, 6], &Device::cpu()), &mut ctx).shape()[..], [1, 5, 6]);

    let p = Params::new(&Device::cpu(), 0);
    let learned = LearnedPositions::new(p.at("positions"), 4, 6);
    let y = learned.forward(&x, &mut ctx);
    let g = p.grad(&y.sum_all());
    let weight = values(&p.get("positions.weight").unwrap());
    close("learned", &values(&y)[18..], &weight[..18].iter().map(|p| p + 1.0).collect::<Vec<_>>(), 1e-6);
    let (_, g) = g.iter().next().unwrap();
    assert_eq!(values(g), [vec![2.0; 18], vec![0.0; 6]].concat());
}

#[test]
fn errors_name_the_setting_or_the_shapes() {
    let text = |t: &Tensor| t.check().unwrap_err().to_string();
    let cpu = Device::cpu();
    let mut ctx = Ctx::train(0);
    let p = Params::new(&cpu, 0);
    let zeros = |shape: &[usize]| Tensor::zeros(shape, &cpu);
    let attend = |q: &[usize], k: &[usize], v: &[usize], mask: Option<&Tensor>, dropout: f64| {
        let [q, k, v] = [q, k, v].map(zeros);
        text(&scaled_dot_product_attention(&q, &k, &v, mask, false, dropout, &mut Ctx::train(0)))
    };
    let error = attend(&[2, 3, 4], &[2, 5, 3], &[2, 5, 4], None, 0.0);
    let expected = "attention: takes floats query [.., q, d], key [.., k, d], value [.., k, e]: query f32 [2, 3, 4], \
                    key f32 [2, 5, 3], value f32 [2, 5, 4]\n";
    assert!(error.starts_with(expected), "{error}");
    let wrong = zeros(&[3, 6]);
    let error = attend(&[3, 4], &[5, 4], &[5, 4], Some(&wrong), 0.0);
    assert!(
        error.starts_with("attention: the mask is bool or f32 and broadcasts to [3, 5]: f32 [3, 6]\n"),
        "{error}"
    );
    let error = attend(&[3, 4], &[5, 4], &[5, 4], None, 1.0);
    assert!(error.starts_with("attention: dropout is 1; it must be at least 0 and below 1\n"), "{error}");

    let heads = MultiHeadAttention::new(p.at("model.attention"), 8, 2);
    let error = text(&heads.forward(&zeros(&[2, 3, 6]), &mut ctx));
    let expected = "multi_head_attention: takes query [n, q, 8], key and value [n, k, 8]: query [2, 3, 6], key \
                    [2, 3, 6], value [2, 3, 6], in_proj_weight [24, 8]\n";
    assert!(error.starts_with(expected) && error.contains("in model.attention\n"), "{error}");
    let keys = zeros(&[2, 3]);
    let masks = AttentionMasks { keys: Some(&keys), ..AttentionMasks::default() };
    let x = zeros(&[2, 3, 8]);
    let error = text(&heads.forward_with(&x, &x, &x, &masks, &mut ctx));
    assert!(error.starts_with("attention: the key mask is bool [2, 3]: f32 [2, 3]\n"), "{error}");
    let pairs = zeros(&[3, 2]);
    let masks = AttentionMasks { attention: Some(&pairs), ..AttentionMasks::default() };
    let error = text(&heads.forward_with(&x, &x, &x, &masks, &mut ctx));
    let expected =
        "attention: the attention mask is bool or f32, [3, 3], [2, 3, 3] or [2, 2, 3, 3]: f32 [3, 2]\n";
    assert!(error.starts_with(expected), "{error}");
    let error = text(&MultiHeadAttention::new(p.at("three"), 8, 3).forward(&x, &mut ctx));
    let expected = "multi_head_attention: heads is 3; it must divide the 8 features, at least 1\n";
    assert!(error.starts_with(expected), "{error}");
    let error = text(&LearnedPositions::new(p.at("positions"), 2, 8).forward(&x, &mut ctx));
    assert!(
        error.starts_with("positions: takes [n, t, 8] with t at most 2: input [2, 3, 8], weight [2, 8]\n"),
        "{error}"
    );
    let additive = AdditiveAttention::new(p.at("additive"), 8, 8, 4);
    let error = text(&additive.forward(&zeros(&[2, 8]), &mut ctx));
    assert!(error.starts_with("additive_attention: takes query [n, q, features], key [n, k,"), "{error}");
}
