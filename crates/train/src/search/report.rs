use std::fmt;

use super::choices::Value;
use super::space::Dimension;
use super::study::{State, Study, TrialRecord, sign};
use super::wrong;
use crate::pictures::{Anchor, Chart, Colour, ColourMap, Picture, Stroke};
use crate::pictures::{Axis, text_width};
use crate::table::{Align, Table};
use crate::{Result, pictures};

impl fmt::Display for Study {
    /// A table of the trials, with the best one marked by a star.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.space.names();
        let budgets = self.trials.iter().any(|trial| trial.budget.is_some());
        let mut titles = vec![("trial", Align::Right)];
        titles.extend(names.iter().map(|name| (*name, Align::Right)));
        titles.extend(budgets.then_some(("budget", Align::Right)));
        titles.extend([("value", Align::Right), ("state", Align::Left)]);
        let mut table = Table::new(titles);
        let best = self.best().map(|trial| trial.number);
        for trial in &self.trials {
            let star = if best == Some(trial.number) { "* " } else { "" };
            let mut cells = vec![format!("{star}{}", trial.number)];
            let cell = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            cells.extend(names.iter().map(|name| cell(trial.choices.get(name).map(Value::to_string))));
            cells.extend(budgets.then(|| cell(trial.budget.map(|budget| budget.to_string()))));
            cells.push(cell(trial.value.map(|value| Value::Number(value).to_string())));
            cells.push(match &trial.state {
                State::Running => "running".into(),
                State::Complete => "complete".into(),
                State::Pruned => "pruned".into(),
                State::Failed(reason) => format!("failed: {}", reason.replace(['\n', '\r'], " ")),
            });
            table.row(cells);
        }
        table.fmt(f)
    }
}

impl Study {
    /// The values of the complete trials over one parameter.
    ///
    /// # Errors
    /// The space has no such number, or no trial is complete.
    pub fn scatter(&self, parameter: &str) -> Result<Picture> {
        let entry = self.space.entries.iter().find(|entry| entry.name == parameter);
        let log = match entry.map(|entry| &entry.dimension) {
            Some(Dimension::Number { log, .. } | Dimension::Integer { log, .. }) => *log,
            Some(Dimension::Choice(_)) => {
                return Err(wrong(format!("{parameter} is a name, and a scatter plot is of a number")));
            }
            None => {
                let known = self.space.names().join(", ");
                return Err(wrong(format!("no parameter {parameter:?}; the space has {known}")));
            }
        };
        let complete = self.complete()?;
        let point = |trial: &&TrialRecord| Some((trial.choices.number(parameter).ok()?, trial.value?));
        let chart = Chart::new(format!("Trials over {parameter}")).x_label(parameter).y_label("value");
        let chart = chart.points("trials", complete.iter().filter_map(point));
        let chart = chart.points("best", self.best().iter().filter_map(point));
        Ok(if log { chart.log_x() } else { chart }.draw())
    }

    /// A line for each complete trial through its hyper-parameters to its value; the best one is drawn thick. Lines
    /// have the colours of their values, and gaps where a parameter was not there.
    ///
    /// # Errors
    /// No trial is complete, or the space has more than 16 parameters.
    pub fn parallel_coordinates(&self) -> Result<Picture> {
        let complete = self.complete()?;
        if self.space.entries.len() > 16 {
            let count = self.space.entries.len();
            return Err(wrong(format!(
                "parallel coordinates show up to 16 parameters, and there are {count}"
            )));
        }
        let mut columns: Vec<Column> = self.space.entries.iter().map(Column::of).collect();
        columns.push(Column::values(complete.iter().filter_map(|trial| trial.value)));
        let (left, top, bottom) = (80.0, 84.0, 404.0);
        let step = 130.0;
        let last = columns.len() - 1;
        let mut picture = Picture::new(left + step * last as f64 + 110.0, bottom + 30.0);
        pictures::title(&mut picture, "Hyper-parameters and values", 20.0);

        let best = self.best().map(|trial| trial.number);
        // worse ones first, so that good ones lie on top
        let mut order = complete;
        let key = |trial: &TrialRecord| sign(self.maximise) * trial.value.unwrap_or(f64::NAN);
        order.sort_by(|a, b| key(b).total_cmp(&key(a)).then(a.number.cmp(&b.number)));
        order.sort_by_key(|trial| best == Some(trial.number));
        for trial in order {
            let at = |(index, column): (usize, &Column)| {
                let share = column.place(trial).unwrap_or(f64::NAN);
                (left + step * index as f64, bottom - share * (bottom - top))
            };
            let points: Vec<_> = columns.iter().enumerate().map(at).collect();
            let value = columns.last().and_then(|column| column.place(trial)).unwrap_or_default();
            // dark is good
            let good = if self.maximise { 1.0 - value } else { value };
            let (colour, width) = match best == Some(trial.number) {
                true => (Colour::of(1), 3.0),
                false => (ColourMap::Viridis.at(0.95 * good).with_opacity(0.7), 1.3),
            };
            picture.line(&points, Stroke::new(colour, width));
        }
        for (index, column) in columns.iter().enumerate() {
            column.draw(&mut picture, left + step * index as f64, (top, bottom));
        }
        Ok(picture)
    }

    fn complete(&self) -> Result<Vec<&TrialRecord>> {
        let complete: Vec<_> = self.trials.iter().filter(|trial| trial.state == State::Complete).collect();
        if complete.is_empty() { Err(wrong("no trial is complete")) } else { Ok(complete) }
    }
}

/// An upright axis of parallel coordinates: a parameter, or the values of the trials.
struct Column {
    name: String,
    /// `None` for the values.
    dimension: Option<Dimension>,
    axis: Axis,
}

impl Column {
    fn of(entry: &super::space::Entry) -> Self {
        let axis = match &entry.dimension {
            Dimension::Number { low, high, log: true } => Axis::exact_log(*low, *high),
            Dimension::Integer { low, high, log: true } => Axis::exact_log(*low as f64, *high as f64),
            Dimension::Number { low, high, log: false } => Some(Axis::exact(*low, *high, 6.0)),
            Dimension::Integer { low, high, .. } => {
                Some(Axis::whole([*low as f64, *high as f64].into_iter()))
            }
            Dimension::Choice(names) => Some(Axis::names(names)),
        };
        let axis = axis.unwrap_or_else(|| Axis::exact(0.0, 1.0, 5.0));
        Self { name: entry.name.clone(), dimension: Some(entry.dimension.clone()), axis }
    }

    fn values(values: impl Iterator<Item = f64>) -> Self {
        Self { name: "value".into(), dimension: None, axis: Axis::linear(values) }
    }

    /// Where a trial stands, from 0 to 1.
    fn place(&self, trial: &TrialRecord) -> Option<f64> {
        let Some(dimension) = &self.dimension else { return trial.value.map(|value| self.axis.place(value)) };
        let value = trial.choices.get(&self.name)?;
        let number = match value {
            Value::Number(number) => *number,
            Value::Integer(integer) => *integer as f64,
            Value::Name(_) => dimension.inner(value)?,
        };
        Some(self.axis.place(number))
    }

    fn draw(&self, picture: &mut Picture, x: f64, (top, bottom): (f64, f64)) {
        picture.line(&[(x, top), (x, bottom)], Stroke::new(Colour::hex(0x333333), 1.5));
        picture.text(pictures::fitted(&self.name, 13.0, 124.0), x, top - 18.0, 13.0, Anchor::Middle);
        for (value, label) in &self.axis.ticks {
            let y = bottom - self.axis.place(*value) * (bottom - top);
            picture.line(&[(x - 4.0, y), (x, y)], Stroke::new(Colour::hex(0x333333), 1.0));
            let label = pictures::fitted(label, 11.0, 70.0);
            // on white, so that lines do not run through the letters
            let width = text_width(&label, 11.0);
            let paper = Colour::hex(0xFFFFFF).with_opacity(0.75);
            picture.rectangle(x - 8.0 - width, y - 6.5, width + 2.0, 13.0, Some(paper), None);
            picture.text(label, x - 7.0, y + 4.0, 11.0, Anchor::End);
        }
    }
}
