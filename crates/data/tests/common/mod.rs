//! What several test files use.
#![allow(dead_code, clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use anygrad_data::Draws;

/// A folder that is removed when the test ends.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("anygrad-data-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `count` damaged forms of `file`: bytes changed, removed, repeated, moved, and the end cut off.
pub fn damaged(file: &[u8], count: u64) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..count).map(move |number| {
        let (mut bytes, mut draws) = (file.to_vec(), Draws::new(11, 0, number));
        for _ in 0..1 + draws.below(4) {
            let at = draws.below(bytes.len());
            let to = (at + 1 + draws.below(16)).min(bytes.len());
            match draws.below(7) {
                _ if bytes.is_empty() => {}
                0 => bytes[at] = draws.bits() as u8,
                1 => bytes[at] ^= 1 << draws.below(8),
                2 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, b'\n', b' ', b','][draws.below(8)],
                3 => bytes.truncate(at),
                4 => drop(bytes.drain(at..to)),
                5 => {
                    let piece = bytes[at..to].to_vec();
                    let place = draws.below(bytes.len());
                    bytes.splice(place..place, piece);
                }
                // a number in a text header grows
                _ => drop(bytes.splice(at..at, *b"99999999")),
            }
        }
        bytes
    })
}
