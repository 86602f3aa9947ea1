//! Random programs: the planner may fuse, sink, copy and reuse memory as it likes, and the numbers stay.
//!
//! A program is data (`program`), drawn from its number (`generate`) out of lists of ops, one line each (`entries`).
//! It is run in every way (`execute`). One that fails is made smaller (`shrink`) and printed as Rust.
//!
//! `ANYGRAD_PROGRAMS=n` runs n of them, `ANYGRAD_PROGRAM_SEED=s` starts with number s.

mod attributes;
mod broken;
mod entries;
mod entry;
mod execute;
mod generate;
mod program;
mod shrink;

use std::time::{Duration, Instant};

use anygrad_graph::Device;

use crate::devices::{alone, gpu, say};
use crate::programs::entry::Family;
use crate::programs::execute::Failure;

/// How many programs, unless `ANYGRAD_PROGRAMS` says otherwise.
const PROGRAMS: u64 = 2000;

/// Programs in a thousand that may multiply roundings beyond the bound.
const AMPLIFIED: u64 = 2;

/// How often a long run says how far it is.
const PROGRESS: u64 = 5000;

/// After how many programs memory that waits to be used again is given back.
const TRIMMED: u64 = 25;

/// Failures that are made smaller and shown.
const SHOWN: usize = 5;

fn setting(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => otherwise,
    }
}

/// What a failing program is shrunk to, as text for people.
fn report(seed: u64, families: &[Family], failure: &Failure, with_gpu: bool) -> String {
    let program = generate::generate(seed, families);
    let run = |program: &program::Program| {
        let gpu = gpu().filter(|_| with_gpu);
        alone(|| execute::run(program, gpu)).map(|_| ())
    };
    let (small, failure_of_small) = shrink::shrink(&program, failure, run);
    format!(
        "program {seed} (ANYGRAD_PROGRAM_SEED={seed} ANYGRAD_PROGRAMS=1): {failure}\n\
         made smaller, {} of {} steps: {failure_of_small}\n{}",
        small.steps(),
        program.steps(),
        small.code()
    )
}

#[test]
fn random_programs_give_the_same_numbers_everywhere() {
    let started = Instant::now();
    let (first, count) = (setting("ANYGRAD_PROGRAM_SEED", 0), setting("ANYGRAD_PROGRAMS", PROGRAMS));
    let families = entries::families();
    let (mut wrong, mut amplified, mut steps) = (Vec::new(), Vec::new(), 0);
    let mut slowest = (Duration::ZERO, first);
    for seed in first..first + count {
        let program = generate::generate(seed, &families);
        steps += program.steps();
        let begun = Instant::now();
        match alone(|| execute::run(&program, gpu())) {
            Ok(outcome) if outcome.amplified => amplified.push(seed),
            Ok(_) => {}
            Err(failure) => {
                // at once: making it smaller may take long, or end the process
                say(&format!("program {seed} fails: {failure}"));
                wrong.push((seed, failure));
            }
        }
        slowest = slowest.max((begun.elapsed(), seed));
        // each program checks the bands around all buffers, also those that wait in the pool
        if (seed + 1 - first).is_multiple_of(TRIMMED) {
            gpu().into_iter().for_each(Device::trim);
        }
        if (seed + 1 - first).is_multiple_of(PROGRESS) {
            say(&format!("{} programs, {} failures so far", seed + 1 - first, wrong.len()));
        }
    }
    let ways = if gpu().is_some() { "CPU and GPU" } else { "CPU only" };
    say(&format!(
        "{count} random programs from number {first} ({steps} steps, {ways}), {} failures, {} amplified, {:.1} s; \
         the slowest is number {} with {:.1} s",
        wrong.len(),
        amplified.len(),
        started.elapsed().as_secs_f64(),
        slowest.1,
        slowest.0.as_secs_f64()
    ));
    let shown: Vec<String> =
        wrong.iter().take(SHOWN).map(|(seed, failure)| report(*seed, &families, failure, true)).collect();
    let seeds: Vec<u64> = wrong.iter().map(|(seed, _)| *seed).collect();
    assert!(wrong.is_empty(), "{} failures: {seeds:?}\n\n{}", wrong.len(), shown.join("\n\n"));
    let most = (count * AMPLIFIED / 1000).max(3) as usize;
    assert!(amplified.len() <= most, "too many programs multiply roundings: {amplified:?}");
}
