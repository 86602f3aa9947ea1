//! Averages of weights over the steps of training.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anygrad_graph::Tensor;

use crate::error::{Error, Result};
use crate::gradients::Gradients;
use crate::optim::Optimizer;
use crate::params::Params;
use crate::store::{Kind, Slot, state_path};

/// The name of the state that an average is kept as.
const NAME: &str = "ema";

/// An exponential average of the weights (Polyak & Juditsky 1992), which often predicts better than the weights
/// themselves: `average = decay · average + (1 − decay) · weights` after each step, for every parameter that is
/// trained. Buffers, such as the averages of batch normalisation, are not averaged.
///
/// An average starts from the weights as they are when the `Ema` is made, as in Keras; see
/// [`corrected`](Ema::corrected). It is state of the store, at `optimizer.fc.weight.ema`, so checkpoints with state
/// hold it: an `Ema` made for a store that has one goes on with it. Cloning gives another handle to the same averages.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Ema, Layer, Linear, Optimizer, Params, Sgd, mse};
/// let params = Params::new(&Device::cpu(), 42);
/// let fc = Linear::new(params.at("fc"), 2, 1);
/// let ema = Ema::new(&params, 0.999)?;
/// let optimizer = ema.around(Sgd::default()); // every step of it updates the averages, in the same plan
/// let (x, t) = (Tensor::ones([4, 2], &Device::cpu()), Tensor::zeros([4, 1], &Device::cpu()));
/// for step in 0..3 {
///     let loss = mse(&fc.forward(&x, &mut Ctx::train_step(42, step)), &t);
///     optimizer.step(&params, params.grad(&loss), 0.1)?;
/// }
/// let y = ema.evaluate(|| fc.forward(&x, &mut Ctx::eval()).to_vec::<f32>())?; // by the average weights
/// # y?;
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
#[doc(alias("AveragedModel", "ExponentialMovingAverage"))]
#[derive(Clone, Debug)]
pub struct Ema {
    params: Params,
    decay: f64,
    corrected: bool,
    /// The weights themselves, while the averages are in their place.
    weights: Arc<Mutex<Option<Weights>>>,
}

type Weights = Vec<(Arc<str>, Tensor)>;

impl Ema {
    /// Averages of all parameters of `params` that are not frozen.
    ///
    /// # Errors
    /// `decay` is not in [0, 1); the store is wrong; the device failed.
    pub fn new(params: &Params, decay: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&decay) {
            let message = format!("decay is {decay}; it must be in [0, 1)");
            return Err(Error::Setting { what: "Ema", message });
        }
        params.check()?;
        params.eval(&[])?;
        let weights = Arc::new(Mutex::new(None));
        let ema = Self { params: params.clone(), decay, corrected: false, weights };
        for (path, weight, _) in ema.trained().into_iter().filter(|(path, ..)| ema.get(path).is_none()) {
            let path: Arc<str> = state_path(&path, NAME).into();
            // in memory of its own from the start, so that the first step has the program of all others
            let copy = (weight * 1.0).named(path.clone())?;
            params.lock().add(Slot::new(path, Kind::State, copy));
        }
        Ok(ema)
    }

    /// Without the share of the weights it started from, which a plain average keeps for about 1 / (1 − decay)
    /// steps: after `t` steps it is `Σ decay^(t−i)·wᵢ / Σ decay^(t−i)` over the weights after each step. For training
    /// from the start, with one [`update`](Ema::update) after each step.
    #[must_use]
    pub fn corrected(mut self) -> Self {
        self.corrected = true;
        self
    }

    /// `optimizer`, with an [`update`](Ema::update) in each of its steps.
    pub fn around<O: Optimizer>(&self, optimizer: O) -> Averaged<O> {
        Averaged { inner: optimizer, ema: self.clone() }
    }

    /// Records the averages after a step; [`Params::eval`] runs it. Where an optimizer that is
    /// [around](Ema::around) another does not fit, call it after [`apply`](crate::Optimizer::apply), so that step and
    /// averages are one plan.
    ///
    /// # Errors
    /// The averages are in the place of the weights.
    pub fn update(&self) -> Result<()> {
        self.ready()?;
        for (path, weight, updates) in self.trained() {
            let kept = if self.corrected { self.corrected_decay(updates) } else { self.decay };
            let next = self.get(&path).map(|average| average * kept + &weight * (1.0 - kept));
            let state: Arc<str> = state_path(&path, NAME).into();
            let mut store = self.params.lock();
            match (store.get_mut(&state), next) {
                (Some(slot), Some(next)) => slot.promise(next),
                // unfrozen since
                _ => {
                    let mut slot = Slot::new(state, Kind::State, weight * 1.0);
                    slot.pending = true;
                    store.add(slot);
                }
            }
        }
        Ok(())
    }

    /// What the corrected average keeps of itself in update `t`: `v̂ₜ = vₜ / (1 − βᵗ)` with `vₜ = β·vₜ₋₁ + (1 − β)·wₜ`
    /// is `k·v̂ₜ₋₁ + (1 − k)·wₜ` with this `k`, and needs no memory but v̂.
    fn corrected_decay(&self, t: u64) -> f64 {
        if t <= 1 {
            return 0.0;
        }
        let power = |t: u64| 1.0 - self.decay.powf(t as f64);
        self.decay * power(t - 1) / power(t)
    }

    /// The average of the parameter at `path`, if it has one.
    pub fn get(&self, path: &str) -> Option<Tensor> {
        self.params.get(&state_path(path, NAME))
    }

    /// Puts the averages in the place of the weights, to evaluate or to save them, and the next time the weights
    /// back. Training does not go on in between.
    ///
    /// # Errors
    /// The device failed; nothing is changed then.
    pub fn swap(&self) -> Result<()> {
        self.params.eval(&[])?;
        let mut held = self.weights();
        let (values, weights) = match held.take() {
            Some(weights) => (weights, None),
            None => {
                let averaged = |(path, weight, _): (Arc<str>, Tensor, u64)| {
                    let average = self.get(&path)?;
                    Some((path.clone(), weight, average.named(path)))
                };
                let mut weights = Vec::new();
                let mut averages = Vec::new();
                for (path, weight, average) in self.trained().into_iter().filter_map(averaged) {
                    averages.push((path.clone(), average?));
                    weights.push((path, weight));
                }
                (averages, Some(weights))
            }
        };
        *held = weights;
        let mut store = self.params.lock();
        for (path, value) in values {
            if let Some(slot) = store.get_mut(&path) {
                slot.set(value);
            }
        }
        Ok(())
    }

    /// What `f` gives while the averages are in the place of the weights. Let `f` compute values, for what it leaves
    /// pending would hold the averages until it is computed.
    ///
    /// # Errors
    /// As [`swap`](Ema::swap); the averages are in the place of the weights already.
    pub fn evaluate<T>(&self, f: impl FnOnce() -> T) -> Result<T> {
        if self.weights().is_some() {
            let message = "the averages are in the place of the weights already".into();
            return Err(Error::Setting { what: "Ema", message });
        }
        self.swap()?;
        let found = f();
        self.swap()?;
        Ok(found)
    }

    /// Whether the weights are in their place.
    fn ready(&self) -> Result<()> {
        if self.weights().is_some() {
            let message = "the averages are in the place of the weights; swap them back first".into();
            return Err(Error::Setting { what: "Ema", message });
        }
        Ok(())
    }

    fn weights(&self) -> MutexGuard<'_, Option<Weights>> {
        self.weights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Path, value and number of updates of each parameter that is trained.
    fn trained(&self) -> Vec<(Arc<str>, Tensor, u64)> {
        let store = self.params.lock();
        let trained = store.slots().iter().filter(|slot| slot.kind == Kind::Parameter && !slot.frozen);
        trained.map(|slot| (slot.path.clone(), slot.value.clone(), slot.updates)).collect()
    }
}

/// An optimizer whose steps update an [`Ema`]; see [`Ema::around`]. It goes around all other wrappers.
#[derive(Clone, Debug)]
pub struct Averaged<O> {
    inner: O,
    ema: Ema,
}

impl<O: Optimizer> Optimizer for Averaged<O> {
    fn state(&self) -> &'static [&'static str] {
        self.inner.state()
    }

    fn update(&self, _: u64, _: f64, w: &Tensor, _: &Tensor, _: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        // another wrapper would take the rule out of here and leave the averages as they are
        let message = "goes around all other wrappers of an optimizer, not into one";
        (Tensor::wrong("Ema::around", message, &[("parameter", w)]), vec![])
    }

    fn check(&self) -> Result<()> {
        self.inner.check()
    }

    fn default_rate(&self) -> f64 {
        self.inner.default_rate()
    }

    fn apply(&self, params: &Params, gradients: Gradients, lr: f64) -> Result<()> {
        if !self.ema.params.is(params) {
            let message = "the averages are of other parameters than those of the step".into();
            return Err(Error::Setting { what: "Ema", message });
        }
        self.ema.ready()?;
        self.inner.apply(params, gradients, lr)?;
        self.ema.update()
    }
}
