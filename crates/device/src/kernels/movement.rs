//! Copies, fills, padding, concatenation, gathering and scattering: elements change places, not values.

mod concat;
mod fold;
mod gather;
mod last;
mod lines;
mod pad;
mod scatter;

use anygrad_layout::{DType, Layout, Shape};
use anygrad_shaders::POINTWISE;

pub use self::concat::concat;
pub use self::fold::fold;
pub use self::gather::gather;
pub use self::last::last_match;
pub use self::pad::{pad, pad_interior};
pub use self::scatter::{VARIANTS as SCATTER_VARIANTS, scatter_add};
use super::address::Axes;
use super::loads::Loads;
use super::{Builder, Pointwise, Sink, Source, SourceKind, fold_groups, invalid, pointwise, storage_type};
use crate::{Caps, DeviceError, Launch, Lowered, Operand};

/// Writes the elements of a view densely, in row-major order.
///
/// # Errors
/// Those of [`pointwise::pointwise`].
pub fn copy(input: &Layout, dtype: DType, caps: &Caps) -> Result<Lowered, DeviceError> {
    pointwise::lower("copy", &Pointwise::copy(input, stored(dtype)), caps, None)
}

/// Writes the run-time number 0 to all `n` elements of the output.
///
/// # Errors
/// Those of [`pointwise::pointwise`].
pub fn fill(n: usize, dtype: DType, caps: &Caps) -> Result<Lowered, DeviceError> {
    let program = Pointwise {
        shape: [n].into(),
        inputs: Vec::new(),
        numbers: vec![stored(dtype)],
        steps: Vec::new(),
        outputs: vec![Sink { value: 0, dtype: stored(dtype), in_place: None }],
    };
    pointwise::lower("fill", &program, caps, None)
}

/// Writes the elements of a view to the places that `into`, of the same shape, has in the output. The rest of
/// the output keeps what it held.
///
/// # Errors
/// [`DeviceError::Validation`] if the shapes differ or `into` shows an element twice by a stride of 0; those of
/// [`pointwise::pointwise`].
pub fn copy_into(input: &Layout, dtype: DType, into: &Layout, caps: &Caps) -> Result<Lowered, DeviceError> {
    let launch = copy_launch("copy_into", input, 0, dtype, into, caps)?;
    Ok(Lowered { launches: launch.into_iter().collect(), scratch: Vec::new() })
}

/// The type under which elements move: a bool is a word like any other.
fn stored(dtype: DType) -> DType {
    if dtype == DType::Bool { DType::U32 } else { dtype }
}

/// The dispatch that copies a view of input `index` into a view of the output; none if they are empty.
fn copy_launch(
    family: &'static str,
    input: &Layout,
    index: usize,
    dtype: DType,
    into: &Layout,
    caps: &Caps,
) -> Result<Option<Launch>, DeviceError> {
    if input.shape != into.shape {
        return Err(invalid(family, format!("shape {} into shape {}", input.shape, into.shape)));
    }
    if into.shape.iter().zip(&into.strides).any(|(n, stride)| *n > 1 && *stride == 0) {
        return Err(invalid(family, "the destination shows an element more than once"));
    }
    let program = move_to(input, index, stored(dtype), into);
    program.check(family)?;
    if program.numel() == 0 {
        return Ok(None);
    }
    let axes = Axes::new('i', &program.shape, &[input, into]);
    let four = keeps_fours(&axes, into);

    let mut builder = Builder::new(family, if four { "vec4" } else { "strided" });
    let mut loads = Loads::new(&program, vec![axes], four);
    let count = loads.axes[0].count();
    builder.param("count", count);
    program.emit_apply(&mut builder, "")?;
    let mut text = loads.axes[0].coordinates(&mut builder, "i");
    text += &loads.emit(&mut builder)?;
    text += &loads.apply();
    text += &store(&mut builder, stored(dtype), four)?;
    builder.function(format!("fn evaluate(i: u32) {{\n{text}}}"));
    let written = 4 * program.numel() as u64;
    let bytes = program.bytes_read().saturating_add(written);
    walk(builder, count, caps, bytes).map(Some)
}

/// What a view of input `index` holds at each position, and where `into` has that in the output.
fn move_to(input: &Layout, index: usize, dtype: DType, into: &Layout) -> Pointwise {
    Pointwise {
        shape: input.shape.clone(),
        inputs: vec![
            Source { kind: SourceKind::Buffer(index), dtype, layout: input.clone() },
            Source { kind: SourceKind::Iota, dtype: DType::U32, layout: into.clone() },
        ],
        numbers: Vec::new(),
        steps: Vec::new(),
        outputs: vec![
            Sink { value: 0, dtype, in_place: None },
            Sink { value: 1, dtype: DType::U32, in_place: None },
        ],
    }
}

/// Whether four aligned neighbours among the positions of `axes`, of an input and of `into`, stay aligned neighbours.
fn keeps_fours(axes: &Axes, into: &Layout) -> bool {
    let multiple = |s: &isize| *s % 4 == 0;
    let strides = axes.strides.get(1).and_then(|strides| strides.split_last());
    strides.is_some_and(|(last, rest)| *last == 1 && rest.iter().all(multiple))
        && into.offset.is_multiple_of(4)
        && Loads::fours_fit(std::slice::from_ref(axes))
}

/// Binds the output, and the statement that writes to it what was moved.
fn store(builder: &mut Builder, dtype: DType, four: bool) -> Result<String, DeviceError> {
    if !four {
        builder.read_write("out0", dtype, Operand::Output(0));
        return Ok("    out0[r0.y1] = r0.y0;\n".into());
    }
    let ty = storage_type(dtype)?;
    builder.read_write_vec4("out0", dtype, Operand::Output(0));
    Ok(format!("    out0[r0.y1 / 4u] = vec4<{ty}>(r0.y0, r1.y0, r2.y0, r3.y0);\n"))
}

/// Finishes a kernel that calls `evaluate` for `count` positions.
fn walk(mut builder: Builder, count: usize, caps: &Caps, bytes: u64) -> Result<Launch, DeviceError> {
    let (group, repeat) = pointwise::schedule(count, caps);
    builder.constant("GROUP", group);
    builder.constant("REPEAT", repeat);
    let grid = fold_groups(count.div_ceil((group * repeat) as usize), caps)?;
    builder.finish(POINTWISE, grid, 0, bytes)
}

/// What gather and scatter share: checks that `index` fits `data` but along `axis`, that it is a whole number,
/// and that positions fit 31 bits.
fn check_index(
    family: &'static str,
    data: &Layout,
    index: &Layout,
    index_dtype: DType,
    axis: usize,
) -> Result<(), DeviceError> {
    if !index_dtype.is_int() {
        return Err(invalid(family, format!("an index is u32 or i32, not {index_dtype}")));
    }
    if axis >= data.rank() {
        return Err(invalid(family, format!("axis {axis} of shape {} does not exist", data.shape)));
    }
    let differs = |i: usize| i != axis && data.shape[i] != index.shape[i];
    let whole = |view: &Layout| view.rank() == data.rank() && view.strides.len() == data.rank();
    if !whole(data) || !whole(index) || (0..data.rank()).any(differs) {
        return Err(invalid(family, format!("index of shape {} for shape {}", index.shape, data.shape)));
    }
    check_positions(family, &index.shape)
}

fn check_positions(family: &'static str, shape: &Shape) -> Result<(), DeviceError> {
    match shape.checked_numel() {
        Some(n) if n <= i32::MAX as usize => Ok(()),
        _ => Err(DeviceError::TooLarge {
            bytes: (shape.numel() as u64).saturating_mul(4),
            limit: 4 * i32::MAX as u64,
            what: format!("{family} over {shape}"),
        }),
    }
}
