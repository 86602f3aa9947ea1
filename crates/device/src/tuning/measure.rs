use std::fmt;
use std::time::{Duration, Instant};

use anygrad_layout::{DType, Layout};

use super::Case;
use crate::kernels::{Pointwise, Sink, Source, SourceKind, pointwise};
use crate::{Buffer, DeviceError, Gpu, Lowered, Operand, Plan, PlanStep};

/// Runs of a variant, unless they take longer than [`LONG`] together.
const RUNS: usize = 9;
const LONG: Duration = Duration::from_millis(60);

/// A variant that takes so many times as long as the best one at its first run gets no second one.
const HOPELESS: f64 = 1.5;

/// Another variant is taken instead of the default one if it takes at most this part of its time: less is noise.
const WORTH: f64 = 0.97;

/// The part of the roofline at which no further variant is measured.
const ENOUGH: f64 = 0.8;

/// Elements of the copy that tells the speed of memory.
const COPIED: usize = 16 << 20;

/// A variant and its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Its name.
    pub variant: String,
    /// Microseconds of a run: of the kernels, if the adapter has a clock for them, or until the host has seen the end.
    pub micros: f64,
}

/// What was found for one case.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tuned {
    /// What is computed.
    pub case: Case,
    /// What the tables choose.
    pub default: Timing,
    /// The fastest; the default one if the gain is no more than noise.
    pub best: Timing,
    /// The least time that the roofline allows, as a part of the best one's.
    pub share: f64,
    /// How many variants were measured.
    pub measured: usize,
    /// Variants that do not compile or give wrong numbers here. They are never taken.
    pub wrong: Vec<String>,
}

/// What was found for some cases; its text is a table.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Tuning {
    /// Multiplications and additions a second, of a large product.
    pub flops: f64,
    /// Bytes a second that a copy reads and writes.
    pub bytes: f64,
    /// What was found, in the order of the cases.
    pub cases: Vec<Tuned>,
}

impl Gpu {
    /// Measures the variants of each case, compares what they compute with the plainest kernel, and takes the fastest
    /// right one from then on, in all plans to come. A case is done when a variant reaches 80 % of what the roofline (a
    /// large product and a copy, measured first) allows.
    ///
    /// Sums are added up in another order by another variant, so results may differ in their last bits before and after;
    /// with the same choices they are the same.
    ///
    /// # Errors
    /// [`DeviceError::OutOfMemory`], [`DeviceError::Timeout`], [`DeviceError::Lost`].
    pub fn tune(&self, cases: &[Case]) -> Result<Tuning, DeviceError> {
        let mut tuning = Tuning::default();
        if cases.is_empty() {
            return Ok(tuning);
        }
        (tuning.flops, tuning.bytes) = roofline(self)?;
        // a convolution may be a product, which is chosen first
        let products = cases.iter().filter(|case| matches!(case, Case::Matmul { .. }));
        let others = cases.iter().filter(|case| !matches!(case, Case::Matmul { .. }));
        for case in products.chain(others) {
            if let Some(tuned) = tune(self, case, (tuning.flops, tuning.bytes))? {
                log::info!("tuned {tuned}");
                if tuned.best.variant != tuned.default.variant {
                    self.choices().set(case, &tuned.best.variant);
                }
                tuning.cases.push(tuned);
            }
        }
        Ok(tuning)
    }
}

/// The fastest variant of a case; None if there is nothing to compute.
fn tune(gpu: &Gpu, case: &Case, (flops, bytes): (f64, f64)) -> Result<Option<Tuned>, DeviceError> {
    let caps = gpu.caps();
    let chosen = case.lower(caps, None)?;
    let Some(first) = chosen.launches.first() else { return Ok(None) };
    let total = |of: fn(&crate::Launch) -> u64| chosen.launches.iter().map(of).sum::<u64>() as f64;
    // the last pass writes what a kernel without passes would
    let least = 1e6 * (total(|launch| launch.flops) / flops).max(total(|launch| launch.bytes) / bytes);
    let bench = Bench::new(gpu, case)?;
    let mut default = Timing { variant: first.variant.to_owned(), micros: bench.time(&chosen, f64::MAX)? };
    let mut best = default.clone();
    let expected = bench.result(&case.lower(caps, Some(Case::PLAIN))?)?;
    let (mut measured, mut wrong) = (1, Vec::new());
    if !case.agree(&bench.result(&chosen)?, &expected) {
        // anything right is better
        wrong.push(default.variant.clone());
        best.micros = f64::MAX;
        default.micros = f64::MAX;
    }
    let mut seen = vec![kernels(&chosen)];
    for name in case.candidates(caps) {
        if best.micros * ENOUGH <= least {
            break;
        }
        // what does not run here
        let Ok(lowered) = case.lower(caps, Some(&name)) else { continue };
        if seen.contains(&kernels(&lowered)) {
            continue;
        }
        seen.push(kernels(&lowered));
        measured += 1;
        match bench.time(&lowered, best.micros) {
            Ok(micros) if micros >= best.micros => {}
            Ok(micros) => match case.agree(&bench.result(&lowered)?, &expected) {
                true => best = Timing { variant: name, micros },
                false => wrong.push(name),
            },
            // its text, or the driver's compiler
            Err(DeviceError::Validation { .. } | DeviceError::Internal { .. }) => wrong.push(name),
            Err(error) => return Err(error),
        }
    }
    if best.micros > WORTH * default.micros {
        best = default.clone();
    }
    let share = least / best.micros;
    Ok(Some(Tuned { case: case.clone(), default, best, share, measured, wrong }))
}

/// What tells one variant's work from another's.
fn kernels(lowered: &Lowered) -> Vec<(std::sync::Arc<str>, [u32; 3], Vec<crate::Param>)> {
    lowered.launches.iter().map(|l| (l.source.clone(), l.grid, l.params.clone())).collect()
}

impl Case {
    /// Whether two results are equal but for roundings. The operands are from −1 to 1, so a sum of k products is of the
    /// order √k, and one rounding at each step of it makes less than ε·k; a wrong operand makes about 0.3.
    fn agree(&self, found: &[f32], expected: &[f32]) -> bool {
        let most = f32::EPSILON * (self.terms() as f32 + 16.0);
        found.len() == expected.len() && found.iter().zip(expected).all(|(x, y)| (x - y).abs() <= most)
    }
}

/// The buffers of a case.
struct Bench<'a> {
    gpu: &'a Gpu,
    inputs: Vec<Buffer>,
    output: Buffer,
    outputs: usize,
}

impl<'a> Bench<'a> {
    fn new(gpu: &'a Gpu, case: &Case) -> Result<Self, DeviceError> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let mut upload = |count: usize| {
            let data: Vec<u8> = (0..count).flat_map(|_| next().to_le_bytes()).collect();
            gpu.upload(&data)
        };
        let inputs = case.inputs().into_iter().map(&mut upload).collect::<Result<_, _>>()?;
        let outputs = case.outputs();
        Ok(Self { gpu, inputs, output: gpu.alloc(outputs.saturating_mul(4))?, outputs })
    }

    /// The plan of some kernels, and what it runs on.
    fn plan(&self, lowered: &Lowered) -> Result<(Plan, Vec<Buffer>), DeviceError> {
        let mut buffers = self.inputs.clone();
        buffers.push(self.output.clone());
        for bytes in &lowered.scratch {
            buffers.push(self.gpu.alloc(*bytes)?);
        }
        let slot = |operand: &Operand| match *operand {
            Operand::Input(i) | Operand::Block(i) => i,
            Operand::Output(_) => self.inputs.len(),
            Operand::Scratch(i) => self.inputs.len() + 1 + i,
        };
        let step = |launch: &crate::Launch| PlanStep {
            slots: launch.bindings.iter().map(|(operand, _)| slot(operand)).collect(),
            numbers: Vec::new(),
            label: format!("tuning {}.{}", launch.family, launch.variant),
            launch: launch.clone(),
        };
        Ok((Plan::new(self.gpu, lowered.launches.iter().map(step).collect())?, buffers))
    }

    /// Microseconds of the fastest run. Of one that is not near `best` there is only one.
    fn time(&self, lowered: &Lowered, best: f64) -> Result<f64, DeviceError> {
        let (plan, buffers) = self.plan(lowered)?;
        let timed = self.gpu.limits().timestamps;
        let run = || -> Result<f64, DeviceError> {
            if timed {
                return Ok(plan.run_timed(&buffers, &[])?.iter().sum());
            }
            let begun = Instant::now();
            plan.run(&buffers, &[])?;
            self.gpu.wait()?;
            Ok(begun.elapsed().as_secs_f64() * 1e6)
        };
        // the first run allocates, and drivers compile then
        plan.run(&buffers, &[])?;
        self.gpu.wait()?;
        let begun = Instant::now();
        let mut fastest = run()?;
        for _ in 1..RUNS {
            if fastest > HOPELESS * best || begun.elapsed() > LONG {
                break;
            }
            fastest = fastest.min(run()?);
        }
        Ok(fastest)
    }

    fn result(&self, lowered: &Lowered) -> Result<Vec<f32>, DeviceError> {
        let (plan, buffers) = self.plan(lowered)?;
        // what a kernel leaves out must not be right by chance
        self.gpu.write(&self.output, &vec![0xff; 4 * self.outputs])?;
        plan.run(&buffers, &[])?;
        let bytes = self.gpu.read(&self.output, 4 * self.outputs)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect())
    }
}

/// Multiplications and additions, and bytes of a copy, a second: of a product that takes a while by the kernel that the
/// tables choose, and of a copy of 64 MiB.
fn roofline(gpu: &Gpu) -> Result<(f64, f64), DeviceError> {
    let side = if gpu.caps().software { 512 } else { 4096 };
    let square = Layout::contiguous([side, side]);
    let product = Case::Matmul { a: square.clone(), b: square };
    let micros = Bench::new(gpu, &product)?.time(&product.lower(gpu.caps(), None)?, f64::MAX)?;
    let flops = 2.0 * (side as f64).powi(3) / micros * 1e6;

    let shape = Layout::contiguous([COPIED]);
    let source = Source { kind: SourceKind::Buffer(0), dtype: DType::F32, layout: shape.clone() };
    let program = Pointwise {
        shape: shape.shape,
        inputs: vec![source],
        numbers: Vec::new(),
        steps: Vec::new(),
        outputs: vec![Sink { value: 0, dtype: DType::F32, in_place: None }],
    };
    let copy = pointwise::pointwise(&program, gpu.caps(), None)?;
    let inputs = vec![gpu.alloc(4 * COPIED)?];
    let bench = Bench { gpu, inputs, output: gpu.alloc(4 * COPIED)?, outputs: COPIED };
    let micros = bench.time(&copy, f64::MAX)?;
    Ok((flops, 8.0 * COPIED as f64 / micros * 1e6))
}

impl fmt::Display for Tuned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, default, best, share, measured, wrong } = self;
        write!(f, "{case}: {} {:.1} µs", default.variant, default.micros)?;
        if best.variant != default.variant {
            write!(f, " -> {} {:.1} µs", best.variant, best.micros)?;
        }
        write!(f, ", {:.0} % of the roofline, {measured} measured", 100.0 * share)?;
        if !wrong.is_empty() {
            write!(f, ", WRONG here: {}", wrong.join(" "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "roofline: {:.0} GFLOP/s, {:.1} GB/s", self.flops / 1e9, self.bytes / 1e9)?;
        self.cases.iter().try_for_each(|tuned| writeln!(f, "{tuned}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roundings_agree_and_wrong_operands_do_not() {
        for k in [1, 16, 1000, 100_000] {
            let case = Case::matmul(&Layout::contiguous([1, k]), &Layout::contiguous([k, 1]));
            let terms: Vec<f32> = (0..k).map(|i| ((i * 7919 % 1000) as f32 / 500.0 - 1.0) * 0.9).collect();
            let (forwards, backwards) = (terms.iter().sum::<f32>(), terms.iter().rev().sum::<f32>());
            assert!(case.agree(&[forwards], &[backwards]), "{k}: {forwards} {backwards}");
            assert!(!case.agree(&[forwards + 0.3], &[forwards]), "{k}");
            assert!(!case.agree(&[f32::NAN], &[forwards]) && !case.agree(&[], &[forwards]), "{k}");
        }
    }
}
