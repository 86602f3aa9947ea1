//! A graph as a flat list of instructions: what is planned, cached and replayed.

use std::fmt;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::Tensor;
use crate::device::Buffer;
use crate::error::{Error, place};
use crate::halves;
use crate::op::{Kind, Meta, OpRef};
use crate::tensor::{Node, State};

/// One instruction; its place in the program is its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instr {
    /// What is done.
    pub op: OpRef,
    /// Ids of the instructions it is done to.
    pub inputs: SmallVec<[u32; 3]>,
    /// What comes out.
    pub meta: Meta,
}

/// Instructions in topological order. Leaves are numbered by first use. No run-time number is part of a program,
/// so it is the key of the plan cache: two steps of a training loop are the same program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// The instructions, each after its inputs.
    pub instrs: Vec<Instr>,
    /// What is kept.
    pub outputs: Vec<u32>,
    /// Leaves whose buffers nobody needs afterwards: they may be overwritten. Ascending.
    pub donated: Vec<u32>,
    /// The leaves whose buffers lie in a block of memory with others, ascending. See [`pack`](crate::pack).
    pub homes: Vec<Home>,
}

/// Where in a block of memory the buffer of a leaf lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Home {
    /// The leaf.
    pub leaf: u32,
    /// The number of the block, in the order in which the program meets them.
    pub block: u32,
    /// Bytes of the block before the buffer.
    pub offset: usize,
}

/// The homes of leaves. Blocks are numbered by the program, so that every step of a loop has the same numbers.
fn homes(leaves: &[(u32, Buffer)]) -> Vec<Home> {
    let mut blocks: Vec<u64> = Vec::new();
    let home = |(leaf, buffer): &(u32, Buffer)| {
        let Buffer::Gpu(buffer) = buffer else { return None };
        let (id, offset) = buffer.block()?;
        let block = blocks.iter().position(|known| *known == id).unwrap_or_else(|| {
            blocks.push(id);
            blocks.len() - 1
        });
        Some(Home { leaf: *leaf, block: block as u32, offset })
    };
    leaves.iter().filter_map(home).collect()
}

/// A program with what it is run on.
pub(crate) struct Lowered {
    pub program: Program,
    /// For each instruction, a tensor it stands for.
    pub nodes: Vec<Tensor>,
    /// The tensors that get a value, with the instruction that computes it.
    pub results: Vec<(Tensor, u32)>,
    /// The buffers of the leaves by instruction, ascending.
    pub leaves: Vec<(u32, Buffer)>,
    /// The numbers in the order of their instructions.
    pub numbers: Vec<f64>,
}

/// Lowers what `roots` are made of. Every pending tensor on the way that somebody outside holds is computed too:
/// it would otherwise have to be computed again later, from leaves that may have been overwritten by then.
pub(crate) fn lower(roots: &[&Tensor]) -> Result<Lowered, Error> {
    let mut builder = Builder::default();
    builder.visit(roots)?;
    builder.finish(roots).map(halves::in_single_precision)
}

#[derive(Default)]
struct Builder {
    instrs: Vec<Instr>,
    ids: FxHashMap<*const Node, u32>,
    known: FxHashMap<Instr, u32>,
    /// Nodes in the order they were finished, with their instruction.
    nodes: Vec<(Tensor, u32)>,
    /// How many inputs of visited nodes each node is.
    uses: FxHashMap<*const Node, usize>,
    representative: Vec<Tensor>,
    leaves: Vec<(u32, Buffer)>,
    /// Leaves whose buffer no other tensor shares.
    unshared: FxHashSet<u32>,
    numbers: Vec<f64>,
}

impl Builder {
    fn visit(&mut self, roots: &[&Tensor]) -> Result<(), Error> {
        let mut entered: FxHashSet<*const Node> = FxHashSet::default();
        let mut stack: Vec<(Tensor, bool)> = roots.iter().rev().map(|t| ((*t).clone(), false)).collect();
        while let Some((tensor, finished)) = stack.pop() {
            if finished {
                self.emit(tensor)?;
                continue;
            }
            if !entered.insert(tensor.key()) {
                continue;
            }
            stack.push((tensor.clone(), true));
            if let State::Pending(inputs) = &*tensor.0.state() {
                let needed = if tensor.0.op.is_alias() { 1 } else { inputs.len() };
                for (i, input) in inputs.iter().enumerate().rev() {
                    *self.uses.entry(input.key()).or_default() += 1;
                    if i < needed && !entered.contains(&input.key()) {
                        stack.push((input.clone(), false));
                    }
                }
            }
        }
        Ok(())
    }

    fn emit(&mut self, tensor: Tensor) -> Result<(), Error> {
        let leaf = OpRef::Static(&crate::ops::leaf::Leaf);
        let state = tensor.0.state();
        let (op, inputs, buffer) = match &*state {
            State::Ready(buffer, _) => {
                if buffer.is_unique() {
                    self.unshared.insert(self.instrs.len() as u32);
                }
                (leaf, SmallVec::new(), Some(buffer.clone()))
            }
            State::Pending(inputs) if tensor.0.op.is_alias() => {
                let id = inputs.first().and_then(|input| self.ids.get(&input.key()).copied());
                drop(state);
                let id = id.ok_or_else(|| Error::invalid("eval", "an alias has no input"))?;
                self.ids.insert(tensor.key(), id);
                self.nodes.push((tensor, id));
                return Ok(());
            }
            State::Pending(inputs) => {
                let ids = inputs.iter().filter_map(|t| self.ids.get(&t.key()).copied()).collect();
                (tensor.0.op.clone(), ids, None)
            }
            State::Gone => return Err(Error::invalid("eval", "a value was lost in a run that failed")),
        };
        drop(state);
        let instr = Instr { op, inputs, meta: tensor.0.meta.clone() };
        let kind = instr.op.kind();
        let shared = !matches!(kind, Kind::Leaf | Kind::Number);
        let id = match self.known.get(&instr).filter(|_| shared) {
            Some(&id) => id,
            None => {
                let id = self.instrs.len() as u32;
                if shared {
                    self.known.insert(instr.clone(), id);
                }
                if let Some(buffer) = buffer {
                    self.leaves.push((id, buffer));
                }
                if matches!(kind, Kind::Number) {
                    self.numbers.push(tensor.0.number);
                }
                self.instrs.push(instr);
                self.representative.push(tensor.clone());
                id
            }
        };
        self.ids.insert(tensor.key(), id);
        self.nodes.push((tensor, id));
        Ok(())
    }

    fn finish(self, roots: &[&Tensor]) -> Result<Lowered, Error> {
        let is_root: FxHashSet<*const Node> = roots.iter().map(|t| t.key()).collect();
        // besides its uses, a node is held by `nodes`, and by `representative` if it stands for its instruction
        let held = |tensor: &Tensor, id: u32| {
            let here = 1 + usize::from(self.representative[id as usize].is(tensor));
            let uses = self.uses.get(&tensor.key()).copied().unwrap_or(0);
            std::sync::Arc::strong_count(&tensor.0) > here + uses
        };
        let mut weightless: Vec<bool> = Vec::with_capacity(self.instrs.len());
        for instr in &self.instrs {
            weightless.push(match instr.op.kind() {
                Kind::Number | Kind::Iota => true,
                Kind::View => instr.inputs.first().is_some_and(|&input| weightless[input as usize]),
                _ => false,
            });
        }
        let mut results = Vec::new();
        let mut donated = Vec::new();
        for (tensor, id) in &self.nodes {
            match self.instrs[*id as usize].op.kind() {
                // another name of a leaf's buffer, not the leaf
                Kind::Leaf
                    if tensor.0.op.is_alias() && (is_root.contains(&tensor.key()) || held(tensor, *id)) =>
                {
                    results.push((tensor.clone(), *id));
                }
                Kind::Leaf if tensor.0.op.is_alias() => {}
                Kind::Leaf if self.unshared.contains(id) && !held(tensor, *id) => donated.push(*id),
                Kind::Leaf => {}
                _ if is_root.contains(&tensor.key()) => results.push((tensor.clone(), *id)),
                // numbers, iota and views of them keep nothing alive, and take no memory as they are
                _ if weightless[*id as usize] => {}
                _ if held(tensor, *id) => results.push((tensor.clone(), *id)),
                _ => {}
            }
        }
        let mut outputs: Vec<u32> = results.iter().map(|(_, id)| *id).collect();
        outputs.sort_unstable();
        outputs.dedup();
        let homes = homes(&self.leaves);
        let program = Program { instrs: self.instrs, outputs, donated, homes };
        Ok(Lowered {
            program,
            nodes: self.representative,
            results,
            leaves: self.leaves,
            numbers: self.numbers,
        })
    }
}

impl fmt::Display for Program {
    /// One line an instruction: `%3 = matmul %0 %2 : f32 [64, 10]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for id in 0..self.instrs.len() {
            writeln!(f, "{}", self.line(id as u32))?;
        }
        let ids: Vec<String> = self.outputs.iter().map(|id| format!("%{id}")).collect();
        write!(f, "return {}", ids.join(" "))
    }
}

impl Program {
    /// Whether the buffer of leaf `id` may be overwritten.
    pub(crate) fn is_donated(&self, id: u32) -> bool {
        self.donated.binary_search(&id).is_ok()
    }

    /// Where the buffer of leaf `id` lies, if it lies in a block with others.
    pub(crate) fn home(&self, id: u32) -> Option<&Home> {
        let at = self.homes.binary_search_by_key(&id, |home| home.leaf).ok()?;
        self.homes.get(at)
    }

    /// The instruction `id` as a line of text.
    pub fn line(&self, id: u32) -> String {
        let Some(instr) = self.instrs.get(id as usize) else { return String::new() };
        let inputs: String = instr.inputs.iter().map(|i| format!(" %{i}")).collect();
        let attributes = match instr.op.kind() {
            Kind::View | Kind::Kernel => instr.op.attributes(),
            _ => String::new(),
        };
        let space = if attributes.is_empty() { "" } else { " " };
        let donated = if self.is_donated(id) { ", overwritten" } else { "" };
        format!(
            "%{id} = {}{inputs}{space}{attributes} : {} {}{donated}",
            instr.op.name(),
            instr.meta.dtype,
            instr.meta.shape
        )
    }
}

/// The place of an instruction for people: `main.rs:4:18, in model.fc2`.
pub(crate) fn origin(tensor: &Tensor) -> String {
    match tensor.scope() {
        Some(scope) if !scope.is_empty() => format!("{}, in {scope}", place(tensor.site())),
        _ => place(tensor.site()),
    }
}
