//! The test of the test: wrong ops are caught, and made small.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_graph::Tensor;
use anygrad_graph::op::{Meta, Op};

use crate::programs::entries;
use crate::programs::entry::{Family, entries};
use crate::programs::execute::{self, Failure};
use crate::programs::generate::generate;
use crate::programs::program::{Node, Program};
use crate::programs::shrink::shrink;

/// The identity, but for a part in a thousand where there are at least three elements: in f32 alone.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Off;

impl Op for Off {
    fn name(&self) -> &'static str {
        "off"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        inputs.first().map(|&meta| meta.clone()).ok_or_else(|| "takes 1 input".into())
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let mut storage = anygrad_cpu::copy(host, inputs[0])?;
        if let Storage::F32(values) = &mut storage
            && values.len() >= 3
        {
            values.iter_mut().for_each(|v| *v += 1e-3);
        }
        Ok(storage)
    }
}

/// The identity, but for a panic with more than two axes.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Panics;

impl Op for Panics {
    fn name(&self) -> &'static str {
        "panics"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        Off.infer(inputs)
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], meta: &Meta) -> Result<Storage, CpuError> {
        assert!(meta.shape.rank() <= 2, "three axes");
        anygrad_cpu::copy(host, inputs[0])
    }
}

entries! { WRONG;
    off(x: Float) => Tensor::record(Off, &[x]),
}

entries! { PANICKING;
    panics(x: Float) => Tensor::record(Panics, &[x]),
}

/// The first programs that have a step of this name, and fail.
fn failing(
    name: &str,
    broken: &'static [crate::programs::entry::Entry],
    count: usize,
) -> Vec<(Program, Failure)> {
    let mut families = entries::families();
    families.push(Family { weight: 2, entries: broken });
    let has = |node: &Node| matches!(node, Node::Step { entry, .. } if entry.name == name);
    let programs = (0..).map(|seed| generate(seed, &families)).filter(|p| p.nodes.iter().any(has));
    let run = |p: Program| execute::run(&p, None).err().map(|failure| (p, failure));
    programs.take(4 * count).filter_map(run).take(count).collect()
}

#[test]
fn wrong_numbers_are_caught_and_made_small() {
    let found = failing("off", WRONG, 10);
    assert_eq!(found.len(), 10, "most programs with a wrong op are caught");
    for (program, failure) in found {
        let (small, failure) = shrink(&program, &failure, |p| execute::run(p, None).map(|_| ()));
        let code = small.code();
        assert!(
            matches!(&failure, Failure::Wrong(text) if text.contains("against f64")),
            "{failure}\n{code}"
        );
        assert!(small.steps() <= 3, "{} steps are left of {}\n{code}", small.steps(), program.steps());
        assert!(code.contains("let (x,) = (&t") && code.contains("Tensor::record(Off, &[x])"), "{code}");
        let elements = small.nodes.iter().map(|node| match node {
            Node::Leaf { values, .. } => values.len(),
            Node::Step { .. } => 0,
        });
        assert!(elements.sum::<usize>() <= 6, "three elements are enough\n{code}");
    }
}

#[test]
fn panics_are_caught_and_made_small() {
    for (program, failure) in failing("panics", PANICKING, 2) {
        assert!(matches!(&failure, Failure::Panic(text) if text == "three axes"), "{failure}");
        let (small, _) = shrink(&program, &failure, |p| execute::run(p, None).map(|_| ()));
        assert!(small.steps() <= 3, "{}", small.code());
    }
}

#[test]
fn a_program_follows_from_its_number() {
    let families = entries::families();
    let texts: Vec<String> = (0..20).map(|seed| generate(seed, &families).code()).collect();
    let again: Vec<String> = (0..20).map(|seed| generate(seed, &families).code()).collect();
    assert_eq!(texts, again);
    assert!(texts.windows(2).all(|pair| pair[0] != pair[1]));
}
