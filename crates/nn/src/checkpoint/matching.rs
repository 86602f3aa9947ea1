//! Reading what fits from a file or from another model, for transfer learning.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anygrad_graph::{DType, Shape, Tensor};

use super::format::Bytes;
use super::{EXTRA, FORMAT, OTHER_STATE, loaded};
use crate::error::{Error, Result};
use crate::glob::fits;
use crate::params::{Params, fitting};
use crate::store::{Kind, STATE};

/// Which tensors of a source go where, for [`Params::load_matching`] and [`Params::copy_matching`]. By default every
/// tensor goes to the entry of its name, what is not on both sides is reported, and another shape is an error: what
/// PyTorch's `load_state_dict(strict=False)` does.
///
/// ```
/// use anygrad_graph::Device;
/// use anygrad_nn::{Linear, Matching, Params};
/// let device = Device::cpu();
/// let old = Params::new(&device, 1);
/// Linear::new(old.at("body.fc"), 4, 8);
/// Linear::new(old.at("head"), 8, 1000);
///
/// // the body of the old model under another name, below a head for ten classes
/// let new = Params::new(&device, 2);
/// Linear::new(new.at("features.fc"), 4, 8);
/// Linear::new(new.at("head"), 8, 10);
/// let matched = new.copy_matching(&old, &Matching::new().rename("body.", "features.").skip("head.*"))?;
/// assert_eq!(matched.loaded, ["features.fc.weight", "features.fc.bias"]);
/// assert_eq!(matched.missing, ["head.weight", "head.bias"]);
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    rename: Vec<(String, String)>,
    skip: Vec<String>,
    skip_misshapen: bool,
}

impl Matching {
    /// Every tensor goes to the entry of its name.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tensors whose names begin with `from` go to the names that begin with `to` instead. The first of several that
    /// fit counts; an empty `from` fits every name, so that `rename("", "backbone.")` puts `backbone.` before all.
    #[must_use]
    pub fn rename(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.rename.push((from.into(), to.into()));
        self
    }

    /// Leaves out the tensors of the source whose names fit `pattern`, in which `*` stands for any characters and `?`
    /// for one. They are not reported as unexpected.
    #[must_use]
    pub fn skip(mut self, pattern: impl Into<String>) -> Self {
        self.skip.push(pattern.into());
        self
    }

    /// Leaves out tensors of another shape or dtype, and reports them, instead of giving an error.
    #[must_use]
    pub fn skip_misshapen(mut self) -> Self {
        self.skip_misshapen = true;
        self
    }

    fn target(&self, name: &str) -> String {
        let renamed =
            |(from, to): &(String, String)| Some(format!("{to}{}", name.strip_prefix(from.as_str())?));
        self.rename.iter().find_map(renamed).unwrap_or_else(|| name.to_owned())
    }

    /// The entry each name goes to, without those that are left out; two names for one entry are an error.
    fn targets<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<BTreeMap<String, &'a str>, String> {
        let mut targets = BTreeMap::new();
        for name in names.filter(|name| !self.skip.iter().any(|pattern| fits(pattern, name))) {
            let target = self.target(name);
            if let Some(other) = targets.insert(target.clone(), name) {
                return Err(format!("tensors {other} and {name} would both become {target}"));
            }
        }
        Ok(targets)
    }
}

/// What [`Params::load_matching`] did. `Display` says it in a few lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Matched {
    /// Entries that have new values, in the order of the store.
    pub loaded: Vec<String>,
    /// Entries of the model that the source does not have; they keep their values.
    pub missing: Vec<String>,
    /// Tensors of the source, by their own names, that the model has no entry for.
    pub unexpected: Vec<String>,
    /// Entries that the source has in another shape or dtype, with what is different; they keep their values.
    pub misshapen: Vec<String>,
}

impl fmt::Display for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} loaded", self.loaded.len())?;
        for (what, names) in
            [("missing", &self.missing), ("unexpected", &self.unexpected), ("misshapen", &self.misshapen)]
        {
            if !names.is_empty() {
                write!(f, "\n{} {what}: {}", names.len(), names.join(", "))?;
            }
        }
        Ok(())
    }
}

impl Params {
    /// Reads those parameters and buffers from a safetensors file that both the file and the store have, and says
    /// what it left out: for a pretrained body below a new head. State of optimizers is not read.
    ///
    /// # Errors
    /// The file cannot be read or is damaged; a tensor has another shape or dtype (unless
    /// [`skip_misshapen`](Matching::skip_misshapen)); nothing fits. Nothing is changed then.
    pub fn load_matching(&self, path: impl AsRef<Path>, matching: &Matching) -> Result<Matched> {
        let path = path.as_ref();
        self.check()?;
        let bytes = Bytes::read(path)?;
        let (tensors, notes) = bytes.parse(path)?;
        let wrong = |message: String| Error::Checkpoint { file: path.to_owned(), message };
        let other: BTreeSet<&str> =
            notes.get(OTHER_STATE).into_iter().flat_map(|text| text.lines()).collect();
        let of_run = |name: &str| notes.contains_key(FORMAT) && name.starts_with(EXTRA);
        let model = |name: &&str| !name.starts_with(STATE) && !other.contains(name) && !of_run(name);
        let names: BTreeSet<&str> = tensors.names().into_iter().filter(model).collect();
        let targets = matching.targets(names.into_iter()).map_err(wrong)?;
        self.install_matching(matching, targets, |source, target, shape, dtype| {
            let view = tensors.tensor(source).map_err(|error| format!("tensor {source}: {error}"))?;
            loaded::fitting(target, &view, shape, dtype, self.device())
        })
        .map_err(wrong)
    }

    /// As [`load_matching`](Params::load_matching), from another store, which may be on another device.
    ///
    /// # Errors
    /// As [`load_matching`](Params::load_matching); a store is wrong.
    pub fn copy_matching(&self, source: &Params, matching: &Matching) -> Result<Matched> {
        self.check()?;
        source.check()?;
        source.eval(&[])?;
        let wrong = |message: String| Error::Setting { what: "copy_matching", message };
        let values: BTreeMap<Arc<str>, Tensor> =
            source.iter().map(|entry| (entry.path, entry.tensor)).collect();
        let targets = matching.targets(values.keys().map(|path| &**path)).map_err(wrong)?;
        self.install_matching(matching, targets, |source, target, _, _| {
            let value = values.get(source).ok_or_else(|| format!("there is no {source}"))?;
            {
                let store = self.lock();
                let slot = store.find(target).map_err(|error| error.to_string())?;
                fitting("copy", slot, value).map_err(|error| error.to_string())?;
            }
            value.to(self.device()).named(target).map_err(|error| error.to_string())
        })
        .map_err(wrong)
    }

    /// Sets the entries that are among `targets` to what `read` gives for the source's name, the entry's path, its
    /// shape and its dtype.
    fn install_matching(
        &self,
        matching: &Matching,
        mut targets: BTreeMap<String, &str>,
        read: impl Fn(&str, &str, &Shape, DType) -> Result<Tensor, String>,
    ) -> Result<Matched, String> {
        let wanted: Vec<(Arc<str>, Shape, DType)> = {
            let store = self.lock();
            let model = store.slots().iter().filter(|slot| slot.kind != Kind::State);
            model.map(|slot| (slot.path.clone(), slot.value.shape().clone(), slot.value.dtype())).collect()
        };
        let (mut matched, mut values) = (Matched::default(), Vec::new());
        for (path, shape, dtype) in wanted {
            let Some(source) = targets.remove(&*path) else {
                matched.missing.push(path.to_string());
                continue;
            };
            match read(source, &path, &shape, dtype) {
                Ok(value) => {
                    matched.loaded.push(path.to_string());
                    values.push((path, value));
                }
                Err(message) if matching.skip_misshapen => matched.misshapen.push(message),
                Err(message) => return Err(message),
            }
        }
        matched.unexpected = targets.into_values().map(str::to_owned).collect();
        if matched.loaded.is_empty() {
            return Err(format!("nothing fits the model: {matched}"));
        }
        let mut store = self.lock();
        for (path, value) in values {
            if let Some(slot) = store.get_mut(&path) {
                slot.set(value);
            }
        }
        Ok(matched)
    }
}
