//! L-BFGS, for smooth problems whose loss over all samples can be computed at once.

mod wolfe;

use anygrad_graph::Tensor;

use super::space::{Point, Space};
use super::within;
use crate::error::{Error, Result};
use crate::params::Params;

/// Limited-memory BFGS (Nocedal 1980; Liu & Nocedal 1989) with a line search to the strong Wolfe conditions (Nocedal &
/// Wright 2006, algorithms 3.5 and 3.6), step by step as PyTorch's `LBFGS(line_search_fn="strong_wolfe")`.
///
/// A direction is `−H·g`, where `H` approximates the inverse of the matrix of second derivatives from the last
/// `history` steps `s` and changes of the gradient `y`. Along it the loss is searched for a step that makes it smaller
/// by enough (`c₁ = 10⁻⁴`) and its slope flat enough (`c₂ = 0.9`). It needs far fewer steps than descent where the loss
/// is smooth and always the same function, and none of it holds for mini-batches or dropout.
///
/// ```
/// use anygrad_graph::Device;
/// use anygrad_nn::{Init, Lbfgs, Params};
/// let params = Params::new(&Device::cpu(), 42);
/// let w = params.at("w").parameter("", [2], Init::Zeros);
/// // the minimum of (w − 3)² is at 3
/// let found = Lbfgs::default().minimize(&params, || (w.tensor() - 3.0).square().sum_all())?;
/// assert!(found.losses[0] == 18.0 && found.loss() < 1e-9);
/// assert_eq!(w.tensor().to_vec::<f32>()?, [3.0, 3.0]);
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
///
/// It is driven from the host, which reads some numbers in every iteration; vectors stay on the device. It keeps
/// `2·history` vectors of the size of all parameters together while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lbfgs {
    /// The first step that is tried along a direction; 1.
    pub rate: f64,
    /// How many iterations there are at most; 20.
    pub max_iter: usize,
    /// How often loss and gradient are computed at most, unless an iteration is not finished; 25, or 1.25 times the
    /// iterations where it is `None`.
    pub max_eval: Option<usize>,
    /// It is done when no element of the gradient is larger; 1e-7.
    pub tolerance_grad: f64,
    /// It is done when neither the loss nor a parameter changes by more; 1e-9.
    pub tolerance_change: f64,
    /// How many of the last steps are kept; 100.
    pub history: usize,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Self {
            rate: 1.0,
            max_iter: 20,
            max_eval: None,
            tolerance_grad: 1e-7,
            tolerance_change: 1e-9,
            history: 100,
        }
    }
}

/// What [`Lbfgs::minimize`] has done.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LbfgsReport {
    /// The loss at first and after each iteration.
    pub losses: Vec<f64>,
    /// How often loss and gradient were computed.
    pub evaluations: usize,
    /// Why it ended.
    pub stop: LbfgsStop,
}

impl LbfgsReport {
    /// The loss in the end.
    pub fn loss(&self) -> f64 {
        self.losses.last().copied().unwrap_or(f64::NAN)
    }
}

/// Why [`Lbfgs::minimize`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LbfgsStop {
    /// The gradient is as good as 0: a minimum, or another point where the loss is flat.
    Gradient,
    /// Neither the loss nor the parameters change any more.
    NoProgress,
    /// The direction does not lead down, which rounding can bring about close to the minimum.
    NoDescent,
    /// There were as many iterations as allowed.
    Iterations,
    /// There were as many evaluations as allowed.
    Evaluations,
}

/// Steps below this curvature would spoil the approximation.
const LEAST_CURVATURE: f64 = 1e-10;

/// The last steps, and the factor of the matrix that they change.
struct History {
    longest: usize,
    /// `s`, `y` and `1 / (y·s)`.
    steps: Vec<(Tensor, Tensor, f64)>,
    scale: f64,
}

impl History {
    fn push(&mut self, s: Tensor, y: Tensor) -> Result<()> {
        let (curvature, square) = (y.dot(&s), y.dot(&y));
        anygrad_graph::eval(&[&s, &y, &curvature, &square])?;
        let curvature = curvature.item_f64()?;
        if curvature > LEAST_CURVATURE {
            if self.steps.len() >= self.longest {
                self.steps.remove(0);
            }
            self.steps.push((s, y, 1.0 / curvature));
            self.scale = curvature / square.item_f64()?;
        }
        Ok(())
    }

    /// `−H·g` by the two loops of Nocedal & Wright, algorithm 7.4; all of it is recorded as one graph.
    fn direction(&self, gradient: &Tensor) -> Tensor {
        let mut q = -gradient;
        let mut factors = Vec::with_capacity(self.steps.len());
        for (s, y, inverse) in self.steps.iter().rev() {
            let factor = s.dot(&q) * *inverse;
            q = q - y * &factor;
            factors.push(factor);
        }
        let mut r = q * self.scale;
        for ((s, y, inverse), factor) in self.steps.iter().zip(factors.into_iter().rev()) {
            let other = y.dot(&r) * *inverse;
            r = r + s * (factor - other);
        }
        r
    }
}

impl Lbfgs {
    /// Changes the parameters that are not frozen so that `loss` gets smaller. `loss` records it anew with each call,
    /// from the parameters as they are then, and gives the same for the same parameters.
    ///
    /// # Errors
    /// A setting out of range; the loss or its gradient was recorded with an error; the device failed. The parameters
    /// are those of the last whole iteration then.
    #[track_caller]
    pub fn minimize(&self, params: &Params, mut loss: impl FnMut() -> Tensor) -> Result<LbfgsReport> {
        self.check()?;
        let mut space = Space::new("Lbfgs", params, &mut loss)?;
        let found = self.run(&mut space);
        if found.is_err() {
            // the error that has happened is worth more than one of going back
            let _ = space.go_back();
        }
        found
    }

    fn run(&self, space: &mut Space<'_>) -> Result<LbfgsReport> {
        let max_eval = self.max_eval.unwrap_or(self.max_iter.saturating_mul(5) / 4);
        let mut now = space.start()?;
        let mut found = LbfgsReport { losses: vec![now.loss], evaluations: 1, stop: LbfgsStop::Gradient };
        let mut history = History { longest: self.history, steps: Vec::new(), scale: 1.0 };
        let mut rate = self.rate * (1.0 / now.gradient.abs().sum_all().item_f64()?).min(1.0);
        while now.largest > self.tolerance_grad {
            let direction = history.direction(&now.gradient);
            let (slope, longest) = (now.gradient.dot(&direction), direction.abs().max_all());
            anygrad_graph::eval(&[&direction, &slope, &longest])?;
            now.slope = slope.item_f64()?;
            let longest = longest.item_f64()?;
            // a slope that is NaN is none either
            if now.slope.is_nan() || now.slope > -self.tolerance_change {
                found.stop = LbfgsStop::NoDescent;
                break;
            }
            let search = wolfe::Search {
                start: &now,
                longest,
                tolerance: self.tolerance_change,
                most: max_eval.saturating_sub(found.evaluations),
            };
            let (next, evaluations) = search.run(rate, |step| space.at(&direction, step))?;
            rate = self.rate;
            space.go(&direction, next.step)?;
            found.evaluations += evaluations;
            found.losses.push(next.loss);
            if let Some(stop) = self.stop(&found, max_eval, &next, (next.loss - now.loss).abs(), longest) {
                found.stop = stop;
                break;
            }
            history.push(&direction * next.step, &next.gradient - &now.gradient)?;
            now = Point { step: 0.0, ..next };
        }
        Ok(found)
    }

    fn stop(
        &self,
        found: &LbfgsReport,
        max_eval: usize,
        at: &Point,
        change: f64,
        longest: f64,
    ) -> Option<LbfgsStop> {
        if found.losses.len() > self.max_iter {
            return Some(LbfgsStop::Iterations);
        }
        if found.evaluations >= max_eval {
            return Some(LbfgsStop::Evaluations);
        }
        if at.largest <= self.tolerance_grad {
            return Some(LbfgsStop::Gradient);
        }
        let still = longest * at.step.abs() <= self.tolerance_change || change < self.tolerance_change;
        still.then_some(LbfgsStop::NoProgress)
    }

    fn check(&self) -> Result<()> {
        within("Lbfgs", "rate", self.rate, f64::MIN_POSITIVE, f64::INFINITY)?;
        within("Lbfgs", "tolerance_grad", self.tolerance_grad, 0.0, f64::INFINITY)?;
        within("Lbfgs", "tolerance_change", self.tolerance_change, 0.0, f64::INFINITY)?;
        for (name, value) in [("max_iter", self.max_iter), ("history", self.history)] {
            if value == 0 {
                let message = format!("{name} is 0; it must be at least 1");
                return Err(Error::Setting { what: "Lbfgs", message });
            }
        }
        Ok(())
    }
}
