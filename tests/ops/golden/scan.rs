//! Running results along an axis: `tests/golden/scan.py`.

use super::Build;

/// What each case of the file is here.
pub const TABLE: &[(&str, Build)] = &[
    ("cumsum", |x| x[0].cumsum(1)),
    ("cumprod", |x| x[0].cumprod(-1)),
    ("cumprod zeros", |x| x[0].cumprod(0)),
    ("linear_scan", |x| x[0].linear_scan(&x[1], 1)),
    ("cummax", |x| x[0].cummax(1).0),
    ("cummax ties", |x| x[0].cummax(0).0),
    ("cummin", |x| x[0].cummin(0).0),
    ("cummax_index", |x| x[0].cummax(1).1),
    ("cummin_index", |x| x[0].cummin(1).1),
    ("logcumsumexp", |x| x[0].logcumsumexp(1)),
];
