//! The steps random programs are made of. A new op is a line in one of these lists.

mod functions;
mod integers;
mod kernels;
mod movement;
mod pointwise;
mod products;
mod reduce;
mod scans;
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
        family(3, scans::ENTRIES),
        family(3, kernels::ENTRIES),
        family(2, products::ENTRIES),
        family(4, functions::ENTRIES),
        family(3, integers::ENTRIES),
    ]
}
