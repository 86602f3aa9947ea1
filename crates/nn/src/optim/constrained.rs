use anygrad_graph::Tensor;

use super::{Optimizer, known, within};
use crate::error::{Error, Result};
use crate::glob::fits;
use crate::params::Params;

/// What weights have to satisfy after each update, with Keras' formulas (`keras.constraints`):
///
/// ```text
/// max norm:       w · min(‖w‖, max) / (‖w‖ + 10⁻⁷)
/// unit norm:      w / (‖w‖ + 10⁻⁷)
/// min-max norm:   w · (rate · min(max(‖w‖, min), max) + (1 − rate) · ‖w‖) / (‖w‖ + 10⁻⁷)
/// non-negative:   max(w, 0)
/// ```
///
/// Norms are those of units: of the slices of the first axis, which in this crate's layers are the weights that lead
/// to one output or channel, and of a vector as a whole. [`axes`](Constraint::axes) chooses others. (Keras' dense
/// kernels have the output last, so its `axis=0` is the default here.)
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::Constraint;
/// let w = Tensor::from_slice(&[3.0f32, 4.0, 0.3, 0.4], [2, 2], &Device::cpu());
/// let held = Constraint::max_norm(1.0).apply(&w).to_vec::<f32>()?;
/// // the first row had the length 5, the second 0.5
/// assert!(held.iter().zip([0.6, 0.8, 0.3, 0.4]).all(|(a, b)| (a - b).abs() < 1e-6));
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[doc(alias("MaxNorm", "UnitNorm", "NonNeg", "MinMaxNorm"))]
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    kind: Kind,
    axes: Option<Vec<isize>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    MaxNorm { max: f64 },
    UnitNorm,
    MinMaxNorm { min: f64, max: f64, rate: f64 },
    NonNegative,
}

/// Keeps the quotients finite where all weights are 0.
const EPSILON: f64 = 1e-7;

impl Constraint {
    /// Scales units down whose norm is above `max`.
    pub fn max_norm(max: f64) -> Self {
        Self { kind: Kind::MaxNorm { max }, axes: None }
    }

    /// Scales units to a norm of 1.
    pub fn unit_norm() -> Self {
        Self { kind: Kind::UnitNorm, axes: None }
    }

    /// Scales units whose norm is below `min` or above `max`: wholly with a `rate` of 1, and by that part of the way
    /// with a smaller one.
    pub fn min_max_norm(min: f64, max: f64, rate: f64) -> Self {
        Self { kind: Kind::MinMaxNorm { min, max, rate }, axes: None }
    }

    /// Makes negative weights 0.
    pub fn non_negative() -> Self {
        Self { kind: Kind::NonNegative, axes: None }
    }

    /// The axes that a norm is taken over: all but the first, unless this is called.
    #[must_use]
    pub fn axes(mut self, axes: &[isize]) -> Self {
        self.axes = Some(axes.to_vec());
        self
    }

    /// The weights as they have to be.
    #[track_caller]
    pub fn apply(&self, w: &Tensor) -> Tensor {
        let clipped = |norm: &Tensor| match self.kind {
            Kind::MaxNorm { max } => norm.minimum(max),
            Kind::MinMaxNorm { min, max, rate } => {
                norm.maximum(min).minimum(max) * rate + norm * (1.0 - rate)
            }
            Kind::UnitNorm | Kind::NonNegative => norm.ones_like(),
        };
        if self.kind == Kind::NonNegative {
            return w.maximum(0.0);
        }
        let rank = w.rank() as isize;
        let others = || (isize::from(rank > 1)..rank).collect();
        let axes: Vec<isize> = self.axes.clone().unwrap_or_else(others);
        let norm = w.square().sum_keep(&axes).sqrt();
        w * (clipped(&norm) / (norm + EPSILON))
    }

    fn check(&self) -> Result<()> {
        match self.kind {
            Kind::MaxNorm { max } => within("max_norm", "max", max, f64::MIN_POSITIVE, f64::INFINITY),
            Kind::MinMaxNorm { min, max, rate } => {
                within("min_max_norm", "min", min, 0.0, f64::INFINITY)?;
                within("min_max_norm", "max", max, f64::MIN_POSITIVE.max(min), f64::INFINITY)?;
                if (0.0..=1.0).contains(&rate) {
                    return Ok(());
                }
                let message = format!("rate is {rate}; it must be in [0, 1]");
                Err(Error::Setting { what: "min_max_norm", message })
            }
            Kind::UnitNorm | Kind::NonNegative => Ok(()),
        }
    }
}

/// An optimizer whose updates satisfy constraints: what it makes of the parameters whose paths fit a pattern goes
/// through a [`Constraint`], in the same plan. Where several patterns fit, all count, in order.
///
/// ```
/// use anygrad_nn::{Constrained, Constraint, Sgd};
///
/// let optimizer = Constrained::new(Sgd::default())
///     .with("*.weight", Constraint::max_norm(3.0))
///     .with("output.bias", Constraint::non_negative());
/// # drop(optimizer);
/// ```
///
/// A pattern that fits no parameter is an error of the step.
#[derive(Clone, Debug, PartialEq)]
pub struct Constrained<O> {
    inner: O,
    constraints: Vec<(String, Constraint)>,
}

impl<O: Optimizer> Constrained<O> {
    /// `inner`, without a constraint yet.
    pub fn new(inner: O) -> Self {
        Self { inner, constraints: Vec::new() }
    }

    /// With a constraint for the parameters that fit `pattern`, in which `*` stands for any characters and `?` for
    /// one.
    #[must_use]
    pub fn with(mut self, pattern: impl Into<String>, constraint: Constraint) -> Self {
        self.constraints.push((pattern.into(), constraint));
        self
    }
}

impl<O: Optimizer> Optimizer for Constrained<O> {
    fn state(&self) -> &'static [&'static str] {
        self.inner.state()
    }

    fn update(&self, step: u64, lr: f64, w: &Tensor, g: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        self.inner.update(step, lr, w, g, state)
    }

    fn check(&self) -> Result<()> {
        self.constraints.iter().try_for_each(|(_, constraint)| constraint.check())?;
        self.inner.check()
    }

    fn default_rate(&self) -> f64 {
        self.inner.default_rate()
    }

    fn state_at(&self, path: &str) -> &'static [&'static str] {
        self.inner.state_at(path)
    }

    fn update_at(
        &self,
        path: &str,
        step: u64,
        lr: f64,
        w: &Tensor,
        g: &Tensor,
        state: &[Tensor],
    ) -> (Tensor, Vec<Tensor>) {
        let (next, state) = self.inner.update_at(path, step, lr, w, g, state);
        let chosen = self.constraints.iter().filter(|(pattern, _)| fits(pattern, path));
        (chosen.fold(next, |w, (_, constraint)| constraint.apply(&w)), state)
    }

    fn trains(&self, path: &str) -> bool {
        self.inner.trains(path)
    }

    fn check_for(&self, params: &Params) -> Result<()> {
        self.constraints.iter().try_for_each(|(pattern, _)| known(params, pattern))?;
        self.inner.check_for(params)
    }
}
