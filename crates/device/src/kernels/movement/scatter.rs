//! The adjoint of gathering: adding elements up by index.

use anygrad_layout::{DType, Layout, Shape};
use anygrad_shaders::{SCATTER_CHAIN, SCATTER_LINK, SCATTER_SCAN};

use super::{check_index, check_positions, walk};
use crate::kernels::address::Axes;
use crate::kernels::{Builder, fold_groups, invalid, storage_type};
use crate::{Caps, DeviceError, Launch, Lowered, Operand};

/// The variants of [`scatter_add`], first match first:
///
/// | name | fits | why |
/// | --- | --- | --- |
/// | `linked` | the index is the same along the axes after `axis`, and a chain is cheaper than scanning | an embedding's gradient: equal indices are chained once, not searched for by each output |
/// | `scan` | always | each output scans the indices |
pub const VARIANTS: &[&str] = &["linked", "scan"];

const FAMILY: &str = "scatter_add";
const GROUP: u32 = 64;
/// Terms added in a row.
const BLOCK: u32 = 256;
/// Terms of a dispatch; the next one adds to the output. A thread loops over them, and Mesa's lavapipe ends all
/// loops of a thread after 65,535 rounds together.
const PIECE: usize = 1 << 14;

/// `out[.., j, ..] = Σ_i [index[.., i, ..] == j] · g[.., i, ..]` along `axis`, with `0 ≤ j < size`, of input 0
/// by input 1, which have one shape. An index out of range adds nothing. Terms are added in ascending order of
/// `i`, in blocks of 256, so the result does not depend on the device's scheduling.
///
/// # Errors
/// [`DeviceError::Validation`] for shapes that differ, an axis that does not exist, an index that is not an
/// integer, bool elements, or if `force` names no variant that fits; [`DeviceError::TooLarge`] from 2³¹ elements
/// on; [`DeviceError::Unsupported`] for `f64`.
#[allow(clippy::too_many_arguments)] // two views and their types, and what every family takes
pub fn scatter_add(
    g: &Layout,
    index: &Layout,
    index_dtype: DType,
    dtype: DType,
    axis: usize,
    size: usize,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    check_index(FAMILY, g, index, index_dtype, axis)?;
    if g.shape != index.shape {
        return Err(invalid(FAMILY, format!("index of shape {} for shape {}", index.shape, g.shape)));
    }
    if dtype == DType::Bool {
        return Err(invalid(FAMILY, "bool elements cannot be added"));
    }
    storage_type(dtype)?;
    let mut shape = g.shape.clone();
    shape[axis] = size;
    check_positions(FAMILY, &shape)?;
    if shape.numel() == 0 {
        return Ok(Lowered::default());
    }
    let length = g.shape[axis];
    let chains = length > 0 && (axis + 1..g.rank()).all(|a| index.strides[a] == 0 || index.shape[a] == 1);
    let piece = |start: usize| {
        let cut = |view: &Layout| view.slice(axis, start, PIECE.min(length - start), 1);
        let (g, index, shape) = (cut(g), cut(index), shape.clone());
        Scatter { g, index, index_dtype, dtype, axis, size, shape, adds: start > 0 }
    };
    let linked = match force {
        None => chains && piece(0).linked_is_cheaper(),
        Some("linked") if chains => true,
        Some("linked") => {
            return Err(invalid(FAMILY, "linked does not fit an index that varies after the axis"));
        }
        Some("scan") => false,
        Some(other) => return Err(invalid(FAMILY, format!("no variant {other}"))),
    };
    let mut lowered = Lowered::default();
    // without terms, one piece writes zeros
    for start in (0..length.max(1)).step_by(PIECE) {
        if linked {
            piece(start).linked(caps, &mut lowered)?;
        } else {
            lowered.launches.push(piece(start).scan(caps)?);
        }
    }
    Ok(lowered)
}

/// The terms of some dispatches.
struct Scatter {
    g: Layout,
    index: Layout,
    index_dtype: DType,
    dtype: DType,
    axis: usize,
    size: usize,
    /// Of the result.
    shape: Shape,
    /// Whether the output already holds the sum of earlier terms.
    adds: bool,
}

impl Scatter {
    fn length(&self) -> usize {
        self.g.shape[self.axis]
    }

    /// Elements before the axis and after it.
    fn around(&self) -> (usize, usize) {
        let product = |sizes: &[usize]| sizes.iter().product::<usize>();
        (product(&self.shape[..self.axis]), product(&self.shape[self.axis + 1..]))
    }

    /// A chain compares each term with the others, a scan each output with the terms. Three launches pay off
    /// only when there is something to save.
    fn linked_is_cheaper(&self) -> bool {
        let (_, right) = self.around();
        let outputs = self.size.saturating_mul(right);
        self.length() >= 32 && outputs >= self.length().saturating_mul(4)
    }

    fn scan(&self, caps: &Caps) -> Result<Launch, DeviceError> {
        let mut builder = Builder::new(FAMILY, "scan");
        builder.constant("BLOCK", BLOCK);
        builder.param("length", self.length());
        self.emit_place(&mut builder, true);
        builder.read("index", self.index_dtype, Operand::Input(1));
        builder.signed_param("index_step", self.index.strides[self.axis]);
        builder.function(
            "fn matches(here: Place, i: u32) -> bool {\n    \
             return bitcast<u32>(index[here.index + i * p.index_step]) == here.j;\n}",
        );
        let work = (self.shape.numel() as u64).saturating_mul(self.length() as u64);
        let indices = self.index.numel() as u64;
        self.finish(builder, SCATTER_SCAN, work, 4 * indices, caps)
    }

    /// Scratch 0 holds the head of each chain, scratch 1 for each term the next one.
    fn linked(&self, caps: &Caps, lowered: &mut Lowered) -> Result<(), DeviceError> {
        let (lines, _) = self.around();
        let heads = lines.saturating_mul(self.size);
        let terms = lines.saturating_mul(self.length());
        let mut builder = Builder::new(FAMILY, "linked");
        builder.constant("BLOCK", BLOCK);
        builder.constant("NONE", u32::MAX);
        self.emit_place(&mut builder, false);
        builder.param("length", self.length());
        builder.read("head", DType::U32, Operand::Scratch(0));
        builder.read("next", DType::U32, Operand::Scratch(1));
        builder.function(
            "fn first(here: Place) -> u32 {\n    return head[here.left * p.size + here.j];\n}\n\
             fn following(here: Place, i: u32) -> u32 {\n    return next[here.left * p.length + i];\n}",
        );
        let chain = self.finish(builder, SCATTER_CHAIN, self.g.numel() as u64, 8 * terms as u64, caps)?;
        lowered.launches.extend([fill_none(heads, caps)?, self.link(lines, terms, caps)?, chain]);
        if lowered.scratch.is_empty() {
            // the first piece is the longest
            lowered.scratch = vec![4 * heads, 4 * terms];
        }
        Ok(())
    }

    fn link(&self, lines: usize, terms: usize, caps: &Caps) -> Result<Launch, DeviceError> {
        let mut builder = Builder::new(FAMILY, "linked");
        builder.constant("GROUP", GROUP);
        builder.constant("NONE", u32::MAX);
        builder.param("count", terms);
        builder.param("length", self.length());
        builder.param("size", self.size);
        builder.signed_param("index_step", self.index.strides[self.axis]);
        builder.param("index_offset", self.index.offset);
        builder.read("index", self.index_dtype, Operand::Input(1));
        builder.read_write("head", DType::U32, Operand::Scratch(0));
        builder.read_write("next", DType::U32, Operand::Scratch(1));
        let before: Vec<usize> = (0..self.axis).collect();
        let left = self.index.permute(&before);
        let axes = Axes::new('l', &left.shape, &[&left]);
        let text = axes.coordinates(&mut builder, "line");
        let position = axes.terms(&mut builder, "index", 0);
        builder.function(format!(
            "fn index_at(line: u32, i: u32) -> u32 {{\n{text}    \
             return bitcast<u32>(index[p.index_offset{position} + i * p.index_step]);\n}}"
        ));
        let grid = fold_groups(terms.div_ceil(GROUP as usize), caps)?;
        let work = (lines as u64).saturating_mul((self.length() as u64).saturating_pow(2));
        builder.finish(SCATTER_LINK, grid, work, 12 * terms as u64)
    }

    /// `struct Place` and `fn place(slot) -> Place`: the coordinates of an output, and where its line starts in
    /// `g` and in the index. Then `fn term` and `fn store`.
    fn emit_place(&self, builder: &mut Builder, with_index: bool) {
        let part = |axes: std::ops::Range<usize>, letter: char| {
            let axes: Vec<usize> = axes.collect();
            let (g, index) = (self.g.permute(&axes), self.index.permute(&axes));
            Axes::new(letter, &g.shape, &[&g, &index])
        };
        let (left, right) = (part(0..self.axis, 'l'), part(self.axis + 1..self.g.rank(), 'r'));
        builder.param("count", self.shape.numel());
        builder.param("g_offset", self.g.offset);
        builder.signed_param("g_step", self.g.strides[self.axis]);
        let rest = builder.divisor("right", self.around().1, "slot");
        let line = builder.divisor("size", self.size, "rest");
        let mut text = format!(
            "    let rest = {rest};\n    let right = slot - rest * p.right;\n    let left = {line};\n    \
             let j = rest - left * p.size;\n"
        );
        text += &left.coordinates(builder, "left");
        text += &right.coordinates(builder, "right");
        let at = |builder: &mut Builder, name: &str, view: usize| {
            left.terms(builder, name, view) + &right.terms(builder, name, view)
        };
        let g = at(builder, "g", 0);
        let index = if with_index {
            builder.param("index_offset", self.index.offset);
            format!("p.index_offset{}", at(builder, "index", 1))
        } else {
            "0u".to_owned()
        };
        builder.read("g", self.dtype, Operand::Input(0));
        builder.function("struct Place {\n    left: u32,\n    j: u32,\n    g: u32,\n    index: u32,\n}");
        builder.function(format!(
            "fn place(slot: u32) -> Place {{\n{text}    return Place(left, j, p.g_offset{g}, {index});\n}}"
        ));
        builder.function("fn term(here: Place, i: u32) -> T {\n    return g[here.g + i * p.g_step];\n}");
    }

    fn finish(
        &self,
        mut builder: Builder,
        body: &str,
        flops: u64,
        bytes: u64,
        caps: &Caps,
    ) -> Result<Launch, DeviceError> {
        builder.alias("T", storage_type(self.dtype)?);
        builder.constant("GROUP", GROUP);
        builder.read_write("output", self.dtype, Operand::Output(0));
        let sum = if self.adds { "output[slot] + value" } else { "value" };
        builder.function(format!("fn store(slot: u32, value: T) {{\n    output[slot] = {sum};\n}}"));
        let count = self.shape.numel();
        let grid = fold_groups(count.div_ceil(GROUP as usize), caps)?;
        let moved = 4 * (count as u64).saturating_add(self.g.numel() as u64);
        builder.finish(body, grid, flops, bytes.saturating_add(moved))
    }
}

/// Ends every chain before it has begun.
fn fill_none(heads: usize, caps: &Caps) -> Result<Launch, DeviceError> {
    let mut builder = Builder::new(FAMILY, "linked");
    builder.param("count", heads);
    builder.read_write("head", DType::U32, Operand::Scratch(0));
    builder.function("fn evaluate(i: u32) {\n    head[i] = 0xffffffffu;\n}");
    walk(builder, heads, caps, 4 * heads as u64)
}
