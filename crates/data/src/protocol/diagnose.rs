use std::fmt;

use crate::{DataError, Result};

/// What the losses of a training say about the fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diagnosis {
    /// The training loss is still above the goal: the model is too small, or was not trained long enough.
    Underfit,
    /// The validation loss has risen from its best, or stays far above the training loss.
    Overfit,
    /// Neither.
    Good,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Underfit => "underfit",
            Self::Overfit => "overfit",
            Self::Good => "good fit",
        })
    }
}

/// Where [`diagnose`] draws its lines; what is not named keeps its default.
#[derive(Clone, Debug, PartialEq)]
pub struct DiagnosisSettings {
    /// A training loss above this is an underfit: what is good enough is known only to the user, as the loss of a
    /// baseline is. Infinite, which is "no goal".
    pub goal: f64,
    /// The last validation loss may be so much above its best, as a share of the best; 0.1.
    pub rise: f64,
    /// The last validation loss may be so many times the last training loss; 2.
    pub ratio: f64,
}

impl Default for DiagnosisSettings {
    fn default() -> Self {
        Self { goal: f64::INFINITY, rise: 0.1, ratio: 2.0 }
    }
}

/// Reads overfit, underfit or a good fit off the losses of each epoch, of training and of validation.
///
/// An underfit is looked for first: a model that has not learnt the training data is not judged on the rest.
///
/// ```
/// use anygrad_data::protocol::{Diagnosis, DiagnosisSettings, diagnose};
/// let settings = DiagnosisSettings { goal: 0.5, ..DiagnosisSettings::default() };
/// assert_eq!(diagnose(&[0.9, 0.3, 0.1], &[0.9, 0.5, 0.8], &settings)?, Diagnosis::Overfit);
/// assert_eq!(diagnose(&[0.9, 0.8, 0.8], &[0.9, 0.8, 0.8], &settings)?, Diagnosis::Underfit);
/// assert_eq!(diagnose(&[0.9, 0.4, 0.3], &[0.9, 0.5, 0.4], &settings)?, Diagnosis::Good);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Needs`] if there is no epoch, or a loss is not finite.
pub fn diagnose(train: &[f64], validation: &[f64], settings: &DiagnosisSettings) -> Result<Diagnosis> {
    let losses = || train.iter().chain(validation);
    let (Some(&last_train), Some(&last)) = (train.last(), validation.last()) else {
        let found = format!("{} training and {} validation losses", train.len(), validation.len());
        return Err(DataError::needs("diagnose", "the losses of one epoch at least", found));
    };
    if let Some(loss) = losses().find(|loss| !loss.is_finite()) {
        return Err(DataError::needs("diagnose", "finite losses", loss.to_string()));
    }
    let best = validation.iter().copied().fold(last, f64::min);
    Ok(if last_train > settings.goal {
        Diagnosis::Underfit
    } else if last > best + settings.rise * best.abs() || last > settings.ratio * last_train.abs() {
        Diagnosis::Overfit
    } else {
        Diagnosis::Good
    })
}
