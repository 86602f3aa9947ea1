use std::f32::consts::PI;

use crate::error::check_spread;
use crate::shuffle::Random;
use crate::{Dataset, Result};

/// `count` points of y = w · x + b + noise: inputs `[weights.len()]` uniform in [−1, 1), one number a target; `noise` is
/// the standard deviation of y from the plane.
///
/// ```
/// let line = anygrad_data::synthetic::linear(50, &[3.0], -1.0, 0.0, 7)?;
/// let anygrad_data::Targets::Values { values, .. } = line.targets() else { unreachable!() };
/// assert!(line.inputs().iter().zip(values).all(|(x, y)| (3.0 * x - 1.0 - y).abs() < 1e-6));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`](crate::DataError::Setting) if `noise` is not finite and at least 0;
/// [`DataError::SampleShape`](crate::DataError::SampleShape) if there are no weights.
pub fn linear(count: usize, weights: &[f32], bias: f32, noise: f32, seed: u64) -> Result<Dataset> {
    check_spread("linear", "noise", noise.into())?;
    let (at, around) = (Random::new(seed, 0), Random::new(seed, 1));
    let width = weights.len() as u64;
    let numbers = (count as u64).checked_mul(width).filter(|&numbers| numbers < 1 << 40);
    let shape = || vec![count, weights.len()];
    let numbers = numbers.ok_or_else(|| crate::DataError::SampleShape { what: "inputs", shape: shape() })?;
    let inputs: Vec<f32> = (0..numbers).map(|i| 2.0 * at.uniform(i) - 1.0).collect();
    let targets = inputs.chunks(weights.len().max(1)).zip(0..).map(|(x, i)| {
        x.iter().zip(weights).map(|(x, w)| x * w).sum::<f32>() + bias + noise * around.normal(i)
    });
    let targets = targets.collect();
    Dataset::values(inputs, [weights.len()], targets, [])
}

/// `count` points of y = sin x + noise: inputs `[1]` uniform in [−π, π), one number a target.
///
/// ```
/// let wave = anygrad_data::synthetic::sine(50, 0.0, 7)?;
/// let anygrad_data::Targets::Values { values, .. } = wave.targets() else { unreachable!() };
/// assert!(wave.inputs().iter().zip(values).all(|(x, y)| (x.sin() - y).abs() < 1e-6));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`](crate::DataError::Setting) if `noise` is not finite and at least 0.
pub fn sine(count: usize, noise: f32, seed: u64) -> Result<Dataset> {
    check_spread("sine", "noise", noise.into())?;
    curve(count, PI, noise, seed, f32::sin)
}

/// `count` points of y = c₀ + c₁ x + c₂ x² + .. + noise: inputs `[1]` uniform in [−1, 1), one number a target.
///
/// ```
/// let parabola = anygrad_data::synthetic::polynomial(50, &[1.0, 0.0, 2.0], 0.0, 7)?;
/// let anygrad_data::Targets::Values { values, .. } = parabola.targets() else { unreachable!() };
/// assert!(parabola.inputs().iter().zip(values).all(|(x, y)| (1.0 + 2.0 * x * x - y).abs() < 1e-6));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`](crate::DataError::Setting) if `noise` is not finite and at least 0.
pub fn polynomial(count: usize, coefficients: &[f32], noise: f32, seed: u64) -> Result<Dataset> {
    check_spread("polynomial", "noise", noise.into())?;
    // Horner's rule
    curve(count, 1.0, noise, seed, |x| coefficients.iter().rev().fold(0.0, |y, c| y * x + c))
}

/// Points of y = f(x) + noise, x uniform in [−`reach`, `reach`).
fn curve(count: usize, reach: f32, noise: f32, seed: u64, f: impl Fn(f32) -> f32) -> Result<Dataset> {
    let (at, around) = (Random::new(seed, 0), Random::new(seed, 1));
    let inputs: Vec<f32> = (0..count as u64).map(|i| reach * (2.0 * at.uniform(i) - 1.0)).collect();
    let targets = inputs.iter().zip(0..).map(|(&x, i)| f(x) + noise * around.normal(i)).collect();
    Dataset::values(inputs, [1], targets, [])
}
