//! Random contractions against their definition: the sum over all values of all letters.

use anygrad_graph::{DType, Device, einsum, eval};

use crate::compare::{Against, difference};
use crate::devices::{alone, gpu};
use crate::draw::Draw;
use crate::run::{leaf, read};

const EQUATIONS: usize = 200;
const LETTERS: [char; 6] = ['a', 'b', 'c', 'd', 'e', 'f'];

/// Letters with sizes, operands made of them, and an output.
struct Contraction {
    sizes: [usize; 6],
    /// For each operand its letters, and whether the axis has size 1 instead.
    operands: Vec<Vec<(usize, bool)>>,
    output: Vec<usize>,
}

/// Some of `from` in any order.
fn some(from: &[usize], draw: &mut Draw) -> Vec<usize> {
    let mut left = from.to_vec();
    let mut chosen = Vec::new();
    for _ in 0..draw.below(from.len().min(4) + 1) {
        chosen.push(left.swap_remove(draw.below(left.len())));
    }
    chosen
}

impl Contraction {
    fn draw(draw: &mut Draw) -> Self {
        let sizes = LETTERS.map(|_| 1 + draw.below(4));
        let all: Vec<usize> = (0..LETTERS.len()).collect();
        let operands: Vec<Vec<(usize, bool)>> = (0..1 + draw.below(4))
            .map(|_| some(&all, draw).into_iter().map(|letter| (letter, draw.chance(0.1))).collect())
            .collect();
        let named: Vec<usize> =
            all.into_iter().filter(|l| operands.iter().flatten().any(|(other, _)| other == l)).collect();
        let output = some(&named, draw);
        Self { sizes, operands, output }
    }

    fn equation(&self) -> String {
        let letters =
            |labels: &mut dyn Iterator<Item = usize>| labels.map(|l| LETTERS[l]).collect::<String>();
        let inputs: Vec<String> =
            self.operands.iter().map(|o| letters(&mut o.iter().map(|(label, _)| *label))).collect();
        format!("{}->{}", inputs.join(","), letters(&mut self.output.iter().copied()))
    }

    /// The size of a letter: 1 if all its axes have size 1.
    fn size(&self, letter: usize) -> usize {
        let mut axes = self.operands.iter().flatten().filter(|(other, _)| *other == letter);
        if axes.any(|(_, one)| !one) { self.sizes[letter] } else { 1 }
    }

    fn shape(&self, operand: &[(usize, bool)]) -> Vec<usize> {
        operand.iter().map(|&(letter, one)| if one { 1 } else { self.sizes[letter] }).collect()
    }

    /// The definition, term by term.
    fn by_loops(&self, values: &[Vec<f64>]) -> Vec<f64> {
        let sizes: Vec<usize> = (0..LETTERS.len()).map(|letter| self.size(letter)).collect();
        let mut out = vec![0.0; self.output.iter().map(|&letter| sizes[letter]).product()];
        for number in 0..sizes.iter().product::<usize>() {
            let mut rest = number;
            let at: Vec<usize> = sizes
                .iter()
                .map(|size| {
                    let here = rest % size;
                    rest /= size;
                    here
                })
                .collect();
            let term =
                |(operand, values): (&Vec<(usize, bool)>, &Vec<f64>)| {
                    let place = operand.iter().fold(0, |place, &(letter, one)| {
                        if one { place } else { place * self.sizes[letter] + at[letter] }
                    });
                    values[place]
                };
            let to = self.output.iter().fold(0, |place, &letter| place * sizes[letter] + at[letter]);
            out[to] += self.operands.iter().zip(values).map(term).product::<f64>();
        }
        out
    }
}

#[test]
fn random_contractions_are_what_the_loops_say() {
    let mut draw = Draw::named("contractions");
    let mut wrong = Vec::new();
    let cpu = Device::cpu();
    let places = [
        Some((&cpu, DType::F64, 1e-12)),
        Some((&cpu, DType::F32, 1e-5)),
        gpu().map(|g| (g, DType::F32, 1e-5)),
    ];
    for _ in 0..EQUATIONS {
        let contraction = Contraction::draw(&mut draw);
        let values: Vec<Vec<f64>> = contraction
            .operands
            .iter()
            .map(|o| {
                let n = contraction.shape(o).iter().product::<usize>();
                (0..n).map(|_| f64::from(draw.float(-1.0, 1.0) as f32)).collect()
            })
            .collect();
        let want = contraction.by_loops(&values);
        for (device, dtype, tolerance) in places.into_iter().flatten() {
            let operands: Vec<_> = contraction
                .operands
                .iter()
                .zip(&values)
                .map(|(o, values)| leaf(values, &contraction.shape(o), dtype, device))
                .collect();
            let result = einsum(&contraction.equation(), &operands.iter().collect::<Vec<_>>());
            let got = alone(|| eval(&[&result])).and_then(|()| read(&result));
            let what = match got {
                // cancelling terms are of size 1
                Ok(got) => difference(&got, &want, tolerance, Against::WholeFrom(1.0)),
                Err(error) => Some(error.to_string()),
            };
            wrong.extend(what.map(|what| format!("{} on {device}: {what}", contraction.equation())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
