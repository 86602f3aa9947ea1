//! Gradients against central differences, in f64.

use std::fmt;

use anygrad_layout::DType;

use crate::error::Error;
use crate::{Device, Tensor, eval, grad_or_zeros};

/// The largest error that passes where nothing else is asked for.
const TOLERANCE: f64 = 1e-6;

/// Compares the gradients of `f` at `inputs` with central differences `(f(x + h) − f(x − h)) / 2h`, computed in f64 on
/// the CPU, and returns how near they are.
///
/// `f` is recorded anew for each difference, with inputs of the same shapes that are f64 on the CPU where they were
/// float; integers and bools stay as they are and are not moved. So `f` makes what it needs from its inputs, and draws
/// no new random numbers. An output that is no scalar is summed with fixed weights. Every element of every float input
/// is moved; [`GradCheck`] has settings for that and for the tolerance.
///
/// At a kink, such as `relu` at 0 or a tie in `max`, the two one-sided slopes differ, and no gradient passes: keep
/// inputs away from kinks by more than the step.
///
/// # Errors
/// A gradient differs by more than 10⁻⁶, see [`GradReport`]; `f` gives no float, or was recorded with an error; the
/// values of the inputs cannot be computed.
///
/// ```
/// use anygrad_graph::{Device, Tensor, custom_vjp, grad_check};
/// let x = Tensor::from_slice(&[0.3f32, -1.2], [2], &Device::cpu());
/// let report = grad_check(|t| t[0].tanh().square().sum_all(), &[&x])?;
/// assert!(report.error < 1e-8 && report.elements == 2);
///
/// // the derivative of x³ is not x²
/// let wrong = |t: &[Tensor]| custom_vjp(&[&t[0]], |x| x[0].powi(3), |v| vec![v.inputs[0].square() * v.grad]);
/// assert!(grad_check(wrong, &[&x]).is_err());
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
pub fn grad_check(f: impl Fn(&[Tensor]) -> Tensor, inputs: &[&Tensor]) -> Result<GradReport, Error> {
    GradCheck::default().check(f, inputs)
}

/// The settings of a gradient check; see [`grad_check`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradCheck {
    tolerance: f64,
    step: Option<f64>,
    at_most: usize,
}

impl Default for GradCheck {
    fn default() -> Self {
        Self { tolerance: TOLERANCE, step: None, at_most: usize::MAX }
    }
}

/// How near gradients are to central differences.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GradReport {
    /// The largest difference of an element of a gradient from its central difference, relative to the largest of
    /// these: the two, the largest element of that input's gradient, and a thousandth of the loss, which stands for
    /// the rounding of the difference. NaN if one of the two is NaN.
    pub error: f64,
    /// The element with that error; none if no input has elements.
    pub worst: Option<WorstElement>,
    /// How many elements were compared.
    pub elements: usize,
    /// The largest error that passes.
    pub tolerance: f64,
}

/// An element of a gradient beside its central difference.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorstElement {
    /// The place of the input among the inputs.
    pub input: usize,
    /// The place of the element in the input, in row-major order.
    pub element: usize,
    /// What the gradient says.
    pub gradient: f64,
    /// What the central difference says.
    pub difference: f64,
}

impl GradReport {
    /// Whether the error is within the tolerance.
    pub fn passed(&self) -> bool {
        // a NaN is not
        self.error <= self.tolerance
    }
}

impl fmt::Display for GradReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} elements, largest relative error {:.1e}", self.elements, self.error)?;
        if let Some(worst) = &self.worst {
            write!(
                f,
                " at element {} of input {}: the gradient is {:e}, the central difference {:e}",
                worst.element, worst.input, worst.gradient, worst.difference
            )?;
        }
        Ok(())
    }
}

impl GradCheck {
    /// The largest relative error that passes; 10⁻⁶ where nothing is said.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The step, times `max(1, |x|)` for an element `x`. Where nothing is said it is `ε^⅓ ≈ 6·10⁻⁶`, with which the
    /// curvature that a step leaves out and the rounding of a difference are of one size.
    pub fn step(mut self, step: f64) -> Self {
        self.step = Some(step);
        self
    }

    /// Compares at most this many elements of each input, evenly spread over it, for large inputs.
    pub fn at_most(mut self, elements: usize) -> Self {
        self.at_most = elements;
        self
    }

    /// The comparison; a gradient that is too far off is an error, as in [`grad_check`].
    ///
    /// # Errors
    /// As [`grad_check`].
    pub fn check(&self, f: impl Fn(&[Tensor]) -> Tensor, inputs: &[&Tensor]) -> Result<GradReport, Error> {
        let report = self.compare(f, inputs)?;
        match report.passed() {
            true => Ok(report),
            false => Err(Error::invalid("grad_check", format!("a gradient is wrong: {report}"))),
        }
    }

    /// The comparison; [`GradReport::passed`] says how it went.
    ///
    /// # Errors
    /// As [`grad_check`], but for gradients that differ.
    pub fn compare(&self, f: impl Fn(&[Tensor]) -> Tensor, inputs: &[&Tensor]) -> Result<GradReport, Error> {
        let step = self.step.unwrap_or_else(|| f64::EPSILON.cbrt());
        if !(step.is_finite() && step > 0.0) {
            return Err(Error::invalid("grad_check", format!("the step is {step}; it must be above 0")));
        }
        let points = inputs.iter().map(|t| Point::of(t)).collect::<Result<Vec<_>, _>>()?;
        let leaves: Vec<Tensor> = points.iter().map(|point| point.leaf.clone()).collect();
        let (loss, gradients) = slopes(&f, &points, &leaves)?;
        let mut report = GradReport { error: 0.0, worst: None, elements: 0, tolerance: self.tolerance };
        for (input, (point, gradient)) in points.iter().zip(&gradients).enumerate() {
            let Some(gradient) = gradient else { continue };
            let largest = gradient.iter().fold(loss.abs() * 1e-3, |most, g| most.max(g.abs()));
            for element in spread(point.values.len(), self.at_most) {
                let (x, gradient) = (point.values[element], gradient[element]);
                let h = step * x.abs().max(1.0);
                let at = |x: f64| loss_with(&f, point, &leaves, input, (element, x));
                // the step as it is after rounding
                let difference = (at(x + h)? - at(x - h)?) / ((x + h) - (x - h));
                report.add(WorstElement { input, element, gradient, difference }, largest);
            }
        }
        Ok(report)
    }
}

impl GradReport {
    fn add(&mut self, found: WorstElement, largest: f64) {
        let WorstElement { gradient, difference, .. } = found;
        let off = (gradient - difference).abs();
        let error = if off == 0.0 { 0.0 } else { off / largest.max(gradient.abs()).max(difference.abs()) };
        self.elements += 1;
        if self.worst.is_none() || error > self.error || (error.is_nan() && !self.error.is_nan()) {
            (self.error, self.worst) = (error, Some(found));
        }
    }
}

/// An input as the check moves it.
struct Point {
    leaf: Tensor,
    /// The elements; none for what is not moved.
    values: Vec<f64>,
}

impl Point {
    fn of(tensor: &Tensor) -> Result<Self, Error> {
        let cpu = Device::cpu();
        if !tensor.dtype().is_float() {
            tensor.check()?;
            return Ok(Self { leaf: tensor.to(&cpu), values: Vec::new() });
        }
        let values = crate::read::storage(tensor)?.to_f64_vec();
        Ok(Self { leaf: Tensor::from_slice(&values, tensor.shape(), &cpu), values })
    }
}

/// The sum of an output with fixed weights.
fn weighted(output: &Tensor) -> Result<Tensor, Error> {
    output.check()?;
    if !output.dtype().is_float() {
        let message = format!("the function gives {}, not a float", output.dtype());
        return Err(Error::invalid("grad_check", message));
    }
    if output.numel() == 1 {
        return Ok(output.sum_all());
    }
    // from 0.5 to 1.5 without a period, so that nothing cancels by symmetry
    let golden = 0.618_033_988_749_894_9;
    let weights: Vec<f64> = (0..output.numel()).map(|i| 0.5 + (i as f64 * golden).fract()).collect();
    let weights = Tensor::from_slice(&weights, output.shape(), output.device()).to_dtype(output.dtype());
    Ok((output * weights).sum_all())
}

/// The elements of an input's gradient; none for what is not moved.
type Slope = Option<Vec<f64>>;

/// The loss, and for each float input the elements of its gradient.
fn slopes(
    f: &impl Fn(&[Tensor]) -> Tensor,
    points: &[Point],
    leaves: &[Tensor],
) -> Result<(f64, Vec<Slope>), Error> {
    let loss = weighted(&f(leaves))?;
    let wrt: Vec<&Tensor> = leaves.iter().filter(|t| t.dtype() == DType::F64).collect();
    // no gradient where there is a slope is a gradient of 0, and found to be wrong
    let gradients = grad_or_zeros(&loss, &wrt);
    let all: Vec<&Tensor> = gradients.iter().chain([&loss]).collect();
    eval(&all)?;
    let mut gradients = gradients.into_iter();
    let mut of = |point: &Point| match point.leaf.dtype() {
        DType::F64 => gradients.next().map(|g| g.to_vec::<f64>()).transpose(),
        _ => Ok(None),
    };
    let gradients = points.iter().map(&mut of).collect::<Result<_, _>>()?;
    Ok((loss.item_f64()?, gradients))
}

/// The loss where one element has another value.
fn loss_with(
    f: &impl Fn(&[Tensor]) -> Tensor,
    point: &Point,
    leaves: &[Tensor],
    input: usize,
    (element, x): (usize, f64),
) -> Result<f64, Error> {
    let mut values = point.values.clone();
    if let Some(value) = values.get_mut(element) {
        *value = x;
    }
    let mut leaves = leaves.to_vec();
    if let Some(leaf) = leaves.get_mut(input) {
        *leaf = Tensor::from_slice(&values, leaf.shape(), leaf.device());
    }
    weighted(&f(&leaves))?.item_f64()
}

/// At most `count` of the numbers from 0 to `n`, evenly spread.
fn spread(n: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(n);
    (0..count).map(move |i| (i as u128 * n as u128 / count as u128) as usize)
}
