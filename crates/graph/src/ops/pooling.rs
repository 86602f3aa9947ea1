//! The methods of pooling over windows, made of the ops in `pool`.

use anygrad_layout::{DType, Shape, Window};

use super::per_axis::entry;
use super::pool::{Pool, spatial};
use super::pool_options::PoolOptions;
use super::record_as;
use crate::Tensor;

const MAX: [&str; 3] = ["max_pool1d", "max_pool2d", "max_pool3d"];
const AVG: [&str; 3] = ["avg_pool1d", "avg_pool2d", "avg_pool3d"];
const LP: [&str; 3] = ["lp_pool1d", "lp_pool2d", "lp_pool3d"];
const UNPOOL: [&str; 3] = ["max_unpool1d", "max_unpool2d", "max_unpool3d"];

impl Tensor {
    /// The largest element of each window of `[N, C, *n]`; the first of ties gets the gradient, padding is never
    /// chosen, NaN wins. Output sizes as [`Window::output_size`] gives.
    #[track_caller]
    pub fn max_pool(&self, window: &Window) -> Tensor {
        maxima("max_pool", self, window).0
    }

    /// The mean of each window of `[N, C, *n]`; padding counts as zeros, as in PyTorch's default.
    #[track_caller]
    pub fn avg_pool(&self, window: &Window) -> Tensor {
        if let Some(y) = self.in_single(|x| x.avg_pool(window)) {
            return y;
        }
        record_as("avg_pool", Pool::Sum(window.clone()), &[self]) / taps(window) as f64
    }

    /// Max pooling of `[N, C, L]`: out = `⌊(n − kernel) / stride⌋ + 1`.
    #[track_caller]
    pub fn max_pool1d(&self, kernel: usize, stride: usize) -> Tensor {
        max(self, 1, &PoolOptions::new(kernel).stride(stride)).0
    }

    /// Max pooling of `[N, C, H, W]` over square windows: out = `⌊(n − kernel) / stride⌋ + 1`.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [1, 1, 2, 2], &Device::cpu());
    /// assert_eq!(x.max_pool2d(2, 2).to_vec::<f32>()?, [4.0]);
    /// assert_eq!(x.avg_pool2d(2, 2).to_vec::<f32>()?, [2.5]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn max_pool2d(&self, kernel: usize, stride: usize) -> Tensor {
        max(self, 2, &PoolOptions::new(kernel).stride(stride)).0
    }

    /// Max pooling of `[N, C, D, H, W]` over cubes: out = `⌊(n − kernel) / stride⌋ + 1`.
    #[track_caller]
    pub fn max_pool3d(&self, kernel: usize, stride: usize) -> Tensor {
        max(self, 3, &PoolOptions::new(kernel).stride(stride)).0
    }

    /// The largest element of each window over all axes behind the first two, one to three:
    /// out = `⌊(n + 2·padding − dilation·(k − 1) − 1) / stride⌋ + 1`. The first of ties gets the gradient, padding
    /// is never chosen, NaN wins. A window without any element is an error.
    #[track_caller]
    pub fn max_pool_with(&self, options: &PoolOptions) -> Tensor {
        max(self, self.rank().saturating_sub(2), options).0
    }

    /// The largest elements as [`max_pool_with`](Tensor::max_pool_with), and where they lie: the position in the
    /// plane of `[N, C, *n]` counted in row-major order, as u32. [`max_unpool`](Tensor::max_unpool) takes it.
    ///
    /// ```
    /// # use anygrad_graph::{Device, PoolOptions, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 5.0, 2.0, 2.0], [1, 1, 2, 2], &Device::cpu());
    /// let (largest, place) = x.max_pool_with_index(&PoolOptions::new([1, 2]));
    /// assert_eq!(largest.to_vec::<f32>()?, [5.0, 2.0]);
    /// assert_eq!(place.to_vec::<u32>()?, [1, 2]);
    /// let back = largest.max_unpool(&place, &PoolOptions::new([1, 2]), &[2, 2]);
    /// assert_eq!(back.to_vec::<f32>()?, [0.0, 5.0, 2.0, 0.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn max_pool_with_index(&self, options: &PoolOptions) -> (Tensor, Tensor) {
        max(self, self.rank().saturating_sub(2), options)
    }

    /// Puts each element of `[N, C, *out]` where `index` says in a plane of the sizes `size`, `[N, C, *size]`, zeros
    /// elsewhere: undoes a max pooling with these options but for what it dropped. `size` may be any that the
    /// pooling takes to `out`; the least is `(out − 1)·stride − 2·padding + dilation·(k − 1) + 1`.
    ///
    /// An index outside its own window counts nowhere. Where overlapping windows chose one place, it gets the mean
    /// of what they give: the element itself, if they come from one pooling.
    #[track_caller]
    pub fn max_unpool(&self, index: &Tensor, options: &PoolOptions, size: &[usize]) -> Tensor {
        let name = name_of(&UNPOOL, size.len());
        let wrong = |message| Tensor::wrong(name, message, &[("input", self), ("index", index)]);
        if !(1..=3).contains(&size.len()) || self.rank() != size.len() + 2 {
            let axes = size.len() + 2;
            return wrong(format!("sizes {size:?} are for [N, C, …] of {axes} axes, not {}", self.shape()));
        }
        if index.check().is_ok() && (index.shape() != self.shape() || index.dtype() != DType::U32) {
            return wrong(format!(
                "the index is {} {}, not u32 {}",
                index.dtype(),
                index.shape(),
                self.shape()
            ));
        }
        let window = match options.window(size) {
            Ok(window) => window,
            Err(message) => return wrong(message),
        };
        let pooled: Vec<usize> =
            size.iter().enumerate().map(|(a, &n)| window.output_size(entry(size.len(), a), n)).collect();
        if self.shape().get(2..) != Some(&pooled[..]) {
            return wrong(format!("pooling {size:?} gives {pooled:?}, which is not {}", self.shape()));
        }
        let mut sizes = [1; 3];
        sizes.iter_mut().skip(3 - size.len()).zip(size).for_each(|(to, &from)| *to = from);
        let index = inside(index, &window, sizes);
        let add = |t: &Tensor| record_as(name, Pool::PickAdjoint(window.clone(), sizes), &[t, &index]);
        let disjoint = (0..3).all(|i| window.stride[i] > window.dilation[i] * (window.kernel[i] - 1));
        match disjoint {
            true => add(self),
            false => add(self) / add(&self.ones_like()).maximum(1.0),
        }
    }

    /// Average pooling of `[N, C, L]`: out = `⌊(n − kernel) / stride⌋ + 1`.
    #[track_caller]
    pub fn avg_pool1d(&self, kernel: usize, stride: usize) -> Tensor {
        average(self, 1, &PoolOptions::new(kernel).stride(stride))
    }

    /// Average pooling of `[N, C, H, W]` over square windows: out = `⌊(n − kernel) / stride⌋ + 1`.
    #[track_caller]
    pub fn avg_pool2d(&self, kernel: usize, stride: usize) -> Tensor {
        average(self, 2, &PoolOptions::new(kernel).stride(stride))
    }

    /// Average pooling of `[N, C, D, H, W]` over cubes: out = `⌊(n − kernel) / stride⌋ + 1`.
    #[track_caller]
    pub fn avg_pool3d(&self, kernel: usize, stride: usize) -> Tensor {
        average(self, 3, &PoolOptions::new(kernel).stride(stride))
    }

    /// The mean of each window over all axes behind the first two, one to three: the sum divided by the window's
    /// size, padding counting as zeros, unless the options say otherwise. Sizes as
    /// [`max_pool_with`](Tensor::max_pool_with).
    #[track_caller]
    pub fn avg_pool_with(&self, options: &PoolOptions) -> Tensor {
        average(self, self.rank().saturating_sub(2), options)
    }

    /// `(Σ |x|^p)^(1/p)` over each window; p = 1 gives sums of absolute values, a large p nearly the maximum. Sizes as
    /// [`max_pool_with`](Tensor::max_pool_with). (PyTorch takes x^p without the bars.) As there, the gradient at a
    /// window of zeros is NaN or infinite.
    #[track_caller]
    pub fn lp_pool(&self, p: f64, options: &PoolOptions) -> Tensor {
        if let Some(y) = self.in_single(|x| x.lp_pool(p, options)) {
            return y;
        }
        let rank = self.rank().saturating_sub(2);
        let name = name_of(&LP, rank);
        if p.is_nan() || p <= 0.0 {
            return Tensor::wrong(name, format!("the power {p} is not positive"), &[("input", self)]);
        }
        match window_of(self, rank, options) {
            Ok(window) if self.dtype().is_float() => {
                record_as(name, Pool::Sum(window), &[&self.abs().pow(p)]).pow(1.0 / p)
            }
            Ok(window) => record_as(name, Pool::Sum(window), &[self]),
            Err(message) => Tensor::wrong(name, message, &[("input", self)]),
        }
    }
}

fn name_of(names: &[&'static str; 3], rank: usize) -> &'static str {
    names.get(rank.wrapping_sub(1)).copied().unwrap_or("pooling")
}

/// Elements of a window, of the axes it has.
fn taps(window: &Window) -> usize {
    window.kernel.iter().rev().take(window.rank).fold(1usize, |n, &k| n.saturating_mul(k))
}

/// The window of the options; for a tensor of another rank one that the op refuses.
fn window_of(x: &Tensor, rank: usize, options: &PoolOptions) -> Result<Window, String> {
    match x.shape().get(2..) {
        Some(space) if space.len() == rank && (1..=3).contains(&rank) => options.window(space),
        _ => Ok(Window { rank, ..Window::new(&[1]) }),
    }
}

#[track_caller]
fn max(x: &Tensor, rank: usize, options: &PoolOptions) -> (Tensor, Tensor) {
    let name = name_of(&MAX, rank);
    match window_of(x, rank, options) {
        Ok(window) => maxima(name, x, &window),
        Err(message) => {
            let wrong = Tensor::wrong(name, message, &[("input", x)]);
            (wrong.clone(), wrong)
        }
    }
}

#[track_caller]
fn maxima(name: &'static str, x: &Tensor, window: &Window) -> (Tensor, Tensor) {
    let index = record_as(name, Pool::MaxIndex(window.clone()), &[x]);
    (Tensor::record(Pool::Pick(window.clone()), &[x, &index]), index)
}

#[track_caller]
fn average(x: &Tensor, rank: usize, options: &PoolOptions) -> Tensor {
    if let Some(y) = x.in_single(|x| average(x, rank, options)) {
        return y;
    }
    let name = name_of(&AVG, rank);
    let window = match window_of(x, rank, options) {
        Ok(_) if options.divisor == Some(0) => Err("the divisor is 0".into()),
        other => other,
    };
    let (window, pads) = match window.and_then(|window| Ok((window, options.pads(rank)?))) {
        Ok(found) => found,
        Err(message) => return Tensor::wrong(name, message, &[("input", x)]),
    };
    let sum = record_as(name, Pool::Sum(window.clone()), &[x]);
    if sum.check().is_err() {
        return sum;
    }
    if let Some(divisor) = options.divisor {
        return sum / divisor as f64;
    }
    // what hangs over the padding does not count, nor does padding if so wanted
    let whole = if options.counts_padding { pads } else { [0; 3] };
    if window.pad_lo == whole && window.pad_hi == whole {
        return sum / taps(&window) as f64;
    }
    let mut counted = Window { pad_lo: [0; 3], pad_hi: [0; 3], ..window.clone() };
    let mut sizes = spatial(x);
    for i in 0..3 {
        sizes[i] += 2 * whole[i];
        (counted.pad_lo[i], counted.pad_hi[i]) =
            (window.pad_lo[i] - whole[i], window.pad_hi[i].saturating_sub(whole[i]));
    }
    let mut shape = Shape::from([1, 1]);
    sizes.iter().skip(3 - rank).for_each(|&size| shape.push(size));
    let ones = Tensor::full(shape, 1.0, x.dtype(), x.device());
    sum / record_as(name, Pool::Sum(counted), &[&ones])
}

/// The index, or none where it lies outside of its window.
#[track_caller]
fn inside(index: &Tensor, window: &Window, sizes: [usize; 3]) -> Tensor {
    let [_, high, wide] = sizes.map(|n| n.max(1) as u32);
    let plane = sizes.iter().product::<usize>().min(u32::MAX as usize) as u32;
    let row = index / wide;
    let places = [&row / high, row.remainder(high), index.remainder(wide)];
    let mut found = index.lt(plane);
    for axis in 0..window.rank {
        let i = entry(window.rank, axis);
        let reach = (window.dilation[i] * (window.kernel[i] - 1)) as i32;
        let mut line = vec![1; window.rank];
        line[axis] = index.size(axis as isize + 2);
        let start = Tensor::iota(line[axis], index.device()).reshape(line).to_dtype(DType::I32)
            * window.stride[i] as i32
            - window.pad_lo[i] as i32;
        let distance = places[i].to_dtype(DType::I32) - start;
        let covered = distance.ge(0i32).logical_and(distance.le(reach));
        found = found.logical_and(&covered);
        if window.dilation[i] > 1 {
            found = found.logical_and(distance.remainder(window.dilation[i] as i32).eq(0i32));
        }
    }
    found.select(index, u32::MAX)
}
