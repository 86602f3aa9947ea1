use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::history::{EpochRow, Scores, short};

/// Shows how far training has come, on standard error: a bar with the time left on a terminal, and one plain line an
/// epoch elsewhere. It never fails: a stream that is closed is written to in vain.
pub struct Progress {
    shown: Shown,
    epochs: usize,
    epoch: usize,
    steps: usize,
    step: usize,
    loss: Option<f32>,
    /// When a loss was last asked for.
    asked: Option<Instant>,
}

/// Time between two losses on a bar: reading one waits for the device.
const BETWEEN_LOSSES: Duration = Duration::from_millis(400);

enum Shown {
    Nothing,
    Lines(Box<dyn Write + Send>),
    Bar(ProgressBar),
}

impl Progress {
    /// A bar if standard error is a terminal that can move its cursor, else lines.
    pub fn auto() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if io::stderr().is_terminal() && !dumb {
            Self::bar(ProgressDrawTarget::stderr())
        } else {
            Self::lines(io::stderr())
        }
    }

    /// Nothing is shown.
    pub fn hidden() -> Self {
        Self::with(Shown::Nothing)
    }

    /// One plain line an epoch, to `output`.
    pub fn lines(output: impl Write + Send + 'static) -> Self {
        Self::with(Shown::Lines(Box::new(output)))
    }

    fn bar(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), target);
        // the style is fixed and a test reads it; without it the bar would only look plainer
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.with_key("left", write_left).progress_chars("=> "));
        }
        Self::with(Shown::Bar(bar))
    }

    fn with(shown: Shown) -> Self {
        Self { shown, epochs: 0, epoch: 0, steps: 0, step: 0, loss: None, asked: None }
    }

    /// Whether nothing is shown.
    pub fn is_hidden(&self) -> bool {
        matches!(self.shown, Shown::Nothing)
    }

    /// Whether it is worth reading a loss back for the next [`step`](Progress::step): a few times a second, on a bar.
    pub fn wants_loss(&mut self) -> bool {
        let rested = self.asked.is_none_or(|asked| asked.elapsed() >= BETWEEN_LOSSES);
        let wanted = rested && matches!(&self.shown, Shown::Bar(bar) if !bar.is_hidden());
        if wanted {
            self.asked = Some(Instant::now());
        }
        wanted
    }

    /// Epoch `epoch` of `epochs`, counted from 1, begins; it will take `steps` steps.
    pub fn start_epoch(&mut self, epoch: usize, epochs: usize, steps: usize) {
        (self.epoch, self.epochs, self.steps, self.step) = (epoch, epochs, steps, 0);
        if let Shown::Bar(bar) = &self.shown {
            // the bar runs over the whole training, so that its time left is that of the whole
            let left = epochs.saturating_sub(epoch).saturating_add(1).saturating_mul(steps) as u64;
            bar.set_length(bar.position().saturating_add(left));
            bar.set_message(self.message());
            if !bar.is_finished() {
                bar.enable_steady_tick(Duration::from_millis(500));
            }
        }
    }

    /// A step is done. `loss` is given when it was read back; else the one before stays in view.
    pub fn step(&mut self, loss: Option<f32>) {
        self.step = self.step.saturating_add(1);
        self.loss = loss.or(self.loss);
        if let Shown::Bar(bar) = &self.shown {
            bar.set_message(self.message());
            bar.inc(1);
        }
    }

    /// An epoch is over: its line stays.
    pub fn end_epoch(&mut self, row: &EpochRow) {
        let line = epoch_line(row, self.epochs);
        self.note(&line);
    }

    /// Shows a line that stays.
    pub fn note(&mut self, line: &str) {
        match &mut self.shown {
            Shown::Nothing => {}
            // there is nobody to tell that nobody listens
            Shown::Lines(output) => drop(writeln!(output, "{line}").and_then(|()| output.flush())),
            Shown::Bar(bar) => bar.println(line),
        }
    }

    fn message(&self) -> String {
        let mut text = format!("epoch {}/{}  step {}/{}", self.epoch, self.epochs, self.step, self.steps);
        if let Some(loss) = self.loss {
            let _ = write!(text, "  loss {}", short(loss));
        }
        text
    }
}

/// Position in the whole training, what is at hand, and the time left.
const TEMPLATE: &str = "[{bar:30}] {percent:>3}%  {msg}{left}";

/// The time left, once a step has shown how long one takes.
fn write_left(state: &ProgressState, text: &mut dyn fmt::Write) {
    if state.pos() > 0 {
        let _ = write!(text, "  {} left", HumanDuration(state.eta()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

/// What stays of an epoch: `epoch 3/10  loss 0.1200  accuracy 0.9600 | validation loss 0.1500  accuracy 0.9500 | 1.2 s`.
fn epoch_line(row: &EpochRow, epochs: usize) -> String {
    let width = epochs.to_string().len();
    let mut line = format!("epoch {:>width$}/{epochs}  ", row.epoch);
    push_scores(&mut line, &row.train);
    if let Some(validation) = &row.validation {
        line.push_str(" | validation ");
        push_scores(&mut line, validation);
    }
    let _ = write!(line, " | {:.1} s", row.seconds);
    line
}

fn push_scores(line: &mut String, scores: &Scores) {
    let _ = write!(line, "loss {}", short(scores.loss));
    for (name, value) in &scores.metrics {
        let _ = write!(line, "  {name} {}", short(*value));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::history::tests::{row, scores};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    fn run(progress: &mut Progress) {
        for epoch in 1..=2 {
            progress.start_epoch(epoch, 10, 3);
            for step in 0..3 {
                progress.step((step == 1).then_some(0.5));
            }
            let validation = (epoch == 2).then(|| scores(0.15, &[("accuracy", 0.95)]));
            progress.end_epoch(&row(epoch, scores(0.12, &[("accuracy", 0.96)]), validation));
        }
    }

    #[test]
    fn an_epoch_is_one_plain_line() {
        let page = Page::default();
        run(&mut Progress::lines(page.clone()));
        let wanted = "\
epoch  1/10  loss 0.1200  accuracy 0.9600 | 1.2 s
epoch  2/10  loss 0.1200  accuracy 0.9600 | validation loss 0.1500  accuracy 0.9500 | 1.2 s
";
        assert_eq!(String::from_utf8(page.0.lock().unwrap().clone()).unwrap(), wanted);
    }

    #[test]
    fn a_closed_stream_and_a_hidden_one_are_no_failure() {
        run(&mut Progress::lines(Closed));
        run(&mut Progress::hidden());
    }

    #[test]
    fn the_bar_counts_the_whole_training_and_keeps_the_last_loss() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        let mut progress = Progress::bar(ProgressDrawTarget::hidden());
        run(&mut progress);
        progress.start_epoch(3, 10, 3);
        progress.step(None);
        let Shown::Bar(bar) = &progress.shown else { panic!("bar") };
        assert_eq!((bar.position(), bar.length()), (7, Some(30)));
        assert_eq!(bar.message(), "epoch 3/10  step 1/3  loss 0.5000");
    }

    #[test]
    fn calls_in_a_wrong_order_or_with_odd_numbers_are_no_failure() {
        let mut progress = Progress::bar(ProgressDrawTarget::hidden());
        progress.step(Some(f32::NAN));
        progress.end_epoch(&row(0, scores(f32::NAN, &[]), None));
        progress.start_epoch(usize::MAX, 0, usize::MAX);
        progress.start_epoch(0, usize::MAX, usize::MAX);
        progress.step(None);
    }
}
