//! What is drawn for a step besides its operands: axes, sizes, places, numbers.

use std::fmt::Debug;

use anygrad_graph::{DType, Tensor};

use crate::draw::Draw;

/// Draws the attributes of one step and writes down what it drew.
pub struct Attributes {
    draw: Draw,
    float: DType,
    /// Names and values, as Rust text.
    pub drawn: Vec<(&'static str, String)>,
}

impl Attributes {
    /// The attributes of the step with this seed; floats of the run are `float`.
    pub fn new(seed: u64, float: DType) -> Self {
        Self { draw: Draw::new(seed), float, drawn: Vec::new() }
    }

    pub fn note(&mut self, name: &'static str, value: &dyn Debug) {
        self.drawn.push((name, format!("{value:?}")));
    }

    /// One of the axes, sometimes counted from the end.
    pub fn axis(&mut self, x: &Tensor) -> Option<isize> {
        let rank = x.rank();
        let axis = if rank == 0 { return None } else { self.draw.below(rank) as isize };
        Some(if self.draw.chance(0.3) { axis - rank as isize } else { axis })
    }

    /// One of the axes that have elements.
    pub fn filled_axis(&mut self, x: &Tensor) -> Option<isize> {
        let axis = self.axis(x)?;
        (x.size(axis) > 0).then_some(axis)
    }

    /// Some of the axes, at least one.
    pub fn axes(&mut self, x: &Tensor) -> Option<Vec<isize>> {
        let mut axes: Vec<isize> = (0..x.rank() as isize).filter(|_| self.draw.chance(0.5)).collect();
        if axes.is_empty() {
            axes.push(self.axis(x)?);
        }
        Some(axes)
    }

    /// Some of the axes, with elements along them.
    pub fn filled_axes(&mut self, x: &Tensor) -> Option<Vec<isize>> {
        let axes = self.axes(x)?;
        axes.iter().all(|&axis| x.size(axis) > 0).then_some(axes)
    }

    /// Below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> Option<usize> {
        (n > 0).then(|| self.draw.below(n))
    }

    /// From `low` to `high`, both included.
    pub fn within(&mut self, low: usize, high: usize) -> Option<usize> {
        (low <= high).then(|| low + self.draw.below(high - low + 1))
    }

    /// From `low` to `high`, both included.
    pub fn signed(&mut self, low: i32, high: i32) -> Option<i32> {
        (low <= high).then(|| low + self.draw.below((high - low + 1) as usize) as i32)
    }

    /// A number from `low` to `high` that every precision holds.
    pub fn number(&mut self, low: f64, high: f64) -> Option<f64> {
        Some((self.draw.float(low, high) * 8.0).round() / 8.0)
    }

    pub fn flag(&mut self) -> Option<bool> {
        Some(self.draw.chance(0.5))
    }

    /// An order of the axes.
    pub fn order(&mut self, x: &Tensor) -> Option<Vec<isize>> {
        let mut order: Vec<isize> = (0..x.rank() as isize).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, self.draw.below(i + 1));
        }
        (x.rank() > 1).then_some(order)
    }

    /// A shape that `x` expands to: axes of size 1 grow, and some come in front.
    pub fn larger(&mut self, x: &Tensor) -> Option<Vec<usize>> {
        let mut shape: Vec<usize> = x.shape().to_vec();
        for size in shape.iter_mut().filter(|size| **size == 1) {
            *size = *self.draw.pick(&[1, 2, 3, 5]);
        }
        if shape[..] == x.shape()[..] || self.draw.chance(0.3) {
            shape.insert(0, *self.draw.pick(&[1, 2, 3]));
        }
        Some(shape)
    }

    /// Another shape of as many elements.
    pub fn other_shape(&mut self, x: &Tensor) -> Option<Vec<usize>> {
        let mut rest = x.numel();
        let mut shape = Vec::new();
        if rest == 0 {
            shape = x.shape().to_vec();
            shape.reverse();
            return Some(shape);
        }
        while rest > 1 && shape.len() < 4 {
            let divisors: Vec<usize> = (2..=rest.min(64)).filter(|d| rest.is_multiple_of(*d)).collect();
            if divisors.is_empty() {
                break;
            }
            let by = *self.draw.pick(&divisors);
            shape.push(by);
            rest /= by;
        }
        if rest > 1 || self.draw.chance(0.2) {
            shape.push(rest);
        }
        Some(shape)
    }

    /// What is put before and behind each axis.
    pub fn pads(&mut self, x: &Tensor) -> Option<Vec<(usize, usize)>> {
        let one = |_: &usize| {
            if self.draw.chance(0.5) { (self.draw.below(3), self.draw.below(3)) } else { (0, 0) }
        };
        (x.rank() > 0).then(|| x.shape().iter().map(one).collect())
    }

    /// f32, or f64 where the reference is computed.
    pub fn float(&mut self) -> Option<DType> {
        Some(self.float)
    }
}
