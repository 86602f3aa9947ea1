//! Results in a file, and as a table.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use crate::measure::Measured;
use crate::{STEPS, contestants};

/// The results of earlier runs; none if there is no such file.
pub fn read(path: &str) -> Result<Vec<Measured>, Box<dyn Error>> {
    if !Path::new(path).exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path)?;
    let line = |line: &str| match line.split('\t').collect::<Vec<_>>()[..] {
        [workload, contestant, seconds, first, memory] => Ok(Measured {
            workload: workload.into(),
            contestant: contestant.into(),
            seconds: seconds.parse().ok(),
            first: first.parse()?,
            memory: memory.parse()?,
        }),
        _ => Err(format!("not a result: {line}").into()),
    };
    text.lines().map(line).collect()
}

pub fn write(path: &str, results: &[Measured]) -> std::io::Result<()> {
    let mut text = String::new();
    for Measured { workload, contestant, seconds, first, memory } in results {
        let seconds = seconds.map_or("none".into(), |seconds| seconds.to_string());
        text += &format!("{workload}\t{contestant}\t{seconds}\t{first}\t{memory}\n");
    }
    std::fs::write(path, text)
}

/// Milliseconds of a run by contestant, and how many times as fast anygrad is as the fastest of Burn and Candle, and as
/// PyTorch; below 1 it is slower.
pub fn table(results: &[Measured]) -> String {
    let groups = contestants::groups();
    let names: Vec<&str> = groups.iter().flatten().map(|contestant| contestant.name).collect();
    let mut workloads: Vec<&str> = Vec::new();
    for result in results {
        if !workloads.contains(&result.workload.as_str()) {
            workloads.push(&result.workload);
        }
    }
    let find =
        |workload: &str, name: &str| results.iter().find(|r| r.workload == workload && r.contestant == name);
    let mut text = String::from("| ms |");
    let mut line = String::from("| --- |");
    for group in &groups {
        for contestant in group {
            _ = write!(text, " {} |", contestant.name);
            line += " --- |";
        }
        _ = write!(text, " × Burn, Candle |");
        line += " --- |";
        if group.iter().any(|contestant| contestant.name == "pytorch") {
            _ = write!(text, " × PyTorch |");
            line += " --- |";
        }
    }
    _ = write!(text, "\n{line}\n");
    let mut means = vec![Vec::new(); 3];
    for workload in &workloads {
        _ = write!(text, "| {workload} |");
        let mut place = 0;
        for group in &groups {
            let seconds: Vec<(&str, Option<f64>)> =
                group.iter().map(|c| (c.name, find(workload, c.name).and_then(|r| r.seconds))).collect();
            for (_, seconds) in &seconds {
                _ = write!(text, " {} |", seconds.map_or("–".into(), |s| digits(s * 1e3)));
            }
            let ours = seconds.first().and_then(|(_, seconds)| *seconds);
            let peers = |pytorch: bool| {
                let peers = seconds.iter().skip(1).filter(|(name, _)| (*name == "pytorch") == pytorch);
                peers.filter_map(|(_, seconds)| *seconds).min_by(f64::total_cmp)
            };
            let kinds =
                if names.contains(&"pytorch") && place == 0 { vec![false, true] } else { vec![false] };
            for pytorch in kinds {
                let ratio = peers(pytorch).zip(ours).map(|(peer, ours)| peer / ours);
                _ = write!(text, " {} |", ratio.map_or("–".into(), digits));
                if let (Some(ratio), true) = (ratio, STEPS.contains(workload)) {
                    means[place].push(f64::ln(ratio));
                }
                place += 1;
            }
        }
        text.push('\n');
    }
    let means: Vec<String> =
        means.iter().map(|logs| digits((logs.iter().sum::<f64>() / logs.len() as f64).exp())).collect();
    _ = writeln!(
        text,
        "\nGeometric means of the steps: on the CPU {} times as fast as the fastest of Burn and Candle and {} times as \
         fast as PyTorch; on Vulkan {} times as fast as Burn.\n",
        means[0], means[1], means[2]
    );
    _ = writeln!(text, "| | {} |\n| --- |{}", names.join(" | "), " --- |".repeat(names.len()));
    for workload in STEPS {
        let mut first =
            format!("| {workload}: seconds from the start of the process to the end of the first step |");
        let mut memory = format!("| {workload}: MiB resident at most |");
        for name in &names {
            let result = find(workload, name).filter(|r| r.seconds.is_some());
            _ = write!(first, " {} |", result.map_or("–".into(), |r| digits(r.first)));
            _ = write!(memory, " {} |", result.map_or("–".into(), |r| digits(r.memory / 1048576.0)));
        }
        _ = writeln!(text, "{first}\n{memory}");
    }
    text
}

/// Three significant digits.
fn digits(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
