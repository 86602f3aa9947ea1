//! Gradients that parameters hold, as PyTorch's do.

use anygrad_graph::Tensor;

use crate::gradients::Gradients;
use crate::params::Params;
use crate::store::Kind;

impl Params {
    /// Records the gradients of the scalar `loss` and *adds* them to those the parameters hold, as PyTorch's
    /// `loss.backward()` does: the gradients of several losses accumulate until
    /// [`take_gradients`](Params::take_gradients) or [`zero_grad`](Params::zero_grad). Frozen parameters get none.
    /// [`grad`](Params::grad) returns gradients instead, and holds nothing.
    ///
    /// So a batch that does not fit into memory is `k` smaller ones, each with its mean loss divided by `k`: where they
    /// are equally large, the sum of their gradients is that of the whole batch, but for rounding and for batch
    /// normalisation, whose statistics are those of each part.
    ///
    /// Nothing runs. What accumulates over many losses is one graph until it is evaluated: call
    /// [`eval`](Params::eval) after each `backward` to give the memory of its forward pass back before the next.
    /// An error in the loss or in a gradient comes out of that, or of the step.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, Layer, Linear, Optimizer, Params, Sgd, mse};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let fc = Linear::new(params.at("fc"), 2, 1);
    /// for part in 0..4 {
    ///     let x = Tensor::full([8, 2], f64::from(part), anygrad_graph::DType::F32, &device);
    ///     let loss = mse(&fc.forward(&x, &mut Ctx::train(0)), &Tensor::zeros([8, 1], &device)) / 4.0;
    ///     params.backward(&loss); // adds a quarter of the batch
    ///     params.eval(&[])?; // runs it
    /// }
    /// Sgd::default().step(&params, params.take_gradients(), 0.1)?;
    /// assert!(params.gradient("fc.weight").is_none());
    /// # Ok::<(), anygrad_nn::Error>(())
    /// ```
    #[track_caller]
    pub fn backward(&self, loss: &Tensor) {
        let (loss, gradients) = self.grad(loss).into_parts();
        let mut store = self.lock();
        store.loss = Some(sum(store.loss.take(), &loss));
        for (path, gradient) in gradients {
            if let Some(slot) = store.get_mut(&path) {
                slot.gradient = Some(sum(slot.gradient.take(), &gradient));
            }
        }
    }

    /// The gradient that the parameter at `path` holds, if [`backward`](Params::backward) has given it one.
    pub fn gradient(&self, path: &str) -> Option<Tensor> {
        self.lock().get(path).and_then(|slot| slot.gradient.clone())
    }

    /// Takes the gradients that the parameters hold, with the sum of their losses, out of the store: what an
    /// optimizer's [`step`](crate::Optimizer::step) is given. The next [`backward`](Params::backward) starts anew.
    pub fn take_gradients(&self) -> Gradients {
        let mut store = self.lock();
        let loss = store.loss.take();
        let held = store.slots_mut().iter_mut().filter(|slot| slot.kind == Kind::Parameter);
        let entries = held.filter_map(|slot| Some((slot.path.clone(), slot.gradient.take()?))).collect();
        Gradients::new(loss.unwrap_or_else(|| Tensor::zeros([], self.device())), entries)
    }

    /// Forgets the gradients that the parameters hold.
    pub fn zero_grad(&self) {
        drop(self.take_gradients());
    }
}

#[track_caller]
fn sum(before: Option<Tensor>, more: &Tensor) -> Tensor {
    before.map_or_else(|| more.clone(), |before| before + more)
}
