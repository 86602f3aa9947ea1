//! The state of a run as text.
//!
//! Floats are written as texts, in the fewest digits that read back as the same bits: JSON has neither NaN nor
//! infinity, and its readers may round.

use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::{EpochRow, History, Scores, SumsState, TrainState};

/// What is wrong with a text.
type Result<T> = std::result::Result<T, String>;

pub(super) fn to_text(state: &TrainState) -> String {
    // all fields by name, so that a new one cannot be forgotten
    let TrainState {
        epoch,
        step,
        run_steps,
        steps,
        seed,
        batch_size,
        accumulate,
        shuffle,
        samples,
        optimizer,
        learning_rate,
        last_rate,
        rate_factor,
        seconds,
        sums,
        metrics,
        loss_scale,
        callbacks,
        history,
    } = state;
    let value = json!({
        "epoch": epoch,
        "step": step,
        "run_steps": run_steps,
        "steps": steps,
        "seed": seed,
        "batch_size": batch_size,
        "accumulate": accumulate,
        "shuffle": shuffle,
        "samples": samples,
        "optimizer": optimizer,
        "learning_rate": float(*learning_rate),
        "last_rate": float(*last_rate),
        "rate_factor": float(*rate_factor),
        "seconds": float(*seconds),
        "sums": sums_value(sums),
        "metrics": metrics.iter().map(|(name, state)| json!([name, list(state)])).collect::<Vec<_>>(),
        "loss_scale": loss_scale.map(|numbers| list(&numbers)),
        "callbacks": callbacks.iter().map(|numbers| list(numbers)).collect::<Vec<_>>(),
        "history": history_value(history),
    });
    value.to_string()
}

fn sums_value(sums: &SumsState) -> Value {
    let SumsState { loss, correct, finite, labelled, samples, batches } = sums;
    json!({
        "loss": float(*loss),
        "correct": correct,
        "finite": finite,
        "labelled": labelled,
        "samples": samples,
        "batches": batches,
    })
}

fn history_value(history: &History) -> Value {
    let row = |row: &EpochRow| {
        let EpochRow { epoch, train, validation, learning_rate, seconds } = row;
        json!({
            "epoch": epoch,
            "train": scores_value(train),
            "validation": validation.as_ref().map(scores_value),
            "learning_rate": float(*learning_rate),
            "seconds": float(*seconds),
        })
    };
    let validations = history.step_validations().iter();
    json!({
        "rows": history.rows().iter().map(row).collect::<Vec<_>>(),
        "step_losses": list(history.step_losses()),
        "step_norms": list(history.step_norms()),
        "step_validations": validations.map(|(step, scores)| json!([step, scores_value(scores)])).collect::<Vec<_>>(),
        "ended": history.ended(),
    })
}

fn scores_value(scores: &Scores) -> Value {
    let Scores { loss, metrics } = scores;
    let metrics = metrics.iter().map(|(name, value)| json!([name, float(*value)]));
    json!({ "loss": float(*loss), "metrics": metrics.collect::<Vec<_>>() })
}

fn float(value: impl ToString) -> Value {
    Value::from(value.to_string())
}

fn list(values: &[impl ToString]) -> Value {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    Value::from(values.join(" "))
}

pub(super) fn from_text(text: &str) -> Result<TrainState> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let fields = Fields::of(&value, "the state")?;
    Ok(TrainState {
        epoch: fields.integer("epoch")?,
        step: fields.integer("step")?,
        run_steps: fields.integer("run_steps")?,
        steps: fields.integer("steps")?,
        seed: fields.integer("seed")?,
        batch_size: fields.integer("batch_size")?,
        accumulate: fields.integer("accumulate")?,
        shuffle: fields.boolean("shuffle")?,
        samples: fields.optional("samples").map(|_| fields.integer("samples")).transpose()?,
        optimizer: fields.text("optimizer")?.to_owned(),
        learning_rate: fields.number("learning_rate")?,
        last_rate: fields.number("last_rate")?,
        rate_factor: fields.number("rate_factor")?,
        seconds: fields.number("seconds")?,
        sums: sums(fields.get("sums")?)?,
        metrics: fields.array("metrics")?.iter().map(metric).collect::<Result<_>>()?,
        loss_scale: fields.optional("loss_scale").map(pair).transpose()?,
        callbacks: fields.array("callbacks")?.iter().map(numbers).collect::<Result<_>>()?,
        history: history(fields.get("history")?)?,
    })
}

fn metric(value: &Value) -> Result<(String, Vec<f64>)> {
    match value.as_array().map(Vec::as_slice) {
        Some([Value::String(name), state]) => Ok((name.clone(), numbers(state)?)),
        _ => Err("a metric is no pair".to_owned()),
    }
}

fn sums(value: &Value) -> Result<SumsState> {
    let fields = Fields::of(value, "sums")?;
    Ok(SumsState {
        loss: fields.number("loss")?,
        correct: fields.integer("correct")?,
        finite: fields.integer("finite")?,
        labelled: fields.boolean("labelled")?,
        samples: fields.integer("samples")?,
        batches: fields.integer("batches")?,
    })
}

fn history(value: &Value) -> Result<History> {
    let fields = Fields::of(value, "history")?;
    let mut history = History::new();
    for value in fields.array("rows")? {
        let row = Fields::of(value, "a row")?;
        history.push(EpochRow {
            epoch: row.integer("epoch")?,
            train: scores(row.get("train")?)?,
            validation: row.optional("validation").map(scores).transpose()?,
            learning_rate: row.number("learning_rate")?,
            seconds: row.number("seconds")?,
        });
    }
    numbers(fields.get("step_losses")?)?.into_iter().for_each(|loss| history.push_step(loss));
    numbers(fields.get("step_norms")?)?.into_iter().for_each(|norm| history.push_step_norm(norm));
    for value in fields.array("step_validations")? {
        match value.as_array().map(Vec::as_slice) {
            Some([step, found]) => {
                history.push_step_validation(step.as_u64().ok_or("a step is no number")?, scores(found)?);
            }
            _ => return Err("a validation is no pair".to_owned()),
        }
    }
    if let Some(reason) = fields.optional("ended") {
        history.end(reason.as_str().ok_or("ended is no text")?);
    }
    Ok(history)
}

fn scores(value: &Value) -> Result<Scores> {
    let fields = Fields::of(value, "scores")?;
    let metric = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([Value::String(name), value]) => Ok((name.clone(), number(value, name)?)),
        _ => Err("a metric is no pair".to_owned()),
    };
    let metrics = fields.array("metrics")?.iter().map(metric).collect::<Result<_>>()?;
    Ok(Scores { loss: fields.number("loss")?, metrics })
}

/// The members of an object; errors name the one that is wrong.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn of(value: &'a Value, what: &str) -> Result<Self> {
        value.as_object().map(Self).ok_or_else(|| format!("{what} is no object"))
    }

    fn optional(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn get(&self, name: &str) -> Result<&'a Value> {
        self.optional(name).ok_or_else(|| format!("{name} is missing"))
    }

    fn integer<T: TryFrom<u64>>(&self, name: &str) -> Result<T> {
        let number = self.get(name)?.as_u64().and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| format!("{name} is no count"))
    }

    fn boolean(&self, name: &str) -> Result<bool> {
        self.get(name)?.as_bool().ok_or_else(|| format!("{name} is neither true nor false"))
    }

    fn text(&self, name: &str) -> Result<&'a str> {
        self.get(name)?.as_str().ok_or_else(|| format!("{name} is no text"))
    }

    fn array(&self, name: &str) -> Result<&'a [Value]> {
        self.get(name)?.as_array().map(Vec::as_slice).ok_or_else(|| format!("{name} is no list"))
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<T> {
        number(self.get(name)?, name)
    }
}

fn number<T: FromStr>(value: &Value, name: &str) -> Result<T> {
    let number = value.as_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| format!("{name} is no number"))
}

fn numbers<T: FromStr>(value: &Value) -> Result<Vec<T>> {
    let text = value.as_str().ok_or("a list of numbers is no text")?;
    text.split_whitespace().map(|word| word.parse().map_err(|_| format!("{word} is no number"))).collect()
}

fn pair(value: &Value) -> Result<[f64; 2]> {
    <[f64; 2]>::try_from(numbers(value)?).map_err(|_| "the loss scale is no pair".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> TrainState {
        let scores = Scores { loss: 0.1 + 0.2, metrics: vec![("accuracy".to_owned(), f32::MIN_POSITIVE)] };
        let mut history = History::new();
        let row = EpochRow {
            epoch: 1,
            train: scores.clone(),
            validation: Some(Scores { loss: -0.0, metrics: Vec::new() }),
            learning_rate: 1e-3,
            seconds: 1.0 / 3.0,
        };
        history.push(row.clone());
        history.push(EpochRow { epoch: 2, validation: None, ..row });
        [0.1, f32::MAX].into_iter().for_each(|loss| history.push_step(loss));
        history.push_step_norm(1.0 / 3.0);
        history.push_step_validation(7, scores);
        history.end("\"enough\"\n");
        TrainState {
            epoch: 3,
            step: 4,
            run_steps: u64::MAX,
            steps: 6,
            seed: u64::MAX - 1,
            batch_size: 8,
            accumulate: 2,
            shuffle: true,
            samples: Some(usize::MAX),
            optimizer: "Adam".to_owned(),
            learning_rate: 0.1 + 0.2,
            last_rate: f64::MIN_POSITIVE,
            rate_factor: 1.0 / 3.0,
            seconds: 1e300,
            sums: SumsState { loss: 1e-45, correct: 5, finite: 3, labelled: true, samples: 7, batches: 3 },
            metrics: vec![("f1".to_owned(), vec![1.0, 0.1]), ("none".to_owned(), vec![])],
            loss_scale: Some([65536.0, 12.0]),
            callbacks: vec![vec![], vec![0.1, f64::INFINITY, -1.0]],
            history,
        }
    }

    #[test]
    fn a_state_reads_back_as_the_same_bits() {
        let state = state();
        assert_eq!(from_text(&to_text(&state)).unwrap(), state);
        // the sign of a zero, which == does not see
        let zero = from_text(&to_text(&state)).unwrap().history;
        assert!(zero.rows()[0].validation.as_ref().unwrap().loss.is_sign_negative());
        let other = TrainState { samples: None, loss_scale: None, ..state };
        assert_eq!(from_text(&to_text(&other)).unwrap(), other);
        let broken = TrainState { learning_rate: f64::NAN, ..other };
        assert!(from_text(&to_text(&broken)).unwrap().learning_rate.is_nan());
    }

    #[test]
    fn a_text_that_lacks_anything_is_an_error_that_names_it() {
        let text = to_text(&state());
        let Value::Object(whole) = serde_json::from_str(&text).unwrap() else { panic!("an object") };
        for name in whole.keys().filter(|name| !["samples", "loss_scale"].contains(&name.as_str())) {
            let mut less = whole.clone();
            less.remove(name);
            assert_eq!(
                from_text(&Value::Object(less).to_string()).unwrap_err(),
                format!("{name} is missing")
            );
            let mut wrong = whole.clone();
            wrong.insert(name.clone(), json!({ "x": [] }));
            from_text(&Value::Object(wrong).to_string()).unwrap_err();
        }
        for length in (0..text.len()).filter(|&length| text.is_char_boundary(length)) {
            from_text(&text[..length]).unwrap_err();
        }
    }
}
