//! A forecast of a time series: what comes next of a noisy wave, from the last 24 values.
//!
//! The series is made up by the program (or the last column of a CSV file), standardised on its first four fifths, and
//! the last fifth is forecast. With seed 42 the LSTM's squared error is half of that of the season before (the value 12
//! steps earlier), which is what the noise allows, after ten seconds on two CPU cores. The curves go to
//! runs/forecast/forecast.svg.
//!
//!     cargo run --release --example forecast
//!     cargo run --release --example forecast -- --data series.csv --season 7

mod common;

use std::path::PathBuf;
use std::process::ExitCode;

use anygrad::Result;
use anygrad::data::Targets;
use anygrad::data::sequence::{WindowSettings, windows};
use anygrad::data::synthetic::{SeriesSettings, series};
use anygrad::nn::Lstm;
use anygrad::prelude::*;
use anygrad::train::Chart;
use common::say;

const EPOCHS: (usize, &str) = (30, "30");
/// Values that the model sees.
const LENGTH: usize = 24;

/// Forecast a time series
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    common: common::Common,
    /// A file with one number a line, or the last of several after a comma; a first line without one is a heading
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Steps of a season, for the forecast to compare with
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=24))]
    season: u16,
    /// The folder to write the picture to
    #[arg(long, default_value = "runs/forecast", value_name = "DIR")]
    out: PathBuf,
}

fn load(args: &Args) -> Result<Vec<f32>> {
    let Some(file) = &args.data else {
        let settings = SeriesSettings { noise: 0.15, ..SeriesSettings::default() };
        return Ok(series(1200, &settings, args.common.seed)?);
    };
    let text = std::fs::read_to_string(file).map_err(|error| common::cannot_read(file, error))?;
    let number = |line: &str| line.rsplit(',').next().and_then(|field| field.trim().parse::<f32>().ok());
    let mut values = Vec::new();
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match number(line).filter(|value| value.is_finite()) {
            Some(value) => values.push(value),
            None if place == 0 => {}
            None => return Err(common::wrong_line(file, place + 1, "a number is wanted")),
        }
    }
    Ok(values)
}

fn run(args: &Args) -> Result<bool> {
    let common = &args.common;
    let values = load(args)?;
    let device = common.open()?;
    // what is forecast must not be known before, not even by its mean
    let seen = values.len() * 4 / 5;
    let mean = values[..seen].iter().sum::<f32>() / seen.max(1) as f32;
    let square = values[..seen].iter().map(|x| (x - mean).powi(2)).sum::<f32>() / seen.max(1) as f32;
    let deviation = square.sqrt().max(f32::MIN_POSITIVE);
    let scaled: Vec<f32> = values.iter().map(|x| (x - mean) / deviation).collect();
    let all = windows(&scaled, &WindowSettings { length: LENGTH, ..WindowSettings::default() })?;
    let train = all.take(seen.saturating_sub(LENGTH));
    let test = all.skip(seen.saturating_sub(LENGTH));

    let params = Params::new(&device, common.seed);
    let model = Sequential::new()
        .then(Lstm::new(params.at("lstm"), 1, 32)) // [n, 24, 1] to [n, 32]
        .then(Linear::new(params.at("fc"), 32, 1));
    let mut trainer = Trainer::new(model, params, mse, Adam::default());
    let fit = Fit {
        epochs: common.epochs,
        batch_size: common.batch_size,
        learning_rate: common.lr,
        validation: Some(&test),
        ..Fit::default()
    };
    trainer.fit(&train, fit)?;

    let Targets::Values { values: truth, .. } = test.targets() else { return Ok(false) };
    let forecast = trainer.predict(&test)?.values;
    let season = LENGTH - usize::from(args.season);
    let before: Vec<f32> = (0..test.len()).filter_map(|i| test.input(i)?.get(season).copied()).collect();
    let error = |guess: &[f32]| -> f32 {
        let squares: f32 = guess.iter().zip(truth).map(|(g, t)| (g - t).powi(2)).sum();
        squares / truth.len().max(1) as f32 * deviation * deviation
    };
    let (ours, theirs) = (error(&forecast), error(&before));
    let curve = |values: &[f32]| -> Vec<(f64, f64)> {
        let last = values.len().saturating_sub(100);
        (last..values.len()).map(|i| ((seen + i) as f64, f64::from(values[i] * deviation + mean))).collect()
    };
    let chart = Chart::new("Forecast of the next value").x_label("step").y_label("value");
    chart
        .points("measured", curve(truth))
        .line("forecast", curve(&forecast))
        .save(args.out.join("forecast.svg"))?;
    say(format_args!("mean squared error: {ours:.4}; of the value a season before: {theirs:.4}"));
    say(format_args!("wrote {}", args.out.join("forecast.svg").display()));
    Ok(ours < 0.75 * theirs || common.epochs < EPOCHS.0 || args.data.is_some())
}

fn main() -> ExitCode {
    let args: Args = common::parse(&[("epochs", EPOCHS.1), ("batch_size", "32"), ("lr", "3e-3")]);
    common::end(run(&args))
}
