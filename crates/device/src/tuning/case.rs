use std::fmt;

use anygrad_layout::{Conv, DType, Layout};

use crate::kernels::{conv, matmul};
use crate::{Caps, DeviceError, Lowered};

/// Something in `f32` that more than one kernel computes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Case {
    /// [`matmul`](matmul::matmul) of two views.
    Matmul {
        /// `[batch.., m, k]`.
        a: Layout,
        /// `[batch.., k, n]`.
        b: Layout,
    },
    /// [`conv`](conv::conv) of two views, or [`conv_exchanged`](conv::conv_exchanged).
    Conv {
        /// `[N, C, *n]`.
        x: Layout,
        /// `[O, C / groups, *k]`.
        w: Layout,
        /// The geometry.
        conv: Conv,
        /// Whether samples and channels of the output are exchanged.
        exchanged: bool,
    },
}

impl Case {
    pub(crate) fn matmul(a: &Layout, b: &Layout) -> Self {
        Self::Matmul { a: aligned(a), b: aligned(b) }
    }

    pub(crate) fn conv(x: &Layout, w: &Layout, conv: &Conv, exchanged: bool) -> Self {
        Self::Conv { x: aligned(x), w: aligned(w), conv: conv.clone(), exchanged }
    }

    /// The kernels of the variant `force`, or of the one that is chosen.
    ///
    /// # Errors
    /// Those of the family.
    pub fn lower(&self, caps: &Caps, force: Option<&str>) -> Result<Lowered, DeviceError> {
        match self {
            Self::Matmul { a, b } => matmul::matmul(a, b, DType::F32, caps, force),
            Self::Conv { x, w, conv, exchanged: false } => conv::conv(x, w, conv, caps, force),
            Self::Conv { x, w, conv, exchanged: true } => conv::conv_exchanged(x, w, conv, caps, force),
        }
    }

    /// Names of the variants that may be worth measuring.
    pub(super) fn candidates(&self, caps: &Caps) -> Vec<String> {
        match self {
            Self::Matmul { a, b } => matmul::candidates(a, b, caps),
            // the plain one is there to compare with: on a large convolution it takes seconds
            Self::Conv { .. } => conv::VARIANTS
                .iter()
                .filter(|name| **name != Self::PLAIN)
                .map(|name| name.to_string())
                .collect(),
        }
    }

    /// The variant that all others are compared with.
    pub(super) const PLAIN: &'static str = "naive";

    /// Elements of the buffers that are read.
    pub(super) fn inputs(&self) -> [usize; 2] {
        match self {
            Self::Matmul { a, b } => [a.extent(), b.extent()],
            Self::Conv { x, w, .. } => [x.extent(), w.extent()],
        }
    }

    /// Elements of the output.
    pub(super) fn outputs(&self) -> usize {
        match self {
            Self::Matmul { a, b } => {
                let rows: usize = a.shape.iter().rev().skip(1).product();
                rows.saturating_mul(b.shape.last().copied().unwrap_or(1))
            }
            Self::Conv { x, w, conv, .. } => {
                let axis = |i: usize| {
                    let (n, k) = (x.shape.get(2 + i).copied(), w.shape.get(2 + i).copied());
                    conv.output_size(3 - conv.rank.min(3) + i, n.unwrap_or(1), k.unwrap_or(1))
                };
                let channels = x.shape.first().zip(w.shape.first()).map_or(0, |(n, o)| n.saturating_mul(*o));
                (0..conv.rank).map(axis).fold(channels, usize::saturating_mul)
            }
        }
    }

    /// Products that are added for an output.
    pub(super) fn terms(&self) -> usize {
        match self {
            Self::Matmul { a, .. } => a.shape.last().copied().unwrap_or(1),
            Self::Conv { w, .. } => w.shape.iter().skip(1).product(),
        }
    }
}

/// The same view from the start of its buffer, as far as kernels can tell: they care for the position modulo four, by
/// which they may load vectors, and a view may run backwards from where it starts.
fn aligned(layout: &Layout) -> Layout {
    let mut layout = layout.clone();
    if layout.strides.iter().all(|stride| *stride >= 0) {
        layout.offset %= 4;
    }
    layout
}

/// The text is the key in files, so it says all that the choice may depend on.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matmul { a, b } => write!(f, "matmul {} {}", View(a), View(b)),
            Self::Conv { x, w, conv, exchanged } => {
                let Conv { rank, stride, pad_lo, pad_hi, dilation, input_dilation, groups, flip } = conv;
                write!(
                    f,
                    "conv{rank}d {} {} stride {stride:?} pad {pad_lo:?} {pad_hi:?} dilation {dilation:?} \
                     input dilation {input_dilation:?} groups {groups}",
                    View(x),
                    View(w)
                )?;
                if *flip {
                    write!(f, " flipped")?;
                }
                if *exchanged {
                    write!(f, " exchanged")?;
                }
                Ok(())
            }
        }
    }
}

/// Sizes, and where they are not those of a dense array, strides and offset.
struct View<'a>(&'a Layout);

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, numbers: &mut dyn Iterator<Item = String>| {
            write!(f, "[{}]", numbers.collect::<Vec<_>>().join(","))
        };
        list(f, &mut self.0.shape.iter().map(ToString::to_string))?;
        if !self.0.is_contiguous() {
            list(f, &mut self.0.strides.iter().map(ToString::to_string))?;
            write!(f, "+{}", self.0.offset)?;
        }
        Ok(())
    }
}
