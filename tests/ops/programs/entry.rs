//! What a step of a random program may be: one line an op, see `entries`.

use anygrad_graph::{DType, Tensor};

use crate::programs::attributes::Attributes;

/// What a step takes as an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Any tensor.
    Any,
    /// A float.
    Float,
    /// A float whose elements are the same in every precision, as those of leaves are: what jumps (a comparison, a
    /// position, a rounding) may depend on no others.
    Exact,
    /// A float, i32 or u32.
    Number,
    /// i32 or u32.
    Int,
    /// bool.
    Bool,
    /// Of the dtype of the first operand, broadcasting with it.
    Beside,
    /// Of the dtype of the first operand and exact if it is a float, broadcasting with it.
    ExactBeside,
    /// Of the dtype and shape of the first operand.
    Like,
    /// A float of any shape, of the first operand's dtype.
    Other,
}

/// What is known of an operand when it is chosen.
#[derive(Clone, Copy)]
pub struct Offer<'a> {
    pub tensor: &'a Tensor,
    pub exact: bool,
}

impl Takes {
    /// Whether it takes an operand, given the first.
    pub fn fits(self, offer: Offer<'_>, first: Option<&Tensor>) -> bool {
        let t = offer.tensor;
        let int = matches!(t.dtype(), DType::I32 | DType::U32);
        let same = first.is_none_or(|first| first.dtype() == t.dtype());
        let beside =
            || same && first.is_none_or(|f| anygrad_layout::broadcast(f.shape(), t.shape()).is_some());
        match self {
            Takes::Any => true,
            Takes::Float => t.dtype().is_float(),
            Takes::Exact => t.dtype().is_float() && offer.exact,
            Takes::Number => t.dtype().is_float() || int,
            Takes::Int => int,
            Takes::Bool => t.dtype() == DType::Bool,
            Takes::Beside => beside(),
            Takes::ExactBeside => beside() && offer.exact,
            Takes::Like => same && first.is_none_or(|f| f.shape() == t.shape()),
            Takes::Other => same && t.dtype().is_float(),
        }
    }
}

type Build = fn(&[Tensor], &mut Attributes) -> Option<Tensor>;

/// A kind of step.
pub struct Entry {
    pub name: &'static str,
    /// The names its operands have in `code`.
    pub operands: &'static [&'static str],
    pub takes: &'static [Takes],
    /// Whether it gives floats that are the same in every precision, from operands that are.
    pub exact: bool,
    /// Records it; `None` if it does not suit these operands. What it draws depends on the seed of the step and on
    /// shapes, so it is the same in every precision and on every device.
    pub build: Build,
    /// What `build` records, as text.
    pub code: &'static str,
}

/// Entries that are chosen together this often.
pub struct Family {
    pub weight: usize,
    pub entries: &'static [Entry],
}

/// Lists entries under a name, one a line:
///
/// ```text
/// LIST;
/// name(x: Takes, y: Takes) [attribute: drawn_by(arguments)] if condition => expression,
/// ```
///
/// `drawn_by` is a method of [`Attributes`]. `#[exact]` before an entry says that it gives the same floats in every
/// precision if its operands do: it moves, negates or compares elements, and rounds nothing.
macro_rules! entries {
    ($list:ident; $(
        $(#[$exact:ident])?
        $name:ident($($x:ident: $takes:ident),+)
        $([$($attribute:ident: $how:ident($($given:expr),*)),+ $(,)?])?
        $(if $guard:expr)?
        => $body:expr
    ),+ $(,)?) => {
        pub static $list: &[$crate::programs::entry::Entry] = &[$(
            $crate::programs::entry::Entry {
                name: stringify!($name),
                operands: &[$(stringify!($x)),+],
                takes: &[$($crate::programs::entry::Takes::$takes),+],
                exact: entries!(@exact $($exact)?),
                build: |operands, attributes| {
                    let [$($x),+] = operands else { return None };
                    $($(
                        let $attribute = attributes.$how($($given),*)?;
                        attributes.note(stringify!($attribute), &$attribute);
                    )+)?
                    $(if !$guard { return None; })?
                    let _ = &attributes;
                    Some($body)
                },
                code: stringify!($body),
            }
        ),+];
    };
    (@exact) => { false };
    (@exact exact) => { true };
}

pub(super) use entries;
