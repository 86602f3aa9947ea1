//! Attention: `tests/golden/attention.py`.

use anygrad_graph::{AttentionOptions, Tensor};

use super::Build;

/// What each case of the file is here.
pub const TABLE: &[(&str, Build)] = &[
    ("attention", |x| attend(x, AttentionOptions::new())),
    ("attention causal", |x| attend(x, AttentionOptions::new().causal(true))),
    ("attention scale", |x| attend(x, AttentionOptions::new().scale(0.7))),
    ("attention bias", |x| attend(x, AttentionOptions::new().mask(&x[3]))),
    ("attention mask", |x| attend(x, AttentionOptions::new().mask(&x[3].eq(1u32)))),
];

fn attend(x: &[Tensor], options: AttentionOptions) -> Tensor {
    x[0].scaled_dot_product_attention(&x[1], &x[2], &options)
}
