use std::f32::consts::TAU;

use crate::error::check_spread;
use crate::shuffle::Random;
use crate::{DataError, Result};

/// What a made-up time series is the sum of; what is not named keeps its default.
///
/// ```
/// use anygrad_data::synthetic::{SeriesSettings, series};
/// let settings = SeriesSettings { trend: 0.5, amplitude: 0.0, noise: 0.0, ..SeriesSettings::default() };
/// assert_eq!(series(4, &settings, 1)?, [0.0, 0.5, 1.0, 1.5]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSettings {
    /// The value at time 0; 0.
    pub start: f32,
    /// The growth in one step; 0.
    pub trend: f32,
    /// The height of the wave; 1.
    pub amplitude: f32,
    /// Steps in one wave, above 0; 12.
    pub period: f32,
    /// The standard deviation of each value from the curve, at least 0; 0.1.
    pub noise: f32,
}

impl Default for SeriesSettings {
    fn default() -> Self {
        Self { start: 0.0, trend: 0.0, amplitude: 1.0, period: 12.0, noise: 0.1 }
    }
}

/// A time series of `len` values: start + trend · t + amplitude · sin(2 π t / period) + noise · n, for t = 0, 1, ..
///
/// For samples of it see [`windows`](crate::sequence::windows).
///
/// # Errors
/// [`DataError::Setting`] if the noise is not finite and at least 0, or the period is not above 0.
pub fn series(len: usize, settings: &SeriesSettings, seed: u64) -> Result<Vec<f32>> {
    check_spread("series", "noise", settings.noise.into())?;
    if settings.period.is_nan() || settings.period <= 0.0 {
        return Err(DataError::setting("series", "period", settings.period, "above 0"));
    }
    let around = Random::new(seed, 0);
    let value = |i: u64| {
        let time = i as f32;
        let wave = (TAU * time / settings.period).sin();
        settings.start + settings.trend * time + settings.amplitude * wave + settings.noise * around.normal(i)
    };
    Ok((0..len as u64).map(value).collect())
}

/// A time series of `len` values that starts at 0 and moves by a normal step of standard deviation `step` each time: no
/// forecast of it beats the value before.
///
/// ```
/// assert_eq!(anygrad_data::synthetic::random_walk(3, 0.0, 1)?, [0.0; 3]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if `step` is not finite and at least 0.
pub fn random_walk(len: usize, step: f32, seed: u64) -> Result<Vec<f32>> {
    check_spread("random_walk", "step", step.into())?;
    let steps = Random::new(seed, 0);
    let walk = (0..len as u64).scan(0.0, |at, i| {
        let here = *at;
        *at += step * steps.normal(i);
        Some(here)
    });
    Ok(walk.collect())
}
