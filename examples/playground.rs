//! Where a small network draws its line: a ring, petals and spirals, each with its decision boundary as a picture.
//!
//! A perceptron with tanh between its layers: 4 hidden units part the ring, 8 the petals, two layers of 16 the spirals.
//! With seed 42 they are right on 100 %, 95 % and 99 % of the training points after two seconds on two CPU cores. The
//! pictures go to runs/playground/.
//!
//!     cargo run --release --example playground
//!     cargo run --release --example playground -- --set petals --hidden 2     # too few units

mod common;

use std::path::PathBuf;
use std::process::ExitCode;

use anygrad::Result;
use anygrad::data::synthetic;
use anygrad::nn::models::mlp;
use anygrad::prelude::*;
use anygrad::train::Progress;
use anygrad::train::pictures::{Decision, decision_boundary};
use common::say;

const EPOCHS: (usize, &str) = (200, "200");

/// Classify points in the plane and draw the decision boundary
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    common: common::Common,
    /// Only this set of points
    #[arg(long, value_enum)]
    set: Option<Set>,
    /// Units of each hidden layer, in place of those that suffice: 16,16
    #[arg(long, value_delimiter = ',', value_name = "UNITS")]
    hidden: Vec<usize>,
    /// The folder to write pictures to
    #[arg(long, default_value = "runs/playground", value_name = "DIR")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
enum Set {
    Ring,
    Petals,
    Spirals,
}

impl Set {
    /// The points, the hidden layers that suffice, and the share of points they get right at least.
    fn get(self, seed: u64) -> Result<(Dataset, Vec<usize>, f32)> {
        Ok(match self {
            Set::Ring => (synthetic::ring(400, 0.03, seed)?, vec![4], 0.97),
            Set::Petals => (synthetic::petals(400, 4, 0.02, seed)?, vec![8], 0.9),
            Set::Spirals => (synthetic::spirals(400, 2, 0.02, seed)?, vec![16, 16], 0.95),
        })
    }
}

/// Trains on one set and draws what it has learnt; gives whether it reaches its bar.
fn play(set: Set, args: &Args, device: &Device) -> Result<bool> {
    let common = &args.common;
    let (points, suffices, bar) = set.get(common.seed)?;
    let hidden = if args.hidden.is_empty() { &suffices } else { &args.hidden };
    let sizes: Vec<usize> = [2].into_iter().chain(hidden.iter().copied()).chain([2]).collect();
    let params = Params::new(device, common.seed);
    let model = mlp(params.at("mlp"), &sizes, tanh);
    let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
    let fit = Fit {
        epochs: common.epochs,
        batch_size: common.batch_size,
        learning_rate: common.lr,
        progress: Progress::hidden(),
        ..Fit::default()
    };
    trainer.fit(&points, fit)?;
    let accuracy = trainer.evaluate(&points)?.accuracy.unwrap_or_default();

    let places: Vec<[f32; 2]> = points.inputs().as_chunks::<2>().0.to_vec();
    let labels: Vec<usize> =
        points.targets().labels().unwrap_or_default().iter().map(|&label| label as usize).collect();
    let heading = format!("{set:?}, hidden {hidden:?}: {:.1} %", accuracy * 100.0);
    let picture = decision_boundary(&heading, &places, &labels, &["inside", "outside"], |grid| {
        let grid = Tensor::from_slice(grid.as_flattened(), [grid.len(), 2], device);
        let probabilities = trainer.forward(&grid).softmax(1).at(1, 1).to_vec()?;
        Ok(Decision::Probabilities(probabilities))
    })?;
    let file = args.out.join(format!("{set:?}.svg").to_lowercase());
    picture.save(&file)?;
    say(format_args!("{heading}   {}", file.display()));
    Ok(accuracy >= bar || !args.hidden.is_empty() || common.epochs < EPOCHS.0)
}

fn run(args: &Args) -> Result<bool> {
    let device = args.common.open()?;
    let all = [Set::Ring, Set::Petals, Set::Spirals];
    let chosen = all.into_iter().filter(|&set| args.set.is_none_or(|wanted| wanted == set));
    chosen.map(|set| play(set, args, &device)).try_fold(true, |all, one| Ok(one? && all))
}

fn main() -> ExitCode {
    let args: Args = common::parse(&[("epochs", EPOCHS.1), ("batch_size", "32"), ("lr", "0.02")]);
    common::end(run(&args))
}
