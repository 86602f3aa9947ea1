//! Contractions in index notation, made of views, products and sums.

use std::panic::Location;

use anygrad_layout::Shape;

use super::equation::{Equation, Label};
use crate::{Tensor, scope};

/// An operand with the label of each of its axes; no label twice.
#[derive(Clone)]
pub(super) struct Labelled {
    pub tensor: Tensor,
    pub labels: Vec<Label>,
}

/// Sum of products in Einstein's notation, as `numpy.einsum` and `torch.einsum`: each operand has a letter for each
/// axis, axes of one letter go together, and letters that the output does not name are summed over:
///
/// `out[o..] = Σ_{letters not in o} Π_operands operand[its letters]`
///
/// - `"ij,jk->ik"` is a matrix product, `"ij->ji"` a transpose, `"ij->"` the sum of everything, `"i,j->ij"` an outer
///   product. Letters are `a` to `z` and `A` to `Z`; spaces do not count.
/// - Without `->` the output has the letters that occur once, in alphabetical order (capitals first).
/// - `...` stands for further axes, which broadcast against each other and come first in an output that is not
///   given.
/// - An axis of size 1 broadcasts against any size of its letter.
///
/// Several operands are contracted two at a time, those first whose product is small beside the two; the order
/// depends on the shapes alone. Pairs that share summed letters and both have letters of their own become a batched
/// [`matmul`](Tensor::matmul), the others an elementwise product. Nothing is copied that a strided view can say.
/// Gradients are those of the parts, to any order. All types but bool; the operands have one type.
///
/// The same letter twice in one operand (a diagonal) is an error; so are sizes that differ. Errors name the
/// equation, the operand, the letter and the sizes.
///
/// ```
/// use anygrad_graph::{Device, Tensor, einsum};
/// let device = Device::cpu();
/// let q = Tensor::ones([2, 4, 5, 8], &device);
/// let k = Tensor::ones([2, 4, 7, 8], &device);
/// let scores = einsum("bhqd,bhkd->bhqk", &[&q, &k]);
/// assert_eq!(scores.shape()[..], [2, 4, 5, 7]);
/// assert_eq!(scores.sum_all().item()?, (2 * 4 * 5 * 7 * 8) as f32);
/// let error = einsum("ij,jk", &[&Tensor::ones([2, 3], &device), &q]).check().unwrap_err().to_string();
/// assert!(error.starts_with("einsum: \"ij,jk\": operand 1 [2, 4, 5, 8] has 4 axes, and \"jk\" names 2"), "{error}");
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn einsum(equation: &str, operands: &[&Tensor]) -> Tensor {
    let caller = Location::caller();
    scope::recorded_at(caller, || {
        let names: Vec<String> = (0..operands.len()).map(|i| format!("operand {i}")).collect();
        let named: Vec<(&str, &Tensor)> =
            names.iter().map(String::as_str).zip(operands.iter().copied()).collect();
        if operands.iter().any(|t| t.check().is_err()) {
            return Tensor::wrong("einsum", String::new(), &named);
        }
        let shapes: Vec<&Shape> = operands.iter().map(|t| t.shape()).collect();
        match Equation::new(equation, &shapes).and_then(|e| types(operands).map(|()| e)) {
            Ok(equation) => contract_all(&equation, operands),
            Err(message) => Tensor::wrong("einsum", format!("\"{equation}\": {message}"), &named),
        }
    })
}

fn types(operands: &[&Tensor]) -> Result<(), String> {
    let Some(first) = operands.first() else { return Err("no operands".into()) };
    if let Some((i, other)) = operands.iter().enumerate().find(|(_, t)| t.dtype() != first.dtype()) {
        return Err(format!("dtypes differ: operand 0 is {}, operand {i} {}", first.dtype(), other.dtype()));
    }
    if let Some((i, other)) = operands.iter().enumerate().find(|(_, t)| t.device() != first.device()) {
        return Err(format!(
            "operands are on two devices: operand 0 on {}, operand {i} on {}",
            first.device(),
            other.device()
        ));
    }
    if first.dtype() == anygrad_layout::DType::Bool {
        return Err("does not take bool".into());
    }
    Ok(())
}

fn contract_all(equation: &Equation, operands: &[&Tensor]) -> Tensor {
    let label = |(tensor, labels): (&&Tensor, &Vec<Label>)| equation.without_ones(tensor, labels);
    let mut left: Vec<Labelled> = operands.iter().zip(&equation.inputs).map(label).collect();
    while left.len() > 1 {
        let (i, j) = best_pair(&left, equation);
        let b = left.remove(j);
        let a = left.remove(i);
        // a letter that nobody else needs is summed over as early as possible
        let kept = |label: Label| {
            equation.output.contains(&label) || left.iter().any(|other| other.labels.contains(&label))
        };
        let product = contract(a, b, &kept);
        left.insert(i, product);
    }
    let Some(last) = left.pop() else { return Tensor::wrong("einsum", "no operands", &[]) };
    equation.finish(last)
}

/// The pair whose product adds the fewest elements to what there is (the greedy rule of `opt_einsum`); the first
/// of equals.
fn best_pair(operands: &[Labelled], equation: &Equation) -> (usize, usize) {
    let mut best = (f64::INFINITY, (0, 1));
    for i in 0..operands.len() {
        for j in i + 1..operands.len() {
            let (a, b) = (&operands[i], &operands[j]);
            let needed = |label: &&Label| {
                let others = operands.iter().enumerate().filter(|(k, _)| *k != i && *k != j);
                equation.output.contains(label) || others.into_iter().any(|(_, o)| o.labels.contains(label))
            };
            let both = a.labels.iter().chain(b.labels.iter().filter(|l| !a.labels.contains(l)));
            let size: f64 = both.filter(needed).map(|&l| equation.size(l) as f64).product();
            let cost = size - a.tensor.numel() as f64 - b.tensor.numel() as f64;
            if cost < best.0 {
                best = (cost, (i, j));
            }
        }
    }
    best.1
}

/// `Σ a·b` over the labels that are not kept.
fn contract(a: Labelled, b: Labelled, kept: &dyn Fn(Label) -> bool) -> Labelled {
    let (a, b) = (a.sum_alone(&b.labels, kept), b.sum_alone(&a.labels, kept));
    let shared = |label: &&Label| b.labels.contains(label);
    let (batch, summed): (Vec<Label>, Vec<Label>) =
        a.labels.iter().filter(shared).partition(|&&label| kept(label));
    let own = |x: &Labelled, other: &Labelled| -> Vec<Label> {
        x.labels.iter().filter(|label| !other.labels.contains(label)).copied().collect()
    };
    let (rows, columns) = (own(&a, &b), own(&b, &a));
    let labels = [&batch[..], &rows, &columns].concat();
    let shape = |groups: &[&[Label]]| -> Shape {
        groups.iter().flat_map(|group| group.iter().map(|&l| a.size_of(l).max(b.size_of(l)))).collect()
    };
    let tensor = if summed.is_empty() || rows.is_empty() || columns.is_empty() {
        // nothing for a product of matrices to share: multiply and sum, which fuses
        let ones = |n: usize| vec![1; n];
        let left = a.ordered(&[&batch, &rows, &summed]);
        let line = [&a.sizes(&batch)[..], &a.sizes(&rows), &ones(columns.len()), &a.sizes(&summed)].concat();
        let right = b.ordered(&[&batch, &columns, &summed]);
        let across =
            [&b.sizes(&batch)[..], &ones(rows.len()), &b.sizes(&columns), &b.sizes(&summed)].concat();
        let last: Vec<isize> = (0..summed.len()).map(|i| (labels.len() + i) as isize).collect();
        (left.reshape(line) * right.reshape(across)).sum(&last)
    } else {
        let k = Shape::from(a.sizes(&summed)).numel();
        let (m, n) = (Shape::from(a.sizes(&rows)).numel(), Shape::from(b.sizes(&columns)).numel());
        let left = a.ordered(&[&batch, &rows, &summed]);
        let right = b.ordered(&[&batch, &summed, &columns]);
        let outer = a.sizes(&batch);
        let product = left
            .reshape([&outer[..], &[m, k]].concat())
            .matmul(&right.reshape([&outer[..], &[k, n]].concat()));
        product.reshape(shape(&[&batch, &rows, &columns]))
    };
    Labelled { tensor, labels }
}

impl Labelled {
    /// The size of a label's axis; 0 for one that is not here.
    fn size_of(&self, label: Label) -> usize {
        let at = self.labels.iter().position(|&l| l == label);
        at.and_then(|at| self.tensor.shape().get(at)).copied().unwrap_or(0)
    }

    fn sizes(&self, labels: &[Label]) -> Vec<usize> {
        labels.iter().map(|&label| self.size_of(label)).collect()
    }

    /// The sum over labels that neither the other operand nor anything later has.
    fn sum_alone(&self, other: &[Label], kept: &dyn Fn(Label) -> bool) -> Labelled {
        let alone = |label: &Label| !other.contains(label) && !kept(*label);
        self.sum_where(alone)
    }

    pub(super) fn sum_where(&self, summed: impl Fn(&Label) -> bool) -> Labelled {
        let axes: Vec<isize> =
            (0..self.labels.len()).filter(|&i| summed(&self.labels[i])).map(|i| i as isize).collect();
        let labels = self.labels.iter().filter(|label| !summed(label)).copied().collect();
        Labelled { tensor: self.tensor.sum(&axes), labels }
    }

    /// The tensor with its axes in this order, which names all of them.
    pub(super) fn ordered(&self, groups: &[&[Label]]) -> Tensor {
        let place = |label: &Label| self.labels.iter().position(|l| l == label).map(|at| at as isize);
        let axes: Vec<isize> = groups.iter().flat_map(|group| group.iter()).filter_map(place).collect();
        self.tensor.permute(&axes)
    }
}
