//! Random programs: the planner may fuse, sink, copy and reuse memory as it likes, and the numbers stay.

use std::time::Instant;

use anygrad_graph::{Conv, DType, Device, Error, Shape, Tensor, eval, grad};

use crate::compare::{Against, difference};
use crate::devices::{alone, check_guards, gpu, say};
use crate::draw::Draw;
use crate::run::{Precision, leaf, read};

/// How many programs, unless `ANYGRAD_PROGRAMS` says otherwise; each is made from its number, which is printed
/// when it fails.
const PROGRAMS: u64 = 200;
const CPU: f64 = 2e-5;
const GPU: f64 = 1e-4;

/// Sizes that fit together in many ways.
const SHAPES: [&[usize]; 7] = [&[3, 4], &[4], &[3, 1], &[2, 3, 4], &[1], &[4, 3], &[5, 3, 1]];

/// A program in the making. What is drawn depends on the seed and on shapes, so it is the same on every device.
struct Maker {
    draw: Draw,
    device: Device,
    dtype: DType,
    /// Each tensor is computed as soon as it is recorded, so that nothing fuses.
    stepwise: bool,
    leaves: Vec<Tensor>,
    pool: Vec<Tensor>,
}

/// What is computed in one run, and what else somebody holds meanwhile.
struct Made {
    outputs: Vec<Tensor>,
    grads: Vec<Tensor>,
    held: Vec<Tensor>,
    leaves: Vec<Tensor>,
}

fn make(seed: u64, device: &Device, precision: Precision, stepwise: bool) -> Result<Made, Error> {
    let dtype = if precision == Precision::Double { DType::F64 } else { DType::F32 };
    let draw = Draw::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut maker =
        Maker { draw, device: device.clone(), dtype, stepwise, leaves: Vec::new(), pool: Vec::new() };
    maker.leaves();
    for _ in 0..4 + maker.draw.below(14) {
        let next = maker.next();
        next.check()?;
        if maker.stepwise {
            eval(&[&next])?;
        }
        // results stay small, so that errors do too
        if next.numel() <= 2000 {
            maker.pool.push(next);
        }
    }
    Ok(maker.finish())
}

impl Maker {
    fn leaves(&mut self) {
        for _ in 0..2 + self.draw.below(3) {
            let shape = *self.draw.pick(&SHAPES);
            let count: usize = shape.iter().product();
            let values: Vec<f64> = (0..count).map(|_| f64::from(self.draw.float(-1.5, 1.5) as f32)).collect();
            self.leaves.push(leaf(&values, shape, self.dtype, &self.device));
        }
        self.pool = self.leaves.clone();
    }

    fn any(&mut self) -> Tensor {
        self.draw.pick(&self.pool).clone()
    }

    /// A tensor that broadcasts with `x`; `x` at worst.
    fn beside(&mut self, x: &Tensor) -> Tensor {
        let fits = |t: &&Tensor| anygrad_layout::broadcast(t.shape(), x.shape()).is_some();
        let fitting: Vec<Tensor> = self.pool.iter().filter(fits).cloned().collect();
        self.draw.pick(&fitting).clone()
    }

    fn next(&mut self) -> Tensor {
        match self.draw.below(10) {
            0..3 => self.unary(),
            3..6 => self.binary(),
            6..8 => self.view(),
            8 => self.reduction(),
            _ => self.kernel(),
        }
    }

    fn unary(&mut self) -> Tensor {
        let x = self.any();
        match self.draw.below(12) {
            0 => x.tanh(),
            1 => x.sigmoid(),
            2 => x.clamp(-2.0, 2.0).exp() * 0.3,
            3 => -x,
            4 => x.abs(),
            5 => x.relu(),
            6 => x.sin(),
            7 => (x.square() + 0.5).sqrt(),
            8 => (x.abs() + 0.5).reciprocal(),
            9 => (x.abs() + 0.5).log(),
            10 => x * 0.7 - 0.2,
            _ => x.tanh().square(),
        }
    }

    fn binary(&mut self) -> Tensor {
        let x = self.any();
        let y = self.beside(&x);
        match self.draw.below(8) {
            0 => x + y,
            1 => x - y,
            2 => x.tanh() * y,
            3 => x / (y.abs() + 0.7),
            4 => x.maximum(y),
            5 => x.minimum(y),
            6 => {
                // by a leaf, whose elements are the same in every precision
                let by = self.leaves[0].gt(0.1);
                if anygrad_layout::broadcast(by.shape(), (&x + &y).shape()).is_some() {
                    by.select(x, y)
                } else {
                    x
                }
            }
            _ => (&x + &y) * (x - y) * 0.25,
        }
    }

    fn view(&mut self) -> Tensor {
        let x = self.any();
        if x.rank() == 0 {
            return x.expand([3]);
        }
        let axis = self.draw.below(x.rank());
        let size = x.shape()[axis];
        let at = axis as isize;
        match self.draw.below(7) {
            0 => {
                let mut order: Vec<isize> = (0..x.rank() as isize).collect();
                order.rotate_left(axis);
                x.permute(&order)
            }
            1 => x.flip(&[at]),
            2 => {
                let start = self.draw.below(size);
                x.slice(at, start, 1 + self.draw.below(size - start))
            }
            3 => x.flatten(axis),
            4 => x.unsqueeze(at),
            5 => {
                let mut shape = vec![2];
                shape.extend_from_slice(x.shape());
                x.expand(shape)
            }
            _ => x.permute(&(0..x.rank() as isize).rev().collect::<Vec<_>>()).flatten(0),
        }
    }

    fn reduction(&mut self) -> Tensor {
        let x = self.any();
        if x.rank() == 0 {
            return x;
        }
        let axis = self.draw.below(x.rank()) as isize;
        match self.draw.below(5) {
            0 => x.sum(&[axis]) * 0.3,
            1 => x.mean_keep(&[axis]),
            2 => x.max(&[axis]),
            3 => x.softmax(axis),
            _ => x.mean_all(),
        }
    }

    fn kernel(&mut self) -> Tensor {
        let x = self.any();
        if x.rank() == 0 {
            return x;
        }
        let axis = self.draw.below(x.rank()) as isize;
        let size = x.shape()[axis as usize];
        match self.draw.below(7) {
            0 if x.rank() >= 2 => x.matmul(&x.t().tanh()) * 0.2,
            1 => {
                let mut pads = vec![(0, 0); x.rank()];
                pads[axis as usize] = (self.draw.below(3), 1);
                x.pad(&pads)
            }
            2 => Tensor::concat(&[&x, &x.sin()], axis),
            3 => {
                let index = (Tensor::iota(2 + size, &self.device) * 5u32).remainder(size as u32);
                x.index_select(axis, &index)
            }
            4 => {
                // to 0 or 1 by a leaf, whose elements are the same in every precision
                let index = self.leaves[0].gt(0.1).to_dtype(DType::U32).flatten(0).slice(0, 0, 1);
                x.slice(axis, 0, 1).scatter_add(
                    axis,
                    &index.reshape(vec![1; x.rank()]).expand(with(&x, axis, 1)),
                    2,
                )
            }
            // a convolution by itself
            5 if x.rank() == 3 && size > 0 => {
                let taps = x.shape()[2].min(2);
                x.conv(&x.slice(2, 0, taps).tanh(), &Conv::new(1)) * 0.2
            }
            _ => {
                let other = self.any();
                if x.rank() == 2 && other.rank() == 2 && x.shape()[1] == other.shape()[0] {
                    x.matmul(&other) * 0.2
                } else {
                    x.cos()
                }
            }
        }
    }

    fn finish(mut self) -> Made {
        let last = self.pool.len() - 1;
        let mut outputs = vec![self.pool[last].clone()];
        for _ in 0..self.draw.below(4) {
            outputs.push(self.any());
        }
        let mut held = Vec::new();
        for _ in 0..self.draw.below(3) {
            held.push(self.any());
        }
        // leaves that nobody holds may be overwritten
        let leaves = if self.draw.chance(0.5) { self.leaves.clone() } else { Vec::new() };
        let mut grads = Vec::new();
        if self.draw.chance(0.5) && !self.stepwise {
            let loss = outputs.iter().map(Tensor::mean_all).reduce(|a, b| a + b);
            let wrt: Vec<&Tensor> = self.leaves.iter().collect();
            // a leaf that was not used has no gradient
            grads = loss.map(|loss| grad(&loss, &wrt)).unwrap_or_default();
            grads.retain(|g| g.check().is_ok());
        }
        Made { outputs, grads, held, leaves }
    }
}

/// The shape of `x` with another size along an axis.
fn with(x: &Tensor, axis: isize, size: usize) -> Shape {
    let mut shape = x.shape().clone();
    shape[axis as usize] = size;
    shape
}

/// The numbers of all outputs, gradients and held tensors after one run.
fn numbers(seed: u64, device: &Device, precision: Precision, stepwise: bool) -> Result<Vec<Vec<f64>>, Error> {
    let Made { outputs, grads, held, leaves } = make(seed, device, precision, stepwise)?;
    let before = leaves.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let all: Vec<&Tensor> = outputs.iter().chain(&grads).collect();
    eval(&all)?;
    for (leaf, before) in leaves.iter().zip(before) {
        if read(leaf)? != before {
            return Err(Error::invalid("programs", "a leaf that is held was overwritten"));
        }
    }
    // what is held and was not computed on the way is computed now, from inputs that have to be there still;
    // gradients last, as the stepwise run has none
    outputs.iter().chain(&held).chain(&grads).map(read).collect()
}

fn compare(got: &[Vec<f64>], want: &[Vec<f64>], tolerance: f64) -> Result<(), String> {
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        if let Some(wrong) = difference(got, want, tolerance, Against::WholeFrom(0.1)) {
            return Err(format!("output {i}: {wrong}"));
        }
    }
    Ok(())
}

fn on_cpu(seed: u64, double: &[Vec<f64>]) -> Result<(), String> {
    let run =
        |stepwise| numbers(seed, &Device::cpu(), Precision::Single, stepwise).map_err(|e| e.to_string());
    let fused = run(false)?;
    compare(&fused, double, CPU).map_err(|e| format!("against f64: {e}"))?;
    // step by step every view is copied, and a sum over a copy may go in another order
    compare(&run(true)?, &fused, CPU / 10.0).map_err(|e| format!("step by step against fused: {e}"))
}

fn on_gpu(seed: u64, device: &Device, double: &[Vec<f64>]) -> Result<(), String> {
    let run = |stepwise| numbers(seed, device, Precision::Single, stepwise).map_err(|e| e.to_string());
    let fused = run(false)?;
    compare(&fused, double, GPU).map_err(|e| format!("against f64: {e}"))?;
    compare(&run(false)?, &fused, 0.0).map_err(|e| format!("the second time: {e}"))?;
    compare(&run(true)?, &fused, GPU).map_err(|e| format!("step by step against fused: {e}"))?;
    check_guards(device)
}

#[test]
fn random_programs_give_the_same_numbers_everywhere() {
    let started = Instant::now();
    let count = std::env::var("ANYGRAD_PROGRAMS").ok().and_then(|n| n.parse().ok()).unwrap_or(PROGRAMS);
    let mut wrong = Vec::new();
    for seed in 0..count {
        let result = numbers(seed, &Device::cpu(), Precision::Double, false)
            .map_err(|e| e.to_string())
            .and_then(|double| {
                on_cpu(seed, &double).map_err(|e| format!("on the CPU, {e}"))?;
                gpu().map_or(Ok(()), |gpu| {
                    alone(|| on_gpu(seed, gpu, &double)).map_err(|e| format!("on the GPU, {e}"))
                })
            });
        if let Err(error) = result {
            wrong.push(format!("program {seed}: {error}"));
        }
    }
    say(&format!(
        "{count} random programs, {} failures, {:.1} s",
        wrong.len(),
        started.elapsed().as_secs_f64()
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
