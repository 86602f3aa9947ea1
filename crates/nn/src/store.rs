//! The ordered list of entries behind [`Params`](crate::Params).

use std::collections::HashMap;
use std::sync::Arc;

use anygrad_graph::Tensor;

use crate::error::{Error, Result};

/// What an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Trained by gradients, unless frozen.
    Parameter,
    /// Part of the model but not trained: running averages.
    Buffer,
    /// An optimizer's memory of a parameter: momentum, averages of squares.
    State,
}

/// The prefix of the paths of optimizer state.
pub(crate) const STATE: &str = "optimizer.";

/// The path of an optimizer's state tensor.
pub(crate) fn state_path(parameter: &str, name: &str) -> String {
    format!("{STATE}{parameter}.{name}")
}

pub(crate) struct Slot {
    pub path: Arc<str>,
    pub kind: Kind,
    pub value: Tensor,
    /// What a forward pass wants the value to be from now on; taken over by the next step or `eval`.
    pub next: Option<Tensor>,
    /// Whether `value` was put here by an update and is not yet an evaluated leaf of this path's name.
    pub pending: bool,
    /// Whether `value` was put here by a forward pass, before the step whose gradients are taken with respect to it.
    pub prepared: bool,
    pub frozen: bool,
    /// How many updates an optimizer has made.
    pub updates: u64,
    /// The sum of what `backward` gave since the gradients were taken.
    pub gradient: Option<Tensor>,
}

impl Slot {
    pub fn new(path: Arc<str>, kind: Kind, value: Tensor) -> Self {
        Self {
            path,
            kind,
            value,
            next: None,
            pending: false,
            prepared: false,
            frozen: false,
            updates: 0,
            gradient: None,
        }
    }

    /// The value that counts now.
    pub fn latest(&self) -> &Tensor {
        self.next.as_ref().unwrap_or(&self.value)
    }

    /// Replaces the value by a leaf.
    pub fn set(&mut self, leaf: Tensor) {
        self.value = leaf;
        self.next = None;
        self.pending = false;
        self.prepared = false;
    }

    /// Replaces the value by something not yet evaluated.
    pub fn promise(&mut self, tensor: Tensor) {
        self.value = tensor;
        self.next = None;
        self.pending = true;
        self.prepared = false;
    }
}

/// Entries in the order in which they were made, each found by its path.
#[derive(Default)]
pub(crate) struct Store {
    slots: Vec<Slot>,
    places: HashMap<Arc<str>, usize>,
    /// The first thing that went wrong while the model was built.
    pub error: Option<Error>,
    /// The sum of the losses whose gradients the parameters hold.
    pub loss: Option<Tensor>,
}

impl Store {
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub fn slots_mut(&mut self) -> &mut [Slot] {
        &mut self.slots
    }

    pub fn get(&self, path: &str) -> Option<&Slot> {
        self.places.get(path).and_then(|&place| self.slots.get(place))
    }

    pub fn get_mut(&mut self, path: &str) -> Option<&mut Slot> {
        self.places.get(path).and_then(|&place| self.slots.get_mut(place))
    }

    pub fn find(&self, path: &str) -> Result<&Slot> {
        self.get(path).ok_or_else(|| Error::UnknownPath { path: path.to_owned() })
    }

    pub fn add(&mut self, slot: Slot) {
        if self.places.contains_key(&slot.path) {
            self.fail(Error::DuplicatePath { path: slot.path.to_string() });
            return;
        }
        self.places.insert(slot.path.clone(), self.slots.len());
        self.slots.push(slot);
    }

    pub fn remove(&mut self, path: &str) {
        self.retain(|slot| &*slot.path != path);
    }

    /// Takes out the entries that are not to be kept.
    pub fn retain(&mut self, keep: impl Fn(&Slot) -> bool) {
        self.slots.retain(keep);
        self.places = self.slots.iter().enumerate().map(|(place, slot)| (slot.path.clone(), place)).collect();
    }

    /// The gradients that parameters hold, and their loss.
    pub fn gradients(&self) -> Vec<Tensor> {
        self.slots.iter().filter_map(|slot| slot.gradient.clone()).chain(self.loss.clone()).collect()
    }

    pub fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    pub fn check(&self) -> Result<()> {
        self.error.clone().map_or(Ok(()), Err)
    }
}
