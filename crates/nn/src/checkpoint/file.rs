//! Tensors as bytes, and files that are written whole or not at all.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anygrad_graph::{DType, Tensor, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, View};

use crate::error::{Error, Result};

/// A tensor as safetensors stores it: little-endian, row-major.
pub(super) struct Raw {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Raw {
    pub fn of(tensor: &Tensor) -> Result<Self> {
        let (dtype, bytes) = match tensor.dtype() {
            DType::F64 => (Dtype::F64, bytes(tensor.to_vec::<f64>()?, f64::to_le_bytes)),
            DType::F16 => (Dtype::F16, bytes(tensor.to_vec::<f16>()?, f16::to_le_bytes)),
            // PyTorch counts in 64 bits
            DType::I32 => (Dtype::I64, bytes(tensor.to_vec::<i32>()?, |x| i64::from(x).to_le_bytes())),
            _ => (Dtype::F32, bytes(tensor.to_vec::<f32>()?, f32::to_le_bytes)),
        };
        Ok(Self { dtype, shape: tensor.shape().to_vec(), bytes })
    }

    pub fn count(count: u64) -> Self {
        let bytes = i64::try_from(count).unwrap_or(i64::MAX).to_le_bytes().to_vec();
        Self { dtype: Dtype::I64, shape: Vec::new(), bytes }
    }
}

fn bytes<T, const N: usize>(values: Vec<T>, to_bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len() * N);
    values.into_iter().for_each(|value| bytes.extend_from_slice(&to_bytes(value)));
    bytes
}

impl View for Raw {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

fn words<const N: usize, T>(view: &TensorView<'_>, from_bytes: impl Fn([u8; N]) -> T) -> Vec<T> {
    view.data().as_chunks::<N>().0.iter().map(|&word| from_bytes(word)).collect()
}

pub(super) fn f32s(view: &TensorView<'_>) -> Vec<f32> {
    words(view, f32::from_le_bytes)
}

/// The elements of a tensor of halves.
pub(super) fn f16s(view: &TensorView<'_>) -> Vec<f16> {
    words(view, f16::from_le_bytes)
}

pub(super) fn f64s(view: &TensorView<'_>) -> Vec<f64> {
    words(view, f64::from_le_bytes)
}

/// Integers of any width; `None` if the tensor does not hold integers.
pub(super) fn integers(view: &TensorView<'_>) -> Option<Vec<i64>> {
    Some(match view.dtype() {
        Dtype::I64 => words(view, i64::from_le_bytes),
        Dtype::I32 => words(view, |word| i64::from(i32::from_le_bytes(word))),
        Dtype::U32 => words(view, |word| i64::from(u32::from_le_bytes(word))),
        Dtype::I16 => words(view, |word| i64::from(i16::from_le_bytes(word))),
        Dtype::U8 => words(view, |word| i64::from(u8::from_le_bytes(word))),
        _ => return None,
    })
}

pub(super) fn failed(file: &Path, action: &'static str, source: std::io::Error) -> Error {
    Error::File { file: file.to_owned(), action, source: Arc::new(source) }
}

/// Writes under another name beside `path`, syncs, and renames.
pub(super) fn write(path: &Path, tensors: Vec<(String, Raw)>) -> Result<()> {
    let failed = |error| failed(path, "write", error);
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(tensors, Some(format))
        .map_err(|error| Error::Checkpoint { file: path.to_owned(), message: error.to_string() })?;
    let temporary = beside(path);
    let written = write_new(&temporary, &bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // the first error is the one to tell
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(failed)?;
    sync_folder(path).map_err(failed)
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name no other writer uses, in the same folder, since a rename does not cross file systems.
fn beside(path: &Path) -> PathBuf {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let write = WRITES.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}-{write}.tmp", std::process::id()))
}

/// Makes the rename last through a power cut. Folders can be opened on Unix only; elsewhere the system sees to it.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
