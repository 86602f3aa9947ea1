//! Initial values.

mod gain;
mod matrix;

pub use gain::{calculate_gain, leaky_relu_gain};

use anygrad_graph::Shape;

use crate::random::Stream;

/// How the values of a new parameter are chosen.
///
/// Fans are counted as in PyTorch: a weight `[out, in, *kernel]` has `fan_in = in · ∏ kernel` and
/// `fan_out = out · ∏ kernel`.
///
/// ```
/// use anygrad_graph::Device;
/// use anygrad_nn::{Fan, Init, Linear, Params, Spread, calculate_gain};
/// let params = Params::new(&Device::cpu(), 42);
/// let _hidden = Linear::new(params.at("hidden"), 64, 32).init(Init::HeNormal);
/// let _recurrent = Linear::new(params.at("recurrent"), 32, 32).init(Init::Orthogonal { gain: 1.0 });
/// // torch.nn.init.xavier_normal_(w, gain=calculate_gain("tanh"))
/// let xavier = Init::VarianceScaling { gain: calculate_gain("tanh")?, fan: Fan::Average, spread: Spread::Normal };
/// let _output = Linear::new(params.at("output"), 32, 10).init(xavier).bias_init(Init::Zeros);
/// params.check()?;
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
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
    /// Normal, drawn again while outside of `[low, high]`: `torch.nn.init.trunc_normal_`. The bounds are values, not
    /// multiples of the deviation; [`Init::truncated_normal`] puts them two deviations away.
    TruncatedNormal {
        /// Mean of the normal distribution before it is cut.
        mean: f64,
        /// Its standard deviation.
        deviation: f64,
        /// Smallest value; −∞ for none.
        low: f64,
        /// Largest value; ∞ for none.
        high: f64,
    },
    /// Uniform in ±√(6 / (fan_in + fan_out)): Glorot & Bengio 2010, for tanh and sigmoid.
    XavierUniform,
    /// Normal with deviation √(2 / (fan_in + fan_out)): Glorot & Bengio 2010.
    XavierNormal,
    /// Uniform in ±√(6 / fan_in): He et al. 2015, for ReLU.
    HeUniform,
    /// Normal with deviation √(2 / fan_in): He et al. 2015, for ReLU. (PyTorch's `kaiming_normal_`; Keras' `he_normal`
    /// is [`Init::VarianceScaling`] with gain √2 and [`Spread::TruncatedNormal`].)
    HeNormal,
    /// Uniform in ±√(3 / fan_in): LeCun et al. 1998, for SELU and tanh.
    LeCunUniform,
    /// Normal with deviation 1/√fan_in: LeCun et al. 1998. (Keras' `lecun_normal` is [`Init::VarianceScaling`] with gain
    /// 1 and [`Spread::TruncatedNormal`].)
    LeCunNormal,
    /// Uniform in ±1/√fan_in: PyTorch's default for linear and convolution layers.
    FanInUniform,
    /// Mean 0 and variance `gain² / fan`, whatever the distribution: all of Xavier's, He's and LeCun's with another gain
    /// or fan. Keras' `VarianceScaling(scale)` has `scale = gain²`.
    VarianceScaling {
        /// By how much deviations are larger than 1/√fan; see [`calculate_gain`].
        gain: f64,
        /// What is counted.
        fan: Fan,
        /// The distribution.
        spread: Spread,
    },
    /// A matrix with orthonormal rows or columns, whichever are fewer, times `gain`, so that it keeps lengths (Saxe et
    /// al. 2014); uniform among all such. A weight `[out, in, *kernel]` is taken as `[out, in·∏ kernel]`. As
    /// `torch.nn.init.orthogonal_`: the Q of a QR factorisation of normal numbers whose R has a positive diagonal. It
    /// takes `larger · smaller²` multiplications on the CPU.
    Orthogonal {
        /// Length of the orthogonal vectors.
        gain: f64,
    },
    /// `gain` on the diagonal of a matrix and 0 elsewhere: `torch.nn.init.eye_`, Keras' `Identity`.
    Identity {
        /// What is on the diagonal.
        gain: f64,
    },
    /// 1 in the middle of the kernels that lead from input channel `i` to output channel `i` of each group, 0 elsewhere:
    /// a convolution with `same` padding and odd kernels that leaves its input as it is, `torch.nn.init.dirac_`.
    Dirac {
        /// Groups of the convolution; 1 in most cases.
        groups: usize,
    },
}

/// What [`Init::VarianceScaling`] divides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fan {
    /// fan_in: activations keep their variance.
    In,
    /// fan_out: gradients keep their variance.
    Out,
    /// (fan_in + fan_out) / 2.
    Average,
}

/// The distribution of [`Init::VarianceScaling`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spread {
    /// Uniform in ±√(3 · variance).
    Uniform,
    /// Normal.
    Normal,
    /// Normal, cut at two deviations and widened so that the variance is what was asked for, as in Keras.
    TruncatedNormal,
}

/// The deviation of a normal distribution with deviation 1 that is cut at ±2.
const CUT_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// An [`Init`] with its numbers worked out for a shape.
pub(crate) enum Sampler {
    Constant(f64),
    Uniform(f64, f64),
    Normal(f64, f64),
    /// Mean, deviation, and the bounds in deviations from the mean.
    Truncated(f64, f64, f64, f64),
    /// Element by element.
    Table(Vec<f64>),
}

impl Init {
    /// Normal with this mean and deviation, drawn again where it is more than two deviations away: Keras'
    /// `TruncatedNormal`. What comes out has 0.88 times the deviation.
    pub fn truncated_normal(mean: f64, deviation: f64) -> Self {
        Self::TruncatedNormal { mean, deviation, low: mean - 2.0 * deviation, high: mean + 2.0 * deviation }
    }

    pub(crate) fn sampler(self, shape: &Shape, stream: &Stream) -> Result<Sampler, String> {
        let sampler = match self {
            Init::Zeros => Sampler::Constant(0.0),
            Init::Ones => Sampler::Constant(1.0),
            Init::Constant(value) => Sampler::Constant(value),
            Init::Uniform { low, high } => Sampler::Uniform(low, high),
            Init::Normal { mean, deviation } => Sampler::Normal(mean, deviation),
            Init::TruncatedNormal { mean, deviation, low, high } => {
                Sampler::Truncated(mean, deviation, (low - mean) / deviation, (high - mean) / deviation)
            }
            Init::XavierUniform => scaled(shape, 1.0, Fan::Average, Spread::Uniform)?,
            Init::XavierNormal => scaled(shape, 1.0, Fan::Average, Spread::Normal)?,
            Init::HeUniform => scaled(shape, 2.0, Fan::In, Spread::Uniform)?,
            Init::HeNormal => scaled(shape, 2.0, Fan::In, Spread::Normal)?,
            Init::LeCunUniform => scaled(shape, 1.0, Fan::In, Spread::Uniform)?,
            Init::LeCunNormal => scaled(shape, 1.0, Fan::In, Spread::Normal)?,
            Init::FanInUniform => {
                let bound = (1.0 / fan(shape, Fan::In)?).sqrt();
                Sampler::Uniform(-bound, bound)
            }
            Init::VarianceScaling { gain, fan, spread } => scaled(shape, finite(gain)?.powi(2), fan, spread)?,
            Init::Orthogonal { gain } => Sampler::Table(matrix::orthogonal(shape, finite(gain)?, stream)?),
            Init::Identity { gain } => Sampler::Table(matrix::identity(shape, gain)?),
            Init::Dirac { groups } => Sampler::Table(matrix::dirac(shape, groups)?),
        };
        sampler.checked()
    }
}

impl Sampler {
    fn checked(self) -> Result<Self, String> {
        match self {
            Sampler::Uniform(low, high) if !(low <= high && (high - low).is_finite()) => {
                Err(format!("there are no uniform numbers in [{low}, {high})"))
            }
            Sampler::Normal(mean, deviation)
                if !(mean.is_finite() && deviation.is_finite() && deviation >= 0.0) =>
            {
                Err(format!("there are no normal numbers with mean {mean} and deviation {deviation}"))
            }
            Sampler::Truncated(mean, deviation, low, high)
                if !(mean.is_finite() && deviation.is_finite() && deviation > 0.0 && low < high) =>
            {
                let (low, high) = (mean + low * deviation, mean + high * deviation);
                Err(format!(
                    "there are no normal numbers with mean {mean} and deviation {deviation} between {low} and {high}"
                ))
            }
            sampler => Ok(sampler),
        }
    }

    /// Element `i`, in row-major order.
    pub fn at(&self, stream: &Stream, i: u64) -> f64 {
        match self {
            Sampler::Constant(value) => *value,
            Sampler::Uniform(low, high) => low + (high - low) * stream.uniform(i),
            Sampler::Normal(mean, deviation) => mean + deviation * stream.normal(i),
            Sampler::Truncated(mean, deviation, low, high) => {
                mean + deviation * stream.truncated(i, *low, *high)
            }
            Sampler::Table(values) => values.get(i as usize).copied().unwrap_or(0.0),
        }
    }
}

fn finite(gain: f64) -> Result<f64, String> {
    if gain.is_finite() { Ok(gain) } else { Err(format!("the gain is {gain}; it must be finite")) }
}

/// Mean 0 and variance `scale / fan`.
fn scaled(shape: &Shape, scale: f64, which: Fan, spread: Spread) -> Result<Sampler, String> {
    let fan = fan(shape, which)?;
    let deviation = (scale / fan).sqrt();
    Ok(match spread {
        Spread::Uniform => {
            let bound = (3.0 * scale / fan).sqrt();
            Sampler::Uniform(-bound, bound)
        }
        Spread::Normal => Sampler::Normal(0.0, deviation),
        Spread::TruncatedNormal if deviation == 0.0 => Sampler::Constant(0.0),
        Spread::TruncatedNormal => Sampler::Truncated(0.0, deviation / CUT_DEVIATION, -2.0, 2.0),
    })
}

/// A fan of `[out, in, *kernel]`; at least 1, since a weight without inputs has no elements.
fn fan(shape: &Shape, which: Fan) -> Result<f64, String> {
    match &shape[..] {
        [outputs, inputs, kernel @ ..] => {
            let taps: f64 = kernel.iter().map(|&k| k as f64).product();
            let (inputs, outputs) = ((*inputs as f64 * taps).max(1.0), (*outputs as f64 * taps).max(1.0));
            Ok(match which {
                Fan::In => inputs,
                Fan::Out => outputs,
                Fan::Average => (inputs + outputs) / 2.0,
            })
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
        let spread = |init: Init| match init.sampler(&shape, &Stream::new(0, "")) {
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
        assert_eq!(spread(Init::LeCunUniform), 0.5);
        assert_eq!(spread(Init::LeCunNormal), (1.0f64 / 12.0).sqrt());
        assert_eq!(spread(Init::FanInUniform), (1.0f64 / 12.0).sqrt());
        let scaled = |fan, spread| Init::VarianceScaling { gain: 2.0, fan, spread };
        assert_eq!(spread(scaled(Fan::Out, Spread::Normal)), (4.0f64 / 32.0).sqrt());
        assert_eq!(spread(scaled(Fan::Average, Spread::Uniform)), (12.0f64 / 22.0).sqrt());
    }

    #[test]
    fn numbers_that_cannot_be_drawn_are_named() {
        let message =
            |init: Init, shape: Shape| init.sampler(&shape, &Stream::new(0, "")).err().unwrap_or_default();
        assert!(message(Init::HeNormal, Shape::from([3])).contains("fans are defined"));
        assert!(message(Init::Uniform { low: 1.0, high: 0.0 }, Shape::from([3])).contains("[1, 0)"));
        assert!(message(Init::Normal { mean: 0.0, deviation: f64::NAN }, Shape::from([3])).contains("NaN"));
    }
}
