//! What the examples share: arguments, and how they end.

// each example uses its part
#![allow(dead_code)]

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anygrad::Result;
use anygrad::prelude::*;
use anygrad::train::announce;
use clap::{CommandFactory, FromArgMatches};

/// Arguments of every example.
#[derive(clap::Args)]
pub struct Common {
    /// Where to compute: auto, cpu, gpu, gpu:N or software (a Vulkan driver that runs on the CPU)
    #[arg(long, default_value = "auto", value_parser = device_name)]
    pub device: String,
    /// How often the training set is gone through
    #[arg(long, value_parser = at_least_1)]
    pub epochs: usize,
    /// The seed of everything random
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Samples a step
    #[arg(long, value_parser = at_least_1)]
    pub batch_size: usize,
    /// Learning rate
    #[arg(long = "lr", value_parser = rate)]
    pub lr: f64,
}

impl Common {
    /// Opens the device and says on standard error which one runs, and why.
    pub fn open(&self) -> Result<Device> {
        let device = Device::from_name(&self.device)?;
        announce(&device);
        Ok(device)
    }
}

/// Reads the arguments; `defaults` are those of this example. A wrong argument ends the program with code 2.
pub fn parse<T: CommandFactory + FromArgMatches>(defaults: &[(&'static str, &'static str)]) -> T {
    let with = |command: clap::Command, &(name, value): &(&'static str, &'static str)| {
        command.mut_arg(name, |arg| arg.default_value(value).required(false))
    };
    let mut command = defaults.iter().fold(T::command(), with);
    let parsed = command.try_get_matches_from_mut(std::env::args_os()).and_then(|m| T::from_arg_matches(&m));
    parsed.unwrap_or_else(|error| error.format(&mut command).exit())
}

fn device_name(name: &str) -> std::result::Result<String, String> {
    let numbered = name.strip_prefix("gpu:").is_some_and(|index| index.parse::<usize>().is_ok());
    match numbered || ["auto", "cpu", "gpu", "software"].contains(&name) {
        true => Ok(name.to_owned()),
        false => Err("one of auto, cpu, gpu, gpu:N, software is wanted".to_owned()),
    }
}

/// A count on the command line.
pub fn at_least_1(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("a whole number from 1 is wanted".to_owned()),
    }
}

fn rate(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("a number above 0 is wanted".to_owned()),
    }
}

/// Writes a line to standard output. That nobody reads on, as in `| head`, is no failure.
pub fn say(text: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Ends the program: an error is one line on standard error and code 1, a result below its bar code 1.
pub fn end(result: Result<bool>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the test accuracy reaches `bar`, or fewer epochs than it is stated for were asked for.
pub fn reaches(evaluation: &Evaluation, bar: f32, epochs: usize, stated_for: usize) -> bool {
    let reached = evaluation.accuracy.is_some_and(|accuracy| accuracy >= bar);
    if !reached && epochs >= stated_for {
        eprintln!("error: the test accuracy is below {:.1} %", bar * 100.0);
    }
    reached || epochs < stated_for
}

/// A file that cannot be read, by its name.
pub fn cannot_read(file: &Path, error: std::io::Error) -> anygrad::Error {
    anygrad::Error::Setting { message: format!("cannot read {}: {error}", file.display()) }
}

/// Makes a folder to write to.
pub fn make_folder(folder: &Path) -> Result<()> {
    let failed =
        |error| anygrad::Error::Setting { message: format!("cannot make {}: {error}", folder.display()) };
    std::fs::create_dir_all(folder).map_err(failed)
}

/// A line of a file that is not as it should be.
pub fn wrong_line(file: &Path, line: usize, wanted: &str) -> anygrad::Error {
    anygrad::Error::Setting { message: format!("{}, line {line}: {wanted}", file.display()) }
}

/// The training and the test set of MNIST, from the folder that `--data` names. Without one the program ends with
/// code 2.
pub fn mnist_from(folder: Option<&Path>) -> Result<(Dataset, Dataset)> {
    const WANTED: &str = "--data names a folder with the files train-images-idx3-ubyte.gz, \
        train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz; \
        they are at https://storage.googleapis.com/cvdf-datasets/mnist/";
    let Some(folder) = folder else {
        eprintln!("error: --data is missing: {WANTED}");
        std::process::exit(2);
    };
    let loaded = mnist::load(folder);
    if loaded.is_err() {
        eprintln!("{WANTED}");
    }
    Ok(loaded?)
}

/// Arguments of the examples on MNIST.
#[derive(clap::Args)]
pub struct Data {
    /// The folder with the four files of MNIST, gzipped or not
    #[arg(long = "data", value_name = "DIR")]
    pub data: Option<PathBuf>,
}
