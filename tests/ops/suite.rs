//! Every case on every device.

use std::collections::BTreeMap;
use std::time::Instant;

use anygrad_graph::Device;

use crate::case::Case;
use crate::compare::{Against, difference};
use crate::devices::{alone, check_guards, gpus, say};
use crate::run::{Numbers, Precision, compute, record};
use crate::{cases, differences};

/// Largest error of f32 on the CPU against f64, as a part of the size of the result. A result is a few roundings
/// of 6e-8 away, and sums add up a few more.
const CPU: f64 = 1e-6;

/// The same on a GPU: functions are within 4e-7 there (`crates/device/tests/kernels_accuracy.rs`), and products and sums
/// add up in another order.
const GPU: f64 = 2e-6;

/// Derivatives are longer formulas than what they derive.
const BY_ORDER: [f64; 3] = [1.0, 5.0, 25.0];

#[derive(Default)]
pub struct Tally {
    counts: [usize; 3],
    /// Cases that a GPU refused as it has to, by the reason.
    cpu_only: BTreeMap<&'static str, usize>,
    failures: Vec<String>,
}

impl Tally {
    fn count(&mut self, case: &Case) {
        (0..=case.order).for_each(|order| self.counts[order] += 1);
    }

    pub fn fail(&mut self, case: &Case, what: impl std::fmt::Display) {
        self.failures.push(format!("{}: {what}", case.name));
    }

    fn finish(self, device: &str, started: Instant) {
        let [forward, first, second] = self.counts;
        say(&format!(
            "{device}: {forward} cases, {first} gradients, {second} second derivatives, {} failures, {:.1} s",
            self.failures.len(),
            started.elapsed().as_secs_f64()
        ));
        for (reason, count) in &self.cpu_only {
            say(&format!("{device}: {count} cases are for the CPU only: {reason}"));
        }
        let shown: Vec<&str> = self.failures.iter().take(60).map(String::as_str).collect();
        assert!(shown.is_empty(), "{} failures\n{}", self.failures.len(), shown.join("\n"));
    }
}

#[test]
fn cpu_agrees_with_f64_and_with_central_differences() {
    let started = Instant::now();
    let device = Device::cpu();
    let mut tally = Tally::default();
    for case in cases::selected() {
        tally.count(&case);
        match compute(&case, &device, Precision::Double) {
            Ok(double) => {
                differences::check(&case, &double).iter().for_each(|wrong| tally.fail(&case, wrong));
                match compute(&case, &device, Precision::Single) {
                    Ok(_) if case.special => {}
                    Ok(single) => compare(&case, &single, &double, CPU, &mut tally),
                    Err(error) => tally.fail(&case, error),
                }
            }
            Err(error) => tally.fail(&case, error),
        }
    }
    tally.finish(&device.to_string(), started);
}

#[test]
fn gpu_agrees_with_the_cpu() {
    on_device(0);
}

#[test]
fn gpu_with_checked_shaders_agrees_with_the_cpu() {
    on_device(1);
}

fn on_device(which: usize) {
    let Some((name, device)) = gpus().get(which) else { return };
    alone(|| {
        let started = Instant::now();
        let mut tally = Tally::default();
        for case in cases::selected() {
            if let Some(reason) = case.cpu_only {
                refused(&case, device, &mut tally);
                *tally.cpu_only.entry(reason).or_default() += 1;
                continue;
            }
            tally.count(&case);
            on_gpu(&case, device, &mut tally);
            if let Err(error) = check_guards(device) {
                tally.fail(&case, error);
            }
        }
        tally.finish(&format!("{name}, {device}"), started);
    });
}

/// What a GPU does not compute is an error as soon as it is recorded, and the error says what to do.
fn refused(case: &Case, device: &Device, tally: &mut Tally) {
    let recorded = record(case, device, Precision::Single, &case.values());
    let text = recorded.output.check().err().map(|error| error.to_string()).unwrap_or_default();
    if !text.contains("on the CPU device only") || !text.contains(".to(&Device::cpu())") {
        tally.fail(case, format!("is for the CPU only, and a GPU says \"{text}\""));
    }
}

/// Values against the CPU in the same precision, derivatives against f64.
fn on_gpu(case: &Case, device: &Device, tally: &mut Tally) {
    let cpu = Device::cpu();
    let (got, single) = (compute(case, device, Precision::Single), compute(case, &cpu, Precision::Single));
    let (got, single) = match (got, single) {
        (Ok(got), Ok(single)) => (got, single),
        (Err(error), _) | (_, Err(error)) => return tally.fail(case, error),
    };
    if case.order == 0 {
        return compare(case, &got, &single, GPU, tally);
    }
    match compute(case, &cpu, Precision::Double) {
        Ok(double) => {
            let want = Numbers { output: single.output, dtype: single.dtype, ..double };
            compare(case, &got, &want, GPU, tally);
        }
        Err(error) => tally.fail(case, error),
    }
}

fn compare(case: &Case, got: &Numbers, want: &Numbers, tolerance: f64, tally: &mut Tally) {
    if got.shape != want.shape {
        return tally.fail(case, format!("shape {}, not {}", got.shape, want.shape));
    }
    let against = if case.special { Against::Element } else { Against::Whole };
    // integers and truth values have nothing to round
    let forward = if got.dtype.is_float() { tolerance * case.loose } else { 0.0 };
    if let Some(wrong) = difference(&got.output, &want.output, forward, against) {
        tally.fail(case, wrong);
    }
    let slopes = tolerance * case.loose * case.loose_slopes;
    for (order, got, want) in [(1, &got.first, &want.first), (2, &got.second, &want.second)] {
        for (i, (got, want)) in got.iter().zip(want).enumerate() {
            if let Some(wrong) = difference(got, want, slopes * BY_ORDER[order], against) {
                tally.fail(case, format!("derivative {order} of input {i}: {wrong}"));
            }
        }
        if got.len() != want.len() {
            tally.fail(case, format!("{} derivatives of order {order}, not {}", got.len(), want.len()));
        }
    }
}
