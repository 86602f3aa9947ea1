//! Diagonals, and what lies on one side of them.

use std::panic::Location;

use anygrad_layout::{DType, Layout, Shape};

use super::axis_of;
use super::movement::only;
use crate::op::{Gradients, Kind, Meta, Op, Vjp};
use crate::{Device, Tensor, scope};

/// The elements whose place on axis `columns` is that on axis `rows` plus `offset`, as a new last axis.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Diagonal {
    /// How far to the right of the main diagonal; negative is below.
    pub offset: isize,
    /// The axis that counts rows.
    pub rows: usize,
    /// The axis that counts columns, another one.
    pub columns: usize,
}

/// Where a diagonal starts, and how long it is, in a matrix of these sizes.
fn course(offset: isize, rows: usize, columns: usize) -> (usize, usize, usize) {
    let row = if offset < 0 { offset.unsigned_abs() } else { 0 };
    let column = if offset > 0 { offset.unsigned_abs() } else { 0 };
    (row, column, rows.saturating_sub(row).min(columns.saturating_sub(column)))
}

impl Diagonal {
    fn course(&self, shape: &[usize]) -> Option<(usize, usize, usize)> {
        Some(course(self.offset, *shape.get(self.rows)?, *shape.get(self.columns)?))
    }
}

impl Op for Diagonal {
    fn name(&self) -> &'static str {
        "diagonal"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let input = only(inputs)?;
        let Some((_, _, len)) = self.course(&input.shape).filter(|_| self.rows != self.columns) else {
            let rank = input.shape.rank();
            return Err(format!("axes {} and {} of {rank} axes are not two", self.rows, self.columns));
        };
        let sizes = input.shape.iter().enumerate();
        let rest = sizes.filter(|(axis, _)| *axis != self.rows && *axis != self.columns).map(|(_, &n)| n);
        Ok(Meta { shape: rest.chain([len]).collect(), dtype: input.dtype })
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        let (row, column, len) = self.course(&input.shape)?;
        Some(input.diagonal(self.rows, self.columns, (row, column), len))
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let x = v.inputs.first()?;
        let (rows, columns) = (*x.shape().get(self.rows)?, *x.shape().get(self.columns)?);
        Some(vec![Some(v.grad.embedded(self.offset, (rows, columns), (self.rows, self.columns)))])
    }
}

impl Tensor {
    /// The elements on a diagonal of the matrices over axes `rows` and `columns`: those at `(i, i + offset)`, as a new
    /// last axis, as `torch.diagonal`. A view; empty where the offset is beyond the matrix.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::iota(12, &Device::cpu()).reshape([3, 4]);
    /// assert_eq!(t.diagonal(1, 0, 1).to_vec::<u32>()?, [1, 6, 11]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn diagonal(&self, offset: isize, rows: isize, columns: isize) -> Tensor {
        match (axis_of(rows, self.rank()), axis_of(columns, self.rank())) {
            (Ok(rows), Ok(columns)) => Tensor::record(Diagonal { offset, rows, columns }, &[self]),
            (Err(message), _) | (_, Err(message)) => Tensor::wrong("diagonal", message, &[("input", self)]),
        }
    }

    /// The last axis as a diagonal of square matrices of zeros, in two last axes of size `n + |offset|`; as
    /// `torch.diag_embed`. The inverse of [`diagonal`](Tensor::diagonal).
    #[track_caller]
    pub fn diag_embed(&self, offset: isize) -> Tensor {
        let Some(size) = self.shape().last().and_then(|n| n.checked_add(offset.unsigned_abs())) else {
            let message = format!("takes a diagonal of at least one axis, not {} by {offset}", self.shape());
            return Tensor::wrong("diag_embed", message, &[("input", self)]);
        };
        let rank = self.rank();
        self.embedded(offset, (size, size), (rank - 1, rank))
    }

    /// As `torch.diag`: a matrix with this vector on a diagonal, or a diagonal of this matrix.
    #[track_caller]
    pub fn diag(&self, offset: isize) -> Tensor {
        match self.rank() {
            1 => self.diag_embed(offset),
            2 => self.diagonal(offset, 0, 1),
            _ => {
                let message = format!("takes a vector or a matrix, not {}", self.shape());
                Tensor::wrong("diag", message, &[("input", self)])
            }
        }
    }

    /// The sum of the diagonal of a matrix, or of each of many over the last two axes.
    #[track_caller]
    pub fn trace(&self) -> Tensor {
        if self.rank() < 2 {
            let message = format!("takes matrices, not {}", self.shape());
            return Tensor::wrong("trace", message, &[("input", self)]);
        }
        self.diagonal(0, -2, -1).sum(&[-1])
    }

    /// The last axis on a diagonal of matrices of the given sizes, over the axes `places` of the result.
    #[track_caller]
    fn embedded(&self, offset: isize, sizes: (usize, usize), places: (usize, usize)) -> Tensor {
        let (row, column, len) = course(offset, sizes.0, sizes.1);
        let Some(numel) = sizes.0.checked_mul(sizes.1) else {
            return Tensor::wrong("diag_embed", "the size overflows", &[("input", self)]);
        };
        // in row-major order a diagonal is every (columns + 1)-th element
        let between = sizes.1;
        let (first, covered) = match len {
            0 => (0, 0),
            len => (row * sizes.1 + column, row * sizes.1 + column + (len - 1) * (between + 1) + 1),
        };
        let mut pads = vec![(0, 0, 0); self.rank()];
        if let Some(last) = pads.last_mut() {
            *last = (first, numel - covered, between);
        }
        let mut shape = self.shape().clone();
        if let Some(last) = shape.last_mut() {
            *last = sizes.0;
        }
        shape.push(sizes.1);
        let matrices = self.pad_interior(&pads).reshape(shape);
        let (n, mut rest) = (matrices.rank(), 0);
        let mut order = Vec::with_capacity(n);
        for axis in 0..n {
            order.push(match axis {
                _ if axis == places.0 => n as isize - 2,
                _ if axis == places.1 => n as isize - 1,
                _ => {
                    rest += 1;
                    rest - 1
                }
            });
        }
        matrices.permute(&order)
    }

    /// The matrices over the last two axes with zeros above a diagonal: what is kept has `column ≤ row + diagonal`.
    #[track_caller]
    pub fn tril(&self, diagonal: isize) -> Tensor {
        self.one_side("tril", diagonal, |rows, columns| columns.le(rows))
    }

    /// The matrices over the last two axes with zeros below a diagonal: what is kept has `column ≥ row + diagonal`.
    #[track_caller]
    pub fn triu(&self, diagonal: isize) -> Tensor {
        self.one_side("triu", diagonal, |rows, columns| columns.ge(rows))
    }

    #[track_caller]
    fn one_side(&self, name: &'static str, diagonal: isize, keeps: fn(&Tensor, &Tensor) -> Tensor) -> Tensor {
        let [.., rows, columns] = self.shape()[..] else {
            let message = format!("takes matrices, not {}", self.shape());
            return Tensor::wrong(name, message, &[("input", self)]);
        };
        let kept = keeps_of(name, rows, columns, diagonal, self, keeps);
        kept.select(self, Tensor::number(0.0, self.dtype(), self.device()))
    }

    /// The matrix `[rows, columns]` with ones on the main diagonal and zeros beside it. Takes no memory until a
    /// kernel needs it.
    #[track_caller]
    pub fn eye(rows: usize, columns: usize, dtype: DType, device: &Device) -> Tensor {
        let (down, across) = (Tensor::iota(rows, device), Tensor::iota(columns, device));
        down.unsqueeze(-1).eq(&across).to_dtype(dtype)
    }

    /// The matrix `[rows, columns]` with ones on and below a diagonal, zeros above it: `numpy.tri`.
    #[track_caller]
    pub fn tri(rows: usize, columns: usize, diagonal: isize, dtype: DType, device: &Device) -> Tensor {
        let like = Tensor::number(0.0, dtype, device);
        keeps_of("tri", rows, columns, diagonal, &like, |rows, columns| columns.le(rows)).to_dtype(dtype)
    }
}

/// The bool matrix of what is kept, from the row plus the diagonal and the column of each place.
#[track_caller]
fn keeps_of(
    name: &'static str,
    rows: usize,
    columns: usize,
    diagonal: isize,
    like: &Tensor,
    keeps: fn(&Tensor, &Tensor) -> Tensor,
) -> Tensor {
    const MOST: usize = 1 << 30;
    if rows > MOST || columns > MOST {
        let message = format!("an axis of {} is longer than 2^30", Shape::from([rows, columns]));
        return Tensor::wrong(name, message, &[("input", like)]);
    }
    scope::recorded_at(Location::caller(), || {
        let line = |count: usize| Tensor::iota(count, like.device()).to_dtype(DType::I32);
        // further out nothing changes
        let diagonal = diagonal.clamp(-(rows as isize), columns as isize);
        let down = line(rows).unsqueeze(-1) + Tensor::number(diagonal as f64, DType::I32, like.device());
        keeps(&down, &line(columns))
    })
}
