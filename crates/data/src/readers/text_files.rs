//! Text in files, with the class of each piece.

use std::io::Read;
use std::path::Path;

use super::image_folder::listed;
use super::{file_error, open, unpacked};
use crate::{DataError, Result};

/// A whole text file, plain or gzipped, which is to be UTF-8.
///
/// # Errors
/// [`DataError::Io`] if it cannot be read, [`DataError::Line`] where it is not UTF-8.
pub fn read(path: &Path) -> Result<String> {
    text(open(path)?, &path.display().to_string())
}

/// As [`read`], of a file that is already in memory; `name` is what errors call it.
///
/// ```
/// let error = anygrad_data::text_files::parse(b"fine\nfi\xFFne", "notes").unwrap_err();
/// assert!(error.to_string().starts_with("notes, line 2: wanted UTF-8 text"));
/// ```
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], name: &str) -> Result<String> {
    text(unpacked(bytes).map_err(|error| file_error(name, error))?, name)
}

fn text(mut source: impl Read, name: &str) -> Result<String> {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes).map_err(|error| file_error(name, error))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = 1 + good.iter().filter(|&&byte| byte == b'\n').count() as u64;
        DataError::line(name, line, "UTF-8 text", error.utf8_error().to_string())
    })
}

/// The lines of a text file, plain or gzipped, without their ends and without empty ones.
///
/// ```
/// use anygrad_data::text_files;
/// let path = std::env::temp_dir().join(format!("anygrad-doc-lines-{}", std::process::id()));
/// std::fs::write(&path, "anna\n\nbo\r\n").map_err(|e| anygrad_data::DataError::Custom(e.into()))?;
/// assert_eq!(text_files::lines(&path)?, ["anna", "bo"]);
/// # let _ = std::fs::remove_file(&path);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// As [`read`].
pub fn lines(path: &Path) -> Result<Vec<String>> {
    Ok(read(path)?.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

/// The lines of several files, each file being one class: those of the first are of class 0.
///
/// # Errors
/// As [`read`].
pub fn labelled_lines(paths: &[&Path]) -> Result<Vec<(String, u32)>> {
    let mut labelled = Vec::new();
    for (label, path) in (0..).zip(paths) {
        labelled.extend(lines(path)?.into_iter().map(|line| (line, label)));
    }
    Ok(labelled)
}

/// Texts with the number of their class, and the names of the classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelledTexts {
    /// The texts, each with its label.
    pub texts: Vec<(String, u32)>,
    /// The names of the classes, in the order of their labels.
    pub classes: Vec<String>,
}

/// The .txt files below a folder, each one text, whose sub-folders are the classes, both in the order of their names.
///
/// # Errors
/// As [`read`]; [`DataError::Format`] if there is no text.
pub fn folder(dir: &Path) -> Result<LabelledTexts> {
    let (mut texts, mut classes) = (Vec::new(), Vec::new());
    for folder in listed(dir)?.into_iter().filter(|path| path.is_dir()) {
        let label =
            u32::try_from(classes.len()).map_err(|_| DataError::ClassCount { classes: classes.len() })?;
        classes.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
        let is_text = |path: &Path| path.is_file() && path.extension().is_some_and(|ending| ending == "txt");
        for path in listed(&folder)?.into_iter().filter(|path| is_text(path)) {
            texts.push((read(&path)?, label));
        }
    }
    if texts.is_empty() {
        let found = format!("{} folders without any", classes.len());
        return Err(DataError::format(
            &dir.display().to_string(),
            "folders of classes with .txt files",
            found,
        ));
    }
    Ok(LabelledTexts { texts, classes })
}
