//! Where the time of a run goes.

use std::fmt;
use std::time::Instant;

use crate::Tensor;
use crate::error::Error;
use crate::eval::{eval_with, run};
use crate::explain::{KernelLine, count, kernels, size};
use crate::plan::Plan;

/// How long each kernel of a run took; see [`profile`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Profile {
    /// The device it ran on.
    pub device: String,
    /// The kernels in the order in which they ran.
    pub kernels: Vec<KernelTime>,
    /// Microseconds from handing the plan to the device until everything was done.
    pub wall: f64,
}

/// One line of a [`Profile`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KernelTime {
    /// What it computes, where it was recorded, its work and traffic.
    pub kernel: KernelLine,
    /// Microseconds; `None` if the adapter has no clock for its kernels.
    pub micros: Option<f64>,
}

impl KernelTime {
    /// Bytes read and written a second, in 10⁹.
    pub fn gigabytes_a_second(&self) -> Option<f64> {
        self.micros.filter(|&micros| micros > 0.0).map(|micros| self.kernel.bytes as f64 / micros / 1e3)
    }

    /// Arithmetic operations a second, in 10⁹.
    pub fn gigaflops(&self) -> Option<f64> {
        self.micros.filter(|&micros| micros > 0.0).map(|micros| self.kernel.flops as f64 / micros / 1e3)
    }
}

/// Evaluates `tensors`, as [`eval`](crate::eval) does, and measures each kernel: by timestamps of the GPU, where it has
/// them, and by the clock of the host on the CPU backend. It waits for the device.
///
/// On a GPU a measured kernel does not overlap with the next, so the sum is more than a plain run takes; and the
/// first run of a program compiles its kernels before the clock starts, but finds cold caches. Measure the second.
///
/// ```
/// use anygrad_graph::{Device, Tensor, profile};
/// let x = Tensor::ones([64, 64], &Device::cpu());
/// let profile = profile(&[&x.matmul(&x).tanh().sum_all()])?;
/// println!("{profile}"); // a table: microseconds, share, GB/s, GFLOP/s, ops, line and layer
/// assert!(profile.kernels.iter().any(|line| line.kernel.ops.contains(&"matmul")));
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
///
/// # Errors
/// As [`eval`](crate::eval).
pub fn profile(tensors: &[&Tensor]) -> Result<Profile, Error> {
    let measured = eval_with(tensors, |plan, lowered, device| {
        let lines = match plan {
            Plan::Cpu(plan) => kernels(&lowered, &plan.schedule, None),
            Plan::Gpu(plan) => kernels(&lowered, &plan.schedule, Some(plan)),
        };
        // what was handed over before is no part of it
        device.wait()?;
        let (mut times, begun) = (Vec::new(), Instant::now());
        run(plan, lowered, device, Some(&mut times))?;
        device.wait()?;
        let wall = begun.elapsed().as_secs_f64() * 1e6;
        let micros = by_group(plan, &times, lines.len());
        let kernels = lines.into_iter().zip(micros).map(|(kernel, micros)| KernelTime { kernel, micros });
        Ok(Profile { device: device.to_string(), kernels: kernels.collect(), wall })
    })?;
    Ok(measured.unwrap_or_default())
}

/// The times of the groups: on a GPU one may have several launches, or none that has something to do.
fn by_group(plan: &Plan, times: &[f64], groups: usize) -> Vec<Option<f64>> {
    match plan {
        Plan::Cpu(_) => (0..groups).map(|place| times.get(place).copied()).collect(),
        Plan::Gpu(_) if times.is_empty() => vec![None; groups],
        Plan::Gpu(plan) => {
            let mut micros = vec![Some(0.0); groups];
            let running = plan.launches.iter().filter(|launch| !launch.grid.contains(&0));
            for (launch, time) in running.zip(times) {
                if let Some(Some(sum)) = micros.get_mut(launch.group) {
                    *sum += time;
                }
            }
            micros
        }
    }
}

impl fmt::Display for Profile {
    /// A table, one line a kernel, with a line of totals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: f64 = self.kernels.iter().filter_map(|line| line.micros).sum();
        writeln!(
            f,
            "{}: {} kernels, {:.1} µs from start to end",
            self.device,
            self.kernels.len(),
            self.wall
        )?;
        writeln!(
            f,
            "{:>4} {:>10} {:>6} {:>8} {:>8} {:>10} {:>10}  what",
            "", "µs", "%", "GB/s", "GFLOP/s", "moved", "FLOP"
        )?;
        let number = |x: Option<f64>, digits: usize| x.map_or("-".into(), |x| format!("{x:.digits$}"));
        for (i, line) in self.kernels.iter().enumerate() {
            let share = line.micros.filter(|_| total > 0.0).map(|micros| 100.0 * micros / total);
            writeln!(
                f,
                "{i:4} {:>10} {:>6} {:>8} {:>8} {:>10} {:>10}  {} over {}, {}  # {}",
                number(line.micros, 1),
                number(share, 1),
                number(line.gigabytes_a_second(), 2),
                number(line.gigaflops(), 2),
                size(line.kernel.bytes as usize),
                count(line.kernel.flops),
                line.kernel.ops.join(" "),
                line.kernel.shape,
                line.kernel.kernel,
                line.kernel.origin
            )?;
        }
        let (bytes, flops) = self.kernels.iter().fold((0u64, 0u64), |(bytes, flops), line| {
            (bytes.saturating_add(line.kernel.bytes), flops.saturating_add(line.kernel.flops))
        });
        let sum = (total > 0.0).then_some(total);
        write!(
            f,
            "{:>4} {:>10} {:>6} {:>8} {:>8} {:>10} {:>10}",
            "sum",
            number(sum, 1),
            number(sum.map(|_| 100.0), 1),
            number(sum.map(|micros| bytes as f64 / micros / 1e3), 2),
            number(sum.map(|micros| flops as f64 / micros / 1e3), 2),
            size(bytes as usize),
            count(flops)
        )
    }
}
