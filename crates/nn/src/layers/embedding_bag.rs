use anygrad_graph::{Tensor, einsum};

use super::embedding::{Table, table_methods};
use crate::{Ctx, Init, Layer, ParamPath};

/// How the rows of a bag become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BagMode {
    /// Their sum.
    Sum,
    /// Their mean, PyTorch's default.
    #[default]
    Mean,
    /// The largest of each column.
    Max,
}

/// The sum, mean or maximum of the rows that each bag of indices names: [`Embedding`](crate::Embedding) and a reduction
/// over a sequence, `[N, L]` to `[N, size]`; `torch.nn.EmbeddingBag`. Bags of different lengths come as one line of
/// indices with the places where bags begin, in [`forward_with`](EmbeddingBag::forward_with).
///
/// Entries: `weight` `[rows, size]`, normal with mean 0 and deviation 1.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{BagMode, Ctx, EmbeddingBag, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let bag = EmbeddingBag::new(params.at("words"), 1000, 16).mode(BagMode::Sum).padding(0);
/// let sentences = Tensor::from_slice(&[4u32, 7, 0, 9, 9, 9], [2, 3], &device);
/// assert_eq!(bag.forward(&sentences, &mut Ctx::eval()).shape()[..], [2, 16]);
/// // two bags, of two words and of one
/// let line = Tensor::from_slice(&[4u32, 7, 9], [3], &device);
/// let y = bag.forward_with(&line, Some(&[0, 2]), None, &mut Ctx::eval());
/// assert_eq!(y.shape()[..], [2, 16]);
/// # y.check()?;
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Debug)]
pub struct EmbeddingBag {
    table: Table,
    mode: BagMode,
}

impl EmbeddingBag {
    /// `rows` rows, indices 0 to `rows − 1`, of `size` numbers, whose mean is taken.
    pub fn new(path: ParamPath, rows: usize, size: usize) -> Self {
        Self { table: Table::new(path, rows, size), mode: BagMode::Mean }
    }

    /// What is made of the rows of a bag.
    #[must_use]
    pub fn mode(mut self, mode: BagMode) -> Self {
        self.mode = mode;
        self
    }

    table_methods!();

    /// The bags of `index`: `[N, L]`, or `[T]` with `offsets`, the N places where bags begin, 0 the first; a bag ends
    /// where the next begins. An empty bag gives zeros, and so does one of padding alone. `weights`, of the shape of
    /// `index`, are factors of the rows, for sums.
    ///
    /// Bags are filled up to the longest: `N · longest · size` numbers.
    #[track_caller]
    pub fn forward_with(
        &self,
        index: &Tensor,
        offsets: Option<&[usize]>,
        weights: Option<&Tensor>,
        ctx: &mut Ctx,
    ) -> Tensor {
        ctx.within(self, |ctx| {
            if let Err(message) = self.check(index, offsets, weights) {
                let operands = [Some(("index", index)), weights.map(|weights| ("weights", weights))];
                let operands: Vec<_> = operands.into_iter().flatten().collect();
                return Tensor::wrong("embedding_bag", message, &operands);
            }
            let rows = self.table.look_up("embedding_bag", index, ctx);
            let used = self.table.padding.map(|padding| index.ne(padding as f64));
            let bags = Bags { rows, used, weights: weights.cloned() };
            let bags = match offsets {
                Some(offsets) => bags.filled(offsets, index.numel()),
                None => bags,
            };
            bags.reduce(self.mode)
        })
    }

    fn check(
        &self,
        index: &Tensor,
        offsets: Option<&[usize]>,
        weights: Option<&Tensor>,
    ) -> Result<(), String> {
        match (offsets, index.rank()) {
            (None, 2) => {}
            (None, _) => return Err(format!("takes [N, L], or [T] with offsets: index {}", index.shape())),
            (Some(offsets), 1) => check_offsets(offsets, index.numel())?,
            (Some(_), _) => return Err(format!("takes [T] with offsets: index {}", index.shape())),
        }
        let Some(weights) = weights else { return Ok(()) };
        if self.mode != BagMode::Sum {
            return Err(format!("weights are for sums, not for {:?}", self.mode));
        }
        match weights.shape() == index.shape() {
            true => Ok(()),
            false => Err(format!("shapes differ: index {}, weights {}", index.shape(), weights.shape())),
        }
    }
}

fn check_offsets(offsets: &[usize], count: usize) -> Result<(), String> {
    if count == 0 {
        return Err("there are no indices in any bag".into());
    }
    if offsets.first() != Some(&0) {
        return Err(format!("offsets start with 0: {offsets:?}"));
    }
    let ends = offsets.iter().skip(1).chain([&count]);
    match offsets.iter().zip(ends).find(|(start, end)| start > end) {
        Some((start, end)) => {
            Err(format!("a bag from {start} to {end}: offsets rise, up to {count} indices"))
        }
        None => Ok(()),
    }
}

/// Rows with whether they count and by how much: `[N, L, size]` and `[N, L]`.
struct Bags {
    rows: Tensor,
    used: Option<Tensor>,
    weights: Option<Tensor>,
}

impl Bags {
    /// Bags of different lengths, one behind the other, as bags of the same length.
    #[track_caller]
    fn filled(self, offsets: &[usize], count: usize) -> Self {
        let ends = offsets.iter().skip(1).copied().chain([count]);
        let lengths: Vec<usize> = offsets.iter().zip(ends).map(|(start, end)| end - start).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let bags = offsets.iter().zip(&lengths);
        let places: Vec<(u32, bool)> = bags
            .flat_map(|(&start, &length)| {
                (0..longest).map(move |i| if i < length { ((start + i) as u32, true) } else { (0, false) })
            })
            .collect();
        let (place, there): (Vec<u32>, Vec<bool>) = places.into_iter().unzip();
        let (shape, device) = ([offsets.len(), longest], self.rows.device());
        let place = Tensor::from_slice(&place, shape, device);
        let there = Tensor::from_slice(&there, shape, device);
        let used = match self.used {
            Some(used) => used.embedding(&place).logical_and(&there),
            None => there,
        };
        let weights = self.weights.map(|weights| weights.embedding(&place));
        Self { rows: self.rows.embedding(&place), used: Some(used), weights }
    }

    #[track_caller]
    fn reduce(self, mode: BagMode) -> Tensor {
        let Self { rows, used, weights } = self;
        let Some(used) = used else {
            return match (mode, weights) {
                (BagMode::Sum, None) => rows.sum(&[1]),
                (BagMode::Sum, Some(weights)) => einsum("nls,nl->ns", &[&rows, &weights]),
                (BagMode::Mean, _) => rows.mean(&[1]),
                (BagMode::Max, _) => rows.max_with_index(1).0,
            };
        };
        let beside = used.unsqueeze(-1);
        if mode == BagMode::Max {
            let largest = beside.select(&rows, f64::NEG_INFINITY).max_with_index(1).0;
            return used.any_keep(&[1]).select(largest, 0.0);
        }
        let counted = beside.select(&rows, 0.0);
        let weighted = match weights {
            Some(weights) => counted * weights.unsqueeze(-1),
            None => counted,
        };
        let sum = weighted.sum(&[1]);
        match mode {
            // at least 1, so that an empty bag is 0
            BagMode::Mean => sum / used.to_dtype(rows.dtype()).sum_keep(&[1]).maximum(1.0),
            _ => sum,
        }
    }
}

impl Layer for EmbeddingBag {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.forward_with(x, None, None, ctx)
    }

    fn kind(&self) -> &str {
        "EmbeddingBag"
    }

    fn path(&self) -> Option<&str> {
        Some(self.table.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.table.weight.numel()
    }
}
