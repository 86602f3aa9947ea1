//! Recomputation: less memory, and the same bits.

use anygrad_graph::{Device, Error, Rng, Tensor, checkpoint, eval, explain, grad};

use crate::devices::{alone, check_guards, gpu};

/// The CPU, and the GPU if there is one.
fn everywhere(check: impl Fn(&Device)) {
    check(&Device::cpu());
    if let Some(device) = gpu() {
        alone(|| {
            check(device);
            check_guards(device).unwrap();
        });
    }
}

const BLOCKS: usize = 20;
const WIDTH: usize = 16;
const HIDDEN: usize = 64;
const ROWS: usize = 128;

/// How a network is recorded.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    Plain,
    /// Each block is a segment.
    Blocks,
    /// Each block, and in it its first half.
    Nested,
    /// Segments of this many blocks.
    Groups(usize),
}

/// A residual network of 20 blocks `x + w₂·relu(w₁·x + b)`, with dropout on what is inside if a seed is given.
struct Network {
    x: Tensor,
    weights: Vec<[Tensor; 3]>,
    dropout: Option<u64>,
}

impl Network {
    fn new(device: &Device, dropout: Option<u64>) -> Self {
        let mut rng = Rng::new(11);
        let mut draw = |shape: &[usize], size: f64| {
            let t = (rng.uniform(shape, device) - 0.5) * size;
            eval(&[&t]).unwrap();
            t.detached().unwrap()
        };
        let x = draw(&[ROWS, WIDTH], 2.0);
        let weights = (0..BLOCKS)
            .map(|_| [draw(&[WIDTH, HIDDEN], 0.5), draw(&[HIDDEN], 0.1), draw(&[HIDDEN, WIDTH], 0.5)]);
        Self { weights: weights.collect(), x, dropout }
    }

    /// The loss and the gradients of all weights and of the input. Nothing is computed.
    fn record(&self, way: Way) -> Vec<Tensor> {
        let mut rng = Rng::new(self.dropout.unwrap_or_default());
        let mut block = |x: &Tensor, [w1, b, w2]: &[Tensor; 3]| {
            let inside = || (x.matmul(w1) + b).relu();
            let mut h = if way == Way::Nested { checkpoint(inside) } else { inside() };
            if self.dropout.is_some() {
                h = rng.bernoulli(0.75, h.shape(), h.device()).select(&h * 1.25, 0.0);
            }
            x + h.matmul(w2)
        };
        let mut y = self.x.clone();
        match way {
            Way::Plain => self.weights.iter().for_each(|w| y = block(&y, w)),
            Way::Blocks | Way::Nested => {
                self.weights.iter().for_each(|w| y = checkpoint(|| block(&y, w)));
            }
            Way::Groups(blocks) => {
                for group in self.weights.chunks(blocks) {
                    y = checkpoint(|| group.iter().fold(y.clone(), |y, w| block(&y, w)));
                }
            }
        }
        let loss = y.square().mean_all();
        let wrt: Vec<&Tensor> = self.weights.iter().flatten().chain([&self.x]).collect();
        let gradients = grad(&loss, &wrt);
        std::iter::once(loss).chain(gradients).collect()
    }

    fn bits(&self, way: Way) -> Result<Vec<Vec<u32>>, Error> {
        let tensors = self.record(way);
        eval(&tensors.iter().collect::<Vec<_>>())?;
        tensors.iter().map(|t| Ok(t.to_vec::<f32>()?.into_iter().map(f32::to_bits).collect())).collect()
    }

    /// Bytes that a run takes besides its leaves.
    fn bytes(&self, way: Way) -> usize {
        let tensors = self.record(way);
        explain(&tensors.iter().collect::<Vec<_>>()).unwrap().temporary_bytes
    }
}

#[test]
fn it_takes_less_than_half_of_the_memory() {
    everywhere(|device| {
        for dropout in [None, Some(3)] {
            let network = Network::new(device, dropout);
            let plain = network.bytes(Way::Plain);
            for way in [Way::Blocks, Way::Nested, Way::Groups(4)] {
                let bytes = network.bytes(way);
                assert!(
                    bytes * 2 <= plain,
                    "{device}, {way:?}, dropout {dropout:?}: {bytes} of {plain} bytes"
                );
            }
        }
    });
}

#[test]
fn nested_segments_keep_less_than_a_group_of_blocks() {
    // a group alone has the inside of four blocks in memory while it is recomputed
    let network = Network::new(&Device::cpu(), None);
    let blocks_in_groups = |way: Way| {
        let mut y = network.x.clone();
        for group in network.weights.chunks(5) {
            y = checkpoint(|| {
                group.iter().fold(y.clone(), |y, [w1, b, w2]| {
                    let block = || &y + (y.matmul(w1) + b).relu().matmul(w2);
                    if way == Way::Nested { checkpoint(block) } else { block() }
                })
            });
        }
        let gradients = grad(&y.square().mean_all(), &[&network.x]);
        (explain(&[&gradients[0]]).unwrap().temporary_bytes, gradients[0].to_vec::<f32>().unwrap())
    };
    let ((nested, a), (plain, b)) = (blocks_in_groups(Way::Nested), blocks_in_groups(Way::Plain));
    assert!(nested * 3 <= plain * 2, "{nested} of {plain} bytes");
    assert_eq!(a, b);
}

#[test]
fn gradients_have_the_same_bits() {
    everywhere(|device| {
        for dropout in [None, Some(3)] {
            let network = Network::new(device, dropout);
            let plain = network.bits(Way::Plain).unwrap();
            for way in [Way::Blocks, Way::Nested, Way::Groups(4)] {
                assert!(network.bits(way).unwrap() == plain, "{device}, {way:?}, dropout {dropout:?}");
            }
        }
    });
}

/// The program of some tensors without the lines it was recorded at.
fn program(tensors: &[Tensor]) -> Vec<String> {
    let explained = explain(&tensors.iter().collect::<Vec<_>>()).unwrap();
    explained.program.iter().map(|line| line.split(" # ").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_step_is_the_same_program() {
    let steps: Vec<Vec<String>> =
        (0..3).map(|seed| program(&Network::new(&Device::cpu(), Some(seed)).record(Way::Nested))).collect();
    assert_eq!(steps[0], steps[1]);
    assert_eq!(steps[0], steps[2]);
    let redone = steps[0].iter().filter(|line| line.contains("= after ")).count();
    assert!(redone >= BLOCKS, "{redone} values are read late");
}

#[test]
fn what_no_rule_asks_for_is_not_computed_again() {
    // the gradient of a sum needs no value, that of tanh its output, that of a product both inputs
    let x = Tensor::from_slice(&[0.5f32, 1.0], [2], &Device::cpu());
    let count = |tensors: &[Tensor], op: &str| {
        program(tensors).iter().filter(|line| line.split(' ').nth(2) == Some(op)).count()
    };
    let y = checkpoint(|| (&x + 1.0).tanh() + x.exp().sin());
    let all = [grad(&y.sum_all(), &[&x]).remove(0), y];
    assert_eq!((count(&all, "tanh"), count(&all, "exp"), count(&all, "sin")), (2, 2, 1));
    // and outside of gradients, nothing is recomputed at all
    let y = checkpoint(|| (&x + 1.0).tanh().exp());
    assert_eq!(count(&[y], "after"), 0);
}

#[test]
fn a_value_from_inside_can_be_held_and_differentiated() {
    everywhere(|device| {
        let x = Tensor::from_slice(&[0.5f32, 1.0], [2], device);
        let inside = || {
            let h = x.exp();
            (h.clone(), h.tanh() * &h)
        };
        let slopes = |(h, y): (Tensor, Tensor)| {
            let first = grad(&(y * &h).sum_all(), &[&x, &h]);
            let through = grad(&first[0].square().sum_all(), &[&x, &h]);
            let second = grad(&first[1].square().sum_all(), &[&x, &h]);
            let all: Vec<Tensor> = [first, through, second].concat();
            eval(&all.iter().collect::<Vec<_>>()).unwrap();
            assert!(h.is_evaluated(), "what is held gets its value");
            let error = grad(&h.sum_all(), &[&x])[0].check().unwrap_err().to_string();
            assert!(error.contains("call grad before reading the loss"), "{error}");
            all.iter().map(|t| t.to_vec::<f32>().unwrap()).collect::<Vec<_>>()
        };
        let (plain, redone) = (slopes(inside()), slopes(checkpoint(inside)));
        for (a, b) in plain.iter().flatten().zip(redone.iter().flatten()) {
            assert!((a - b).abs() <= 1e-5 * a.abs(), "{plain:?} {redone:?}");
        }
    });
}

#[test]
fn errors_inside_are_those_of_the_op() {
    let x = Tensor::from_slice(&[0.5f32, 1.0], [2], &Device::cpu());
    let y = checkpoint(|| x.exp().reshape([3]));
    let error = grad(&y.sum_all(), &[&x])[0].check().unwrap_err().to_string();
    assert!(error.starts_with("reshape: [2] has 2 elements, [3] has 3"), "{error}");
    let cotangent = x.exp().reshape([3]);
    let y = checkpoint(|| x.exp());
    assert!(anygrad_graph::grad_with(&y, &cotangent, &[&x])[0].check().is_err());
}

#[test]
fn a_long_chain_is_recomputed_without_recursion() {
    let x = Tensor::from_slice(&[1.0f32], [1], &Device::cpu());
    let y = checkpoint(|| (0..50_000).fold(x.clone(), |y, _| y.sin()));
    let g = grad(&y.sum_all(), &[&x]).remove(0);
    assert!(g.check().is_ok());
}
