//! Builds the text of a kernel together with its params and bindings.

use std::fmt::Write;
use std::sync::Arc;

use anygrad_layout::DType;
use anygrad_shaders::POINTWISE;

use super::math;
use crate::{Access, Caps, DeviceError, Launch, Lowered, Operand, Param};

/// Collects the prelude of a kernel: constants, aliases, the uniform block `p`, bindings and accessors. The
/// body that follows is an unedited file of `shaders/`, which reaches data only through what stands here.
///
/// The text depends on names and types and on nothing else, so two launches that differ in sizes share it.
/// A value that does not fit 32 bits makes [`Builder::finish`] fail.
#[derive(Debug)]
pub struct Builder {
    family: &'static str,
    variant: &'static str,
    declarations: String,
    bound: String,
    functions: String,
    fields: String,
    params: Vec<Param>,
    bindings: Vec<(Operand, Access)>,
    error: Option<DeviceError>,
}

impl Builder {
    /// Starts a kernel of a variant of a family.
    pub fn new(family: &'static str, variant: &'static str) -> Self {
        Self {
            family,
            variant,
            declarations: String::new(),
            bound: String::new(),
            functions: String::new(),
            fields: String::new(),
            params: Vec::new(),
            bindings: Vec::new(),
            error: None,
        }
    }

    /// `const name: u32 = value;` A constant is part of the text: only for what unrolls.
    pub fn constant(&mut self, name: &str, value: u32) {
        line(&mut self.declarations, format_args!("const {name}: u32 = {value}u;"));
    }

    /// `const name: bool = value;`
    pub fn flag(&mut self, name: &str, value: bool) {
        line(&mut self.declarations, format_args!("const {name}: bool = {value};"));
    }

    /// `alias name = wgsl_type;`
    pub fn alias(&mut self, name: &str, wgsl_type: &str) {
        line(&mut self.declarations, format_args!("alias {name} = {wgsl_type};"));
    }

    /// The uniform field `p.name: u32`.
    pub fn param(&mut self, name: &str, value: usize) {
        let word = u32::try_from(value).unwrap_or_else(|_| {
            self.fail(DeviceError::TooLarge {
                bytes: value as u64,
                limit: u64::from(u32::MAX),
                what: format!("{}: {name}", self.family),
            });
            0
        });
        self.field(name, "u32", Param::Word(word));
    }

    /// The uniform field `p.name: u32` of a number that may be negative: its two's complement, right for
    /// wrapping sums and products in `u32`, or through `bitcast<i32>`.
    pub fn signed_param(&mut self, name: &str, value: isize) {
        let word = i32::try_from(value).unwrap_or_else(|_| {
            self.fail(DeviceError::TooLarge {
                bytes: value.unsigned_abs() as u64,
                limit: i32::MAX as u64,
                what: format!("{}: {name}", self.family),
            });
            0
        });
        self.field(name, "u32", Param::Word(word as u32));
    }

    /// The uniform field `p.name` that holds the run-time number `index`; a bool is the `u32` 0 or 1, an f16 the
    /// f32 of its value.
    pub fn number(&mut self, name: &str, index: usize, dtype: DType) {
        let ty = if dtype == DType::F16 { "f32" } else { self.storage(dtype) };
        self.field(name, ty, Param::Number(index));
    }

    /// `var<storage, read> name: array<T>;` with `u32` for bool.
    pub fn read(&mut self, name: &str, dtype: DType, operand: Operand) {
        let ty = self.storage(dtype);
        self.binding(name, ty, operand, Access::Read);
    }

    /// `var<storage, read> name: array<vec4<T>>;`
    pub fn read_vec4(&mut self, name: &str, dtype: DType, operand: Operand) {
        let ty = format!("vec4<{}>", self.storage(dtype));
        self.binding(name, &ty, operand, Access::Read);
    }

    /// `var<storage, read_write> name: array<T>;`
    pub fn read_write(&mut self, name: &str, dtype: DType, operand: Operand) {
        let ty = self.storage(dtype);
        self.binding(name, ty, operand, Access::ReadWrite);
    }

    /// `var<storage, read_write> name: array<vec4<T>>;`
    pub fn read_write_vec4(&mut self, name: &str, dtype: DType, operand: Operand) {
        let ty = format!("vec4<{}>", self.storage(dtype));
        self.binding(name, &ty, operand, Access::ReadWrite);
    }

    /// `var<storage, read_write> name: array<atomic<u32>>;` for what does not depend on the order of threads, such as
    /// the largest of integers.
    pub fn read_write_atomic(&mut self, name: &str, operand: Operand) {
        self.binding(name, "atomic<u32>", operand, Access::ReadWrite);
    }

    /// `var<storage, read> name: array<u32>;`, each word two elements of f16; with `vec2<u32>` for `four` at a time.
    /// Elements are read through [`Builder::half_load`].
    pub fn halves(&mut self, name: &str, operand: Operand, access: Access, four: bool) {
        self.binding(name, if four { "vec2<u32>" } else { "u32" }, operand, access);
    }

    /// `fn name_at(i: u32) -> f32`: element `i` of halves; or `-> vec4<f32>` for elements 4i to 4i + 3.
    pub fn half_load(&mut self, name: &str, four: bool) {
        self.function(if four {
            format!(
                "fn {name}_at(i: u32) -> vec4<f32> {{\n    let w = {name}[i];\n    return vec4<f32>(ag_half(w.x), \
                 ag_half(w.x >> 16u), ag_half(w.y), ag_half(w.y >> 16u));\n}}"
            )
        } else {
            format!("fn {name}_at(i: u32) -> f32 {{\n    return ag_half({name}[i >> 1u] >> ((i & 1u) * 16u));\n}}")
        });
    }

    /// Adds generated declarations: accessor functions, structs, workgroup variables.
    pub fn function(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.functions.push_str(text.trim_end());
        self.functions.push('\n');
    }

    /// `fn name(i: u32) -> u32`: from the logical row-major index over `sizes`, below 2³¹, to the position of
    /// an element. Sizes, strides and offset are params, so the text depends on the rank only. Bring the axes
    /// to as few as possible first ([`anygrad_layout::collapse`]): each but the first costs a division.
    pub fn strided(&mut self, name: &str, sizes: &[usize], strides: &[isize], offset: usize) {
        self.param(&format!("{name}_offset"), offset);
        let mut body = String::new();
        for axis in (0..sizes.len()).rev() {
            let stride = format!("{name}_stride{axis}");
            self.signed_param(&stride, strides.get(axis).copied().unwrap_or(0));
            if axis > 0 {
                let size = format!("{name}_size{axis}");
                let quotient = self.divisor(&size, sizes[axis], "r");
                line(&mut body, format_args!("    let q{axis} = {quotient};"));
                line(&mut body, format_args!("    at += (r - q{axis} * p.{size}) * p.{stride};"));
                line(&mut body, format_args!("    r = q{axis};"));
            } else {
                line(&mut body, format_args!("    at += r * p.{stride};"));
            }
        }
        self.function(format!(
            "fn {name}(i: u32) -> u32 {{\n    var r = i;\n    var at = p.{name}_offset;\n{body}    return at;\n}}"
        ));
    }

    /// The param `p.name` with what it takes to divide by it without a division; returns the expression
    /// of `dividend / p.name`, for a dividend below 2³¹. A size of 0 counts as 1.
    pub fn divisor(&mut self, name: &str, size: usize, dividend: &str) -> String {
        self.param(name, size);
        // magic = ⌈2^(31+l) / d⌉ with l = ⌈log2 d⌉ fits 32 bits, and its error times i stays below 2^(31+l)
        // for i < 2³¹ (Granlund and Montgomery, Division by invariant integers using multiplication, 1994)
        let d = (size as u64).clamp(1, 1 << 31);
        let shift = d.next_power_of_two().trailing_zeros();
        let magic = (1u64 << (31 + shift)).div_ceil(d);
        self.param(&format!("{name}_magic"), magic as usize);
        self.param(&format!("{name}_shift"), shift as usize);
        format!("ag_divide({dividend}, p.{name}_magic, p.{name}_shift)")
    }

    /// The launch of this prelude before `body`, whose entry point is `main`. Functions of `shaders/math*.wgsl`
    /// that the text calls are added.
    ///
    /// # Errors
    /// [`DeviceError::TooLarge`] if a param did not fit 32 bits, [`DeviceError::Unsupported`] for a `f64`.
    pub fn finish(self, body: &str, grid: [u32; 3], flops: u64, bytes: u64) -> Result<Launch, DeviceError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut source = format!("// {} {}\n{}", self.family, self.variant, self.declarations);
        if !self.params.is_empty() {
            source.push_str("struct Params {\n");
            source.push_str(&self.fields);
            source.push_str("}\n@group(0) @binding(0) var<uniform> p: Params;\n");
        }
        for part in [&self.bound, &self.functions, body] {
            source.push_str(part);
        }
        math::append_called(&mut source);
        Ok(Launch {
            family: self.family,
            variant: self.variant,
            source: Arc::from(source),
            bindings: self.bindings,
            params: self.params,
            grid,
            flops,
            bytes,
        })
    }

    /// The launch that runs `evaluate(i)` once for each `i` from 0 to `count`, where the text has
    /// `fn evaluate(i: u32)`: one thread an element, which need not check `i`. None if `count` is 0.
    ///
    /// # Errors
    /// Those of [`Builder::finish`]; [`DeviceError::TooLarge`] for more elements than one dispatch reaches, or from
    /// 2³¹ on.
    pub fn for_each(
        mut self,
        count: usize,
        flops: u64,
        bytes: u64,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        if count == 0 {
            return Ok(Lowered::default());
        }
        if count > i32::MAX as usize {
            let what = format!("{}: elements", self.family);
            return Err(DeviceError::TooLarge { bytes: count as u64, limit: i32::MAX as u64, what });
        }
        self.param("count", count);
        let (group, repeat) = super::pointwise::schedule(count, caps);
        self.constant("GROUP", group);
        self.constant("REPEAT", repeat);
        let grid = fold_groups(count.div_ceil((group * repeat) as usize), caps)?;
        let launch = self.finish(POINTWISE, grid, flops, bytes)?;
        Ok(Lowered { launches: vec![launch], scratch: Vec::new() })
    }

    fn field(&mut self, name: &str, ty: &str, value: Param) {
        line(&mut self.fields, format_args!("    {name}: {ty},"));
        self.params.push(value);
    }

    fn binding(&mut self, name: &str, ty: &str, operand: Operand, access: Access) {
        self.bindings.push((operand, access));
        let mode = if access == Access::Read { "read" } else { "read_write" };
        let index = self.bindings.len();
        line(
            &mut self.bound,
            format_args!("@group(0) @binding({index}) var<storage, {mode}> {name}: array<{ty}>;"),
        );
    }

    fn storage(&mut self, dtype: DType) -> &'static str {
        storage_type(dtype).unwrap_or_else(|error| {
            self.fail(error);
            "u32"
        })
    }

    fn fail(&mut self, error: DeviceError) {
        self.error.get_or_insert(error);
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // writing to a String does not fail
    let _ = writeln!(text, "{content}");
}

/// The WGSL type an element has in a buffer: a bool is the `u32` 0 or 1.
///
/// # Errors
/// [`DeviceError::Unsupported`] for `f64`, which exists on the CPU only, and for `f16`, which has no type of its own:
/// two lie in a word, and pointwise kernels alone read and write them.
pub fn storage_type(dtype: DType) -> Result<&'static str, DeviceError> {
    match dtype {
        DType::F32 => Ok("f32"),
        DType::I32 => Ok("i32"),
        DType::U32 | DType::Bool => Ok("u32"),
        other => Err(DeviceError::Unsupported { what: format!("{other} tensors") }),
    }
}

/// The WGSL type of an element between load and store: f16 is computed as f32.
///
/// # Errors
/// [`DeviceError::Unsupported`] for `f64`.
pub(super) fn value_type(dtype: DType) -> Result<&'static str, DeviceError> {
    if dtype == DType::F16 { Ok("f32") } else { storage_type(dtype) }
}

/// Folds a 1-D number of workgroups into `[x, y, 1]` within `caps.max_groups`. The body recovers the linear
/// group index as `gid.y * num_workgroups.x + gid.x` and checks its bound, as there may be a few groups more.
///
/// # Errors
/// [`DeviceError::TooLarge`] beyond `max_groups²`.
pub fn fold_groups(groups: usize, caps: &Caps) -> Result<[u32; 3], DeviceError> {
    let most = caps.max_groups.max(1) as usize;
    if groups <= most {
        return Ok([groups.max(1) as u32, 1, 1]);
    }
    // as few rows as possible, and rows as even as possible, so that few groups are idle
    let rows = groups.div_ceil(most);
    if rows > most {
        return Err(DeviceError::TooLarge {
            bytes: groups as u64,
            limit: (most as u64).saturating_mul(most as u64),
            what: "workgroups of one dispatch".into(),
        });
    }
    Ok([groups.div_ceil(rows) as u32, rows as u32, 1])
}

/// A call with arguments that do not fit together.
pub(crate) fn invalid(family: &str, message: impl Into<String>) -> DeviceError {
    DeviceError::Validation { what: family.into(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_covers_every_group_and_stays_in_bounds() {
        let caps = Caps::portable();
        for groups in [0, 1, 65_535, 65_536, 100_003, 65_535 * 65_535] {
            let [x, y, z] = fold_groups(groups, &caps).unwrap();
            assert!((1..=65_535).contains(&x) && (1..=65_535).contains(&y) && z == 1);
            let covered = x as usize * y as usize;
            assert!(covered >= groups && covered < groups.max(1) + y as usize, "{groups}: {x} {y}");
        }
        assert!(matches!(fold_groups(65_535 * 65_535 + 1, &caps), Err(DeviceError::TooLarge { .. })));
    }

    #[test]
    fn what_does_not_fit_is_an_error_at_the_end() {
        let mut builder = Builder::new("test", "only");
        builder.param("n", 1usize << 33);
        assert!(matches!(builder.finish("", [1; 3], 0, 0), Err(DeviceError::TooLarge { .. })));
        let mut builder = Builder::new("test", "only");
        builder.read("x", DType::F64, Operand::Input(0));
        assert!(matches!(builder.finish("", [1; 3], 0, 0), Err(DeviceError::Unsupported { .. })));
    }
}
