use anygrad_graph::Tensor;

/// What a recurrent layer carries from step to step. For a layer the tensors are
/// `[layers · directions, n, hidden]`, as in PyTorch: layer by layer, the forward direction before the reverse one. For
/// a cell they are `[n, hidden]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecurrentState {
    /// The hidden state `h`, which is also the output.
    pub hidden: Tensor,
    /// The cell state `c` of an LSTM (its "carry"); none for the others.
    pub cell: Option<Tensor>,
}

impl RecurrentState {
    /// The state of a simple RNN or a GRU.
    pub fn new(hidden: Tensor) -> Self {
        Self { hidden, cell: None }
    }

    /// The state of an LSTM.
    pub fn with_cell(hidden: Tensor, cell: Tensor) -> Self {
        Self { hidden, cell: Some(cell) }
    }

    /// A state of which every part is `wrong`, a poisoned tensor.
    pub(crate) fn poisoned(wrong: &Tensor, cell: bool) -> Self {
        Self { hidden: wrong.clone(), cell: cell.then(|| wrong.clone()) }
    }

    /// Part `index` of the first axis, without that axis.
    #[track_caller]
    pub(crate) fn part(&self, index: usize) -> Self {
        let pick = |t: &Tensor| t.at(0, index as isize);
        Self { hidden: pick(&self.hidden), cell: self.cell.as_ref().map(pick) }
    }

    /// States beside each other along a new first axis.
    #[track_caller]
    pub(crate) fn stack(parts: &[Self]) -> Self {
        let hidden: Vec<&Tensor> = parts.iter().map(|part| &part.hidden).collect();
        let cells: Vec<&Tensor> = parts.iter().filter_map(|part| part.cell.as_ref()).collect();
        let cell = (!cells.is_empty()).then(|| Tensor::stack(&cells, 0));
        Self { hidden: Tensor::stack(&hidden, 0), cell }
    }

    /// This state where `keep` `[n, 1]` is true, `before` elsewhere.
    #[track_caller]
    pub(crate) fn where_kept(&self, keep: &Tensor, before: &Self) -> Self {
        let cell = match (&self.cell, &before.cell) {
            (Some(now), Some(before)) => Some(keep.select(now, before)),
            _ => None,
        };
        Self { hidden: keep.select(&self.hidden, &before.hidden), cell }
    }
}
