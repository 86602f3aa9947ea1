//! Several pointwise programs of any shapes in one kernel: the updates of many parameters, say.
//!
//! Each program has a stretch of workgroups. Programs that compute the same share their function, so that the text
//! grows by a few lines a program.

use std::sync::Arc;

use anygrad_layout::{DType, Layout};
use anygrad_shaders::POINTWISE;

use super::address::Axes;
use super::loads::{Home, Loads, Part};
use super::pointwise::schedule;
use super::{Builder, Pointwise, Source, SourceKind, fold_groups, invalid, storage_type};
use crate::{Caps, DeviceError, Lowered, Operand};

const FAMILY: &str = "pointwise";
const VARIANT: &str = "together";

/// Computes programs that do not depend on each other. [`SourceKind::Buffer`](super::SourceKind) counts the inputs of
/// all of them, so that two may read one; their outputs and numbers come one program after the other. A buffer that a
/// program overwrites is read by no other.
///
/// `blocks` says which of the buffers lie in a block of memory with others ([`Gpu::pack`](crate::Gpu::pack)): a number
/// that names the block, and the bytes before the buffer. Each block takes one binding, however many of the buffers
/// lie in it. Buffers beyond its end have memory of their own.
///
/// # Errors
/// [`DeviceError::Validation`] for a program that contradicts itself, writes f16, or overwrites what another reads;
/// [`DeviceError::Unsupported`] for more buffers than `caps` allows; [`DeviceError::TooLarge`] from 2³¹ positions on.
pub fn together(
    programs: &[Pointwise],
    blocks: &[Option<(u64, usize)>],
    caps: &Caps,
) -> Result<Lowered, DeviceError> {
    programs.iter().try_for_each(|program| check(program, programs, blocks))?;
    // in fours, a buffer read both whole and element by element takes two bindings
    match lower(programs, blocks, caps, true) {
        Err(DeviceError::Unsupported { .. }) => lower(programs, blocks, caps, false),
        lowered => lowered,
    }
}

fn lower(
    programs: &[Pointwise],
    blocks: &[Option<(u64, usize)>],
    caps: &Caps,
    fours: bool,
) -> Result<Lowered, DeviceError> {
    let mut builder = Builder::new(FAMILY, VARIANT);
    let fours = |program: &Pointwise| {
        // a block is bound element by element: not all that lies in it comes in fours
        let block = |source: &Source| matches!(source.kind, SourceKind::Buffer(at) if blocks.get(at).is_some_and(Option::is_some));
        fours && !program.inputs.iter().any(block)
    };
    let parts: Vec<(&Pointwise, Axes, bool)> =
        programs.iter().map(|program| walk(program, fours(program))).collect();
    let threads = |(program, _, four): &(&Pointwise, Axes, bool)| program.numel() / if *four { 4 } else { 1 };
    let total = parts.iter().fold(0usize, |sum, part| sum.saturating_add(threads(part)));
    let (group, repeat) = schedule(total, caps);
    builder.constant("GROUP", group);
    builder.constant("REPEAT", repeat);
    let stretch = (group * repeat) as usize;
    let homes = bind_blocks(programs, blocks, &mut builder);
    let mut emitted = Emitted { homes, ..Emitted::default() };
    // the programs that have elements, each with the statement for its stretch
    let mut ends: Vec<(usize, String)> = Vec::new();
    let mut end = 0usize;
    for (n, part) in parts.into_iter().enumerate() {
        let (threads, prefix) = (threads(&part), format!("s{n}_"));
        let (program, axes, four) = part;
        if threads > 0 {
            builder.param(&format!("{prefix}start"), end);
            builder.param(&format!("{prefix}count"), threads);
            emitted.part(program, axes, four, &prefix, &mut builder)?;
            end = end.saturating_add(threads.next_multiple_of(stretch));
            builder.param(&format!("{prefix}end"), end);
            ends.push((n, format!("{prefix}evaluate(i);")));
        }
        emitted.outputs += program.outputs.len();
        emitted.numbers += program.numbers.len();
    }
    if ends.is_empty() {
        return Ok(Lowered::default());
    }
    if end > i32::MAX as usize {
        let what = format!("{FAMILY}: {} programs together", programs.len());
        return Err(DeviceError::TooLarge { bytes: end as u64, limit: i32::MAX as u64, what });
    }
    builder.param("count", end);
    builder.function(format!("fn evaluate(i: u32) {{\n{}}}", choose(&ends, "    ")));
    let bytes = programs.iter().map(|p| p.bytes_read().saturating_add(p.bytes_written()));
    let bytes = bytes.fold(0, u64::saturating_add);
    let flops = programs.iter().map(Pointwise::flops).fold(0, u64::saturating_add);
    let launch = builder.finish(POINTWISE, fold_groups(end.div_ceil(stretch), caps)?, flops, bytes)?;
    if launch.bindings.len() > caps.storage_buffers as usize {
        let what = format!("a kernel with {} buffers", launch.bindings.len());
        return Err(DeviceError::Unsupported { what });
    }
    Ok(Lowered { launches: vec![launch], scratch: Vec::new() })
}

/// Binds each block that a program reads, to write if one writes there; returns where each buffer is reached.
fn bind_blocks(
    programs: &[Pointwise],
    blocks: &[Option<(u64, usize)>],
    builder: &mut Builder,
) -> Arc<[Option<Home>]> {
    let buffer = |source: &Source| if let SourceKind::Buffer(at) = source.kind { Some(at) } else { None };
    let block = |at: usize| blocks.get(at).copied().flatten();
    let live = || programs.iter().filter(|program| program.numel() > 0);
    let written: Vec<u64> = live()
        .flat_map(|program| program.outputs.iter().filter_map(|sink| program.inputs.get(sink.in_place?)))
        .filter_map(|source| Some(block(buffer(source)?)?.0))
        .collect();
    let mut bound: Vec<u64> = Vec::new();
    let mut homes: Vec<Option<Home>> = vec![None; blocks.len()];
    for at in live().flat_map(|program| &program.inputs).filter_map(buffer) {
        let Some((key, bytes)) = block(at) else { continue };
        let place = bound.iter().position(|known| *known == key).unwrap_or(bound.len());
        let name = format!("block{place}");
        if place == bound.len() {
            bound.push(key);
            match written.contains(&key) {
                true => builder.read_write(&name, DType::F32, Operand::Block(at)),
                false => builder.read(&name, DType::F32, Operand::Block(at)),
            }
        }
        if let Some(home) = homes.get_mut(at) {
            *home = Some(Home { name, offset: bytes / 4 });
        }
    }
    homes.into()
}

fn check(program: &Pointwise, all: &[Pointwise], blocks: &[Option<(u64, usize)>]) -> Result<(), DeviceError> {
    program.check(FAMILY)?;
    for source in &program.inputs {
        let packed =
            matches!(source.kind, SourceKind::Buffer(at) if blocks.get(at).is_some_and(Option::is_some));
        if packed && source.dtype != DType::F32 {
            return Err(invalid(FAMILY, format!("a block holds f32, not {}", source.dtype)));
        }
    }
    if program.outputs.iter().any(|sink| sink.dtype == DType::F16) {
        return Err(invalid(FAMILY, "f16 is not written by several programs together"));
    }
    let overwritten = program.outputs.iter().filter_map(|sink| program.inputs.get(sink.in_place?));
    for source in overwritten {
        let readers = all.iter().filter(|other| other.inputs.iter().any(|s| s.kind == source.kind));
        if readers.count() > 1 {
            return Err(invalid(FAMILY, "a program overwrites what another one reads"));
        }
    }
    Ok(())
}

/// How a program is walked: its axes, and whether a thread computes four elements.
fn walk(program: &Pointwise, fours: bool) -> (&Pointwise, Axes, bool) {
    let layouts: Vec<&Layout> = program.inputs.iter().map(|source| &source.layout).collect();
    let axes = Axes::new('i', &program.shape, &layouts);
    let four = fours && Loads::fours_fit(std::slice::from_ref(&axes));
    (program, axes, four)
}

/// What the programs so far have brought into the kernel.
#[derive(Default)]
struct Emitted {
    /// What tells programs that compute different things apart; the place names the function.
    forms: Vec<String>,
    bound: Vec<String>,
    homes: Arc<[Option<Home>]>,
    outputs: usize,
    numbers: usize,
}

impl Emitted {
    /// `fn <prefix>evaluate(i: u32)`: the program at position `i - start`, if there is one.
    fn part(
        &mut self,
        program: &Pointwise,
        mut axes: Axes,
        four: bool,
        prefix: &str,
        builder: &mut Builder,
    ) -> Result<(), DeviceError> {
        let (prefix, first_output, first_number) = (prefix.to_owned(), self.outputs, self.numbers);
        let mut text = format!(
            "    let at = i - p.{prefix}start;\n    if at >= p.{prefix}count {{\n        return;\n    }}\n"
        );
        let name = format!("fn {prefix}evaluate(i: u32)");
        let form = self.form(program, builder)?;
        axes.prefix = prefix.clone();
        let homes = self.homes.clone();
        let part = Part { prefix: prefix.clone(), first_output, first_number, form, homes };
        let bound = std::mem::take(&mut self.bound);
        let mut loads = Loads::new(program, vec![axes], four).of_part(part, bound);
        text += &loads.axes[0].coordinates(builder, "at");
        text += &loads.emit(builder)?;
        text += &loads.apply();
        for (k, sink) in program.outputs.iter().enumerate() {
            let (name, operand) = (format!("out{}", first_output + k), Operand::Output(first_output + k));
            let source =
                sink.in_place.and_then(|source| program.inputs.get(source)).map(|source| source.kind);
            let home = match source {
                Some(SourceKind::Buffer(index)) => self.homes.get(index).and_then(Option::as_ref),
                _ => None,
            };
            if let Some(home) = home {
                let param = format!("{prefix}out{k}_offset");
                builder.param(&param, home.offset);
                text += &format!("    {}[p.{param} + at] = r0.y{k};\n", home.name);
            } else if four {
                builder.read_write_vec4(&name, sink.dtype, operand);
                let ty = storage_type(sink.dtype)?;
                text += &format!("    {name}[at] = vec4<{ty}>(r0.y{k}, r1.y{k}, r2.y{k}, r3.y{k});\n");
            } else {
                builder.read_write(&name, sink.dtype, operand);
                text += &format!("    {name}[at] = r0.y{k};\n");
            }
        }
        builder.function(format!("{name} {{\n{text}}}"));
        self.bound = loads.bound;
        Ok(())
    }

    /// The name of what `program` computes at one position, whose function is there once.
    fn form(&mut self, program: &Pointwise, builder: &mut Builder) -> Result<String, DeviceError> {
        let loads: Vec<DType> = program.inputs.iter().map(|source| source.dtype).collect();
        let stores: Vec<(u32, DType)> = program.outputs.iter().map(|sink| (sink.value, sink.dtype)).collect();
        let key = format!("{loads:?} {:?} {:?} {stores:?}", program.numbers, program.steps);
        let known = self.forms.iter().position(|form| *form == key);
        let place = known.unwrap_or(self.forms.len());
        if known.is_none() {
            program.emit_apply(builder, &place.to_string())?;
            self.forms.push(key);
        }
        Ok(place.to_string())
    }
}

/// Statements that call the function of the stretch in which `i` is, by halving the list: workgroups do not part.
pub(super) fn choose(ends: &[(usize, String)], indent: &str) -> String {
    match ends {
        [] => String::new(),
        [(_, call)] => format!("{indent}{call}\n"),
        _ => {
            let (front, back) = ends.split_at(ends.len() / 2);
            let last = front.last().map_or(0, |(n, _)| *n);
            let deeper = format!("{indent}    ");
            let (front, back) = (choose(front, &deeper), choose(back, &deeper));
            format!("{indent}if i < p.s{last}_end {{\n{front}{indent}}} else {{\n{back}{indent}}}\n")
        }
    }
}
