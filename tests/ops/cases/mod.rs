//! The cases, a list for each family of ops.

mod compose;
mod conv;
mod index;
mod matmul;
mod movement;
mod pointwise;
mod pool;
mod reduce;
mod sources;

use crate::case::Case;

pub fn all() -> Vec<Case> {
    [
        pointwise::cases(),
        matmul::cases(),
        conv::cases(),
        pool::cases(),
        reduce::cases(),
        movement::cases(),
        index::cases(),
        sources::cases(),
        compose::cases(),
    ]
    .concat()
}
