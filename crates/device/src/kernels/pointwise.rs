//! Fused chains of elementwise ops in one kernel.

use anygrad_layout::Layout;
use anygrad_shaders::POINTWISE;

use super::address::Axes;
use super::loads::Loads;
use super::{Builder, Pointwise, fold_groups, invalid, storage_type};
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
    if Loads::fours_fit(std::slice::from_ref(&axes)) && force != Some("strided") {
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
    axes: Axes,
    four: bool,
    caps: &Caps,
) -> Result<Launch, DeviceError> {
    let mut builder = Builder::new(family, if four { "vec4" } else { "strided" });
    let mut loads = Loads::new(program, vec![axes], four);
    let count = loads.axes[0].count();
    builder.param("count", count);
    program.emit_apply(&mut builder)?;
    let mut text = loads.axes[0].coordinates(&mut builder, "i");
    text += &loads.emit(&mut builder)?;
    text += &loads.apply();
    for (k, sink) in program.outputs.iter().enumerate() {
        let (name, operand) = (format!("out{k}"), Operand::Output(k));
        if four {
            builder.read_write_vec4(&name, sink.dtype, operand);
            let ty = storage_type(sink.dtype)?;
            text += &format!("    {name}[i] = vec4<{ty}>(r0.y{k}, r1.y{k}, r2.y{k}, r3.y{k});\n");
        } else {
            builder.read_write(&name, sink.dtype, operand);
            text += &format!("    {name}[i] = r0.y{k};\n");
        }
    }
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
pub(super) fn schedule(count: usize, caps: &Caps) -> (u32, u32) {
    match caps.software {
        true if count >= 64 * 16 * 16 => (64, 16),
        true => (64, 1),
        false => (256.min(caps.max_threads.max(1)), 1),
    }
}
