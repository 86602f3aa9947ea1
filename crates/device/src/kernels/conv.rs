//! Convolutions of one to three spatial axes.
//!
//! Seen as a product of matrices, `out[o, (n, position)] = Σ_k w[o, k]·x[k, (n, position)]`, where k runs over
//! the taps of all channels of the group. The weight gradient is the same op with the samples as the channel
//! axis: then few outputs have very long sums, which the `*_split` variants cut.

mod direct;
mod geometry;
mod phases;
mod product;
mod taps;

use std::sync::Arc;

use anygrad_layout::{Conv, DType, Layout};

use self::direct::Manner;
use self::geometry::Geometry;
use super::matmul::{LONGEST, Split, divisor, sum_partials_then, within_words, zeros};
use super::store::{emit_put, with_tail};
use super::{Builder, Pointwise, fold_groups, invalid};
use crate::{Caps, Case, DeviceError, Lowered};

/// The names `force` understands.
pub const VARIANTS: &[&str] = &[
    "product",
    "phased",
    "shared_split",
    "shared",
    "direct_split",
    "direct",
    "tiled_split",
    "tiled",
    "naive",
];

const GROUP: u32 = 64; // threads of a workgroup of the naive and the packing kernels
const TILED_TILE: usize = 64; // output channels and positions of a workgroup's tile

/// One row of the selection table; the first that fits is taken.
struct Variant {
    name: &'static str,
    runs: fn(&Geometry, &Caps) -> bool,
    pays: fn(&Geometry, &Caps) -> bool,
    lower: fn(&Geometry, &Caps) -> Result<Lowered, DeviceError>,
}

const TABLE: &[Variant] = &[
    // without a window there is nothing to gather: a matrix product reads vectors
    Variant {
        name: "product",
        runs: |geometry, _| geometry.product.is_some(),
        pays: |_, _| true,
        lower: product::product,
    },
    // input gradients of strided convolutions: no multiplication by the zeros between spread elements
    Variant { name: "phased", runs: phases::runs, pays: |_, caps| caps.software, lower: phases::phased },
    // a long sum and too few outputs to keep the adapter busy: weight gradients
    Variant {
        name: "shared_split",
        runs: |geometry, caps| Manner::shared(geometry, caps, true).is_some(),
        pays: |geometry, caps| split_pays(geometry, |may| Manner::shared(geometry, caps, may)),
        lower: |geometry, caps| manner(geometry, caps, Manner::shared(geometry, caps, true)),
    },
    // a load costs a CPU that runs the shaders as much as 16 multiply-adds, handing on what was loaded nearly nothing
    Variant {
        name: "shared",
        runs: |geometry, caps| Manner::shared(geometry, caps, false).is_some(),
        pays: |geometry, caps| {
            Manner::shared(geometry, caps, false).is_some_and(|manner| manner.fills_subgroups(geometry))
        },
        lower: |geometry, caps| manner(geometry, caps, Manner::shared(geometry, caps, false)),
    },
    // the same for drivers without subgroups, or where few threads of a subgroup had something to do
    Variant {
        name: "direct_split",
        runs: |geometry, _| Manner::alone(geometry, true).is_some(),
        pays: |geometry, caps| caps.software && split_pays(geometry, |may| Manner::alone(geometry, may)),
        lower: |geometry, caps| manner(geometry, caps, Manner::alone(geometry, true)),
    },
    // barriers are dear where a CPU runs the shaders
    Variant {
        name: "direct",
        runs: |geometry, _| Manner::alone(geometry, false).is_some(),
        pays: |_, caps| caps.software || !tiled_runs(caps),
        lower: |geometry, caps| manner(geometry, caps, Manner::alone(geometry, false)),
    },
    Variant {
        name: "tiled_split",
        runs: |_, caps| tiled_runs(caps),
        pays: |geometry, _| tiled_split(geometry).splits > 1,
        lower: |geometry, caps| tiled(geometry, caps, "tiled_split", tiled_split(geometry)),
    },
    Variant {
        name: "tiled",
        runs: |_, caps| tiled_runs(caps),
        pays: |_, _| true,
        lower: |geometry, caps| tiled(geometry, caps, "tiled", Split::least(geometry.taps())),
    },
    Variant { name: "naive", runs: |_, _| true, pays: |_, _| true, lower: naive },
];

/// Whether a split brings enough tiles for the lanes of the adapter where there were too few.
fn split_pays(geometry: &Geometry, manner: impl Fn(bool) -> Option<Manner>) -> bool {
    match (manner(true), manner(false)) {
        (Some(cut), Some(whole)) => cut.splits() > whole.splits() && cut.fills_subgroups(geometry),
        _ => false,
    }
}

fn manner(geometry: &Geometry, caps: &Caps, manner: Option<Manner>) -> Result<Lowered, DeviceError> {
    let what = || DeviceError::Unsupported { what: "a convolution with rows this long".into() };
    let mut lowered = Lowered::default();
    direct::direct(geometry, manner.ok_or_else(what)?, caps, &mut lowered)?;
    Ok(lowered)
}

fn tiled_runs(caps: &Caps) -> bool {
    caps.max_threads >= 256 && caps.workgroup_bytes >= 2 * 272 * 16
}

/// The convolution `conv` of `x`: `[N, C, *n]` with `w`: `[O, C / groups, *k]`, both `f32`, of one to three
/// spatial axes; the output is a contiguous `[N, O, *out]`, see [`Conv`] for the formula. Zeros where nothing
/// is read (no channels, an empty input). `force` names a row of [`VARIANTS`]; `product` runs only for windows
/// of one position, and windows that cover the whole input.
///
/// # Errors
/// [`DeviceError::Validation`] if shapes and geometry do not fit together or `force` is unknown,
/// [`DeviceError::Unsupported`] if a forced variant does not run here, [`DeviceError::TooLarge`] beyond 32-bit
/// positions.
pub fn conv(
    x: &Layout,
    w: &Layout,
    conv: &Conv,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    lower(&Geometry::new(x, w, conv, false)?, caps, force, || Case::conv(x, w, conv, false))
}

/// As [`conv()`], with samples and channels of the output exchanged: a contiguous `[O, N, *out]`. A weight gradient is a
/// convolution by the gradient in which samples and channels have changed places, and comes out so as the weights lie.
///
/// # Errors
/// As [`conv()`].
pub fn conv_exchanged(
    x: &Layout,
    w: &Layout,
    conv: &Conv,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    lower(&Geometry::new(x, w, conv, true)?, caps, force, || Case::conv(x, w, conv, true))
}

/// As [`conv()`], or [`conv_exchanged`], and then the program `tail` over the outputs; see
/// [`matmul_then`](super::matmul::matmul_then).
///
/// # Errors
/// Those of [`conv()`]; [`DeviceError::Validation`] if the program does not fit the output,
/// [`DeviceError::Unsupported`] if the kernel would bind too many buffers, nothing is read, or the program has outputs
/// of `f16` that are not written in fours.
pub fn conv_then(
    x: &Layout,
    w: &Layout,
    conv: &Conv,
    exchanged: bool,
    tail: &Pointwise,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    let mut geometry = Geometry::new(x, w, conv, exchanged)?;
    tail.check_tail(geometry.outputs(), "conv")?;
    geometry.tail = Some(Arc::new(tail.clone()));
    let lowered = lower(&geometry, caps, force, || Case::conv(x, w, conv, exchanged))?;
    let bound = lowered.launches.iter().map(|launch| launch.bindings.len()).max();
    match bound {
        Some(bound) if bound > caps.storage_buffers as usize => {
            Err(DeviceError::Unsupported { what: "a convolution with so many buffers".into() })
        }
        _ => Ok(lowered),
    }
}

/// The second pass of a sum that is split.
fn sum_partials(
    lowered: &mut Lowered,
    geometry: &Geometry,
    split: Split,
    caps: &Caps,
) -> Result<(), DeviceError> {
    let tail = geometry.tail.as_deref();
    sum_partials_then(lowered, "conv", DType::F32, split, geometry.outputs(), tail, caps)
}

fn lower(
    geometry: &Geometry,
    caps: &Caps,
    force: Option<&str>,
    case: impl FnOnce() -> Case,
) -> Result<Lowered, DeviceError> {
    if geometry.outputs() == 0 {
        return Ok(Lowered::default());
    }
    if geometry.reads_nothing() {
        return match geometry.tail {
            None => zeros("conv", DType::F32, geometry.outputs(), caps),
            Some(_) => {
                Err(DeviceError::Unsupported { what: "a program over a convolution of nothing".into() })
            }
        };
    }
    let variant = match force {
        None => {
            let chosen = caps.choices.find(case);
            let chosen = TABLE.iter().find(|v| Some(v.name) == chosen.as_deref() && (v.runs)(geometry, caps));
            chosen.or_else(|| TABLE.iter().find(|v| (v.runs)(geometry, caps) && (v.pays)(geometry, caps)))
        }
        Some(name) => TABLE.iter().find(|variant| variant.name == name),
    };
    let variant = variant.ok_or_else(|| invalid("conv", format!("no variant {force:?}")))?;
    if !(variant.runs)(geometry, caps) {
        return Err(DeviceError::Unsupported { what: format!("this convolution, variant {}", variant.name) });
    }
    (variant.lower)(geometry, caps)
}

// about as many workgroups as a large GPU has cores
fn tiled_split(geometry: &Geometry) -> Split {
    Split::new(geometry.taps(), tiled_tiles(geometry), 128, 256)
}

fn tiled_tiles(geometry: &Geometry) -> usize {
    let columns = geometry.batch * geometry.positions();
    geometry.groups * geometry.group_outputs.div_ceil(TILED_TILE) * columns.div_ceil(TILED_TILE)
}

fn naive(geometry: &Geometry, caps: &Caps) -> Result<Lowered, DeviceError> {
    let split = Split::least(geometry.taps());
    let count = geometry.outputs().saturating_mul(split.splits);
    within_words(count, "conv")?;
    let mut builder = Builder::new("conv", "naive");
    builder.constant("GROUP", GROUP);
    builder.param("count", count);
    builder.param("chunk", split.chunk);
    geometry.gathering(&mut builder);
    geometry.weights(&mut builder);
    geometry.outputs_at(&mut builder);
    let tail = split.first_tail(geometry.tail.as_deref());
    emit_put(&mut builder, tail, DType::F32, split.first_output(0))?;
    let (flops, bytes) = with_tail(tail, geometry.outputs(), geometry.flops(), geometry.bytes());
    let grid = fold_groups(count.div_ceil(GROUP as usize), caps)?;
    let launch = builder.finish(anygrad_shaders::CONV_NAIVE, grid, flops, bytes)?;
    let mut lowered = Lowered { launches: vec![launch], scratch: Vec::new() };
    sum_partials(&mut lowered, geometry, split, caps)?;
    Ok(lowered)
}

fn tiled(geometry: &Geometry, caps: &Caps, name: &'static str, split: Split) -> Result<Lowered, DeviceError> {
    within_words(geometry.outputs().saturating_mul(split.splits), "conv")?;
    let columns = geometry.batch * geometry.positions();
    let tiles = tiled_tiles(geometry).saturating_mul(split.splits);
    let mut builder = Builder::new("conv", name);
    builder.constant("A_ALONG_K", geometry.weights_run_along_taps().into());
    builder.param("tiles", tiles);
    divisor(&mut builder, "tiles_m", geometry.group_outputs.div_ceil(TILED_TILE));
    divisor(&mut builder, "tiles_n", columns.div_ceil(TILED_TILE));
    divisor(&mut builder, "groups", geometry.groups);
    builder.param("columns", columns);
    builder.param("chunk", split.chunk);
    geometry.gathering(&mut builder);
    geometry.weights(&mut builder);
    geometry.outputs_at(&mut builder);
    let tail = split.first_tail(geometry.tail.as_deref());
    emit_put(&mut builder, tail, DType::F32, split.first_output(0))?;
    let (flops, bytes) = with_tail(tail, geometry.outputs(), geometry.flops(), geometry.bytes());
    let grid = fold_groups(tiles, caps)?;
    let launch = builder.finish(anygrad_shaders::CONV_TILED, grid, flops, bytes)?;
    let mut lowered = Lowered { launches: vec![launch], scratch: Vec::new() };
    sum_partials(&mut lowered, geometry, split, caps)?;
    Ok(lowered)
}
