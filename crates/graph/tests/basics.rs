//! The first things a user does, on the CPU.

use anygrad_graph::{DType, Device, Tensor, eval, explain, grad};

fn device() -> Device {
    Device::cpu()
}

#[test]
fn arithmetic_broadcasts_and_fuses_into_one_kernel() {
    let device = device();
    let a = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3], &device);
    let row = Tensor::from_slice(&[10.0f32, 20.0, 30.0], [3], &device);
    let y = ((&a + &row) * 2.0 - 1.0).relu().tanh() + &a;
    let plan = explain(&[&y]).unwrap();
    assert_eq!(plan.kernels.len(), 1, "{plan}");
    let expected: Vec<f32> = (0..6).map(|i| (i + 1) as f32 + 1.0).collect();
    assert_eq!(y.to_vec::<f32>().unwrap(), expected);
}

#[test]
fn gradients_of_a_small_network_match_central_differences() {
    let device = device();
    let x = Tensor::from_slice(&[0.5f64, -1.0, 2.0, 0.25, 1.5, -0.75], [2, 3], &device);
    let w = Tensor::from_slice(&[0.1f64, 0.2, -0.3, 0.4, 0.5, -0.6], [3, 2], &device);
    let loss = |w: &Tensor| x.matmul(w).tanh().softmax(1).log().square().mean_all();
    let g = grad(&loss(&w), &[&w])[0].to_vec::<f64>().unwrap();
    let values = w.to_vec::<f64>().unwrap();
    for i in 0..6 {
        let at = |d: f64| {
            let mut moved = values.clone();
            moved[i] += d;
            loss(&Tensor::from_slice(&moved, [3, 2], &device)).item_f64().unwrap()
        };
        let h = 1e-5;
        let numeric = (at(h) - at(-h)) / (2.0 * h);
        assert!((g[i] - numeric).abs() < 1e-8, "{i}: {} {numeric}", g[i]);
    }
}

#[test]
fn views_compose_and_copies_happen_where_strides_cannot_say_it() {
    let device = device();
    let x = Tensor::iota(24, &device).reshape([2, 3, 4]);
    let y = x.permute(&[2, 0, 1]).reshape([4, 6]).slice(0, 1, 2).t();
    let expected: Vec<u32> = (0..6).flat_map(|j| [1, 2].map(|i| i + 4 * j)).collect();
    assert_eq!(y.to_vec::<u32>().unwrap(), expected);
    let f = x.to_dtype(DType::F32) * 2.0;
    let z = f.permute(&[1, 2, 0]).flatten(0).sum_all();
    assert_eq!(z.item().unwrap(), 2.0 * 276.0);
}

#[test]
fn held_tensors_keep_their_values_and_dying_leaves_are_overwritten() {
    let device = device();
    let held = Tensor::ones([4], &device) * 3.0;
    let mut w = Tensor::from_slice(&[1.0f32; 4], [4], &device);
    let middle = &w * &held;
    let loss = middle.sum_all();
    let next = &w - &middle * 0.5;
    let plan = explain(&[&next]).unwrap();
    assert!(plan.kernels.iter().all(|k| k.in_place == 0), "w is still held\n{plan}");
    w = next;
    let plan = explain(&[&w]).unwrap();
    assert!(plan.kernels.iter().any(|k| k.in_place == 1), "{plan}");
    eval(&[&w]).unwrap();
    assert!(middle.is_evaluated() && held.is_evaluated());
    assert_eq!(w.to_vec::<f32>().unwrap(), [-0.5; 4]);
    assert_eq!(loss.item().unwrap(), 12.0);
    assert_eq!(held.to_vec::<f32>().unwrap(), [3.0; 4]);
}

#[test]
fn a_long_chain_neither_overflows_the_stack_nor_is_lost() {
    let device = device();
    let mut x = Tensor::from_slice(&[0.0f32], [1], &device);
    for _ in 0..100_000 {
        x = x + 1.0;
    }
    drop(x.clone() + 1.0);
    assert_eq!(x.to_vec::<f32>().unwrap(), [100_000.0]);
    let mut unused = Tensor::from_slice(&[0.0f32], [1], &device);
    for _ in 0..100_000 {
        unused = unused.exp();
    }
    drop(unused);
}

#[test]
fn a_wrong_call_names_op_shapes_line_and_layer() {
    let device = device();
    let left = Tensor::ones([64, 784], &device).relu();
    let right = Tensor::zeros([128, 10], &device);
    let y = anygrad_graph::scoped("model.fc2", || left.matmul(&right));
    let line = line!() - 1;
    let error = (y + 1.0).to_vec::<f32>().unwrap_err().to_string();
    let start =
        "matmul: inner dimensions differ: left [64, 784], right [128, 10]\n  at crates/graph/tests/basics.rs";
    assert!(error.starts_with(start), "{error}");
    assert!(error.contains(&format!(":{line}:")) && error.contains(", in model.fc2\n"), "{error}");
    assert!(error.contains("\n  left  = relu at crates/graph/tests/basics.rs"), "{error}");
}

#[test]
fn grad_refuses_what_has_no_gradient() {
    let device = device();
    let x = Tensor::from_slice(&[1.0f32, 2.0], [2], &device);
    let y = Tensor::from_slice(&[1.0f32, 2.0], [2], &device);
    let error = |t: Tensor| t.check().unwrap_err().to_string();
    assert!(error(grad(&x.square(), &[&x]).remove(0)).contains("the loss has shape [2]"));
    assert!(error(grad(&x.sum_all(), &[&y]).remove(0)).contains("does not depend on"));
    let loss = x.square().sum_all();
    loss.item().unwrap();
    assert!(error(grad(&loss, &[&x]).remove(0)).contains("call grad before reading the loss"));
}
