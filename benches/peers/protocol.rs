//! What a contestant does: make one workload, run it once and say so, then run it as often as it is told.
//!
//! `CONTESTANT DEVICE KIND [SIZE]..`, for example `burn-peer flex matmul 1 256 256 256`. It prints `first` after the
//! first run, warms up, prints `ready`, and then answers lines on its input: `run SECONDS` by the median of the seconds
//! of as many runs as fit (one at least) and their number.

use std::io::{BufRead, Write};
use std::time::Instant;

/// One run, to its end on the device.
pub type Workload = Box<dyn FnMut()>;

/// Plays a contestant, with `make` to make the workload of a device, a kind and its sizes.
pub fn play(make: impl FnOnce(&str, &str, &[usize]) -> Option<Workload>) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [device, kind, sizes @ ..] = arguments.as_slice() else { panic!("takes a device, a kind and sizes") };
    let sizes: Vec<usize> = sizes.iter().map(|size| size.parse().expect("a size")).collect();
    let Some(mut run) = make(device, kind, &sizes) else { return println!("none") };
    run();
    say("first");
    // long enough for plans, caches and tuning by trial to settle
    let start = Instant::now();
    let mut runs = 0;
    let spent = || start.elapsed().as_secs_f64();
    while (runs < 3 && spent() < 5.0) || (runs < 50 && spent() < 0.5) {
        run();
        runs += 1;
    }
    say("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let seconds: f64 =
            line.strip_prefix("run ").and_then(|text| text.parse().ok()).expect("`run SECONDS`");
        let mut times = Vec::new();
        let start = Instant::now();
        while times.is_empty() || start.elapsed().as_secs_f64() < seconds {
            let before = Instant::now();
            run();
            times.push(before.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        say(&format!("{} {}", times[times.len() / 2], times.len()));
    }
}

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("a reader");
}
