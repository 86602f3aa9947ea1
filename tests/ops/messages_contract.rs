//! The exact texts of what a wrong call says: contractions and linear algebra.

use anygrad_graph::{AttentionOptions, DType, Tensor, einsum};

use crate::messages::{of, says, t};

#[test]
fn contractions() {
    let (a, b) = (t([2, 3]), t([4, 5]));
    says(
        einsum("ij,jk->ik", &[&a, &b]),
        "einsum: \"ij,jk->ik\": label j has size 3 in operand 0 [2, 3], and 4 in operand 1 [4, 5]",
    );
    says(einsum("ij,jk->ik", &[&a]), "einsum: \"ij,jk->ik\": 2 operands are named, and 1 given");
    says(einsum("ijk", &[&a]), "einsum: \"ijk\": operand 0 [2, 3] has 2 axes, and \"ijk\" names 3");
    says(
        einsum("ijk...", &[&a]),
        "einsum: \"ijk...\": operand 0 [2, 3] has 2 axes, and \"ijk...\" names 3 or more",
    );
    says(
        einsum("ii", &[&a]),
        "einsum: \"ii\": label i is twice in operand 0 [2, 3]; diagonals are not taken here",
    );
    says(einsum("ij->ii", &[&a]), "einsum: \"ij->ii\": label i is twice in the output");
    says(einsum("ij->k", &[&a]), "einsum: \"ij->k\": label k of the output is in no operand");
    says(einsum("i1", &[&a]), "einsum: \"i1\": '1' in \"i1\" is no label: labels are letters, and ... once");
    says(
        einsum("i......", &[&a]),
        "einsum: \"i......\": '.' in \"i......\" is no label: labels are letters, and ... once",
    );
    says(
        einsum("ij->i->j", &[&a]),
        "einsum: \"ij->i->j\": '-' in \"i->j\" is no label: labels are letters, and ... once",
    );
    says(
        einsum("...j->j", &[&a]),
        "einsum: \"...j->j\": the operands have axes under ..., which the output does not name",
    );
    says(
        einsum("...i,...i", &[&t([2, 3]), &t([5, 3])]),
        "einsum: \"...i,...i\": axis -1 of ... has size 2 in operand 0 [2, 3], and 5 in operand 1 [5, 3]",
    );
    says(
        einsum("ij,jk", &[&a, &of(DType::I32, &[3, 2])]),
        "einsum: \"ij,jk\": dtypes differ: operand 0 is f32, operand 1 i32",
    );
    says(einsum("i", &[&of(DType::Bool, &[3])]), "einsum: \"i\": does not take bool");
    says(einsum("", &[]), "einsum: \"\": 1 operands are named, and 0 given");
    says(einsum("ij->i", &[&a.sum(&[7])]), "sum: axis 7 is out of range for 2 axes");
}

#[test]
fn products_of_other_shapes() {
    says(t([2]).dot(&t([3])), "dot: sizes differ: left [2], right [3]");
    says(t([2, 1]).dot(&t([2])), "dot: takes two vectors: left [2, 1], right [2]");
    says(t([2]).outer(&t([])), "outer: takes two vectors: left [2], right []");
    says(
        t([2, 3]).linear(&t([4, 5]), None),
        "linear: takes [.., inputs] and a weight [outputs, inputs]: input [2, 3], weight [4, 5]",
    );
    says(t([2, 3]).linear(&t([4, 3]), Some(&t([3]))), "linear: the bias is [3], not [4]");
    says(
        t([2, 3]).tensordot(&t([4, 5]), &[1], &[0]),
        "tensordot: axis 1 of [2, 3] does not go with axis 0 of [4, 5]",
    );
    says(
        t([2, 3]).tensordot(&t([3, 2]), &[0, 1], &[1]),
        "tensordot: 2 axes of the left go with 1 of the right",
    );
    says(t([2, 3]).tensordot(&t([3, 2]), &[0, -2], &[0, 1]), "tensordot: axis 0 is named twice");
    says(t([2, 3]).matrix_power(2), "matrix_power: takes square matrices, not [2, 3]");
}

#[test]
fn linear_algebra() {
    says(t([2, 3]).cholesky(), "cholesky: takes square matrices, not [2, 3]");
    says(t([3]).inverse(), "inverse: takes matrices, not [3]");
    says(of(DType::I32, &[2, 2]).det(), "det: takes floats, not i32");
    says(t([2, 3]).slogdet().1, "slogdet: takes square matrices, not [2, 3]");
    says(t([4, 2, 3]).eigh().0, "eigh: takes square matrices, not [4, 2, 3]");
    says(t([2, 3]).qr().0, "qr: takes at least as many rows as columns, not [2, 3]");
    says(t([2, 3]).solve(&t([2])), "solve: takes square matrices on the left, not [2, 3]");
    says(t([2, 2]).solve(&t([3, 1])), "solve: shapes do not fit: left [2, 2], right [3, 1]");
    says(t([2, 2]).solve(&of(DType::F64, &[2])), "solve: dtypes differ: left f32, right f64");
    says(
        t([3, 2, 2]).solve_triangular(&t([4, 2, 1]), true),
        "solve_triangular: shapes do not fit: left [3, 2, 2], right [4, 2, 1]",
    );
    says(t([2, 3]).lstsq(&t([2])), "lstsq: takes at least as many rows as columns, not [2, 3]");
    says(t([3, 2]).lstsq(&t([2])), "lstsq: shapes do not fit: left [3, 2], right [2]");
    let line = line!() + 1;
    let error = t([3, 2]).lstsq(&Tensor::full([3], 0.0, DType::I32, t([]).device()));
    let error = error.check().unwrap_err().to_string();
    assert!(error.contains(&format!("at tests/ops/messages_contract.rs:{line}:")), "{error}");
}

#[test]
fn attention() {
    let (q, k, v) = (t([2, 3, 4]), t([2, 5, 4]), t([2, 5, 6]));
    let plain = AttentionOptions::new;
    says(
        q.scaled_dot_product_attention(&k, &t([2, 4, 6]), &plain()),
        "scaled_dot_product_attention: takes floats query [.., n, d], key [.., m, d], value [.., m, e]: query f32 \
         [2, 3, 4], key f32 [2, 5, 4], value f32 [2, 4, 6]",
    );
    says(
        q.scaled_dot_product_attention(&t([3, 5, 4]), &v, &plain()),
        "scaled_dot_product_attention: takes floats query [.., n, d], key [.., m, d], value [.., m, e]: query f32 \
         [2, 3, 4], key f32 [3, 5, 4], value f32 [2, 5, 6]",
    );
    says(
        t([4]).scaled_dot_product_attention(&k, &v, &plain()),
        "scaled_dot_product_attention: takes floats query [.., n, d], key [.., m, d], value [.., m, e]: query f32 \
         [4], key f32 [2, 5, 4], value f32 [2, 5, 6]",
    );
    says(
        q.scaled_dot_product_attention(&k, &v, &plain().mask(&t([5, 3]))),
        "scaled_dot_product_attention: the mask is bool or f32 and broadcasts to [2, 3, 5]: f32 [5, 3]",
    );
    says(
        q.scaled_dot_product_attention(&k, &v, &plain().mask(&of(DType::I32, &[3, 5]))),
        "scaled_dot_product_attention: the mask is bool or f32 and broadcasts to [2, 3, 5]: i32 [3, 5]",
    );
    says(t([2, 3]).to_dtype(DType::I32).masked_softmax(&t([2, 3])), "masked_softmax: takes floats, not i32");
}
