//! Runs a program in every way and compares the numbers.
//!
//! The reference is f64 on the CPU. Held to it are f32 on the CPU and on the GPU, each fused by the planner and op by
//! op. Programs with the same bits in two runs, leaves that stay as they are, and guard bands are checked as well.
//!
//! *Tolerance.* Each element may be off by [`CPU`] or [`GPU`] times the largest of its own size, the root mean square
//! of its tensor, and 0.1. A few programs multiply roundings by more than that: they divide by what nearly cancels,
//! or differentiate at a kink. So a program that misses the bound is computed again in f64, with what every
//! step reads and gives disturbed at random by a few f32 roundings, [`DISTURBED`] times; elements may be off by
//! [`SPREAD`] times as far as they moved then. Others have values so large, [`LARGE`] in f64, that a square of them may be
//! infinite in f32: what was made from them cannot be held to f64, and is held to f32 on the CPU, op by op. How many
//! programs needed either is counted, and has a bound.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anygrad_graph::{DType, Device, Error, Tensor, eval, eval_unfused, grad};

use crate::compare::{Against, difference};
use crate::devices::check_guards;
use crate::draw::Draw;
use crate::programs::program::{Node, NotRecorded, Program, Recorded};
use crate::run::{leaf, read};

const CPU: f64 = 1e-5;
const GPU: f64 = 4e-5;
const DISTURBED: u64 = 12;
const SPREAD: f64 = 8.0;
/// A cube of this is near the largest f32, and so is the sum of a few squares of its square.
const LARGE: f64 = 1e12;
/// A few f32 roundings of 6e-8; a GPU's tanh may be 20 of them off.
const NOISE: [f64; 2] = [5e-7, 4e-6];

/// How a program fails.
#[derive(Clone, Debug)]
pub enum Failure {
    /// A step does not take its operands. Only a program that was made smaller can have that.
    Unsuitable,
    /// Recording or running gave an error.
    Error(String),
    /// The library panicked.
    Panic(String),
    /// Two ways of running it differ.
    Wrong(String),
}

impl Failure {
    /// Whether a smaller program fails as a larger one did.
    pub fn is_like(&self, other: &Failure) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Unsuitable => f.write_str("a step does not take its operands"),
            Failure::Error(text) | Failure::Wrong(text) => f.write_str(text),
            Failure::Panic(text) => write!(f, "panicked: {text}"),
        }
    }
}

impl From<NotRecorded> for Failure {
    fn from(why: NotRecorded) -> Self {
        match why {
            NotRecorded::Unsuitable => Failure::Unsuitable,
            NotRecorded::Poisoned(error) => Failure::Error(error.to_string()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(error.to_string())
    }
}

/// What a program gave.
pub struct Outcome {
    /// Whether roundings were multiplied beyond the bound or values left the range of f32, and the differences were
    /// explained by that.
    pub amplified: bool,
}

/// Runs a program in every way: on the CPU, and on `gpu` if there is one.
pub fn run(program: &Program, gpu: Option<&Device>) -> Result<Outcome, Failure> {
    catch_unwind(AssertUnwindSafe(|| every_way(program, gpu))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
        Err(Failure::Panic(text.unwrap_or_default()))
    })
}

fn every_way(program: &Program, gpu: Option<&Device>) -> Result<Outcome, Failure> {
    let cpu = Device::cpu();
    let double = numbers(program, &cpu, DType::F64, How::Fused)?;
    let mut judge = Judge { program, double: &double, spread: None, amplified: false };
    judge.compare("f32 on the CPU", &numbers(program, &cpu, DType::F32, How::Fused)?, 0)?;
    judge.compare("f32 on the CPU, op by op", &numbers(program, &cpu, DType::F32, How::Alone)?, 0)?;
    if let Some(gpu) = gpu {
        let fused = numbers(program, gpu, DType::F32, How::Fused)?;
        judge.compare("the GPU", &fused, 1)?;
        let again = numbers(program, gpu, DType::F32, How::Fused)?;
        let bits =
            |numbers: &[Vec<f64>]| -> Vec<u64> { numbers.iter().flatten().map(|x| x.to_bits()).collect() };
        if bits(&fused) != bits(&again) {
            return Err(Failure::Wrong("the GPU gives other bits the second time".into()));
        }
        judge.compare("the GPU, op by op", &numbers(program, gpu, DType::F32, How::Alone)?, 1)?;
        check_guards(gpu).map_err(Failure::Wrong)?;
    }
    Ok(Outcome { amplified: judge.amplified })
}

/// How a program is run.
#[derive(Clone, Copy, PartialEq)]
enum How {
    /// Outputs and gradients in one run.
    Fused,
    /// Each op in a run of its own.
    Alone,
    /// As fused, with the result of each step multiplied by numbers near 1: seed, and how near.
    Disturbed(u64, f64),
}

/// The numbers of all outputs, held tensors and gradients.
fn numbers(program: &Program, device: &Device, float: DType, how: How) -> Result<Vec<Vec<f64>>, Failure> {
    let recorded = match how {
        How::Disturbed(seed, size) => disturbed(program, device, float, seed, size)?,
        _ => program.record(device, float)?,
    };
    let tensor = |&i: &usize| recorded[i].tensor.clone();
    let outputs: Vec<Tensor> = program.outputs.iter().map(tensor).collect();
    let held: Vec<Tensor> = program.held.iter().map(tensor).collect();
    let leaves: Vec<Tensor> = (program.nodes.iter().zip(&recorded))
        .filter(|(node, _)| matches!(node, Node::Leaf { .. }))
        .map(|(_, r)| r.tensor.clone())
        .collect();
    let gradients = if program.gradients { gradients(&outputs, &leaves) } else { Vec::new() };
    if how == How::Alone {
        let all: Vec<&Tensor> = outputs.iter().chain(&held).chain(&gradients).collect();
        let values = eval_unfused(&all)?;
        if let Some(changed) = all.iter().zip(&values).find(|(t, v)| t.is_evaluated() && !t.is(v)) {
            return Err(Failure::Wrong(format!("{:?} was evaluated by eval_unfused", changed.0)));
        }
        return Ok(values.iter().map(read).collect::<Result<_, _>>()?);
    }
    let kept = if program.leaves_held { leaves.clone() } else { Vec::new() };
    let before = kept.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    // from here on, leaves and steps are held by what is made of them alone
    drop((recorded, leaves));
    eval(&outputs.iter().chain(&gradients).collect::<Vec<_>>())?;
    for (leaf, before) in kept.iter().zip(before) {
        if read(leaf)? != before {
            return Err(Failure::Wrong("a leaf that is held was overwritten".into()));
        }
    }
    // what is held and was not computed on the way is computed now, from inputs that have to be there still
    Ok(outputs.iter().chain(&held).chain(&gradients).map(read).collect::<Result<_, _>>()?)
}

/// The gradients of the mean of all float outputs.
fn gradients(outputs: &[Tensor], leaves: &[Tensor]) -> Vec<Tensor> {
    let wrt: Vec<&Tensor> = leaves.iter().filter(|t| t.dtype().is_float()).collect();
    let floats = outputs.iter().filter(|t| t.dtype().is_float() && t.numel() > 0);
    let loss = floats.map(Tensor::mean_all).reduce(|a, b| a + b);
    let mut gradients = loss.map(|loss| grad(&loss, &wrt)).unwrap_or_default();
    // a leaf that was not used has no gradient, and an op such as argmax none to pass on
    gradients.retain(|g| match g.check() {
        Ok(_) => true,
        Err(error) => {
            let text = error.to_string();
            !text.contains("the loss does not depend on") && !text.contains("has no derivative")
        }
    });
    gradients
}

fn disturbed(
    program: &Program,
    device: &Device,
    float: DType,
    seed: u64,
    size: f64,
) -> Result<Vec<Recorded>, Failure> {
    let mut draw = Draw::new(seed);
    let mut disturb = |t: &Tensor| {
        let factors: Vec<f64> = (0..t.numel()).map(|_| 1.0 + draw.float(-size, size)).collect();
        t * leaf(&factors, t.shape(), float, device)
    };
    let mut recorded: Vec<Recorded> = Vec::new();
    for node in &program.nodes {
        let next = node.record_with(&recorded, device, float, &mut disturb).ok_or(Failure::Unsuitable)?;
        recorded.push(next);
    }
    Ok(recorded)
}

/// Holds numbers to those of f64.
struct Judge<'a> {
    program: &'a Program,
    double: &'a [Vec<f64>],
    /// How far each element moves when steps are disturbed, by the size of the disturbance.
    spread: Option<(usize, Vec<Vec<f64>>)>,
    amplified: bool,
}

impl Judge<'_> {
    fn compare(&mut self, what: &str, got: &[Vec<f64>], noise: usize) -> Result<(), Failure> {
        let tolerance = [CPU, GPU][noise];
        let wrong = |message: String| Failure::Wrong(format!("{what} against f64: {message}"));
        if got.len() != self.double.len() {
            return Err(wrong(format!("{} results, not {}", got.len(), self.double.len())));
        }
        for (i, (got, want)) in got.iter().zip(self.double).enumerate() {
            let Some(message) = difference(got, want, tolerance, Against::WholeFrom(0.1)) else { continue };
            let message = format!("result {i}: {message}");
            if got.len() != want.len() {
                return Err(wrong(message));
            }
            if self.spread.as_ref().is_none_or(|(by, _)| *by != noise) {
                self.spread = Some((noise, self.spread(NOISE[noise])?));
            }
            let spread = self.spread.as_ref().and_then(|(_, all)| all.get(i));
            let allowed = |j: usize| spread.and_then(|s| s.get(j)).map_or(0.0, |s| SPREAD * s);
            // what is explained is taken for right
            let rest: Vec<f64> = (0..got.len())
                .map(|j| {
                    let near = (got[j] - want[j]).abs() <= allowed(j);
                    let unsure = allowed(j).is_infinite();
                    if near || unsure { want[j] } else { got[j] }
                })
                .collect();
            if difference(&rest, want, tolerance, Against::WholeFrom(0.1)).is_some()
                && !(self.is_large()? && self.is_as_in_f32(i, got, tolerance)?)
            {
                return Err(wrong(message));
            }
            self.amplified = true;
        }
        Ok(())
    }

    /// Whether a step gives numbers beyond [`LARGE`] in f64.
    fn is_large(&self) -> Result<bool, Failure> {
        let recorded = self.program.record(&Device::cpu(), DType::F64)?;
        let mut large = false;
        for step in recorded.iter().filter(|step| step.tensor.dtype().is_float()) {
            large |= read(&step.tensor)?.iter().any(|x| x.is_finite() && x.abs() > LARGE);
        }
        Ok(large)
    }

    /// Whether result `i` is what f32 on the CPU gives for it, op by op.
    fn is_as_in_f32(&self, i: usize, got: &[f64], tolerance: f64) -> Result<bool, Failure> {
        let single = numbers(self.program, &Device::cpu(), DType::F32, How::Alone)?;
        let same = |want: &Vec<f64>| difference(got, want, tolerance, Against::WholeFrom(0.1)).is_none();
        Ok(single.get(i).is_some_and(same))
    }

    /// How far the elements of each result move in f64; infinitely far if they are not always numbers.
    fn spread(&self, size: f64) -> Result<Vec<Vec<f64>>, Failure> {
        let mut spread: Vec<Vec<f64>> = self.double.iter().map(|list| vec![0.0; list.len()]).collect();
        for seed in 0..DISTURBED {
            let moved = numbers(self.program, &Device::cpu(), DType::F64, How::Disturbed(seed, size))?;
            for ((spread, moved), still) in spread.iter_mut().zip(&moved).zip(self.double) {
                for ((s, m), d) in spread.iter_mut().zip(moved).zip(still) {
                    let by = if m.is_nan() && d.is_nan() || m == d { 0.0 } else { (m - d).abs() };
                    *s = s.max(if by.is_nan() { f64::INFINITY } else { by });
                }
            }
        }
        Ok(spread)
    }
}
