//! Matrix products.
//!
//! The product of each batch is `out[m, n] = Σ_k a[m, k]·b[k, n]`. Operands are strided views, so a transpose
//! costs nothing by itself; how an operand is *read* (vectors along k, along its own axis, or single elements)
//! is decided per operand and written into the accessors of the text.

mod lanes;
mod operand;
mod product;
mod split;
mod tiles;
mod vector;

use anygrad_layout::{DType, Layout};

use self::lanes::LaneTile;
use self::product::Product;
pub(super) use self::product::{divisor, within_words};
pub(super) use self::split::{LONGEST, Split, sum_partials_then, zeros};
use self::tiles::GroupTile;
use super::store::{emit_put, with_tail};
use super::{Builder, Pointwise, fold_groups, invalid, storage_type};
use crate::{Caps, Case, DeviceError, Lowered};

/// The names `force` understands.
pub const VARIANTS: &[&str] = &[
    "naive",
    "lanes_flat",
    "lanes_flat_split",
    "lanes_narrow",
    "lanes_narrow_split",
    "lanes",
    "lanes_split",
    "direct",
    "direct_split",
    "vector",
    "vector_split",
    "tiled_large",
    "tiled_large_split",
    "tiled_tall",
    "tiled_tall_split",
    "tiled_medium",
    "tiled_medium_split",
    "tiled_small",
    "tiled_small_split",
];

const GROUP: u32 = 64; // threads of a workgroup of the naive kernel
const DIRECT_TILE: (usize, usize) = (8, 8); // rows and columns of a thread's tile
const DIRECT_GROUP: usize = 8; // threads of a workgroup: the vector width of a software adapter

/// A way to compute products.
#[derive(Clone, Copy, Debug)]
enum Kernel {
    /// One thread an output.
    Naive,
    /// A thread's tile in registers.
    Direct,
    /// A subgroup's tile in registers.
    Lanes(LaneTile),
    /// A workgroup for some columns of one row.
    Vector,
    /// A workgroup's tile, through workgroup memory.
    Tiled(GroupTile),
}

/// One row of the selection table; the first that fits is taken.
struct Variant {
    /// Without and with a sum that is split.
    names: [&'static str; 2],
    kernel: Kernel,
    fits: fn(&Product, &Caps) -> bool,
}

const TABLE: &[Variant] = &[
    // integers are rare and small: one kernel is enough
    Variant {
        names: ["naive", "naive"],
        kernel: Kernel::Naive,
        fits: |product, _| product.dtype != DType::F32,
    },
    // Where a CPU runs the shaders, barriers are dear, and each thread of a subgroup loads after the other: the threads
    // hand on what they loaded. Half as many rows waste less on a few rows;
    Variant {
        names: ["lanes_flat", "lanes_flat_split"],
        kernel: Kernel::Lanes(LaneTile::FLAT),
        fits: |product, caps| caps.software && product.m <= 8,
    },
    // half as many columns on a few columns, and on products of less than a tile for each of four cores;
    Variant {
        names: ["lanes_narrow", "lanes_narrow_split"],
        kernel: Kernel::Lanes(LaneTile::NARROW),
        fits: |product, caps| {
            let few = product.tiles(LaneTile::WIDE.sides()) < 4;
            caps.software && (few || matches!(product.n, 0..=32 | 65..=96))
        },
    },
    Variant {
        names: ["lanes", "lanes_split"],
        kernel: Kernel::Lanes(LaneTile::WIDE),
        fits: |_, caps| caps.software,
    },
    // a software adapter with other subgroups, or one with too little workgroup memory
    Variant {
        names: ["direct", "direct_split"],
        kernel: Kernel::Direct,
        fits: |_, caps| caps.software || !GroupTile::SMALL.runs(caps),
    },
    // a tile would be empty but for a row
    Variant { names: ["vector", "vector_split"], kernel: Kernel::Vector, fits: |product, _| product.m == 1 },
    // The larger a tile, the less it reads for each multiplication; but there have to be workgroups for every core,
    // of which large GPUs have more than a hundred.
    Variant {
        names: ["tiled_large", "tiled_large_split"],
        kernel: Kernel::Tiled(GroupTile::LARGE),
        fits: |product, _| product.tiles(GroupTile::LARGE.sides()) >= 256,
    },
    Variant {
        names: ["tiled_tall", "tiled_tall_split"],
        kernel: Kernel::Tiled(GroupTile::TALL),
        fits: |product, _| product.tiles(GroupTile::TALL.sides()) >= 192,
    },
    // a long sum is split instead, if the outputs fill the tiles
    Variant {
        names: ["tiled_medium", "tiled_medium_split"],
        kernel: Kernel::Tiled(GroupTile::MEDIUM),
        fits: |product, _| {
            product.tiles(GroupTile::MEDIUM.sides()) >= 96
                || product.m.min(product.n) >= 48 && product.k >= 2048
        },
    },
    Variant {
        names: ["tiled_small", "tiled_small_split"],
        kernel: Kernel::Tiled(GroupTile::SMALL),
        fits: |_, _| true,
    },
];

impl Kernel {
    fn runs(self, product: &Product, caps: &Caps) -> bool {
        let float = product.dtype == DType::F32;
        match self {
            Kernel::Naive => true,
            Kernel::Direct => float,
            Kernel::Lanes(_) => float && LaneTile::runs(caps),
            // its workgroup needs less than any limit
            Kernel::Vector => float,
            Kernel::Tiled(tile) => float && tile.runs(caps),
        }
    }

    /// Rows and columns of a unit of work.
    fn sides(self, product: &Product) -> (usize, usize) {
        match self {
            Kernel::Naive => (1, 1),
            Kernel::Direct => DIRECT_TILE,
            Kernel::Lanes(tile) => tile.sides(),
            Kernel::Vector => vector::sides(&product.b),
            Kernel::Tiled(tile) => tile.sides(),
        }
    }

    /// How the sum is cut: into more chunks than it has to be only where there are too few tiles for an adapter, as
    /// with weight gradients.
    fn split(self, product: &Product) -> Split {
        let tiles = product.tiles(self.sides(product));
        match self {
            Kernel::Naive => Split::least(product.k),
            // two cores of eight lanes want 16 tiles; a few times that evens out the load
            Kernel::Direct => Split::new(product.k, tiles, 64, 256),
            Kernel::Lanes(_) => Split::new(product.k, tiles, 8, 256),
            // about as many workgroups as a large GPU has cores; short chunks cost more than they bring
            Kernel::Vector => Split::new(product.k, tiles, 256, 1024),
            Kernel::Tiled(_) => Split::new(product.k, tiles, 192, 512),
        }
    }

    fn lower(
        self,
        product: &Product,
        split: Split,
        names: [&'static str; 2],
        tail: Option<&Pointwise>,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        let mut builder = Builder::new("matmul", names[0]);
        let (body, groups) = match self {
            Kernel::Naive => (anygrad_shaders::MATMUL_NAIVE, naive(product, split, tail, &mut builder)?),
            _ => {
                let tiles = product.tiled_params(&mut builder, self.sides(product), split, tail)?;
                let (a, b) = (&product.a, &product.b);
                let body = match self {
                    Kernel::Naive | Kernel::Direct => {
                        builder.alias("Tile", "array<vec4<f32>, 16>");
                        builder.alias("Fragment", "array<vec4<f32>, 8>");
                        a.fragments(&mut builder);
                        b.fragments(&mut builder);
                        anygrad_shaders::MATMUL_DIRECT
                    }
                    Kernel::Lanes(tile) => {
                        tile.emit(&mut builder, a, b);
                        anygrad_shaders::MATMUL_LANES
                    }
                    Kernel::Vector => {
                        vector::emit(&mut builder, a, b);
                        anygrad_shaders::MATMUL_VECTOR
                    }
                    Kernel::Tiled(tile) => {
                        tile.emit(&mut builder, a, b);
                        anygrad_shaders::MATMUL_TILED
                    }
                };
                product.positions(&mut builder);
                (body, if matches!(self, Kernel::Direct) { tiles.div_ceil(DIRECT_GROUP) } else { tiles })
            }
        };
        let grid = fold_groups(groups, caps)?;
        let (flops, bytes) =
            with_tail(split.first_tail(tail), product.outputs, product.flops(), product.bytes());
        let mut launch = builder.finish(body, grid, flops, bytes)?;
        // the text is the same, and compiled once
        launch.variant = names[usize::from(split.splits > 1)];
        let mut lowered = Lowered { launches: vec![launch], scratch: Vec::new() };
        sum_partials_then(&mut lowered, "matmul", product.dtype, split, product.outputs, tail, caps)?;
        let bound = lowered.launches.iter().map(|launch| launch.bindings.len()).max();
        if bound.is_some_and(|bound| bound > caps.storage_buffers as usize) {
            return Err(DeviceError::Unsupported { what: "a product with so many buffers".into() });
        }
        Ok(lowered)
    }
}

/// The product of `a`: `[batch.., m, k]` and `b`: `[batch.., k, n]`, both of `dtype`; the output is a contiguous
/// `[batch.., m, n]`. The batch axes of both are equal (an operand shared by the batch has stride 0 there).
/// `k = 0` gives zeros. `f32` or, by the naive kernel only, `i32` and `u32` (wrapping). `force` names a row
/// of [`VARIANTS`]; a `*_split` that is forced cuts the sum into as short chunks as there can be, its partner does
/// not cut it if it can be helped, and `tiled_small/4` cuts it into about four.
///
/// # Errors
/// [`DeviceError::Validation`] if the shapes do not fit together or `force` is unknown,
/// [`DeviceError::Unsupported`] for other element types or a forced variant that does not run here,
/// [`DeviceError::TooLarge`] beyond 32-bit positions.
pub fn matmul(
    a: &Layout,
    b: &Layout,
    dtype: DType,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    select(a, b, dtype, None, caps, force)
}

/// As [`matmul`] of `f32`, and then the program `tail` over the outputs, which are read as its source of
/// [`SourceKind::Computed`](super::SourceKind::Computed): the outputs are those of the program. Its buffers are numbered
/// with those of the product, which are 0 and 1, and none of its outputs may overwrite these two.
///
/// # Errors
/// Those of [`matmul`]; [`DeviceError::Validation`] if the program does not fit the product,
/// [`DeviceError::Unsupported`] if the kernel would bind too many buffers, `k` is 0, or the program has outputs of
/// `f16` whose rows are no multiple of four.
pub fn matmul_then(
    a: &Layout,
    b: &Layout,
    tail: &Pointwise,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    select(a, b, DType::F32, Some(tail), caps, force)
}

fn select(
    a: &Layout,
    b: &Layout,
    dtype: DType,
    tail: Option<&Pointwise>,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    let product = Product::new(a, b, dtype)?;
    if let Some(tail) = tail {
        tail.check_tail(product.outputs, "matmul")?;
    }
    if product.outputs == 0 {
        return Ok(Lowered::default());
    }
    if product.k == 0 {
        return match tail {
            None => zeros("matmul", dtype, product.outputs, caps),
            Some(_) => Err(DeviceError::Unsupported { what: "a program over a product of nothing".into() }),
        };
    }
    let (variant, split) = match force {
        None => {
            let chosen = match dtype {
                DType::F32 => caps.choices.find(|| Case::matmul(a, b)),
                _ => None,
            };
            let chosen = chosen.and_then(|name| named(&name, &product));
            let runs = |(variant, _): &(&Variant, _)| variant.kernel.runs(&product, caps);
            chosen.filter(runs).or_else(|| by_table(&product, caps))
        }
        Some(name) => named(name, &product),
    }
    .ok_or_else(|| invalid("matmul", format!("no variant {force:?}")))?;
    if !variant.kernel.runs(&product, caps) {
        let what = format!("matmul of {dtype}, variant {}", variant.names[0]);
        return Err(DeviceError::Unsupported { what });
    }
    variant.kernel.lower(&product, split, variant.names, tail, caps)
}

/// The variant of a name, and how it cuts the sum.
fn named(name: &str, product: &Product) -> Option<(&'static Variant, Split)> {
    if let Some((name, chunks)) = name.split_once('/') {
        let variant = TABLE.iter().find(|variant| variant.names[0] == name)?;
        return Some((variant, Split::cut(product.k, chunks.parse().ok()?)));
    }
    let variant = TABLE.iter().find(|variant| variant.names.contains(&name))?;
    let cut = variant.names[0] != name;
    Some((variant, if cut { Split::most(product.k) } else { Split::least(product.k) }))
}

fn by_table(product: &Product, caps: &Caps) -> Option<(&'static Variant, Split)> {
    let variant =
        TABLE.iter().find(|variant| variant.kernel.runs(product, caps) && (variant.fits)(product, caps))?;
    Some((variant, variant.kernel.split(product)))
}

/// Names that may be worth measuring: each variant that runs, with the sum cut into fewer or more chunks, none shorter
/// than 64 terms.
pub(crate) fn candidates(a: &Layout, b: &Layout, caps: &Caps) -> Vec<String> {
    let Ok(product) = Product::new(a, b, DType::F32) else { return Vec::new() };
    let mut names = Vec::new();
    for variant in TABLE.iter().filter(|variant| variant.kernel.runs(&product, caps)) {
        match variant.kernel {
            // a workgroup for each row reads the other matrix again for each
            Kernel::Vector if product.m > 16 => continue,
            Kernel::Naive if product.flops() > 1_000_000 => continue,
            _ => {}
        }
        let usual = variant.kernel.split(&product).splits;
        let mut cuts = vec![1, 2, 4, 8, 16, 32, 64];
        cuts.retain(|cut| *cut == 1 || product.k / cut >= 64);
        if !cuts.contains(&usual) {
            cuts.push(usual);
        }
        names.extend(cuts.iter().map(|cut| format!("{}/{cut}", variant.names[0])));
    }
    names
}

/// What the naive kernel is given; the workgroups it takes.
fn naive(
    product: &Product,
    split: Split,
    tail: Option<&Pointwise>,
    builder: &mut Builder,
) -> Result<usize, DeviceError> {
    let count = product.outputs.saturating_mul(split.splits);
    within_words(count, "matmul")?;
    builder.constant("GROUP", GROUP);
    builder.alias("T", storage_type(product.dtype)?);
    builder.param("count", count);
    builder.param("batches", product.batches);
    builder.param("chunk", split.chunk);
    builder.param("m", product.m);
    builder.param("n", product.n);
    builder.param("k", product.k);
    builder.signed_param("a_row", product.a.outer_stride);
    builder.signed_param("a_k", product.a.k_stride);
    builder.signed_param("b_k", product.b.k_stride);
    builder.signed_param("b_col", product.b.outer_stride);
    builder.read("a", product.dtype, product.a.operand);
    builder.read("b", product.dtype, product.b.operand);
    emit_put(builder, split.first_tail(tail), product.dtype, split.first_output(0))?;
    product.positions(builder);
    Ok(count.div_ceil(GROUP as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_table() {
        let mut names: Vec<_> = TABLE.iter().flat_map(|variant| variant.names).collect();
        names.dedup();
        assert_eq!(names, VARIANTS);
    }
}
