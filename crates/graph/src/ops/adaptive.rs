//! Pooling to a given size: windows as even as they can be, and those of the whole plane.

use anygrad_layout::{Intervals, Shape, Window};

use super::interval::IntervalSum;
use super::record_as;
use crate::Tensor;

impl Tensor {
    /// The means of `[N, C, *n]` over windows that give the sizes `size`, `[N, C, *size]`: output `o` of `m` covers the
    /// inputs from `⌊o·n / m⌋` to before `⌈(o + 1)·n / m⌉`, as in PyTorch. Windows differ in size, and overlap, where
    /// `m` does not divide `n`; with `m > n` inputs are repeated.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0, 6.0], [1, 1, 5], &Device::cpu());
    /// assert_eq!(x.adaptive_avg_pool(&[3]).to_vec::<f32>()?, [1.5, 3.0, 5.0]);
    /// assert_eq!(x.adaptive_max_pool(&[2]).to_vec::<f32>()?, [3.0, 6.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn adaptive_avg_pool(&self, size: &[usize]) -> Tensor {
        const NAME: &str = "adaptive_avg_pool";
        if let Some(y) = self.in_single(|x| x.adaptive_avg_pool(size)) {
            return y;
        }
        if let Err(message) = check(self, size) {
            return Tensor::wrong(NAME, message, &[("input", self)]);
        }
        if size.iter().all(|&m| m == 1) {
            return self.mean_keep(&spatial_axes(self));
        }
        if let Some(kernel) = even(self, size) {
            return self.avg_pool(&Window::new(&kernel));
        }
        let mut sum = self.clone();
        let mut counts = None::<Tensor>;
        for (axis, n, m) in last_first(self, size) {
            if n == m {
                continue;
            }
            sum = record_as(NAME, IntervalSum { axis, size: m, intervals: Intervals::Adaptive }, &[&sum]);
            let (start, end) = borders(self, n, m);
            let count = (end - start).to_dtype(self.dtype()).reshape(column(self, axis, m));
            counts = Some(counts.map_or(count.clone(), |counts| counts * count));
        }
        counts.map_or(sum.clone(), |counts| sum / counts)
    }

    /// The largest elements of `[N, C, *n]` over the windows of [`adaptive_avg_pool`](Tensor::adaptive_avg_pool). The
    /// first of ties gets the gradient, NaN wins.
    #[track_caller]
    pub fn adaptive_max_pool(&self, size: &[usize]) -> Tensor {
        largest("adaptive_max_pool", self, size).0
    }

    /// The largest elements as [`adaptive_max_pool`](Tensor::adaptive_max_pool), and where they lie: the position in
    /// the plane counted in row-major order, as u32.
    #[track_caller]
    pub fn adaptive_max_pool_with_index(&self, size: &[usize]) -> (Tensor, Tensor) {
        largest("adaptive_max_pool", self, size)
    }

    /// The mean of each plane: `[N, C, *n]` becomes `[N, C]`.
    #[track_caller]
    pub fn global_avg_pool(&self) -> Tensor {
        match check(self, &vec![1; self.rank().saturating_sub(2)]) {
            Ok(()) => self.mean(&spatial_axes(self)),
            Err(message) => Tensor::wrong("global_avg_pool", message, &[("input", self)]),
        }
    }

    /// The largest element of each plane, the first of ties: `[N, C, *n]` becomes `[N, C]`.
    #[track_caller]
    pub fn global_max_pool(&self) -> Tensor {
        let (largest, _) = largest("global_max_pool", self, &vec![1; self.rank().saturating_sub(2)]);
        match largest.check() {
            Ok(_) => largest.flatten(1),
            Err(_) => largest,
        }
    }
}

/// Axis, size and wanted size of each spatial axis, the last first.
fn last_first(x: &Tensor, size: &[usize]) -> Vec<(usize, usize, usize)> {
    let axes = x.shape().iter().zip(0..).skip(2).zip(size);
    let mut axes: Vec<_> = axes.map(|((&n, axis), &m)| (axis, n, m)).collect();
    axes.reverse();
    axes
}

pub(crate) fn check(x: &Tensor, size: &[usize]) -> Result<(), String> {
    if !x.dtype().is_float() {
        return Err(format!("takes floats, not {}", x.dtype()));
    }
    let Some(space) = x.shape().get(2..).filter(|space| (1..=3).contains(&space.len())) else {
        return Err(format!("takes [N, C, …] with 1 to 3 axes behind, not {}", x.shape()));
    };
    if space.len() != size.len() {
        return Err(format!("sizes {size:?} for the {} axes behind [N, C] of {}", space.len(), x.shape()));
    }
    if space.contains(&0) || size.contains(&0) {
        return Err(format!("no elements: from {} to sizes {size:?}", x.shape()));
    }
    Ok(())
}

pub(crate) fn spatial_axes(x: &Tensor) -> Vec<isize> {
    (2..x.rank() as isize).collect()
}

/// `m` numbers along `axis` of a tensor like `x`.
pub(crate) fn column(x: &Tensor, axis: usize, m: usize) -> Shape {
    (0..x.rank()).map(|a| if a == axis { m } else { 1 }).collect()
}

/// The windows, if all of them are of one size that a thread may well go through alone.
fn even(x: &Tensor, size: &[usize]) -> Option<Vec<usize>> {
    let windows = x.shape().iter().skip(2).zip(size);
    let kernel: Vec<usize> =
        windows.map(|(&n, &m)| n.is_multiple_of(m).then_some(n / m)).collect::<Option<_>>()?;
    let taps = kernel.iter().try_fold(1usize, |taps, &k| taps.checked_mul(k))?;
    (taps <= 1024).then_some(kernel)
}

/// `⌊o·n / m⌋` and `⌈(o + 1)·n / m⌉`, u32, of an axis of `n` on its way to `m`.
#[track_caller]
fn borders(x: &Tensor, n: usize, m: usize) -> (Tensor, Tensor) {
    let o = Tensor::iota(m, x.device());
    let start = &o * n as u32 / m as u32;
    (start, ((o + 1u32) * n as u32 + (m as u32).saturating_sub(1)) / m as u32)
}

/// The largest elements and their positions, one axis after the other, the last first: of the rows that have the
/// largest element, the first is taken, and of that row, the first place. So it is the first in row-major order.
#[track_caller]
fn largest(name: &'static str, x: &Tensor, size: &[usize]) -> (Tensor, Tensor) {
    let fits = |(&n, &m): (&usize, &usize)| Intervals::Adaptive.fits(n, m);
    let checked = check(x, size).and_then(|()| match x.shape().iter().skip(2).zip(size).all(fits) {
        true => Ok(()),
        false => Err(format!("{} to {size:?} is too large for 31 bits", x.shape())),
    });
    if let Err(message) = checked {
        let wrong = Tensor::wrong(name, message, &[("input", x)]);
        return (wrong.clone(), wrong);
    }
    if let Some(kernel) = even(x, size).filter(|_| !size.contains(&1)) {
        return x.max_pool_with_index(&super::PoolOptions::new(&kernel[..]));
    }
    let mut value = x.clone();
    let plane = Shape::from(&x.shape()[2..]);
    let mut places = Tensor::iota(plane.numel(), x.device()).reshape(plane).expand(x.shape());
    for (axis, n, m) in last_first(x, size) {
        if n == m {
            continue;
        }
        let along = axis as isize;
        let chosen = match m {
            1 => value.argmax(along).unsqueeze(along),
            _ => first_largest(&value, axis, n, m),
        };
        value = value.gather(along, &chosen);
        places = places.gather(along, &chosen);
    }
    (value, places)
}

/// Where along the axis each window has its largest element.
#[track_caller]
fn first_largest(x: &Tensor, axis: usize, n: usize, m: usize) -> Tensor {
    let longest = Intervals::Adaptive.longest(n, m);
    let (start, end) = borders(x, n, m);
    // windows of one length; the shorter ones see their last element again, which is never the first largest
    let within = Tensor::iota(longest, x.device()).reshape([1, longest]);
    let seen = (start.reshape([m, 1]) + within).minimum(end.reshape([m, 1]) - 1u32);
    let mut shape = x.shape().clone();
    shape[axis] = m;
    shape.insert(axis + 1, longest);
    let windows = x.index_select(axis as isize, &seen.reshape([m * longest])).reshape(shape);
    windows.argmax(axis as isize + 1) + start.reshape(column(x, axis, m))
}
