//! A product in the terms of the kernels.

use anygrad_layout::{DType, Layout, Shape, collapse};
use smallvec::SmallVec;

use super::operand::{Matrix, Side};
use super::split::Split;
use crate::kernels::store::emit_store;
use crate::kernels::{Builder, Pointwise, invalid, storage_type};
use crate::{DeviceError, Operand};

/// `out[batch, m, n] = Σ_k a[batch, m, k]·b[batch, k, n]`, with as few batch axes as there can be.
pub(super) struct Product {
    pub(super) dtype: DType,
    pub(super) batches: usize,
    batch_sizes: SmallVec<[usize; 6]>,
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: Matrix,
    pub(super) b: Matrix,
    pub(super) outputs: usize,
}

impl Product {
    pub(super) fn new(a: &Layout, b: &Layout, dtype: DType) -> Result<Self, DeviceError> {
        let wrong = || invalid("matmul", format!("shapes {} and {} do not multiply", a.shape, b.shape));
        let (rank, other) = (a.rank(), b.rank());
        if rank < 2 || rank != other || a.strides.len() != rank || b.strides.len() != rank {
            return Err(wrong());
        }
        let (batch_a, batch_b) = (&a.shape[..rank - 2], &b.shape[..rank - 2]);
        let (m, k, n) = (a.shape[rank - 2], a.shape[rank - 1], b.shape[rank - 1]);
        if batch_a != batch_b || b.shape[rank - 2] != k {
            return Err(wrong());
        }
        storage_type(dtype)?;
        if dtype == DType::Bool {
            return Err(DeviceError::Unsupported { what: "matmul of bool".into() });
        }
        let outputs = Shape::from(batch_a).iter().chain(&[m, n]).copied().collect::<Shape>();
        let outputs = outputs.checked_numel().unwrap_or(usize::MAX);
        for elements in [outputs, a.extent(), b.extent()] {
            within_words(elements, "matmul")?;
        }
        // a column is the row of the transposed product, and lies the same way: one kernel serves both
        let buffers = [Operand::Input(0), Operand::Input(1)];
        if n == 1 && m > 1 {
            let turned = |x: &Layout| {
                let (mut shape, mut strides) = (x.shape.clone(), x.strides.clone());
                shape.swap(rank - 2, rank - 1);
                strides.swap(rank - 2, rank - 1);
                Layout { shape, strides, offset: x.offset }
            };
            return Self::of_views(&turned(b), &turned(a), dtype, outputs, [buffers[1], buffers[0]]);
        }
        Self::of_views(a, b, dtype, outputs, buffers)
    }

    fn of_views(
        a: &Layout,
        b: &Layout,
        dtype: DType,
        outputs: usize,
        buffers: [Operand; 2],
    ) -> Result<Self, DeviceError> {
        let rank = a.rank();
        let (mut m, k, n) = (a.shape[rank - 2], a.shape[rank - 1], b.shape[rank - 1]);
        let mut row = a.strides[rank - 2];
        let batch = Shape::from(&a.shape[..rank - 2]);
        let part = |x: &Layout| Layout {
            shape: batch.clone(),
            strides: x.strides[..rank - 2].into(),
            offset: x.offset,
        };
        let mut collapsed = collapse(&batch, &[&part(a), &part(b)]);
        // where b is shared and the matrices of a follow each other, their rows are those of one matrix
        if let [strides_a, strides_b] = &mut collapsed.strides[..] {
            while let (Some(&size), Some(&stride), Some(0)) =
                (collapsed.sizes.last(), strides_a.last(), strides_b.last())
            {
                if m > 1 && stride != m as isize * row {
                    break;
                }
                row = if m > 1 { row } else { stride };
                m *= size;
                collapsed.sizes.pop();
                strides_a.pop();
                strides_b.pop();
            }
            if collapsed.sizes.is_empty() {
                collapsed.sizes.push(1);
                strides_a.push(0);
                strides_b.push(0);
            }
        }
        let batches = collapsed.sizes.iter().product();
        let [strides_a, strides_b] = <[_; 2]>::try_from(collapsed.strides)
            .map_err(|_| invalid("matmul", format!("batch {batch} of two operands")))?;
        Ok(Self {
            dtype,
            batches,
            batch_sizes: collapsed.sizes,
            m,
            n,
            k,
            a: Matrix::new(Side::A, buffers[0], (m, row), (k, a.strides[rank - 1]), strides_a, a.offset),
            b: Matrix::new(
                Side::B,
                buffers[1],
                (n, b.strides[rank - 1]),
                (k, b.strides[rank - 2]),
                strides_b,
                b.offset,
            ),
            outputs,
        })
    }

    /// Tiles of so many rows and columns.
    pub(super) fn tiles(&self, (rows, columns): (usize, usize)) -> usize {
        self.batches.saturating_mul(self.m.div_ceil(rows)).saturating_mul(self.n.div_ceil(columns))
    }

    pub(super) fn flops(&self) -> u64 {
        2 * self.outputs as u64 * self.k as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        4 * (self.outputs + self.a.elements() + self.b.elements()) as u64
    }

    pub(super) fn positions(&self, builder: &mut Builder) {
        builder.strided("batch_a", &self.batch_sizes, &self.a.batch_strides, self.a.offset);
        builder.strided("batch_b", &self.batch_sizes, &self.b.batch_strides, self.b.offset);
    }

    /// Params of the kernels that work in tiles, and `store`; the output is the first pass of `split`, and goes through
    /// `tail` if that is the only one.
    pub(super) fn tiled_params(
        &self,
        builder: &mut Builder,
        sides: (usize, usize),
        split: Split,
        tail: Option<&Pointwise>,
    ) -> Result<usize, DeviceError> {
        let tiles = self.tiles(sides).saturating_mul(split.splits);
        within_words(self.outputs.saturating_mul(split.splits), "matmul")?;
        builder.param("tiles", tiles);
        divisor(builder, "tiles_m", self.m.div_ceil(sides.0));
        divisor(builder, "tiles_n", self.n.div_ceil(sides.1));
        divisor(builder, "batches", self.batches);
        builder.param("chunk", split.chunk);
        builder.param("m", self.m);
        builder.param("n", self.n);
        builder.param("k", self.k);
        emit_store(builder, split.first_tail(tail), self.dtype, self.n, split.first_output(0))?;
        Ok(tiles)
    }
}

/// The param `p.name` and `over_name(i)`, which divides by it.
pub(in crate::kernels) fn divisor(builder: &mut Builder, name: &str, size: usize) {
    let quotient = builder.divisor(name, size, "i");
    builder.function(format!("fn over_{name}(i: u32) -> u32 {{\n    return {quotient};\n}}"));
}

/// Whether a number of elements leaves every position, and one tile past it, inside 31 bits.
pub(in crate::kernels) fn within_words(elements: usize, family: &str) -> Result<(), DeviceError> {
    let limit = i32::MAX as u64 - 4096;
    if elements as u64 > limit {
        let bytes = (elements as u64).saturating_mul(4);
        return Err(DeviceError::TooLarge { bytes, limit: limit * 4, what: family.into() });
    }
    Ok(())
}
