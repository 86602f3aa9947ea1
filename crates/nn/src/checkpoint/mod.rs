//! Parameters in safetensors files, under the names PyTorch uses.

mod file;
mod format;
mod loaded;
mod matching;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

use anygrad_graph::Tensor;

use crate::error::{Error, Result};
use crate::params::Params;
use crate::store::{Kind, STATE, state_path};
use format::Bytes;
use loaded::Loaded;
pub use matching::{Matched, Matching};
use values::Value;

/// The state entry that holds how many updates a parameter has had.
const UPDATES: &str = "step";
/// What the names of a checkpoint's own tensors begin with in the file.
const EXTRA: &str = "run.";

/// The note with the version of what this crate adds to the format.
const FORMAT: &str = "anygrad";
const FORMAT_VERSION: u64 = 1;
/// The note with the paths of state that no optimizer's name tells, one a line.
const OTHER_STATE: &str = "anygrad.state";
/// The note with the paths of frozen parameters, one a line.
const FROZEN: &str = "anygrad.frozen";
/// The note with the version of this crate that wrote the file.
const WRITER: &str = "anygrad.version";

/// Whether a note is one of this crate's, and not the user's.
fn is_reserved(name: &str) -> bool {
    name == "format" || name == "crc32" || name.starts_with(FORMAT)
}

/// What a checkpoint holds besides a store: text and tensors of the program's own, by name.
///
/// [`Params::save_checkpoint`] writes parameters, buffers, all state (of optimizers, averages of weights) with the
/// counts of updates, what is frozen, and this, to one safetensors file; [`Params::load_checkpoint`] makes a store of
/// the same model what it was, and gives this back. A loop of one's own that keeps the number of its step goes on with
/// the same bits:
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Adam, Checkpoint, Ctx, Layer, Linear, Optimizer, Params, mse};
/// # let folder = std::env::temp_dir().join(format!("anygrad-doc-checkpoint-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let file = folder.join("step.safetensors");
/// let device = Device::cpu();
/// let x = Tensor::ones([4, 3], &device);
/// let train = |params: &Params, layer: &Linear, steps: std::ops::Range<u64>| -> anygrad_nn::Result<Vec<f32>> {
///     for step in steps {
///         let y = layer.forward(&x, &mut Ctx::train_step(params.seed(), step));
///         let loss = mse(&y, &Tensor::zeros([4, 2], &device));
///         Adam::default().step(params, params.grad(&loss), 0.1)?;
///     }
///     Ok(params.get("fc.weight").expect("the layer's").to_vec()?)
/// };
///
/// let params = Params::new(&device, 42);
/// let layer = Linear::new(params.at("fc"), 3, 2);
/// train(&params, &layer, 0..5)?;
/// let mut checkpoint = Checkpoint::default();
/// checkpoint.notes.insert("step".to_owned(), "5".to_owned());
/// params.save_checkpoint(&file, &checkpoint)?;
/// let uninterrupted = train(&params, &layer, 5..10)?;
///
/// // in another process
/// let params = Params::new(&device, 42);
/// let layer = Linear::new(params.at("fc"), 3, 2);
/// let step: u64 = params.load_checkpoint(&file)?.notes["step"].parse().expect("what was saved");
/// assert_eq!(train(&params, &layer, step..10)?, uninterrupted);
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// Text by name. The names `format` and `crc32`, and those that begin with `anygrad`, are taken.
    pub notes: BTreeMap<String, String>,
    /// Tensors by name: running sums, for example. They have their names in the file with `run.` before them.
    pub tensors: BTreeMap<String, Tensor>,
}

impl Checkpoint {
    /// The notes of a checkpoint, without a store: the whole file is read and its checksum compared, so that a file
    /// whose notes come out is complete.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or is not a checkpoint.
    pub fn read_notes(path: impl AsRef<Path>) -> Result<BTreeMap<String, String>> {
        let path = path.as_ref();
        let bytes = Bytes::read(path)?;
        let (_, notes) = bytes.parse(path)?;
        check_version(path, &bytes, &notes)?;
        Ok(without_reserved(notes))
    }
}

fn without_reserved(mut notes: BTreeMap<String, String>) -> BTreeMap<String, String> {
    notes.retain(|name, _| !is_reserved(name));
    notes
}

/// That a file is a checkpoint of a version that this crate knows.
fn check_version(path: &Path, bytes: &Bytes, notes: &BTreeMap<String, String>) -> Result<()> {
    let wrong = |message: String| Error::Checkpoint { file: path.to_owned(), message };
    let version = notes.get(FORMAT).filter(|_| bytes.checked).ok_or_else(|| {
        wrong(
            "not a checkpoint of training: it has no checksum or no version; load reads parameters alone"
                .into(),
        )
    })?;
    match version.parse::<u64>() {
        Ok(FORMAT_VERSION) => Ok(()),
        _ => Err(wrong(format!(
            "version {version} of the format; this program reads version {FORMAT_VERSION}"
        ))),
    }
}

impl Params {
    /// Writes parameters and buffers to a safetensors file that PyTorch reads. The file is written under another
    /// name, synced and renamed, so that a crash leaves the old one or the new one. It carries a checksum, which
    /// [`load`](Params::load) compares.
    ///
    /// # Errors
    /// The store is wrong, a value cannot be computed or read, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.write(path.as_ref(), false, &Checkpoint::default())
    }

    /// As [`save`](Params::save), with the optimizer's state, so that training can go on with the same bits.
    ///
    /// # Errors
    /// As [`save`](Params::save).
    pub fn save_with_state(&self, path: impl AsRef<Path>) -> Result<()> {
        self.write(path.as_ref(), true, &Checkpoint::default())
    }

    /// As [`save_with_state`](Params::save_with_state), with what is frozen and with text and tensors of the
    /// program's own; see [`Checkpoint`].
    ///
    /// # Errors
    /// As [`save`](Params::save); a name of the checkpoint is taken.
    pub fn save_checkpoint(&self, path: impl AsRef<Path>, checkpoint: &Checkpoint) -> Result<()> {
        let path = path.as_ref();
        if let Some(name) = checkpoint.notes.keys().find(|name| is_reserved(name)) {
            let message = format!("a note cannot be called \"{name}\", which this crate uses itself");
            return Err(Error::Checkpoint { file: path.to_owned(), message });
        }
        self.write(path, true, checkpoint)
    }

    fn write(&self, path: &Path, with_state: bool, checkpoint: &Checkpoint) -> Result<()> {
        self.check()?;
        self.eval(&checkpoint.tensors.values().collect::<Vec<_>>())?;
        let mut notes = checkpoint.notes.clone();
        notes.insert("format".to_owned(), "pt".to_owned());
        let mut entries = Vec::new();
        let (mut other, mut frozen) = (Vec::new(), Vec::new());
        for slot in self.lock().slots().iter().filter(|slot| with_state || slot.kind != Kind::State) {
            let path = &*slot.path;
            entries.push((path.to_owned(), Value::Tensor(slot.value.clone())));
            if slot.updates > 0 && with_state {
                entries.push((state_path(path, UPDATES), Value::Count(slot.updates)));
            }
            if slot.kind == Kind::State && !path.starts_with(STATE) {
                other.push(path.to_owned());
            }
            if slot.frozen {
                frozen.push(path.to_owned());
            }
        }
        for (name, tensor) in &checkpoint.tensors {
            entries.push((format!("{EXTRA}{name}"), Value::Tensor(tensor.clone())));
        }
        if with_state {
            notes.insert(FORMAT.to_owned(), FORMAT_VERSION.to_string());
            notes.insert(WRITER.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
            for (name, paths) in [(OTHER_STATE, other), (FROZEN, frozen)] {
                if !paths.is_empty() {
                    notes.insert(name.to_owned(), paths.join("\n"));
                }
            }
        }
        format::write(path, entries, &notes)
    }

    /// Reads parameters and buffers from a safetensors file, and the optimizer's state if the file has it. Names,
    /// shapes and dtypes must be those of the store; integers of another width are accepted. Without state in the
    /// file, state in the store stays as it is. For a file of which only a part fits, see
    /// [`load_matching`](Params::load_matching).
    ///
    /// # Errors
    /// The file cannot be read, is damaged or not complete; a tensor is missing, unexpected, or of another shape or
    /// dtype. The message names the file and the tensor. Nothing is changed then.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.check()?;
        let bytes = Bytes::read(path)?;
        let (tensors, notes) = bytes.parse(path)?;
        let wrong = |message: String| Error::Checkpoint { file: path.to_owned(), message };
        Loaded::read(self, &tensors, &notes).map_err(wrong)?.install(self, false);
        Ok(())
    }

    /// Makes the store what it was when [`save_checkpoint`](Params::save_checkpoint) wrote the file: parameters,
    /// buffers, all state and no other, counts of updates, and what is frozen. Gives back what else it was given.
    ///
    /// # Errors
    /// As [`load`](Params::load); the file is not a checkpoint. Nothing is changed then.
    pub fn load_checkpoint(&self, path: impl AsRef<Path>) -> Result<Checkpoint> {
        let path = path.as_ref();
        self.check()?;
        let bytes = Bytes::read(path)?;
        let (tensors, notes) = bytes.parse(path)?;
        check_version(path, &bytes, &notes)?;
        let wrong = |message: String| Error::Checkpoint { file: path.to_owned(), message };
        let mut loaded = Loaded::read(self, &tensors, &notes).map_err(wrong)?;
        let tensors = std::mem::take(&mut loaded.extra);
        loaded.install(self, true);
        Ok(Checkpoint { notes: without_reserved(notes), tensors })
    }
}
