//! The parameters of a store as a vector, for methods that are driven from the host.

use std::sync::Arc;

use anygrad_graph::{DType, Device, Shape, Tensor};

use crate::error::{Error, Result};
use crate::params::Params;
use crate::store::Kind;

/// The trained parameters of a store as one vector, and a loss of them.
pub(super) struct Space<'a> {
    params: &'a Params,
    loss: &'a mut dyn FnMut() -> Tensor,
    places: Vec<(Arc<str>, Shape)>,
    /// Where the parameters were after the last whole iteration.
    base: Tensor,
}

/// A point along a direction, and what is there.
#[derive(Clone)]
pub(super) struct Point {
    /// How many directions it is away from the base.
    pub step: f64,
    pub loss: f64,
    pub gradient: Tensor,
    /// The change of the loss with the step.
    pub slope: f64,
    /// The largest element of the gradient.
    pub largest: f64,
}

impl<'a> Space<'a> {
    /// `what` is the method, for messages.
    pub fn new(what: &'static str, params: &'a Params, loss: &'a mut dyn FnMut() -> Tensor) -> Result<Self> {
        params.check()?;
        params.eval(&[])?;
        let (places, values): (Vec<_>, Vec<Tensor>) = {
            let store = params.lock();
            let trained = store.slots().iter().filter(|slot| slot.kind == Kind::Parameter && !slot.frozen);
            let place = |slot: &crate::store::Slot| (slot.path.clone(), slot.value.shape().clone());
            trained.map(|slot| (place(slot), slot.value.clone())).unzip()
        };
        if places.is_empty() {
            let message = "there is no parameter to train".into();
            return Err(Error::Setting { what, message });
        }
        let base = vector(values.iter()).detached()?;
        Ok(Self { params, loss, places, base })
    }

    /// Loss and gradient at the base.
    pub fn start(&mut self) -> Result<Point> {
        let (loss, gradient, largest) = self.record();
        self.params.eval(&[&loss, &gradient, &largest])?;
        let (loss, largest) = (loss.item_f64()?, largest.item_f64()?);
        Ok(Point { step: 0.0, loss, gradient, slope: 0.0, largest })
    }

    /// Loss and gradient `step` directions from the base, where the parameters are left.
    pub fn at(&mut self, direction: &Tensor, step: f64) -> Result<Point> {
        self.set(&(&self.base + direction * step))?;
        let (loss, gradient, largest) = self.record();
        let slope = gradient.dot(direction);
        self.params.eval(&[&loss, &gradient, &largest, &slope])?;
        let (loss, slope, largest) = (loss.item_f64()?, slope.item_f64()?, largest.item_f64()?);
        Ok(Point { step, loss, gradient, slope, largest })
    }

    /// Moves the base, and the parameters with it.
    pub fn go(&mut self, direction: &Tensor, step: f64) -> Result<()> {
        let base = (&self.base + direction * step).detached()?;
        self.set(&base)?;
        self.base = base;
        Ok(())
    }

    /// Puts the parameters back to the base.
    pub fn go_back(&mut self) -> Result<()> {
        self.set(&self.base)
    }

    /// Number of scalars.
    pub fn len(&self) -> usize {
        self.base.numel()
    }

    /// Loss, gradient and matrix of second derivatives at the base, on the CPU.
    pub fn curvature(&mut self) -> Result<(f64, Tensor, Tensor)> {
        let loss = (self.loss)();
        let values: Vec<Tensor> = {
            let store = self.params.lock();
            self.places
                .iter()
                .filter_map(|(path, _)| store.get(path).map(|slot| slot.value.clone()))
                .collect()
        };
        let wrt: Vec<&Tensor> = values.iter().collect();
        // a derivative need not depend on every parameter
        let nothing = values.iter().map(|value| value.sum_all() * 0.0).reduce(|sum, none| sum + none);
        let nothing = nothing.unwrap_or_else(|| loss.zeros_like());
        let gradient = vector(anygrad_graph::grad(&loss, &wrt).iter()) + &nothing;
        let row = |i: usize| {
            let derivative = gradient.slice(0, i, 1).sum_all();
            vector(anygrad_graph::grad(&derivative, &wrt).iter())
        };
        let rows: Vec<Tensor> = (0..self.len()).map(row).collect();
        let matrix = vector(rows.iter()).reshape([self.len(), self.len()]);
        self.params.eval(&[&loss, &gradient, &matrix])?;
        let cpu = |tensor: &Tensor| tensor.to(&Device::cpu()).to_dtype(DType::F64);
        Ok((loss.item_f64()?, cpu(&gradient), cpu(&matrix)))
    }

    /// Moves the base, and the parameters with it, by a vector on any device.
    pub fn go_by(&mut self, way: &Tensor) -> Result<()> {
        let way = way.to_dtype(self.base.dtype()).to(self.params.device());
        self.go(&way, 1.0)
    }

    fn record(&mut self) -> (Tensor, Tensor, Tensor) {
        let loss = (self.loss)();
        let gradients = self.params.grad(&loss);
        let gradient = vector(gradients.iter().map(|(_, gradient)| gradient));
        let largest = gradient.abs().max_all();
        (loss, gradient, largest)
    }

    fn set(&self, vector: &Tensor) -> Result<()> {
        let mut start = 0;
        {
            let mut store = self.params.lock();
            for (path, shape) in &self.places {
                let size = shape.iter().product::<usize>();
                if let Some(slot) = store.get_mut(path) {
                    slot.promise(vector.slice(0, start, size).reshape(shape.clone()));
                }
                start += size;
            }
        }
        self.params.eval(&[])
    }
}

/// Tensors one after another, row by row.
fn vector<'t>(tensors: impl Iterator<Item = &'t Tensor>) -> Tensor {
    let parts: Vec<Tensor> = tensors.map(|tensor| tensor.reshape([tensor.numel()])).collect();
    Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0)
}
