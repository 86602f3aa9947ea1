//! A network that writes: a GRU reads text letter by letter and learns which letter comes next.
//!
//! Four sonnets of Shakespeare are part of the program. After 40 epochs, ten seconds on two CPU cores, it needs 0.34
//! bits a letter for them, against 4.2 from how often letters come: it knows them by heart, and writes lines of them.
//! With a longer text (`--data tiny_shakespeare.txt`, 1 MB) the last tenth is held out, to see what it has learnt of
//! the language.
//!
//!     cargo run --release --example char_rnn
//!     cargo run --release --example char_rnn -- --data input.txt --epochs 2 --hidden 256

mod common;

use std::path::PathBuf;
use std::process::ExitCode;

use anygrad::Result;
use anygrad::data::text::{Tokenizer, Vocabulary, VocabularySettings, next_token_windows};
use anygrad::nn::{Embedding, Gru};
use anygrad::prelude::*;
use common::say;

const SONNETS: &str = include_str!("data/sonnets.txt");
const EPOCHS: (usize, &str) = (40, "40");
/// Bits a letter at the end.
const BAR: f32 = 1.0;
/// Letters a sample.
const LENGTH: usize = 48;

/// Learn to write, letter by letter
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    common: common::Common,
    /// A text file to learn from, in place of four sonnets
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Units of the recurrent layer
    #[arg(long, default_value_t = 96, value_parser = clap::value_parser!(u16).range(1..))]
    hidden: u16,
    /// Letters to write at the end
    #[arg(long, default_value_t = 300)]
    letters: usize,
}

/// Letters `[n, t]` to scores of the letter behind each, `[n, letters, t]`.
fn model(params: &Params, letters: usize, hidden: usize) -> Sequential {
    Sequential::new()
        .then(|x: &Tensor| x.to_dtype(DType::U32))
        .then(Embedding::new(params.at("letters"), letters, 24))
        .then(Gru::new(params.at("gru"), 24, hidden).return_sequences(true))
        .then(Linear::new(params.at("fc"), hidden, letters))
        .then(|x: &Tensor| x.transpose(1, 2))
}

/// The targets of language samples are letters as numbers.
fn loss(scores: &Tensor, next: &Tensor) -> Tensor {
    cross_entropy(scores, &next.to_dtype(DType::U32))
}

/// Writes `count` letters behind the line break, each drawn from what the model expects, a little sharpened.
fn write(
    model: &Sequential,
    letters: &Vocabulary,
    device: &Device,
    count: usize,
    seed: u64,
) -> Result<String> {
    let mut rng = Rng::new(seed);
    let mut codes = letters.encode(&["\n"]);
    for _ in 0..count {
        let seen = &codes[codes.len().saturating_sub(LENGTH)..];
        // always the same length, so that one plan does for all letters
        let mut window = vec![codes[0]; LENGTH - seen.len()];
        window.extend(seen);
        let x = Tensor::from_slice(&window, [1, LENGTH], device);
        let scores = model.forward(&x, &mut Ctx::eval()).at(2, LENGTH as isize - 1) / 0.7;
        // the largest score with Gumbel noise is a draw from their softmax
        let noise = -(-rng.uniform([1, letters.len()], device).clamp(1e-7, 1.0).log()).log();
        codes.extend((scores + noise).argmax(1).to_dtype(DType::U32).to_vec::<u32>()?);
    }
    Ok(letters.decode(&codes).concat())
}

fn run(args: &Args) -> Result<bool> {
    let common = &args.common;
    let text = match &args.data {
        Some(file) => std::fs::read_to_string(file).map_err(|error| common::cannot_read(file, error))?,
        None => SONNETS.to_owned(),
    };
    let device = common.open()?;
    let tokens = Tokenizer::characters().tokens(&text);
    let letters = Vocabulary::fit(
        &[&tokens],
        &VocabularySettings { specials: vec![], unknown: None, ..VocabularySettings::default() },
    )?;
    let codes = letters.encode(&tokens);
    let samples = next_token_windows(&codes, LENGTH, LENGTH / 2)?;
    // four sonnets are too few to hold some out
    let held = if args.data.is_some() { samples.len() / 10 } else { 0 };
    let (train, test) = (samples.take(samples.len() - held), samples.skip(samples.len() - held));
    say(format_args!(
        "{} letters, {} of them different, {} samples",
        codes.len(),
        letters.len(),
        train.len()
    ));

    let params = Params::new(&device, common.seed);
    let model = model(&params, letters.len(), usize::from(args.hidden));
    let mut trainer = Trainer::new(model, params, loss, Adam::default());
    let fit = Fit {
        epochs: common.epochs,
        batch_size: common.batch_size,
        learning_rate: common.lr,
        validation: Some(&test).filter(|test| !test.is_empty()),
        clip_global_norm: Some(1.0),
        ..Fit::default()
    };
    let history = trainer.fit(&train, fit)?;
    let bits = |loss: f32| loss / std::f32::consts::LN_2;
    let trained = history.rows().last().map_or(f32::NAN, |row| bits(row.train.loss));
    say(write(trainer.model(), &letters, &device, args.letters, common.seed)?);
    say(format_args!("\n{trained:.2} bits a letter"));
    Ok(trained < BAR || common.epochs < EPOCHS.0 || args.data.is_some())
}

fn main() -> ExitCode {
    let args: Args = common::parse(&[("epochs", EPOCHS.1), ("batch_size", "16"), ("lr", "5e-3")]);
    common::end(run(&args))
}
