//! Kernels and whole training steps, on any device.
//!
//! `ANYGRAD_DEVICE=cpu|gpu|gpu:1|software benches/speed.sh [WORD]..`, the words choosing workloads. Criterion reports times
//! and changes since the last run; the lines between say what a run is in GFLOP/s, in GB/s, and as a share of the
//! roofline, of which both parts, a product and a copy, are measured on the device first.

#[path = "../../workloads/mod.rs"]
mod workloads;

use std::cell::Cell;
use std::time::{Duration, Instant};

use anygrad::prelude::Device;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use workloads::kernels::kernel;
use workloads::roofline::Roofline;
use workloads::rows::ROWS;
use workloads::steps::STEPS;
use workloads::{Fallible, Workload};

fn main() -> Fallible<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));

    let device = Device::auto()?;
    let roofline = Roofline::measure(&device)?;
    println!(
        "{device}: {:.1} GFLOP/s in a product, {:.1} GB/s in a copy",
        roofline.flops / 1e9,
        roofline.bytes / 1e9
    );
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    for row in ROWS.iter().filter(|row| chosen(&row.to_string())) {
        let mut group = criterion.benchmark_group(row.kind);
        group.throughput(Throughput::Bytes(row.bytes() as u64));
        let seconds = bench(&mut group, &row.sizes(), kernel(row, &device)?)?;
        println!(
            "{row}: {:.1} GFLOP/s, {:.1} GB/s, {:.0} % of the roofline",
            row.flops() / seconds / 1e9,
            row.bytes() / seconds / 1e9,
            roofline.share(row, seconds) * 100.0
        );
    }
    for (name, build) in STEPS.iter().filter(|(name, _)| chosen(name)) {
        bench(&mut criterion.benchmark_group("step"), name, build(&device)?)?;
    }
    let stats = device.stats();
    println!("{:.1} MiB at once, {} plans made", stats.peak_bytes as f64 / 1048576.0, stats.plan_misses);
    Ok(())
}

/// Seconds of a run, the fewest of a sample of runs.
fn bench(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut run: Workload) -> Fallible<f64> {
    // what fails, fails here
    run()?;
    let fastest = Cell::new(f64::INFINITY);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|runs| {
            let start = Instant::now();
            for _ in 0..runs {
                // nothing to be done about it in the middle of a measurement
                _ = run();
            }
            let time = start.elapsed();
            fastest.set(fastest.get().min(time.as_secs_f64() / runs as f64));
            time
        });
    });
    Ok(fastest.get())
}
