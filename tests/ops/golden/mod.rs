//! Against PyTorch: see `tests/golden`, where a script for each family of ops writes the numbers.

mod activation;
mod attention;
mod contract;
mod conv;
mod core;
mod half;
mod indexing;
mod movement;
mod pool;
mod reduce;
mod resize;
mod scan;
mod sort;

use std::collections::BTreeSet;

use anygrad_graph::{DType, Device, Tensor, eval, grad};

use crate::compare::{Against, difference};
use crate::devices::{alone, check_guards, gpus};
use crate::run::{leaf, read};

/// What a case of a file is here.
pub type Build = fn(&[Tensor]) -> Tensor;

type Table = [(&'static str, Build)];

/// The families: the numbers, and what each case is here.
const FAMILIES: &[(&str, &Table)] = &[
    (include_str!("../../golden/core.txt"), core::TABLE),
    (include_str!("../../golden/contract.txt"), contract::TABLE),
    (include_str!("../../golden/conv.txt"), conv::TABLE),
    (include_str!("../../golden/indexing.txt"), indexing::TABLE),
    (include_str!("../../golden/movement.txt"), movement::TABLE),
    (include_str!("../../golden/reduce.txt"), reduce::TABLE),
    (include_str!("../../golden/scan.txt"), scan::TABLE),
    (include_str!("../../golden/sort.txt"), sort::TABLE),
    (include_str!("../../golden/activation.txt"), activation::TABLE),
    (include_str!("../../golden/attention.txt"), attention::TABLE),
    (include_str!("../../golden/pool.txt"), pool::TABLE),
    (include_str!("../../golden/resize.txt"), resize::TABLE),
];

#[derive(Default)]
struct Golden {
    name: String,
    /// Computed in f32, for numbers that f64 treats otherwise.
    single: bool,
    /// Shape, numbers, and whether there is a gradient.
    inputs: Vec<(Vec<usize>, Vec<f64>, bool)>,
    shape: Vec<usize>,
    output: Vec<f64>,
    grads: Vec<Vec<f64>>,
}

fn parse(text: &str) -> Vec<Golden> {
    let mut all: Vec<Golden> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("case ") {
            let single = name.ends_with(" f32");
            all.push(Golden { name: name.trim_end_matches(" f32").into(), single, ..Golden::default() });
            continue;
        }
        let (head, numbers) = line.split_once('|').expect("a line has a |");
        let mut head = head.split_whitespace();
        let kind = head.next().expect("a line has a kind");
        let shape: Vec<usize> = head.map(|n| n.parse().expect("a size")).collect();
        let numbers: Vec<f64> = numbers.split_whitespace().map(|n| n.parse().expect("a number")).collect();
        let golden = all.last_mut().expect("a case comes first");
        match kind {
            "in" => golden.inputs.push((shape, numbers, true)),
            "const" => golden.inputs.push((shape, numbers, false)),
            "out" => (golden.shape, golden.output) = (shape, numbers),
            _ => golden.grads.push(numbers),
        }
    }
    all
}

fn build_of(name: &str, table: &Table) -> Option<Build> {
    let find = |name: &str| table.iter().find(|(known, _)| *known == name).map(|(_, build)| *build);
    // "exp special" is exp, unless it has a line of its own
    find(name).or_else(|| find(name.split(' ').next()?))
}

fn check(
    golden: &Golden,
    build: Build,
    device: &Device,
    double: bool,
    tolerance: f64,
    wrong: &mut Vec<String>,
) {
    let float = if double { DType::F64 } else { DType::F32 };
    let inputs: Vec<Tensor> = golden
        .inputs
        .iter()
        .map(|(shape, numbers, real)| leaf(numbers, shape, if *real { float } else { DType::U32 }, device))
        .collect();
    let output = build(&inputs);
    if !device.is_cpu() && contract::CPU_ONLY.contains(&golden.name.split(' ').next().unwrap_or_default()) {
        if !output.check().is_err_and(|error| error.to_string().contains("on the CPU device only")) {
            wrong.push(format!("{} on {device}: is for the CPU only, and was not refused", golden.name));
        }
        return;
    }
    let mut grads = Vec::new();
    if !golden.grads.is_empty() {
        let weights: Vec<f64> = (0..output.numel()).map(|i| ((7 * i % 11) as f64 - 5.0) / 4.0).collect();
        let loss = (&output * leaf(&weights, output.shape(), output.dtype(), device)).sum_all();
        let wrt: Vec<&Tensor> = inputs.iter().filter(|t| t.dtype().is_float()).collect();
        grads = grad(&loss, &wrt);
    }
    let against = if golden.single { Against::Element } else { Against::Whole };
    let mut compare = |what: &str, got: &Tensor, want: &[f64]| match read(got) {
        Ok(numbers) => {
            // rounded to whole numbers there is nothing to be near to
            let tolerance = if got.dtype().is_float() { tolerance } else { 0.0 };
            if let Some(difference) = difference(&numbers, want, tolerance, against) {
                wrong.push(format!("{} on {device}: {what} {difference}", golden.name));
            }
        }
        Err(error) => wrong.push(format!("{} on {device}: {what} {error}", golden.name)),
    };
    let all: Vec<&Tensor> = [&output].into_iter().chain(&grads).collect();
    if let Err(error) = eval(&all) {
        return wrong.push(format!("{} on {device}: {error}", golden.name));
    }
    compare("output", &output, &golden.output);
    for (i, (got, want)) in grads.iter().zip(&golden.grads).enumerate() {
        compare(&format!("gradient {i}"), got, want);
    }
    if output.shape()[..] != golden.shape[..] || grads.len() != golden.grads.len() {
        wrong.push(format!("{}: shape {}, {} gradients", golden.name, output.shape(), grads.len()));
    }
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let mut wrong = Vec::new();
    for (text, table) in FAMILIES {
        of_family(&parse(text), table, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn of_family(all: &[Golden], table: &Table, wrong: &mut Vec<String>) {
    let used: BTreeSet<&str> = all.iter().map(|golden| golden.name.as_str()).collect();
    let unused = table.iter().map(|(name, _)| *name).filter(|name| !used.contains(name));
    wrong.extend(unused.map(|name| format!("{name} is not in the file")));
    let mut known = Vec::new();
    for golden in all {
        match build_of(&golden.name, table) {
            Some(build) => known.push((golden, build)),
            None => wrong.push(format!("{} is not in the table", golden.name)),
        }
    }
    for &(golden, build) in &known {
        if !golden.single {
            check(golden, build, &Device::cpu(), true, 1e-7, wrong);
        }
        check(golden, build, &Device::cpu(), false, 5e-6, wrong);
    }
    if let Some((_, gpu)) = gpus().first() {
        alone(|| {
            known.iter().for_each(|&(golden, build)| check(golden, build, gpu, false, 2e-5, wrong));
            check_guards(gpu).expect("nothing is written beside a buffer");
        });
    }
}
