//! The test of the test: ops that are wrong have to be caught.

use anygrad_graph::op::{Gradients, Kind, Meta, Op, Vjp};
use anygrad_graph::{Device, Layout, Tensor};

use crate::case::{Case, case, float};
use crate::differences;
use crate::run::{Precision, compute};

/// The identity, with a gradient that is wrong by this many hundredths of a percent.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Wrong(u32);

impl Op for Wrong {
    fn name(&self) -> &'static str {
        "wrong"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        inputs.first().map(|&meta| meta.clone()).ok_or_else(|| "takes 1 input".into())
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        Some(input.clone())
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        Some(vec![Some(v.grad * (1.0 + f64::from(self.0) * 1e-4))])
    }
}

/// What central differences say of a case.
fn complaints(case: &Case) -> Vec<String> {
    let numbers = compute(case, &Device::cpu(), Precision::Double).expect("it runs");
    differences::check(case, &numbers)
}

fn with(wrong: u32) -> Case {
    case("wrong", wrong.to_string(), [float([3, 4])], move |x: &[Tensor]| {
        Tensor::record(Wrong(wrong), &[&x[0].tanh()]).square()
    })
}

#[test]
fn an_op_from_outside_with_a_right_gradient_passes() {
    assert_eq!(complaints(&with(0)), [] as [String; 0]);
}

#[test]
fn a_wrong_gradient_is_caught() {
    for by in [1, 10_000] {
        let found = complaints(&with(by));
        assert!(found.iter().any(|text| text.starts_with("derivative 1 of input 0")), "{by}: {found:?}");
    }
}

#[test]
fn a_wrong_second_derivative_is_caught() {
    // the gradient of x² as 2x, with x taken for a constant
    #[derive(Debug, PartialEq, Eq, Hash)]
    struct Halfway;
    impl Op for Halfway {
        fn name(&self) -> &'static str {
            "halfway"
        }
        fn kind(&self) -> Kind {
            Kind::View
        }
        fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
            Wrong(0).infer(inputs)
        }
        fn view(&self, input: &Layout) -> Option<Layout> {
            Some(input.clone())
        }
        fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
            Some(v.inputs.iter().map(|_| Some(v.grad.stop_gradient())).collect())
        }
    }
    let case = case("halfway", "squared", [float([3, 4])], |x: &[Tensor]| {
        Tensor::record(Halfway, &[&x[0].square()]).square()
    });
    let found = complaints(&case);
    assert!(
        !found.is_empty() && found.iter().all(|text| text.starts_with("derivative 2 of input 0")),
        "{found:?}"
    );
}

#[test]
fn a_comparison_tells_nan_infinity_and_size_apart() {
    use crate::compare::{Against, difference};
    let of = |got: f64, want: f64| difference(&[got, 1.0], &[want, 1.0], 1e-3, Against::Whole);
    assert_eq!(of(f64::NAN, f64::NAN), None);
    assert_eq!(of(f64::INFINITY, f64::INFINITY), None);
    assert_eq!(of(1.0005, 1.0), None);
    for (got, want) in [
        (f64::NAN, 1.0),
        (1.0, f64::NAN),
        (f64::INFINITY, f64::NEG_INFINITY),
        (f64::INFINITY, 1e30),
        (1e30, f64::INFINITY),
        (f64::INFINITY, f64::NAN),
        (1.002, 1.0),
        (0.1, 0.0),
    ] {
        assert!(of(got, want).is_some(), "{got} {want}");
    }
    assert!(difference(&[1.0], &[1.0, 2.0], 1.0, Against::Whole).is_some());
    assert!(difference(&[1.001e-3, 1.0], &[1e-3, 1.0], 1e-4, Against::Whole).is_none());
    assert!(difference(&[1.001e-3, 1.0], &[1e-3, 1.0], 1e-4, Against::Element).is_some());
}
