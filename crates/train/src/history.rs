use std::fmt::{self, Write as _};
use std::path::Path;

use crate::GradientReport;
use crate::pictures::Chart;
use crate::table::{Align, Table};
use crate::{Result, TrainError, files};

/// The loss and the metrics of one pass over a data set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// The mean loss.
    pub loss: f32,
    /// Metrics by name, in the order in which they are shown.
    pub metrics: Vec<(String, f32)>,
}

impl Scores {
    /// The metric of this name.
    pub fn metric(&self, name: &str) -> Option<f32> {
        self.metrics.iter().find(|(known, _)| known == name).map(|&(_, value)| value)
    }
}

/// What one epoch gave.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochRow {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// On the training set, while it was trained on.
    pub train: Scores,
    /// On the validation set after the epoch, if there is one.
    pub validation: Option<Scores>,
    /// The learning rate of the last step.
    pub learning_rate: f32,
    /// Wall-clock time, validation included.
    pub seconds: f64,
}

impl EpochRow {
    /// The number that tells a better epoch: the validation loss, or the training loss without one.
    pub fn judged_loss(&self) -> f32 {
        self.validation.as_ref().unwrap_or(&self.train).loss
    }
}

/// How a training run went: a row an epoch, and the loss of every step if it was read back.
///
/// `Display` draws a table, [`History::to_csv`] writes one for other programs, [`History::plot`] draws the curves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    rows: Vec<EpochRow>,
    step_losses: Vec<f32>,
    step_norms: Vec<f32>,
    step_validations: Vec<(u64, Scores)>,
    gradients: Option<GradientReport>,
    ended: Option<String>,
}

impl History {
    /// A history without an epoch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an epoch.
    pub fn push(&mut self, row: EpochRow) {
        self.rows.push(row);
    }

    /// Adds the loss of a step.
    pub fn push_step(&mut self, loss: f32) {
        self.step_losses.push(loss);
    }

    /// The epochs, in the order in which they ran.
    pub fn rows(&self) -> &[EpochRow] {
        &self.rows
    }

    /// The loss of every step, over all epochs; empty if it was not kept.
    pub fn step_losses(&self) -> &[f32] {
        &self.step_losses
    }

    /// Adds the norm of the gradients of a step.
    pub fn push_step_norm(&mut self, norm: f32) {
        self.step_norms.push(norm);
    }

    /// Adds a validation after `steps` steps of the run.
    pub fn push_step_validation(&mut self, steps: u64, scores: Scores) {
        self.step_validations.push((steps, scores));
    }

    /// The norm of the gradients of every step, over all epochs; empty if it was not kept.
    pub fn step_norms(&self) -> &[f32] {
        &self.step_norms
    }

    /// The validations in the middle of epochs, each with the number of steps made until then.
    pub fn step_validations(&self) -> &[(u64, Scores)] {
        &self.step_validations
    }

    /// The gradients of the first step, if a [report](crate::Fit::report_gradients) was asked for.
    pub fn gradients(&self) -> Option<&GradientReport> {
        self.gradients.as_ref()
    }

    /// Keeps a report of gradients.
    pub fn set_gradients(&mut self, report: GradientReport) {
        self.gradients = Some(report);
    }

    /// Why training ended before its last epoch, if a [callback](crate::Callback) or a setting ended it.
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// Says why training ended; the first reason stays.
    pub fn end(&mut self, reason: impl Into<String>) {
        self.ended.get_or_insert(reason.into());
    }

    /// Takes out why training ended.
    pub(crate) fn take_ended(&mut self) -> Option<String> {
        self.ended.take()
    }

    /// The last epoch.
    pub fn last(&self) -> Option<&EpochRow> {
        self.rows.last()
    }

    /// The epoch of the lowest validation loss, or training loss where no validation ran; the first one of equals.
    /// Epochs whose loss is NaN are left out.
    pub fn best(&self) -> Option<&EpochRow> {
        self.rows
            .iter()
            .filter(|row| !row.judged_loss().is_nan())
            .min_by(|a, b| a.judged_loss().total_cmp(&b.judged_loss()))
    }

    /// The names of all metrics, in the order in which they first appear.
    pub fn metric_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for scores in self.rows.iter().flat_map(|row| std::iter::once(&row.train).chain(&row.validation)) {
            for (name, _) in &scores.metrics {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// Titles, and a row of values for each epoch; `None` where an epoch has no such value.
    fn columns(&self) -> (Vec<String>, Vec<Vec<Option<f32>>>) {
        let names = self.metric_names();
        let mut titles = Vec::new();
        let mut values: Vec<Vec<Option<f32>>> = vec![Vec::new(); self.rows.len()];
        for part in ["train", "validation"] {
            for name in std::iter::once(None).chain(names.iter().map(Some)) {
                let value = |row: &EpochRow| {
                    let scores = if part == "train" { Some(&row.train) } else { row.validation.as_ref() }?;
                    name.map_or(Some(scores.loss), |name| scores.metric(name))
                };
                let column: Vec<Option<f32>> = self.rows.iter().map(value).collect();
                // a column without any value says nothing; the training loss stays, so that a table is never bare
                if column.iter().any(Option::is_some) || titles.is_empty() {
                    titles.push(format!("{part} {}", name.unwrap_or(&"loss")));
                    values.iter_mut().zip(column).for_each(|(row, value)| row.push(value));
                }
            }
        }
        (titles, values)
    }

    /// Takes out the rows of epochs from `epoch` on.
    pub(crate) fn forget_from(&mut self, epoch: usize) {
        self.rows.retain(|row| row.epoch < epoch);
    }

    /// Loss and gradient norm of every step, as far as they were kept, as comma-separated values: step, counted from
    /// 1, loss, norm.
    pub fn steps_to_csv(&self) -> String {
        let mut text = String::from("step,loss,gradient_norm\n");
        for at in 0..self.step_losses.len().max(self.step_norms.len()) {
            let cell =
                |values: &[f32]| values.get(at).map_or(String::new(), std::string::ToString::to_string);
            let _ = writeln!(text, "{},{},{}", at + 1, cell(&self.step_losses), cell(&self.step_norms));
        }
        text
    }

    /// Writes [`History::steps_to_csv`] to `path`, and makes the folders above it.
    ///
    /// # Errors
    /// [`TrainError::Io`] with the path.
    pub fn save_steps_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write(path.as_ref(), self.steps_to_csv())
    }

    /// The epochs as comma-separated values: epoch, training loss and metrics, validation loss and metrics (empty
    /// where there is none), learning rate, seconds. Numbers are written in full: they read back as the same bits.
    pub fn to_csv(&self) -> String {
        let (titles, values) = self.columns();
        let mut text = String::from("epoch");
        for title in &titles {
            text.extend([",", &csv_cell(&title.replacen(' ', "_", 1))]);
        }
        text.push_str(",learning_rate,seconds\n");
        for (row, values) in self.rows.iter().zip(values) {
            text.push_str(&row.epoch.to_string());
            for value in values {
                text.extend([",", &value.map_or(String::new(), |value| value.to_string())]);
            }
            text.push_str(&format!(",{},{}\n", row.learning_rate, row.seconds));
        }
        text
    }

    /// Writes [`History::to_csv`] to `path`, and makes the folders above it.
    ///
    /// # Errors
    /// [`TrainError::Io`] with the path.
    pub fn save_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write(path.as_ref(), self.to_csv())
    }

    /// The curves of the training and the validation loss over the epochs.
    pub fn loss_chart(&self) -> Chart {
        self.chart("Loss", "loss", |scores| Some(scores.loss))
    }

    /// The curves of one metric over the epochs.
    ///
    /// # Errors
    /// [`TrainError::NoMetric`] if no epoch has it.
    pub fn metric_chart(&self, name: &str) -> Result<Chart> {
        let names = self.metric_names();
        if !names.contains(&name) {
            let known = names.into_iter().map(str::to_owned).collect();
            return Err(TrainError::NoMetric { name: name.to_owned(), known });
        }
        let mut title = name.to_owned();
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Ok(self.chart(&title, name, |scores| scores.metric(name)))
    }

    /// The curve of the learning rate over the epochs.
    pub fn learning_rate_chart(&self) -> Chart {
        let rates = self.rows.iter().map(|row| (row.epoch as f64, f64::from(row.learning_rate)));
        Chart::new("Learning rate").x_label("epoch").y_label("learning rate").line("learning rate", rates)
    }

    /// Draws the loss curves to the file `path`, SVG or PNG by its extension, and makes the folders above it; for a
    /// logarithmic axis, another title or a metric, see [`History::loss_chart`] and [`History::metric_chart`].
    ///
    /// # Errors
    /// The extension is neither `svg` nor `png`, and [`TrainError::Io`] with the path.
    pub fn plot(&self, path: impl AsRef<Path>) -> Result<()> {
        self.loss_chart().save(path)
    }

    fn chart(&self, title: &str, y_label: &str, value: impl Fn(&Scores) -> Option<f32>) -> Chart {
        let points = |part: fn(&EpochRow) -> Option<&Scores>| -> Vec<(f64, f64)> {
            let point = |row| Some((row, value(part(row)?)?));
            self.rows.iter().filter_map(point).map(|(row, y)| (row.epoch as f64, f64::from(y))).collect()
        };
        let mut chart = Chart::new(title).x_label("epoch").y_label(y_label);
        let train = points(|row| Some(&row.train));
        let validation = points(|row| row.validation.as_ref());
        // colours keep their meaning where only one of the two is there
        for (name, points) in [("train", train), ("validation", validation)] {
            if name == "train" || !points.is_empty() {
                chart = chart.line(name, points);
            }
        }
        chart
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (titles, values) = self.columns();
        let titles = std::iter::once("epoch")
            .chain(titles.iter().map(String::as_str))
            .chain(["learning rate", "seconds"])
            .map(|title| (title, Align::Right));
        let mut table = Table::new(titles);
        for (row, values) in self.rows.iter().zip(values) {
            let mut cells = vec![row.epoch.to_string()];
            cells.extend(values.into_iter().map(|value| value.map_or("-".to_owned(), short)));
            cells.extend([short(row.learning_rate), format!("{:.1}", row.seconds)]);
            table.row(cells);
        }
        table.fmt(f)
    }
}

/// Four decimals where they say something, and an exponent where they do not.
pub(crate) fn short(value: f32) -> String {
    let size = value.abs();
    if size == 0.0 || !value.is_finite() || (1e-2..1e5).contains(&size) {
        format!("{value:.4}")
    } else {
        format!("{value:.3e}")
    }
}

/// A cell, in quotes if it holds a mark that means something to a reader of CSV.
fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::files::tests::Folder;

    pub(crate) fn scores(loss: f32, metrics: &[(&str, f32)]) -> Scores {
        Scores { loss, metrics: metrics.iter().map(|&(name, value)| (name.to_owned(), value)).collect() }
    }

    pub(crate) fn row(epoch: usize, train: Scores, validation: Option<Scores>) -> EpochRow {
        EpochRow { epoch, train, validation, learning_rate: 1e-3, seconds: 1.25 }
    }

    fn history() -> History {
        let mut history = History::new();
        history.push(row(1, scores(0.5, &[("accuracy", 0.75)]), None));
        history.push(row(2, scores(0.25, &[("accuracy", 0.875)]), Some(scores(0.5, &[("top, 5", 1.0)]))));
        history.push(row(3, scores(f32::NAN, &[]), Some(scores(0.625, &[("accuracy", 0.5)]))));
        history
    }

    #[test]
    fn the_csv_has_every_value_and_empty_cells() {
        let csv = history().to_csv();
        let wanted = "\
epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,\"validation_top, 5\",learning_rate,seconds
1,0.5,0.75,,,,0.001,1.25
2,0.25,0.875,0.5,,1,0.001,1.25
3,NaN,,0.625,0.5,,0.001,1.25
";
        assert_eq!(csv, wanted);
        assert_eq!(History::new().to_csv(), "epoch,train_loss,learning_rate,seconds\n");
        // numbers read back as the same bits
        let mut history = History::new();
        history.push(row(1, scores(0.1f32 + 0.2, &[]), None));
        let csv = history.to_csv();
        assert_eq!(
            csv.lines().nth(1).unwrap().split(',').nth(1).unwrap().parse::<f32>().unwrap(),
            0.1f32 + 0.2
        );
    }

    #[test]
    fn the_table_lines_up() {
        let wanted = "\
epoch  train loss  train accuracy  validation loss  validation accuracy  validation top, 5  learning rate  seconds
-----  ----------  --------------  ---------------  -------------------  -----------------  -------------  -------
    1      0.5000          0.7500                -                    -                  -       1.000e-3      1.2
    2      0.2500          0.8750           0.5000                    -             1.0000       1.000e-3      1.2
    3         NaN               -           0.6250               0.5000                  -       1.000e-3      1.2";
        assert_eq!(history().to_string(), wanted);
    }

    #[test]
    fn the_best_epoch_has_the_lowest_validation_loss() {
        let mut history = History::new();
        assert_eq!((history.best(), history.last()), (None, None));
        for (epoch, loss) in [(1, f32::NAN), (2, 0.5), (3, 0.25), (4, 0.25), (5, 0.75)] {
            history.push(row(epoch, scores(-1.0, &[]), Some(scores(loss, &[]))));
        }
        assert_eq!(history.best().unwrap().epoch, 3);
        assert_eq!(history.last().unwrap().epoch, 5);
    }

    #[test]
    fn a_plot_lands_in_a_folder_that_was_not_there() {
        let folder = Folder::new("history");
        let path = folder.0.join("runs/digits/loss.svg");
        history().plot(&path).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("<svg"));
        history().save_csv(folder.0.join("runs/digits/history.csv")).unwrap();

        assert!(history().metric_chart("accuracy").is_ok());
        let error = history().metric_chart("recall").unwrap_err();
        let wanted = "no epoch recorded the metric \"recall\"; recorded: accuracy, top, 5";
        assert_eq!(error.to_string(), wanted);
    }
}
