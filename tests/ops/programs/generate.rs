//! Draws programs.

use anygrad_graph::{DType, Device};

use crate::draw::Draw;
use crate::programs::entry::{Entry, Family, Offer};
use crate::programs::program::{Node, Program, Recorded};

/// Sizes of axes; small and odd ones most of the time.
const SIZES: [usize; 16] = [1, 2, 3, 3, 4, 4, 5, 5, 7, 8, 9, 13, 16, 17, 31, 33];

/// Elements of a tensor at most, so that errors stay small and programs fast.
const MOST: usize = 3000;

/// The program with this number. Everything about it follows from the number and the families.
pub fn generate(seed: u64, families: &[Family]) -> Program {
    let mut draw = Draw::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut maker = Maker { nodes: Vec::new(), recorded: Vec::new(), palette: palette(&mut draw), draw };
    for i in 0..2 + maker.draw.below(3) {
        maker.leaf(i);
    }
    for _ in 0..3 + maker.draw.below(15) {
        maker.step(families);
    }
    maker.finish()
}

/// The sizes of one program: few, so that shapes meet.
fn palette(draw: &mut Draw) -> Vec<usize> {
    let mut sizes: Vec<usize> = (0..3).map(|_| *draw.pick(&SIZES)).collect();
    if draw.chance(0.05) {
        // beyond one workgroup
        sizes[0] = *draw.pick(&[65, 127, 257, 300]);
    }
    if draw.chance(0.04) {
        sizes[1] = 0;
    }
    sizes.push(1);
    sizes
}

/// A program in the making. It is recorded on the CPU as it grows, for the shapes.
struct Maker {
    draw: Draw,
    palette: Vec<usize>,
    nodes: Vec<Node>,
    recorded: Vec<Recorded>,
}

impl Maker {
    fn leaf(&mut self, i: usize) {
        let rank = *self.draw.pick(&[0, 1, 1, 2, 2, 2, 3, 3, 4, 5]);
        let mut shape: Vec<usize> = (0..rank).map(|_| *self.draw.pick(&self.palette)).collect();
        // an axis of size 0 does not excuse the others: the library bounds their product
        while shape.iter().map(|&n| n.max(1)).product::<usize>() > MOST {
            shape.pop();
        }
        // the first is a float, so that there is something to differentiate
        let dtype = match if i == 0 { 0 } else { self.draw.below(8) } {
            5 => DType::I32,
            6 => DType::U32,
            7 => DType::Bool,
            _ => DType::F32,
        };
        let coarse = self.draw.chance(0.3);
        let draw = &mut self.draw;
        let mut one = || match dtype {
            DType::Bool => draw.below(2) as f64,
            DType::I32 => draw.float(-20.0, 20.0).floor(),
            DType::U32 => draw.float(0.0, 30.0).floor(),
            // with ties, zeros and values at kinks
            _ if coarse => draw.float(-8.0, 8.0).round() / 4.0,
            _ => f64::from(draw.float(-1.5, 1.5) as f32),
        };
        let values = (0..shape.iter().product::<usize>()).map(|_| one()).collect();
        self.push(Node::Leaf { dtype, shape, values });
    }

    /// Adds a node if it makes sense.
    fn push(&mut self, node: Node) -> bool {
        let Some(next) = node.record(&self.recorded, &Device::cpu(), DType::F32) else { return false };
        if next.tensor.numel() > MOST || next.tensor.rank() > 6 {
            return false;
        }
        self.nodes.push(node);
        self.recorded.push(next);
        true
    }

    fn step(&mut self, families: &[Family]) {
        let total: usize = families.iter().map(|family| family.weight).sum();
        // some entries take operands that are rare
        for _ in 0..20 {
            let mut at = self.draw.below(total);
            let family = families.iter().find(|family| {
                let here = at < family.weight;
                at = at.wrapping_sub(family.weight);
                here
            });
            let Some(family) = family else { return };
            let entry = self.draw.pick(family.entries);
            let seed = self.draw.bits();
            if let Some(operands) = self.operands(entry)
                && self.push(Node::Step { entry, operands, seed })
            {
                return;
            }
        }
    }

    /// Operands an entry takes, later nodes more often.
    fn operands(&mut self, entry: &Entry) -> Option<Vec<usize>> {
        let mut chosen: Vec<usize> = Vec::new();
        for takes in entry.takes {
            let first = chosen.first().map(|&i| self.recorded[i].tensor.clone());
            let fits = |i: &usize| {
                let r = &self.recorded[*i];
                takes.fits(Offer { tensor: &r.tensor, exact: r.exact }, first.as_ref())
            };
            let fitting: Vec<usize> = (0..self.nodes.len()).filter(fits).collect();
            let recent = &fitting[fitting.len() / 2..];
            if fitting.is_empty() {
                return None;
            }
            let from = if self.draw.chance(0.4) { recent } else { &fitting };
            chosen.push(*self.draw.pick(from));
        }
        Some(chosen)
    }

    fn finish(mut self) -> Program {
        let last = self.nodes.len() - 1;
        let mut read = vec![false; last + 1];
        self.nodes.iter().flat_map(Node::operands).for_each(|&i| read[i] = true);
        let step = |i: usize| matches!(self.nodes[i], Node::Step { .. });
        // most of what nothing reads, or most steps would be for nothing
        let mut outputs: Vec<usize> =
            (0..last).filter(|&i| step(i) && !read[i] && self.draw.chance(0.7)).collect();
        outputs.push(last);
        let mut some = |most: usize| -> Vec<usize> {
            (0..self.draw.below(most)).map(|_| self.draw.below(last + 1)).collect()
        };
        outputs.extend(some(3));
        let held = some(3);
        let (leaves_held, gradients) = (self.draw.chance(0.5), self.draw.chance(0.5));
        Program { nodes: self.nodes, outputs, held, leaves_held, gradients }.without_dead()
    }
}
