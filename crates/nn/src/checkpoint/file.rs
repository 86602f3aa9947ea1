//! Files that are written whole or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

pub(super) fn failed(file: &Path, action: &'static str, source: std::io::Error) -> Error {
    Error::File { file: file.to_owned(), action, source: Arc::new(source) }
}

/// Calls `fill` with a new file of another name beside `path`, syncs it, renames it to `path`, and syncs the folder:
/// whenever the process or the machine stops, `path` is the old file or the new one. What killed processes have left
/// behind is removed first.
pub(super) fn write(path: &Path, fill: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let folder = folder(path);
    remove_stale(folder).map_err(|error| failed(path, "write", error))?;
    let temporary = beside(path);
    let written = write_new(path, &temporary, fill);
    if written.is_err() {
        // the first error is the one to tell
        let _ = fs::remove_file(&temporary);
    }
    written?;
    sync_folder(folder).map_err(|error| failed(path, "write", error))
}

fn write_new(path: &Path, temporary: &Path, fill: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let failed = |error| failed(path, "write", error);
    let mut file = OpenOptions::new().write(true).create_new(true).open(temporary).map_err(failed)?;
    // tells `remove_stale` of other processes that somebody writes; the lock ends with the process, however it ends
    let _ = file.try_lock();
    fill(&mut file)?;
    file.sync_all().map_err(failed)?;
    fs::rename(temporary, path).map_err(failed)
}

/// A name no other writer uses, in the same folder, since a rename does not cross file systems.
fn beside(path: &Path) -> PathBuf {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let write = WRITES.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}-{write}.tmp", std::process::id()))
}

/// Whether `name` is one that `beside` makes: a dot, a name, a process, a count, `.tmp`.
fn is_temporary(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let stem = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".tmp"));
    let writer = stem.and_then(|stem| stem.rsplit_once('.')).and_then(|(_, writer)| writer.split_once('-'));
    writer.is_some_and(|(process, count)| number(process) && number(count))
}

/// Removes the unfinished files that killed processes have left in `folder`.
fn remove_stale(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(is_temporary) {
            continue;
        }
        // one that cannot be opened is another writer's, who has renamed it meanwhile
        let Ok(file) = File::open(entry.path()) else { continue };
        match file.try_lock() {
            Ok(()) => drop(fs::remove_file(entry.path())),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
    Ok(())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the rename last through a power cut. Folders can be opened on Unix only; elsewhere the system sees to it.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_killed_writers_left_is_removed_and_what_others_write_is_not() {
        let folder = std::env::temp_dir().join(format!("anygrad-stale-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let names = [".a.safetensors.12-0.tmp", ".b.safetensors.13-4.tmp", ".mine.tmp", "c.12-0.tmp", "d"];
        for name in names {
            fs::write(folder.join(name), "x").unwrap();
        }
        let other = File::open(folder.join(names[1])).unwrap();
        other.try_lock().unwrap();
        write(&folder.join("new"), |file| {
            file.write_all(b"1").map_err(|error| failed(&folder, "write", error))
        })
        .unwrap();
        let mut left: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort_unstable();
        assert_eq!(left, [names[1], names[2], names[3], "d", "new"]);

        // an error leaves the old file, and nothing else
        let error = Error::UnknownPath { path: "p".into() };
        assert!(write(&folder.join("new"), |_| Err(error)).is_err());
        assert_eq!(fs::read(folder.join("new")).unwrap(), b"1");
        drop(other);
        write(&folder.join("d"), |_| Ok(())).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
        fs::remove_dir_all(&folder).unwrap();
    }
}
