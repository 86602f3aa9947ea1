//! The steps random programs are made of. A new op is a line in one of these lists.

mod integers;
mod kernels;
mod movement;
mod pointwise;
mod reduce;
mod views;

use crate::programs::entry::Family;

pub fn families() -> Vec<Family> {
    let family = |weight, entries| Family { weight, entries };
    vec![
        family(5, pointwise::UNARY),
        family(5, pointwise::BINARY),
        family(5, movement::ENTRIES),
        family(3, views::ENTRIES),
        family(3, reduce::ENTRIES),
        family(3, kernels::ENTRIES),
        family(3, integers::ENTRIES),
    ]
}
