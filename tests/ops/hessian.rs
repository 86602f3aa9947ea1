//! Products with the matrix of second derivatives, of whole networks: against differences of gradients in f64, and on
//! every device.

use anygrad_graph::{DType, Device, Tensor, checkpoint, gradient, hessian_vector_product};

use crate::compare::{Against, difference};
use crate::devices::{alone, check_guards, gpu};
use crate::draw::Draw;
use crate::run::{leaf, read};

/// A loss of one vector of parameters, and of data that has its dtype and device.
struct Model {
    name: &'static str,
    parameters: usize,
    loss: fn(&mut Parts<'_>) -> Tensor,
}

/// A vector of parameters, handed out part by part, and data drawn for the model.
struct Parts<'a> {
    vector: &'a Tensor,
    used: usize,
    draw: Draw,
}

impl Parts<'_> {
    fn take<const N: usize>(&mut self, shape: [usize; N]) -> Tensor {
        let count = shape.iter().product();
        let part = self.vector.slice(0, self.used, count).reshape(shape);
        self.used += count;
        part
    }

    fn data<const N: usize>(&mut self, shape: [usize; N]) -> Tensor {
        let values = numbers(&mut self.draw, shape.iter().product());
        leaf(&values, &shape, self.vector.dtype(), self.vector.device())
    }
}

/// Numbers that f32 holds.
fn numbers(draw: &mut Draw, count: usize) -> Vec<f64> {
    (0..count).map(|_| f64::from(draw.float(-1.0, 1.0) as f32)).collect()
}

const MODELS: [Model; 4] = [
    Model { name: "MLP", parameters: 4 * 6 + 6 + 6 * 3, loss: mlp },
    Model { name: "recomputed MLP", parameters: 4 * 6 + 6 + 6 * 3, loss: |parts| checkpoint(|| mlp(parts)) },
    Model { name: "CNN", parameters: 3 * 2 * 9 + 3 + 12 * 3, loss: cnn },
    Model { name: "attention", parameters: 4 * 4 * 4, loss: attention },
];

fn mlp(parts: &mut Parts<'_>) -> Tensor {
    let (x, target) = (parts.data([5, 4]), parts.data([5, 3]));
    let h = (x.matmul(&parts.take([4, 6])) + parts.take([6])).tanh();
    (h.matmul(&parts.take([6, 3])) - target).square().mean_all()
}

fn cnn(parts: &mut Parts<'_>) -> Tensor {
    let x = parts.data([2, 2, 6, 6]);
    let h = x.conv2d(&parts.take([3, 2, 3, 3]), 1, 0) + parts.take([3, 1, 1]);
    let h = h.sigmoid().max_pool2d(2, 2);
    let logits = h.reshape([2, 12]).matmul(&parts.take([12, 3]));
    let labels = Tensor::from_slice(&[2u32, 0], [2, 1], x.device());
    -logits.log_softmax(1).gather(1, &labels).mean_all()
}

fn attention(parts: &mut Parts<'_>) -> Tensor {
    let (x, target) = (parts.data([2, 3, 4]), parts.data([2, 3, 4]));
    let [query, key, value] = [(); 3].map(|_| x.matmul(&parts.take([4, 4])));
    let weights = (query.matmul(&key.permute(&[0, 2, 1])) * 0.5).softmax(-1);
    let y = &x + weights.matmul(&value).matmul(&parts.take([4, 4]));
    (y - target).square().mean_all()
}

impl Model {
    fn at(&self, vector: &Tensor) -> Tensor {
        let mut parts = Parts { vector, used: 0, draw: Draw::named(&format!("{} data", self.name)) };
        let loss = (self.loss)(&mut parts);
        assert_eq!(parts.used, self.parameters, "{}", self.name);
        loss
    }

    fn vector(&self, what: &str) -> Vec<f64> {
        numbers(&mut Draw::named(&format!("{} {what}", self.name)), self.parameters)
    }

    /// The product at a point, computed in this dtype.
    fn product(&self, dtype: DType, device: &Device) -> Vec<f64> {
        let of = |what| leaf(&self.vector(what), &[self.parameters], dtype, device);
        read(&hessian_vector_product(|w| self.at(w), &of("point"), &of("direction"))).unwrap()
    }

    /// The slope of the gradient along the direction, to fourth order.
    fn slope(&self) -> Vec<f64> {
        let (point, direction) = (self.vector("point"), self.vector("direction"));
        let gradient_at = |h: f64| {
            let moved: Vec<f64> = point.iter().zip(&direction).map(|(x, d)| x + h * d).collect();
            let moved = Tensor::from_slice(&moved, [self.parameters], &Device::cpu());
            gradient(|w| self.at(w))(&moved).to_vec::<f64>().unwrap()
        };
        let h = 1e-3;
        let [a, b, c, d] = [-2.0 * h, -h, h, 2.0 * h].map(gradient_at);
        let of = |i: usize| (8.0 * (c[i] - b[i]) - (d[i] - a[i])) / (12.0 * h);
        (0..self.parameters).map(of).collect()
    }
}

#[test]
fn products_are_the_slopes_of_gradients() {
    for model in &MODELS {
        let exact = model.product(DType::F64, &Device::cpu());
        assert!(exact.iter().any(|x| x.abs() > 1e-2), "{}: {exact:?}", model.name);
        let wrong = difference(&exact, &model.slope(), 1e-8, Against::Whole);
        assert_eq!(wrong, None, "{}", model.name);
    }
}

#[test]
fn every_device_has_the_same_products() {
    for model in &MODELS {
        let exact = model.product(DType::F64, &Device::cpu());
        let single = model.product(DType::F32, &Device::cpu());
        assert_eq!(difference(&single, &exact, 1e-5, Against::Whole), None, "{}", model.name);
        let Some(device) = gpu() else { continue };
        alone(|| {
            let got = model.product(DType::F32, device);
            assert_eq!(difference(&got, &exact, 2e-5, Against::Whole), None, "{}", model.name);
            check_guards(device).unwrap();
        });
    }
}
