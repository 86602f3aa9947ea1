use crate::{DataError, Dataset, Result};

/// Which windows [`windows`] takes; what is not named keeps its default.
///
/// ```
/// use anygrad_data::sequence::WindowSettings;
/// assert_eq!(WindowSettings { length: 24, ..WindowSettings::default() }.horizon, 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowSettings {
    /// Steps that a model sees; 10.
    pub length: usize,
    /// Steps from the last seen to the first to be forecast: 1 is the next; 1.
    pub horizon: usize,
    /// Steps to be forecast; 1.
    pub steps: usize,
    /// Steps from the beginning of one window to that of the next; 1.
    pub stride: usize,
    /// Numbers of a step; 1.
    pub features: usize,
    /// Which of them is forecast; 0.
    pub target: usize,
}

impl Default for WindowSettings {
    fn default() -> Self {
        Self { length: 10, horizon: 1, steps: 1, stride: 1, features: 1, target: 0 }
    }
}

/// Samples of a time series: inputs `[length, features]`, the steps s to s + length − 1, and as targets `[steps]` the
/// feature to be forecast at the steps from s + length − 1 + horizon on. The samples are in order of time: divide them
/// with [`Dataset::time_folds`] or [`Dataset::take`] and [`Dataset::skip`], not at random, and skip length − 1 + horizon
/// + steps − 1 samples between, else the test set begins with steps that were trained on.
///
/// `series` holds its steps one after the other, each of `features` numbers. There are
/// ⌊(n − length − horizon − steps + 1) / stride⌋ + 1 windows in n steps.
///
/// ```
/// use anygrad_data::sequence::{WindowSettings, windows};
/// let series = [1.0, 2.0, 3.0, 4.0, 5.0];
/// let data = windows(&series, &WindowSettings { length: 2, horizon: 2, ..WindowSettings::default() })?;
/// assert_eq!(data.inputs(), [1.0, 2.0, 2.0, 3.0]);
/// assert_eq!(data.targets(), &anygrad_data::Targets::Values { values: vec![4.0, 5.0], shape: vec![1] });
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if a setting is 0 or `target` names no feature, [`DataError::Needs`] if the series does not
/// consist of whole steps, or is shorter than one window.
pub fn windows(series: &[f32], settings: &WindowSettings) -> Result<Dataset> {
    const CALL: &str = "windows";
    let &WindowSettings { length, horizon, steps, stride, features, target } = settings;
    let positive = [
        ("length", length),
        ("horizon", horizon),
        ("steps", steps),
        ("stride", stride),
        ("features", features),
    ];
    if let Some((setting, value)) = positive.into_iter().find(|(_, value)| *value == 0) {
        return Err(DataError::setting(CALL, setting, value, "1 at least"));
    }
    if target >= features {
        return Err(DataError::setting(
            CALL,
            "target",
            target,
            format!("below {features}, the number of features"),
        ));
    }
    let count = series.len() / features;
    if !series.len().is_multiple_of(features) {
        let wanted = format!("whole steps of {features} numbers");
        return Err(DataError::needs(CALL, wanted, format!("{} numbers", series.len())));
    }
    // steps from the beginning of a window to the end of its targets
    let span = length.checked_add(horizon).and_then(|sum| sum.checked_add(steps)).map(|sum| sum - 1);
    let Some(room) = span.and_then(|span| count.checked_sub(span)) else {
        let wanted = format!("{} steps at least", span.map_or("more".to_owned(), |span| span.to_string()));
        return Err(DataError::needs(CALL, wanted, count.to_string()));
    };
    let starts = (0..=room).step_by(stride);
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for start in starts {
        inputs.extend_from_slice(&series[start * features..][..length * features]);
        let first = start + length - 1 + horizon;
        targets.extend((first..first + steps).map(|step| series[step * features + target]));
    }
    Dataset::values(inputs, [length, features], targets, [steps])
}
