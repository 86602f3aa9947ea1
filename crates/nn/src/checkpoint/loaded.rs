//! What a file holds, checked against a store before anything is changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use anygrad_graph::{DType, Device, Shape, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::{EXTRA, FROZEN, OTHER_STATE, UPDATES, values};
use crate::params::Params;
use crate::store::{Kind, STATE, Slot};

/// An entry of the store that a file has to fill.
struct Wanted {
    path: Arc<str>,
    shape: Shape,
    dtype: DType,
    kind: Kind,
}

impl Wanted {
    fn of(slot: &Slot) -> Self {
        let value = &slot.value;
        Self { path: slot.path.clone(), shape: value.shape().clone(), dtype: value.dtype(), kind: slot.kind }
    }
}

/// Tensors of a file by what they are for, checked and uploaded.
#[derive(Default)]
pub(super) struct Loaded {
    model: Vec<(Arc<str>, Tensor)>,
    state: Vec<(Arc<str>, Tensor)>,
    updates: Vec<(Arc<str>, u64)>,
    frozen: BTreeSet<String>,
    /// Tensors that are not the store's.
    pub extra: BTreeMap<String, Tensor>,
}

impl Loaded {
    /// Errors name the tensor and what is wrong with it; the caller adds the file.
    pub fn read(
        params: &Params,
        tensors: &SafeTensors<'_>,
        notes: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let wanted = {
            let store = params.lock();
            let model = store.slots().iter().filter(|slot| slot.kind != Kind::State);
            model.map(Wanted::of).collect::<Vec<_>>()
        };
        check_missing(&wanted, tensors)?;
        let lines = |name: &str| notes.get(name).map(|text| text.lines().map(str::to_owned).collect());
        let mut loaded = Self { frozen: lines(FROZEN).unwrap_or_default(), ..Self::default() };
        let other_state: BTreeSet<String> = lines(OTHER_STATE).unwrap_or_default();
        let places: HashMap<&str, usize> =
            wanted.iter().enumerate().map(|(place, wanted)| (&*wanted.path, place)).collect();
        let mut owned = Vec::new();
        // in the order of names, so that errors and new state do not depend on the order in the file
        for (name, view) in tensors.tensors().into_iter().collect::<BTreeMap<_, _>>() {
            // names of state have no dots, so what stands before the last one is the parameter
            let parts = name.strip_prefix(STATE).and_then(|rest| rest.rsplit_once('.'));
            let owner = parts.and_then(|(path, state)| Some((*places.get(path)?, state.to_owned())));
            let owner =
                owner.filter(|(place, _)| wanted.get(*place).is_some_and(|to| to.kind == Kind::Parameter));
            if places.contains_key(&*name) {
                continue;
            } else if let Some((place, state)) = owner {
                owned.push((place, state, name));
            } else if other_state.contains(&name) {
                let tensor = whole(&name, &view, params.device())?;
                loaded.state.push((name.into(), tensor));
            } else if let Some(own) = name.strip_prefix(EXTRA).filter(|_| notes.contains_key(super::FORMAT)) {
                loaded.extra.insert(own.to_owned(), unnamed(&name, &view, params.device())?);
            } else {
                return Err(format!("tensor {name} is unexpected: the model has no such parameter"));
            }
        }
        for Wanted { path, shape, dtype, .. } in &wanted {
            let tensor = fitting(path, &view_of(tensors, path)?, shape, *dtype, params.device())?;
            loaded.model.push((path.clone(), tensor));
        }
        // in the order in which an optimizer makes them
        owned.sort_unstable();
        for (place, state, name) in owned {
            if let Some(owner) = wanted.get(place) {
                loaded.add_state(params, owner, &state, &name, &view_of(tensors, &name)?)?;
            }
        }
        Ok(loaded)
    }

    fn add_state(
        &mut self,
        params: &Params,
        owner: &Wanted,
        state: &str,
        name: &str,
        view: &TensorView<'_>,
    ) -> Result<(), String> {
        if state == UPDATES {
            let made = values::integers(view).and_then(|made| made.first().copied());
            let made = made.and_then(|made| u64::try_from(made).ok());
            self.updates
                .push((owner.path.clone(), made.ok_or_else(|| format!("tensor {name} is not a count"))?));
        } else {
            let tensor = fitting(name, view, &owner.shape, owner.dtype, params.device())?;
            self.state.push((name.into(), tensor));
        }
        Ok(())
    }

    /// Makes the store what the file says; `exact`: also what the file does not mention, so that state it does not
    /// hold is gone and what was frozen is frozen.
    pub fn install(self, params: &Params, exact: bool) {
        let mut store = params.lock();
        if exact {
            let kept: BTreeSet<&str> = self.state.iter().map(|(path, _)| &**path).collect();
            store.retain(|slot| slot.kind != Kind::State || kept.contains(&*slot.path));
            for slot in store.slots_mut() {
                slot.updates = 0;
                slot.gradient = None;
                slot.frozen = slot.kind == Kind::Parameter && self.frozen.contains(&*slot.path);
            }
            store.loss = None;
        }
        for (path, tensor) in self.model {
            if let Some(slot) = store.get_mut(&path) {
                slot.set(tensor);
            }
        }
        for (path, tensor) in self.state {
            match store.get_mut(&path) {
                Some(slot) => slot.set(tensor),
                None => store.add(Slot::new(path, Kind::State, tensor)),
            }
        }
        for (path, made) in self.updates {
            if let Some(slot) = store.get_mut(&path) {
                slot.updates = made;
            }
        }
    }
}

fn check_missing(wanted: &[Wanted], tensors: &SafeTensors<'_>) -> Result<(), String> {
    let missing = wanted.iter().map(|wanted| &*wanted.path).filter(|path| tensors.tensor(path).is_err());
    let missing: Vec<&str> = missing.collect();
    match missing.split_first() {
        None => Ok(()),
        Some((first, [])) => Err(format!("tensor {first} is missing")),
        Some((first, others)) => Err(format!("tensor {first} is missing, and {} more", others.len())),
    }
}

fn view_of<'a>(tensors: &SafeTensors<'a>, name: &str) -> Result<TensorView<'a>, String> {
    tensors.tensor(name).map_err(|error| format!("tensor {name}: {error}"))
}

/// The tensor, if it has the shape and the dtype that are asked for.
pub(super) fn fitting(
    name: &str,
    view: &TensorView<'_>,
    shape: &Shape,
    dtype: DType,
    device: &Device,
) -> Result<Tensor, String> {
    if view.shape() != &shape[..] {
        return Err(format!("tensor {name} has shape {:?}, the model's has {shape}", view.shape()));
    }
    let tensor = values::tensor(name, view, shape, dtype, device)?;
    tensor.named(name).map_err(|error| error.to_string())
}

/// As [`whole`], without a name: it is nobody's parameter.
fn unnamed(name: &str, view: &TensorView<'_>, device: &Device) -> Result<Tensor, String> {
    let tensor = values::tensor(name, view, &Shape::from(view.shape()), natural(name, view)?, device)?;
    tensor.check().map_err(|error| error.to_string())?;
    Ok(tensor)
}

fn natural(name: &str, view: &TensorView<'_>) -> Result<DType, String> {
    let found = view.dtype();
    values::natural(found).ok_or_else(|| format!("tensor {name} is {found:?}, which is not known"))
}

/// The tensor as it is in the file.
fn whole(name: &str, view: &TensorView<'_>, device: &Device) -> Result<Tensor, String> {
    fitting(name, view, &Shape::from(view.shape()), natural(name, view)?, device)
}
