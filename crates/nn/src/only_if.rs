//! Updates that the device decides about.

use std::collections::HashMap;
use std::sync::Arc;

use anygrad_graph::{DType, Tensor};

use crate::error::{Error, Result};
use crate::init::Init;
use crate::optim::Optimizer;
use crate::params::Params;
use crate::store::{Kind, Slot, state_path};

impl Params {
    /// Makes the state that `optimizer` keeps for each trained parameter, zeros, where there is none yet. An optimizer
    /// does so by itself in its first step; done before, the first step that [`only_if`](Params::only_if) decides about
    /// has the plan of all others.
    ///
    /// # Errors
    /// The device has no memory left.
    pub fn prepare_state(&self, optimizer: &(impl Optimizer + ?Sized)) -> Result<()> {
        let trained = self.iter().filter(|entry| entry.kind == Kind::Parameter && !entry.frozen);
        for entry in trained.collect::<Vec<_>>() {
            for name in optimizer.state() {
                let path: Arc<str> = state_path(&entry.path, name).into();
                if self.lock().get(&path).is_none() {
                    let zeros = self.leaf(&path, entry.tensor.shape(), entry.tensor.dtype(), Init::Zeros)?;
                    self.lock().add(Slot::new(path, Kind::State, zeros));
                }
            }
        }
        Ok(())
    }

    /// Makes everything that `record` leaves pending in the store, and what forward passes have left there before,
    /// take place only if `condition`, a bool scalar, is true when it is computed: parameters, optimizer state and
    /// running averages stay as they are otherwise. Nothing runs, and nothing is read back: the choice is part of the
    /// same plan. For steps whose gradients may not be numbers.
    ///
    /// State that `record` creates starts at 0. The number of updates, which Adam corrects its averages by, counts
    /// updates that did not take place, too, since only the device knows of them.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, Layer, Linear, Optimizer, Params, Sgd, mse};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let fc = Linear::new(params.at("fc"), 2, 1);
    /// let before = params.get("fc.weight").and_then(|w| w.to_vec::<f32>().ok());
    /// let x = Tensor::full([3, 2], f64::INFINITY, anygrad_graph::DType::F32, &device);
    /// let loss = mse(&fc.forward(&x, &mut Ctx::train(0)), &Tensor::zeros([3, 1], &device));
    /// let gradients = params.grad(&loss);
    /// let finite = gradients.all_finite();
    /// params.only_if(&finite, || Sgd::default().apply(&params, gradients, 0.1))?;
    /// params.eval(&[])?;
    /// assert_eq!(params.get("fc.weight").and_then(|w| w.to_vec::<f32>().ok()), before);
    /// # Ok::<(), anygrad_nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// That of `record`; `condition` is not a bool scalar.
    #[track_caller]
    pub fn only_if(&self, condition: &Tensor, record: impl FnOnce() -> Result<()>) -> Result<()> {
        condition.check()?;
        if condition.dtype() != DType::Bool || !condition.shape().is_empty() {
            let message =
                format!("the condition is {} {}, not a bool scalar", condition.dtype(), condition.shape());
            return Err(Error::Setting { what: "only_if", message });
        }
        let before: HashMap<Arc<str>, Tensor> =
            self.lock().slots().iter().map(|slot| (slot.path.clone(), slot.value.clone())).collect();
        record()?;
        let new: Vec<Arc<str>> = {
            let store = self.lock();
            let new = store.slots().iter().filter(|slot| !before.contains_key(&slot.path));
            new.map(|slot| slot.path.clone()).collect()
        };
        let choose = |new: &Tensor, old: &Tensor| condition.expand(new.shape()).select(new, old);
        for path in new {
            let value = self.lock().find(&path)?.value.clone();
            let zero = self.leaf(&path, value.shape(), value.dtype(), Init::Zeros)?;
            if let Some(slot) = self.lock().get_mut(&path) {
                slot.promise(choose(&value, &zero));
            }
        }
        for slot in self.lock().slots_mut() {
            let Some(old) = before.get(&slot.path) else { continue };
            if let Some(next) = slot.next.take() {
                slot.next = Some(choose(&next, old));
            } else if slot.pending && !slot.value.is(old) {
                slot.promise(choose(&slot.value, old));
            }
        }
        Ok(())
    }
}
