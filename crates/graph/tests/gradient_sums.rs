//! How the gradients of several uses of one tensor are put together.
#![allow(clippy::unwrap_used)]

use anygrad_graph::{DType, Device, Rng, Tensor, checkpoint, explain, grad, grad_check};

fn draw(shape: &[usize], seed: u64) -> Tensor {
    let device = Device::cpu();
    let values = Rng::new(seed).uniform(shape, &device).to_vec::<f32>().unwrap();
    let wide: Vec<f64> = values.into_iter().map(|x| f64::from(x) - 0.5).collect();
    Tensor::from_slice(&wide, shape, &device)
}

/// How many instructions of the programs of `tensors` are named `op`.
fn count(tensors: &[&Tensor], op: &str) -> usize {
    let program = explain(tensors).unwrap().program;
    program.iter().filter(|line| line.split(' ').nth(2) == Some(op)).count()
}

/// The gradient, and the gradient of its length, against finite differences.
fn agrees(f: impl Fn(&[Tensor]) -> Tensor, inputs: &[&Tensor]) {
    grad_check(&f, inputs).unwrap();
    let twice = |t: &[Tensor]| {
        let wrt: Vec<&Tensor> = t.iter().collect();
        let gradients = grad(&f(t), &wrt);
        gradients.iter().map(|g| g.square().sum_all()).reduce(|sum, part| sum + part).unwrap()
    };
    grad_check(twice, inputs).unwrap();
}

#[test]
fn parts_of_a_tensor_are_joined_and_not_added() {
    let x = draw(&[6, 3], 1);
    let steps = |x: &Tensor| {
        let parts = x.unbind(0);
        parts
            .iter()
            .enumerate()
            .map(|(i, p)| p.powi(2 + i as i32 % 3).sum_all())
            .reduce(|a, b| a + b)
            .unwrap()
    };
    let g = grad(&steps(&x), &[&x]);
    assert_eq!((count(&[&g[0]], "pad"), count(&[&g[0]], "concat")), (0, 1));
    agrees(|t| steps(&t[0]), &[&x]);
}

#[test]
fn gaps_are_zeros_and_overlaps_are_added() {
    let x = draw(&[4, 9], 2);
    // 0..2 and 2..4, nothing at 4..5, twice 5..7, and 1..6 across
    let cut = |x: &Tensor| {
        let part = |start, len, power| x.slice(1, start, len).powi(power).sum_all();
        part(0, 2, 2) + part(2, 2, 3) + part(5, 2, 2) + part(5, 2, 4) + part(1, 5, 3)
    };
    let g = grad(&cut(&x), &[&x]);
    let found = g[0].to_vec::<f64>().unwrap();
    let given = x.to_vec::<f64>().unwrap();
    for (i, (g, x)) in found.iter().zip(given).enumerate() {
        let inside = |from: usize, to: usize| f64::from(u8::from((from..to).contains(&(i % 9))));
        let wanted = inside(0, 2) * 2.0 * x
            + inside(2, 4) * 3.0 * x * x
            + inside(5, 7) * (2.0 * x + 4.0 * x.powi(3))
            + inside(1, 6) * 3.0 * x * x;
        assert!((g - wanted).abs() < 1e-12, "{i}: {g}, not {wanted}");
    }
    agrees(|t| cut(&t[0]), &[&x]);
    // slices of slices, along both axes, and empty ones
    agrees(
        |t| {
            let rows = t[0].split(&[1, 3], 0);
            let ends = rows[1].split(&[4, 0, 5], 1);
            rows[0].exp().sum_all()
                + ends[0].sin().sum_all()
                + ends[1].sum_all()
                + (&ends[2] * &ends[2]).sum_all()
        },
        &[&x],
    );
}

/// `h ← tanh(h·wᵀ + x)` over some steps.
fn steps(w: &Tensor, h: &Tensor, count: usize) -> Tensor {
    let w = w.t();
    (0..count).fold(h.clone(), |h, _| h.matmul(&w).tanh())
}

#[test]
fn products_with_one_weight_have_one_gradient_product() {
    let (w, h) = (draw(&[5, 5], 3), draw(&[2, 5], 4));
    let loss = steps(&w, &h, 6).square().sum_all();
    let g = grad(&loss, &[&w]);
    // six forward, five back to the state, one to the weight
    assert_eq!(count(&[&g[0]], "matmul"), 12);
    agrees(|t| steps(&t[0], &t[1], 4).square().sum_all(), &[&w, &h]);
    // batches of matrices, and a weight on the left
    let (w, x) = (draw(&[3, 4, 4], 5), draw(&[3, 4, 2], 6));
    agrees(
        |t| {
            let once = t[0].matmul(&t[1]).tanh();
            t[0].matmul(&once).square().sum_all()
        },
        &[&w, &x],
    );
}

#[test]
fn tall_factors_are_not_copied() {
    let (w, x) = (draw(&[2, 2], 7), draw(&[50, 2], 8));
    let w_t = w.t();
    let loss = (x.matmul(&w_t).tanh().matmul(&w_t)).square().sum_all();
    let g = grad(&loss, &[&w]);
    assert_eq!(count(&[&g[0]], "concat"), 0);
    agrees(|t| (x.matmul(&t[0].t()).tanh().matmul(&t[0].t())).square().sum_all(), &[&w]);
}

/// What is put together is kept until all of it is there: recomputed segments stay apart.
#[test]
fn recomputed_segments_are_not_joined() {
    let (w, h) = (draw(&[5, 5], 9), draw(&[2, 5], 10));
    let apart = |w: &Tensor| {
        let w = w.t();
        let segment = |h: &Tensor| checkpoint(|| h.matmul(&w).tanh().matmul(&w).tanh());
        segment(&segment(&segment(&h))).square().sum_all()
    };
    let g = grad(&apart(&w), &[&w]);
    let plain = grad(&steps(&w, &h, 6).square().sum_all(), &[&w]);
    assert_eq!(count(&[&g[0]], "concat"), 2 * 3);
    assert_eq!(count(&[&plain[0]], "concat"), 2);
    let (a, b) = (g[0].to_vec::<f64>().unwrap(), plain[0].to_vec::<f64>().unwrap());
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
}

/// The gradient of a transposed weight lies as the weight does: nothing reads it across.
#[test]
fn the_gradient_of_a_transposed_factor_is_a_product_in_its_order() {
    let (w, x) = (draw(&[3, 2], 11), draw(&[4, 2], 12));
    let g = grad(&x.matmul(&w.t()).square().sum_all(), &[&w]);
    let last = explain(&[&g[0]]).unwrap().program.pop().unwrap();
    assert!(last.contains("= matmul ") && last.contains("[3, 2]"), "{last}");
    agrees(|t| t[1].matmul(&t[0].t()).square().sum_all(), &[&w, &x]);
    let batched = draw(&[2, 3, 4], 13);
    agrees(|t| t[0].matmul(&t[0].t()).tanh().sum_all(), &[&batched]);
    assert_eq!(batched.contiguous().dtype(), DType::F64);
    assert_eq!(batched.t().contiguous().to_vec::<f64>().unwrap(), batched.t().to_vec::<f64>().unwrap());
    agrees(|t| t[0].t().contiguous().powi(3).sum_all(), &[&batched]);
}

/// What only the backward pass needs of an activation is computed there: the forward kernel writes one value.
#[test]
fn derivatives_of_activations_are_computed_where_they_are_read() {
    let (x, w) = (draw(&[4, 8], 14), draw(&[8, 8], 15));
    let loss = x.matmul(&w).tanh().matmul(&w).square().sum_all();
    let g = grad(&loss, &[&w]);
    let kernels = explain(&[&g[0]]).unwrap().kernels;
    let forward = kernels.iter().find(|line| line.ops.first() == Some(&"tanh")).unwrap();
    assert_eq!((forward.ops.len(), forward.writes.len()), (1, 1), "{:?}", forward.ops);
}

/// A weight that is transposed once for many products is read as it lies by their gradients.
#[test]
fn the_transposition_of_a_transposed_copy_is_no_copy() {
    let (x, w) = (draw(&[4, 3], 16), draw(&[5, 3], 17));
    let once = w.t().contiguous();
    let f = |x: &Tensor| x.matmul(&once).tanh().matmul(&once.t()).square().sum_all();
    assert_eq!(f(&x).to_vec::<f64>().unwrap(), {
        let plain = x.matmul(&w.t()).tanh().matmul(&w).square().sum_all();
        plain.to_vec::<f64>().unwrap()
    });
    agrees(|t| t[0].matmul(&t[1].t().contiguous()).tanh().square().sum_all(), &[&x, &w]);
}
