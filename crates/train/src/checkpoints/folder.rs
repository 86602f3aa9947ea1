//! The checkpoints in a folder, by step.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::{Result, TrainError};

pub(super) fn failed(path: &Path, source: std::io::Error) -> TrainError {
    TrainError::Io { path: path.to_owned(), source }
}

/// `step-0000001200.safetensors`: names sort by step.
pub(super) fn name(step: u64) -> String {
    format!("step-{step:010}.safetensors")
}

fn step(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("step-")?.strip_suffix(".safetensors")?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// The checkpoints in `folder` with their steps, in the order of the steps; none if there is no such folder.
pub(super) fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(folder, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(folder, error))?.path();
        if let Some(step) = path.file_name().and_then(|name| name.to_str()).and_then(step) {
            found.push((step, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Removes all but the last `keep` checkpoints, the oldest first.
pub(super) fn prune(folder: &Path, keep: usize) -> Result<()> {
    let found = list(folder)?;
    let old = found.len().saturating_sub(keep);
    for (_, path) in found.into_iter().take(old) {
        remove(&path)?;
    }
    Ok(())
}

pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    }
}

/// Puts checkpoints of later steps than `step` aside, as `….abandoned`: a run that goes on from there makes its own.
pub(super) fn abandon_after(folder: &Path, step: u64) -> Result<()> {
    for (_, path) in list(folder)?.into_iter().filter(|(at, _)| *at > step) {
        let mut aside = path.clone().into_os_string();
        aside.push(".abandoned");
        fs::rename(&path, aside).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn names_tell_steps_and_nothing_else_is_taken_for_one() {
        assert_eq!(step(&name(1200)), Some(1200));
        assert_eq!(step(&name(u64::MAX)), Some(u64::MAX));
        assert!(name(99) < name(100));
        for other in
            ["best.safetensors", "step-+1.safetensors", "step-.safetensors", ".step-1.safetensors.3-0.tmp"]
        {
            assert_eq!(step(other), None, "{other}");
        }
    }

    #[test]
    fn the_last_ones_are_kept_and_later_ones_put_aside() {
        let folder = Folder::new("prune");
        for step in [5, 100, 20, 3] {
            fs::write(folder.0.join(name(step)), "x").unwrap();
        }
        fs::write(folder.0.join("best.safetensors"), "x").unwrap();
        let steps = || list(&folder.0).unwrap().into_iter().map(|(step, _)| step).collect::<Vec<_>>();
        assert_eq!(steps(), [3, 5, 20, 100]);
        prune(&folder.0, 3).unwrap();
        assert_eq!(steps(), [5, 20, 100]);
        abandon_after(&folder.0, 20).unwrap();
        assert_eq!(steps(), [5, 20]);
        assert!(folder.0.join("step-0000000100.safetensors.abandoned").exists());
        assert!(folder.0.join("best.safetensors").exists());
        assert_eq!(list(&folder.0.join("none")).unwrap(), []);
    }
}
