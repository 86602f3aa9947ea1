use anygrad_layout::DType;

use super::taps::{Tile, WHOLE_ROW};
use super::{GROUP, Geometry, LONGEST, Split, divisor, sum_partials, within_words};
use crate::kernels::store::{emit_put_fours, with_tail};
use crate::kernels::{Builder, fold_groups};
use crate::{Caps, DeviceError, Launch, Lowered, Operand};

const THREADS: usize = 8; // threads of a workgroup: the vector width of a software adapter

/// Where the kernel reads the input: its own buffer, or a padded copy in scratch. Strides count elements.
#[derive(Debug)]
pub(super) struct Source {
    operand: Operand,
    offset: usize,
    outer: isize,
    channel: isize,
    z: isize,
    y: isize,
}

/// Kernel rows of all channels.
fn rows(geometry: &Geometry) -> usize {
    geometry.group_inputs * geometry.kernel[0] * geometry.kernel[1]
}

/// How many kernel rows one turn of the loop may take: those of a plane, or of several channels where each has one row.
/// What lives through a loop is dear, so a turn should have much to do.
fn rows_together(geometry: &Geometry) -> Vec<usize> {
    let [depth, height, width] = geometry.kernel;
    if width > WHOLE_ROW {
        return vec![1];
    }
    if depth * height == 1 {
        return [8, 4, 2, 1].into_iter().filter(|n| geometry.group_inputs.is_multiple_of(*n)).collect();
    }
    if (2..=WHOLE_ROW).contains(&height) { vec![height, 1] } else { vec![1] }
}

/// How the direct kernel runs: who loads the weights, and whether the reduction is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    name: &'static str,
    tile: Tile,
    split: Split,
}

/// Threads that share weights, if they can: those of a subgroup.
fn sharing(caps: &Caps) -> Option<usize> {
    (caps.subgroup_size > 1).then_some(caps.subgroup_size as usize)
}

impl Manner {
    /// Each thread loads the weights itself.
    pub(super) fn alone(geometry: &Geometry, may_split: bool) -> Option<Self> {
        Self::new(geometry, if may_split { "direct_split" } else { "direct" }, 1, may_split)
    }

    /// A subgroup shares the weights.
    pub(super) fn shared(geometry: &Geometry, caps: &Caps, may_split: bool) -> Option<Self> {
        let name = if may_split { "shared_split" } else { "shared" };
        // the threads of a workgroup are one subgroup, which holds for drivers that run shaders on the CPU
        sharing(caps).filter(|_| caps.software).and_then(|n| Self::new(geometry, name, n, may_split))
    }

    fn new(geometry: &Geometry, name: &'static str, sharing: usize, may_split: bool) -> Option<Self> {
        let (kernel, stride, dilation) = (geometry.kernel[2], geometry.stride[2], geometry.dilation[2]);
        let together = rows_together(geometry);
        let channels = geometry.group_outputs;
        let tile = Tile::choose(sharing, &together, channels, geometry.output[2], kernel, stride, dilation);
        let turns = tile.chunks + 1; // loop turns of the rows taken together
        // the terms the reduction is split over
        let rows = rows(geometry) / tile.rows;
        let least = 64usize.div_ceil(kernel.max(1));
        let wanted = if may_split { 128 } else { 0 };
        let mut manner = Self { name, tile, split: Split::bounded(rows, 1, 0, least, turns, 1) };
        manner.split = Split::bounded(rows, manner.tiles(geometry), wanted, least, turns, 1);
        // partial results are dense
        let runs = turns <= LONGEST && (manner.split.splits == 1 || !geometry.target.is_part);
        runs.then_some(manner)
    }

    pub(super) fn tile(&self) -> &Tile {
        &self.tile
    }

    /// Parts the sum is cut into.
    pub(super) fn splits(&self) -> usize {
        self.split.splits
    }

    fn channel_tiles(&self, geometry: &Geometry) -> usize {
        geometry.group_outputs.div_ceil(self.tile.lanes)
    }

    /// Tiles of the same weights.
    fn spots(&self, geometry: &Geometry) -> usize {
        let [z, y, x] = geometry.output;
        geometry.batch * z * y * x.div_ceil(self.tile.run)
    }

    /// The same, filled up to whole subgroups.
    fn places(&self, geometry: &Geometry) -> usize {
        self.spots(geometry).next_multiple_of(self.tile.sharing)
    }

    /// Threads without a split.
    fn tiles(&self, geometry: &Geometry) -> usize {
        geometry.groups * self.channel_tiles(geometry) * self.places(geometry)
    }

    /// Whether most threads of a subgroup have a tile.
    pub(super) fn fills_subgroups(&self, geometry: &Geometry) -> bool {
        2 * self.spots(geometry) > self.places(geometry)
    }
}

/// Appends the launches of a convolution.
pub(super) fn direct(
    geometry: &Geometry,
    manner: Manner,
    caps: &Caps,
    lowered: &mut Lowered,
) -> Result<(), DeviceError> {
    let source = match unpadded(geometry, &manner.tile) {
        Some(source) => source,
        None => pack_input(geometry, reads(geometry, &manner.tile), caps, lowered)?,
    };
    add(geometry, manner, &source, caps, lowered)
}

/// Appends the launches of a convolution whose input is at `source` already.
pub(super) fn add(
    geometry: &Geometry,
    manner: Manner,
    source: &Source,
    caps: &Caps,
    lowered: &mut Lowered,
) -> Result<(), DeviceError> {
    let split = manner.split;
    within_words(geometry.outputs().saturating_mul(split.splits), "conv")?;
    let weights = pack_weights(geometry, &manner, caps, lowered)?;
    let output = split.first_output(lowered.scratch.len());
    lowered.launches.push(main_pass(geometry, &manner, source, weights, output, caps)?);
    sum_partials(lowered, geometry, split, caps)
}

fn pack_weights(
    geometry: &Geometry,
    manner: &Manner,
    caps: &Caps,
    lowered: &mut Lowered,
) -> Result<Operand, DeviceError> {
    let tile = &manner.tile;
    let weights = Operand::Scratch(lowered.scratch.len());
    let slices = geometry.groups * manner.channel_tiles(geometry);
    let count = slices * geometry.taps();
    let numbers = tile.lanes / tile.vectors(); // in a vector, or 1
    let pitch = tile.row_pitch() * numbers;
    let rows = rows(geometry) / tile.rows;
    let packed = slices.saturating_mul(rows).saturating_mul(pitch);
    within_words(packed, "conv")?;
    // a kernel without taps has no weights, but a binding has a size
    lowered.scratch.push(4 * packed.max(4));
    if count == 0 {
        return Ok(weights);
    }
    let mut builder = Builder::new("conv", "pack_weight");
    builder.constant("GROUP", GROUP);
    builder.constant("LANES", tile.lanes as u32);
    builder.constant("CHUNK", (tile.rows * tile.chunk) as u32);
    builder.constant("PITCH", (tile.pitch(tile.chunk) * numbers) as u32);
    builder.param("count", count);
    builder.param("rows", rows);
    builder.param("row_pitch", pitch);
    divisor(&mut builder, "taps", geometry.taps());
    divisor(&mut builder, "tiles", manner.channel_tiles(geometry));
    divisor(&mut builder, "row_taps", tile.rows * geometry.kernel[2]);
    geometry.weights(&mut builder);
    if numbers == 4 {
        builder.read_write_vec4("out", DType::F32, weights);
    } else {
        builder.read_write("out", DType::F32, weights);
    }
    builder.function(tile.pack());
    let grid = fold_groups(count.div_ceil(GROUP as usize), caps)?;
    let traffic = 4 * (packed + geometry.channels() * geometry.taps()) as u64;
    lowered.launches.push(builder.finish(anygrad_shaders::CONV_PACK_WEIGHT, grid, 0, traffic)?);
    Ok(weights)
}

/// The input as it lies, if no window leaves it, rows are dense, and whole vectors stay inside its rows.
pub(super) fn unpadded(geometry: &Geometry, tile: &Tile) -> Option<Source> {
    let Geometry { input, pad_lo, x, .. } = geometry;
    let reads = reads(geometry, tile);
    if geometry.spread != [1; 3] || (input[2] > 1 && x.axes[2] != 1) {
        return None;
    }
    let mut offset = x.offset as isize;
    for axis in 0..3 {
        // a negative pad crops: the view starts later
        let crop = usize::try_from(pad_lo[axis].checked_neg()?).ok()?;
        if crop + reads[axis] > input[axis] {
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

/// How far windows reach into the padded input, along each axis.
pub(super) fn reads(geometry: &Geometry, tile: &Tile) -> [usize; 3] {
    let reach = |axis: usize| {
        (geometry.output[axis] - 1) * geometry.stride[axis]
            + (geometry.kernel[axis].max(1) - 1) * geometry.dilation[axis]
            + 1
    };
    [reach(0), reach(1), tile.row_reads(geometry.output[2], geometry.kernel[2].max(1))]
}

/// Writes the padded input to the next scratch buffer, `reads` long along each axis.
pub(super) fn pack_input(
    geometry: &Geometry,
    [depth, height, width]: [usize; 3],
    caps: &Caps,
    lowered: &mut Lowered,
) -> Result<Source, DeviceError> {
    let channels = geometry.groups * geometry.group_inputs;
    let elements = [channels, depth, height, width]
        .iter()
        .try_fold(geometry.batch, |product, size| product.checked_mul(*size))
        .unwrap_or(usize::MAX);
    within_words(elements, "conv")?;
    let packed = Operand::Scratch(lowered.scratch.len());
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
    builder.read_write_vec4("out", DType::F32, packed);
    let grid = fold_groups((elements / 4).div_ceil(GROUP as usize), caps)?;
    let bytes = 4 * (elements + geometry.batch * channels * geometry.input.iter().product::<usize>());
    lowered.launches.push(builder.finish(anygrad_shaders::CONV_PACK_INPUT, grid, 0, bytes as u64)?);
    lowered.scratch.push(4 * elements);
    let plane = (depth * height * width) as isize;
    Ok(Source {
        operand: packed,
        offset: 0,
        outer: plane * channels as isize,
        channel: plane,
        z: (height * width) as isize,
        y: width as isize,
    })
}

fn main_pass(
    geometry: &Geometry,
    manner: &Manner,
    source: &Source,
    weights: Operand,
    output: Operand,
    caps: &Caps,
) -> Result<Launch, DeviceError> {
    let Manner { name, tile, split } = manner;
    let [depth, height, width] = geometry.output;
    // the rows taken together are those of one channel, or of several channels of one row each
    let one_row = geometry.kernel[0] * geometry.kernel[1] == 1;
    let (channels, planes) = if one_row { (tile.rows, 1) } else { (1, tile.rows) };
    let turns_y = (geometry.kernel[1] / planes).max(1);
    let tiles = manner.tiles(geometry).saturating_mul(split.splits);
    let threads = if tile.sharing > 1 { tile.sharing } else { THREADS };
    let mut builder = Builder::new("conv", name);
    for (name, value) in [
        ("THREADS", threads),
        ("SHARING", tile.sharing),
        ("RUN", tile.run),
        ("CHUNK", tile.chunk),
        ("LAST", tile.last),
        ("LANES", tile.lanes),
        ("PITCH", tile.pitch(tile.chunk)),
        ("LAST_PITCH", tile.pitch(tile.last)),
    ] {
        builder.constant(name, value as u32);
    }
    builder.flag("WHOLE_ROWS", tile.chunks == 1 && tile.last == 0);
    builder.alias("Tile", &tile.alias());
    let channel_tiles = manner.channel_tiles(geometry);
    for (field, size) in [
        ("places", manner.places(geometry)),
        ("tiles_x", width.div_ceil(tile.run)),
        ("depth", depth),
        ("height", height),
        ("channel_tiles", channel_tiles),
        ("weights", channel_tiles * geometry.groups),
    ] {
        divisor(&mut builder, field, size);
    }
    for (field, value) in [
        ("splits", split.splits),
        ("spots", manner.spots(geometry)),
        ("width", width),
        ("group_channels", geometry.group_outputs),
        ("rows", rows(geometry) / tile.rows),
        ("row_pitch", tile.row_pitch()),
        ("chunk", split.chunk),
        ("chunks", tile.chunks),
        // a kernel without taps has no rows, but the shader divides by these
        ("kernel0", geometry.kernel[0].max(1)),
        ("kernel1", turns_y),
        ("stride2", geometry.stride[2]),
        ("dilation2", geometry.dilation[2]),
        ("x_offset", source.offset),
    ] {
        builder.param(field, value);
    }
    let step = |stride: isize, by: usize| stride.saturating_mul(by as isize);
    builder.signed_param("x_n", source.outer);
    builder.signed_param("x_c", step(source.channel, channels));
    builder.signed_param("x_group", step(source.channel, geometry.group_inputs));
    builder.signed_param("x_z", step(source.z, geometry.stride[0]));
    builder.signed_param("x_y", step(source.y, geometry.stride[1]));
    builder.signed_param("x_tap_z", step(source.z, geometry.dilation[0]));
    builder.signed_param("x_tap_y", step(source.y, geometry.dilation[1] * planes));
    let next = if channels > 1 { source.channel } else { step(source.y, geometry.dilation[1]) };
    builder.signed_param("x_row", next);
    if tile.aligned {
        builder.read_vec4("x", DType::F32, source.operand);
    } else {
        builder.read("x", DType::F32, source.operand);
    }
    if tile.lanes == 1 {
        builder.read("w", DType::F32, weights);
    } else {
        builder.read_vec4("w", DType::F32, weights);
    }
    geometry.outputs_at(&mut builder);
    let tail = split.first_tail(geometry.tail.as_deref());
    let vectors = geometry.target.takes_vectors() && tile.stores_vectors(width);
    let vectors = emit_put_fours(&mut builder, tail, vectors, output)?;
    builder.function(tile.taps("taps", tile.chunk));
    builder.function(tile.taps("last_taps", tile.last));
    builder.function(tile.store(width, vectors));
    let grid = fold_groups(tiles.div_ceil(threads), caps)?;
    let (flops, bytes) = with_tail(tail, geometry.outputs(), geometry.flops(), geometry.bytes());
    builder.finish(anygrad_shaders::CONV_DIRECT, grid, flops, bytes)
}
