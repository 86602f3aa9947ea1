//! What becomes of the values that a kernel has computed: they are stored, or go through a pointwise program first.

use anygrad_layout::{DType, Layout};

use super::address::Axes;
use super::loads::Loads;
use super::{Builder, Pointwise, storage_type};
use crate::{Access, DeviceError, Operand};

/// The text of `store(at, column, value)`: the four outputs of `dtype` from position `at` on, a row of which has
/// `columns`, which is `p.n`. The first is in `column`, those past the end of the row are dropped. With a `tail` the
/// outputs are those of that program.
pub(super) fn emit_store(
    builder: &mut Builder,
    tail: Option<&Pointwise>,
    dtype: DType,
    columns: usize,
    output: Operand,
) -> Result<(), DeviceError> {
    let fours = columns.is_multiple_of(4);
    match tail {
        Some(program) if fours && fits_fours(program) => {
            emit_tail(builder, program, true)?;
            builder.function(
                "fn store(at: u32, column: u32, value: vec4<f32>) {\n    if column < p.n { put(at / 4u, value); }\n}",
            );
        }
        None if fours => {
            builder.read_write_vec4("out", dtype, output);
            builder.function(
                "fn store(at: u32, column: u32, value: vec4<f32>) {\n    if column < p.n { out[at / 4u] = value; }\n}",
            );
        }
        _ => {
            emit_put(builder, tail, dtype, output)?;
            builder.function(STORE_ELEMENTS);
        }
    }
    Ok(())
}

/// Operations and bytes of a kernel that stores so many `outputs` through `tail`, from those without it.
pub(super) fn with_tail(tail: Option<&Pointwise>, outputs: usize, flops: u64, bytes: u64) -> (u64, u64) {
    let Some(tail) = tail else { return (flops, bytes) };
    // a kernel may compute a part of what the tail runs over
    let part = |of_all: u64| (of_all as f64 * outputs as f64 / tail.numel().max(1) as f64) as u64;
    let moved = part(tail.bytes_read().saturating_add(tail.bytes_written()));
    let plain = bytes.saturating_sub((outputs as u64).saturating_mul(4));
    (flops.saturating_add(part(tail.flops())), plain.saturating_add(moved))
}

const STORE_ELEMENTS: &str = "fn store(at: u32, column: u32, value: vec4<f32>) {
    if column < p.n { put(at, value.x); }
    if column + 1u < p.n { put(at + 1u, value.y); }
    if column + 2u < p.n { put(at + 2u, value.z); }
    if column + 3u < p.n { put(at + 3u, value.w); }
}";

/// The text of `put(i, value)`: the outputs of f32 at four times `i` and behind it, if they `lie_in_fours` and the tail
/// takes them so; else the one at `i`. Says which.
pub(super) fn emit_put_fours(
    builder: &mut Builder,
    tail: Option<&Pointwise>,
    lie_in_fours: bool,
    output: Operand,
) -> Result<bool, DeviceError> {
    let four = lie_in_fours && tail.is_none_or(fits_fours);
    match tail {
        Some(program) => emit_tail(builder, program, four)?,
        None if four => {
            builder.read_write_vec4("out", DType::F32, output);
            builder.function("fn put(i: u32, value: vec4<f32>) {\n    out[i] = value;\n}");
        }
        None => emit_put(builder, None, DType::F32, output)?,
    }
    Ok(four)
}

/// The text of `put(i, value)`: the output of `dtype` at position `i`.
pub(super) fn emit_put(
    builder: &mut Builder,
    tail: Option<&Pointwise>,
    dtype: DType,
    output: Operand,
) -> Result<(), DeviceError> {
    if let Some(program) = tail {
        return emit_tail(builder, program, false);
    }
    builder.read_write("out", dtype, output);
    let ty = storage_type(dtype)?;
    builder.function(format!("fn put(i: u32, value: {ty}) {{\n    out[i] = value;\n}}"));
    Ok(())
}

fn axes(program: &Pointwise) -> Axes {
    let layouts: Vec<&Layout> = program.inputs.iter().map(|source| &source.layout).collect();
    Axes::new('i', &program.shape, &layouts)
}

fn fits_fours(program: &Pointwise) -> bool {
    Loads::fours_fit(std::slice::from_ref(&axes(program)))
}

/// `put(i, value)` by way of the program, for an element, or for the four at four times `i`.
fn emit_tail(builder: &mut Builder, program: &Pointwise, four: bool) -> Result<(), DeviceError> {
    let mut loads = Loads::new(program, vec![axes(program)], four);
    program.emit_apply(builder, "")?;
    let mut text = loads.axes[0].coordinates(builder, "i");
    text += &loads.emit(builder)?;
    text += &loads.apply();
    for (k, sink) in program.outputs.iter().enumerate() {
        let (name, output) = (format!("out{k}"), Operand::Output(k));
        match (sink.dtype, four) {
            (DType::F16, true) => {
                builder.halves(&name, output, Access::ReadWrite, true);
                text += &format!(
                    "    {name}[i] = vec2<u32>(ag_two_halves(r0.y{k}, r1.y{k}), ag_two_halves(r2.y{k}, r3.y{k}));\n"
                );
            }
            // two of them share a word, and may be two threads'
            (DType::F16, false) => {
                return Err(DeviceError::Unsupported { what: "a tail with single outputs of f16".into() });
            }
            (dtype, true) => {
                builder.read_write_vec4(&name, dtype, output);
                let ty = storage_type(dtype)?;
                text += &format!("    {name}[i] = vec4<{ty}>(r0.y{k}, r1.y{k}, r2.y{k}, r3.y{k});\n");
            }
            (dtype, false) => {
                builder.read_write(&name, dtype, output);
                text += &format!("    {name}[i] = r0.y{k};\n");
            }
        }
    }
    let ty = if four { "vec4<f32>" } else { "f32" };
    builder.function(format!("fn put(i: u32, computed: {ty}) {{\n{text}}}"));
    Ok(())
}
