use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::{DataError, Result};

/// The file at `path`, unpacked where it is gzipped, which its first bytes tell.
pub(crate) fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let io_error = |source| DataError::Io { path: path.to_owned(), source };
    unpacked(BufReader::new(File::open(path).map_err(io_error)?)).map_err(io_error)
}

/// What `source` gives, unpacked where it is gzipped.
pub(crate) fn unpacked<'a>(mut source: impl BufRead + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    Ok(if source.fill_buf()?.starts_with(&[0x1F, 0x8B]) {
        Box::new(BufReader::new(MultiGzDecoder::new(source)))
    } else {
        Box::new(source)
    })
}

/// What went wrong while `file` was read: damage of its content, such as a cut gzip stream, or what the system said.
pub(crate) fn file_error(file: &str, error: io::Error) -> DataError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error.kind() {
        InvalidData | InvalidInput | UnexpectedEof => {
            DataError::format(file, "a whole file", error.to_string())
        }
        _ => DataError::Io { path: file.into(), source: error },
    }
}
