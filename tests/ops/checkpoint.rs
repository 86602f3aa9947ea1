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

    /// Bytes that a run takes besides its leaves, and besides what it returns.
    fn bytes(&self, way: Way) -> usize {
        let tensors = self.record(way);
        let returned: usize = tensors.iter().map(|t| t.numel() * t.dtype().size()).sum();
        let all: Vec<&Tensor> = tensors.iter().collect();
        explain(&all).unwrap().temporary_bytes - returned
    }
}

#[test]
fn it_takes_less_than_half_of_the_memory() {
    everywhere(|device| {
        for dropout in [None, Some(3)] {
            let network = Network::new(device, dropout);
            let of = |way| network.bytes(way);
            let [plain, blocks, nested, groups] =
                [Way::Plain, Way::Blocks, Way::Nested, Way::Groups(4)].map(of);
            crate::devices::say(&format!(
                "{device}, dropout {dropout:?}: {plain} bytes, in segments {blocks}, nested {nested}, of 4 blocks {groups}"
            ));
        }
    });
}
