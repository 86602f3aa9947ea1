//! The order of the elements along an axis.

use anygrad_layout::{DType, Layout};
use anygrad_shaders::{SORT_BLOCK, SORT_MERGE};

use super::lines::Lines;
use super::{Builder, fold_groups, invalid, storage_type};
use crate::{Caps, DeviceError, Launch, Lowered, Operand};

/// The variants of this family: a merge sort from small blocks, which needs no barrier, no workgroup memory and no
/// power of two, and is stable by itself.
pub const VARIANTS: &[&str] = &["merge"];

const FAMILY: &str = "argsort";
const VARIANT: &str = "merge";
/// Threads of a workgroup.
const GROUP: u32 = 64;
/// Elements that are sorted by counting.
const BLOCK: usize = 64;

/// The order that sorts input 0 along `axis`: output 0 gets `u32` indices, dense, in its shape. Stable: equal
/// elements (0 and −0 are equal) keep their order, ascending or `descending`. NaN counts as larger than everything.
///
/// # Errors
/// [`DeviceError::Validation`] for an axis that does not exist; [`DeviceError::TooLarge`] from 2³¹ elements on;
/// [`DeviceError::Unsupported`] for `f64`.
pub fn argsort(
    x: &Layout,
    dtype: DType,
    axis: usize,
    descending: bool,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    if let Some(name) = force.filter(|name| !VARIANTS.contains(name)) {
        return Err(invalid(FAMILY, format!("no variant {name}")));
    }
    storage_type(dtype)?;
    let lines = Lines::new(FAMILY, &[x], axis)?;
    let mut lowered = Lowered::default();
    if lines.numel() == 0 {
        return Ok(lowered);
    }
    let sort = Sort { lines: &lines, dtype, descending };
    if lines.length <= BLOCK {
        lowered.launches.push(sort.block(None, caps)?);
        return Ok(lowered);
    }
    // keys and indices, in two places by turns
    lowered.scratch = vec![4 * lines.numel(); 4];
    lowered.launches.push(sort.block(Some(0), caps)?);
    let (mut from, mut width) = (0, BLOCK);
    while width < lines.length {
        let to = (width * 2 < lines.length).then_some(2 - from);
        lowered.launches.push(sort.merge(width, from, to, caps)?);
        (from, width) = (2 - from, width * 2);
    }
    Ok(lowered)
}

struct Sort<'a> {
    lines: &'a Lines,
    dtype: DType,
    descending: bool,
}

impl Sort<'_> {
    /// Sorts blocks. `to`: the scratch buffer for keys, before that for indices; `None` is the output.
    fn block(&self, to: Option<usize>, caps: &Caps) -> Result<Launch, DeviceError> {
        let mut builder = Builder::new(FAMILY, VARIANT);
        builder.constant("BLOCK", BLOCK as u32);
        self.lines.emit_place(&mut builder);
        builder.read("x", self.dtype, Operand::Input(0));
        builder.function(self.key());
        builder.function(
            "fn key_at(row: u32, i: u32) -> u32 {\n    return key_of(x[place(row).x0 + i * p.x0_step]);\n}",
        );
        self.emit_write(&mut builder, to);
        let work = (self.lines.numel() as u64).saturating_mul(BLOCK as u64);
        self.finish(builder, SORT_BLOCK, work, 4, caps)
    }

    /// Merges runs of `width` elements from scratch buffers `from` and `from + 1`.
    fn merge(
        &self,
        width: usize,
        from: usize,
        to: Option<usize>,
        caps: &Caps,
    ) -> Result<Launch, DeviceError> {
        let mut builder = Builder::new(FAMILY, VARIANT);
        builder.param("width", width);
        if to.is_none() {
            self.lines.emit_place(&mut builder);
        }
        builder.read("keys", DType::U32, Operand::Scratch(from));
        builder.read("indices", DType::U32, Operand::Scratch(from + 1));
        builder.function("fn key_at(row: u32, i: u32) -> u32 {\n    return keys[row * p.length + i];\n}");
        builder
            .function("fn index_at(row: u32, i: u32) -> u32 {\n    return indices[row * p.length + i];\n}");
        self.emit_write(&mut builder, to);
        let steps = u64::from(width.ilog2());
        self.finish(builder, SORT_MERGE, (self.lines.numel() as u64).saturating_mul(steps), 8, caps)
    }

    /// `fn key_of`: an unsigned number that sorts as the element does.
    fn key(&self) -> String {
        let key = match self.dtype {
            // −0 is 0; a sign turns all other bits round
            DType::F32 => {
                "    var bits = bitcast<u32>(x);\n    if ag_is_nan(x) {\n        return NAN_KEY;\n    }\n    \
                 if bits == 0x80000000u {\n        bits = 0u;\n    }\n    \
                 let key = select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);\n"
            }
            DType::I32 => "    let key = bitcast<u32>(x) ^ 0x80000000u;\n",
            _ => "    let key = x;\n",
        };
        let (nan, turned) = if self.descending { ("0u", "~key") } else { ("0xffffffffu", "key") };
        let element = if self.dtype == DType::Bool { "u32" } else { self.dtype.name() };
        format!("fn key_of(x: {element}) -> u32 {{\n{}    return {turned};\n}}", key.replace("NAN_KEY", nan))
    }

    /// `fn write`: the element that comes to place `i` of a line.
    fn emit_write(&self, builder: &mut Builder, to: Option<usize>) {
        let text = match to {
            Some(scratch) => {
                builder.read_write("keys_out", DType::U32, Operand::Scratch(scratch));
                builder.read_write("indices_out", DType::U32, Operand::Scratch(scratch + 1));
                "    keys_out[row * p.length + i] = key;\n    indices_out[row * p.length + i] = index;\n"
            }
            None => {
                builder.read_write("result", DType::U32, Operand::Output(0));
                "    result[place(row).out + i * p.right] = index;\n"
            }
        };
        builder.function(format!("fn write(row: u32, i: u32, key: u32, index: u32) {{\n{text}}}"));
    }

    fn finish(
        &self,
        mut builder: Builder,
        body: &str,
        flops: u64,
        read: u64,
        caps: &Caps,
    ) -> Result<Launch, DeviceError> {
        let count = self.lines.numel();
        builder.param("count", count);
        let row = builder.divisor("length", self.lines.length, "slot");
        builder.function(format!("fn slot_row(slot: u32) -> u32 {{\n    return {row};\n}}"));
        builder.constant("GROUP", GROUP);
        let grid = fold_groups(count.div_ceil(GROUP as usize), caps)?;
        builder.finish(body, grid, flops, (count as u64).saturating_mul(read + 8))
    }
}
