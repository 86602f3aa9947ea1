//! A graph as a flat list of instructions: what is planned, cached and replayed.

use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustc_hash::{FxBuildHasher, FxHashMap, FxHasher};
use smallvec::SmallVec;

use crate::Tensor;
use crate::device::Buffer;
use crate::error::{Error, place};
use crate::halves;
use crate::op::{Kind, Meta, OpRef};
use crate::tensor::State;

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
    /// A hash of the program, by which its plan is found.
    pub key: u64,
    /// For each instruction, a tensor it stands for.
    pub nodes: Nodes,
    /// The tensors that get a value, with the instruction that computes it.
    pub results: Vec<(Tensor, u32)>,
    /// The buffers of the leaves by instruction, ascending.
    pub leaves: Vec<(u32, Buffer)>,
    /// The numbers in the order of their instructions.
    pub numbers: Vec<f64>,
}

/// For each instruction, a tensor it stands for.
#[derive(Default)]
pub(crate) struct Nodes {
    visited: Vec<Tensor>,
    of: Vec<u32>,
}

impl Nodes {
    /// The tensor of instruction `id`.
    pub fn get(&self, id: usize) -> Option<&Tensor> {
        self.visited.get(*self.of.get(id)? as usize)
    }

    /// The tensors of other instructions: number `i` stands for what was instruction `origins[i]`.
    pub fn of(self, origins: &[u32]) -> Self {
        let of = origins.iter().map(|&old| self.of.get(old as usize).copied().unwrap_or(u32::MAX)).collect();
        Self { visited: self.visited, of }
    }
}

/// Lowers what `roots` are made of. Every pending tensor on the way that somebody outside holds is computed too:
/// it would otherwise have to be computed again later, from leaves that may have been overwritten by then.
///
/// The caller holds the lock by which the runs of the tensors' device take turns.
pub(crate) fn lower(roots: &[&Tensor]) -> Result<Lowered, Error> {
    let mut builder = Builder::new();
    builder.visit(roots)?;
    builder.finish(roots).map(halves::in_single_precision)
}

#[derive(Default)]
struct Builder {
    instrs: Vec<Instr>,
    /// By instruction: the visit that it came from.
    representative: Vec<u32>,
    /// Instructions by their hash.
    known: FxHashMap<u64, u32>,
    /// Hashes what belongs to the program.
    key: FxHasher,
    visits: Vec<Visit>,
    /// Visits in the order in which they were finished: each after those it is made of.
    finished: Vec<u32>,
    /// The visits of other names of values.
    aliases: Vec<u32>,
    leaves: Vec<(u32, Buffer)>,
    /// Leaves whose buffer no other tensor shares, ascending.
    unshared: Vec<u32>,
    numbers: Vec<f64>,
}

/// A node on the way.
struct Visit {
    tensor: Tensor,
    /// Its instruction, once it is finished.
    id: u32,
    /// How many inputs of visited nodes it is.
    uses: u32,
    root: bool,
}

/// What is left to do of a walk.
enum Todo {
    Enter(Tensor),
    Finish(u32),
}

/// Instructions that there is room for at first: growing from nothing costs a small step a tenth of its time.
const FIRST: usize = 128;

impl Builder {
    fn new() -> Self {
        Self {
            instrs: Vec::with_capacity(FIRST),
            representative: Vec::with_capacity(FIRST),
            known: FxHashMap::with_capacity_and_hasher(FIRST, FxBuildHasher),
            visits: Vec::with_capacity(FIRST),
            finished: Vec::with_capacity(FIRST),
            ..Self::default()
        }
    }

    /// The place of a node among the visited ones. The node itself says where to look, which takes no hashing; what it
    /// says may be of another run, and counts only if the node is there.
    fn place(&self, tensor: &Tensor) -> Option<usize> {
        let place = tensor.0.place.load(Ordering::Relaxed) as usize;
        self.visits.get(place).filter(|visit| visit.tensor.is(tensor)).map(|_| place)
    }

    fn visit(&mut self, roots: &[&Tensor]) -> Result<(), Error> {
        let mut stack: Vec<Todo> = roots.iter().rev().map(|t| Todo::Enter((*t).clone())).collect();
        while let Some(todo) = stack.pop() {
            match todo {
                Todo::Finish(place) => self.emit(place as usize)?,
                Todo::Enter(tensor) if self.place(&tensor).is_some() => {}
                Todo::Enter(tensor) => {
                    let place = self.visits.len() as u32;
                    tensor.0.place.store(place, Ordering::Relaxed);
                    stack.push(Todo::Finish(place));
                    if let State::Pending(inputs) = &*tensor.0.state() {
                        let needed = if tensor.0.op.is_alias() { 1 } else { inputs.len() };
                        for input in inputs.iter().take(needed).rev() {
                            if self.place(input).is_none() {
                                stack.push(Todo::Enter(input.clone()));
                            }
                        }
                    }
                    self.visits.push(Visit { tensor, id: 0, uses: 0, root: false });
                }
            }
        }
        Ok(())
    }

    fn emit(&mut self, place: usize) -> Result<(), Error> {
        self.finished.push(place as u32);
        let tensor = &self.visits[place].tensor;
        let mut used: SmallVec<[usize; 3]> = SmallVec::new();
        let mut instr = Instr {
            op: OpRef::Static(&crate::ops::leaf::Leaf),
            inputs: SmallVec::new(),
            meta: tensor.0.meta.clone(),
        };
        match &*tensor.0.state() {
            State::Ready(buffer, _) => {
                let id = self.instrs.len() as u32;
                if buffer.is_unique() {
                    self.unshared.push(id);
                }
                self.leaves.push((id, buffer.clone()));
            }
            State::Pending(inputs) => {
                let needed = if tensor.0.op.is_alias() { 1 } else { inputs.len() };
                used.extend(inputs.iter().take(needed).filter_map(|input| self.place(input)));
                instr.inputs.extend(used.iter().map(|&input| self.visits[input].id));
                instr.op = tensor.0.op.clone();
            }
            State::Gone => return Err(Error::invalid("eval", "a value was lost in a run that failed")),
        }
        let number = tensor.0.number;
        used.into_iter().for_each(|input| self.visits[input].uses += 1);
        let id = match instr.op.is_alias() {
            true => {
                self.aliases.push(place as u32);
                let input = instr.inputs.first().copied();
                input.ok_or_else(|| Error::invalid("eval", "an alias has no input"))?
            }
            false => self.instruction(instr, number, place as u32),
        };
        self.visits[place].id = id;
        Ok(())
    }

    /// The id of an instruction: that of an equal one, if there is one.
    fn instruction(&mut self, instr: Instr, number: f64, place: u32) -> u32 {
        let kind = instr.op.kind();
        let mut hasher = FxHasher::default();
        instr.hash(&mut hasher);
        let hash = hasher.finish();
        let id = self.instrs.len() as u32;
        if !matches!(kind, Kind::Leaf | Kind::Number) {
            match self.known.entry(hash) {
                Entry::Occupied(known) if self.instrs[*known.get() as usize] == instr => return *known.get(),
                // another one of the same hash: as good as never
                Entry::Occupied(_) => {}
                Entry::Vacant(free) => {
                    free.insert(id);
                }
            }
        }
        if matches!(kind, Kind::Number) {
            self.numbers.push(number);
        }
        hash.hash(&mut self.key);
        self.instrs.push(instr);
        self.representative.push(place);
        id
    }

    fn finish(mut self, roots: &[&Tensor]) -> Result<Lowered, Error> {
        for root in roots {
            if let Some(place) = self.place(root) {
                self.visits[place].root = true;
            }
        }
        self.count_waited();
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
        for &place in &self.finished {
            let visit = &self.visits[place as usize];
            let id = visit.id;
            let leaf = matches!(self.instrs[id as usize].op.kind(), Kind::Leaf);
            match visit.tensor.0.op.is_alias() {
                // another name of a leaf's buffer, not the leaf
                true if leaf && (visit.root || visit.is_held()) => results.push((visit.tensor.clone(), id)),
                true if leaf => {}
                false if leaf && self.unshared.binary_search(&id).is_ok() && !visit.is_held() => {
                    donated.push(id)
                }
                false if leaf => {}
                _ if visit.root => results.push((visit.tensor.clone(), id)),
                // numbers, iota and views of them keep nothing alive, and take no memory as they are
                _ if weightless[id as usize] => {}
                _ if visit.is_held() => results.push((visit.tensor.clone(), id)),
                _ => {}
            }
        }
        let mut outputs: Vec<u32> = results.iter().map(|(_, id)| *id).collect();
        outputs.sort_unstable();
        outputs.dedup();
        let homes = homes(&self.leaves);
        (&outputs, &donated, &homes).hash(&mut self.key);
        let program = Program { instrs: self.instrs, outputs, donated, homes };
        let visited = self.visits.into_iter().map(|visit| visit.tensor).collect();
        Ok(Lowered {
            program,
            key: self.key.finish(),
            nodes: Nodes { visited, of: self.representative },
            results,
            leaves: self.leaves,
            numbers: self.numbers,
        })
    }

    /// Counts the inputs that aliases have besides the value: they do not run, but an alias holds them.
    fn count_waited(&mut self) {
        for alias in std::mem::take(&mut self.aliases) {
            let waited: SmallVec<[usize; 3]> = match &*self.visits[alias as usize].tensor.0.state() {
                State::Pending(inputs) => inputs.iter().skip(1).filter_map(|t| self.place(t)).collect(),
                _ => SmallVec::new(),
            };
            waited.into_iter().for_each(|input| self.visits[input].uses += 1);
        }
    }
}

impl Visit {
    /// Whether somebody else has a handle, besides this visit and the nodes that are made of it.
    fn is_held(&self) -> bool {
        Arc::strong_count(&self.tensor.0) > 1 + self.uses as usize
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
