//! Picking and writing by index: `tests/golden/indexing.py`.

use anygrad_graph::{DType, Tensor};

use super::Build;

/// What each case of the file is here.
pub const TABLE: &[(&str, Build)] = &[
    ("gather smaller", |x| x[0].gather(1, &x[1])),
    ("take_along_axis", |x| x[0].take_along_axis(&x[1], 1)),
    ("embedding", |x| x[0].embedding(&x[1])),
    ("masked_select", |x| or_poisoned(x[0].masked_select(&x[1].to_dtype(DType::Bool)))),
    ("nonzero", |x| or_poisoned(x[0].nonzero())),
    ("scatter", |x| x[0].scatter(0, &x[1], &x[2])),
    ("scatter last axis", |x| x[0].scatter(-1, &x[1], &x[2])),
    ("scatter smaller", |x| x[0].scatter(0, &x[1], &x[2])),
    ("scatter repeated", |x| x[0].scatter(0, &x[1], &x[2])),
    ("scatter_add_into", |x| x[0].scatter_add_into(1, &x[1], &x[2])),
    ("scatter_add_into smaller", |x| x[0].scatter_add_into(0, &x[1], &x[2])),
    ("index_add", |x| x[0].index_add(1, &x[1], &x[2])),
    ("index_copy", |x| x[0].index_copy(0, &x[1], &x[2])),
];

fn or_poisoned(result: Result<Tensor, anygrad_graph::Error>) -> Tensor {
    result.expect("what the host picks")
}
