//! What wrong reductions, scans and sorts say: the method that was called, and where.

use anygrad_graph::ops::scan::{Scan, Scanned};
use anygrad_graph::ops::sort::{ArgSort, Reorder};
use anygrad_graph::{DType, Device, Tensor};

use crate::messages::{of, says, t};

#[test]
fn axes_are_reported_under_the_name_of_the_method() {
    let x = t([2, 3]);
    let axis: [(&str, Tensor); 24] = [
        ("prod", x.prod_keep(&[2])),
        ("mean", x.mean_keep(&[2])),
        ("softmax", x.softmax(2)),
        ("softmin", x.softmin(2)),
        ("log_softmax", x.log_softmax(2)),
        ("var", x.var_keep(&[2])),
        ("var_with", x.var_with(&[2], 1.0)),
        ("std", x.std(&[2])),
        ("std_with", x.std_with(&[2], 1.0)),
        ("var_mean", x.var_mean(&[2], 1.0).1),
        ("any", x.any(&[2])),
        ("all", x.all_keep(&[2])),
        ("count_nonzero", x.count_nonzero(&[2])),
        ("norm", x.norm_keep(2.0, &[2])),
        ("logsumexp", x.logsumexp(&[2])),
        ("max_with_index", x.max_with_index(2).0),
        ("min_with_index", x.min_with_index(2).1),
        ("cumsum", x.cumsum(2)),
        ("cummax_index", x.cummax(2).0),
        ("logcumsumexp", x.logcumsumexp(2)),
        ("argsort", x.argsort(2, false)),
        ("sort", x.sort(2, true).0),
        ("median", x.median(2)),
        ("quantile", x.quantile(0.5, 2)),
    ];
    for (name, tensor) in axis {
        says(tensor, &format!("{name}: axis 2 is out of range for 2 axes"));
    }
    let line = line!() + 1;
    let error = x.std_keep(&[5]).check().unwrap_err().to_string();
    assert!(error.contains(&format!("messages_reduce.rs:{line}:")), "{error}");
    let line = line!() + 1;
    let error = x.quantile(0.5, 7).check().unwrap_err().to_string();
    assert!(error.contains(&format!("messages_reduce.rs:{line}:")), "{error}");
}

#[test]
fn dtypes_and_numbers_that_make_no_sense() {
    let (i, b) = (of(DType::I32, &[2]), of(DType::Bool, &[2]));
    says(b.prod(&[0]), "prod: does not take bool");
    says(b.cumsum(0), "cumsum: does not take bool");
    says(i.softmax(0), "softmax: takes floats, not i32");
    says(i.var(&[0]), "var: takes floats, not i32");
    says(i.norm(2.0, &[0]), "norm: takes floats, not i32");
    says(i.logsumexp(&[0]), "logsumexp: takes floats, not i32");
    says(i.quantile(0.5, 0), "quantile: takes floats, not i32");
    says(i.logaddexp(2), "logaddexp: takes two floats of one dtype: left i32, right i32");
    says(t([2]).logaddexp(t([3])), "logaddexp: shapes do not broadcast: [2] and [3]");
    says(t([2]).norm(f64::NAN, &[0]), "norm: p is NaN");
    says(t([2]).var_with(&[0], f64::NAN), "var_with: the correction is NaN");
    says(t([2]).quantile(1.5, 0), "quantile: q is 1.5, not from 0 to 1");
    says(t([2]).quantile(f64::NAN, 0), "quantile: q is NaN, not from 0 to 1");
    says(t([2]).topk(3, 0, true).0, "topk: k is 3, but axis 0 of [2] has 2 elements");
    says(t([2]).kth_value(0, 0).1, "kth_value: k counts from 1");
    says(t([2]).linear_scan(&t([3]), 0), "linear_scan: shapes do not broadcast: [2] and [3]");
    says(t([2]).linear_scan(&t([2]), 1), "linear_scan: axis 1 is out of range for 1 axes");
    says(i.linear_scan(&i, 0), "linear_scan: does not take i32");
    says(t([2]).linear_scan(&i, 0), "linear_scan: dtypes differ: f32 and i32; convert one with to_dtype");
}

#[test]
fn extremes_of_nothing() {
    let x = t([0, 3]);
    says(x.median(0), "median: no elements along axis 0 of [0, 3]");
    says(x.quantile(0.5, 0), "quantile: no elements along axis 0 of [0, 3]");
    says(x.max_with_index(0).0, "argmax: no elements along axes [0] of [0, 3]");
    says(x.norm(f64::INFINITY, &[0]), "norm: no elements along axes [0] of [0, 3] for p = inf");
    says(x.max_all(), "max: no elements along axes [0, 1] of [0, 3]");
}

#[test]
fn recorded_by_hand() {
    let x = t([2, 3]);
    let scan = |kind, axis, exclusive| Scan { kind, axis, exclusive };
    says(Tensor::record(scan(Scanned::Sum, 2, false), &[&x]), "cumsum: axis 2 is out of range for 2 axes");
    says(Tensor::record(scan(Scanned::Linear, 0, false), &[&x]), "linear_scan: takes 2 inputs, got 1");
    says(
        Tensor::record(scan(Scanned::Linear, 0, false), &[&x, &t([3, 2])]),
        "linear_scan: shapes differ: [2, 3] and [3, 2]",
    );
    says(
        Tensor::record(scan(Scanned::MaxIndex, 0, true), &[&x]),
        "cummax_index: there is no position before the first",
    );
    says(
        Tensor::record(ArgSort { axis: 2, descending: true }, &[&x]),
        "argsort: axis 2 is out of range for 2 axes",
    );
    says(Tensor::record(Reorder(0), &[&x, &x]), "reorder: the order is f32, not u32");
    says(
        Tensor::record(Reorder(0), &[&x, &of(DType::U32, &[2])]),
        "reorder: order [2] does not fit input [2, 3] along axis 0",
    );
    assert!(Tensor::zeros([3], &Device::cpu()).sort(0, false).0.check().is_ok());
}
