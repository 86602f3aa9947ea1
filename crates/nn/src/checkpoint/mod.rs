//! Parameters in safetensors files, under the names PyTorch uses.

mod file;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anygrad_graph::{DType, Shape, Tensor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};
use crate::params::Params;
use crate::store::{Kind, STATE, Slot, state_path};
use file::Raw;

/// The state entry that holds how many updates a parameter has had.
const UPDATES: &str = "step";

impl Params {
    /// Writes parameters and buffers to a safetensors file that PyTorch reads. The file is written under another
    /// name, synced and renamed, so that a crash leaves the old one or the new one.
    ///
    /// # Errors
    /// The store is wrong, a value cannot be computed or read, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.write(path.as_ref(), false)
    }

    /// As [`save`](Params::save), with the optimizer's state, so that training can go on with the same bits.
    ///
    /// # Errors
    /// As [`save`](Params::save).
    pub fn save_with_state(&self, path: impl AsRef<Path>) -> Result<()> {
        self.write(path.as_ref(), true)
    }

    fn write(&self, path: &Path, with_state: bool) -> Result<()> {
        self.check()?;
        self.eval(&[])?;
        let (values, updates): (Vec<_>, Vec<_>) = {
            let store = self.lock();
            let chosen = store.slots().iter().filter(|slot| with_state || slot.kind != Kind::State);
            let values = chosen.map(|slot| (slot.path.clone(), slot.value.clone())).collect();
            let updated = store.slots().iter().filter(|slot| with_state && slot.updates > 0);
            (values, updated.map(|slot| (slot.path.clone(), slot.updates)).collect())
        };
        let mut tensors = Vec::with_capacity(values.len() + updates.len());
        for (path, value) in values {
            tensors.push((path.to_string(), Raw::of(&value)?));
        }
        for (path, made) in updates {
            tensors.push((state_path(&path, UPDATES), Raw::count(made)));
        }
        file::write(path, tensors)
    }

    /// Reads parameters and buffers from a safetensors file, and the optimizer's state if the file has it. Names,
    /// shapes and dtypes must be those of the store; integers of another width are accepted. Without state in the
    /// file, state in the store stays as it is.
    ///
    /// # Errors
    /// The file cannot be read or is not complete; a tensor is missing, unexpected, or of another shape or dtype.
    /// The message names the file and the tensor. Nothing is changed then.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.check()?;
        let bytes = std::fs::read(path).map_err(|error| file::failed(path, "read", error))?;
        let wrong = |message: String| Error::Checkpoint { file: path.to_owned(), message };
        let tensors = SafeTensors::deserialize(&bytes)
            .map_err(|error| wrong(format!("not a whole safetensors file: {error}")))?;
        let loaded = Loaded::read(self, &tensors, &wrong)?;
        loaded.install(self);
        Ok(())
    }
}

/// What a file holds, checked and uploaded.
#[derive(Default)]
struct Loaded {
    model: Vec<Tensor>,
    paths: Vec<Arc<str>>,
    state: Vec<(Arc<str>, Tensor)>,
    updates: Vec<(Arc<str>, u64)>,
}

impl Loaded {
    fn read(params: &Params, tensors: &SafeTensors<'_>, wrong: &dyn Fn(String) -> Error) -> Result<Self> {
        let mut loaded = Self::default();
        let wanted: Vec<(Arc<str>, Shape, DType, Kind)> = {
            let store = params.lock();
            let model = store.slots().iter().filter(|slot| slot.kind != Kind::State);
            let entry =
                |slot: &Slot| (slot.path.clone(), slot.value.shape().clone(), slot.value.dtype(), slot.kind);
            model.map(entry).collect()
        };
        let missing: Vec<&str> =
            wanted.iter().map(|(path, ..)| &**path).filter(|path| tensors.tensor(path).is_err()).collect();
        if let Some((first, others)) = missing.split_first() {
            return Err(wrong(match others.len() {
                0 => format!("tensor {first} is missing"),
                more => format!("tensor {first} is missing, and {more} more"),
            }));
        }
        let places: HashMap<&str, usize> =
            wanted.iter().enumerate().map(|(place, (path, ..))| (&**path, place)).collect();
        let mut owned = Vec::new();
        for name in tensors.names().into_iter().filter(|name| !places.contains_key(name)) {
            // names of state have no dots, so what stands before the last one is the parameter
            let parts = name.strip_prefix(STATE).and_then(|rest| rest.rsplit_once('.'));
            let owner = parts.and_then(|(path, state)| Some((*places.get(path)?, state)));
            match owner.filter(|&(place, _)| wanted[place].3 == Kind::Parameter) {
                Some((place, state)) => owned.push((place, state, name)),
                None => {
                    let message = format!("tensor {name} is unexpected: the model has no such parameter");
                    return Err(wrong(message));
                }
            }
        }
        // in the order in which an optimizer makes them
        owned.sort_unstable();
        for (place, state, name) in owned {
            let (path, shape, dtype, _) = &wanted[place];
            let view = tensors.tensor(name).map_err(|error| wrong(format!("tensor {name}: {error}")))?;
            if state == UPDATES {
                let made = file::integers(&view).and_then(|made| made.first().copied());
                match made.and_then(|made| u64::try_from(made).ok()) {
                    Some(made) => loaded.updates.push((path.clone(), made)),
                    None => return Err(wrong(format!("tensor {name} is not a count"))),
                }
            } else {
                let tensor = upload(params, name, &view, shape, *dtype, wrong)?;
                loaded.state.push((name.into(), tensor));
            }
        }
        for (path, shape, dtype, _) in wanted {
            let view = tensors.tensor(&path).map_err(|error| wrong(format!("tensor {path}: {error}")))?;
            loaded.model.push(upload(params, &path, &view, &shape, dtype, wrong)?);
            loaded.paths.push(path);
        }
        Ok(loaded)
    }

    fn install(self, params: &Params) {
        let mut store = params.lock();
        for (path, tensor) in self.paths.into_iter().zip(self.model) {
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

fn upload(
    params: &Params,
    name: &str,
    view: &TensorView<'_>,
    shape: &Shape,
    dtype: DType,
    wrong: &dyn Fn(String) -> Error,
) -> Result<Tensor> {
    if view.shape() != &shape[..] {
        return Err(wrong(format!("tensor {name} has shape {:?}, the model's has {shape}", view.shape())));
    }
    let device = params.device();
    let tensor = match (dtype, view.dtype()) {
        (DType::F32, Dtype::F32) => Tensor::from_slice(&file::f32s(view), shape, device),
        (DType::F16, Dtype::F16) => Tensor::from_slice(&file::f16s(view), shape, device),
        // exact
        (DType::F32, Dtype::F16) => {
            let wide: Vec<f32> = file::f16s(view).into_iter().map(f32::from).collect();
            Tensor::from_slice(&wide, shape, device)
        }
        (DType::F64, Dtype::F64) => Tensor::from_slice(&file::f64s(view), shape, device),
        (DType::I32, found) => {
            let values = file::integers(view).and_then(|values| {
                values.into_iter().map(|value| i32::try_from(value).ok()).collect::<Option<Vec<i32>>>()
            });
            match values {
                Some(values) => Tensor::from_slice(&values, shape, device),
                None => {
                    return Err(wrong(format!("tensor {name} ({found:?}) does not hold 32-bit integers")));
                }
            }
        }
        (_, found) => return Err(wrong(format!("tensor {name} is {found:?}, the model's is {dtype}"))),
    };
    Ok(tensor.named(name)?)
}
