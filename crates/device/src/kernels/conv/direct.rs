use anygrad_layout::DType;

use super::taps::Tile;
use super::{GROUP, Geometry, LONGEST, PACKED_WEIGHTS, Split, divisor, sum_partials, within_words};
use crate::kernels::{Builder, fold_groups};
use crate::{Caps, DeviceError, Launch, Lowered, Operand};

const THREADS: usize = 8; // threads of a workgroup: the vector width of a software adapter

/// Where the kernel reads the input: its own buffer, or a padded copy in scratch 1. Strides count elements.
struct Source {
    operand: Operand,
    offset: usize,
    outer: isize,
    channel: isize,
    z: isize,
    y: isize,
}

fn tile(geometry: &Geometry) -> Tile {
    let [_, _, width] = geometry.output;
    Tile::choose(geometry.group_outputs, width, geometry.kernel[2], geometry.stride[2], geometry.dilation[2])
}

/// Kernel rows of all channels: the terms the reduction is split over.
fn rows(geometry: &Geometry) -> usize {
    geometry.group_inputs * geometry.kernel[0] * geometry.kernel[1]
}

/// Loop turns of one kernel row.
fn turns(tile: &Tile) -> usize {
    tile.chunks + 1
}

/// Whether a kernel row is short enough for one thread.
pub(super) fn runs(geometry: &Geometry) -> bool {
    turns(&tile(geometry)) <= LONGEST
}

fn tiles(geometry: &Geometry, tile: &Tile) -> usize {
    let [z, y, x] = geometry.output;
    let channels = geometry.groups * geometry.group_outputs.div_ceil(tile.lanes);
    channels * geometry.batch * z * y * x.div_ceil(tile.run)
}

/// Whether a split brings enough tiles for the lanes of the adapter where there were too few.
pub(super) fn split_pays(geometry: &Geometry) -> bool {
    let tile = tile(geometry);
    split(geometry, &tile, true).splits > split(geometry, &tile, false).splits
}

fn split(geometry: &Geometry, tile: &Tile, wanted: bool) -> Split {
    let least = 64usize.div_ceil(geometry.kernel[2]);
    let wanted = if wanted { 128 } else { 0 };
    Split::bounded(rows(geometry), tiles(geometry, tile), wanted, least, turns(tile), 1)
}

pub(super) fn direct(geometry: &Geometry, caps: &Caps, may_split: bool) -> Result<Lowered, DeviceError> {
    let tile = tile(geometry);
    let split = split(geometry, &tile, may_split);
    within_words(geometry.outputs().saturating_mul(split.splits), "conv")?;
    let mut lowered = Lowered::default();
    pack_weights(geometry, &tile, caps, &mut lowered)?;
    let source = match unpadded(geometry, &tile) {
        Some(source) => source,
        None => pack_input(geometry, &tile, caps, &mut lowered)?,
    };
    let name = if may_split { "direct_split" } else { "direct" };
    let output = split.first_output(lowered.scratch.len());
    lowered.launches.push(main_pass(geometry, &tile, &source, split, name, output, caps)?);
    sum_partials(&mut lowered, "conv", DType::F32, split, geometry.outputs(), caps)?;
    Ok(lowered)
}

fn pack_weights(
    geometry: &Geometry,
    tile: &Tile,
    caps: &Caps,
    lowered: &mut Lowered,
) -> Result<(), DeviceError> {
    let channel_tiles = geometry.group_outputs.div_ceil(tile.lanes);
    let count = geometry.groups * channel_tiles * geometry.taps();
    within_words(count.saturating_mul(tile.lanes), "conv")?;
    let mut builder = Builder::new("conv", "pack_weight");
    builder.constant("GROUP", GROUP);
    builder.constant("LANES", tile.lanes as u32);
    builder.param("count", count);
    divisor(&mut builder, "taps", geometry.taps());
    divisor(&mut builder, "tiles", channel_tiles);
    geometry.weights(&mut builder);
    builder.read_write("out", DType::F32, PACKED_WEIGHTS);
    let bytes = 4 * count * tile.lanes;
    let grid = fold_groups(count.div_ceil(GROUP as usize), caps)?;
    let traffic = (bytes + 4 * geometry.channels() * geometry.taps()) as u64;
    lowered.launches.push(builder.finish(anygrad_shaders::CONV_PACK_WEIGHT, grid, 0, traffic)?);
    lowered.scratch.push(bytes);
    Ok(())
}

/// The input as it lies, if no window leaves it, rows are dense, and whole vectors stay inside its rows.
fn unpadded(geometry: &Geometry, tile: &Tile) -> Option<Source> {
    let Geometry { input, kernel, output, pad_lo, x, .. } = geometry;
    if geometry.spread != [1; 3] || (input[2] > 1 && x.axes[2] != 1) {
        return None;
    }
    let mut offset = x.offset as isize;
    for axis in 0..3 {
        // a negative pad crops: the view starts later
        let crop = usize::try_from(pad_lo[axis].checked_neg()?).ok()?;
        let reads = if axis == 2 {
            tile.row_reads(output[2], kernel[2])
        } else {
            (output[axis] - 1) * geometry.stride[axis] + (kernel[axis] - 1) * geometry.dilation[axis] + 1
        };
        if crop + reads > input[axis] {
            return None;
        }
        offset += crop as isize * x.axes[axis];
    }
    let strides = [x.outer, x.channel, x.axes[0], x.axes[1]];
    if tile.aligned && (offset % 4 != 0 || strides.iter().any(|stride| stride % 4 != 0)) {
        return None;
    }
    let offset = usize::try_from(offset).ok()?;
    Some(Source {
        operand: Operand::Input(0),
        offset,
        outer: x.outer,
        channel: x.channel,
        z: x.axes[0],
        y: x.axes[1],
    })
}

fn pack_input(
    geometry: &Geometry,
    tile: &Tile,
    caps: &Caps,
    lowered: &mut Lowered,
) -> Result<Source, DeviceError> {
    let reads = |axis: usize| {
        (geometry.output[axis] - 1) * geometry.stride[axis]
            + (geometry.kernel[axis] - 1) * geometry.dilation[axis]
            + 1
    };
    let (depth, height) = (reads(0), reads(1));
    let width = tile.row_reads(geometry.output[2], geometry.kernel[2]);
    let channels = geometry.groups * geometry.group_inputs;
    let elements = [channels, depth, height, width]
        .iter()
        .try_fold(geometry.batch, |product, size| product.checked_mul(*size))
        .unwrap_or(usize::MAX);
    within_words(elements, "conv")?;
    let mut builder = Builder::new("conv", "pack_input");
    builder.constant("GROUP", GROUP);
    builder.param("count", elements / 4);
    divisor(&mut builder, "quads", width / 4);
    divisor(&mut builder, "height", height);
    divisor(&mut builder, "rows", depth * height);
    divisor(&mut builder, "channels", channels);
    builder.signed_param("x_n", geometry.x.outer);
    builder.signed_param("x_c", geometry.x.channel);
    for axis in 0..3 {
        builder.signed_param(&format!("pad{axis}"), geometry.pad_lo[axis]);
    }
    geometry.gather(&mut builder, "origin", "base");
    builder.read_write_vec4("out", DType::F32, Operand::Scratch(1));
    let grid = fold_groups((elements / 4).div_ceil(GROUP as usize), caps)?;
    let bytes = 4 * (elements + geometry.batch * channels * geometry.input.iter().product::<usize>());
    lowered.launches.push(builder.finish(anygrad_shaders::CONV_PACK_INPUT, grid, 0, bytes as u64)?);
    lowered.scratch.push(4 * elements);
    let plane = (depth * height * width) as isize;
    Ok(Source {
        operand: Operand::Scratch(1),
        offset: 0,
        outer: plane * channels as isize,
        channel: plane,
        z: (height * width) as isize,
        y: width as isize,
    })
}

fn main_pass(
    geometry: &Geometry,
    tile: &Tile,
    source: &Source,
    split: Split,
    name: &'static str,
    output: Operand,
    caps: &Caps,
) -> Result<Launch, DeviceError> {
    let [depth, height, width] = geometry.output;
    let tiles = tiles(geometry, tile).saturating_mul(split.splits);
    let mut builder = Builder::new("conv", name);
    builder.constant("RUN", tile.run as u32);
    builder.constant("CHUNK", tile.chunk as u32);
    builder.constant("LAST", tile.last as u32);
    builder.constant("LANES", tile.lanes as u32);
    builder.constant("QUADS", tile.vectors() as u32);
    builder.alias("Tile", &tile.alias());
    let channel_tiles = geometry.group_outputs.div_ceil(tile.lanes);
    for (field, size) in [
        ("tiles_x", width.div_ceil(tile.run)),
        ("depth", depth),
        ("height", height),
        ("batch", geometry.batch),
        ("channel_tiles", channel_tiles),
        ("weights", channel_tiles * geometry.groups),
    ] {
        divisor(&mut builder, field, size);
    }
    for (field, value) in [
        ("tiles", tiles),
        ("width", width),
        ("positions", geometry.positions()),
        ("groups", geometry.groups),
        ("group_channels", geometry.group_outputs),
        ("rows", rows(geometry)),
        ("chunk", split.chunk),
        ("chunks", tile.chunks),
        ("kernel0", geometry.kernel[0]),
        ("kernel1", geometry.kernel[1]),
        ("kernel2", geometry.kernel[2]),
        ("stride2", geometry.stride[2]),
        ("dilation2", geometry.dilation[2]),
        ("x_offset", source.offset),
    ] {
        builder.param(field, value);
    }
    let step = |stride: isize, by: usize| stride.saturating_mul(by as isize);
    builder.signed_param("x_n", source.outer);
    builder.signed_param("x_c", source.channel);
    builder.signed_param("x_group", step(source.channel, geometry.group_inputs));
    builder.signed_param("x_z", step(source.z, geometry.stride[0]));
    builder.signed_param("x_y", step(source.y, geometry.stride[1]));
    builder.signed_param("x_tap_z", step(source.z, geometry.dilation[0]));
    builder.signed_param("x_tap_y", step(source.y, geometry.dilation[1]));
    if tile.aligned {
        builder.read_vec4("x", DType::F32, source.operand);
    } else {
        builder.read("x", DType::F32, source.operand);
    }
    if tile.lanes == 1 {
        builder.read("w", DType::F32, PACKED_WEIGHTS);
    } else {
        builder.read_vec4("w", DType::F32, PACKED_WEIGHTS);
    }
    if tile.stores_vectors(width) {
        builder.read_write_vec4("out", DType::F32, output);
    } else {
        builder.read_write("out", DType::F32, output);
    }
    builder.function(tile.taps("taps", tile.chunk));
    builder.function(tile.taps("last_taps", tile.last));
    builder.function(tile.store(width));
    let grid = fold_groups(tiles.div_ceil(THREADS), caps)?;
    builder.finish(anygrad_shaders::CONV_DIRECT, grid, geometry.flops(), geometry.bytes())
}
