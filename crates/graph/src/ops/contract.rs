//! Products of other shapes than [`matmul`](Tensor::matmul): compositions of it and of elementwise products.

use std::panic::Location;

use anygrad_layout::Shape;

use super::axis_of;
use crate::{Tensor, einsum, scope};

impl Tensor {
    /// The product of two vectors, `Σ_i self[i]·other[i]`: `[n] · [n] → []`. 0 of no elements.
    #[track_caller]
    pub fn dot(&self, other: &Tensor) -> Tensor {
        if let Some(wrong) = self.not_vectors("dot", other) {
            return wrong;
        }
        if self.shape() != other.shape() {
            let message = format!("sizes differ: left {}, right {}", self.shape(), other.shape());
            return Tensor::wrong("dot", message, &[("left", self), ("right", other)]);
        }
        (self * other).sum(&[0])
    }

    /// Every product of an element of one vector with one of another, `out[i, j] = self[i]·other[j]`:
    /// `[m] × [n] → [m, n]`.
    #[track_caller]
    pub fn outer(&self, other: &Tensor) -> Tensor {
        match self.not_vectors("outer", other) {
            Some(wrong) => wrong,
            None => self.unsqueeze(1) * other,
        }
    }

    #[track_caller]
    fn not_vectors(&self, name: &'static str, other: &Tensor) -> Option<Tensor> {
        let both = [("left", self), ("right", other)];
        if self.check().is_err() || other.check().is_err() {
            return Some(Tensor::wrong(name, String::new(), &both));
        }
        if self.rank() == 1 && other.rank() == 1 {
            return None;
        }
        let message = format!("takes two vectors: left {}, right {}", self.shape(), other.shape());
        Some(Tensor::wrong(name, message, &both))
    }

    /// `self·weightᵀ + bias` on the last axis, as `torch.nn.functional.linear`: `[.., inputs]` with a weight
    /// `[outputs, inputs]` and a bias `[outputs]` becomes `[.., outputs]`.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let device = Device::cpu();
    /// let weight = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2], &device);
    /// let bias = Tensor::from_slice(&[0.5f32, 0.25], [2], &device);
    /// let y = Tensor::ones([1, 2], &device).linear(&weight, Some(&bias));
    /// assert_eq!(y.to_vec::<f32>()?, [3.5, 7.25]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn linear(&self, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let mut named = vec![("input", self), ("weight", weight)];
        named.extend(bias.map(|bias| ("bias", bias)));
        if named.iter().any(|(_, t)| t.check().is_err()) {
            return Tensor::wrong("linear", String::new(), &named);
        }
        let fits = weight.rank() == 2 && self.rank() > 0 && self.size(-1) == weight.size(1);
        if !fits {
            let message = format!(
                "takes [.., inputs] and a weight [outputs, inputs]: input {}, weight {}",
                self.shape(),
                weight.shape()
            );
            return Tensor::wrong("linear", message, &named);
        }
        if let Some(bias) = bias.filter(|bias| bias.shape()[..] != [weight.size(0)]) {
            let message = format!("the bias is {}, not [{}]", bias.shape(), weight.size(0));
            return Tensor::wrong("linear", message, &named);
        }
        let product = self.matmul(&weight.t());
        bias.map_or(product.clone(), |bias| product + bias)
    }

    /// `out[.., o] = Σ_ij self[.., i]·weight[o, i, j]·other[.., j] + bias[o]`, as `torch.nn.functional.bilinear`:
    /// inputs `[.., i]` and `[.., j]` with equal axes in front, and a weight `[outputs, i, j]`.
    #[track_caller]
    pub fn bilinear(&self, other: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let product = einsum("...i,oij,...j->...o", &[self, weight, other]);
        bias.map_or(product.clone(), |bias| product + bias)
    }

    /// The sum of products over some axes of each, as `torch.tensordot`: axis `axes[i]` goes with axis
    /// `other_axes[i]` of `other`, and has its size. The axes that are left follow each other, this tensor's first.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let device = Device::cpu();
    /// let (a, b) = (Tensor::ones([3, 4, 5], &device), Tensor::ones([4, 3, 2], &device));
    /// assert_eq!(a.tensordot(&b, &[1, 0], &[0, 1]).shape()[..], [5, 2]);
    /// ```
    #[track_caller]
    pub fn tensordot(&self, other: &Tensor, axes: &[isize], other_axes: &[isize]) -> Tensor {
        let both = [("left", self), ("right", other)];
        if self.check().is_err() || other.check().is_err() {
            return Tensor::wrong("tensordot", String::new(), &both);
        }
        let found = distinct(axes, self.rank()).and_then(|a| Ok((a, distinct(other_axes, other.rank())?)));
        let (left, right) = match found {
            Ok((left, right)) if left.len() == right.len() => (left, right),
            Ok((left, right)) => {
                let message = format!("{} axes of the left go with {} of the right", left.len(), right.len());
                return Tensor::wrong("tensordot", message, &both);
            }
            Err(message) => return Tensor::wrong("tensordot", message, &both),
        };
        if let Some((a, b)) = left.iter().zip(&right).find(|(a, b)| self.shape()[**a] != other.shape()[**b]) {
            let message =
                format!("axis {a} of {} does not go with axis {b} of {}", self.shape(), other.shape());
            return Tensor::wrong("tensordot", message, &both);
        }
        let rest = |rank: usize, used: &[usize]| (0..rank).filter(|a| !used.contains(a)).collect::<Vec<_>>();
        let (rows, columns) = (rest(self.rank(), &left), rest(other.rank(), &right));
        let sizes = |t: &Tensor, axes: &[usize]| axes.iter().map(|&a| t.shape()[a]).collect::<Shape>();
        let order = |parts: [&[usize]; 2]| parts.concat().iter().map(|&a| a as isize).collect::<Vec<_>>();
        let (m, k) = (sizes(self, &rows).numel(), sizes(self, &left).numel());
        let n = sizes(other, &columns).numel();
        let a = self.permute(&order([&rows, &left])).reshape([m, k]);
        let b = other.permute(&order([&right, &columns])).reshape([k, n]);
        let shape: Shape = sizes(self, &rows).iter().chain(sizes(other, &columns).iter()).copied().collect();
        a.matmul(&b).reshape(shape)
    }

    /// The Kronecker product: each element of this tensor times the whole of `other`, `[m, n] ⊗ [p, q] → [m·p, n·q]`,
    /// as `torch.kron` for any rank; the one of lower rank gets axes of size 1 in front.
    #[track_caller]
    pub fn kron(&self, other: &Tensor) -> Tensor {
        let both = [("left", self), ("right", other)];
        if self.check().is_err() || other.check().is_err() {
            return Tensor::wrong("kron", String::new(), &both);
        }
        let rank = self.rank().max(other.rank());
        let sizes = |t: &Tensor| [vec![1; rank - t.rank()], t.shape().to_vec()].concat();
        let (a, b) = (sizes(self), sizes(other));
        let shape: Option<Vec<usize>> = a.iter().zip(&b).map(|(x, y)| x.checked_mul(*y)).collect();
        let Some(shape) = shape else {
            let message = format!("the size overflows: left {}, right {}", self.shape(), other.shape());
            return Tensor::wrong("kron", message, &both);
        };
        let left: Shape = a.iter().flat_map(|&n| [n, 1]).collect();
        let right: Shape = b.iter().flat_map(|&n| [1, n]).collect();
        (self.reshape(left) * other.reshape(right)).reshape(shape)
    }

    /// The product of `power` copies of a square matrix, `[.., n, n]`; the identity for 0. A negative power takes
    /// the inverse, on the CPU device. By repeated squaring.
    #[track_caller]
    pub fn matrix_power(&self, power: i32) -> Tensor {
        let caller = Location::caller();
        if self.check().is_err() {
            return self.clone();
        }
        if self.rank() < 2 || self.size(-1) != self.size(-2) {
            let message = format!("takes square matrices, not {}", self.shape());
            return Tensor::wrong("matrix_power", message, &[("input", self)]);
        }
        scope::recorded_at(caller, || {
            let mut square = if power < 0 { self.inverse() } else { self.clone() };
            let (mut left, mut product) = (power.unsigned_abs(), None::<Tensor>);
            while left > 0 {
                if left & 1 == 1 {
                    product = Some(product.map_or(square.clone(), |product| product.matmul(&square)));
                }
                left >>= 1;
                if left > 0 {
                    square = square.matmul(&square);
                }
            }
            product.unwrap_or_else(|| super::linalg::identity(self).expand(self.shape()))
        })
    }
}

/// Axes in the order given, each once.
fn distinct(axes: &[isize], rank: usize) -> Result<Vec<usize>, String> {
    super::axes_of(axes, rank)?;
    axes.iter().map(|&axis| axis_of(axis, rank)).collect()
}
