//! Matrix products.
//!
//! The product of each batch is `out[m, n] = Σ_k a[m, k]·b[k, n]`. Operands are strided views, so a transpose
//! costs nothing by itself; how an operand is *read* (vectors along k, along its own axis, or single elements)
//! is decided per operand and written into the accessors of the text.

mod operand;
mod split;

use anygrad_layout::{DType, Layout, Shape, collapse};
use smallvec::SmallVec;

use self::operand::{Matrix, Side};
pub(super) use self::split::{LONGEST, Split, sum_partials, zeros};
use super::{Builder, fold_groups, invalid, storage_type};
use crate::{Caps, DeviceError, Launch, Lowered, Operand};

/// The names `force` understands.
pub const VARIANTS: &[&str] = &["naive", "direct_split", "direct", "tiled_split", "tiled"];

const GROUP: u32 = 64; // threads of a workgroup of the naive kernel
const DIRECT_TILE: usize = 8; // rows and columns of a thread's tile
const DIRECT_GROUP: usize = 8; // threads of a workgroup: the vector width of a software adapter
const TILED_TILE: usize = 64; // rows and columns of a workgroup's tile

/// One row of the selection table; the first that fits is taken.
struct Variant {
    name: &'static str,
    fits: fn(&Product, &Caps) -> bool,
    lower: fn(&Product, &Caps) -> Result<Lowered, DeviceError>,
}

const TABLE: &[Variant] = &[
    // integers are rare and small: one kernel is enough
    Variant { name: "naive", fits: |product, _| product.dtype != DType::F32, lower: naive },
    // a long k and too few tiles to keep the adapter busy: weight gradients
    Variant {
        name: "direct_split",
        fits: |product, caps| caps.software && product.direct_split().splits > 1,
        lower: |product, caps| direct(product, product.direct_split(), "direct_split", caps),
    },
    // barriers are dear where a CPU runs the shaders
    Variant {
        name: "direct",
        fits: |_, caps| caps.software || !tiled_runs(caps),
        lower: |product, caps| direct(product, Split::least(product.k), "direct", caps),
    },
    Variant {
        name: "tiled_split",
        fits: |product, caps| tiled_runs(caps) && product.tiled_split().splits > 1,
        lower: |product, caps| tiled(product, product.tiled_split(), "tiled_split", caps),
    },
    Variant {
        name: "tiled",
        fits: |_, caps| tiled_runs(caps),
        lower: |product, caps| tiled(product, Split::least(product.k), "tiled", caps),
    },
];

fn tiled_runs(caps: &Caps) -> bool {
    caps.max_threads >= 256 && caps.workgroup_bytes >= 2 * 272 * 16
}

/// The product of `a`: `[batch.., m, k]` and `b`: `[batch.., k, n]`, both of `dtype`; the output is a contiguous
/// `[batch.., m, n]`. The batch axes of both are equal (an operand shared by the batch has stride 0 there).
/// `k = 0` gives zeros. `f32` or, by the naive kernel only, `i32` and `u32` (wrapping). `force` names a row
/// of [`VARIANTS`]; a `*_split` that is forced splits the sum even where that does not pay.
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
    let product = Product::new(a, b, dtype)?;
    if product.outputs == 0 {
        return Ok(Lowered::default());
    }
    if product.k == 0 {
        return zeros("matmul", dtype, product.outputs, caps);
    }
    let variant = match force {
        None => TABLE.iter().find(|variant| (variant.fits)(&product, caps)),
        Some(name) => TABLE.iter().find(|variant| variant.name == name),
    };
    let variant = variant.ok_or_else(|| invalid("matmul", format!("no variant {force:?}")))?;
    let runs = match variant.name {
        "naive" => true,
        "tiled" | "tiled_split" => product.dtype == DType::F32 && tiled_runs(caps),
        _ => product.dtype == DType::F32,
    };
    if !runs {
        return Err(DeviceError::Unsupported {
            what: format!("matmul of {dtype}, variant {}", variant.name),
        });
    }
    (variant.lower)(&product, caps)
}

/// A product in the terms of the kernels.
struct Product {
    dtype: DType,
    batches: usize,
    batch_sizes: SmallVec<[usize; 6]>,
    m: usize,
    n: usize,
    k: usize,
    a: Matrix,
    b: Matrix,
    outputs: usize,
}

impl Product {
    fn new(a: &Layout, b: &Layout, dtype: DType) -> Result<Self, DeviceError> {
        let wrong = || invalid("matmul", format!("shapes {} and {} do not multiply", a.shape, b.shape));
        let (rank, other) = (a.rank(), b.rank());
        if rank < 2 || rank != other || a.strides.len() != rank || b.strides.len() != rank {
            return Err(wrong());
        }
        let (batch_a, batch_b) = (&a.shape[..rank - 2], &b.shape[..rank - 2]);
        let (m, k, n) = (a.shape[rank - 2], a.shape[rank - 1], b.shape[rank - 1]);
        if batch_a != batch_b || b.shape[rank - 2] != k {
            return Err(wrong());
        }
        storage_type(dtype)?;
        if dtype == DType::Bool {
            return Err(DeviceError::Unsupported { what: "matmul of bool".into() });
        }
        let batch = Shape::from(batch_a);
        let part = |x: &Layout| Layout {
            shape: batch.clone(),
            strides: x.strides[..rank - 2].into(),
            offset: x.offset,
        };
        let collapsed = collapse(&batch, &[&part(a), &part(b)]);
        let [strides_a, strides_b] = <[_; 2]>::try_from(collapsed.strides).map_err(|_| wrong())?;
        let outputs = Shape::from(&[batch.numel(), m, n]).checked_numel().unwrap_or(usize::MAX);
        for elements in [outputs, a.extent(), b.extent()] {
            within_words(elements, "matmul")?;
        }
        Ok(Self {
            dtype,
            batches: batch.numel(),
            batch_sizes: collapsed.sizes,
            m,
            n,
            k,
            a: Matrix::new(Side::A, (m, a.strides[rank - 2]), (k, a.strides[rank - 1]), strides_a, a.offset),
            b: Matrix::new(Side::B, (n, b.strides[rank - 1]), (k, b.strides[rank - 2]), strides_b, b.offset),
            outputs,
        })
    }

    fn tiles(&self, side: usize) -> usize {
        self.batches * self.m.div_ceil(side) * self.n.div_ceil(side)
    }

    // two cores of eight lanes want 16 tiles; a few times that evens out the load
    fn direct_split(&self) -> Split {
        Split::new(self.k, self.tiles(DIRECT_TILE), 64, 256)
    }

    // about as many workgroups as a large GPU has cores
    fn tiled_split(&self) -> Split {
        Split::new(self.k, self.tiles(TILED_TILE), 128, 256)
    }

    fn flops(&self) -> u64 {
        2 * self.outputs as u64 * self.k as u64
    }

    fn bytes(&self) -> u64 {
        4 * (self.outputs + self.a.elements() + self.b.elements()) as u64
    }

    fn positions(&self, builder: &mut Builder) {
        builder.strided("batch_a", &self.batch_sizes, &self.a.batch_strides, self.a.offset);
        builder.strided("batch_b", &self.batch_sizes, &self.b.batch_strides, self.b.offset);
    }

    /// Params of the kernels that work in tiles, and `store`; the output is the first pass of `split`.
    fn tiled_params(&self, builder: &mut Builder, side: usize, split: Split) -> Result<usize, DeviceError> {
        let tiles = self.tiles(side).saturating_mul(split.splits);
        within_words(self.outputs.saturating_mul(split.splits), "matmul")?;
        builder.param("tiles", tiles);
        divisor(builder, "tiles_m", self.m.div_ceil(side));
        divisor(builder, "tiles_n", self.n.div_ceil(side));
        divisor(builder, "batches", self.batches);
        builder.param("chunk", split.chunk);
        builder.param("m", self.m);
        builder.param("n", self.n);
        builder.param("k", self.k);
        let output = split.first_output(0);
        if self.n.is_multiple_of(4) {
            builder.read_write_vec4("out", self.dtype, output);
            builder.function(
                "fn store(at: u32, column: u32, value: vec4<f32>) {\n    if column < p.n { out[at / 4u] = value; }\n}",
            );
        } else {
            builder.read_write("out", self.dtype, output);
            builder.function(STORE_ELEMENTS);
        }
        Ok(tiles)
    }
}

const STORE_ELEMENTS: &str = "fn store(at: u32, column: u32, value: vec4<f32>) {
    if column < p.n { out[at] = value.x; }
    if column + 1u < p.n { out[at + 1u] = value.y; }
    if column + 2u < p.n { out[at + 2u] = value.z; }
    if column + 3u < p.n { out[at + 3u] = value.w; }
}";

/// The param `p.name` and `over_name(i)`, which divides by it.
pub(super) fn divisor(builder: &mut Builder, name: &str, size: usize) {
    let quotient = builder.divisor(name, size, "i");
    builder.function(format!("fn over_{name}(i: u32) -> u32 {{\n    return {quotient};\n}}"));
}

/// Whether a number of elements leaves every position, and one tile past it, inside 31 bits.
pub(super) fn within_words(elements: usize, family: &str) -> Result<(), DeviceError> {
    let limit = i32::MAX as u64 - 4096;
    if elements as u64 > limit {
        let bytes = (elements as u64).saturating_mul(4);
        return Err(DeviceError::TooLarge { bytes, limit: limit * 4, what: family.into() });
    }
    Ok(())
}

fn naive(product: &Product, caps: &Caps) -> Result<Lowered, DeviceError> {
    let split = Split::least(product.k);
    let count = product.outputs.saturating_mul(split.splits);
    within_words(count, "matmul")?;
    let mut builder = Builder::new("matmul", "naive");
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
    builder.read("a", product.dtype, Operand::Input(0));
    builder.read("b", product.dtype, Operand::Input(1));
    builder.read_write("out", product.dtype, split.first_output(0));
    product.positions(&mut builder);
    let grid = fold_groups(count.div_ceil(GROUP as usize), caps)?;
    let launch = builder.finish(anygrad_shaders::MATMUL_NAIVE, grid, product.flops(), product.bytes())?;
    finish_split(launch, split, product, caps)
}

fn direct(product: &Product, split: Split, name: &'static str, caps: &Caps) -> Result<Lowered, DeviceError> {
    let mut builder = Builder::new("matmul", name);
    builder.alias("Tile", "array<vec4<f32>, 16>");
    builder.alias("Fragment", "array<vec4<f32>, 8>");
    let tiles = product.tiled_params(&mut builder, DIRECT_TILE, split)?;
    product.a.fragments(&mut builder);
    product.b.fragments(&mut builder);
    product.positions(&mut builder);
    let grid = fold_groups(tiles.div_ceil(DIRECT_GROUP), caps)?;
    let launch = builder.finish(anygrad_shaders::MATMUL_DIRECT, grid, product.flops(), product.bytes())?;
    finish_split(launch, split, product, caps)
}

fn tiled(product: &Product, split: Split, name: &'static str, caps: &Caps) -> Result<Lowered, DeviceError> {
    let mut builder = Builder::new("matmul", name);
    builder.constant("A_ALONG_K", product.a.runs_along_k().into());
    builder.constant("B_ALONG_K", product.b.runs_along_k().into());
    let tiles = product.tiled_params(&mut builder, TILED_TILE, split)?;
    product.a.quads(&mut builder);
    product.b.quads(&mut builder);
    product.positions(&mut builder);
    let grid = fold_groups(tiles, caps)?;
    let launch = builder.finish(anygrad_shaders::MATMUL_TILED, grid, product.flops(), product.bytes())?;
    finish_split(launch, split, product, caps)
}

fn finish_split(first: Launch, split: Split, product: &Product, caps: &Caps) -> Result<Lowered, DeviceError> {
    let mut lowered = Lowered { launches: vec![first], scratch: Vec::new() };
    sum_partials(&mut lowered, "matmul", product.dtype, split, product.outputs, caps)?;
    Ok(lowered)
}
