//! The cases, a list for each family of ops.

mod activation;
mod attention;
mod autodiff;
mod compose;
mod contract;
mod conv;
mod conv_options;
mod diagonal;
mod index;
mod linalg;
mod matmul;
mod movement;
mod padding;
mod pointwise;
mod pool;
mod pool_options;
mod ranges;
mod reduce;
mod resize;
mod scan;
mod scatter;
mod slicing;
mod sort;
mod sources;
mod statistics;

use crate::case::Case;
use crate::devices::say;

pub fn all() -> Vec<Case> {
    [
        pointwise::cases(),
        matmul::cases(),
        contract::cases(),
        linalg::cases(),
        conv::cases(),
        conv_options::cases(),
        pool::cases(),
        pool_options::cases(),
        resize::cases(),
        reduce::cases(),
        scan::cases(),
        sort::cases(),
        statistics::cases(),
        movement::cases(),
        index::cases(),
        slicing::cases(),
        padding::cases(),
        diagonal::cases(),
        scatter::cases(),
        ranges::cases(),
        sources::cases(),
        compose::cases(),
        autodiff::cases(),
        activation::cases(),
        attention::cases(),
    ]
    .concat()
}

/// The cases that run: all, or those whose names contain what `ANYGRAD_CASES` says, while one works on an op.
pub fn selected() -> Vec<Case> {
    let Ok(wanted) = std::env::var("ANYGRAD_CASES") else { return all() };
    let cases: Vec<Case> = all().into_iter().filter(|case| case.name.contains(&wanted)).collect();
    say(&format!("ANYGRAD_CASES={wanted}: only {} cases", cases.len()));
    cases
}
