//! Measures anygrad and its peers on the same workloads, turn by turn, and prints one table.
//!
//! `table RESULTS [WORD]..` measures the workloads whose names hold one of the words (all without words) and are not
//! among the results of earlier runs in the file RESULTS, adds them to it, and prints the table of all of them.
//! `run.sh` builds the contestants and calls it.

mod contestants;
mod measure;
mod report;
#[allow(dead_code)]
#[path = "../../../workloads/rows.rs"]
mod rows;

use std::error::Error;

/// The training steps, by the first words of their names in `workloads/steps.rs`.
pub const STEPS: [&str; 6] = ["MLP", "LeNet", "ResNet-18", "LSTM", "Transformer", "2-16-1"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("takes a file of results")?;
    let words: Vec<String> = arguments.collect();
    let mut results = report::read(&path)?;
    let rows = rows::ROWS.iter().map(ToString::to_string);
    for workload in STEPS.iter().map(ToString::to_string).chain(rows) {
        if words.is_empty() || words.iter().any(|word| workload.contains(word.as_str())) {
            for group in contestants::groups() {
                let known =
                    |name: &str| results.iter().any(|r| r.workload == workload && r.contestant == name);
                if !group.iter().all(|contestant| known(contestant.name)) {
                    results
                        .retain(|r| r.workload != workload || group.iter().all(|c| c.name != r.contestant));
                    results.extend(measure::measure(&group, &workload)?);
                    report::write(&path, &results)?;
                }
            }
        }
    }
    print!("{}", report::table(&results));
    Ok(())
}
