//! A network of two dense layers learns MNIST: 784, 512 with relu, dropout 0.5, 10.
//!
//! Reaches 97 % on the test set in 5 epochs (seed 42: 97.6 %), 2 seconds each on two CPU cores.
//!
//!     cargo run --release --example mnist_mlp -- --data DIR

mod common;

use std::process::ExitCode;

use anygrad::Result;
use anygrad::prelude::*;
use common::say;

const BAR: f32 = 0.97;
const EPOCHS: (usize, &str) = (5, "5");

/// Train two dense layers on MNIST
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    common: common::Common,
    #[command(flatten)]
    data: common::Data,
}

fn run(args: &Args) -> Result<bool> {
    let common = &args.common;
    let (train, test) = common::mnist_from(args.data.data.as_deref())?;
    let device = common.open()?;
    let params = Params::new(&device, common.seed);
    let model = Sequential::new()
        .then(Flatten)
        .then(Linear::new(params.at("fc1"), 784, 512))
        .then(relu)
        .then(Dropout::new(0.5))
        .then(Linear::new(params.at("fc2"), 512, 10));

    let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
    say(trainer.summary(&train)?);
    let fit = Fit {
        epochs: common.epochs,
        batch_size: common.batch_size,
        learning_rate: common.lr,
        validation: Some(&test),
        ..Fit::default()
    };
    trainer.fit(&train, fit)?;
    let result = trainer.evaluate(&test)?;
    say(format_args!("test: {result}"));
    Ok(common::reaches(&result, BAR, common.epochs, EPOCHS.0))
}

fn main() -> ExitCode {
    let args: Args = common::parse(&[("epochs", EPOCHS.1), ("batch_size", "128"), ("lr", "1e-3")]);
    common::end(run(&args))
}
