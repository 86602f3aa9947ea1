//! The IDX format of MNIST: arrays of any rank, big-endian, plain or gzipped.
//!
//! Byte 2 of a file names the type and byte 3 the rank; the sizes follow as 32-bit numbers, then the values
//! (described at <http://yann.lecun.com/exdb/mnist/>).

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::{DataError, Result};

/// An array read from an IDX file.
#[derive(Clone, Debug, PartialEq)]
pub struct Idx {
    /// The sizes of its axes.
    pub shape: Vec<usize>,
    /// Its values, the last axis running fastest.
    pub values: IdxValues,
}

/// The values of an [`Idx`], in the type of the file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum IdxValues {
    /// Type 0x08.
    U8(Vec<u8>),
    /// Type 0x09.
    I8(Vec<i8>),
    /// Type 0x0B.
    I16(Vec<i16>),
    /// Type 0x0C.
    I32(Vec<i32>),
    /// Type 0x0D.
    F32(Vec<f32>),
    /// Type 0x0E.
    F64(Vec<f64>),
}

/// Reads the IDX file at `path`. Whether it is gzipped is seen from its first bytes, not from its name.
///
/// # Errors
/// [`DataError::Io`] if it cannot be read, [`DataError::Format`] if it is no IDX file, too short or too long.
pub fn read(path: &Path) -> Result<Idx> {
    let io_error = |source| DataError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io_error)?;
    decode(BufReader::new(file), &path.display().to_string()).map_err(|failure| match failure {
        Failure::Io(source) => io_error(source),
        Failure::Data(error) => error,
    })
}

/// Reads an IDX file that is already in memory, plain or gzipped; `name` is what errors call it.
///
/// # Errors
/// [`DataError::Format`] if it is no IDX file, too short or too long.
pub fn parse(bytes: &[u8], name: &str) -> Result<Idx> {
    decode(bytes, name).map_err(|failure| match failure {
        Failure::Io(source) => DataError::Io { path: name.into(), source },
        Failure::Data(error) => error,
    })
}

impl Idx {
    /// The shape and the bytes, if this is an array of unsigned bytes of rank `rank`, as images and labels are.
    ///
    /// # Errors
    /// [`DataError::Format`] if it is of another type or rank; `name` is what the error calls the file.
    pub fn into_bytes(self, rank: usize, name: &str) -> Result<(Vec<usize>, Vec<u8>)> {
        let found = format!("{} of rank {}", self.values.type_name(), self.shape.len());
        match self.values {
            IdxValues::U8(bytes) if self.shape.len() == rank => Ok((self.shape, bytes)),
            _ => Err(DataError::format(name, format!("unsigned bytes of rank {rank}"), found)),
        }
    }
}

impl IdxValues {
    fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "unsigned bytes",
            Self::I8(_) => "signed bytes",
            Self::I16(_) => "16-bit integers",
            Self::I32(_) => "32-bit integers",
            Self::F32(_) => "32-bit floats",
            Self::F64(_) => "64-bit floats",
        }
    }

    /// The values of type `code` in `bytes`; `None` if no type has this code. [`element_size`] knows the same codes.
    fn from_bytes(code: u8, bytes: Vec<u8>) -> Option<Self> {
        fn each<const N: usize, T>(bytes: &[u8], value: fn([u8; N]) -> T) -> Vec<T> {
            bytes.as_chunks::<N>().0.iter().map(|&chunk| value(chunk)).collect()
        }
        Some(match code {
            0x08 => Self::U8(bytes),
            0x09 => Self::I8(each(&bytes, i8::from_be_bytes)),
            0x0B => Self::I16(each(&bytes, i16::from_be_bytes)),
            0x0C => Self::I32(each(&bytes, i32::from_be_bytes)),
            0x0D => Self::F32(each(&bytes, f32::from_be_bytes)),
            0x0E => Self::F64(each(&bytes, f64::from_be_bytes)),
            _ => return None,
        })
    }
}

fn element_size(code: u8) -> Option<u64> {
    match code {
        0x08 | 0x09 => Some(1),
        0x0B => Some(2),
        0x0C | 0x0D => Some(4),
        0x0E => Some(8),
        _ => None,
    }
}

/// Keeps apart what the system said, to which the caller adds the path, and what the content is.
enum Failure {
    Io(io::Error),
    Data(DataError),
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

fn decode(mut source: impl BufRead, name: &str) -> std::result::Result<Idx, Failure> {
    let start = source.fill_buf().map_err(Failure::Io)?;
    if start.starts_with(&[0x1F, 0x8B]) {
        array(Source { reader: MultiGzDecoder::new(source), name, gzip: true })
    } else {
        array(Source { reader: source, name, gzip: false })
    }
}

struct Source<'a, R> {
    reader: R,
    name: &'a str,
    gzip: bool,
}

impl<R: Read> Source<'_, R> {
    /// Up to `count` bytes; fewer only at the end. Memory grows with what is there, not with what a header claims.
    fn take(&mut self, count: u64) -> std::result::Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        match self.reader.by_ref().take(count).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            // a cut or damaged gzip stream is the file's fault, not the system's
            Err(error) if self.gzip && is_damage(&error) => Err(Failure::Data(DataError::format(
                self.name,
                "a whole gzip stream",
                format!("damage after {} bytes of this part: {error}", bytes.len()),
            ))),
            Err(error) => Err(Failure::Io(error)),
        }
    }
}

fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

fn array<R: Read>(mut source: Source<'_, R>) -> std::result::Result<Idx, Failure> {
    let name = source.name;
    let magic = source.take(4)?;
    let &[0, 0, code, rank] = magic.as_slice() else {
        return Err(DataError::format(
            name,
            "an IDX header: 0, 0, type, rank",
            format!("bytes {magic:02x?}"),
        )
        .into());
    };
    let Some(size) = element_size(code) else {
        let found = format!("0x{code:02x}");
        return Err(DataError::format(name, "an IDX type: 0x08, 0x09 or 0x0b to 0x0e", found).into());
    };
    let sizes = source.take(4 * u64::from(rank))?;
    if sizes.len() < 4 * usize::from(rank) {
        let found = format!("{} bytes of them", sizes.len());
        return Err(DataError::format(name, format!("{rank} sizes of 4 bytes"), found).into());
    }
    let shape: Vec<u32> = sizes.as_chunks::<4>().0.iter().map(|&size| u32::from_be_bytes(size)).collect();
    let count = shape.iter().try_fold(size, |count, &axis| count.checked_mul(u64::from(axis)));
    let Some(count) = count.filter(|&count| count < u64::MAX) else {
        return Err(
            DataError::format(name, "an array that fits in memory", format!("sizes {shape:?}")).into()
        );
    };
    // one byte more than wanted shows whether the file goes on, and makes gzip check its sum
    let bytes = source.take(count + 1)?;
    if bytes.len() as u64 != count {
        let wanted = format!("{count} bytes for the sizes {shape:?}");
        let more = bytes.len() as u64 > count;
        let found = if more { "more".to_owned() } else { format!("{}", bytes.len()) };
        return Err(DataError::format(name, wanted, found).into());
    }
    let shape = shape.into_iter().map(|axis| axis as usize).collect();
    match IdxValues::from_bytes(code, bytes) {
        Some(values) => Ok(Idx { shape, values }),
        None => Err(DataError::format(name, "an IDX type", format!("0x{code:02x}")).into()),
    }
}
