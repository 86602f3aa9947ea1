//! The tables of hyper-parameters of TensorBoard's HParams page.

use super::protobuf::Message;

/// A hyper-parameter's value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum HParam {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Yes or no.
    Bool(bool),
}

impl From<f64> for HParam {
    fn from(value: f64) -> Self {
        HParam::Number(value)
    }
}

impl From<&str> for HParam {
    fn from(value: &str) -> Self {
        HParam::Text(value.to_owned())
    }
}

impl From<bool> for HParam {
    fn from(value: bool) -> Self {
        HParam::Bool(value)
    }
}

impl HParam {
    /// A `google.protobuf.Value`.
    fn value(&self) -> Message {
        match self {
            HParam::Number(value) => Message::new().double(2, *value),
            HParam::Text(value) => Message::new().text(3, value),
            HParam::Bool(value) => Message::new().integer(4, i64::from(*value)),
        }
    }

    /// A `DataType` of the plugin.
    fn kind(&self) -> i64 {
        match self {
            HParam::Text(_) => 1,
            HParam::Bool(_) => 2,
            HParam::Number(_) => 3,
        }
    }
}

/// The three summaries that say what a run's hyper-parameters and its metrics are, each with its tag.
pub(super) fn summaries(
    hparams: &[(String, HParam)],
    metrics: &[String],
    time: f64,
) -> [(&'static str, Message); 3] {
    let mut experiment = Message::new();
    for (name, value) in hparams {
        experiment = experiment.message(4, Message::new().text(1, name).integer(4, value.kind()));
    }
    for tag in metrics {
        experiment = experiment.message(5, Message::new().message(1, Message::new().text(2, tag)));
    }
    let mut start = Message::new();
    for (name, value) in hparams {
        start = start.message(1, Message::new().text(1, name).message(2, value.value()));
    }
    // the status of success
    let end = Message::new().integer(1, 1).double(2, time);
    [
        ("_hparams_/experiment", Message::new().message(2, experiment)),
        ("_hparams_/session_start_info", Message::new().message(3, start.double(5, time))),
        ("_hparams_/session_end_info", Message::new().message(4, end)),
    ]
}
