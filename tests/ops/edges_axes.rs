//! Axes that are not there, for every method that takes an axis: the sources are searched for those.

use std::collections::BTreeSet;
use std::path::Path;

use anygrad_graph::{DType, Device, Tensor};

type Method = fn(&Tensor, isize) -> Tensor;

fn index(x: &Tensor) -> Tensor {
    Tensor::full(x.shape(), 0.0, DType::I32, x.device())
}

fn line(x: &Tensor) -> Tensor {
    Tensor::full([2], 0.0, DType::I32, x.device())
}

fn first(parts: Vec<Tensor>) -> Tensor {
    parts.into_iter().next().expect("an error is in every part")
}

/// How each method is called with an axis, on a tensor of two axes.
const METHODS: &[(&str, Method)] = &[
    ("all", |x, a| x.gt(0.0).all(&[a])),
    ("all_keep", |x, a| x.gt(0.0).all_keep(&[a])),
    ("any", |x, a| x.gt(0.0).any(&[a])),
    ("any_keep", |x, a| x.gt(0.0).any_keep(&[a])),
    ("argmax", |x, a| x.argmax(a)),
    ("argmin", |x, a| x.argmin(a)),
    ("argsort", |x, a| x.argsort(a, false)),
    ("at", |x, a| x.at(a, 0)),
    ("chunk", |x, a| first(x.chunk(2, a))),
    ("concat", |x, a| Tensor::concat(&[x, x], a)),
    ("count_nonzero", |x, a| x.count_nonzero(&[a])),
    ("cummax", |x, a| x.cummax(a).0),
    ("cummin", |x, a| x.cummin(a).1),
    ("cumprod", |x, a| x.cumprod(a)),
    ("cumsum", |x, a| x.cumsum(a)),
    ("diagonal", |x, a| x.diagonal(0, 0, a)),
    ("flip", |x, a| x.flip(&[a])),
    ("fold", |x, a| x.fold(a, 2, 1)),
    ("gather", |x, a| x.gather(a, &index(x))),
    ("glu", |x, a| x.glu(a)),
    ("index_add", |x, a| x.index_add(a, &line(x), x)),
    ("index_copy", |x, a| x.index_copy(a, &line(x), x)),
    ("index_select", |x, a| x.index_select(a, &line(x))),
    ("kth_value", |x, a| x.kth_value(1, a).0),
    ("linear_scan", |x, a| x.linear_scan(x, a)),
    ("log_softmax", |x, a| x.log_softmax(a)),
    ("logcumsumexp", |x, a| x.logcumsumexp(a)),
    ("logsumexp", |x, a| x.logsumexp(&[a])),
    ("logsumexp_keep", |x, a| x.logsumexp_keep(&[a])),
    ("max", |x, a| x.max(&[a])),
    ("max_keep", |x, a| x.max_keep(&[a])),
    ("max_with_index", |x, a| x.max_with_index(a).1),
    ("maxout", |x, a| x.maxout(a, 1)),
    ("mean", |x, a| x.mean(&[a])),
    ("mean_keep", |x, a| x.mean_keep(&[a])),
    ("median", |x, a| x.median(a)),
    ("min", |x, a| x.min(&[a])),
    ("min_keep", |x, a| x.min_keep(&[a])),
    ("min_with_index", |x, a| x.min_with_index(a).0),
    ("movedim", |x, a| x.movedim(a, 0)),
    ("norm", |x, a| x.norm(2.0, &[a])),
    ("norm_keep", |x, a| x.norm_keep(2.0, &[a])),
    ("permute", |x, a| x.permute(&[0, a])),
    ("prod", |x, a| x.prod(&[a])),
    ("prod_keep", |x, a| x.prod_keep(&[a])),
    ("quantile", |x, a| x.quantile(0.5, a)),
    ("repeat_interleave", |x, a| x.repeat_interleave(a, 2)),
    ("roll", |x, a| x.roll(&[1], &[a])),
    ("scatter", |x, a| x.scatter(a, &index(x), x)),
    ("scatter_add", |x, a| x.scatter_add(a, &index(x), 4)),
    ("scatter_add_into", |x, a| x.scatter_add_into(a, &index(x), x)),
    ("slice", |x, a| x.slice(a, 0, 1)),
    ("slice_step", |x, a| x.slice_step(a, None, None, 1)),
    ("softmax", |x, a| x.softmax(a)),
    ("softmin", |x, a| x.softmin(a)),
    ("sort", |x, a| x.sort(a, true).0),
    ("split", |x, a| first(x.split(&[1, 1], a))),
    ("split_every", |x, a| first(x.split_every(1, a))),
    ("squeeze", |x, a| x.squeeze(a)),
    ("stack", |x, a| Tensor::stack(&[x, x], a)),
    ("std", |x, a| x.std(&[a])),
    ("std_keep", |x, a| x.std_keep(&[a])),
    ("std_with", |x, a| x.std_with(&[a], 1.0)),
    ("sum", |x, a| x.sum(&[a])),
    ("sum_keep", |x, a| x.sum_keep(&[a])),
    ("take_along_axis", |x, a| x.take_along_axis(&index(x), a)),
    ("tensordot", |x, a| x.tensordot(x, &[a], &[0])),
    ("topk", |x, a| x.topk(1, a, true).0),
    ("transpose", |x, a| x.transpose(0, a)),
    ("unbind", |x, a| first(x.unbind(a))),
    ("unflatten", |x, a| x.unflatten(a, [1, 2])),
    ("unfold", |x, a| x.unfold(a, 1, 1)),
    ("unsqueeze", |x, a| x.unsqueeze(a)),
    ("var", |x, a| x.var(&[a])),
    ("var_keep", |x, a| x.var_keep(&[a])),
    ("var_mean", |x, a| x.var_mean(&[a], 1.0).0),
    ("var_with", |x, a| x.var_with(&[a], 1.0)),
];

/// Public methods of tensors whose signature has an axis or axes.
fn found() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/graph/src/ops");
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the ops are there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(path).expect("a text");
        for after in text.split("    pub fn ").skip(1) {
            let signature = after.split('{').next().unwrap_or_default();
            let takes = ["axis: isize", "axes: &[isize]", "axis_a: isize", " a: isize", "columns: isize"];
            if signature.contains("-> ") && takes.iter().any(|part| signature.contains(part)) {
                names.extend(signature.split(['(', '<']).next().map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn every_method_with_an_axis_is_in_the_table() {
    let (table, found) = (METHODS.iter().map(|(name, _)| (*name).to_owned()).collect(), found());
    assert!(found.len() > 50, "{found:?}");
    let missing: Vec<&String> = found.difference(&table).collect();
    assert!(missing.is_empty(), "methods that take an axis and are not tried here: {missing:?}");
}

#[test]
fn an_axis_that_is_not_there_is_an_error_at_the_line_of_the_call() {
    let x = Tensor::ones([2, 2], &Device::cpu());
    let mut wrong = Vec::new();
    for (name, method) in METHODS {
        for axis in [3, -4, 7, isize::MAX, isize::MIN] {
            let text = match method(&x, axis).check() {
                Ok(t) => format!("no error, {t:?}"),
                Err(error) => error.to_string(),
            };
            let names_axis = text.contains(&format!("axis {axis} is out of range for "));
            if !names_axis || !text.contains("at tests/ops/edges_axes.rs:") {
                wrong.push(format!("{name} of axis {axis}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
