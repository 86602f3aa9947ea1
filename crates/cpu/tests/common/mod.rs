//! What the tests share: numbers that look random, and the views every op has to cope with.
#![allow(dead_code)]

use anygrad_cpu::{Storage, View};
use anygrad_layout::{DType, Layout};

/// A small linear congruential generator; the tests need the same numbers every time.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as u32
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.bits() as usize % n.max(1)
    }

    /// Between -1 and 1, in steps of 2⁻⁸, so that short sums of products are exact in f32.
    pub fn coarse(&mut self) -> f64 {
        f64::from(self.bits() % 513) / 256.0 - 1.0
    }

    /// Between -1 and 1.
    pub fn fine(&mut self) -> f64 {
        f64::from(self.bits() & 0x7fff_ffff) / f64::from(1u32 << 30) - 1.0
    }

    pub fn storage(&mut self, dtype: DType, n: usize) -> Storage {
        let values: Vec<f64> = (0..n).map(|_| self.value(dtype)).collect();
        Storage::from_f64(dtype, &values)
    }

    fn value(&mut self, dtype: DType) -> f64 {
        match dtype {
            DType::I32 => self.below(21) as f64 - 10.0,
            DType::U32 => self.below(21) as f64,
            DType::Bool => self.below(2) as f64,
            _ => self.fine(),
        }
    }
}

/// Layouts of `shape` that are not all dense: as stored, reversed axes, every second element backwards, expanded.
pub fn layouts(shape: &[usize]) -> Vec<Layout> {
    let dense = Layout::contiguous(shape);
    let mut all = vec![dense.clone()];
    let rank = shape.len();
    if rank == 0 {
        return all;
    }
    let backwards: Vec<usize> = (0..rank).rev().collect();
    let reversed: Vec<usize> = shape.iter().rev().copied().collect();
    all.push(Layout::contiguous(reversed).permute(&backwards));
    let mut wide = shape.to_vec();
    wide[rank - 1] = wide[rank - 1] * 2 + 1;
    let last = shape[rank - 1];
    all.push(Layout::contiguous(wide).slice(rank - 1, last * 2, last, -2));
    let mut narrow = shape.to_vec();
    narrow[0] = 1;
    if shape[0] > 0 {
        all.push(Layout::contiguous(narrow).expand(shape));
    }
    let mut shifted = dense;
    shifted.offset = 3;
    all.push(shifted);
    all
}

/// The elements of a view in order, as f64.
pub fn values(view: View<'_>) -> Vec<f64> {
    let all = view.data.to_f64_vec();
    view.layout.offsets().map(|at| all[at]).collect()
}

/// A storage that a layout fits in.
pub fn storage_for(numbers: &mut Numbers, dtype: DType, layout: &Layout) -> Storage {
    numbers.storage(dtype, layout.extent().max(1))
}

/// Fails unless `got` is near `want` in units of the largest magnitude of `want`. NaN and Inf must be equal.
pub fn assert_close(got: &[f64], want: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    let scale = want.iter().filter(|x| x.is_finite()).fold(1e-30f64, |m, x| m.max(x.abs()));
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        if w.is_finite() {
            assert!(
                (g - w).abs() <= tolerance * scale,
                "{what}: element {i} is {g}, not {w} (scale {scale})"
            );
        } else {
            assert!(g.is_nan() && w.is_nan() || g == w, "{what}: element {i} is {g}, not {w}");
        }
    }
}

/// Runs `work` on pools of one, two and five threads and returns the three results.
pub fn with_threads<R: Send>(work: impl Fn() -> R + Sync) -> [R; 3] {
    [1, 2, 5].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(&work))
}

/// Every multi-index of `shape`, in row-major order.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &size in shape {
        all = all.iter().flat_map(|head| (0..size).map(move |i| [head.as_slice(), &[i]].concat())).collect();
    }
    all
}

/// Row-major number of a multi-index.
pub fn flat(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |at, (&i, &n)| at * n + i)
}
