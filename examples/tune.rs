//! Measures which kernels are fastest for the training step of a small convolutional network, keeps the choices in a file,
//! and shows the step's time before and after. With a file that is there already, nothing is measured but the step.
//!
//!     cargo run --release --example tune -- [--device auto|gpu|gpu:N|software] [FILE]

mod common;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anygrad::Result;
use anygrad::prelude::*;
use clap::Parser;
use common::{end, say};

/// Steps whose times the median is taken of.
const STEPS: usize = 21;

/// Choose kernels for the training step of a small convolutional network by measuring them
#[derive(Parser)]
struct Args {
    /// Where to compute: auto, gpu, gpu:N or software (a Vulkan driver that runs on the CPU)
    #[arg(long, default_value = "auto")]
    device: String,
    /// Samples a step
    #[arg(long, default_value = "64", value_parser = common::at_least_1)]
    batch_size: usize,
    /// The file of choices, read if it is there and written otherwise; by default they last as long as the process
    file: Option<PathBuf>,
}

/// A model with its data: what one step needs.
struct Step {
    model: Sequential,
    params: Params,
    x: Tensor,
    labels: Tensor,
}

impl Step {
    fn new(device: &Device, batch: usize) -> Result<Self> {
        let params = Params::new(device, 42);
        let model = Sequential::new()
            .then(Conv2d::new(params.at("conv1"), 1, 16, 3).padding(1))
            .then(relu)
            .then(Conv2d::new(params.at("conv2"), 16, 32, 3).stride(2).padding(1))
            .then(relu)
            .then(Flatten)
            .then(Linear::new(params.at("fc1"), 32 * 14 * 14, 128))
            .then(relu)
            .then(Linear::new(params.at("fc2"), 128, 10));
        let x = Rng::new(7).uniform([batch, 1, 28, 28], device).detached()?;
        let labels: Vec<u32> = (0..10).cycle().take(batch).collect();
        let labels = Tensor::from_slice(&labels, [batch], device);
        Ok(Self { model, params, x, labels })
    }

    fn run(&self) -> Result<f32> {
        let loss = cross_entropy(&self.model.forward(&self.x, &mut Ctx::train(42)), &self.labels);
        Adam::default().step(&self.params, self.params.grad(&loss), 1e-3)?;
        Ok(loss.item()?)
    }

    /// Milliseconds of a step, the median.
    fn milliseconds(&self) -> Result<f64> {
        let timed = |_| -> Result<f64> {
            let begun = Instant::now();
            self.run()?;
            Ok(begun.elapsed().as_secs_f64() * 1e3)
        };
        let mut times = (0..STEPS).map(timed).collect::<Result<Vec<f64>>>()?;
        times.sort_by(f64::total_cmp);
        Ok(times[STEPS / 2])
    }
}

fn tune(args: &Args) -> Result<bool> {
    let device = Device::from_name(&args.device)?;
    anygrad::train::announce(&device);
    if device.is_cpu() {
        say("the CPU has one way for each shape: there is nothing to choose");
        return Ok(true);
    }
    let step = Step::new(&device, args.batch_size)?;
    // plans and compiles
    step.run()?;
    let before = step.milliseconds()?;
    match &args.file {
        Some(file) if file.exists() => {
            let count = device.load_tuning(file)?;
            say(format_args!("{count} choices in {}", file.display()));
        }
        file => {
            let begun = Instant::now();
            let (loss, tuning) = device.tune(|| step.run())?;
            loss?;
            say(format_args!("{tuning}tuned in {:.1} s", begun.elapsed().as_secs_f64()));
            if let Some(file) = file {
                device.save_tuning(file)?;
            }
        }
    }
    step.run()?;
    say(format_args!("a step takes {:.2} ms, and took {before:.2} ms before", step.milliseconds()?));
    Ok(true)
}

fn main() -> ExitCode {
    end(tune(&Args::parse()))
}
