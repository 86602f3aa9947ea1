//! Pooling windows.
//!
//! Inputs are views `[.., *spatial]`: the last one to three axes are spatial, every combination of the others is
//! a plane by itself. Maximum pooling is [`max_index`] and then [`window_gather`]; its gradient is
//! [`window_scatter`]. Average pooling is [`window_sum`] with [`window_sum_adjoint`]. Each op is one kernel with
//! one thread an output, the adjoints too: they ask which windows cover an element, so nothing is added atomically.

mod planes;

use anygrad_layout::{DType, Layout, Shape, Window};

use self::planes::Planes;
use super::matmul::{LONGEST, divisor, within_words, zeros};
use super::{Builder, fold_groups, invalid, storage_type};
use crate::{Caps, DeviceError, Lowered, Operand};

/// The names `force` understands.
pub const VARIANTS: &[&str] = &["thread"];

const FAMILY: &str = "window";
const VARIANT: &str = "thread";
const GROUP: u32 = 64; // threads of a workgroup
const UNROLLED: usize = 4; // taps along an axis that the text may unroll

/// The sum of the `f32` elements of `x`: `[.., *n]` in every window; the output is a contiguous `[.., *out]`.
///
/// # Errors
/// [`DeviceError::Validation`] if ranks or steps make no sense, [`DeviceError::Unsupported`] for a window of tens
/// of thousands of taps on a software adapter, [`DeviceError::TooLarge`] beyond 31-bit positions.
pub fn window_sum(
    x: &Layout,
    window: &Window,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    over_windows(x, window, caps, force, false)
}

/// The place in its plane (row-major over the spatial axes of `x`, `u32`) of the largest `f32` element of every
/// window: the first of equal ones, the first NaN before any number, never the padding. A window of padding only
/// gives `u32::MAX`, which [`window_gather`] reads as 0.
///
/// # Errors
/// As [`window_sum`].
pub fn max_index(
    x: &Layout,
    window: &Window,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    over_windows(x, window, caps, force, true)
}

fn over_windows(
    x: &Layout,
    window: &Window,
    caps: &Caps,
    force: Option<&str>,
    largest: bool,
) -> Result<Lowered, DeviceError> {
    check_call(window, caps, force)?;
    let input = Planes::new(x, window.rank)?;
    let sizes = output_sizes(window, input.sizes);
    let count = counted(input.count, sizes)?;
    if count == 0 {
        return Ok(Lowered::default());
    }
    if input.is_empty() {
        // padding only: sums of nothing, and no place
        return if largest { no_places(count, caps) } else { zeros(FAMILY, DType::F32, count, caps) };
    }
    let mut builder = start(count);
    divisor(&mut builder, "positions", sizes.iter().product());
    planes::unravel(&mut builder, "position", sizes);
    for axis in 0..3 {
        builder.param(&format!("stride{axis}"), window.stride[axis]);
        builder.param(&format!("pad{axis}"), window.pad_lo[axis]);
        builder.param(&format!("dilation{axis}"), window.dilation[axis]);
        builder.param(&format!("size{axis}"), input.sizes[axis]);
        // the loops over small windows unroll; a large one shares its text with others
        let kernel = if window.kernel[axis] <= UNROLLED {
            format!("{}u", window.kernel[axis])
        } else {
            builder.param(&format!("kernel{axis}"), window.kernel[axis]);
            format!("p.kernel{axis}")
        };
        builder.function(format!("fn kernel{axis}() -> u32 {{\n    return {kernel};\n}}"));
    }
    input.strides(&mut builder, "x");
    let taps = Shape::from(window.kernel).numel();
    let (dtype, body) = match largest {
        true => (DType::U32, anygrad_shaders::WINDOW_MAX_INDEX),
        false => (DType::F32, anygrad_shaders::WINDOW_SUM),
    };
    builder.read("x", dtype, Operand::Input(0));
    builder.read_write("out", dtype, Operand::Output(0));
    let words = x.numel().saturating_add(count);
    finish(builder, body, count, count.saturating_mul(taps), words, caps)
}

/// The adjoint of [`window_sum`] over inputs of the spatial sizes `in_spatial` (fewer than three axes on the last
/// entries): every element is the sum of `g`: `[.., *out]` over the windows that cover it. The output is a
/// contiguous `[.., *in_spatial]` of `window.rank` spatial axes.
///
/// # Errors
/// [`DeviceError::Validation`] also if `g` does not have the output sizes of the window.
pub fn window_sum_adjoint(
    g: &Layout,
    window: &Window,
    in_spatial: [usize; 3],
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    adjoint(g, None, window, in_spatial, caps, force)
}

/// The elements of every plane of `x`: `[.., *n]`, of any 32-bit `dtype`, at the places `index`: `[.., *out]`
/// (`u32`, as [`max_index`] gives them), `rank` spatial axes each; the output is a contiguous `[.., *out]`.
/// A place outside the plane reads 0.
///
/// # Errors
/// [`DeviceError::Validation`] if ranks or planes differ, [`DeviceError::Unsupported`] for `f64`.
pub fn window_gather(
    x: &Layout,
    index: &Layout,
    rank: usize,
    dtype: DType,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    check_force(force)?;
    let (input, places) = (Planes::new(x, rank)?, Planes::new(index, rank)?);
    same_planes(x, index, rank)?;
    let count = counted(places.count, places.sizes)?;
    if count == 0 {
        return Ok(Lowered::default());
    }
    if input.is_empty() {
        return zeros(FAMILY, dtype, count, caps);
    }
    let mut builder = start(count);
    builder.alias("T", storage_type(dtype)?);
    divisor(&mut builder, "positions", places.sizes.iter().product());
    builder.param("places", Shape::from(input.sizes).numel());
    planes::unravel(&mut builder, "place", input.sizes);
    input.strides(&mut builder, "x");
    planes::every(&mut builder, "index_at", index);
    builder.read("x", dtype, Operand::Input(0));
    builder.read("index", DType::U32, Operand::Input(1));
    builder.read_write("out", dtype, Operand::Output(0));
    finish(builder, anygrad_shaders::WINDOW_GATHER, count, 0, count.saturating_mul(3), caps)
}

/// The adjoint of [`window_gather`] with the places of [`max_index`]: an element of the output, a contiguous
/// `[.., *in_spatial]`, is the sum of `g`: `[.., *out]` over the windows that cover it and whose `index`:
/// `[.., *out]` is its place.
///
/// # Errors
/// As [`window_sum_adjoint`].
pub fn window_scatter(
    g: &Layout,
    index: &Layout,
    window: &Window,
    in_spatial: [usize; 3],
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    adjoint(g, Some(index), window, in_spatial, caps, force)
}

fn adjoint(
    g: &Layout,
    index: Option<&Layout>,
    window: &Window,
    in_spatial: [usize; 3],
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    check_call(window, caps, force)?;
    let outputs = Planes::new(g, window.rank)?;
    let leading = in_spatial.iter().take(3 - window.rank);
    if outputs.sizes != output_sizes(window, in_spatial) || leading.into_iter().any(|size| *size != 1) {
        let message = format!("{window:?} over {in_spatial:?} does not give {}", g.shape);
        return Err(invalid(FAMILY, message));
    }
    let count = counted(outputs.count, in_spatial)?;
    if count == 0 {
        return Ok(Lowered::default());
    }
    if outputs.is_empty() {
        return zeros(FAMILY, DType::F32, count, caps);
    }
    let mut builder = start(count);
    builder.constant("DILATED", u32::from(window.dilation != [1; 3]));
    divisor(&mut builder, "places", in_spatial.iter().product());
    planes::unravel(&mut builder, "place", in_spatial);
    let reach = [0, 1, 2].map(|axis| window.dilation[axis].saturating_mul(window.kernel[axis] - 1));
    // the common case, a window that moves by its own size, needs no loops
    let disjoint = (0..3).all(|axis| window.stride[axis] > reach[axis]);
    builder.constant("DISJOINT", disjoint.into());
    let mut covering = 1_usize;
    for (axis, reach) in reach.into_iter().enumerate() {
        covering = covering.saturating_mul((reach / window.stride[axis]).saturating_add(1));
        builder.param(&format!("pad{axis}"), window.pad_lo[axis]);
        builder.param(&format!("reach{axis}"), reach);
        builder.param(&format!("dilation{axis}"), window.dilation[axis]);
        builder.param(&format!("size{axis}"), outputs.sizes[axis]);
        divisor(&mut builder, &format!("stride{axis}"), window.stride[axis]);
    }
    outputs.strides(&mut builder, "g");
    builder.read("g", DType::F32, Operand::Input(0));
    let given = "g[base + at.x * p.g_s0 + at.y * p.g_s1 + at.z * p.g_s2]";
    if let Some(index) = index {
        same_planes(g, index, 0)?;
        Planes::new(index, window.rank)?.strides(&mut builder, "index");
        builder.read("index", DType::U32, Operand::Input(1));
        builder.function(format!(
            "fn given(plane: u32, base: u32, at: vec3<u32>, place: u32) -> f32 {{
    let chosen = index[plane_index(plane) + at.x * p.index_s0 + at.y * p.index_s1 + at.z * p.index_s2];
    return select(0.0, {given}, chosen == place);
}}"
        ));
    } else {
        builder.function(format!(
            "fn given(plane: u32, base: u32, at: vec3<u32>, place: u32) -> f32 {{\n    return {given};\n}}"
        ));
    }
    builder.read_write("out", DType::F32, Operand::Output(0));
    let read = g.numel().saturating_mul(1 + usize::from(index.is_some()));
    let moved = count.saturating_add(read);
    finish(builder, anygrad_shaders::WINDOW_ADJOINT, count, count.saturating_mul(covering), moved, caps)
}

fn start(count: usize) -> Builder {
    let mut builder = Builder::new(FAMILY, VARIANT);
    builder.constant("GROUP", GROUP);
    builder.param("count", count);
    builder
}

fn finish(
    builder: Builder,
    body: &str,
    count: usize,
    flops: usize,
    words: usize,
    caps: &Caps,
) -> Result<Lowered, DeviceError> {
    let grid = fold_groups(count.div_ceil(GROUP as usize), caps)?;
    let launch = builder.finish(body, grid, flops as u64, (words as u64).saturating_mul(4))?;
    Ok(Lowered { launches: vec![launch], scratch: Vec::new() })
}

/// The places of windows that hold nothing.
fn no_places(count: usize, caps: &Caps) -> Result<Lowered, DeviceError> {
    let mut builder = start(count);
    builder.read_write("out", DType::U32, Operand::Output(0));
    finish(builder, anygrad_shaders::WINDOW_NO_PLACE, count, 0, count, caps)
}

fn check_call(window: &Window, caps: &Caps, force: Option<&str>) -> Result<(), DeviceError> {
    check_force(force)?;
    let steps = window.stride.iter().chain(&window.dilation).chain(&window.kernel);
    if !(1..=3).contains(&window.rank) || steps.into_iter().any(|step| *step == 0) {
        return Err(invalid(FAMILY, format!("rank, kernel, stride or dilation makes no sense: {window:?}")));
    }
    // llvmpipe counts loop turns; see `LONGEST`. An adjoint turns at most `dilation` times for a tap.
    let turns = |axis: usize| window.kernel[axis].saturating_mul(window.dilation[axis]);
    let rows = turns(2).saturating_add(1).saturating_mul(turns(1));
    let planes = rows.saturating_add(1).saturating_mul(turns(0));
    if caps.software && planes > LONGEST {
        return Err(DeviceError::Unsupported {
            what: format!("a window of {:?} in software", window.kernel),
        });
    }
    Ok(())
}

fn check_force(force: Option<&str>) -> Result<(), DeviceError> {
    match force {
        None | Some(VARIANT) => Ok(()),
        Some(name) => Err(invalid(FAMILY, format!("no variant {name}"))),
    }
}

/// The axes in front of the last `rank` are the same; with rank 0, the whole shapes.
fn same_planes(a: &Layout, b: &Layout, rank: usize) -> Result<(), DeviceError> {
    let leading = |layout: &Layout| layout.shape.get(..layout.rank().saturating_sub(rank)).map(Shape::from);
    if a.rank() != b.rank() || leading(a) != leading(b) {
        return Err(invalid(FAMILY, format!("planes differ: {} and {}", a.shape, b.shape)));
    }
    Ok(())
}

fn output_sizes(window: &Window, input: [usize; 3]) -> [usize; 3] {
    [0, 1, 2].map(|axis| window.output_size(axis, input[axis]))
}

fn counted(planes: usize, sizes: [usize; 3]) -> Result<usize, DeviceError> {
    let [z, y, x] = sizes;
    let count = Shape::from(&[planes, z, y, x]).checked_numel().unwrap_or(usize::MAX);
    within_words(count, FAMILY)?;
    Ok(count)
}
