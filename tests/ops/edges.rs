//! Calls at the edge of what makes sense, on every device: each is an error that says why, or the documented value.

use anygrad_graph::{DType, Device, Tensor, grad};

use crate::devices::{alone, gpu};

fn everywhere(check: impl Fn(&Device)) {
    check(&Device::cpu());
    if let Some(device) = gpu() {
        alone(|| check(device));
    }
}

fn text(t: &Tensor) -> String {
    t.check().err().map_or_else(|| format!("no error, {t:?}"), |error| error.to_string())
}

#[test]
fn integers_divided_by_zero_and_the_least_by_minus_one() {
    everywhere(|d| {
        let x = Tensor::from_slice(&[7, -7, i32::MIN, i32::MIN, 0, i32::MAX], [6], d);
        let y = Tensor::from_slice(&[0, 0, -1, 0, 0, -1], [6], d);
        assert_eq!((&x / &y).to_vec::<i32>().unwrap(), [0, 0, i32::MIN, 0, 0, -i32::MAX], "{d}");
        assert_eq!(x.remainder(&y).to_vec::<i32>().unwrap(), [0; 6], "{d}");
        // a divisor the compiler can see
        assert_eq!((&x / 0i32).to_vec::<i32>().unwrap(), [0; 6], "{d}");
        assert_eq!((&x / -1i32).to_vec::<i32>().unwrap()[2], i32::MIN, "{d}");
        let u = Tensor::from_slice(&[7u32, u32::MAX, 0], [3], d);
        assert_eq!((&u / 0u32).to_vec::<u32>().unwrap(), [0; 3], "{d}");
        assert_eq!(u.remainder(0u32).to_vec::<u32>().unwrap(), [0; 3], "{d}");
        // and what overflows wraps
        assert_eq!((&x * 2i32).to_vec::<i32>().unwrap(), [14, -14, 0, 0, 0, -2], "{d}");
        assert_eq!((-&x).to_vec::<i32>().unwrap()[2], i32::MIN, "{d}");
        assert_eq!(x.abs().to_vec::<i32>().unwrap()[2], i32::MIN, "{d}");
    });
}

#[test]
fn an_index_out_of_range_is_an_error_if_known_and_defined_if_not() {
    everywhere(|d| {
        let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [3], d);
        let known = Tensor::from_slice(&[-1, 0, 2, 3], [4], d);
        assert!(text(&x.gather(0, &known)).starts_with("gather: index -1"), "{}", text(&x.gather(0, &known)));
        assert!(text(&x.index_select(0, &known)).starts_with("index_select: index -1"));
        assert!(text(&Tensor::ones([4], d).scatter_add(0, &known, 3)).starts_with("scatter_add: index -1"));
        // the same numbers, computed: reading gives 0, writing is dropped
        let far = Tensor::from_slice(&[i32::MIN, -1, 0, 2, 3, i32::MAX], [6], d) + 0i32;
        assert_eq!(x.gather(0, &far).to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0, 3.0, 0.0, 0.0], "{d}");
        assert_eq!(x.index_select(0, &far).to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0, 3.0, 0.0, 0.0], "{d}");
        let ones = Tensor::ones([6], d);
        assert_eq!(ones.scatter_add(0, &far, 3).to_vec::<f32>().unwrap(), [1.0, 0.0, 1.0], "{d}");
        let far = Tensor::from_slice(&[u32::MAX, 3, 1 << 31], [3], d) + 0u32;
        assert_eq!(x.gather(0, &far).to_vec::<f32>().unwrap(), [0.0; 3], "{d}");
        assert_eq!(x.scatter_add(0, &far, 3).to_vec::<f32>().unwrap(), [0.0; 3], "{d}");
        // a table without rows
        let none = Tensor::zeros([0, 2], d).index_select(0, &far);
        assert_eq!(none.to_vec::<f32>().unwrap(), [0.0; 6], "{d}");
        assert_eq!(x.scatter_add(0, &far, 0).to_vec::<f32>().unwrap(), [], "{d}");
    });
}

#[test]
fn mixed_types_and_devices_name_both() {
    let cpu = Device::cpu();
    let (x, i) = (Tensor::ones([2, 2], &cpu), Tensor::full([2, 2], 1.0, DType::I32, &cpu));
    let both: [(&str, Tensor); 6] = [
        ("add", &x + &i),
        ("matmul", x.matmul(&i)),
        ("concat", Tensor::concat(&[&x, &i], 0)),
        ("maximum", x.maximum(&i)),
        ("einsum", anygrad_graph::einsum("ij,jk", &[&x, &i])),
        ("solve", x.solve(&i)),
    ];
    for (name, result) in both {
        let said = text(&result);
        let first = said.lines().next().unwrap_or_default();
        assert!(first.starts_with(name) && first.contains("f32") && first.contains("i32"), "{said}");
    }
    let Some(gpu) = gpu() else { return };
    alone(|| {
        let y = Tensor::ones([2, 2], gpu);
        let both = [
            &x + &y,
            &y + &x,
            x.matmul(&y),
            Tensor::concat(&[&x, &y], 0),
            anygrad_graph::einsum("ij,jk", &[&x, &y]),
            x.linear(&y, None),
        ];
        for result in both {
            let said = text(&result);
            assert!(said.contains(&cpu.to_string()) && said.contains(&gpu.to_string()), "{said}");
        }
        let said = text(&y.cholesky());
        assert!(said.starts_with("cholesky: is computed on the CPU device only, not on "), "{said}");
    });
}

#[test]
fn numbers_that_are_nan_or_infinite_reach_the_result() {
    everywhere(|d| {
        let x = Tensor::from_slice(&[1.0f32, -1.0], [2], d);
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            let stepped = (&x - &x * number).to_vec::<f32>().unwrap();
            let want: Vec<f32> = [1.0f32, -1.0].iter().map(|x| x - x * number as f32).collect();
            let same = stepped.iter().zip(&want).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()));
            assert!(same, "{number} on {d}: {stepped:?}, not {want:?}");
        }
        assert_eq!(Tensor::number(f64::NAN, DType::I32, d).to_vec::<i32>().unwrap(), [0]);
        assert_eq!(Tensor::number(f64::INFINITY, DType::U32, d).to_vec::<u32>().unwrap(), [u32::MAX]);
    });
}

#[test]
fn ranks_have_no_limit() {
    everywhere(|d| {
        let rank = 12;
        let n = 1usize << rank;
        let x = Tensor::iota(n, d).to_dtype(DType::F32).reshape(vec![2; rank]);
        let backwards: Vec<isize> = (0..rank as isize).rev().collect();
        let turned = (x.permute(&backwards) + 0.0).reshape([n]).to_vec::<f32>().unwrap();
        let want = |i: usize| (i.reverse_bits() >> (usize::BITS as usize - rank)) as f32;
        assert!(turned.iter().enumerate().all(|(i, &v)| v == want(i)), "{d}");
        // every other axis: bits 11, 9 … are summed over
        let odd: Vec<isize> = (0..rank as isize).step_by(2).collect();
        let sums = x.sum(&odd).to_vec::<f32>().unwrap();
        let total: f32 = sums.iter().sum();
        assert_eq!((sums.len(), total), (64, (n * (n - 1) / 2) as f32), "{d}");
        assert_eq!(x.max(&odd).shape().rank(), 6);
        let many = Tensor::ones(vec![1; 60], d).exp().sum(&[0, 30, -1]);
        assert_eq!((many.rank(), many.numel()), (57, 1));
        assert!((many.item().unwrap() - 1f32.exp()).abs() < 1e-6, "{d}");
        let batches = x.matmul(&x.t());
        assert_eq!(batches.rank(), rank);
        assert!(batches.to_vec::<f32>().unwrap().iter().all(|v| v.is_finite()));
        let glued = Tensor::concat(&[&x, &x], 5).pad(&[(1, 0); 12]).flip(&[0, 11]);
        assert_eq!(glued.sum_all().item().unwrap(), 2.0 * total, "{d}");
    });
}

#[test]
fn nothing_at_all_is_computed_everywhere() {
    everywhere(|d| {
        let x = Tensor::zeros([0, 3], d);
        let index = Tensor::full([0, 3], 0.0, DType::I32, d);
        let empty: [Tensor; 16] = [
            x.exp() + 1.0,
            x.t(),
            x.matmul(&Tensor::ones([3, 2], d)),
            x.softmax(1),
            x.softmax(0),
            x.cumsum(0),
            x.sort(0, false).0,
            x.sum(&[1]),
            x.max(&[1]),
            x.flip(&[0]),
            x.gather(0, &index),
            Tensor::concat(&[&x, &x], 0),
            x.reshape([3, 0, 7]),
            x.tile(&[2, 2]),
            Tensor::stack(&[&x, &x], 1),
            Tensor::zeros([2, 0, 4, 4], d).max_pool2d(2, 2),
        ];
        for (i, t) in empty.iter().enumerate() {
            assert_eq!(
                t.to_vec::<f32>().unwrap_or_else(|e| panic!("{i} on {d}: {e}")).len(),
                0,
                "{i} on {d}"
            );
        }
        // the values of nothing
        assert_eq!(x.sum(&[0]).to_vec::<f32>().unwrap(), [0.0; 3]);
        assert_eq!(x.sum_all().item().unwrap(), 0.0);
        assert_eq!(x.prod(&[0]).to_vec::<f32>().unwrap(), [1.0; 3]);
        assert!(x.mean_all().item().unwrap().is_nan());
        assert_eq!(x.t().matmul(&x).to_vec::<f32>().unwrap(), [0.0; 9]);
        assert_eq!(x.pad(&[(1, 0), (0, 0)]).to_vec::<f32>().unwrap(), [0.0; 3]);
        assert!(text(&x.max(&[0])).starts_with("max: no elements along"));
        assert!(text(&x.argmax(0)).starts_with("argmax: no elements along"));
        assert_eq!(grad(&x.exp().sum_all(), &[&x])[0].to_vec::<f32>().unwrap(), []);
    });
}

#[test]
fn a_matrix_without_a_result_is_an_error_of_the_call() {
    let cpu = Device::cpu();
    let singular = Tensor::from_slice(&[1.0f32, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 4.0], [2, 2, 2], &cpu);
    let said = |t: &Tensor| t.to_vec::<f32>().map(|x| format!("{x:?}")).unwrap_or_else(|e| e.to_string());
    let inverse = said(&singular.inverse());
    assert!(
        inverse.starts_with("inverse: matrix 1 of [2, 2, 2] is singular\n  at tests/ops/edges.rs:"),
        "{inverse}"
    );
    assert!(inverse.contains("input = leaf at tests/ops/edges.rs:"), "{inverse}");
    let solved = said(&singular.solve(&Tensor::ones([2, 1], &cpu)));
    assert!(solved.starts_with("solve: matrix 1 of [2, 2, 2] is singular"), "{solved}");
    let negative = said(&(-&singular).cholesky());
    assert!(negative.starts_with("cholesky: matrix 0 of [2, 2, 2] is not positive definite"), "{negative}");
    let tall = Tensor::from_slice(&[1.0f32, 2.0, 2.0, 4.0, 3.0, 6.0], [3, 2], &cpu);
    let dependent = said(&tall.lstsq(&Tensor::ones([3], &cpu)));
    assert!(dependent.starts_with("lstsq: matrix 0 of [2, 2] comes from columns that depend"), "{dependent}");
    assert_eq!(singular.det().to_vec::<f32>().unwrap(), [1.0, 0.0]);
    let (sign, log) = singular.slogdet();
    assert_eq!(sign.to_vec::<f32>().unwrap(), [1.0, 0.0]);
    assert_eq!(log.to_vec::<f32>().unwrap(), [0.0, f32::NEG_INFINITY]);
    // and later calls are as if nothing had been
    assert_eq!(singular.slice(0, 0, 1).inverse().to_vec::<f32>().unwrap(), [1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn matrices_with_nan_or_infinity_give_nan() {
    let cpu = Device::cpu();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let a = Tensor::from_slice(&[2.0, 1.0, 1.0, bad, 2.0, 1.0, 1.0, 3.0], [2, 2, 2], &cpu);
        let half = |t: Tensor| {
            let x = t.to_vec::<f32>().unwrap();
            let (first, second) = x.split_at(x.len() / 2);
            assert!(first.iter().all(|x| x.is_nan()) && second.iter().all(|x| x.is_finite()), "{x:?}");
        };
        half(a.inverse());
        half(a.cholesky());
        half(a.det());
        half(a.eigh().0);
        half(a.qr().0);
        half(a.solve(&Tensor::ones([2, 2, 1], &cpu)));
    }
}
