//! Reductions over axes, with a pointwise program fused into the load.

mod monoid;
mod stage;

use anygrad_layout::{DType, Layout, Shape};
use smallvec::SmallVec;

pub(super) use self::monoid::Monoid;
use self::stage::{Fours, Stage, Worker};
use super::address::Axes;
use super::loads::Loads;
use super::{Pointwise, Sink, Step, invalid, pointwise};
use crate::{Caps, DeviceError, Launch, Lowered};

/// What a reduction computes from the values it runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduce {
    /// Their sum; 0 of nothing.
    Sum,
    /// Their product; 1 of nothing.
    Prod,
    /// The largest; NaN if one is NaN.
    Max,
    /// The smallest; NaN if one is NaN.
    Min,
    /// The row-major index, over the reduced axes in ascending order, of the first largest; NaN counts as largest.
    ArgMax,
    /// The same of the first smallest; NaN counts as smallest.
    ArgMin,
}

impl Reduce {
    /// Whether the result is an index.
    pub fn is_index(self) -> bool {
        matches!(self, Reduce::ArgMax | Reduce::ArgMin)
    }
}

/// The variants of this family, first match first:
///
/// | name | fits | why |
/// | --- | --- | --- |
/// | `thread` | short rows; many outputs with neighbouring outputs side by side in memory; on software adapters any that keep its cores busy | one thread an output needs no barrier |
/// | `two_stage` | too few outputs to keep the device busy, or rows too long for one worker | chunks of each row in parallel, then the chunks' results |
/// | `workgroup` | the rest | one workgroup an output, a tree over its threads |
pub const VARIANTS: &[&str] = &["thread", "two_stage", "workgroup"];

const FAMILY: &str = "reduce";

/// What the choice of a variant depends on. Outputs or terms are groups of four where the loads are.
struct Facts {
    outputs: usize,
    terms: usize,
    /// Neighbouring outputs read neighbouring elements, as in a sum of columns.
    columns: bool,
    software: bool,
}

/// Reduces the one output of `input` over `axes`. The result, at output 0, has the axes that are kept, in order;
/// its type is the value's, or `u32` for an index. The order of additions depends on the shape and on `caps`
/// only, and no f32 sum is longer than 256 terms in a row.
///
/// # Errors
/// [`DeviceError::Validation`] for a program that contradicts itself or has not one output, bool values, an axis
/// that does not exist or occurs twice, the largest or smallest of nothing, or if `force` names no variant;
/// the errors of [`pointwise::pointwise`].
pub fn reduce(
    input: &Pointwise,
    kind: Reduce,
    axes: &[usize],
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    input.check(FAMILY)?;
    let [Sink { dtype, in_place: None, .. }] = input.outputs.as_slice() else {
        return Err(invalid(FAMILY, "the program reduced has one output, not in place"));
    };
    let monoid = Monoid { kind, dtype: *dtype };
    if *dtype == DType::Bool {
        return Err(invalid(FAMILY, format!("{kind:?} of bool; convert it to a number first")));
    }
    let reduced = reduced_axes(&input.shape, axes)?;
    let sizes = |wanted: bool| -> Shape {
        input.shape.iter().zip(&reduced).filter(|(_, r)| **r == wanted).map(|(n, _)| *n).collect()
    };
    let (outputs, terms) = (sizes(false), sizes(true));
    if terms.numel() == 0 {
        return empty(monoid, &outputs, caps);
    }
    if outputs.numel() == 0 {
        return Ok(Lowered::default());
    }
    let part = |wanted: bool, letter: char| {
        let parts: Vec<Layout> = input.inputs.iter().map(|s| pick(&s.layout, &reduced, wanted)).collect();
        Axes::new(letter, &sizes(wanted), &parts.iter().collect::<Vec<_>>())
    };
    let (kept, inner) = (part(false, 'o'), part(true, 'i'));
    lower(input, monoid, kept, inner, caps, force)
}

fn lower(
    input: &Pointwise,
    monoid: Monoid,
    kept: Axes,
    inner: Axes,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    let last = |axes: &Axes, i: usize| axes.strides[i].last().copied().unwrap_or(0);
    let columns = (0..input.inputs.len()).any(|i| last(&kept, i) == 1 && last(&inner, i) != 1);
    let fit = |axes: &Axes| Loads::fours_fit(std::slice::from_ref(axes));
    let fours = match columns {
        true if fit(&kept) && force != Some("workgroup") => Fours::Outputs,
        false if fit(&inner) => Fours::Terms,
        _ => Fours::No,
    };
    let groups_of = |kind: Fours| if fours == kind { 4 } else { 1 };
    let facts = Facts {
        outputs: kept.count() / groups_of(Fours::Outputs),
        terms: inner.count() / groups_of(Fours::Terms),
        columns,
        software: caps.software,
    };
    let variant = match force {
        None => facts.choose(),
        Some(name) => *VARIANTS
            .iter()
            .find(|v| **v == name)
            .ok_or_else(|| invalid(FAMILY, format!("no variant {name}")))?,
    };
    if variant == "workgroup" && fours == Fours::Outputs {
        // four outputs a slot are for threads
        return lower(input, monoid, kept, inner, caps, Some(variant));
    }
    let worker = facts.worker(variant, caps);
    let chunk = if variant == "two_stage" { facts.chunk(worker) } else { facts.terms };
    if chunk > worker.most_terms() {
        return Err(invalid(FAMILY, format!("{variant} does not fit {} terms", facts.terms)));
    }
    let stage = Stage {
        variant,
        worker,
        fours,
        outputs: facts.outputs,
        terms: facts.terms,
        chunk,
        to_scratch: variant == "two_stage",
    };
    let mut lowered = Lowered::default();
    let outputs = kept.count();
    let first = stage.of_program(monoid, input, (kept, inner), caps)?;
    if first.bindings.len() > caps.storage_buffers as usize {
        let what = format!("a reduction of {} buffers", first.bindings.len());
        return Err(DeviceError::Unsupported { what });
    }
    lowered.launches.push(first);
    if stage.to_scratch {
        let bytes = outputs.saturating_mul(stage.chunks()).saturating_mul(4);
        lowered.scratch = vec![bytes; if monoid.kind.is_index() { 2 } else { 1 }];
        lowered.launches.push(second(&stage, monoid, outputs, caps)?);
    }
    Ok(lowered)
}

/// The dispatch that reduces the results of the chunks.
fn second(first: &Stage, monoid: Monoid, outputs: usize, caps: &Caps) -> Result<Launch, DeviceError> {
    let terms = first.chunks();
    let facts = Facts { outputs, terms, columns: false, software: caps.software };
    let few = if caps.software { 4096 } else { 32 };
    let worker = facts.worker(if terms <= few { "thread" } else { "workgroup" }, caps);
    Stage { worker, fours: Fours::No, outputs, terms, chunk: terms, to_scratch: false, ..*first }
        .of_scratch(monoid, caps)
}

impl Facts {
    /// The first row of the table that fits.
    fn choose(&self) -> &'static str {
        let threads_fit = self.terms <= Worker::Thread.most_terms();
        // enough outputs to keep every thread of the device busy
        let many = if self.software { 64 } else { 8192 };
        let prefers_threads = self.software || self.columns;
        if threads_fit && (self.terms <= 16 || (prefers_threads && self.outputs >= many)) {
            return "thread";
        }
        // On software a row is worth splitting from a few thousand terms on; on a GPU when there are fewer
        // outputs than it runs workgroups at once.
        let few = match (self.software, self.columns) {
            (true, _) => self.outputs < many && self.terms >= 1024,
            (false, true) => self.outputs < many && self.terms >= 256,
            (false, false) => self.outputs < 128 && self.terms >= 4096,
        };
        if few || !threads_fit {
            return "two_stage";
        }
        if self.software { "thread" } else { "workgroup" }
    }

    /// Who works on a slot of the first stage.
    fn worker(&self, variant: &str, caps: &Caps) -> Worker {
        match variant {
            "thread" => Worker::Thread,
            "two_stage" if self.software || self.columns => Worker::Thread,
            _ => {
                // a thread should have a few terms; a workgroup less than 32 threads wastes the hardware's width
                let wanted = (self.terms / 4).next_power_of_two().clamp(32, 256) as u32;
                Worker::Workgroup(wanted.min(caps.max_threads.max(1)))
            }
        }
    }

    /// Terms of a slot in the first of two stages.
    fn chunk(&self, worker: Worker) -> usize {
        let (slots, least): (usize, usize) = match worker {
            Worker::Thread if self.software => (256, 256),
            Worker::Thread => (16_384, 64),
            Worker::Workgroup(threads) => (512, 4 * threads as usize),
        };
        let chunks = slots.div_ceil(self.outputs).max(1);
        self.terms.div_ceil(chunks).max(least).min(worker.most_terms())
    }
}

/// Which axes are reduced.
fn reduced_axes(shape: &Shape, axes: &[usize]) -> Result<SmallVec<[bool; 6]>, DeviceError> {
    let mut reduced: SmallVec<[bool; 6]> = SmallVec::from_elem(false, shape.rank());
    for &axis in axes {
        match reduced.get_mut(axis) {
            Some(seen) if !*seen => *seen = true,
            Some(_) => return Err(invalid(FAMILY, format!("axis {axis} occurs twice"))),
            None => return Err(invalid(FAMILY, format!("axis {axis} of shape {shape} does not exist"))),
        }
    }
    Ok(reduced)
}

/// The axes of a view for which `reduced` is `wanted`.
fn pick(layout: &Layout, reduced: &[bool], wanted: bool) -> Layout {
    let axes: Vec<usize> = (0..reduced.len()).filter(|axis| reduced[*axis] == wanted).collect();
    layout.permute(&axes)
}

/// The sum or product of nothing, for each output.
fn empty(monoid: Monoid, outputs: &Shape, caps: &Caps) -> Result<Lowered, DeviceError> {
    let wgsl = monoid.identity();
    if !matches!(monoid.kind, Reduce::Sum | Reduce::Prod) {
        return Err(invalid(FAMILY, format!("{:?} of nothing", monoid.kind)));
    }
    let program = Pointwise {
        shape: outputs.clone(),
        inputs: Vec::new(),
        numbers: Vec::new(),
        steps: vec![Step { wgsl, args: SmallVec::new(), dtype: monoid.dtype }],
        outputs: vec![Sink { value: 0, dtype: monoid.dtype, in_place: None }],
    };
    pointwise::lower(FAMILY, &program, caps, None)
}
