//! The public gradient check: every op passes it, and what is wrong does not.

use anygrad_graph::{DType, Device, GradCheck, Tensor, custom_vjp, grad_check};

use crate::case::Case;
use crate::cases;
use crate::run::leaf;

/// Elements of each input that are compared, of those that have many.
const ELEMENTS: usize = 12;

/// What the check says of a case.
fn check(case: &Case) -> Result<(), String> {
    let cpu = Device::cpu();
    let leaves: Vec<Tensor> = case
        .inputs
        .iter()
        .zip(case.values())
        .map(|(input, values)| {
            let dtype = if input.dtype == DType::F32 { DType::F64 } else { input.dtype };
            leaf(&values, &input.stored_shape(), dtype, &cpu)
        })
        .collect();
    // constants are captured, and so not moved
    let moved = |i: &usize| case.inputs[*i].differentiable;
    let places: Vec<usize> = (0..leaves.len()).filter(moved).collect();
    let f = |given: &[Tensor]| {
        let mut all = leaves.clone();
        places.iter().zip(given).for_each(|(&place, t)| all[place] = t.clone());
        let inputs: Vec<Tensor> = case.inputs.iter().zip(&all).map(|(input, t)| input.arrange(t)).collect();
        (case.build)(&inputs)
    };
    let inputs: Vec<&Tensor> = places.iter().map(|&place| &leaves[place]).collect();
    GradCheck::default().at_most(ELEMENTS).check(f, &inputs).map(drop).map_err(|error| error.to_string())
}

#[test]
fn every_differentiable_op_passes() {
    let differentiable: Vec<Case> = cases::selected().into_iter().filter(|case| case.order >= 1).collect();
    let wrong: Vec<String> = differentiable
        .iter()
        .filter_map(|case| check(case).err().map(|error| format!("{}: {error}", case.name)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), differentiable.len(), wrong.join("\n"));
}

fn points() -> Tensor {
    Tensor::from_slice(&[0.5f32, -1.5, 2.0], [3], &Device::cpu())
}

#[test]
fn a_wrong_gradient_is_caught_and_named() {
    // tanh with a derivative that is wrong by one part in a hundred thousand
    let wrong = |t: &[Tensor]| {
        custom_vjp(&[&t[1]], |x| x[0].tanh(), |v| vec![v.grad * (1.0 - v.output.square()) * 1.00001])
            + t[0].square()
    };
    let (a, b) = (points(), points());
    let error = grad_check(wrong, &[&a, &b]).unwrap_err().to_string();
    assert!(
        error.starts_with("grad_check: a gradient is wrong: 6 elements, largest relative error"),
        "{error}"
    );
    assert!(error.contains(" of input 1: the gradient is "), "{error}");
    let report = GradCheck::default().compare(wrong, &[&a, &b]).unwrap();
    assert!(!report.passed() && report.error > 5e-6 && report.error < 2e-5, "{report}");
    assert_eq!(report.worst.unwrap().input, 1);
    assert!(GradCheck::default().tolerance(1e-4).check(wrong, &[&a, &b]).unwrap().passed());
}

#[test]
fn a_gradient_that_is_missing_or_too_small_is_caught() {
    assert!(grad_check(|t| t[0].stop_gradient().square(), &[&points()]).is_err());
    // nothing is far from 0 here, but the size of the gradient counts, not 1
    let tiny = |t: &[Tensor]| custom_vjp(&[&t[0]], |x| &x[0] * 1e-9, |v| vec![v.grad * 1.1e-9]);
    assert!(grad_check(tiny, &[&points()]).is_err());
    let nan = |t: &[Tensor]| custom_vjp(&[&t[0]], |x| x[0].exp(), |v| vec![v.grad * f64::NAN]);
    let report = GradCheck::default().compare(nan, &[&points()]).unwrap();
    assert!(report.error.is_nan() && !report.passed(), "{report}");
}

#[test]
fn what_cannot_be_checked_is_an_error() {
    let says = |f: &dyn Fn(&[Tensor]) -> Tensor, check: GradCheck, part: &str| {
        let error = check.check(f, &[&points()]).unwrap_err().to_string();
        assert!(error.starts_with(part), "{error}");
    };
    let check = GradCheck::default();
    says(&|t| t[0].gt(0.0), check, "grad_check: the function gives bool, not a float");
    says(&|t| t[0].reshape([7]), check, "reshape: ");
    says(&|t| t[0].square(), check.step(0.0), "grad_check: the step is 0; it must be above 0");
    says(&|t| t[0].square(), check.tolerance(f64::NAN), "grad_check: a gradient is wrong");
}

#[test]
fn constant_functions_empty_inputs_and_integers_pass() {
    let cpu = Device::cpu();
    let report = grad_check(|t| t[0].floor() * 0.0, &[&points()]).unwrap();
    assert_eq!((report.error, report.elements), (0.0, 3));
    let empty = Tensor::zeros([0, 3], &cpu);
    let report = grad_check(|t| t[0].exp().sum_all(), &[&empty]).unwrap();
    assert_eq!((report.elements, report.worst), (0, None));
    let index = Tensor::from_slice(&[2u32, 0], [2], &cpu);
    assert_eq!(grad_check(|t| t[0].index_select(0, &t[1]).exp(), &[&points(), &index]).unwrap().elements, 3);
}

#[test]
fn a_kink_is_seen() {
    let corner = Tensor::from_slice(&[0.0f32], [1], &Device::cpu());
    let report = GradCheck::default().compare(|t| t[0].relu(), &[&corner]).unwrap();
    assert!(!report.passed());
    assert_eq!(report.worst.map(|worst| (worst.gradient, worst.difference)), Some((0.0, 0.5)));
}
