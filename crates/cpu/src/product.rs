use gemm::Parallelism;

use crate::CpuError;

/// A matrix inside a slice: element (i, j) is `data[offset + i·row + j·column]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    pub data: &'a [f32],
    pub offset: usize,
    pub row: isize,
    pub column: isize,
}

/// `out = a·b`, or `out += a·b`, for `a` of `m × k`, `b` of `k × n` and `out` of `m` rows of `n` elements, each
/// `out_row` after the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub m: usize,
    pub k: usize,
    pub n: usize,
    pub out_row: usize,
    pub accumulate: bool,
    /// Whether the product may use more than one thread. The result is the same.
    pub threads: bool,
}

/// Multiplications below which setting up blocked panels costs more than the product itself.
const SMALL: usize = 512;

impl Product {
    /// Carries out the product.
    ///
    /// # Errors
    /// [`CpuError::Invalid`] if a matrix reaches outside its slice, or rows of `out` overlap.
    pub fn run(&self, out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>) -> Result<(), CpuError> {
        let Product { m, k, n, out_row, accumulate, threads } = *self;
        if m == 0 || n == 0 {
            return Ok(());
        }
        let out_end = (m - 1).checked_mul(out_row).and_then(|at| at.checked_add(n));
        let fits = out_end.is_some_and(|end| end <= out.len())
            && (out_row >= n || m == 1)
            && (k == 0 || (a.fits(m, k) && b.fits(k, n)));
        if !fits {
            return Err(CpuError::Invalid { op: "matmul", why: "a matrix reaches outside its elements" });
        }
        if k == 0 {
            if !accumulate {
                (0..m).for_each(|i| out[i * out_row..i * out_row + n].fill(0.0));
            }
        } else if m * n * k <= SMALL {
            self.by_rows(out, a, b);
        } else {
            self.blocked(out, a, b, if threads { Parallelism::Rayon(0) } else { Parallelism::None });
        }
        Ok(())
    }

    /// Row by row: `out[i, :] += a[i, p]·b[p, :]`.
    fn by_rows(&self, out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>) {
        for (i, row) in out.chunks_mut(self.out_row.max(1)).take(self.m).enumerate() {
            let row = &mut row[..self.n];
            if !self.accumulate {
                row.fill(0.0);
            }
            for p in 0..self.k {
                let factor = a.at(i, p);
                if b.column == 1 {
                    let start = (b.offset as isize + p as isize * b.row) as usize;
                    row.iter_mut().zip(&b.data[start..start + self.n]).for_each(|(x, &y)| *x += factor * y);
                } else {
                    row.iter_mut().enumerate().for_each(|(j, x)| *x += factor * b.at(p, j));
                }
            }
        }
    }

    #[allow(unsafe_code)]
    fn blocked(&self, out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, parallelism: Parallelism) {
        let Product { m, k, n, out_row, accumulate, .. } = *self;
        // SAFETY: `run`, the only caller, has checked that every element (i < m, p < k) of `a`, (p < k, j < n)
        // of `b` and (i < m, j < n) of `out` lies inside its slice, and that elements of `out` are distinct
        // (rows are at least `n` apart). `out` is borrowed mutably, so it overlaps neither `a` nor `b`. All are
        // initialised f32, and the slices outlive the call, which keeps no pointer.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                out.as_mut_ptr(),
                1,
                out_row as isize,
                accumulate,
                a.data.as_ptr().add(a.offset),
                a.column,
                a.row,
                b.data.as_ptr().add(b.offset),
                b.column,
                b.row,
                1.0,
                1.0,
                false,
                false,
                false,
                parallelism,
            );
        }
    }
}

impl Matrix<'_> {
    fn at(&self, i: usize, j: usize) -> f32 {
        self.data[(self.offset as isize + i as isize * self.row + j as isize * self.column) as usize]
    }

    /// Whether all of `rows × columns` (neither 0) lies inside the slice.
    fn fits(&self, rows: usize, columns: usize) -> bool {
        let reach = |size: usize, stride: isize| isize::try_from(size - 1).ok()?.checked_mul(stride);
        let ends = || {
            let (down, across) = (reach(rows, self.row)?, reach(columns, self.column)?);
            let start = isize::try_from(self.offset).ok()?;
            let lowest = start.checked_add(down.min(0))?.checked_add(across.min(0))?;
            let highest = start.checked_add(down.max(0))?.checked_add(across.max(0))?;
            Some(lowest >= 0 && (highest as usize) < self.data.len())
        };
        ends().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_outside_their_slices_are_refused() {
        let data = [1.0; 6];
        let product = Product { m: 2, k: 3, n: 2, out_row: 2, accumulate: false, threads: false };
        let a = Matrix { data: &data, offset: 0, row: 3, column: 1 };
        let b = Matrix { data: &data, offset: 0, row: 2, column: 1 };
        let run = |product: Product, len: usize, a, b| product.run(&mut vec![0.0; len], a, b).is_ok();
        assert!(run(product, 4, a, b));
        assert!(!run(product, 3, a, b));
        assert!(!run(Product { out_row: 1, ..product }, 4, a, b));
        assert!(!run(product, 4, Matrix { offset: 1, ..a }, b));
        assert!(!run(product, 4, a, Matrix { row: -2, ..b }));
        assert!(!run(product, 4, a, Matrix { row: isize::MAX, ..b }));
        assert!(run(product, 4, a, Matrix { row: -2, offset: 4, ..b }));
    }
}
