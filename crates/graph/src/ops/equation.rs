//! The text of a contraction, checked against the shapes of its operands.

use std::collections::BTreeMap;

use anygrad_layout::Shape;

use super::einsum::Labelled;
use crate::Tensor;

/// A letter, or an axis that `...` stands for, counted from the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Label {
    Further(usize),
    Letter(char),
}

/// The labels of the axes of each operand and of the output, with their sizes.
#[derive(Debug)]
pub(super) struct Equation {
    pub inputs: Vec<Vec<Label>>,
    pub output: Vec<Label>,
    sizes: BTreeMap<Label, usize>,
}

/// One side of a comma: letters, with the place of `...` among them.
struct Term {
    text: String,
    letters: Vec<char>,
    dots: Option<usize>,
}

impl Equation {
    pub fn new(text: &str, shapes: &[&Shape]) -> Result<Self, String> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, right) = match text.split_once("->") {
            Some((left, right)) => (left, Some(Term::new(right)?)),
            None => (text.as_str(), None),
        };
        let terms = left.split(',').map(Term::new).collect::<Result<Vec<_>, _>>()?;
        if terms.len() != shapes.len() {
            return Err(format!("{} operands are named, and {} given", terms.len(), shapes.len()));
        }
        let mut inputs = Vec::with_capacity(terms.len());
        for (i, (term, shape)) in terms.iter().zip(shapes).enumerate() {
            if let Some(twice) = repeated(&term.letters) {
                return Err(format!(
                    "label {twice} is twice in operand {i} {shape}; diagonals are not taken here"
                ));
            }
            inputs.push(term.labels(i, shape)?);
        }
        let sizes = sizes(&inputs, shapes)?;
        let output = match right {
            Some(term) => given_output(&term, &sizes)?,
            None => implied_output(&inputs),
        };
        Ok(Self { inputs, output, sizes })
    }

    pub fn size(&self, label: Label) -> usize {
        self.sizes.get(&label).copied().unwrap_or(1)
    }

    /// An operand without its axes of size 1 that broadcast: a product has no need of them.
    pub fn without_ones(&self, tensor: &Tensor, labels: &[Label]) -> Labelled {
        let stays = |i: &usize| tensor.shape().get(*i) == Some(&self.size(labels[*i]));
        let kept: Vec<usize> = (0..labels.len()).filter(stays).collect();
        let shape: Shape = kept.iter().map(|&i| tensor.shape()[i]).collect();
        Labelled { tensor: tensor.reshape(shape), labels: kept.iter().map(|&i| labels[i]).collect() }
    }

    /// The output, from the one operand that is left.
    pub fn finish(&self, last: Labelled) -> Tensor {
        let summed = last.sum_where(|label| !self.output.contains(label));
        summed.ordered(&[&self.output])
    }
}

impl Term {
    fn new(text: &str) -> Result<Self, String> {
        let (before, after) = match text.split_once("...") {
            Some((before, after)) => (before, Some(after)),
            None => (text, None),
        };
        let letters: Vec<char> = before.chars().chain(after.unwrap_or_default().chars()).collect();
        if let Some(wrong) = letters.iter().find(|c| !c.is_ascii_alphabetic()) {
            return Err(format!("'{wrong}' in \"{text}\" is no label: labels are letters, and ... once"));
        }
        Ok(Self { text: text.into(), letters, dots: after.map(|_| before.chars().count()) })
    }

    /// The label of each axis of operand `i`.
    fn labels(&self, i: usize, shape: &Shape) -> Result<Vec<Label>, String> {
        let named = self.letters.len();
        let further = match (shape.rank().checked_sub(named), self.dots) {
            (Some(further), Some(_)) => further,
            (Some(0), None) => 0,
            _ => {
                let least = if self.dots.is_some() { " or more" } else { "" };
                return Err(format!(
                    "operand {i} {shape} has {} axes, and \"{}\" names {named}{least}",
                    shape.rank(),
                    self.text
                ));
            }
        };
        Ok(self.spread(further))
    }

    /// The letters, with `further` axes where the dots are.
    fn spread(&self, further: usize) -> Vec<Label> {
        let (before, after) = self.letters.split_at(self.dots.unwrap_or(self.letters.len()));
        let letters = |part: &[char]| part.iter().map(|&c| Label::Letter(c)).collect::<Vec<_>>();
        let dots = (0..further).rev().map(Label::Further).collect::<Vec<_>>();
        [letters(before), dots, letters(after)].concat()
    }
}

fn repeated<T: PartialEq + Copy>(items: &[T]) -> Option<T> {
    items.iter().enumerate().find(|(i, item)| items[..*i].contains(item)).map(|(_, &item)| item)
}

/// The size of each label: that of all its axes, but for axes of size 1.
fn sizes(inputs: &[Vec<Label>], shapes: &[&Shape]) -> Result<BTreeMap<Label, usize>, String> {
    let mut known: BTreeMap<Label, (usize, usize)> = BTreeMap::new();
    for (i, (labels, shape)) in inputs.iter().zip(shapes).enumerate() {
        for (&label, &size) in labels.iter().zip(shape.iter()) {
            match known.get(&label) {
                Some(&(before, _)) if before == size || size == 1 => {}
                Some(&(before, at)) if before != 1 => {
                    let what = match label {
                        Label::Letter(c) => format!("label {c}"),
                        Label::Further(n) => format!("axis -{} of ...", n + 1),
                    };
                    return Err(format!(
                        "{what} has size {before} in operand {at} {}, and {size} in operand {i} {shape}",
                        shapes[at]
                    ));
                }
                _ => {
                    known.insert(label, (size, i));
                }
            }
        }
    }
    Ok(known.into_iter().map(|(label, (size, _))| (label, size)).collect())
}

fn given_output(term: &Term, sizes: &BTreeMap<Label, usize>) -> Result<Vec<Label>, String> {
    if let Some(twice) = repeated(&term.letters) {
        return Err(format!("label {twice} is twice in the output"));
    }
    if let Some(c) = term.letters.iter().find(|&&c| !sizes.contains_key(&Label::Letter(c))) {
        return Err(format!("label {c} of the output is in no operand"));
    }
    let further = sizes.keys().filter(|label| matches!(label, Label::Further(_))).count();
    if term.dots.is_none() && further > 0 {
        return Err("the operands have axes under ..., which the output does not name".into());
    }
    Ok(term.spread(if term.dots.is_some() { further } else { 0 }))
}

/// The axes of `...`, then the letters that occur once, in order.
fn implied_output(inputs: &[Vec<Label>]) -> Vec<Label> {
    let mut counts: BTreeMap<Label, usize> = BTreeMap::new();
    inputs.iter().flatten().for_each(|&label| *counts.entry(label).or_default() += 1);
    let further = counts.keys().filter(|label| matches!(label, Label::Further(_))).rev();
    let once = counts.iter().filter(|(label, n)| matches!(label, Label::Letter(_)) && **n == 1);
    further.copied().chain(once.map(|(&label, _)| label)).collect()
}
