//! Where a layer's parameters are, and its handle to one.

use std::sync::Arc;

use anygrad_graph::{DType, Shape, Tensor};

use crate::error::{Error, Result};
use crate::init::Init;
use crate::mixed::cast;
use crate::params::{Params, fitting};
use crate::store::{Kind, Slot};

/// A place in a store: what a layer is given to put its parameters under.
#[derive(Clone, Debug)]
pub struct ParamPath {
    params: Params,
    path: Arc<str>,
}

impl ParamPath {
    /// The top of `params`.
    pub(crate) fn top(params: &Params) -> Self {
        Self { params: params.clone(), path: "".into() }
    }

    /// The place `name` under this one: `params.at("model").at("fc1")` is `params.at("model.fc1")`.
    pub fn at(&self, name: impl AsRef<str>) -> ParamPath {
        ParamPath { params: self.params.clone(), path: self.join(name.as_ref()) }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// The store.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Makes the parameter `name` here, of the store's dtype.
    pub fn parameter(&self, name: &str, shape: impl Into<Shape>, init: Init) -> Param {
        self.create(name, Kind::Parameter, &shape.into(), self.params.dtype(), init)
    }

    /// Makes the buffer `name` here: part of the model and of its checkpoints, but not trained.
    pub fn buffer(&self, name: &str, shape: impl Into<Shape>, dtype: DType, init: Init) -> Param {
        self.create(name, Kind::Buffer, &shape.into(), dtype, init)
    }

    fn join(&self, name: &str) -> Arc<str> {
        match (&*self.path, name) {
            ("", name) => name.into(),
            (path, "") => path.into(),
            (path, name) => format!("{path}.{name}").into(),
        }
    }

    fn create(&self, name: &str, kind: Kind, shape: &Shape, dtype: DType, init: Init) -> Param {
        let path = self.join(name);
        let leaf = self.params.leaf(&path, shape, dtype, init);
        let mut store = self.params.lock();
        match leaf {
            Ok(leaf) => store.add(Slot::new(path.clone(), kind, leaf)),
            Err(error) => store.fail(error),
        }
        drop(store);
        Param { params: self.params.clone(), path }
    }
}

/// A layer's handle to an entry of the store.
#[derive(Clone, Debug)]
pub struct Param {
    params: Params,
    path: Arc<str>,
}

impl Param {
    /// The value now, in the dtype of [`autocast`](crate::autocast) if it is a parameter; poisoned if the store is.
    #[track_caller]
    pub fn tensor(&self) -> Tensor {
        let store = self.params.lock();
        match (&store.error, store.get(&self.path)) {
            (None, Some(slot)) => match cast() {
                Some(dtype) if slot.kind == Kind::Parameter => slot.latest().to_dtype(dtype),
                _ => slot.latest().clone(),
            },
            (Some(error), _) => Tensor::wrong("model", error.to_string(), &[]),
            (None, None) => Tensor::wrong("model", format!("there is no parameter {}", self.path), &[]),
        }
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Number of scalars.
    pub fn numel(&self) -> usize {
        self.params.lock().get(&self.path).map_or(0, |slot| slot.value.numel())
    }

    /// Makes `value` what the entry holds from now on, for running averages. It is computed by the next step or by
    /// [`Params::eval`]. A poisoned value is left out, since what made it poisons the loss as well.
    ///
    /// # Errors
    /// The shape or the dtype is not the entry's.
    pub fn replace(&self, value: Tensor) -> Result<()> {
        let mut store = self.params.lock();
        if value.check().is_err() {
            return Ok(());
        }
        match store.get_mut(&self.path) {
            Some(slot) => {
                fitting("replace", slot, &value)?;
                slot.next = Some(value);
                Ok(())
            }
            None => Err(Error::UnknownPath { path: self.path.to_string() }),
        }
    }

    /// Makes the entry anew with another shape or other values; for builders of layers.
    pub(crate) fn remake(&self, shape: &Shape, init: Init) {
        let leaf = self.params.leaf(&self.path, shape, self.params.dtype(), init);
        let mut store = self.params.lock();
        match leaf {
            Ok(leaf) => {
                if let Some(slot) = store.get_mut(&self.path) {
                    slot.set(leaf);
                }
            }
            Err(error) => store.fail(error),
        }
    }

    /// Replaces the initial values by what `change` makes of them; for builders of layers.
    pub(crate) fn edit(&self, change: impl FnOnce(&Tensor) -> Tensor) {
        // of a poisoned store this fails, and the first error stays
        if let Err(error) = self.params.set(&self.path, &change(&self.tensor())) {
            self.params.lock().fail(error);
        }
    }

    /// Makes `value` what a parameter is from now on, before the step: gradients are taken with respect to it, and the
    /// step goes on from it. Does so once between steps and says whether it did, since gradients cannot be taken with
    /// respect to two tensors.
    pub(crate) fn prepare(&self, value: &Tensor) -> bool {
        let mut store = self.params.lock();
        match store.get_mut(&self.path) {
            Some(slot) if !slot.prepared && value.check().is_ok() => {
                slot.promise(value.clone());
                slot.prepared = true;
                true
            }
            _ => false,
        }
    }

    /// Takes the entry out of the store; for builders of layers.
    pub(crate) fn remove(self) {
        self.params.lock().remove(&self.path);
    }
}
