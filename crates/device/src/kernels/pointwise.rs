//! Fused chains of elementwise ops in one kernel.

use anygrad_layout::Layout;
use anygrad_shaders::POINTWISE;

use super::address::Axes;
use super::program::{Bindings, Pointwise, Source, SourceKind};
use super::{Builder, fold_groups, invalid};
use crate::{Caps, DeviceError, Launch, Lowered, Operand};

/// The variants of this family, first match first:
///
/// | name | fits | why |
/// | --- | --- | --- |
/// | `vec4` | the last merged axis is a multiple of 4 | one 16-byte load and store, and one index computation, for four elements: twice the bandwidth |
/// | `strided` | always | one element a thread |
pub const VARIANTS: &[&str] = &["vec4", "strided"];

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
    let inner = axes.sizes.last().copied().unwrap_or(1);
    if inner.is_multiple_of(4) && force != Some("strided") {
        let launch = emit(family, program, axes.clone(), true, caps)?;
        // a buffer read both whole and element by element takes two bindings here
        if launch.bindings.len() <= caps.storage_buffers as usize {
            return Ok(Lowered { launches: vec![launch], scratch: Vec::new() });
        }
    }
    if force == Some("vec4") {
        return Err(invalid(family, format!("vec4 does not fit {}", program.shape)));
    }
    let launch = emit(family, program, axes, false, caps)?;
    if launch.bindings.len() > caps.storage_buffers as usize {
        let what = format!("a kernel with {} buffers", launch.bindings.len());
        return Err(DeviceError::Unsupported { what });
    }
    Ok(Lowered { launches: vec![launch], scratch: Vec::new() })
}

fn emit(
    family: &'static str,
    program: &Pointwise,
    mut axes: Axes,
    vector: bool,
    caps: &Caps,
) -> Result<Launch, DeviceError> {
    let mut builder = Builder::new(family, if vector { "vec4" } else { "strided" });
    // from here on the last coordinate counts groups of four
    let inner_strides: Vec<isize> = axes.strides.iter().map(|s| s.last().copied().unwrap_or(0)).collect();
    if vector {
        if let Some(inner) = axes.sizes.last_mut() {
            *inner /= 4;
        }
        axes.strides.iter_mut().for_each(|s| s.iter_mut().rev().take(1).for_each(|s| *s *= 4));
    }
    let count = axes.count();
    builder.param("count", count);
    program.emit_apply(&mut builder)?;
    let mut text = axes.coordinates(&mut builder, "i");
    let mut bindings = Bindings::default();
    for (i, source) in program.inputs.iter().enumerate() {
        let load = if vector {
            load_four(&mut builder, program, &mut bindings, &mut axes, i, inner_strides[i])?
        } else {
            load_one(&mut builder, program, &mut bindings, &axes, i, source)?
        };
        text += &format!("    let x{i} = {load};\n");
    }
    text += &store(&mut builder, program, vector);
    builder.function(format!("fn evaluate(i: u32) {{\n{text}}}"));

    let (group, repeat) = schedule(count, caps);
    builder.constant("GROUP", group);
    builder.constant("REPEAT", repeat);
    let grid = fold_groups(count.div_ceil((group * repeat) as usize), caps)?;
    let written = (program.numel() as u64).saturating_mul(4 * program.outputs.len() as u64);
    builder.finish(POINTWISE, grid, program.flops(), program.bytes_read().saturating_add(written))
}

/// Threads of a workgroup, and stretches it walks. A software adapter pays for each workgroup, and has few
/// cores to keep busy; a GPU wants many threads in flight.
fn schedule(count: usize, caps: &Caps) -> (u32, u32) {
    match caps.software {
        true if count >= 64 * 16 * 16 => (64, 16),
        true => (64, 1),
        false => (256.min(caps.max_threads.max(1)), 1),
    }
}

/// The element a source reads.
fn load_one(
    builder: &mut Builder,
    program: &Pointwise,
    bindings: &mut Bindings,
    axes: &Axes,
    i: usize,
    source: &Source,
) -> Result<String, DeviceError> {
    let position = position(builder, axes, i, source.layout.offset);
    Ok(match source.kind {
        SourceKind::Iota => position,
        SourceKind::Buffer(index) => {
            let name = bindings.load(builder, program, (index, source.dtype), false)?;
            format!("{name}[{position}]")
        }
    })
}

/// The four elements a source reads, as a vec4: one aligned load, one element repeated, or four loads.
/// `inner` is its stride from one element to the next.
fn load_four(
    builder: &mut Builder,
    program: &Pointwise,
    bindings: &mut Bindings,
    axes: &mut Axes,
    i: usize,
    inner: isize,
) -> Result<String, DeviceError> {
    let source = &program.inputs[i];
    let index = match source.kind {
        SourceKind::Iota => {
            let position = position(builder, axes, i, source.layout.offset);
            builder.signed_param(&format!("x{i}_inner"), inner);
            return Ok(format!("vec4<u32>({position}) + vec4<u32>(0u, 1u, 2u, 3u) * p.x{i}_inner"));
        }
        SourceKind::Buffer(index) => index,
    };
    let aligned = source.layout.offset.is_multiple_of(4) && axes.strides[i].iter().all(|s| s % 4 == 0);
    // the buffer of an output is bound as vectors: its source is contiguous, so it passes here
    if inner == 1 && aligned {
        axes.strides[i].iter_mut().for_each(|s| *s /= 4);
        let position = position(builder, axes, i, source.layout.offset / 4);
        let name = bindings.load(builder, program, (index, source.dtype), true)?;
        return Ok(format!("{name}[{position}]"));
    }
    let ty = super::storage_type(source.dtype)?;
    let position = position(builder, axes, i, source.layout.offset);
    let name = bindings.load(builder, program, (index, source.dtype), false)?;
    if inner == 0 {
        return Ok(format!("vec4<{ty}>({name}[{position}])"));
    }
    builder.signed_param(&format!("x{i}_inner"), inner);
    let at = |n: u32| format!("{name}[{position} + {n}u * p.x{i}_inner]");
    Ok(format!("vec4<{ty}>({name}[{position}], {}, {}, {})", at(1), at(2), at(3)))
}

fn position(builder: &mut Builder, axes: &Axes, i: usize, offset: usize) -> String {
    let name = format!("x{i}");
    builder.param(&format!("{name}_offset"), offset);
    format!("p.{name}_offset{}", axes.terms(builder, &name, i))
}

/// Binds the outputs; statements that compute them from `x0`, `x1`, .. and store them at index `i`.
fn store(builder: &mut Builder, program: &Pointwise, vector: bool) -> String {
    let mut text = String::new();
    let lanes: &[&str] = if vector { &[".x", ".y", ".z", ".w"] } else { &[""] };
    for (lane, suffix) in lanes.iter().enumerate() {
        let loads: Vec<String> = (0..program.inputs.len()).map(|i| format!("x{i}{suffix}")).collect();
        text += &format!("    let r{lane} = apply({});\n", loads.join(", "));
    }
    for (k, sink) in program.outputs.iter().enumerate() {
        let (name, operand) = (format!("out{k}"), Operand::Output(k));
        if vector {
            builder.read_write_vec4(&name, sink.dtype, operand);
            let ty = super::storage_type(sink.dtype).unwrap_or("u32");
            text += &format!("    {name}[i] = vec4<{ty}>(r0.y{k}, r1.y{k}, r2.y{k}, r3.y{k});\n");
        } else {
            builder.read_write(&name, sink.dtype, operand);
            text += &format!("    {name}[i] = r0.y{k};\n");
        }
    }
    text
}
