//! Fused chains of elementwise ops in one kernel.

use anygrad_layout::{DType, Layout};
use anygrad_shaders::POINTWISE;

use super::address::Axes;
use super::loads::Loads;
use super::{Builder, Pointwise, fold_groups, invalid, storage_type};
use crate::{Access, Caps, DeviceError, Launch, Lowered, Operand};

/// The variants of this family, first match first:
///
/// | name | fits | why |
/// | --- | --- | --- |
/// | `vec4` | the last merged axis is a multiple of 4 | one 16-byte load and store, and one index computation, for four elements: twice the bandwidth |
/// | `pairs` | an output is f16 | two halves lie in a word, which one thread has to write |
/// | `strided` | no output is f16 | one element a thread |
pub const VARIANTS: &[&str] = &["vec4", "pairs", "strided"];

const FAMILY: &str = "pointwise";

/// Computes a pointwise program: reads each source at each position of `program.shape`, writes each sink
/// densely to [`Operand::Output`] of its index.
///
/// # Errors
/// [`DeviceError::Validation`] if the program contradicts itself or `force` names no variant that fits;
/// [`DeviceError::Unsupported`] for `f64` or more buffers than `caps` allows; [`DeviceError::TooLarge`] from
/// 2³¹ positions on.
pub fn pointwise(program: &Pointwise, caps: &Caps, force: Option<&str>) -> Result<Lowered, DeviceError> {
    lower(FAMILY, program, caps, force)
}

/// [`pointwise`] under another family's name.
pub(super) fn lower(
    family: &'static str,
    program: &Pointwise,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    program.check(family)?;
    if program.outputs.is_empty() {
        return Err(invalid(family, "a program without outputs"));
    }
    if force.is_some_and(|name| !VARIANTS.contains(&name)) {
        return Err(invalid(family, format!("no variant {}", force.unwrap_or_default())));
    }
    if program.numel() == 0 {
        return Ok(Lowered::default());
    }
    let layouts: Vec<&Layout> = program.inputs.iter().map(|source| &source.layout).collect();
    let axes = Axes::new('i', &program.shape, &layouts);
    let halves = program.outputs.iter().any(|sink| sink.dtype == DType::F16);
    let singly = if halves { "pairs" } else { "strided" };
    if Loads::fours_fit(std::slice::from_ref(&axes)) && force.is_none_or(|name| name == "vec4") {
        let launch = in_fours(family, program, axes.clone(), caps)?;
        // a buffer read both whole and element by element takes two bindings here
        if launch.bindings.len() <= caps.storage_buffers as usize {
            return Ok(Lowered { launches: vec![launch], scratch: Vec::new() });
        }
    }
    if let Some(name) = force.filter(|name| *name != singly) {
        return Err(invalid(family, format!("{name} does not fit {}", program.shape)));
    }
    let emit = if halves { in_pairs } else { one_by_one };
    let launch = emit(family, program, axes, caps)?;
    if launch.bindings.len() > caps.storage_buffers as usize {
        let what = format!("a kernel with {} buffers", launch.bindings.len());
        return Err(DeviceError::Unsupported { what });
    }
    Ok(Lowered { launches: vec![launch], scratch: Vec::new() })
}

/// A thread computes four elements.
fn in_fours(
    family: &'static str,
    program: &Pointwise,
    axes: Axes,
    caps: &Caps,
) -> Result<Launch, DeviceError> {
    let mut builder = Builder::new(family, "vec4");
    let mut loads = Loads::new(program, vec![axes], true);
    let count = loads.axes[0].count();
    builder.param("count", count);
    program.emit_apply(&mut builder, "")?;
    let mut text = loads.axes[0].coordinates(&mut builder, "i");
    text += &loads.emit(&mut builder)?;
    text += &loads.apply();
    for (k, sink) in program.outputs.iter().enumerate() {
        let name = format!("out{k}");
        if sink.dtype == DType::F16 {
            builder.halves(&name, Operand::Output(k), Access::ReadWrite, true);
            text += &format!(
                "    {name}[i] = vec2<u32>(ag_two_halves(r0.y{k}, r1.y{k}), ag_two_halves(r2.y{k}, r3.y{k}));\n"
            );
        } else {
            builder.read_write_vec4(&name, sink.dtype, Operand::Output(k));
            let ty = storage_type(sink.dtype)?;
            text += &format!("    {name}[i] = vec4<{ty}>(r0.y{k}, r1.y{k}, r2.y{k}, r3.y{k});\n");
        }
    }
    builder.function(format!("fn evaluate(i: u32) {{\n{text}}}"));
    finish(builder, program, count, caps)
}

/// A thread computes one element.
fn one_by_one(
    family: &'static str,
    program: &Pointwise,
    axes: Axes,
    caps: &Caps,
) -> Result<Launch, DeviceError> {
    let mut builder = Builder::new(family, "strided");
    let count = element(program, axes, &mut builder)?;
    builder.param("count", count);
    let mut text = String::from("    let r = element(i);\n");
    for (k, sink) in program.outputs.iter().enumerate() {
        builder.read_write(&format!("out{k}"), sink.dtype, Operand::Output(k));
        text += &format!("    out{k}[i] = r.y{k};\n");
    }
    builder.function(format!("fn evaluate(i: u32) {{\n{text}}}"));
    finish(builder, program, count, caps)
}

/// A thread computes two elements: those that share a word where they are halves.
fn in_pairs(
    family: &'static str,
    program: &Pointwise,
    axes: Axes,
    caps: &Caps,
) -> Result<Launch, DeviceError> {
    let mut builder = Builder::new(family, "pairs");
    let elements = element(program, axes, &mut builder)?;
    let count = elements.div_ceil(2);
    builder.param("count", count);
    builder.param("elements", elements);
    // Of an odd number of elements the last one is computed twice, and is both halves of its word. All loads come
    // before the first store, which may overwrite what they read.
    let mut text = String::from(
        "    let first = 2u * i;\n    let second = min(first + 1u, p.elements - 1u);\n    let r = element(first);\n    \
         let s = element(second);\n",
    );
    for (k, sink) in program.outputs.iter().enumerate() {
        let name = format!("out{k}");
        if sink.dtype == DType::F16 {
            builder.halves(&name, Operand::Output(k), Access::ReadWrite, false);
            text += &format!("    {name}[i] = ag_two_halves(r.y{k}, s.y{k});\n");
        } else {
            builder.read_write(&name, sink.dtype, Operand::Output(k));
            text += &format!("    {name}[first] = r.y{k};\n    {name}[second] = s.y{k};\n");
        }
    }
    builder.function(format!("fn evaluate(i: u32) {{\n{text}}}"));
    finish(builder, program, count, caps)
}

/// `fn element(i: u32) -> Values`: all outputs at position `i`. Returns the number of positions.
fn element(program: &Pointwise, axes: Axes, builder: &mut Builder) -> Result<usize, DeviceError> {
    let mut loads = Loads::new(program, vec![axes], false);
    program.emit_apply(builder, "")?;
    let mut text = loads.axes[0].coordinates(builder, "i");
    text += &loads.emit(builder)?;
    text += &loads.apply();
    builder.function(format!("fn element(i: u32) -> Values {{\n{text}    return r0;\n}}"));
    Ok(loads.axes[0].count())
}

fn finish(
    mut builder: Builder,
    program: &Pointwise,
    count: usize,
    caps: &Caps,
) -> Result<Launch, DeviceError> {
    let (group, repeat) = schedule(count, caps);
    builder.constant("GROUP", group);
    builder.constant("REPEAT", repeat);
    let grid = fold_groups(count.div_ceil((group * repeat) as usize), caps)?;
    let bytes = program.bytes_read().saturating_add(program.bytes_written());
    builder.finish(POINTWISE, grid, program.flops(), bytes)
}

/// Threads of a workgroup, and stretches it walks. A software adapter pays for each workgroup, and has few
/// cores to keep busy; a GPU wants many threads in flight.
pub(super) fn schedule(count: usize, caps: &Caps) -> (u32, u32) {
    match caps.software {
        true if count >= 64 * 16 * 16 => (64, 16),
        true => (64, 1),
        false => (256.min(caps.max_threads.max(1)), 1),
    }
}
