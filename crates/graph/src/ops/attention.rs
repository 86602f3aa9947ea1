//! Attention with online softmax: the op, and its gradient.
//!
//! `attention` gives outputs and, behind them, the logarithm of each query's sum of exponentials. From that
//! `attention_gradient` computes the weights again, block by block, so neither has a matrix of queries by keys in
//! memory (Dao et al. 2022, <https://arxiv.org/abs/2205.14135>). Derivatives of the gradient are recorded as formulas of
//! whole matrices.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::attention as kernel;
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{Attention as Reads, DType, Layout, Shape};

use crate::Tensor;
use crate::op::{Gradients, Kind, Meta, Op, Vjp};

/// `softmax(Q·Kᵀ/√d)·V` of queries `[batch.., n, d]`, keys `[batch.., m, d]` and values `[batch.., m, e]`, then a bool
/// mask and a float bias `[batch.., n, m]` where there are such. One axis: outputs `[batch.., n, e]`, and behind them
/// `[batch.., n]` logarithms.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Attention(pub Reads);

/// The gradients of queries, keys and values, one behind another, and `[batch.., n]` numbers of no use. The inputs are
/// queries, keys, values, what [`Attention`] gave, the gradient of its outputs, then mask and bias.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct AttentionGradient(pub Reads);

/// The outputs in what [`Attention`] gave, with the gradient of the whole. The inputs are the outputs, what
/// [`Attention`] gave, and its inputs.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct AttentionOutput(pub Reads);

/// The sizes of queries, keys and values.
struct Sizes {
    batch: usize,
    n: usize,
    m: usize,
    d: usize,
    e: usize,
}

impl Sizes {
    /// Of the shapes of queries, keys and values, which fit each other.
    fn of(q: &Shape, k: &Shape, v: &Shape) -> Option<Self> {
        let ([lead @ .., n, d], [lead_k @ .., m, d_k], [lead_v @ .., m_v, e]) = (&q[..], &k[..], &v[..])
        else {
            return None;
        };
        let fits = lead == lead_k && lead == lead_v && d == d_k && m == m_v;
        let batch = Shape::from(lead).checked_numel()?;
        fits.then_some(Self { batch, n: *n, m: *m, d: *d, e: *e })
    }

    /// Elements of matrices of these sizes, one of each for each of the batch.
    fn elements(&self, matrices: &[(usize, usize)]) -> Option<usize> {
        let add = |sum: usize, &(rows, columns): &(usize, usize)| sum.checked_add(rows.checked_mul(columns)?);
        self.batch.checked_mul(matrices.iter().try_fold(0, add)?)
    }

    fn kept(&self) -> Option<usize> {
        self.elements(&[(self.n, self.e), (self.n, 1)])
    }

    fn gradients(&self) -> Option<usize> {
        self.elements(&[(self.n, self.d), (self.m, self.d), (self.m, self.e), (self.n, 1)])
    }

    /// Arithmetic of as many multiplications of each query with each key.
    fn flops(&self, features: usize) -> u64 {
        [2, self.batch, self.n, self.m, features].iter().fold(1, |all, &x| all.saturating_mul(x as u64))
    }
}

/// Checks queries, keys, values, mask and bias.
fn sizes(inputs: &[&Meta], rest: &[&Meta], reads: Reads) -> Result<(Sizes, DType), String> {
    let [q, k, v] = inputs else { return Err(format!("takes 3 inputs, got {}", inputs.len())) };
    let found = Sizes::of(&q.shape, &k.shape, &v.shape);
    let sizes = found.filter(|_| q.dtype.is_float() && q.dtype == k.dtype && q.dtype == v.dtype);
    let sizes = sizes.ok_or_else(|| {
        let of = |meta: &Meta| format!("{} {}", meta.dtype, meta.shape);
        format!(
            "takes floats query [.., n, d], key [.., m, d], value [.., m, e]: query {}, key {}, value {}",
            of(q),
            of(k),
            of(v)
        )
    })?;
    let pairs = pairs(&q.shape, sizes.m);
    let kinds = [(reads.mask, DType::Bool), (reads.bias, q.dtype)].into_iter().filter(|(given, _)| *given);
    let kinds: Vec<DType> = kinds.map(|(_, dtype)| dtype).collect();
    if kinds.len() != rest.len()
        || kinds.iter().zip(rest).any(|(&dtype, meta)| meta.dtype != dtype || meta.shape != pairs)
    {
        return Err(format!("masks and biases are of shape {pairs}"));
    }
    Ok((sizes, q.dtype))
}

/// A number for each query and key.
fn pairs(q: &Shape, keys: usize) -> Shape {
    let mut shape = q.clone();
    if let Some(last) = shape.last_mut() {
        *last = keys;
    }
    shape
}

impl Op for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let (front, rest) = inputs.split_at(inputs.len().min(3));
        let (sizes, dtype) = sizes(front, rest, self.0)?;
        Ok(Meta::new([sizes.kept().ok_or("the size overflows")?], dtype))
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        anygrad_cpu::attention(host, inputs, self.0)
    }
    fn lower(&self, inputs: &[Layout], _: &[DType], _: &Meta, caps: &Caps) -> Result<Lowered, DeviceError> {
        kernel::attention(inputs, self.0, caps, None)
    }
    fn flops(&self, inputs: &[&Meta], _: &Meta) -> u64 {
        let [q, k, v, ..] = inputs else { return 0 };
        Sizes::of(&q.shape, &k.shape, &v.shape).map_or(0, |s| s.flops(s.d + s.e))
    }
    fn label(&self, i: usize, _: usize) -> String {
        ["query", "key", "value"].get(i).map_or_else(|| "mask".into(), |&name| name.into())
    }
}

impl Op for AttentionOutput {
    fn name(&self) -> &'static str {
        "attention_output"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        inputs.first().map(|&meta| meta.clone()).ok_or_else(|| "takes at least 1 input".into())
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        Some(input.clone())
    }
    fn is_alias(&self) -> bool {
        true
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let [_, kept, query, key, value, rest @ ..] = v.inputs else { return None };
        let mut inputs = vec![query, key, value, kept, v.grad];
        inputs.extend(rest);
        let all = Tensor::record(AttentionGradient(self.0), &inputs);
        let [dq, dk, dv] = parts(&all, [query.shape(), key.shape(), value.shape()]);
        let mut gradients = vec![None, None, Some(dq), Some(dk), Some(dv)];
        gradients.extend(rest.iter().map(|_| None));
        if self.0.bias {
            // the gradient of every score; nobody computes it who does not ask for it
            let whole = Whole::new(query, key, value, rest, self.0, v.grad);
            gradients.pop();
            gradients.push(Some(whole.score_gradient()));
        }
        Some(gradients)
    }
}

/// Dense tensors that lie one behind another from the start of `all` on.
fn parts<const N: usize>(all: &Tensor, shapes: [&Shape; N]) -> [Tensor; N] {
    let mut start = 0;
    shapes.map(|shape| {
        let count = shape.numel();
        start += count;
        all.slice(0, start - count, count).reshape(shape)
    })
}

impl Op for AttentionGradient {
    fn name(&self) -> &'static str {
        "attention_gradient"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [q, k, v, kept, g, rest @ ..] = inputs else {
            return Err(format!("takes 5 inputs, got {}", inputs.len()));
        };
        let (sizes, dtype) = sizes(&[q, k, v], rest, self.0)?;
        let known = sizes.kept().ok_or("the size overflows")?;
        if kept.shape[..] != [known]
            || g.shape != pairs(&q.shape, sizes.e)
            || [kept.dtype, g.dtype] != [dtype; 2]
        {
            return Err(format!("what was kept is {}, the gradient {}", kept.shape, g.shape));
        }
        Ok(Meta::new([sizes.gradients().ok_or("the size overflows")?], dtype))
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let [query, key, value, _, g, rest @ ..] = v.inputs else { return None };
        let along = parts(v.grad, [query.shape(), key.shape(), value.shape()]);
        let whole = Whole::new(query, key, value, rest, self.0, g);
        let (parts, scores) = whole.second(along);
        let [dq, dk, dv, dg] = parts.map(Some);
        let mut gradients = vec![dq, dk, dv, None, dg];
        gradients.extend(rest.iter().map(|_| None));
        if self.0.bias {
            gradients.pop();
            gradients.push(Some(scores));
        }
        Some(gradients)
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        anygrad_cpu::attention_gradient(host, inputs, self.0)
    }
    fn lower(&self, inputs: &[Layout], _: &[DType], _: &Meta, caps: &Caps) -> Result<Lowered, DeviceError> {
        kernel::attention_gradient(inputs, self.0, caps, None)
    }
    fn flops(&self, inputs: &[&Meta], _: &Meta) -> u64 {
        let [q, k, v, ..] = inputs else { return 0 };
        Sizes::of(&q.shape, &k.shape, &v.shape).map_or(0, |s| s.flops(3 * s.d + 2 * s.e))
    }
}

/// Attention as formulas of whole matrices `[.., n, m]`: for derivatives of the gradient.
struct Whole<'a> {
    query: &'a Tensor,
    key: &'a Tensor,
    value: &'a Tensor,
    /// The gradient of the outputs.
    g: &'a Tensor,
    scale: f64,
    /// P, the weights.
    weights: Tensor,
    /// dP = G·Vᵀ
    slopes: Tensor,
}

impl<'a> Whole<'a> {
    fn new(
        query: &'a Tensor,
        key: &'a Tensor,
        value: &'a Tensor,
        rest: &[Tensor],
        reads: Reads,
        g: &'a Tensor,
    ) -> Self {
        let scale = 1.0 / (query.size(-1).max(1) as f64).sqrt();
        let (mask, bias) = match (rest, reads.mask) {
            ([mask, bias], _) => (Some(mask), Some(bias)),
            ([mask], true) => (Some(mask), None),
            ([bias], false) => (None, Some(bias)),
            _ => (None, None),
        };
        let weights = weights(query, key, mask, bias, reads.causal);
        Self { query, key, value, g, scale, weights, slopes: g.matmul(&value.t()) }
    }

    /// P∘(X − rowsum(P∘X)): what the softmax makes of gradients of weights. Its matrix is symmetric.
    fn through_softmax(&self, x: &Tensor) -> Tensor {
        &self.weights * (x - (&self.weights * x).sum_keep(&[-1]))
    }

    /// dS
    fn score_gradient(&self) -> Tensor {
        self.through_softmax(&self.slopes)
    }

    /// The gradients of ⟨dQ, u⟩ + ⟨dK, w⟩ + ⟨dV, z⟩ for queries, keys, values and G, and for the scores.
    fn second(&self, [u, w, z]: [Tensor; 3]) -> ([Tensor; 4], Tensor) {
        let Whole { query, key, value, g, scale, weights, slopes } = self;
        // dQ = dS·K/√d, dK = dSᵀ·Q/√d and dV = Pᵀ·G, so the sum is ⟨dS, A⟩ + ⟨P, B⟩
        let a = (u.matmul(&key.t()) + query.matmul(&w.t())) * *scale;
        let b = g.matmul(&z.t());
        let ds = self.score_gradient();
        // dS is the softmax's matrix times dP, so ⟨dS, A⟩ = ⟨dP, E⟩
        let e = self.through_softmax(&a);
        // and for P itself: A∘(dP − rowsum(P∘dP)) − dP·rowsum(P∘A) + B
        let mean = |x: &Tensor| (weights * x).sum_keep(&[-1]);
        let of_weights = &a * (slopes - mean(slopes)) - slopes * mean(&a) + b;
        let scores = self.through_softmax(&of_weights);
        let dq = (scores.matmul(key) + ds.matmul(&w)) * *scale;
        let dk = (scores.t().matmul(query) + ds.t().matmul(&u)) * *scale;
        let dv = e.t().matmul(g);
        let dg = e.matmul(value) + weights.matmul(&z);
        ([dq, dk, dv, dg], scores)
    }
}

/// The weights `[.., n, m]` as the composition that [`Attention`] computes block by block.
#[track_caller]
pub(super) fn weights(
    query: &Tensor,
    key: &Tensor,
    mask: Option<&Tensor>,
    bias: Option<&Tensor>,
    causal: bool,
) -> Tensor {
    let scale = 1.0 / (query.size(-1).max(1) as f64).sqrt();
    let mut scores = (query * scale).matmul(&key.t());
    let mut read = mask.cloned();
    let mut leave_out = |other: Tensor| {
        read = Some(match &read {
            Some(read) => read.logical_and(other),
            None => other,
        });
    };
    if let Some(bias) = bias {
        let finite = bias.gt(f64::NEG_INFINITY);
        scores = scores + finite.select(bias, 0.0);
        leave_out(finite);
    }
    if causal {
        let device = query.device();
        let i = Tensor::iota(query.size(-2), device).unsqueeze(1);
        leave_out(i.ge(Tensor::iota(key.size(-2), device).unsqueeze(0)));
    }
    match &read {
        Some(read) => scores.masked_softmax(read),
        None => scores.softmax(-1),
    }
}
