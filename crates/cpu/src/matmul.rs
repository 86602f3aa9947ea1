use anygrad_layout::{Layout, Shape};
use rayon::prelude::*;

use crate::host::Pooled;
use crate::parallel::{chunks, worth_threads};
use crate::product::{Matrix, Product};
use crate::walk::Walk;
use crate::{CpuError, Host, Storage, View, Word};

const OP: &str = "matmul";

/// The sizes of a product and the strides of its operands.
struct Sizes {
    m: usize,
    k: usize,
    n: usize,
    batch: usize,
    a_batch: Walk,
    b_batch: Walk,
    /// Row and column stride.
    a: [isize; 2],
    b: [isize; 2],
}

/// Matrix products: `out[.., i, j] = Σ_p a[.., i, p]·b[.., p, j]`.
///
/// Shapes: `a` is `[batch.., m, k]`, `b` is `[batch.., k, n]`, the result `[batch.., m, n]`, dense. The batch axes
/// are equal; expand them where one operand serves many. `f32` goes through blocked panels, the other types
/// through three loops. Integers wrap.
///
/// # Errors
/// [`CpuError::Shape`], [`CpuError::DType`], [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn matmul(host: &Host, a: View<'_>, b: View<'_>) -> Result<Storage, CpuError> {
    let sizes = check(a, b)?;
    let numel = sizes.batch.checked_mul(sizes.m).and_then(|n| n.checked_mul(sizes.n));
    let numel = numel.ok_or(CpuError::OutOfMemory { bytes: usize::MAX })?;
    match (a.data, b.data) {
        (Storage::F32(x), Storage::F32(y)) => {
            let mut out = host.take::<f32>(numel)?;
            if !out.is_empty() {
                sizes.f32(x, y, &mut out)?;
            }
            Ok(Storage::F32(out))
        }
        (Storage::F64(x), Storage::F64(y)) => sizes.loops(host, x, y, numel).map(Storage::F64),
        (Storage::I32(x), Storage::I32(y)) => sizes.loops(host, x, y, numel).map(Storage::I32),
        (Storage::U32(x), Storage::U32(y)) => sizes.loops(host, x, y, numel).map(Storage::U32),
        _ => Err(CpuError::DType { op: OP, expected: a.dtype(), found: b.dtype() }),
    }
}

fn check(a: View<'_>, b: View<'_>) -> Result<Sizes, CpuError> {
    a.check(OP)?;
    b.check(OP)?;
    let differ = || CpuError::Shape { op: OP, left: a.shape().to_vec(), right: b.shape().to_vec() };
    let ([batch @ .., m, k], [b_batch @ .., b_k, n]) = (a.shape(), b.shape()) else { return Err(differ()) };
    if batch != b_batch || k != b_k {
        return Err(differ());
    }
    let axes = batch.len();
    let outer = |layout: &Layout| Layout {
        shape: Shape::from(batch),
        strides: layout.strides[..axes].into(),
        offset: layout.offset,
    };
    let inner = |layout: &Layout| [layout.strides[axes], layout.strides[axes + 1]];
    Ok(Sizes {
        m: *m,
        k: *k,
        n: *n,
        batch: Shape::from(batch).numel(),
        a_batch: Walk::new(&outer(a.layout)),
        b_batch: Walk::new(&outer(b.layout)),
        a: inner(a.layout),
        b: inner(b.layout),
    })
}

impl Sizes {
    fn f32(mut self, a: &[f32], b: &[f32], out: &mut [f32]) -> Result<(), CpuError> {
        self.join_batch();
        let Sizes { m, k, n, batch, .. } = self;
        let operations = m.saturating_mul(n).saturating_mul(k);
        let all_worth = worth_threads(operations.saturating_mul(batch) / 16);
        // Threads go to the batch if there are enough of it, else into each product.
        let over_batch = all_worth && batch >= rayon::current_num_threads();
        let threads = !over_batch && worth_threads(operations / 16);
        let product = Product { m, k, n, out_row: n, accumulate: false, threads };
        let one = |(i, out): (usize, &mut [f32])| {
            let a = Matrix { data: a, offset: self.a_batch.position(i), row: self.a[0], column: self.a[1] };
            let b = Matrix { data: b, offset: self.b_batch.position(i), row: self.b[0], column: self.b[1] };
            product.run(out, a, b)
        };
        if over_batch {
            out.par_chunks_mut(m * n).enumerate().try_for_each(one)
        } else {
            out.chunks_mut(m * n).enumerate().try_for_each(one)
        }
    }

    /// Where all products share `b` and the rows of `a` go on from one to the next, they are one product.
    fn join_batch(&mut self) {
        let outer = (self.a_batch.sizes.as_slice(), self.a_batch.strides.as_slice());
        let follows = match outer {
            ([_], [stride]) => self.m == 1 || *stride == self.m as isize * self.a[0],
            _ => false,
        };
        if self.batch > 1 && follows && self.b_batch.is_scalar() {
            if self.m == 1 {
                self.a[0] = self.a_batch.strides[0];
            }
            self.m *= self.batch;
            self.batch = 1;
        }
    }

    /// The definition, for the oracle and for integers.
    fn loops<T: Pooled>(&self, host: &Host, a: &[T], b: &[T], numel: usize) -> Result<Vec<T>, CpuError> {
        let mut out = host.take::<T>(numel)?;
        let work = numel.saturating_mul(self.k.max(1));
        chunks(&mut out, self.n, work, |row, out| {
            let (batch, i) = (row / self.m, row % self.m);
            let a_row = self.a_batch.position(batch) as isize + i as isize * self.a[0];
            let b_start = self.b_batch.position(batch) as isize;
            for (j, to) in out.iter_mut().enumerate() {
                let mut sum = T::default();
                for p in 0..self.k as isize {
                    let x = a[(a_row + p * self.a[1]) as usize];
                    let y = b[(b_start + p * self.b[0] + j as isize * self.b[1]) as usize];
                    sum = Word::plus(sum, x.times(y));
                }
                *to = sum;
            }
        });
        Ok(out)
    }
}
