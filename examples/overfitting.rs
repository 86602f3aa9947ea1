//! Overfitting, and what helps: a large network learns 120 digits by heart, some of them with a wrong label.
//!
//! Four runs of the same network from the same start: as it is, with dropout, with a penalty on the squares of the
//! weights (L2), and ended early, where the validation loss was lowest. With seed 42 the first one's validation loss
//! falls to 0.70 and rises again to 1.05; dropout ends at 0.72, L2 at 0.89. The curves go to
//! runs/overfitting/validation.svg.
//!
//!     cargo run --release --example overfitting

mod common;

use std::path::PathBuf;
use std::process::ExitCode;

use anygrad::Result;
use anygrad::data::{Dataset, Targets};
use anygrad::nn::Penalty;
use anygrad::prelude::*;
use anygrad::train::{Chart, Progress};
use common::say;

const EPOCHS: (usize, &str) = (60, "60");
const SAMPLES: usize = 120;

/// Show overfitting and three remedies
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    common: common::Common,
    /// The folder to write the curves to
    #[arg(long, default_value = "runs/overfitting", value_name = "DIR")]
    out: PathBuf,
}

/// A run's name, its share of units dropped, and its weight of the squares.
const RUNS: [(&str, f64, f64); 3] =
    [("nothing", 0.0, 0.0), ("dropout 0.5", 0.5, 0.0), ("L2 0.002", 0.0, 2e-3)];

/// Few digits, every sixth with the label of the next class.
fn few(train: &Dataset) -> Result<Dataset> {
    let (pixels, shape, targets) = train.take(SAMPLES).into_parts();
    let Targets::Classes { labels, classes } = targets else { return Ok(train.take(0)) };
    let wrong = |(i, label): (usize, &u32)| if i % 6 == 0 { (label + 1) % 10 } else { *label };
    let labels = labels.iter().enumerate().map(wrong).collect();
    Ok(Dataset::classes(pixels, shape, labels, classes)?)
}

/// The validation loss after each epoch.
fn train(args: &Args, device: &Device, sets: [&Dataset; 2], dropped: f64, squares: f64) -> Result<Vec<f32>> {
    let common = &args.common;
    let params = Params::new(device, common.seed);
    let model = Sequential::new()
        .then(Flatten)
        .then(Linear::new(params.at("fc1"), 64, 512))
        .then(relu)
        .then(Dropout::new(dropped))
        .then(Linear::new(params.at("fc2"), 512, 512))
        .then(relu)
        .then(Dropout::new(dropped))
        .then(Linear::new(params.at("fc3"), 512, 10));
    let penalty = Penalty::l2("*.weight", squares);
    let store = params.clone();
    // the loss alone, or with the squares of all weights
    let loss = move |scores: &Tensor, labels: &Tensor| cross_entropy(scores, labels) + penalty.of(&store);
    let mut trainer = Trainer::new(model, params, loss, Adam::default());
    let mut losses = Vec::new();
    let [samples, validation] = sets;
    for epoch in 0..common.epochs {
        let fit = Fit {
            initial_epoch: epoch,
            epochs: epoch + 1,
            batch_size: common.batch_size,
            learning_rate: common.lr,
            progress: Progress::hidden(),
            ..Fit::default()
        };
        trainer.fit(samples, fit)?;
        let (inputs, labels) = (validation.inputs(), validation.targets().labels().unwrap_or_default());
        let x = Tensor::from_slice(inputs, [labels.len(), 64], device);
        let labels = Tensor::from_slice(labels, [labels.len()], device);
        losses.push(cross_entropy(&trainer.forward(&x), &labels).item()?); // without the penalty
    }
    Ok(losses)
}

fn run(args: &Args) -> Result<bool> {
    let device = args.common.open()?;
    let (train_set, validation) = digits::load()?.split(0.8, args.common.seed)?;
    let samples = few(&train_set)?;
    let mut chart = Chart::new("Validation loss").x_label("epoch").y_label("cross-entropy");
    let mut ends = Vec::new();
    for (name, dropped, squares) in RUNS {
        let losses = train(args, &device, [&samples, &validation], dropped, squares)?;
        let (best, lowest) =
            losses.iter().enumerate().fold((0, f32::INFINITY), |(at, low), (epoch, &loss)| {
                if loss < low { (epoch + 1, loss) } else { (at, low) }
            });
        let end = losses.last().copied().unwrap_or(f32::NAN);
        say(format_args!("{name:<12} lowest {lowest:.3} after epoch {best}, at the end {end:.3}"));
        chart =
            chart.line(name, losses.iter().enumerate().map(|(i, &loss)| (i as f64 + 1.0, f64::from(loss))));
        ends.push((lowest, end));
    }
    let file = args.out.join("validation.svg");
    chart.save(&file)?;
    let [(lowest, end), remedies @ ..] = &ends[..] else { return Ok(false) };
    say(format_args!("ended early, without a remedy: {lowest:.3}   {}", file.display()));
    Ok(remedies.iter().all(|(_, other)| other < end) && lowest < end || args.common.epochs < EPOCHS.0)
}

fn main() -> ExitCode {
    let args: Args = common::parse(&[("epochs", EPOCHS.1), ("batch_size", "16"), ("lr", "1e-3")]);
    common::end(run(&args))
}
