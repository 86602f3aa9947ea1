//! Initial values.

use anygrad_graph::Shape;

use crate::random::Stream;

/// How the values of a new parameter are chosen.
///
/// Fans are counted as in PyTorch: a weight `[out, in, *kernel]` has `fan_in = in · ∏ kernel` and
/// `fan_out = out · ∏ kernel`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// 0.
    Zeros,
    /// 1.
    Ones,
    /// One number for all.
    Constant(f64),
    /// Uniform in `[low, high)`.
    Uniform {
        /// Smallest value.
        low: f64,
        /// Above the largest value.
        high: f64,
    },
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        deviation: f64,
    },
    /// Uniform in ±√(6 / (fan_in + fan_out)): Glorot & Bengio 2010, for tanh and sigmoid.
    XavierUniform,
    /// Normal with deviation √(2 / (fan_in + fan_out)): Glorot & Bengio 2010.
    XavierNormal,
    /// Uniform in ±√(6 / fan_in): He et al. 2015, for ReLU.
    HeUniform,
    /// Normal with deviation √(2 / fan_in): He et al. 2015, for ReLU.
    HeNormal,
    /// Uniform in ±1/√fan_in: PyTorch's default for linear and convolution layers.
    FanInUniform,
}

/// An [`Init`] with its numbers worked out for a shape.
pub(crate) enum Sampler {
    Constant(f64),
    Uniform(f64, f64),
    Normal(f64, f64),
}

impl Init {
    pub(crate) fn sampler(self, shape: &Shape) -> Result<Sampler, String> {
        let around = |bound: f64| Sampler::Uniform(-bound, bound);
        let sampler = match self {
            Init::Zeros => Sampler::Constant(0.0),
            Init::Ones => Sampler::Constant(1.0),
            Init::Constant(value) => Sampler::Constant(value),
            Init::Uniform { low, high } => Sampler::Uniform(low, high),
            Init::Normal { mean, deviation } => Sampler::Normal(mean, deviation),
            Init::XavierUniform => fans(shape).map(|(i, o)| around((6.0 / (i + o)).sqrt()))?,
            Init::XavierNormal => fans(shape).map(|(i, o)| Sampler::Normal(0.0, (2.0 / (i + o)).sqrt()))?,
            Init::HeUniform => fans(shape).map(|(i, _)| around((6.0 / i).sqrt()))?,
            Init::HeNormal => fans(shape).map(|(i, _)| Sampler::Normal(0.0, (2.0 / i).sqrt()))?,
            Init::FanInUniform => fans(shape).map(|(i, _)| around((1.0 / i).sqrt()))?,
        };
        match sampler {
            Sampler::Uniform(low, high) if !(low <= high && (high - low).is_finite()) => {
                Err(format!("there are no uniform numbers in [{low}, {high})"))
            }
            Sampler::Normal(mean, deviation)
                if !(mean.is_finite() && deviation.is_finite() && deviation >= 0.0) =>
            {
                Err(format!("there are no normal numbers with mean {mean} and deviation {deviation}"))
            }
            sampler => Ok(sampler),
        }
    }
}

impl Sampler {
    /// Element `i`, in row-major order.
    pub fn at(&self, stream: &Stream, i: u64) -> f64 {
        match *self {
            Sampler::Constant(value) => value,
            Sampler::Uniform(low, high) => low + (high - low) * stream.uniform(i),
            Sampler::Normal(mean, deviation) => mean + deviation * stream.normal(i),
        }
    }
}

/// fan_in and fan_out of `[out, in, *kernel]`; at least 1 each, since a weight without inputs has no elements.
fn fans(shape: &Shape) -> Result<(f64, f64), String> {
    match &shape[..] {
        [outputs, inputs, kernel @ ..] => {
            let taps: f64 = kernel.iter().map(|&k| k as f64).product();
            Ok(((*inputs as f64 * taps).max(1.0), (*outputs as f64 * taps).max(1.0)))
        }
        _ => Err("fans are defined for weights [out, in, ..] only; use Zeros, Uniform or Normal".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_follow_the_fans() {
        // [out 8, in 3, 2×2]: fan_in 12, fan_out 32
        let shape = Shape::from([8, 3, 2, 2]);
        let spread = |init: Init| match init.sampler(&shape) {
            Ok(Sampler::Uniform(low, high)) => {
                assert_eq!(low, -high);
                high
            }
            Ok(Sampler::Normal(mean, deviation)) => {
                assert_eq!(mean, 0.0);
                deviation
            }
            _ => panic!("{init:?}"),
        };
        assert_eq!(spread(Init::XavierUniform), (6.0f64 / 44.0).sqrt());
        assert_eq!(spread(Init::XavierNormal), (2.0f64 / 44.0).sqrt());
        assert_eq!(spread(Init::HeUniform), 0.5f64.sqrt());
        assert_eq!(spread(Init::HeNormal), (2.0f64 / 12.0).sqrt());
        assert_eq!(spread(Init::FanInUniform), (1.0f64 / 12.0).sqrt());
    }

    #[test]
    fn numbers_that_cannot_be_drawn_are_named() {
        let message = |init: Init, shape: Shape| init.sampler(&shape).err().unwrap_or_default();
        assert!(message(Init::HeNormal, Shape::from([3])).contains("fans are defined"));
        assert!(message(Init::Uniform { low: 1.0, high: 0.0 }, Shape::from([3])).contains("[1, 0)"));
        assert!(message(Init::Normal { mean: 0.0, deviation: f64::NAN }, Shape::from([3])).contains("NaN"));
    }
}
