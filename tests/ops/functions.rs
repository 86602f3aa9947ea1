//! Derivatives as functions of functions, and gradients of the user's: values, errors, and what they cost.

use anygrad_graph::{
    DType, Device, Tensor, custom_vjp, eval, explain, grad, grad_or_zeros, grad_with, gradient, hessian,
    hessian_vector_product, jacobian, value_and_grad,
};

fn line(values: &[f32]) -> Tensor {
    Tensor::from_slice(values, [values.len()], &Device::cpu())
}

fn numbers(t: &Tensor) -> Vec<f32> {
    t.to_vec().unwrap()
}

/// The first line of the error, and whether the second names this file.
#[track_caller]
fn says(t: &Tensor, expected: &str) {
    let error = t.check().map(|t| format!("no error, {t:?}")).unwrap_or_else(|error| error.to_string());
    assert_eq!(error.lines().next(), Some(expected), "{error}");
    let here = std::panic::Location::caller().file();
    assert!(error.lines().nth(1).is_some_and(|line| line.contains(&here.replace('\\', "/"))), "{error}");
}

#[test]
fn the_gradient_of_a_loss_at_a_point() {
    // grad(|w| loss(dot(w, x), y))(w0), which has the shape of w0
    let (x, y) = (line(&[1.0, -2.0, 0.5]), line(&[0.25]));
    let slope = gradient(|w: &Tensor| ((w * &x).sum_all() - &y).square().mean_all());
    let w0 = line(&[0.5, 0.5, 1.0]);
    let got = slope(&w0);
    assert_eq!(got.shape(), w0.shape());
    // 2·(w·x − y)·x with w·x = 0
    assert_eq!(numbers(&got), [-0.5, 1.0, -0.25]);
    assert_eq!(numbers(&slope(&line(&[0.0; 3]))), [-0.5, 1.0, -0.25]);
}

#[test]
fn fan_out_sums_and_captured_tensors_are_constants() {
    let x = line(&[3.0]);
    let (value, gradients) = value_and_grad(|t| (&t[0] * &t[0] + &t[0]).sum_all(), &[&x]);
    assert_eq!((value.item().unwrap(), numbers(&gradients[0])), (12.0, vec![7.0]));
    let double = &x * 2.0;
    let (_, gradients) = value_and_grad(|t| (&t[0] * &double).sum_all(), &[&x]);
    assert_eq!(numbers(&gradients[0]), [6.0], "not 12, which is the derivative of 2x²");
    // one weight in ten steps of a recurrence: d/dw of wⁿ
    let w = line(&[0.9]);
    let last = (0..10).fold(line(&[1.0]), |h, _| h * &w);
    let slope = numbers(&grad(&last.sum_all(), &[&w])[0])[0];
    assert!((slope - 10.0 * 0.9f32.powi(9)).abs() < 1e-5, "{slope}");
}

#[test]
fn second_derivatives_of_quadratic_forms() {
    let cpu = Device::cpu();
    let a = Tensor::from_slice(&[1.0f32, 2.0, -3.0, 0.5, 4.0, 1.0, 7.0, 0.0, -2.0], [3, 3], &cpu);
    let form = |x: &Tensor| (x.reshape([1, 3]).matmul(&a) * x).sum_all();
    let symmetric = numbers(&(&a + a.t()));
    for x in [[0.0, 0.0, 0.0], [1.0, -2.0, 3.0]] {
        let h = hessian(form, &line(&x));
        assert_eq!(h.shape().to_vec(), [3, 3]);
        assert_eq!(numbers(&h), symmetric);
    }
    let saddle = |x: &Tensor| (x.slice(0, 0, 1).square() - x.slice(0, 1, 1).square()).sum_all();
    assert_eq!(numbers(&hessian(saddle, &line(&[5.0, 6.0]))), [2.0, 0.0, 0.0, -2.0]);
    // one, two and three fold derivatives of eˣ
    let [x, e] = [line(&[1.25]), line(&[1.25]).exp()];
    let f = |x: &Tensor| x.exp().sum_all();
    let near = |t: Tensor| assert!((numbers(&t)[0] - numbers(&e)[0]).abs() < 1e-5);
    near(gradient(f)(&x));
    near(gradient(gradient(f))(&x));
    near(gradient(gradient(gradient(f)))(&x));
}

#[test]
fn what_does_not_depend_on_the_point_has_zeros_for_its_second_derivative() {
    let x = line(&[1.0, 2.0]);
    assert_eq!(numbers(&hessian(|x| x.sum_all(), &x)), [0.0; 4]);
    assert_eq!(numbers(&hessian_vector_product(|x| x.sum_all(), &x, &x)), [0.0; 2]);
    assert_eq!(numbers(&jacobian(|_| line(&[1.0, 2.0, 3.0]), &x)), [0.0; 6]);
    let other = line(&[4.0]);
    let both = grad_or_zeros(&x.square().sum_all(), &[&x, &other]);
    assert_eq!([numbers(&both[0]), numbers(&both[1])], [vec![2.0, 4.0], vec![0.0]]);
}

#[test]
fn wrong_calls_name_the_function_that_was_called() {
    let x = line(&[1.0, 2.0]);
    let integers = x.to_dtype(DType::I32);
    let (_, wrong) = value_and_grad(|t| t[0].square(), &[&x]);
    says(&wrong[0], "value_and_grad: the loss has shape [2]; reduce it to a scalar first");
    says(&gradient(|x| x.square())(&x), "gradient: the loss has shape [2]; reduce it to a scalar first");
    says(
        &gradient(|_| line(&[1.0]))(&x),
        &format!("gradient: the loss does not depend on argument at {}", at(line!() - 1, 10)),
    );
    says(&gradient(|x| x.gt(0.0).sum_all())(&x), "sum: does not take bool");
    says(
        &grad_with(&x.square(), &line(&[1.0]), &[&x])[0],
        "grad_with: the cotangent is f32 [1], the output f32 [2]",
    );
    says(&grad_with(&integers, &integers, &[&x])[0], "grad_with: the output is i32, not a float");
    says(
        &hessian_vector_product(|x| x.sum_all(), &x, &line(&[1.0])),
        "hessian_vector_product: the vector is f32 [1], the point f32 [2]",
    );
    says(&hessian(|x| x.square(), &x), "hessian: the loss has shape [2]; reduce it to a scalar first");
    says(&jacobian(|_| integers.clone(), &x), "jacobian: the output is i32, not a float");
    says(&jacobian(|x| x.reshape([3]), &x), "reshape: [2] has 2 elements, [3] has 3");
}

fn at(line: u32, column: u32) -> String {
    format!("{}:{line}:{column}", file!().replace('\\', "/"))
}

#[test]
fn a_rule_that_does_not_fit_is_an_error() {
    let x = line(&[1.0, 2.0]);
    let of = |rule: fn(&Tensor) -> Vec<Tensor>| {
        let y = custom_vjp(&[&x], |t| t[0].exp(), move |v| rule(v.grad));
        grad(&y.sum_all(), &[&x]).remove(0)
    };
    says(&of(|_| vec![]), "custom_vjp: the rule gave 0 gradients for 1 inputs");
    says(&of(|g| vec![g.sum_all()]), "custom_vjp: the gradient for input 0 is f32 [], the input f32 [2]");
    says(&custom_vjp(&[], |_| line(&[1.0]), |_| vec![]), "custom_vjp: takes at least 1 input");
}

#[test]
fn the_rule_is_used_and_its_derivative_after_it() {
    let x = line(&[2.0, 3.0]);
    // x² with the derivative x³, whose derivative is 3x²
    let odd = |x: &Tensor| custom_vjp(&[x], |t| t[0].square(), |v| vec![v.grad * v.inputs[0].powi(3)]);
    let y = odd(&x);
    let first = grad(&y.sum_all(), &[&x]).remove(0);
    let second = grad(&first.sum_all(), &[&x]).remove(0);
    eval(&[&y, &first, &second]).unwrap();
    assert_eq!(numbers(&y), [4.0, 9.0]);
    assert_eq!(numbers(&first), [8.0, 27.0]);
    assert_eq!(numbers(&second), [12.0, 27.0]);
    // what the function captures has no gradient through it
    let w = line(&[5.0, 5.0]);
    let y = custom_vjp(&[&x], |t| &t[0] * &w, |v| vec![v.grad.clone()]);
    assert!(grad(&y.sum_all(), &[&w])[0].check().is_err());
}

#[test]
fn a_rule_of_ones_own_costs_nothing() {
    let x = line(&[0.1, 0.2, 0.3]);
    let plain = ((&x * 2.0).tanh() + 1.0).sum_all();
    let custom = custom_vjp(&[&(&x * 2.0)], |t| t[0].tanh(), |v| vec![v.grad.clone()]);
    let custom = (custom + 1.0).sum_all();
    let (a, b) = (explain(&[&plain]).unwrap(), explain(&[&custom]).unwrap());
    let without_lines = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|l| l.split(" # ").next().unwrap_or_default().trim().to_owned()).collect()
    };
    assert_eq!(without_lines(&a.program), without_lines(&b.program));
    assert_eq!((a.kernels.len(), a.temporary_bytes), (b.kernels.len(), b.temporary_bytes));
}

#[test]
fn another_name_of_a_leaf_does_not_let_it_be_overwritten() {
    for device in std::iter::once(&Device::cpu()).chain(crate::devices::gpu()) {
        let x = Tensor::from_slice(&[1.0f32, 2.0], [2], device);
        // the argument is the value of the function
        let (same, gradients) = value_and_grad(|t| t[0].slice(0, 0, 1).sum_all(), &[&x]);
        assert_eq!(numbers(&gradients[0]), [1.0, 0.0]);
        assert_eq!(same.item().unwrap(), 1.0);
        let alias = custom_vjp(&[&x], |t| t[0].clone(), |v| vec![v.grad * 3.0]);
        eval(&[&alias]).unwrap();
        assert_eq!((numbers(&alias), numbers(&x)), (vec![1.0, 2.0], vec![1.0, 2.0]));
        let kept = custom_vjp(&[&x], |t| t[0].clone(), |v| vec![v.grad * 3.0]);
        let next = &kept * 2.0 + &x;
        drop(alias);
        assert_eq!(numbers(&next), [3.0, 6.0]);
        assert_eq!((numbers(&kept), numbers(&x)), (vec![1.0, 2.0], vec![1.0, 2.0]));
        // and a leaf that nobody else holds
        let only = custom_vjp(&[&Tensor::from_slice(&[5.0f32], [1], device)], |t| t[0].clone(), |_| vec![]);
        assert_eq!(numbers(&(&only + 1.0)), [6.0]);
        assert_eq!(numbers(&only), [5.0]);
    }
}
