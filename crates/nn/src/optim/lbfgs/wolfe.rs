//! The line search, as PyTorch's `_strong_wolfe`, which goes back to Schmidt's minFunc.

use crate::error::Result;
use crate::optim::space::Point;

/// How much of the decrease that the slope promises has to come true.
const ENOUGH_DECREASE: f64 = 1e-4;
/// How much of the slope may be left.
const FLAT_ENOUGH: f64 = 0.9;

/// A search along a direction for a step that satisfies the strong Wolfe conditions.
pub(super) struct Search<'a> {
    /// Where it starts, with the slope of the direction.
    pub start: &'a Point,
    /// The largest element of the direction.
    pub longest: f64,
    /// A bracket within which no parameter changes by more is small enough.
    pub tolerance: f64,
    /// How many points may be tried after the first.
    pub most: usize,
}

impl Search<'_> {
    /// The point that was found, and how many were tried; the first of them is `first` directions away.
    pub fn run(&self, first: f64, mut at: impl FnMut(f64) -> Result<Point>) -> Result<(Point, usize)> {
        let mut at = |step: f64| {
            let mut point = at(step)?;
            if point.loss.is_nan() || point.slope.is_nan() {
                // too far, and no better than any other
                point.loss = f64::INFINITY;
            }
            Ok(point)
        };
        let (mut last, mut now, mut more) = (self.start.clone(), at(first)?, 0);
        while more < self.most {
            let rises = more > 1 && now.loss >= last.loss;
            if self.too_high(&now) || rises {
                return self.zoom([last, now], more, at);
            }
            if self.flat(&now) {
                return Ok((now, more + 1));
            }
            if now.slope >= 0.0 {
                return self.zoom([last, now], more, at);
            }
            let bounds = (now.step + 0.01 * (now.step - last.step), now.step * 10.0);
            let next = at(interpolate(&last, &now, bounds))?;
            last = std::mem::replace(&mut now, next);
            more += 1;
        }
        Ok((if self.start.loss <= now.loss { self.start.clone() } else { now }, more + 1))
    }

    /// Makes a bracket with a good point in it smaller, until its lower end is one. `more` were tried after the first.
    fn zoom(
        &self,
        mut bracket: [Point; 2],
        mut more: usize,
        mut at: impl FnMut(f64) -> Result<Point>,
    ) -> Result<(Point, usize)> {
        let lower = |[a, b]: &[Point; 2]| usize::from(a.loss > b.loss);
        let mut low = lower(&bracket);
        let mut slow = false;
        while more < self.most {
            let [a, b] = &bracket;
            if (b.step - a.step).abs() * self.longest < self.tolerance {
                break;
            }
            let point = at(between(a, b, &mut slow))?;
            more += 1;
            if self.too_high(&point) || point.loss >= bracket[low].loss {
                bracket[1 - low] = point;
                low = lower(&bracket);
                continue;
            }
            let done = self.flat(&point);
            if !done && point.slope * (bracket[1 - low].step - bracket[low].step) >= 0.0 {
                bracket[1 - low] = bracket[low].clone();
            }
            bracket[low] = point;
            if done {
                break;
            }
        }
        let [a, b] = bracket;
        Ok((if low == 0 { a } else { b }, more + 1))
    }

    fn too_high(&self, at: &Point) -> bool {
        at.loss > self.start.loss + ENOUGH_DECREASE * at.step * self.start.slope
    }

    fn flat(&self, at: &Point) -> bool {
        at.slope.abs() <= -FLAT_ENOUGH * self.start.slope
    }
}

/// A step between two points: where the cubic through them has its minimum, unless that is close to an end for the
/// second time (`slow`), when it is a tenth of the way from that end.
fn between(a: &Point, b: &Point, slow: &mut bool) -> f64 {
    let (least, most) = (a.step.min(b.step), a.step.max(b.step));
    let step = interpolate(a, b, (least, most));
    let margin = 0.1 * (most - least);
    let close = (most - step).min(step - least) < margin;
    let moved = close && (*slow || step >= most || step <= least);
    *slow = close && !moved;
    match moved {
        true if (step - most).abs() < (step - least).abs() => most - margin,
        true => least + margin,
        false => step,
    }
}

/// Where the cubic with the losses and slopes of two points has its minimum, within bounds; the middle of the bounds
/// where it has none.
fn interpolate(a: &Point, b: &Point, (least, most): (f64, f64)) -> f64 {
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.step - b.step);
    let square = d1 * d1 - a.slope * b.slope;
    let d2 = square.sqrt();
    let (near, far) = if a.step <= b.step { (a, b) } else { (b, a) };
    let step =
        far.step - (far.step - near.step) * ((far.slope + d2 - d1) / (far.slope - near.slope + 2.0 * d2));
    if step.is_nan() { (least + most) / 2.0 } else { step.max(least).min(most) }
}
