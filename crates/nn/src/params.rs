//! The parameters of a model, by path.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anygrad_graph::{DType, Device, Explanation, Shape, Tensor, f16};

use crate::error::{Error, Mismatch, Result};
use crate::glob::fits;
use crate::gradients::Gradients;
use crate::init::Init;
use crate::packing;
use crate::param::ParamPath;
use crate::random::Stream;
use crate::store::{Kind, Slot, Store};

/// The parameters, buffers and optimizer state of a model, in the order in which they were made. Cloning gives
/// another handle to the same store.
///
/// Initial values are computed on the CPU from the seed and the parameter's path, and uploaded: one seed gives the
/// same bits on every device, and adding a layer does not change the values of the others.
///
/// A path that is used twice, or values that cannot be made, poison the store: the error comes out of
/// [`check`](Params::check), of every loss, and of the optimizer's step.
///
/// ```
/// use anygrad_graph::Device;
/// use anygrad_nn::{Linear, Params};
/// let params = Params::new(&Device::cpu(), 42);
/// let _fc = Linear::new(params.at("fc"), 784, 10);
/// assert_eq!(params.len(), 2);
/// assert_eq!(params.count(), 7850);
/// assert_eq!(params.get("fc.weight").map(|w| w.shape().to_vec()), Some(vec![10, 784]));
/// ```
#[derive(Clone)]
pub struct Params(Arc<Inner>);

struct Inner {
    device: Device,
    dtype: DType,
    seed: u64,
    store: Mutex<Store>,
}

/// One entry of the store; see [`Params::iter`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The path, `model.fc1.weight`.
    pub path: Arc<str>,
    /// What it is for.
    pub kind: Kind,
    /// The value now. Holding it makes the next step write elsewhere instead of in place.
    pub tensor: Tensor,
    /// Whether it is kept as it is.
    pub frozen: bool,
}

impl Params {
    /// An empty store of f32 parameters on `device`; `seed` is that of all initial values.
    pub fn new(device: &Device, seed: u64) -> Self {
        Self::with_dtype(device, seed, DType::F32)
    }

    /// An empty store of parameters of another float type: f64 on the CPU, for checking gradients, or f16, for running
    /// a trained model in half of the memory. Train in f32: small updates of an f16 parameter round to nothing.
    pub fn with_dtype(device: &Device, seed: u64, dtype: DType) -> Self {
        let mut store = Store::default();
        if !dtype.is_float() {
            store.fail(Error::Setting {
                what: "params",
                message: format!("parameters are floats, not {dtype}"),
            });
        }
        Self(Arc::new(Inner { device: device.clone(), dtype, seed, store: Mutex::new(store) }))
    }

    /// The place `path` of the store, `"model.fc1"`, for a layer to put its parameters under.
    pub fn at(&self, path: impl AsRef<str>) -> ParamPath {
        ParamPath::top(self).at(path)
    }

    /// The device the parameters are on.
    pub fn device(&self) -> &Device {
        &self.0.device
    }

    /// The dtype of the parameters.
    pub fn dtype(&self) -> DType {
        self.0.dtype
    }

    /// The seed of the initial values.
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// Whether the store was built without a mistake.
    ///
    /// # Errors
    /// The first mistake: a path used twice, or values that could not be made.
    pub fn check(&self) -> Result<()> {
        self.lock().check()
    }

    /// Number of parameters and buffers, not counting optimizer state.
    pub fn len(&self) -> usize {
        self.lock().slots().iter().filter(|slot| slot.kind != Kind::State).count()
    }

    /// Whether there is no parameter and no buffer.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of scalars in all parameters, frozen ones included; buffers are not counted.
    pub fn count(&self) -> usize {
        let store = self.lock();
        store.slots().iter().filter(|slot| slot.kind == Kind::Parameter).map(|slot| slot.value.numel()).sum()
    }

    /// The parameters and buffers, in the order in which they were made.
    pub fn iter(&self) -> impl Iterator<Item = Entry> + use<> {
        self.entries(|kind| kind != Kind::State)
    }

    /// The optimizer's state, at paths like `optimizer.fc1.weight.exp_avg`.
    pub fn state(&self) -> impl Iterator<Item = Entry> + use<> {
        self.entries(|kind| kind == Kind::State)
    }

    fn entries(&self, choose: impl Fn(Kind) -> bool) -> std::vec::IntoIter<Entry> {
        let store = self.lock();
        let entry = |slot: &Slot| Entry {
            path: slot.path.clone(),
            kind: slot.kind,
            tensor: slot.latest().clone(),
            frozen: slot.frozen,
        };
        let entries: Vec<Entry> = store.slots().iter().filter(|slot| choose(slot.kind)).map(entry).collect();
        entries.into_iter()
    }

    /// The value at `path` now, if there is such an entry.
    pub fn get(&self, path: &str) -> Option<Tensor> {
        self.lock().get(path).map(|slot| slot.latest().clone())
    }

    /// Replaces the value at `path`; it is evaluated.
    ///
    /// # Errors
    /// There is no such entry; shape, dtype or device differ; the value cannot be computed.
    pub fn set(&self, path: &str, value: &Tensor) -> Result<()> {
        let name = {
            let store = self.lock();
            let slot = store.find(path)?;
            value.check()?;
            fitting("set", slot, value)?;
            slot.path.clone()
        };
        if value.device() != self.device() {
            let message = format!("{path} is on {}, the value on {}", self.device(), value.device());
            return Err(Error::Setting { what: "set", message });
        }
        let leaf = value.named(name)?;
        if let Some(slot) = self.lock().get_mut(path) {
            slot.set(leaf);
        }
        Ok(())
    }

    /// Stops training the parameters whose path fits `pattern`, in which `*` stands for any characters and `?`
    /// for one: `"conv*"`. Returns how many fit.
    ///
    /// # Errors
    /// None fits.
    pub fn freeze(&self, pattern: &str) -> Result<usize> {
        self.set_frozen(pattern, true)
    }

    /// Trains the parameters whose path fits `pattern` again; see [`freeze`](Params::freeze).
    ///
    /// # Errors
    /// None fits.
    pub fn unfreeze(&self, pattern: &str) -> Result<usize> {
        self.set_frozen(pattern, false)
    }

    fn set_frozen(&self, pattern: &str, frozen: bool) -> Result<usize> {
        let mut found = 0;
        for slot in self.lock().slots_mut() {
            if slot.kind == Kind::Parameter && fits(pattern, &slot.path) {
                slot.frozen = frozen;
                slot.gradient = slot.gradient.take().filter(|_| !frozen);
                found += 1;
            }
        }
        if found == 0 { Err(Error::NoMatch { pattern: pattern.to_owned() }) } else { Ok(found) }
    }

    /// Records the gradients of the scalar `loss` with respect to every parameter that is not frozen. Nothing
    /// runs. The gradient of a parameter that the loss does not reach is an error which names it, and comes out of
    /// the step; freeze what is meant to be left out.
    #[track_caller]
    pub fn grad(&self, loss: &Tensor) -> Gradients {
        let trained: Vec<(Arc<str>, Tensor)> = {
            let store = self.lock();
            let trained = store.slots().iter().filter(|slot| slot.kind == Kind::Parameter && !slot.frozen);
            trained.map(|slot| (slot.path.clone(), slot.value.clone())).collect()
        };
        let wrt: Vec<&Tensor> = trained.iter().map(|(_, tensor)| tensor).collect();
        // before anything runs, so that the first step has the program of all others
        packing::side_by_side(&wrt);
        let gradients = anygrad_graph::grad(loss, &wrt);
        let paths = trained.iter().map(|(path, _)| path.clone());
        Gradients::new(loss.clone(), paths.zip(gradients).collect())
    }

    /// Computes everything that updates and [`backward`](Params::backward) have left pending in the store, and
    /// `more`, in one run. An optimizer's
    /// [`step`](crate::Optimizer::step) does this; call it after [`apply`](crate::Optimizer::apply), or after
    /// forward passes in training mode without a step.
    ///
    /// # Errors
    /// The first error of recording, or a failure of the device.
    pub fn eval(&self, more: &[&Tensor]) -> Result<()> {
        let (pending, held) = self.promised();
        anygrad_graph::eval(&roots(&pending, &held, more))?;
        let mut store = self.lock();
        for (path, tensor) in pending {
            // what was put here meanwhile stays
            if let Some(slot) = store.get_mut(&path).filter(|slot| slot.value.is(&tensor)) {
                slot.set(tensor.named(path)?);
            }
        }
        Ok(())
    }

    /// What [`eval`](Params::eval) would run now: kernels, work, and the memory that it takes. Runs nothing.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Adam, Ctx, Layer, Linear, Optimizer, Params, mse};
    /// let params = Params::new(&Device::cpu(), 42);
    /// let model = Linear::new(params.at("fc"), 3, 1);
    /// let (x, y) = (Tensor::ones([8, 3], params.device()), Tensor::zeros([8, 1], params.device()));
    /// let loss = mse(&model.forward(&x, &mut Ctx::train(1)), &y);
    /// Adam::default().apply(&params, params.grad(&loss), 1e-3)?;
    /// println!("{}", params.explain(&[&loss])?);
    /// params.eval(&[&loss])?;
    /// # Ok::<(), anygrad_nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// The first error of recording.
    pub fn explain(&self, more: &[&Tensor]) -> Result<Explanation> {
        let (pending, held) = self.promised();
        Ok(anygrad_graph::explain(&roots(&pending, &held, more))?)
    }

    /// The values that are pending in the store, by path, and the gradients in it. What was recorded takes the place
    /// of what it was made from, so that a run may overwrite that.
    fn promised(&self) -> (Vec<(Arc<str>, Tensor)>, Vec<Tensor>) {
        let mut store = self.lock();
        for slot in store.slots_mut() {
            if let Some(next) = slot.next.take() {
                slot.promise(next);
            }
        }
        let pending = store.slots().iter().filter(|slot| slot.pending);
        (pending.map(|slot| (slot.path.clone(), slot.value.clone())).collect(), store.gradients())
    }

    /// Whether both are handles to one store.
    pub fn is(&self, other: &Params) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A leaf on the device, called `path`.
    pub(crate) fn leaf(&self, path: &Arc<str>, shape: &Shape, dtype: DType, init: Init) -> Result<Tensor> {
        let wrong =
            |message| Error::Initial { path: path.to_string(), shape: Box::new(shape.clone()), message };
        let count = match shape.checked_numel() {
            Some(count) if count <= u32::MAX as usize => count as u64,
            _ => return Err(wrong("has 2^32 elements or more".into())),
        };
        let stream = Stream::new(self.seed(), path);
        let sampler = init.sampler(shape, &stream).map_err(wrong)?;
        let values = (0..count).map(|i| sampler.at(&stream, i));
        let device = self.device();
        let leaf = match dtype {
            DType::F32 => Tensor::from_slice(&values.map(|x| x as f32).collect::<Vec<_>>(), shape, device),
            DType::F64 => Tensor::from_slice(&values.collect::<Vec<_>>(), shape, device),
            DType::F16 => {
                let halves: Vec<f16> = values.map(|x| f16::from_f32(x as f32)).collect();
                Tensor::from_slice(&halves, shape, device)
            }
            DType::I32 => Tensor::from_slice(&values.map(|x| x as i32).collect::<Vec<_>>(), shape, device),
            _ => return Err(wrong(format!("entries are floats or i32, not {dtype}"))),
        };
        Ok(leaf.named(path.clone())?)
    }
}

/// That `value` has the shape and the dtype of an entry.
pub(crate) fn fitting(what: &'static str, slot: &Slot, value: &Tensor) -> Result<()> {
    if value.shape() == slot.value.shape() && value.dtype() == slot.value.dtype() {
        return Ok(());
    }
    Err(Error::Mismatch(Box::new(Mismatch {
        what,
        path: slot.path.to_string(),
        expected: (slot.value.dtype(), slot.value.shape().clone()),
        found: (value.dtype(), value.shape().clone()),
    })))
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shapes = self.iter().map(|entry| (entry.path, entry.tensor.shape().clone()));
        f.debug_map().entries(shapes).finish()
    }
}

/// What a run computes.
fn roots<'a>(pending: &'a [(Arc<str>, Tensor)], held: &'a [Tensor], more: &[&'a Tensor]) -> Vec<&'a Tensor> {
    pending.iter().map(|(_, tensor)| tensor).chain(held).chain(more.iter().copied()).collect()
}
