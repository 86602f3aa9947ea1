//! Padding with something else than zeros: a value, or what the tensor holds.

use anygrad_layout::DType;

use crate::Tensor;
use crate::pointwise::Operand;

/// What stands in front of the first and behind the last element of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PadMode {
    /// The elements mirrored at the first and the last, which are not repeated: `c b | a b c | b a`. At most `n − 1`
    /// on a side.
    Reflect,
    /// The elements mirrored at the edges: `b a | a b c | c b`. At most `n` on a side.
    Symmetric,
    /// The first and the last element: `a a | a b c | c c`. At least one element.
    Replicate,
    /// The other end: `b c | a b c | a b`. At most `n` on a side.
    Circular,
}

impl PadMode {
    /// Whether an axis of `size` can be padded by `pad` on a side, and the rule in words.
    fn limit(self, size: usize, pad: usize) -> Result<(), &'static str> {
        let (fits, rule) = match self {
            PadMode::Reflect => (pad < size || pad == 0, "less than the size"),
            PadMode::Symmetric | PadMode::Circular => (pad <= size, "at most the size"),
            PadMode::Replicate => (size > 0 || pad == 0, "nothing for an empty axis"),
        };
        if fits { Ok(()) } else { Err(rule) }
    }
}

impl Tensor {
    /// `value` around the elements, a number or a scalar tensor: for each axis, how many before and how many after.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::zeros([2], &Device::cpu()).pad_value(&[(1, 2)], 7.0);
    /// assert_eq!(t.to_vec::<f32>()?, [7.0, 0.0, 0.0, 7.0, 7.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn pad_value(&self, pads: &[(usize, usize)], value: impl Operand) -> Tensor {
        let value = value.like(self);
        if value.check().is_ok() && !value.shape().is_empty() {
            let message = format!("the value has shape {}, not that of a scalar", value.shape());
            return Tensor::wrong("pad_value", message, &[("input", self), ("value", &value)]);
        }
        if value.check().is_ok() && value.dtype() != self.dtype() {
            let message = format!("the value is {}, the input {}", value.dtype(), self.dtype());
            return Tensor::wrong("pad_value", message, &[("input", self), ("value", &value)]);
        }
        let padded = self.pad(pads);
        if padded.check().is_err() {
            return padded;
        }
        let mut inside: Option<Tensor> = None;
        for (axis, (&(lo, hi), &size)) in pads.iter().zip(self.shape().iter()).enumerate() {
            if lo == 0 && hi == 0 {
                continue;
            }
            let mut line = vec![1; padded.rank()];
            line[axis] = lo + size + hi;
            // before the start the difference wraps to a large number
            let from = Tensor::iota(lo + size + hi, self.device())
                - Tensor::number(lo as f64, DType::U32, self.device());
            let here = from.lt(Tensor::number(size as f64, DType::U32, self.device())).reshape(line);
            inside = Some(match inside {
                Some(inside) => inside.logical_and(here),
                None => here,
            });
        }
        match inside {
            Some(inside) => inside.select(padded, value),
            None => padded,
        }
    }

    /// The elements continued beyond the ends of each axis, as `mode` says: for each axis, how many before and how
    /// many after. Axes are padded one after another, so corners are continued from what was padded before.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor, PadMode};
    /// let t = Tensor::iota(4, &Device::cpu()).pad_mode(&[(2, 1)], PadMode::Reflect);
    /// assert_eq!(t.to_vec::<u32>()?, [2, 1, 0, 1, 2, 3, 2]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn pad_mode(&self, pads: &[(usize, usize)], mode: PadMode) -> Tensor {
        if pads.len() != self.rank() {
            let message = format!("{} pairs of pads for the axes of {}", pads.len(), self.shape());
            return Tensor::wrong("pad_mode", message, &[("input", self)]);
        }
        for (axis, (&(lo, hi), &size)) in pads.iter().zip(self.shape().iter()).enumerate() {
            if let Err(rule) = mode.limit(size, lo).and(mode.limit(size, hi)) {
                let message =
                    format!("{mode:?} by ({lo}, {hi}) on axis {axis} of {}: a pad is {rule}", self.shape());
                return Tensor::wrong("pad_mode", message, &[("input", self)]);
            }
        }
        let mut padded = self.clone();
        for (axis, &(lo, hi)) in pads.iter().enumerate() {
            padded = padded.continued(axis, lo, hi, mode);
        }
        padded
    }

    /// One axis, with pads that were checked.
    #[track_caller]
    fn continued(&self, axis: usize, lo: usize, hi: usize, mode: PadMode) -> Tensor {
        let size = self.size(axis as isize);
        let mut pieces = Vec::with_capacity(3);
        if lo > 0 {
            let start = match mode {
                PadMode::Reflect => 1,
                PadMode::Symmetric | PadMode::Replicate => 0,
                PadMode::Circular => size - lo,
            };
            pieces.push(self.edge(axis, start, lo, mode));
        }
        pieces.push(self.clone());
        if hi > 0 {
            let start = match mode {
                PadMode::Reflect => size - 1 - hi,
                PadMode::Symmetric => size - hi,
                PadMode::Replicate => size - 1,
                PadMode::Circular => 0,
            };
            pieces.push(self.edge(axis, start, hi, mode));
        }
        match &pieces[..] {
            [only] => only.clone(),
            pieces => Tensor::concat(&pieces.iter().collect::<Vec<_>>(), axis as isize),
        }
    }

    /// What stands beside an end: `pad` elements that follow from those at `start`.
    #[track_caller]
    fn edge(&self, axis: usize, start: usize, pad: usize, mode: PadMode) -> Tensor {
        match mode {
            PadMode::Reflect | PadMode::Symmetric => self.every(axis, start, pad, 1).flip(&[axis as isize]),
            PadMode::Circular => self.every(axis, start, pad, 1),
            PadMode::Replicate => {
                let mut shape = self.shape().clone();
                shape[axis] = pad;
                self.every(axis, start, 1, 1).expand(shape)
            }
        }
    }
}
