use super::Chart;
use super::check::{finite, not_empty};
use crate::Result;

/// The learning rate over the steps of training, `rates[i]` being that of step i + 1.
///
/// # Errors
/// No rate, or one that is not finite.
///
/// ```
/// use anygrad_train::pictures::learning_rate_curve;
/// let rates: Vec<f64> = (0..100).map(|step| 0.1 * 0.97f64.powi(step)).collect();
/// assert!(learning_rate_curve(&rates)?.to_svg().contains(">learning rate</text>"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn learning_rate_curve(rates: &[f64]) -> Result<Chart> {
    const NAME: &str = "learning rate curve";
    not_empty(NAME, "rates", rates)?;
    finite(NAME, "rates", rates.iter().copied())?;
    let points = rates.iter().enumerate().map(|(step, rate)| (step as f64 + 1.0, *rate));
    Ok(Chart::new("Learning rate").x_label("step").y_label("learning rate").line("learning rate", points))
}
