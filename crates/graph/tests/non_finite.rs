//! The search for the op that a NaN comes from, and running op by op.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use anygrad_graph::{DType, Device, NonFinite, Tensor, eval_unfused, find_non_finite, grad, scoped};

fn floats<const N: usize>(values: [f32; N]) -> Tensor {
    Tensor::from_slice(&values, [N], &Device::cpu())
}

fn found(tensors: &[&Tensor]) -> NonFinite {
    find_non_finite(tensors).expect("it runs").expect("something is not finite")
}

#[test]
fn the_first_op_is_named_with_line_layer_and_ranges() {
    let x = Tensor::from_slice(&[4.0f32, 0.5, 0.25, 0.0, 2.0, 0.0], [2, 3], &Device::cpu());
    let y = scoped("model.head", || (&x * 0.5).log());
    let line = line!() - 1;
    let loss = (y.exp() + y.square()).sum_all();
    let found = found(&[&loss]);
    assert_eq!((found.op, found.nans, found.infinities), ("log", 0, 2));
    assert_eq!((&found.position[..], found.value), (&[1, 0][..], f64::NEG_INFINITY));
    assert_eq!((&found.shape[..], found.dtype), (&[2, 3][..], DType::F32));
    assert!(found.origin.contains(&format!("non_finite.rs:{line}:")), "{}", found.origin);
    assert!(found.origin.ends_with("in model.head"), "{}", found.origin);
    assert_eq!(found.inputs.len(), 1);
    assert!(found.inputs[0].0.starts_with("mul at "), "{:?}", found.inputs);
    assert_eq!(found.inputs[0].1, Some((0.0, 2.0)));
    let text = found.to_string();
    assert!(text.contains("f32 [2, 3]: 0 NaN, 2 infinite; element [1, 0] is -inf"), "{text}");
    assert!(text.contains("between 0e0 and 2e0"), "{text}");
}

#[test]
fn nothing_is_evaluated_overwritten_or_let_go() {
    let w = floats([1.0, 4.0]).named("w").expect("a leaf");
    let loss = (&w - 1.0).log().sum_all();
    found(&[&loss]);
    assert!(!loss.is_evaluated() && w.is_evaluated());
    assert_eq!(w.to_vec::<f32>().expect("the leaf is there"), [1.0, 4.0]);
    // gradients still reach the leaf, and the update after them is that of a run without a search
    let g = grad(&loss, &[&w]).remove(0);
    assert_eq!(g.to_vec::<f32>().expect("it runs"), [f32::INFINITY, 1.0 / 3.0]);
    // a leaf that only the graph holds has the value it had, too
    let y = floats([1.0, 2.0]) * 3.0;
    assert!(find_non_finite(&[&y]).expect("it runs").is_none());
    assert_eq!(eval_unfused(&[&y]).expect("it runs")[0].to_vec::<f32>().expect("it runs"), [3.0, 6.0]);
    assert!(!y.is_evaluated());
    assert_eq!(y.to_vec::<f32>().expect("it runs"), [3.0, 6.0]);
}

#[test]
fn infinity_that_is_masked_out_is_no_fault() {
    let x = floats([1.0, 2.0, 3.0]);
    let masked = x.lt(2.5).select(&x, f64::NEG_INFINITY).softmax(0);
    assert!(find_non_finite(&[&masked]).expect("it runs").is_none());
    // but it is one where it reaches a result
    let kept = x.lt(2.5).select(&x, f64::NEG_INFINITY).sum_all();
    let found = found(&[&kept]);
    assert_eq!((found.op, found.value), ("number", f64::NEG_INFINITY));
}

#[test]
fn a_masked_branch_whose_gradient_is_not_finite_is_found() {
    // the value is fine: the bad branch is not taken; its gradient is 0 · ∞
    let x = floats([0.0, 4.0]);
    let y = x.gt(0.0).select(x.sqrt(), 0.0).sum_all();
    assert!(find_non_finite(&[&y]).expect("it runs").is_none());
    let g = grad(&y, &[&x]).remove(0);
    let found = found(&[&y, &g]);
    assert!(found.origin.contains("non_finite.rs"), "{found}");
    assert_eq!(found.position, [0], "{found}");
}

#[test]
fn what_was_given_is_named() {
    let w = floats([1.0, f32::NAN]).named("model.fc1.weight").expect("a leaf");
    let found = found(&[&(&w * 2.0)]);
    assert_eq!((found.op, found.nans, &found.what[..]), ("leaf", 1, "parameter model.fc1.weight"));
}

#[test]
fn the_first_of_several_is_named_whatever_order_they_are_asked_in() {
    let x = floats([-1.0]);
    let (first, second) = (x.log(), x.sqrt());
    let of = |a: &Tensor, b: &Tensor| found(&[a, b]).op;
    assert_eq!((of(&first, &second), of(&second, &first)), ("log", "sqrt"), "in the order of the program");
    let joined = &second + &first;
    assert_eq!(found(&[&first, &joined]).op, "log");
}

#[test]
fn edges() {
    let device = Device::cpu();
    assert!(find_non_finite(&[]).expect("nothing runs").is_none());
    assert!(eval_unfused(&[]).expect("nothing runs").is_empty());
    let empty = Tensor::zeros([0, 3], &device).log();
    let counts = Tensor::iota(3, &device);
    assert!(find_non_finite(&[&empty, &counts, &counts.gt(1)]).expect("it runs").is_none());
    let poisoned = Tensor::zeros([2], &device).reshape([3]);
    assert!(find_non_finite(&[&poisoned]).is_err() && eval_unfused(&[&poisoned]).is_err());
    // the same tensor twice, a number, and one that is computed already
    let x = floats([2.0]);
    let done = &x + 1.0;
    assert_eq!(done.item().expect("it runs"), 3.0);
    let number = Tensor::number(5.0, DType::F32, &device);
    let values = eval_unfused(&[&done, &done, &number, &x]).expect("it runs");
    let values: Vec<f32> = values.iter().map(|t| t.item().expect("a number")).collect();
    assert_eq!(values, [3.0, 3.0, 5.0, 2.0]);
}
