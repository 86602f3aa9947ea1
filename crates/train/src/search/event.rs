//! What happens to the trials of a study, as lines of a journal.
//!
//! Numbers that are not whole are written as text: a reader of JSON may round them, and a search that goes on has to
//! see the same bits.

use serde_json::{Map, Value as Json, json};

use super::choices::{Choices, Value};
use super::study::{State, TrialRecord};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// The first line: what is searched.
    Search {
        settings: Vec<(String, String)>,
    },
    Start {
        trial: usize,
        worker: String,
        choices: Choices,
        budget: Option<u64>,
        previous: Option<usize>,
    },
    Report {
        trial: usize,
        step: u64,
        value: f64,
    },
    Finish {
        trial: usize,
        state: State,
        value: Option<f64>,
    },
}

impl Event {
    pub(crate) fn to_line(&self) -> String {
        let json = match self {
            Self::Search { settings } => {
                let settings: Map<String, Json> =
                    settings.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect();
                json!({ "event": "search", "version": 1, "settings": settings })
            }
            Self::Start { trial, worker, choices, budget, previous } => {
                json!({
                    "event": "start", "trial": trial, "worker": worker, "choices": written_choices(choices), "budget": budget,
                    "previous": previous
                })
            }
            Self::Report { trial, step, value } => {
                json!({ "event": "report", "trial": trial, "step": step, "value": value.to_string() })
            }
            Self::Finish { trial, state, value } => {
                let (name, reason) = match state {
                    State::Running => ("running", None),
                    State::Complete => ("complete", None),
                    State::Pruned => ("pruned", None),
                    State::Failed(reason) => ("failed", Some(reason)),
                };
                let value = value.map(|value| value.to_string());
                json!({ "event": "finish", "trial": trial, "state": name, "value": value, "reason": reason })
            }
        };
        format!("{json}\n")
    }

    /// `None` if the line is not one of these.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let json: Json = serde_json::from_str(line).ok()?;
        let text = |name: &str| json.get(name)?.as_str();
        let whole = |name: &str| json.get(name)?.as_u64();
        let number = |name: &str| text(name)?.parse::<f64>().ok();
        let trial = || whole("trial").map(|trial| trial as usize);
        Some(match text("event")? {
            "search" => {
                let pair = |(name, value): (&String, &Json)| Some((name.clone(), value.as_str()?.to_owned()));
                let settings = json.get("settings")?.as_object()?.iter().map(pair).collect::<Option<_>>()?;
                Self::Search { settings }
            }
            "start" => Self::Start {
                trial: trial()?,
                worker: text("worker")?.to_owned(),
                choices: read_choices(json.get("choices")?)?,
                budget: whole("budget"),
                previous: whole("previous").map(|trial| trial as usize),
            },
            "report" => Self::Report { trial: trial()?, step: whole("step")?, value: number("value")? },
            "finish" => {
                let state = match text("state")? {
                    "complete" => State::Complete,
                    "pruned" => State::Pruned,
                    "failed" => State::Failed(text("reason")?.to_owned()),
                    _ => return None,
                };
                Self::Finish { trial: trial()?, state, value: number("value") }
            }
            _ => return None,
        })
    }

    /// Changes the trials and their workers. `None` if it does not fit them.
    pub(crate) fn apply(&self, trials: &mut Vec<TrialRecord>, workers: &mut Vec<String>) -> Option<()> {
        match self {
            Self::Search { .. } => {}
            Self::Start { trial, worker, choices, budget, previous } => {
                let record = TrialRecord {
                    number: *trial,
                    choices: choices.clone(),
                    budget: *budget,
                    previous: *previous,
                    reports: Vec::new(),
                    state: State::Running,
                    value: None,
                };
                // one that is started again, after its worker was killed, forgets what it reported
                if *trial == trials.len() {
                    trials.push(record);
                    workers.push(worker.clone());
                } else {
                    *trials.get_mut(*trial)? = record;
                    *workers.get_mut(*trial)? = worker.clone();
                }
            }
            Self::Report { trial, step, value } => trials.get_mut(*trial)?.reports.push((*step, *value)),
            Self::Finish { trial, state, value } => {
                let trial = trials.get_mut(*trial)?;
                (trial.state, trial.value) = (state.clone(), *value);
            }
        }
        Some(())
    }
}

/// A list of names and values: it keeps the order, which an object does not.
pub(crate) fn written_choices(choices: &Choices) -> Json {
    choices.iter().map(|(name, value)| json!([name, written(value)])).collect()
}

fn written(value: &Value) -> Json {
    match value {
        Value::Number(number) => json!({ "number": number.to_string() }),
        Value::Integer(integer) => json!(integer),
        Value::Name(name) => json!(name),
    }
}

pub(crate) fn read_choices(json: &Json) -> Option<Choices> {
    let pair = |entry: &Json| {
        let (name, value) = (entry.get(0)?.as_str()?.to_owned(), entry.get(1)?);
        let number = || value.get("number")?.as_str()?.parse().ok().map(Value::Number);
        let name_of = || value.as_str().map(|text| Value::Name(text.to_owned()));
        let value = value.as_i64().map(Value::Integer).or_else(name_of).or_else(number)?;
        Some((name, value))
    };
    Some(Choices { values: json.as_array()?.iter().map(pair).collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_back_as_the_same_bits() {
        let values = [
            ("rate", Value::Number(0.1 + 0.2)),
            ("small", Value::Number(1.234_567_890_123e-300)),
            ("layers", Value::Integer(-3)),
            ("name", Value::Name("a \"b\"\n".into())),
        ];
        let choices =
            Choices { values: values.into_iter().map(|(name, value)| (name.into(), value)).collect() };
        let events = [
            Event::Search { settings: vec![("method".into(), "random".into()), ("seed".into(), "3".into())] },
            Event::Start { trial: 4, worker: "7-a".into(), choices, budget: Some(9), previous: None },
            Event::Report { trial: 4, step: 2, value: 1.0 / 3.0 },
            Event::Report { trial: 4, step: 3, value: f64::NEG_INFINITY },
            Event::Finish { trial: 4, state: State::Complete, value: Some(2.0 / 3.0) },
            Event::Finish { trial: 4, state: State::Failed("why\n".into()), value: None },
        ];
        for event in events {
            let line = event.to_line();
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert_eq!(Event::from_line(&line), Some(event));
        }
        assert_eq!(Event::from_line("{\"event\":\"start\",\"trial\":1"), None);
        assert_eq!(Event::from_line("{\"event\":\"lunch\"}"), None);
    }
}
