use super::choices::{Choices, Value};
use super::wrong;
use crate::Result;
use crate::random::Random;

/// What a hyper-parameter may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Dimension {
    /// A number between two bounds, each as likely as another; `log`: the logarithm is.
    Number {
        /// The least value.
        low: f64,
        /// The greatest value.
        high: f64,
        /// Whether the logarithm is uniform: for rates and penalties, whose size is in question.
        log: bool,
    },
    /// A whole number from `low` to `high`, both included; `log`: small ones as often as large ones.
    Integer {
        /// The least value.
        low: i64,
        /// The greatest value.
        high: i64,
        /// Whether the logarithm is uniform.
        log: bool,
    },
    /// One of several names.
    Choice(Vec<String>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) dimension: Dimension,
    /// The choice on which it depends, and the name at which it is there.
    pub(crate) condition: Option<(String, String)>,
}

/// The hyper-parameters of a search and what each may be. Mistakes are told when the search runs.
///
/// ```
/// use anygrad_train::search::Space;
/// let space = Space::new()
///     .log_uniform("rate", 1e-5, 1e-1)
///     .uniform("dropout", 0.0, 0.5)
///     .integer("layers", 1, 4)
///     .log_integer("units", 16, 512)
///     .choice("optimizer", ["sgd", "adam"])
///     .uniform("momentum", 0.5, 0.99)
///     .when("optimizer", "sgd");
/// assert_eq!(space.sample(7, 0)?, space.sample(7, 0)?);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    pub(crate) entries: Vec<Entry>,
    /// A condition that was given before any parameter.
    stray: Option<String>,
}

impl Space {
    /// A space without a parameter.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, dimension: Dimension) -> Self {
        self.entries.push(Entry { name: name.into(), dimension, condition: None });
        self
    }

    /// Adds a number from `low` to `high`.
    #[must_use]
    pub fn uniform(self, name: impl Into<String>, low: f64, high: f64) -> Self {
        self.with(name, Dimension::Number { low, high, log: false })
    }

    /// Adds a number from `low` to `high` whose logarithm is uniform: a draw between 0.001 and 0.01 is as likely as
    /// one between 0.01 and 0.1.
    #[must_use]
    pub fn log_uniform(self, name: impl Into<String>, low: f64, high: f64) -> Self {
        self.with(name, Dimension::Number { low, high, log: true })
    }

    /// Adds a whole number from `low` to `high`, both included.
    #[must_use]
    pub fn integer(self, name: impl Into<String>, low: i64, high: i64) -> Self {
        self.with(name, Dimension::Integer { low, high, log: false })
    }

    /// Adds a whole number from `low` to `high`, both included, whose logarithm is uniform.
    #[must_use]
    pub fn log_integer(self, name: impl Into<String>, low: i64, high: i64) -> Self {
        self.with(name, Dimension::Integer { low, high, log: true })
    }

    /// Adds one of several names.
    #[must_use]
    pub fn choice<S: Into<String>>(
        self,
        name: impl Into<String>,
        names: impl IntoIterator<Item = S>,
    ) -> Self {
        self.with(name, Dimension::Choice(names.into_iter().map(Into::into).collect()))
    }

    /// Makes the parameter added last depend on a choice before it: it is there where `parameter` is `value`.
    #[must_use]
    pub fn when(mut self, parameter: impl Into<String>, value: impl Into<String>) -> Self {
        let parameter = parameter.into();
        match self.entries.last_mut() {
            Some(entry) => entry.condition = Some((parameter, value.into())),
            None => self.stray = Some(parameter),
        }
        self
    }

    /// The names of all parameters.
    pub fn names(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| entry.name.as_str()).collect()
    }

    /// The random choices of draw `draw` of a seed.
    ///
    /// # Errors
    /// The space is not sound: no parameter, two of one name, bounds in the wrong order, a logarithm of what is not
    /// positive, no name to choose from, a condition on what is no earlier choice.
    pub fn sample(&self, seed: u64, draw: u64) -> Result<Choices> {
        self.check()?;
        let random = Random::new(seed, draw);
        Ok(self.choose(|index, entry| entry.dimension.at(random.uniform(index as u64))))
    }

    /// The choices of a grid: `points` values of each number, from one bound to the other (in equal ratios where the
    /// logarithm is uniform), as many or all whole numbers, and all names; each with each.
    ///
    /// # Errors
    /// Those of [`Space::sample`], no point, or more than a million choices.
    ///
    /// ```
    /// use anygrad_train::search::Space;
    /// let space = Space::new().log_uniform("rate", 1e-3, 1e-1).integer("layers", 1, 3);
    /// assert_eq!(space.grid(3)?.len(), 9);
    /// # Ok::<(), anygrad_train::TrainError>(())
    /// ```
    pub fn grid(&self, points: usize) -> Result<Vec<Choices>> {
        self.grid_of(points, |_| true)
    }

    /// The grid of the parameters that `chosen` names, without the others.
    pub(crate) fn grid_of(&self, points: usize, chosen: impl Fn(&str) -> bool) -> Result<Vec<Choices>> {
        self.check()?;
        if !(1..=1_000_000).contains(&points) {
            return Err(wrong(format!("points is {points}: it has to be from 1 to 1000000")));
        }
        let mut all = vec![Choices::default()];
        for entry in self.entries.iter().filter(|entry| chosen(&entry.name)) {
            let values = entry.dimension.grid(points);
            let mut longer = Vec::new();
            for choices in all {
                if !entry.holds(&choices) {
                    longer.push(choices);
                    continue;
                }
                for value in &values {
                    let mut choices = choices.clone();
                    choices.values.push((entry.name.clone(), value.clone()));
                    longer.push(choices);
                }
                if longer.len() > 1_000_000 {
                    return Err(wrong(format!("a grid of {points} points has more than a million choices")));
                }
            }
            all = longer;
        }
        Ok(all)
    }

    /// Choices with a value for each parameter whose condition holds.
    pub(crate) fn choose(&self, mut value: impl FnMut(usize, &Entry) -> Value) -> Choices {
        let mut choices = Choices::default();
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.holds(&choices) {
                choices.values.push((entry.name.clone(), value(index, entry)));
            }
        }
        choices
    }

    pub(crate) fn check(&self) -> Result<()> {
        if let Some(parameter) = &self.stray {
            return Err(wrong(format!(
                "when({parameter:?}, …) has to follow the parameter that depends on it"
            )));
        }
        if self.entries.is_empty() {
            return Err(wrong("the space has no parameter"));
        }
        for (index, entry) in self.entries.iter().enumerate() {
            let earlier = self.entries.get(..index).unwrap_or_default();
            if earlier.iter().any(|other| other.name == entry.name) {
                return Err(wrong(format!("the space has two parameters {:?}", entry.name)));
            }
            entry.dimension.check(&entry.name)?;
            let Some((parameter, value)) = &entry.condition else { continue };
            let on = earlier.iter().find(|other| other.name == *parameter).map(|other| &other.dimension);
            let known = matches!(on, Some(Dimension::Choice(names)) if names.contains(value));
            if !known {
                let name = &entry.name;
                let message =
                    format!("{name} depends on {parameter} being {value:?}, which is no choice before it");
                return Err(wrong(message));
            }
        }
        Ok(())
    }
}

impl Entry {
    /// Whether it is there, given the choices before it.
    pub(crate) fn holds(&self, choices: &Choices) -> bool {
        self.condition.as_ref().is_none_or(
            |(parameter, wanted)| matches!(choices.get(parameter), Some(Value::Name(name)) if name == wanted),
        )
    }
}

impl Dimension {
    fn check(&self, name: &str) -> Result<()> {
        let bounds = |low: &dyn std::fmt::Display, high: &dyn std::fmt::Display, what: &str| {
            Err(wrong(format!("{name} is from {low} to {high}: {what}")))
        };
        match self {
            Self::Number { low, high, log } => match low.is_finite() && high.is_finite() && low <= high {
                true if *log && *low <= 0.0 => bounds(low, high, "both have to be positive for a logarithm"),
                true if !(high - low).is_finite() => bounds(low, high, "their difference overflows"),
                true => Ok(()),
                false => bounds(low, high, "they have to be finite, and ascend"),
            },
            Self::Integer { low, high, log } => match low <= high {
                true if *log && *low <= 0 => bounds(low, high, "both have to be positive for a logarithm"),
                true if low.unsigned_abs().max(high.unsigned_abs()) > 1 << 53 => {
                    bounds(low, high, "whole numbers are drawn up to 2^53")
                }
                true => Ok(()),
                false => bounds(low, high, "they have to ascend"),
            },
            Self::Choice(names) if names.is_empty() => {
                Err(wrong(format!("{name} has no name to choose from")))
            }
            Self::Choice(_) => Ok(()),
        }
    }

    /// The range of [`Dimension::inner`] values: logarithms where they are uniform, and half a step more at both ends
    /// of whole numbers. Of names: their indices.
    pub(crate) fn range(&self) -> (f64, f64) {
        let ends = |low: f64, high: f64, log: bool| if log { (low.ln(), high.ln()) } else { (low, high) };
        match self {
            Self::Number { low, high, log } => ends(*low, *high, *log),
            Self::Integer { low, high, log } => ends(*low as f64 - 0.5, *high as f64 + 0.5, *log),
            Self::Choice(names) => (0.0, names.len() as f64),
        }
    }

    /// The place of a value within [`Dimension::range`]; `None` if it is of another kind.
    pub(crate) fn inner(&self, value: &Value) -> Option<f64> {
        let place = |number: f64, log: bool| if log { number.ln() } else { number };
        match (self, value) {
            (Self::Number { log, .. }, Value::Number(number)) => Some(place(*number, *log)),
            (Self::Integer { log, .. }, Value::Integer(integer)) => Some(place(*integer as f64, *log)),
            (Self::Choice(names), Value::Name(name)) => {
                names.iter().position(|known| known == name).map(|index| index as f64)
            }
            _ => None,
        }
    }

    /// The value at a place within [`Dimension::range`].
    pub(crate) fn value(&self, inner: f64) -> Value {
        match self {
            Self::Number { low, high, log } => {
                let number = if *log { inner.exp() } else { inner };
                Value::Number(number.clamp(*low, *high))
            }
            Self::Integer { low, high, log } => {
                let number = if *log { inner.exp() } else { inner };
                // bounds are within 2^53, so that the conversion is exact
                Value::Integer((number.round() as i64).clamp(*low, *high))
            }
            Self::Choice(names) => {
                let index = (inner.max(0.0) as usize).min(names.len().saturating_sub(1));
                Value::Name(names.get(index).cloned().unwrap_or_default())
            }
        }
    }

    /// The value at a share of the range, from 0 to 1.
    pub(crate) fn at(&self, share: f64) -> Value {
        let (low, high) = self.range();
        self.value(low + (high - low) * share)
    }

    fn grid(&self, points: usize) -> Vec<Value> {
        let spread = |low: f64, high: f64, points: usize| -> Vec<f64> {
            let step = if points > 1 { (high - low) / (points - 1) as f64 } else { 0.0 };
            // one point stands in the middle
            let first = if points > 1 { low } else { (low + high) / 2.0 };
            (0..points).map(|point| first + step * point as f64).collect()
        };
        let mut values: Vec<Value> = match self {
            Self::Number { .. } => {
                let (low, high) = self.range();
                spread(low, high, points).into_iter().map(|inner| self.value(inner)).collect()
            }
            Self::Integer { low, high, log } => {
                let count = high.abs_diff(*low).saturating_add(1).min(points as u64) as usize;
                let place = |number: i64| if *log { (number as f64).ln() } else { number as f64 };
                spread(place(*low), place(*high), count).into_iter().map(|inner| self.value(inner)).collect()
            }
            Self::Choice(names) => names.iter().cloned().map(Value::Name).collect(),
        };
        values.dedup();
        values
    }
}
