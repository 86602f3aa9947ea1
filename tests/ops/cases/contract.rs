//! Contractions in index notation, and products of other shapes than `matmul`.

use anygrad_graph::{Tensor, einsum};

use crate::case::{Case, Input, Lies, case, float, int, uint};

fn sums(equation: &'static str, note: &str, inputs: impl Into<Vec<Input>>) -> Case {
    case("einsum", format!("{equation} {note}"), inputs, move |x: &[Tensor]| {
        einsum(equation, &x.iter().collect::<Vec<_>>())
    })
}

fn einsums() -> Vec<Case> {
    let mut cases = vec![
        sums("ij,jk->ik", "", [float([3, 4]), float([4, 5])]),
        sums("ij,jk", "implied", [float([3, 4]), float([4, 5])]),
        sums("ij,jk->ki", "turned", [float([3, 4]), float([4, 5])]),
        sums("ba,cb", "alphabetical", [float([4, 3]), float([5, 4])]),
        sums("bhqd,bhkd->bhqk", "attention", [float([2, 3, 4, 5]), float([2, 3, 6, 5])]),
        sums("bhqk,bhkd->bqhd", "attention, joined", [float([2, 3, 4, 5]), float([2, 3, 5, 6])]),
        sums("ij->ji", "", [float([3, 4])]),
        sums("ijk->ki", "", [float([2, 3, 4])]),
        sums("ij->", "", [float([3, 4])]),
        sums("ij->i", "", [float([3, 4])]),
        sums("ba", "implied transpose", [float([3, 4])]),
        sums("ij->ij", "as it is", [float([3, 4])]),
        sums(",ij->ij", "a scalar", [float([]), float([3, 4])]),
        sums("i,i->", "dot", [float([7]), float([7])]),
        sums("i,i->i", "elementwise", [float([7]), float([7])]),
        sums("i,j->ij", "outer", [float([3]), float([5])]),
        sums("i,j->", "all of it", [float([3]), float([5])]),
        sums("ij,j->i", "matrix and vector", [float([3, 5]), float([5])]),
        sums("bi,bi->b", "rows", [float([3, 5]), float([3, 5])]),
        sums("bn,anm,bm->ba", "bilinear", [float([2, 3]), float([4, 3, 5]), float([2, 5])]),
        sums("ij,jk,kl,lm->im", "a chain", [float([2, 7]), float([7, 3]), float([3, 5]), float([5, 2])]),
        sums("ijab,abkl->ijkl", "two summed", [float([2, 3, 4, 5]), float([4, 5, 3, 2])]),
        sums("aij,ajk,akl->ail", "three batches", [float([2, 3, 4]), float([2, 4, 2]), float([2, 2, 3])]),
        sums("i,j,k->kji", "three outer", [float([2]), float([3]), float([4])]),
        sums("ij,kl->", "nothing shared", [float([2, 3]), float([4, 5])]),
        sums("ij,ij,ij->j", "three of one shape", [float([3, 4]), float([3, 4]), float([3, 4])]),
        sums("...ij,...jk->...ik", "broadcast", [float([2, 1, 3, 4]), float([5, 4, 2])]),
        sums("...ij->...ji", "dots alone", [float([2, 3, 4])]),
        sums("...i,...i", "implied dots", [float([3, 4]), float([2, 3, 4])]),
        sums("i...,i...->...", "dots behind", [float([4, 2, 3]), float([4, 3])]),
        sums("...->...", "only dots", [float([2, 3])]),
        sums("b...->b", "dots for no axes", [float([3])]),
        sums("ij,jk->ik", "size 1 broadcasts", [float([3, 1]), float([4, 5])]),
        sums("ij,ij->ij", "size 1 on both", [float([3, 1]), float([1, 4])]),
        sums("ij,ij->j", "all of size 1", [float([1, 1]), float([1, 1])]),
        sums("ij,jk->ik", "nothing to sum", [float([3, 0]), float([0, 5])]),
        sums("ij,jk->ik", "nothing", [float([0, 3]), float([3, 5])]),
        sums("ij->j", "over nothing", [float([0, 3])]),
        sums(" i j , j k -> i k ", "spaces", [float([2, 3]), float([3, 2])]),
        sums("Ab,bA->A", "capitals", [float([2, 3]), float([3, 2])]),
        sums("ij,jk->ik", "of i32", [int([3, 4], -9.0, 9.0), int([4, 5], -9.0, 9.0)]).order(0),
        sums("ij,ij->i", "of u32", [uint([3, 4], 9), uint([3, 4], 9)]).order(0),
        case("einsum", "one tensor twice", [float([4, 3])], |x: &[Tensor]| {
            einsum("ij,ik->jk", &[&x[0], &x[0]])
        }),
    ];
    for lies in [Lies::Permuted, Lies::Sliced, Lies::Flipped, Lies::SlicedPermuted] {
        cases.push(sums(
            "bij,bkj->bik",
            &format!("{lies:?}"),
            [float([2, 3, 5]).lies(lies), float([2, 4, 5]).lies(lies)],
        ));
    }
    cases
}

pub fn cases() -> Vec<Case> {
    let mut cases = einsums();
    let two = |x: &[Tensor], f: fn(&Tensor, &Tensor) -> Tensor| f(&x[0], &x[1]);
    cases.extend([
        case("dot", "odd", [float([7]), float([7])], move |x| two(x, |a, b| a.dot(b))),
        case("dot", "long", [float([4001]), float([4001]).lies(Lies::Flipped)], move |x| {
            two(x, |a, b| a.dot(b))
        })
        .order(1),
        case("dot", "of nothing", [float([0]), float([0])], move |x| two(x, |a, b| a.dot(b))),
        case("outer", "odd", [float([3]), float([5])], move |x| two(x, |a, b| a.outer(b))),
        case("outer", "of one", [float([1]), float([1])], move |x| two(x, |a, b| a.outer(b))),
        case("outer", "of nothing", [float([0]), float([5])], move |x| two(x, |a, b| a.outer(b))),
        case("linear", "with bias", [float([2, 3, 4]), float([5, 4]), float([5])], |x| {
            x[0].linear(&x[1], Some(&x[2]))
        }),
        case("linear", "without bias", [float([3, 4]), float([5, 4])], |x| x[0].linear(&x[1], None)),
        case("linear", "of a vector", [float([4]), float([5, 4]), float([5])], |x| {
            x[0].linear(&x[1], Some(&x[2]))
        }),
        case("linear", "of no rows", [float([0, 4]), float([5, 4]), float([5])], |x| {
            x[0].linear(&x[1], Some(&x[2]))
        }),
        case("bilinear", "odd", [float([2, 3]), float([2, 4]), float([5, 3, 4]), float([5])], |x| {
            x[0].bilinear(&x[1], &x[2], Some(&x[3]))
        }),
        case("tensordot", "two axes", [float([3, 4, 5]), float([4, 3, 2])], |x| {
            x[0].tensordot(&x[1], &[1, 0], &[0, 1])
        }),
        case("tensordot", "no axes", [float([3, 2]), float([4])], |x| x[0].tensordot(&x[1], &[], &[])),
        case("tensordot", "all axes", [float([3, 2]), float([2, 3])], |x| {
            x[0].tensordot(&x[1], &[0, 1], &[-1, -2])
        }),
        case("tensordot", "an empty axis", [float([3, 0]), float([0, 2])], |x| {
            x[0].tensordot(&x[1], &[1], &[0])
        }),
        case("kron", "matrices", [float([2, 3]), float([4, 2])], move |x| two(x, |a, b| a.kron(b))),
        case("kron", "ranks differ", [float([3]), float([2, 2, 2])], move |x| two(x, |a, b| a.kron(b))),
        case("kron", "of nothing", [float([0, 3]), float([2, 2])], move |x| two(x, |a, b| a.kron(b))),
    ]);
    for power in [0, 1, 2, 5] {
        let order = if power == 0 { 0 } else { 2 };
        cases.push(
            case("matrix_power", power.to_string(), [float([2, 3, 3])], move |x| x[0].matrix_power(power))
                .order(order),
        );
    }
    cases
}
