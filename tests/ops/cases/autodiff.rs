//! Derivatives as functions, gradients of the user's, and recomputation. Many outputs here are gradients themselves, so
//! that their derivatives are of one order more.

use anygrad_graph::{
    Rng, Tensor, checkpoint, custom_vjp, grad, grad_with, gradient, hessian, hessian_vector_product,
    jacobian, value_and_grad,
};

use crate::case::{Case, Lies, case, float, uint};

/// `x + w₂·gelu(w₁·x)`, which has several intermediates.
fn block(x: &Tensor, w1: &Tensor, w2: &Tensor) -> Tensor {
    let h = x.matmul(w1);
    let h = &h * h.sigmoid() + h.tanh();
    x + h.matmul(w2)
}

/// A block in segments, one in the other.
fn nested(x: &Tensor, w1: &Tensor, w2: &Tensor) -> Tensor {
    checkpoint(|| {
        let y = checkpoint(|| block(x, w1, w2)).tanh();
        let z = checkpoint(|| y.matmul(w1).exp() * 0.1);
        z.matmul(w2) + y.square()
    })
}

/// The gradient of a weighted sum of `y`, with respect to `x`.
fn slope(y: &Tensor, x: &Tensor) -> Tensor {
    let weights = (Tensor::iota(y.numel(), y.device()).to_dtype(y.dtype()) * 0.37).cos();
    grad(&(y * weights.reshape(y.shape())).sum_all(), &[x]).remove(0)
}

pub fn cases() -> Vec<Case> {
    let three = || [float([3, 4]), float([4, 5]), float([5, 4])];
    [recomputed(three), functions(), custom()].concat()
}

fn recomputed(three: impl Fn() -> [crate::case::Input; 3]) -> Vec<Case> {
    vec![
        case("checkpoint", "a block", three(), |t: &[Tensor]| checkpoint(|| block(&t[0], &t[1], &t[2]))),
        case("checkpoint", "nested", three(), |t: &[Tensor]| nested(&t[0], &t[1], &t[2])).loose_slopes(4.0),
        case("checkpoint", "two outputs, one of them inside of the next", three(), |t: &[Tensor]| {
            let (a, b) = checkpoint(|| {
                let h = t[0].matmul(&t[1]).tanh();
                (h.square(), h.matmul(&t[2]))
            });
            let c = checkpoint(|| a.exp().matmul(&t[2]) * &b);
            c + b
        }),
        case("checkpoint", "views, and what depends on parameters alone", three(), |t: &[Tensor]| {
            checkpoint(|| {
                let w = t[2].t().square().reshape([4, 5]);
                t[0].matmul(&(w + &t[1])).t().exp()
            })
        }),
        case("checkpoint", "a draw", [float([8, 9])], |t: &[Tensor]| {
            let mut rng = Rng::new(5);
            checkpoint(|| {
                let keep = rng.bernoulli(0.5, [8, 9], t[0].device());
                keep.select(t[0].tanh().square(), 0.0)
            })
        }),
        case("checkpoint", "rows by index", [float([5, 4]), uint([7], 5)], |t: &[Tensor]| {
            checkpoint(|| t[0].tanh().index_select(0, &t[1]).square())
        }),
        case("checkpoint", "of nothing", [float([0, 4])], |t: &[Tensor]| checkpoint(|| t[0].tanh().exp())),
        case("after", "the gradient of a block", three(), |t: &[Tensor]| {
            slope(&checkpoint(|| block(&t[0], &t[1], &t[2])), &t[0])
        })
        .order(1),
        case("after", "of other layouts", [float([4, 3]).lies(Lies::SlicedPermuted)], |t: &[Tensor]| {
            slope(&checkpoint(|| t[0].tanh().exp().sum(&[1])), &t[0])
        }),
        case("after", "one element", [float([1])], |t: &[Tensor]| {
            slope(&checkpoint(|| t[0].tanh().exp()), &t[0])
        }),
        case("after", "of nothing", [float([3, 0])], |t: &[Tensor]| {
            slope(&checkpoint(|| t[0].tanh().exp()), &t[0])
        }),
    ]
}

fn functions() -> Vec<Case> {
    let energy = |x: &Tensor| (x.tanh() * x.square()).sum_all();
    vec![
        case("value_and_grad", "both", [float([3, 4]), float([4])], |t: &[Tensor]| {
            let (value, gradients) = value_and_grad(|t| (&t[0] * &t[1]).exp().sum_all(), &[&t[0], &t[1]]);
            &gradients[0] * &gradients[1] + value
        }),
        case("gradient", "twice", [float([1])], |t: &[Tensor]| {
            gradient(gradient(|x: &Tensor| x.sin().exp().sum_all()))(&t[0])
        }),
        case("gradient", "of an argument that is captured too", [float([5])], |t: &[Tensor]| {
            let square = t[0].square();
            gradient(|x: &Tensor| (x.exp() * &square).sum_all())(&t[0])
        }),
        case("grad_with", "a cotangent that depends on the point", [float([4, 3])], |t: &[Tensor]| {
            grad_with(&t[0].exp(), &t[0].tanh(), &[&t[0]]).remove(0)
        }),
        case("jacobian", "a softmax", [float([5])], |t: &[Tensor]| jacobian(|x| x.softmax(0), &t[0])),
        case("jacobian", "of nothing", [float([0])], |t: &[Tensor]| jacobian(|x| x.exp(), &t[0])).order(0),
        case("hessian", "a matrix", [float([2, 3])], move |t: &[Tensor]| hessian(energy, &t[0])).order(1),
        case("hessian_vector_product", "a matrix", [float([3, 4]), float([3, 4])], move |t: &[Tensor]| {
            hessian_vector_product(energy, &t[0], &t[1])
        })
        .order(1),
    ]
}

fn custom() -> Vec<Case> {
    // a rule that is right, so that differences agree, but not what would have been recorded
    let tanh = |x: &Tensor| {
        custom_vjp(
            &[x],
            |t| t[0].tanh(),
            |v| {
                let c = v.inputs[0].exp() + (-&v.inputs[0]).exp();
                vec![4.0 * v.grad / c.square()]
            },
        )
    };
    let product = |x: &Tensor, y: &Tensor| {
        custom_vjp(
            &[x, y],
            |t| &t[0] * &t[1],
            |v| vec![v.output / &v.inputs[0] * v.grad, v.grad * &v.inputs[0]],
        )
    };
    vec![
        case("custom_vjp", "a function", [float([3, 4])], move |t: &[Tensor]| tanh(&t[0]).square()),
        case("custom_vjp", "of other layouts", [float([3, 4]).lies(Lies::Flipped)], move |t: &[Tensor]| {
            tanh(&t[0]) + &t[0]
        }),
        case(
            "custom_vjp",
            "of two inputs and the output, recomputed",
            [float([3]).range(0.5, 2.0), float([3])],
            move |t: &[Tensor]| checkpoint(|| product(&t[0].exp(), &product(&t[0], &t[1]).tanh())),
        ),
    ]
}
