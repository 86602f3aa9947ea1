use std::fmt;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DType {
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision; on the CPU only, where it is the reference others are checked against.
    F64,
    /// IEEE 754 half precision: 2 bytes in memory, 11 significant bits, at most 65504. Arithmetic is done in f32 and
    /// rounded to nearest even after each op.
    F16,
    /// Two's complement 32-bit integer; arithmetic wraps.
    I32,
    /// Unsigned 32-bit integer; arithmetic wraps.
    U32,
    /// Truth value, stored as a 32-bit word that is 0 or 1.
    Bool,
}

impl DType {
    /// Bytes one element takes in a buffer.
    pub const fn size(self) -> usize {
        match self {
            DType::F64 => 8,
            DType::F16 => 2,
            _ => 4,
        }
    }

    /// Whether this is a floating-point type.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64 | DType::F16)
    }

    /// Whether this is an integer type ([`DType::Bool`] is not).
    pub const fn is_int(self) -> bool {
        matches!(self, DType::I32 | DType::U32)
    }

    /// The name used in messages and in programs: `f32`, `bool` …
    pub const fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::F16 => "f16",
            DType::I32 => "i32",
            DType::U32 => "u32",
            DType::Bool => "bool",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
