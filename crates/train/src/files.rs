use std::fs;
use std::path::Path;

use crate::{Result, TrainError};

/// Writes `contents` to `path`, and makes the folders above it that are missing.
pub(crate) fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    // the parent of a bare file name is the empty path, which names no folder
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|source| TrainError::Io { path: folder.to_owned(), source })?;
    }
    fs::write(path, contents).map_err(|source| TrainError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A folder of its own for one test; removed when the test ends.
    pub(crate) struct Folder(pub PathBuf);

    impl Folder {
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("anygrad-train-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn folders_are_made_and_errors_carry_the_path() {
        let folder = Folder::new("write");
        let file = folder.0.join("runs/digits/loss.txt");
        write(&file, "1").unwrap();
        write(&file, "2").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "2");

        let below_a_file = file.join("deeper/x.txt");
        let TrainError::Io { path, .. } = write(&below_a_file, "").unwrap_err() else { panic!("kind") };
        assert_eq!(path, file.join("deeper"));
        let message = write(&folder.0, "").unwrap_err().to_string();
        assert!(message.starts_with(&folder.0.display().to_string()), "{message}");
    }
}
