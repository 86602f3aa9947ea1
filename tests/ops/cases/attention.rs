//! Attention and its gradient: blocks, masks, what is left out.

use anygrad_graph::{AttentionOptions, DType, Tensor, grad};

use crate::case::{Case, Input, Lies, case, float, given, truth};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

fn attend(name: &str, inputs: impl Into<Vec<Input>>, options: AttentionOptions) -> Case {
    case("attention", name, inputs, move |t: &[Tensor]| {
        let options = t.iter().skip(3).fold(options.clone(), |options, mask| options.mask(mask));
        t[0].scaled_dot_product_attention(&t[1], &t[2], &options)
    })
}

fn plain() -> AttentionOptions {
    AttentionOptions::new()
}

fn causal() -> AttentionOptions {
    AttentionOptions::new().causal(true)
}

fn qkv<const N: usize>(lead: [usize; N], [n, m, d, e]: [usize; 4]) -> Vec<Input> {
    let of = |rows: usize, columns: usize| {
        let shape: Vec<usize> = lead.iter().copied().chain([rows, columns]).collect();
        Input::new(DType::F32, &shape, (-2.0, 2.0))
    };
    vec![of(n, d), of(m, d), of(m, e)]
}

fn and(mut inputs: Vec<Input>, more: impl IntoIterator<Item = Input>) -> Vec<Input> {
    inputs.extend(more);
    inputs
}

fn sizes() -> Vec<Case> {
    let mut cases = Vec::new();
    for [n, m, d, e] in [
        [5, 7, 4, 6],
        [1, 1, 1, 1],
        [1, 9, 3, 2],
        [9, 1, 5, 1],
        [3, 4, 8, 8],
        [17, 18, 12, 5],
        [6, 5, 33, 35],
        [0, 3, 2, 2],
        [3, 0, 2, 2],
        [3, 4, 0, 2],
        [3, 4, 2, 0],
    ] {
        cases.push(attend(&format!("{n} by {m}, {d} and {e} features"), qkv([2], [n, m, d, e]), plain()));
        cases.push(attend(&format!("causal {n} by {m}, {d} and {e}"), qkv([], [n, m, d, e]), causal()));
    }
    // more than one block of queries and of keys, with a rest of both
    for (name, options) in [("blocks", plain()), ("causal blocks", causal())] {
        cases.push(attend(name, qkv([2], [70, 300, 4, 3]), options).order(1).loose(2.0));
    }
    cases.extend([
        attend("no batch", qkv([0], [3, 4, 2, 2]), plain()),
        attend("two leading axes", qkv([2, 3], [4, 5, 4, 4]), plain()),
        attend("wide", qkv([], [5, 6, 64, 64]), plain()).loose(4.0),
        attend("wider", qkv([], [4, 5, 130, 72]), causal()).order(1).loose(8.0),
        attend("wider than a kernel", qkv([], [3, 4, 260, 8]), causal()).order(1).loose(16.0),
        attend("a scale", qkv([2], [4, 5, 3, 2]), plain().scale(0.3)),
        attend(
            "large scores",
            qkv([], [4, 5, 3, 2]).into_iter().map(|t| t.range(-6.0, 6.0)).collect::<Vec<_>>(),
            plain(),
        )
        .loose(20.0),
        case("attention", "one tensor three times", [float([2, 6, 4])], |t: &[Tensor]| {
            t[0].scaled_dot_product_attention(&t[0], &t[0], &AttentionOptions::new().causal(true))
        }),
        case(
            "attention",
            "broadcast batches",
            [float([2, 1, 4, 3]), float([3, 5, 3]), float([5, 2])],
            |t: &[Tensor]| t[0].scaled_dot_product_attention(&t[1], &t[2], &AttentionOptions::new()),
        ),
        // as layers have it: heads cut out of one projection
        case("attention", "heads of a projection", [float([2, 5, 24])], |t: &[Tensor]| {
            let heads = t[0].reshape([2, 5, 3, 2, 4]);
            let part = |i: usize| heads.slice(2, i, 1).squeeze(2).permute(&[0, 2, 1, 3]);
            part(0).scaled_dot_product_attention(&part(1), &part(2), &AttentionOptions::new())
        }),
    ]);
    for lies in [Lies::Permuted, Lies::Sliced, Lies::Flipped, Lies::Expanded, Lies::SlicedPermuted] {
        let inputs: Vec<Input> = qkv([2], [5, 6, 4, 8]).into_iter().map(|input| input.lies(lies)).collect();
        cases.push(attend(&format!("{lies:?}"), inputs, plain()));
    }
    cases
}

fn masks() -> Vec<Case> {
    let three = || qkv([2, 3], [4, 5, 3, 2]);
    // of three queries, the second reads nothing
    let rows = vec![1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0];
    let added = rows.iter().map(|&read| if read > 0.0 { 0.5 } else { -INF }).collect::<Vec<_>>();
    let small = || qkv([2], [3, 3, 2, 2]);
    vec![
        attend("a mask of pairs", and(three(), [truth([4, 5])]), plain()),
        attend("a mask of keys", and(three(), [truth([2, 1, 1, 5])]), plain()),
        attend("a mask of queries", and(three(), [truth([3, 4, 1])]), plain()),
        attend("a mask for each head", and(three(), [truth([2, 3, 4, 5]).lies(Lies::Permuted)]), plain()),
        attend("a mask of keys, causal", and(three(), [truth([2, 1, 1, 5])]), causal()),
        attend("two masks", and(three(), [truth([4, 5]), truth([2, 1, 1, 5])]), plain()),
        attend("a bias of pairs", and(three(), [float([4, 5])]), plain()),
        attend("a bias of heads", and(three(), [float([3, 1, 5])]), plain()),
        attend("a bias of distances, causal", and(three(), [float([3, 4, 5]).lies(Lies::Flipped)]), causal()),
        attend("a bias and a mask", and(three(), [float([3, 4, 5]), truth([2, 1, 1, 5])]), causal()),
        attend("a query that reads nothing", and(small(), [given(DType::Bool, &[3, 3], rows)]), plain()),
        attend("a query under -inf", and(small(), [given(DType::F32, &[3, 3], added).constant()]), plain()),
        attend("masked blocks", and(qkv([], [66, 258, 4, 3]), [truth([1, 258])]), causal())
            .order(1)
            .loose(2.0),
    ]
}

fn special() -> Vec<Case> {
    let of = |rows: usize, values: Vec<f64>| given(DType::F32, &[rows, values.len() / rows], values);
    let q = || of(2, vec![1.0, 0.5, -1.0, 2.0]);
    let k = |last: f64| of(3, vec![0.5, 1.0, 1.0, -1.0, last, 1.0]);
    let v = |last: f64| of(3, vec![1.0, 2.0, -1.0, 0.5, last, 3.0]);
    let read = || given(DType::Bool, &[2, 3], vec![1.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    let mut cases = Vec::new();
    for x in [NAN, INF, -INF, 1e30] {
        cases.extend([
            attend(&format!("a key of {x}"), vec![q(), k(x), v(1.0)], plain()).special(),
            attend(&format!("a value of {x}"), vec![q(), k(1.0), v(x)], plain()).special(),
            // what is not read does not reach the result
            attend(&format!("a key of {x}, not read"), vec![q(), k(x), v(x), read()], plain()).special(),
            attend(&format!("a key of {x}, of the future"), vec![q(), k(x), v(x)], causal()).special(),
            gradient(&format!("a key of {x}, not read"), vec![q(), k(x), v(x), read()], plain()).special(),
        ]);
    }
    cases.push(
        attend("a query of NaN", vec![of(2, vec![NAN, 1.0, 1.0, 0.0]), k(1.0), v(1.0)], plain()).special(),
    );
    cases
}

/// The gradients of queries, keys and values in a row.
fn gradient(name: &str, inputs: Vec<Input>, options: AttentionOptions) -> Case {
    case("attention_gradient", name, inputs, move |t: &[Tensor]| {
        let options = t.iter().skip(3).fold(options.clone(), |options, mask| options.mask(mask));
        let y = t[0].scaled_dot_product_attention(&t[1], &t[2], &options);
        let weights = (Tensor::iota(y.numel(), y.device()).to_dtype(y.dtype()) * 0.37).cos();
        let loss = (&y * weights.reshape(y.shape())).sum_all();
        let all = grad(&loss, &[&t[0], &t[1], &t[2]]);
        let flat: Vec<Tensor> = all.iter().map(|g| g.reshape([-1])).collect();
        Tensor::concat(&flat.iter().collect::<Vec<_>>(), 0)
    })
}

pub fn cases() -> Vec<Case> {
    let gradients = vec![
        gradient("odd", qkv([2], [3, 5, 3, 2]), plain()),
        gradient("causal", qkv([], [4, 4, 2, 3]), causal()),
        gradient("one", qkv([], [1, 1, 1, 1]), plain()),
        gradient("of nothing", qkv([], [2, 0, 2, 2]), plain()).order(1),
        gradient("under a mask", and(qkv([], [3, 4, 2, 2]), [truth([4])]), plain()),
        gradient("under a bias", and(qkv([], [3, 4, 2, 2]), [float([3, 4])]), causal()).loose_slopes(4.0),
    ];
    let soft = ["rows", "a row of nothing"].map(|name| {
        let values = if name == "rows" { vec![1.0, 0.0, 1.0, 1.0, 1.0, 0.0] } else { vec![0.0; 6] };
        case(
            "masked_softmax",
            name,
            [float([2, 3]), given(DType::Bool, &[2, 3], values)],
            |t: &[Tensor]| t[0].masked_softmax(&t[1]),
        )
    });
    [sizes(), masks(), special(), gradients, soft.to_vec()].concat()
}
