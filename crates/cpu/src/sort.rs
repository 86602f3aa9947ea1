//! The order of the elements along an axis.

use rayon::prelude::*;

use crate::lines::Lines;
use crate::parallel::worth_threads;
use crate::{CpuError, Host, Storage, View};

/// The order that sorts `x` along `axis`: `u32` indices, dense, in the shape of `x`. Stable: equal elements (0 and −0
/// are equal) keep their order, ascending or `descending`. NaN counts as greater than everything, and as equal to NaN.
///
/// # Errors
/// [`CpuError::Axis`], [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn argsort(host: &Host, x: View<'_>, axis: usize, descending: bool) -> Result<Storage, CpuError> {
    let lines = Lines::new("argsort", &[x], axis)?;
    let turn = |key: u32| if descending { !key } else { key };
    let key32 = |key: u32, i: usize| u64::from(turn(key)) << 32 | i as u64;
    let index32 = |packed: u64| packed as u32;
    match x.data {
        Storage::F32(x) => order(host, &lines, |at, i| key32(float_key(x[at]), i), index32),
        Storage::F16(x) => order(host, &lines, |at, i| key32(float_key(x[at].to_f32()), i), index32),
        Storage::I32(x) => order(host, &lines, |at, i| key32(x[at] as u32 ^ 1 << 31, i), index32),
        Storage::U32(x) => order(host, &lines, |at, i| key32(x[at], i), index32),
        Storage::F64(x) => {
            let turn = |key: u64| if descending { !key } else { key };
            order(host, &lines, |at, i| (turn(double_key(x[at])), i as u32), |(_, i)| i)
        }
    }
}

/// An unsigned number that sorts as the float does.
fn float_key(x: f32) -> u32 {
    if x.is_nan() {
        return u32::MAX;
    }
    let bits = (x + 0.0).to_bits(); // −0 + 0 = 0
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

fn double_key(x: f64) -> u64 {
    if x.is_nan() {
        return u64::MAX;
    }
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// Sorts the keys of each line. A key holds its index, so no two are equal and any sort is stable.
fn order<K: Copy + Ord + Send + Sync>(
    host: &Host,
    lines: &Lines,
    key: impl Fn(usize, usize) -> K + Sync,
    index: impl Fn(K) -> u32 + Sync,
) -> Result<Storage, CpuError> {
    let mut out = host.take::<u32>(lines.numel())?;
    // few long lines are sorted by all threads together
    let together = lines.left < rayon::current_num_threads() && worth_threads(lines.length);
    lines.blocks(&mut out, |left, block| {
        let mut keys: Vec<K> = Vec::new();
        for right in 0..lines.right {
            let (start, stride) = lines.line(0, left, right);
            keys.clear();
            keys.extend((0..lines.length).map(|i| key((start + i as isize * stride) as usize, i)));
            if together {
                keys.par_sort_unstable();
            } else {
                keys.sort_unstable();
            }
            let places = block[right..].iter_mut().step_by(lines.right);
            places.zip(&keys).for_each(|(to, &key)| *to = index(key));
        }
    });
    Ok(Storage::U32(out))
}
