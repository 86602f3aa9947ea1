//! Orders along an axis: `tests/golden/sort.py`.

use super::Build;

/// What each case of the file is here.
pub const TABLE: &[(&str, Build)] = &[
    ("sort", |x| x[0].sort(1, false).0),
    ("sort special", |x| x[0].sort(0, false).0),
    ("argsort", |x| x[0].argsort(0, false)),
    ("sort descending", |x| x[0].sort(1, true).0),
    ("sort descending special", |x| x[0].sort(0, true).0),
    ("argsort descending", |x| x[0].argsort(0, true)),
    ("topk", |x| x[0].topk(3, 1, true).0),
    ("topk smallest", |x| x[0].topk(2, 0, false).0),
    ("topk index", |x| x[0].topk(3, 0, true).1),
    ("kth_value", |x| x[0].kth_value(2, 1).0),
    ("median odd", |x| x[0].median(1)),
    ("median even", |x| x[0].median(0)),
    ("median special", |x| x[0].median(1)),
    ("quantile 0", |x| x[0].quantile(0.0, 1)),
    ("quantile 0.3", |x| x[0].quantile(0.3, 1)),
    ("quantile 0.5", |x| x[0].quantile(0.5, 1)),
    ("quantile 1", |x| x[0].quantile(1.0, 1)),
    ("quantile special", |x| x[0].quantile(0.25, 1)),
];
