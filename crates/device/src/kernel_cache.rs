//! Compiled kernels in a file, so that the next process need not compile them again.
//!
//! The file is named after adapter, driver and version of this crate, is written whole or not at all, and ends in a
//! checksum: a damaged or foreign one is as if there were none. Nothing here ever fails; at worst, kernels are compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::fault::lock;
use crate::{AdapterInfo, AdapterKind, whole_file};

/// Where compiled kernels are kept for the next process, on adapters that can hand them out (Vulkan).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelCache {
    /// In `anygrad` in the user's cache folder (`$XDG_CACHE_HOME` or `~/.cache`, `~/Library/Caches`, `%LOCALAPPDATA%`),
    /// but not for software adapters, which compile when a kernel first runs. The environment variable
    /// `ANYGRAD_KERNEL_CACHE` names another folder, or is `off`.
    #[default]
    User,
    /// In this folder.
    Folder(PathBuf),
    /// Nowhere.
    Off,
}

impl KernelCache {
    /// The folder for an adapter, if there is to be one.
    fn folder(&self, kind: AdapterKind) -> Option<PathBuf> {
        match self {
            Self::Off => None,
            Self::Folder(folder) => Some(folder.clone()),
            Self::User => match std::env::var_os("ANYGRAD_KERNEL_CACHE") {
                Some(named) if named == "off" => None,
                Some(named) if !named.is_empty() => Some(named.into()),
                _ if kind == AdapterKind::Cpu => None,
                _ => Some(user_folder()?.join("anygrad")),
            },
        }
    }
}

/// The user's folder for what can be made again.
fn user_folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        return absolute("LOCALAPPDATA");
    }
    let home = |below| absolute("HOME").map(|home| home.join(below));
    if cfg!(target_os = "macos") {
        home("Library/Caches")
    } else {
        absolute("XDG_CACHE_HOME").or_else(|| home(".cache"))
    }
}

/// What a file begins with.
const MAGIC: &[u8] = b"anygrad kernels 1\n";

/// Larger files are not ours.
const LARGEST: u64 = 1 << 30;

/// Compiling must have taken as long, since the file was written last, to write it again.
const WORTH: Duration = Duration::from_millis(100);

/// The compiled kernels of a device, and the file they came from.
pub(crate) struct Kernels {
    pub(crate) cache: wgpu::PipelineCache,
    path: PathBuf,
    key: String,
    /// Nanoseconds of compiling since the file was written, and before.
    unsaved: AtomicU64,
    saved: AtomicU64,
    /// The checksum of the file.
    on_disk: Mutex<u32>,
}

impl Kernels {
    /// Opens the cache of a device that has [`wgpu::Features::PIPELINE_CACHE`].
    #[allow(unsafe_code)]
    pub(crate) fn open(device: &wgpu::Device, info: &AdapterInfo, wanted: &KernelCache) -> Option<Self> {
        let folder = wanted.folder(info.kind)?;
        let version = env!("CARGO_PKG_VERSION");
        let key = format!("{version} {} {} {} {:x}", info.backend, info.name, info.driver, info.vendor);
        let path = folder.join(format!("kernels-{:08x}.bin", crc32fast::hash(key.as_bytes())));
        let data = load(&path, &key);
        let on_disk = Mutex::new(data.as_deref().map_or(0, crc32fast::hash));
        let label = Some("anygrad");
        let description = wgpu::PipelineCacheDescriptor { label, data: data.as_deref(), fallback: true };
        // SAFETY: the data is what `get_data` gave to a process with the same adapter, driver and version of this crate:
        // the file says so, and its checksum that it is as it was written. wgpu compares the adapter once more.
        let cache = unsafe { device.create_pipeline_cache(&description) };
        Some(Self { cache, path, key, unsaved: AtomicU64::new(0), saved: AtomicU64::new(0), on_disk })
    }

    /// Counts the time that kernels took to compile, and writes the file if that has become worth it: each time a
    /// quarter more than all the times before, so that a file that grows is not written over and over.
    pub(crate) fn compiled(&self, took: Duration) {
        let took = took.as_nanos() as u64;
        let unsaved = self.unsaved.fetch_add(took, Relaxed) + took;
        if unsaved >= (WORTH.as_nanos() as u64).max(self.saved.load(Relaxed) / 4) {
            self.save();
        }
    }

    fn save(&self) {
        // one thread writes
        let mut on_disk = lock(&self.on_disk);
        self.saved.fetch_add(self.unsaved.swap(0, Relaxed), Relaxed);
        let Some(data) = self.cache.get_data() else { return };
        let sum = crc32fast::hash(&data);
        if sum == *on_disk {
            return;
        }
        match whole_file::write(&self.path, &encode(&self.key, &data)) {
            Ok(()) => *on_disk = sum,
            Err(error) => log::debug!("compiled kernels are not kept in {}: {error}", self.path.display()),
        }
    }
}

impl Drop for Kernels {
    fn drop(&mut self) {
        if self.unsaved.load(Relaxed) > 0 {
            self.save();
        }
    }
}

/// The kernels in a file that was written under `key`.
fn load(path: &Path, key: &str) -> Option<Vec<u8>> {
    if fs::metadata(path).ok()?.len() > LARGEST {
        return None;
    }
    let file = fs::read(path).ok()?;
    let data = decode(&file, key);
    if data.is_none() {
        log::debug!("{} is not the kernels of this adapter", path.display());
    }
    data.map(<[u8]>::to_vec)
}

/// Magic, length of the key, key, data, and the checksum of all that.
fn encode(key: &str, data: &[u8]) -> Vec<u8> {
    let length = (key.len() as u32).to_le_bytes();
    let mut file = [MAGIC, &length, key.as_bytes(), data].concat();
    let sum = crc32fast::hash(&file);
    file.extend(sum.to_le_bytes());
    file
}

fn decode<'a>(file: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let (content, sum) = file.split_last_chunk::<4>()?;
    let rest = content.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (own, data) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let sound = own == key.as_bytes() && crc32fast::hash(content) == u32::from_le_bytes(*sum);
    sound.then_some(data)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn any_damage_and_any_other_adapter_is_noticed() {
        let file = encode("0.1.0 Vulkan A 1", b"compiled");
        assert_eq!(decode(&file, "0.1.0 Vulkan A 1"), Some(&b"compiled"[..]));
        assert_eq!(decode(&file, "0.1.0 Vulkan A 2"), None);
        assert_eq!(decode(&file, "0.2.0 Vulkan A 1"), None);
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert_eq!(decode(&damaged, "0.1.0 Vulkan A 1"), None, "byte {at}");
            assert_eq!(decode(&file[..at], "0.1.0 Vulkan A 1"), None, "cut at {at}");
        }
        assert_eq!(decode(&[file, vec![0]].concat(), "0.1.0 Vulkan A 1"), None);
        // a length beyond the end
        let absurd = [MAGIC, &u32::MAX.to_le_bytes(), b"key and sum"].concat();
        assert_eq!(decode(&absurd, "key"), None);
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = std::env::temp_dir().join(format!("anygrad-kernels-{}", std::process::id()));
        let path = folder.join("below").join("kernels.bin");
        assert_eq!(load(&path, "key"), None);
        for data in [&b"one"[..], b"", b"three"] {
            whole_file::write(&path, &encode("key", data)).unwrap();
            assert_eq!(load(&path, "key").as_deref(), Some(data));
            assert_eq!(load(&path, "other"), None);
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        // a folder in the place of the file: an error, and no rest
        fs::remove_file(&path).unwrap();
        fs::create_dir_all(path.join("in the way")).unwrap();
        assert!(whole_file::write(&path, &encode("key", b"four")).is_err());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn software_adapters_have_none_unless_it_is_asked_for() {
        let there = KernelCache::Folder("/there".into());
        assert_eq!(there.folder(AdapterKind::Cpu), Some("/there".into()));
        assert_eq!(KernelCache::Off.folder(AdapterKind::Discrete), None);
        if std::env::var_os("ANYGRAD_KERNEL_CACHE").is_none() {
            assert_eq!(KernelCache::User.folder(AdapterKind::Cpu), None);
            let folder = KernelCache::User.folder(AdapterKind::Discrete);
            assert!(folder.is_none_or(|folder| folder.is_absolute() && folder.ends_with("anygrad")));
        }
    }
}
