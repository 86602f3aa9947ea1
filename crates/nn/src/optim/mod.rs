//! Optimizers: pure rules that turn a parameter and its gradient into a new parameter.

pub mod adadelta;
pub mod adagrad;
pub mod adam;
pub mod adamax;
pub mod constrained;
mod forward;
pub mod ftrl;
pub mod groups;
pub mod lamb;
pub mod lbfgs;
pub mod lion;
pub mod nadam;
pub mod named;
pub mod newton;
pub mod radam;
pub mod rmsprop;
pub mod sgd;
mod space;

use std::collections::BTreeSet;
use std::sync::Arc;

use anygrad_graph::{DType, Shape, Tensor, scoped};

use crate::error::{Error, Result};
use crate::glob::fits;
use crate::gradients::Gradients;
use crate::init::Init;
use crate::packing;
use crate::params::{Params, fitting};
use crate::store::{Kind, Slot, state_path};

/// An optimizer. A rule implements [`update`](Optimizer::update), which records a new parameter and never
/// changes anything; [`step`](Optimizer::step) applies it to a whole store.
///
/// ```
/// use anygrad_graph::Tensor;
/// use anygrad_nn::Optimizer;
///
/// /// Moves by the sign of the gradient alone (Bernstein et al. 2018).
/// struct SignSgd;
///
/// impl Optimizer for SignSgd {
///     fn update(&self, _step: u64, lr: f64, param: &Tensor, grad: &Tensor, _: &[Tensor]) -> (Tensor, Vec<Tensor>) {
///         (param - grad.sign() * lr, vec![])
///     }
/// }
/// ```
pub trait Optimizer {
    /// The names of the state tensors it keeps for each parameter, each of the parameter's shape and 0 at first.
    fn state(&self) -> &'static [&'static str] {
        &[]
    }

    /// The parameter and the state after update number `step`, counted from 1 for each parameter. `lr` and all
    /// other numbers become run-time numbers of the plan, so they may change from step to step.
    fn update(
        &self,
        step: u64,
        lr: f64,
        param: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> (Tensor, Vec<Tensor>);

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// A setting out of range, named.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// A learning rate to begin with, where nothing better is known; 1e-3 for most.
    fn default_rate(&self) -> f64 {
        1e-3
    }

    /// As [`state`](Optimizer::state), for optimizers that treat parameters differently by their path.
    fn state_at(&self, _path: &str) -> &'static [&'static str] {
        self.state()
    }

    /// As [`update`](Optimizer::update), for optimizers that treat parameters differently by their path.
    fn update_at(
        &self,
        _path: &str,
        step: u64,
        lr: f64,
        param: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> (Tensor, Vec<Tensor>) {
        self.update(step, lr, param, grad, state)
    }

    /// Whether the parameter at `path` is trained; all are, unless frozen in the store.
    fn trains(&self, _path: &str) -> bool {
        true
    }

    /// Whether the settings make sense for the parameters of a store; [`check`](Optimizer::check) is that for any.
    ///
    /// # Errors
    /// A pattern that was meant to choose parameters chooses none.
    fn check_for(&self, _params: &Params) -> Result<()> {
        Ok(())
    }

    /// One step of training: updates every parameter that `gradients` has and that is not frozen, and runs it all
    /// as one plan: forward, backward, update, running averages, and the loss.
    ///
    /// Old values are overwritten in place where nobody holds them. A step that was recorded with an error changes
    /// nothing. If the device fails while it runs, the updates stay recorded: [`Params::eval`] tries again, and
    /// [`Params::load`] or [`Params::set`] go back.
    ///
    /// # Errors
    /// The learning rate is not finite or below 0; the model, the loss or a gradient was recorded with an error; a
    /// gradient does not fit; the device failed.
    fn step(&self, params: &Params, gradients: Gradients, lr: f64) -> Result<()> {
        let loss = gradients.loss().clone();
        self.apply(params, gradients, lr)?;
        params.eval(&[&loss])
    }

    /// The part of [`step`](Optimizer::step) that records the updates without running them. Follow it with
    /// [`Params::eval`], which runs them together with anything else.
    ///
    /// # Errors
    /// As [`step`](Optimizer::step), but for the device.
    fn apply(&self, params: &Params, gradients: Gradients, lr: f64) -> Result<()> {
        if !(lr.is_finite() && lr >= 0.0) {
            return Err(Error::LearningRate { value: lr });
        }
        self.check()?;
        params.check()?;
        self.check_for(params)?;
        gradients.loss().check()?;
        let (_, entries) = gradients.into_parts();
        let mut trained = Vec::with_capacity(entries.len());
        for (path, gradient) in entries.iter().filter(|(path, _)| self.trains(path)) {
            gradient.check()?;
            if let Some(before) = Before::take(params, path, gradient, self.state_at(path))? {
                trained.push(before);
            }
        }
        pack_states(&trained);
        let mut updates = Vec::with_capacity(trained.len());
        for Before { path, gradient, param, names, state, updates: made } in trained {
            // profiles and messages name the parameter
            let (param, state) =
                scoped(path.clone(), || self.update_at(path, made + 1, lr, &param, gradient, &state));
            updates.push(Update { path: path.clone(), param, state, names });
        }
        updates.iter().try_for_each(|update| update.check(params))?;
        updates.into_iter().for_each(|update| update.install(params));
        Ok(())
    }
}

/// What a rule is given of a parameter.
struct Before<'a> {
    path: &'a Arc<str>,
    gradient: &'a Tensor,
    param: Tensor,
    names: &'static [&'static str],
    state: Vec<Tensor>,
    updates: u64,
}

/// Lays the state tensors of each name side by side in memory, as the parameters are.
fn pack_states(trained: &[Before<'_>]) {
    let names: BTreeSet<&str> = trained.iter().flat_map(|before| before.names).copied().collect();
    for name in names {
        let state = |before: &'_ Before<'_>| before.names.iter().position(|known| *known == name);
        let of_name = trained.iter().filter_map(|before| before.state.get(state(before)?));
        packing::side_by_side(&of_name.collect::<Vec<_>>());
    }
}

impl<'a> Before<'a> {
    /// `None` for a frozen parameter.
    fn take(
        params: &Params,
        path: &'a Arc<str>,
        gradient: &'a Tensor,
        names: &'static [&'static str],
    ) -> Result<Option<Self>> {
        let (param, known, updates) = {
            let store = params.lock();
            let slot = store.find(path)?;
            if slot.frozen {
                return Ok(None);
            }
            fitting("gradient", slot, gradient)?;
            let state = |name: &&str| store.get(&state_path(path, name)).map(|slot| slot.value.clone());
            (slot.value.clone(), names.iter().map(state).collect::<Vec<_>>(), slot.updates)
        };
        let (shape, dtype): (&Shape, DType) = (param.shape(), param.dtype());
        // zeros in memory from the start, so that the first step has the program of all others
        let zeros = |name: &str| params.leaf(&state_path(path, name).into(), shape, dtype, Init::Zeros);
        let state = known.into_iter().zip(names).map(|(tensor, name)| tensor.map_or_else(|| zeros(name), Ok));
        let state = state.collect::<Result<Vec<_>>>()?;
        Ok(Some(Self { path, gradient, param, names, state, updates }))
    }
}

/// What a rule gave back for a parameter.
struct Update {
    path: Arc<str>,
    param: Tensor,
    state: Vec<Tensor>,
    names: &'static [&'static str],
}

impl Update {
    fn check(&self, params: &Params) -> Result<()> {
        for tensor in std::iter::once(&self.param).chain(&self.state) {
            tensor.check()?;
            fitting("update", params.lock().find(&self.path)?, tensor)?;
        }
        if self.state.len() == self.names.len() {
            return Ok(());
        }
        let message =
            format!("gave {} state tensors for {}, not {}", self.state.len(), self.path, self.names.len());
        Err(Error::Setting { what: "update", message })
    }

    fn install(self, params: &Params) {
        let mut store = params.lock();
        if let Some(slot) = store.get_mut(&self.path) {
            slot.promise(self.param);
            slot.updates += 1;
        }
        for (name, tensor) in self.names.iter().zip(self.state) {
            let path: Arc<str> = state_path(&self.path, name).into();
            match store.get_mut(&path) {
                Some(slot) => slot.promise(tensor),
                None => {
                    let mut slot = Slot::new(path, Kind::State, tensor);
                    slot.pending = true;
                    store.add(slot);
                }
            }
        }
    }
}

/// An error unless `value` is in `[low, high)`.
fn within(what: &'static str, name: &str, value: f64, low: f64, high: f64) -> Result<()> {
    if value >= low && value < high {
        return Ok(());
    }
    let range = if high.is_finite() { format!("in [{low}, {high})") } else { format!("at least {low}") };
    Err(Error::Setting { what, message: format!("{name} is {value}; it must be {range}") })
}

/// An error unless both are in `[0, 1)`.
fn betas(what: &'static str, beta1: f64, beta2: f64) -> Result<()> {
    within(what, "beta1", beta1, 0.0, 1.0)?;
    within(what, "beta2", beta2, 0.0, 1.0)
}

/// The gradient with that of the L2 penalty `½·decay·‖w‖²` added.
fn penalised(grad: &Tensor, w: &Tensor, decay: f64) -> Tensor {
    if decay == 0.0 { grad.clone() } else { grad + w * decay }
}

/// The parameter and the gradient with weight decay, on either.
fn decayed(w: &Tensor, grad: &Tensor, lr: f64, decay: f64, decoupled: bool) -> (Tensor, Tensor) {
    if decoupled { (w * (1.0 - lr * decay), grad.clone()) } else { (w.clone(), penalised(grad, w, decay)) }
}

/// An error unless some parameter's path fits `pattern`.
fn known(params: &Params, pattern: &str) -> Result<()> {
    let parameter = |slot: &Slot| slot.kind == Kind::Parameter && fits(pattern, &slot.path);
    if params.lock().slots().iter().any(parameter) {
        return Ok(());
    }
    Err(Error::NoMatch { pattern: pattern.to_owned() })
}
