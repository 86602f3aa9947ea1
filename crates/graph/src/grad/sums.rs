//! Sums of gradients, put together where that is cheaper than adding one by one.
//!
//! A tensor that is cut into parts, the steps of a sequence say, receives a gradient for each: that of the part between
//! zeros. Adding those passes over the whole once a part; parts that do not overlap are joined in one pass instead. A
//! weight that is multiplied at every step receives as many products, each as large as the weight: `Σ aᵢ·bᵢ` is one
//! product of the factors side by side, `[a₁ … aₙ]·[b₁; …; bₙ]`.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::Segment;
use crate::Tensor;
use crate::ops::matmul::{MatMul, factors};
use crate::ops::movement::swaps_last_two;
use crate::ops::pad::Pad;
use crate::tensor::State;

/// What the uses of one tensor give to its gradient, in the order in which they came.
#[derive(Default)]
pub(super) struct Parts(SmallVec<[Part; 1]>);

struct Part {
    gradient: Tensor,
    /// The recomputed segment that the use is in.
    segment: Option<*const Segment>,
}

impl Parts {
    /// A gradient that is known already.
    pub fn whole(gradient: Tensor) -> Self {
        Self(smallvec![Part { gradient, segment: None }])
    }

    /// Takes in what the use `node` gives.
    pub fn add(&mut self, gradient: Tensor, node: &Tensor) {
        let segment = node.0.segment.as_ref().map(Arc::as_ptr);
        self.0.push(Part { gradient, segment });
    }

    /// The sum, recorded once.
    pub fn sum(&mut self) -> Option<Tensor> {
        if self.0.len() > 1 {
            self.join_slices();
            self.join_products();
        }
        let sum = self.0.drain(..).map(|part| part.gradient).reduce(|sum, part| sum + part)?;
        *self = Self::whole(sum.clone());
        Some(sum)
    }

    /// Joins gradients of slices along one axis.
    fn join_slices(&mut self) {
        let rank = self.0.first().map_or(0, |part| part.gradient.rank());
        for axis in 0..rank {
            let count = self.0.iter().filter(|part| Slice::of(&part.gradient, axis).is_some()).count();
            if count < 2 {
                continue;
            }
            let (mut slices, mut others) = (Vec::new(), SmallVec::new());
            for part in self.0.drain(..) {
                match Slice::of(&part.gradient, axis) {
                    Some(slice) => slices.push(slice),
                    None => others.push(part),
                }
            }
            let joined = join(slices, axis).into_iter().map(|gradient| Part { gradient, segment: None });
            others.extend(joined);
            self.0 = others;
        }
    }

    /// Makes one product of those that are as large as their factors or larger.
    fn join_products(&mut self) {
        let mut at = 0;
        while let Some(part) = self.0.get(at) {
            let segment = part.segment;
            // what is put together is kept until all of it is there: across recomputed segments that would be the
            // memory that recomputing saves
            let joins = |part: &Part| part.segment == segment && wide_factors(&part.gradient).is_some();
            if !joins(part) || self.0.iter().filter(|part| joins(part)).count() < 2 {
                at += 1;
                continue;
            }
            let (mut left, mut right, mut kept) = (Vec::new(), Vec::new(), SmallVec::new());
            for part in self.0.drain(..) {
                match wide_factors(&part.gradient).filter(|_| part.segment == segment) {
                    Some((a, b)) => {
                        left.push(a);
                        right.push(b);
                    }
                    None => kept.push(part),
                }
            }
            // forwards in time, as the slices of what the steps were made of are
            left.reverse();
            right.reverse();
            let gradient = Tensor::record(MatMul, &[&beside(&left, -1), &beside(&right, -2)]);
            kept.insert(at, Part { gradient, segment });
            self.0 = kept;
            at += 1;
        }
    }
}

/// A gradient that is 0 but between `start` and `end` of an axis.
struct Slice {
    start: usize,
    end: usize,
    size: usize,
    inside: Tensor,
}

impl Slice {
    /// `gradient` as what was padded along `axis` alone.
    fn of(gradient: &Tensor, axis: usize) -> Option<Self> {
        let pad = gradient.0.op.as_any().downcast_ref::<Pad>()?;
        let alone = |pads: &[usize]| pads.iter().enumerate().all(|(i, &n)| n == 0 || i == axis);
        if !alone(&pad.lo) || !alone(&pad.hi) || pad.interior.iter().any(|&n| n > 0) {
            return None;
        }
        let inside = match &*gradient.0.state() {
            State::Pending(inputs) => inputs.first()?.clone(),
            _ => return None,
        };
        let (start, len) = (*pad.lo.get(axis)?, *inside.shape().get(axis)?);
        Some(Self { start, end: start + len, size: *gradient.shape().get(axis)?, inside })
    }

    /// `len` zeros along the axis, for what no slice covers.
    fn zeros(&self, axis: usize, len: usize) -> Tensor {
        let mut shape = self.inside.shape().clone();
        if let Some(size) = shape.get_mut(axis) {
            *size = len;
        }
        Tensor::full(shape, 0.0, self.inside.dtype(), self.inside.device())
    }
}

/// The sum of slices as few tensors: each a row of slices that do not overlap, with zeros in between.
fn join(mut slices: Vec<Slice>, axis: usize) -> Vec<Tensor> {
    slices.sort_by_key(|slice| (slice.start, slice.end));
    // what belongs to one place is added there
    let mut places: Vec<Slice> = Vec::with_capacity(slices.len());
    for slice in slices {
        match places.last_mut() {
            Some(last) if (last.start, last.end) == (slice.start, slice.end) => {
                last.inside = &last.inside + &slice.inside;
            }
            _ => places.push(slice),
        }
    }
    let mut joined = Vec::new();
    while !places.is_empty() {
        let (mut end, mut row, mut rest) = (0, Vec::new(), Vec::new());
        for slice in places {
            if slice.start >= end {
                end = slice.end;
                row.push(slice);
            } else {
                rest.push(slice);
            }
        }
        joined.extend(filled(&row, axis));
        places = rest;
    }
    joined
}

/// Slices that do not overlap, ascending, as one tensor.
fn filled(row: &[Slice], axis: usize) -> Option<Tensor> {
    let last = row.last()?;
    if let [only] = row {
        let mut pads = vec![(0, 0); only.inside.rank()];
        *pads.get_mut(axis)? = (only.start, only.size - only.end);
        return Some(only.inside.pad(&pads));
    }
    let (mut parts, mut end) = (Vec::with_capacity(row.len()), 0);
    for slice in row {
        if slice.start > end {
            parts.push(slice.zeros(axis, slice.start - end));
        }
        parts.push(slice.inside.clone());
        end = slice.end;
    }
    if last.size > end {
        parts.push(last.zeros(axis, last.size - end));
    }
    Some(Tensor::concat(&parts.iter().collect::<Vec<_>>(), axis as isize))
}

/// The factors of a product that has about as many elements as both of them, or more: adding such products takes longer
/// than putting their factors side by side.
fn wide_factors(gradient: &Tensor) -> Option<(Tensor, Tensor)> {
    let (a, b) = factors(gradient)?;
    (a.numel().saturating_add(b.numel()) <= gradient.numel().saturating_mul(2)).then_some((a, b))
}

/// Matrices joined along one of their last two axes, as they lie in memory: columns of a transposed matrix are rows.
fn beside(matrices: &[Tensor], axis: isize) -> Tensor {
    if matrices.iter().all(swaps_last_two) {
        let across: Vec<Tensor> = matrices.iter().map(Tensor::t).collect();
        return Tensor::concat(&across.iter().collect::<Vec<_>>(), -3 - axis).t();
    }
    Tensor::concat(&matrices.iter().collect::<Vec<_>>(), axis)
}
