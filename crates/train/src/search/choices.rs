use std::fmt;

use super::{event, wrong};
use crate::Result;

/// The value of one hyper-parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// One of several names.
    Name(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) if *number != 0.0 && !(1e-3..1e5).contains(&number.abs()) => {
                write!(f, "{number:.3e}")
            }
            Self::Number(number) => write!(f, "{number:.4}"),
            Self::Integer(integer) => integer.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// The hyper-parameters of one training run, by name, in the order of their space. A parameter whose condition does not
/// hold is not among them.
///
/// ```
/// use anygrad_train::search::Choices;
/// let choices = Choices::new().with("layers", 3).with("activation", "relu").with("rate", 1e-3).with("epochs", 20);
/// assert_eq!(Choices::from_json(&choices.to_json())?, choices);
/// assert_eq!((choices.count("layers")?, choices.number("rate")?), (3, 0.001));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    pub(crate) values: Vec<(String, Value)>,
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<&str> for Value {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl Choices {
    /// No hyper-parameter.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a hyper-parameter; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.values.push((name, value)),
        }
        self
    }

    /// The hyper-parameters as JSON, a list of names and values; [`Choices::from_json`] reads the same bits back.
    pub fn to_json(&self) -> String {
        event::written_choices(self).to_string()
    }

    /// The hyper-parameters that [`Choices::to_json`] wrote.
    ///
    /// # Errors
    /// The text is something else.
    pub fn from_json(text: &str) -> Result<Self> {
        let read = serde_json::from_str(text).ok().and_then(|json| event::read_choices(&json));
        read.ok_or_else(|| wrong("from_json: the text is no list of hyper-parameters"))
    }

    /// The names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The value of this name, or `None` if there is no such parameter here.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A number, whole ones included.
    ///
    /// # Errors
    /// No parameter of this name here, or it is a name.
    pub fn number(&self, name: &str) -> Result<f64> {
        match self.known(name)? {
            Value::Number(number) => Ok(*number),
            Value::Integer(integer) => Ok(*integer as f64),
            Value::Name(_) => Err(wrong(format!("{name} is a name, not a number"))),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// No parameter of this name here, or it is no whole number.
    pub fn integer(&self, name: &str) -> Result<i64> {
        match self.known(name)? {
            Value::Integer(integer) => Ok(*integer),
            _ => Err(wrong(format!("{name} is not a whole number"))),
        }
    }

    /// A whole number that counts something: layers, units, samples of a batch.
    ///
    /// # Errors
    /// Those of [`Choices::integer`], or it is negative.
    pub fn count(&self, name: &str) -> Result<usize> {
        let integer = self.integer(name)?;
        usize::try_from(integer)
            .map_err(|_| wrong(format!("{name} is {integer}, and a count is not negative")))
    }

    /// A name.
    ///
    /// # Errors
    /// No parameter of this name here, or it is a number.
    pub fn name(&self, name: &str) -> Result<&str> {
        match self.known(name)? {
            Value::Name(value) => Ok(value),
            _ => Err(wrong(format!("{name} is a number, not a name"))),
        }
    }

    fn known(&self, name: &str) -> Result<&Value> {
        self.get(name).ok_or_else(|| {
            let known: Vec<_> = self.iter().map(|(name, _)| name).collect();
            wrong(format!("no hyper-parameter {name:?} in this trial, which has {}", known.join(", ")))
        })
    }
}

impl fmt::Display for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (name, value) in self.iter() {
            write!(f, "{comma}{name} {value}")?;
            comma = ", ";
        }
        Ok(())
    }
}
