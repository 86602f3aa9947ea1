//! One workload by several contestants, turn by turn, so that whatever else the machine does falls on all of them.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout};
use std::time::Instant;

use crate::contestants::Contestant;

/// Turns of each contestant, and seconds a turn (one run at least).
const ROUNDS: usize = 5;
const SECONDS: f64 = 0.15;

/// The workload of which the first run of a process is measured more than once.
const COLD: &str = "MLP";

/// What was measured of one contestant on one workload.
pub struct Measured {
    pub workload: String,
    pub contestant: String,
    /// The median over the turns of the median seconds of a run; none if the contestant has no such workload.
    pub seconds: Option<f64>,
    /// From the start of the process to the end of the first run.
    pub first: f64,
    /// The most memory that the process had at once, in bytes.
    pub memory: f64,
}

struct Player {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    first: f64,
    times: Vec<f64>,
}

/// Measures `workload`.
pub fn measure(group: &[Contestant], workload: &str) -> Result<Vec<Measured>, Box<dyn Error>> {
    eprintln!("{workload}");
    // one after the other, so that nobody disturbs anybody's first run
    let mut players = Vec::new();
    for contestant in group {
        let mut player = start(contestant, workload)?;
        if let (Some(player), COLD) = (&mut player, workload) {
            player.first = cold(contestant, player.first)?;
        }
        players.push(player);
    }
    for _ in 0..ROUNDS {
        for player in players.iter_mut().flatten() {
            writeln!(player.input, "run {SECONDS}")?;
            let line = read(&mut player.output)?;
            player.times.push(line.split(' ').next().unwrap_or("").parse()?);
        }
    }
    let mut all = Vec::new();
    for (contestant, player) in group.iter().zip(players) {
        let mut measured = Measured {
            workload: workload.to_string(),
            contestant: contestant.name.to_string(),
            seconds: None,
            first: f64::NAN,
            memory: f64::NAN,
        };
        if let Some(mut player) = player {
            player.times.sort_by(f64::total_cmp);
            measured.seconds = player.times.get(ROUNDS / 2).copied();
            measured.first = player.first;
            measured.memory = peak(player.child.id())?;
            drop(player.input);
            player.child.wait()?;
        }
        all.push(measured);
    }
    Ok(all)
}

/// The median of the first runs of three processes, of which one has been measured.
fn cold(contestant: &Contestant, first: f64) -> Result<f64, Box<dyn Error>> {
    let mut all = vec![first];
    while all.len() < 3 {
        if let Some(mut player) = start(contestant, COLD)? {
            drop(player.input);
            player.child.wait()?;
            all.push(player.first);
        }
    }
    all.sort_by(f64::total_cmp);
    Ok(all[1])
}

/// Starts a contestant and waits until it is ready; none if it cannot play.
fn start(contestant: &Contestant, workload: &str) -> Result<Option<Player>, Box<dyn Error>> {
    let before = Instant::now();
    let mut child = contestant.command(workload)?.spawn()?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("no pipes".into());
    };
    let mut output = BufReader::new(output);
    let line = read(&mut output)?;
    let first = before.elapsed().as_secs_f64();
    if line != "first" || read(&mut output)? != "ready" {
        eprintln!("  {} cannot: {line:?}", contestant.name);
        child.wait()?;
        return Ok(None);
    }
    Ok(Some(Player { child, input, output, first, times: Vec::new() }))
}

fn read(output: &mut BufReader<ChildStdout>) -> std::io::Result<String> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    Ok(line.trim().to_string())
}

/// The most bytes that a process had resident at once, as Linux counts them.
fn peak(process: u32) -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
}
