//! No op without cases: the names are taken from the table and from the sources, so a new op is noticed.

use std::collections::BTreeSet;
use std::path::Path;

use anygrad_graph::{DType, Device, explain, pointwise};

use crate::cases;
use crate::run::{Precision, record};

/// Ops with a name of their own that no program records: f64 is not on every device, so `to_f64` has a test in
/// `special`, and `attention_output` is left out of programs, but every case of `attention` passes it.
const ELSEWHERE: [&str; 2] = ["to_f64", "attention_output"];

/// The names that `impl Op for` blocks of the graph crate return.
fn structured() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/graph/src/ops");
    let mut names = BTreeSet::new();
    let mut blocks = 0;
    for entry in std::fs::read_dir(folder).expect("the ops are there") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a text");
        blocks += text.matches("impl Op for ").count();
        for after in text.split("fn name(&self) -> &'static str {").skip(1) {
            let body = after.split("fn ").next().unwrap_or_default();
            names.extend(body.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    assert!(blocks > 10 && names.len() >= blocks, "{blocks} ops, names {names:?}");
    names
}

#[test]
fn every_op_has_cases() {
    let rows = pointwise::rows().map(|row| row.name.to_owned());
    let all: BTreeSet<String> = structured().into_iter().chain(rows).collect();
    let covered: BTreeSet<String> = cases::all().into_iter().map(|case| case.op.to_owned()).collect();
    let missing: Vec<&String> =
        all.iter().filter(|name| !covered.contains(*name) && !ELSEWHERE.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "ops without cases: {missing:?}");
}

#[test]
fn a_case_records_the_op_it_is_for() {
    let rows = pointwise::rows().map(|row| row.name.to_owned());
    let all: BTreeSet<String> = structured().into_iter().chain(rows).collect();
    let mut wrong = Vec::new();
    for case in cases::all() {
        // views that change nothing are not recorded, and compositions have no name in a program
        if !all.contains(case.op) || ["leaf", "sum"].contains(&case.op) {
            continue;
        }
        let recorded = record(&case, &Device::cpu(), Precision::Single, &case.values());
        let plan = explain(&[&recorded.output]).expect("a plan");
        let found = plan.program.iter().any(|line| line.split_whitespace().nth(2) == Some(case.op));
        if !found {
            wrong.push(format!("{}:\n{}", case.name, plan.program.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "cases that do not record their op:\n{}", wrong.join("\n"));
}

#[test]
fn names_of_cases_are_unique() {
    let mut seen = BTreeSet::new();
    // the numbers of a case are drawn from its name
    let twice: Vec<String> =
        cases::all().into_iter().map(|case| case.name).filter(|name| !seen.insert(name.clone())).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn rows_take_what_they_say() {
    for row in pointwise::rows() {
        assert!(row.probe.0 < row.probe.1, "{}", row.name);
        assert!(!(row.wgsl)(DType::F32).is_empty(), "{}", row.name);
    }
}
