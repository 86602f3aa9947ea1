//! `docs/features.md` says what is built and which test proves it: here each test that it names is looked up, so that
//! none is renamed or removed without the table.

// helpers of tests may fail as tests do
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The rows that the list has at least.
const ROWS: usize = 237;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn table() -> String {
    std::fs::read_to_string(root().join("docs/features.md")).unwrap().replace("\r\n", "\n")
}

/// The number that a line begins with, as in "4.10 ".
fn number(line: &str) -> Option<&str> {
    let number = line.split(' ').next()?;
    let (group, row) = number.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(group) && digits(row)).then_some(number)
}

/// The rows of the tables: number and the other cells.
fn rows(text: &str) -> Vec<(&str, Vec<&str>)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("| "));
    let row = |line| Some((number(line)?, line.trim_end_matches(" |").split(" | ").skip(1).collect()));
    lines.filter_map(row).collect()
}

/// What stands between backquotes, with what comes behind it.
fn quoted(text: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = text.split('`').collect();
    parts[1..].chunks(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect()
}

/// Whether `source` has the function `name`, with a test's attribute above it.
fn has_test(source: &str, name: &str) -> bool {
    let start = format!("fn {name}(");
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let attributes = |at: usize| lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
    lines
        .iter()
        .enumerate()
        .any(|(at, line)| line.starts_with(&start) && attributes(at).any(|line| line.starts_with("#[test]")))
}

/// What is wrong with a file's or test's name, if anything is.
fn fault(name: &str, behind: &str, sources: &mut BTreeMap<String, Option<String>>) -> Option<String> {
    let (path, test) = match name.split_once(".rs") {
        Some((path, "")) => (format!("{path}.rs"), None),
        Some((path, rest)) => (format!("{path}.rs"), Some(rest.strip_prefix("::")?)),
        None => return None,
    };
    let source =
        sources.entry(path.clone()).or_insert_with(|| std::fs::read_to_string(root().join(&path)).ok());
    let Some(source) = source else { return Some(format!("{name}: there is no {path}")) };
    match test {
        Some(test) if !has_test(source, test) => Some(format!("{name}: no such test in the file")),
        None if behind.starts_with(" (doctest)") && !source.contains("/// ```") => {
            Some(format!("{name}: no doctest in the file"))
        }
        _ => None,
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let text = table();
    let mut sources = BTreeMap::new();
    let faults: BTreeSet<String> =
        quoted(&text).into_iter().filter_map(|(name, behind)| fault(name, behind, &mut sources)).collect();
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{} in docs/features.md:\n{}", faults.len(), faults.join("\n"));
    assert!(sources.len() > 50, "only {} files are named", sources.len());
}

#[test]
fn every_row_is_there_once_and_has_a_test() {
    let text = table();
    let rows = rows(&text);
    let mut seen = BTreeSet::new();
    let twice: Vec<&str> = rows.iter().map(|(row, _)| *row).filter(|row| !seen.insert(*row)).collect();
    assert!(twice.is_empty(), "more than once: {twice:?}");
    assert!(rows.len() >= ROWS, "{} rows of {ROWS}", rows.len());
    for (row, cells) in &rows {
        let [_, name, test] = cells[..] else { panic!("{row} has {} cells", cells.len() + 1) };
        let proved = test.contains(".rs::") || test.contains("(doctest)");
        assert!(proved != name.starts_with("not built"), "{row}: {name}: {test}");
    }
}

#[test]
fn the_list_of_what_is_missing_is_that_of_the_rows() {
    let text = table();
    let listed: BTreeSet<&str> = text.lines().filter_map(|line| number(line.strip_prefix("- ")?)).collect();
    let missing: BTreeSet<&str> =
        rows(&text).iter().filter(|(_, cells)| cells[1].contains("not built")).map(|(row, _)| *row).collect();
    assert_eq!(listed, missing);
}
