//! A random program as data: it can be recorded on any device and in any precision, made smaller, and shown.

use std::fmt::Write;

use anygrad_graph::{DType, Device, Error, Tensor};

use crate::programs::attributes::Attributes;
use crate::programs::entry::{Entry, Offer, Takes};
use crate::run::leaf;

/// Elements of a tensor at most. Programs are drawn with far fewer, but making one smaller may let a size multiply.
pub const LARGEST: usize = 20_000;

/// A program: nodes in order, and what is done with them.
#[derive(Clone)]
pub struct Program {
    pub nodes: Vec<Node>,
    /// The nodes that are computed in one run.
    pub outputs: Vec<usize>,
    /// Nodes that somebody holds meanwhile, and reads afterwards.
    pub held: Vec<usize>,
    /// Whether somebody holds the leaves: otherwise their memory may be overwritten.
    pub leaves_held: bool,
    /// Whether gradients of the outputs with respect to the leaves are computed in the same run.
    pub gradients: bool,
}

#[derive(Clone)]
pub enum Node {
    Leaf {
        /// F32 is f64 where the reference is computed.
        dtype: DType,
        shape: Vec<usize>,
        /// Numbers that f32 holds.
        values: Vec<f64>,
    },
    Step {
        entry: &'static Entry,
        operands: Vec<usize>,
        /// What its attributes are drawn from.
        seed: u64,
    },
}

/// A node that was recorded.
pub struct Recorded {
    pub tensor: Tensor,
    pub exact: bool,
    /// The attributes of a step, as text.
    pub drawn: Vec<(&'static str, String)>,
}

impl Node {
    /// The nodes it is made of.
    pub fn operands(&self) -> &[usize] {
        match self {
            Node::Leaf { .. } => &[],
            Node::Step { operands, .. } => operands,
        }
    }

    /// Records it, given the nodes before it. `None`: the step does not take these operands.
    pub fn record(&self, before: &[Recorded], device: &Device, float: DType) -> Option<Recorded> {
        self.record_with(before, device, float, &mut Tensor::clone)
    }

    /// As `record`, with each float that is rounded, or that a rounding step reads, replaced by what `disturb` says.
    pub fn record_with(
        &self,
        before: &[Recorded],
        device: &Device,
        float: DType,
        disturb: &mut dyn FnMut(&Tensor) -> Tensor,
    ) -> Option<Recorded> {
        match self {
            Node::Leaf { dtype, shape, values } => {
                let dtype = if *dtype == DType::F32 { float } else { *dtype };
                let tensor = leaf(values, shape, dtype, device);
                Some(Recorded { tensor, exact: true, drawn: Vec::new() })
            }
            Node::Step { entry, operands, seed } => {
                let given: Vec<&Recorded> =
                    operands.iter().map(|&i| before.get(i)).collect::<Option<Vec<_>>>()?;
                let first = given.first().map(|r| r.tensor.clone());
                let suits = entry.takes.len() == given.len()
                    && entry.takes.iter().zip(&given).enumerate().all(|(i, (takes, r))| {
                        let offer = Offer { tensor: &r.tensor, exact: r.exact };
                        takes.fits(offer, first.as_ref().filter(|_| i > 0))
                    });
                if !suits {
                    return None;
                }
                let exact = entry.exact && given.iter().all(|r| r.exact);
                let mut rounded = |t: &Tensor, exact: bool| {
                    if exact || !t.dtype().is_float() { t.clone() } else { disturb(t) }
                };
                let operand = |(takes, r): (&Takes, &&Recorded)| {
                    rounded(&r.tensor, exact || matches!(takes, Takes::Exact | Takes::ExactBeside))
                };
                let tensors: Vec<Tensor> = entry.takes.iter().zip(&given).map(operand).collect();
                let mut attributes = Attributes::new(*seed, float);
                let tensor = rounded(&(entry.build)(&tensors, &mut attributes)?, exact);
                let exact = exact || !tensor.dtype().is_float();
                Some(Recorded { tensor, exact, drawn: attributes.drawn })
            }
        }
    }
}

/// Why a program was not recorded.
pub enum NotRecorded {
    /// A step does not take its operands: the program makes no sense.
    Unsuitable,
    /// An op was poisoned.
    Poisoned(Error),
}

impl Program {
    pub fn record(&self, device: &Device, float: DType) -> Result<Vec<Recorded>, NotRecorded> {
        let mut recorded: Vec<Recorded> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let next = node.record(&recorded, device, float).ok_or(NotRecorded::Unsuitable)?;
            next.tensor.check().map_err(|error| NotRecorded::Poisoned(error.clone()))?;
            if next.tensor.numel() > LARGEST {
                return Err(NotRecorded::Unsuitable);
            }
            recorded.push(next);
        }
        Ok(recorded)
    }

    /// How many steps it has.
    pub fn steps(&self) -> usize {
        self.nodes.iter().filter(|node| matches!(node, Node::Step { .. })).count()
    }

    /// The program without the nodes that nothing needs.
    pub fn without_dead(&self) -> Program {
        let mut needed = vec![false; self.nodes.len()];
        self.outputs.iter().chain(&self.held).for_each(|&i| needed[i] = true);
        for i in (0..self.nodes.len()).rev() {
            if needed[i] {
                self.nodes[i].operands().iter().for_each(|&j| needed[j] = true);
            }
        }
        let mut place = vec![0; self.nodes.len()];
        let mut nodes = Vec::new();
        for (i, node) in self.nodes.iter().enumerate().filter(|(i, _)| needed[*i]) {
            place[i] = nodes.len();
            let mut node = node.clone();
            if let Node::Step { operands, .. } = &mut node {
                operands.iter_mut().for_each(|j| *j = place[*j]);
            }
            nodes.push(node);
        }
        let moved = |ids: &[usize]| ids.iter().map(|&i| place[i]).collect();
        Program { nodes, outputs: moved(&self.outputs), held: moved(&self.held), ..*self }
    }

    /// The program as the body of a Rust function.
    pub fn code(&self) -> String {
        // as far as it can be recorded: what was drawn for the first poisoned step is of interest, too
        let mut recorded: Vec<Recorded> = Vec::new();
        for node in &self.nodes {
            let Some(next) = node.record(&recorded, &Device::cpu(), DType::F32) else { break };
            recorded.push(next);
        }
        let mut text = String::from("let device = Device::cpu();\n");
        for (i, node) in self.nodes.iter().enumerate() {
            let made = recorded.get(i);
            let what = made.map(|r| format!("{} {}", r.tensor.dtype(), r.tensor.shape())).unwrap_or_default();
            let line = match node {
                Node::Leaf { dtype, shape, values } => {
                    format!("Tensor::from_slice(&[{}], {shape:?}, &device)", literals(*dtype, values))
                }
                Node::Step { entry, operands, .. } => {
                    let names = entry.operands.join(", ");
                    let given: Vec<String> = operands.iter().map(|j| format!("&t{j}")).collect();
                    let drawn = made.map(|r| r.drawn.as_slice()).unwrap_or_default();
                    let attributes: String =
                        drawn.iter().map(|(name, value)| format!("let {name} = {value}; ")).collect();
                    format!("{{ let ({names},) = ({},); {attributes}{} }}", given.join(", "), entry.code)
                }
            };
            let _ = writeln!(text, "let t{i} = {line}; // {what}");
        }
        let list = |ids: &[usize]| ids.iter().map(|i| format!("&t{i}")).collect::<Vec<_>>().join(", ");
        if self.gradients {
            let floats = |i: &usize| {
                recorded.get(*i).is_some_and(|r| r.tensor.dtype().is_float() && r.tensor.numel() > 0)
            };
            let outputs: Vec<usize> = self.outputs.iter().copied().filter(floats).collect();
            let leaves: Vec<usize> = (0..self.nodes.len())
                .filter(|&i| matches!(self.nodes[i], Node::Leaf { dtype: DType::F32, .. }))
                .collect();
            let means: Vec<String> = outputs.iter().map(|i| format!("t{i}.mean_all()")).collect();
            let _ = writeln!(text, "let gradients = grad(&({}), &[{}]);", means.join(" + "), list(&leaves));
        }
        if !self.held.is_empty() {
            let _ = writeln!(text, "// held meanwhile, and read afterwards: {}", list(&self.held));
        }
        if !self.leaves_held {
            let _ = writeln!(text, "// leaves are dropped before, so their memory may be overwritten");
        }
        let gradients = if self.gradients { " and gradients" } else { "" };
        let _ = write!(text, "eval(&[{}]{gradients})?;", list(&self.outputs));
        text
    }
}

fn literals(dtype: DType, values: &[f64]) -> String {
    let literal = |(i, v): (usize, &f64)| {
        let suffix = if i == 0 { dtype.to_string() } else { String::new() };
        match dtype {
            DType::Bool => (*v != 0.0).to_string(),
            DType::I32 | DType::U32 => format!("{v}{suffix}"),
            _ => format!("{v:?}{suffix}"),
        }
    };
    values.iter().enumerate().map(literal).collect::<Vec<_>>().join(", ")
}
