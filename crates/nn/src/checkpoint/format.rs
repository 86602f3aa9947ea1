//! The safetensors format with notes and a checksum.
//!
//! The header begins with the checksum: eight hexadecimal digits at a fixed place. It is the CRC-32 (of IEEE 802.3, as
//! in zip and PNG) of the whole file with these digits read as zeros, so no byte of the file is left out. Files of
//! other programs have none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use safetensors::SafeTensors;

use super::file::{self, failed};
use super::values::Value;
use crate::error::{Error, Result};

/// How every header starts, up to the digits of the checksum.
const START: &str = r#"{"__metadata__":{"crc32":""#;
const NO_DIGITS: &str = "00000000";
/// The bytes that hold the length of the header.
const LENGTH: usize = 8;
/// The most that a header may hold, as in the reference implementation.
const MAX_HEADER: u64 = 100_000_000;

/// Where the digits of the checksum stand in a file.
fn digits() -> std::ops::Range<usize> {
    let start = LENGTH + START.len();
    start..start + NO_DIGITS.len()
}

/// Writes the entries and the notes to `path`, whole or not at all.
pub(super) fn write(
    path: &Path,
    mut entries: Vec<(String, Value)>,
    notes: &BTreeMap<String, String>,
) -> Result<()> {
    // the largest elements first, so that each is aligned
    entries.sort_by_key(|(_, value)| std::cmp::Reverse(value.stored().1));
    let header =
        header(&entries, notes).map_err(|message| Error::Checkpoint { file: path.to_owned(), message })?;
    let failed = |error| failed(path, "write", error);
    file::write(path, |file| {
        let mut checksum = crc32fast::Hasher::new();
        let mut out = BufWriter::new(&mut *file);
        let mut put = |bytes: &[u8]| {
            checksum.update(bytes);
            out.write_all(bytes).map_err(failed)
        };
        put(&(header.len() as u64).to_le_bytes())?;
        put(header.as_bytes())?;
        for (_, value) in &entries {
            put(&value.bytes()?)?;
        }
        out.flush().map_err(failed)?;
        drop(out);
        file.seek(SeekFrom::Start(digits().start as u64)).map_err(failed)?;
        file.write_all(format!("{:08x}", checksum.finalize()).as_bytes()).map_err(failed)
    })
}

fn header(entries: &[(String, Value)], notes: &BTreeMap<String, String>) -> Result<String, String> {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let mut header = format!("{START}{NO_DIGITS}\"");
    for (name, note) in notes {
        header.extend([",", &text(name), ":", &text(note)]);
    }
    header.push('}');
    let (mut names, mut offset) = (BTreeSet::new(), 0usize);
    for (name, value) in entries {
        if !names.insert(name) {
            return Err(format!("the name {name} is used twice"));
        }
        let (dtype, size) = value.stored();
        let end = value.numel().checked_mul(size).and_then(|bytes| offset.checked_add(bytes));
        let end = end.ok_or_else(|| format!("tensor {name} is too large for a file"))?;
        let shape = value.shape();
        header.push_str(&format!(
            r#",{}:{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{offset},{end}]}}"#,
            text(name)
        ));
        offset = end;
    }
    header.push('}');
    // so that the tensors begin at a multiple of eight bytes
    let padded = header.len().next_multiple_of(8);
    header.extend(std::iter::repeat_n(' ', padded - header.len()));
    if header.len() as u64 > MAX_HEADER {
        return Err(format!("the header has {} bytes, of at most {MAX_HEADER}", header.len()));
    }
    Ok(header)
}

/// The bytes of a file and whether it has a checksum, which fits then.
pub(super) struct Bytes {
    bytes: Vec<u8>,
    pub checked: bool,
}

impl Bytes {
    /// Reads a file. What its first bytes promise is compared with its size before anything is allocated.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |error| failed(path, "read", error);
        let wrong = |message: String| Error::Checkpoint { file: path.to_owned(), message };
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut length = [0; LENGTH];
        if size >= LENGTH as u64 {
            file.read_exact(&mut length).map_err(failed)?;
        }
        let header = u64::from_le_bytes(length);
        if size < LENGTH as u64 || header > MAX_HEADER || header > size - LENGTH as u64 {
            let message = format!("not a whole safetensors file: {size} bytes with a header of {header}");
            return Err(wrong(message));
        }
        let mut bytes = length.to_vec();
        file.take(size - LENGTH as u64).read_to_end(&mut bytes).map_err(failed)?;
        let mut bytes = Self { bytes, checked: false };
        // an incomplete file says so, and not that its checksum differs
        bytes.parse(path)?;
        bytes.checked = bytes.check().map_err(wrong)?;
        Ok(bytes)
    }

    fn check(&self) -> Result<bool, String> {
        let [before, rest] = match self.bytes.split_at_checked(digits().start) {
            Some((before, rest)) if before.ends_with(START.as_bytes()) => [before, rest],
            _ => return Ok(false),
        };
        let Some((written, after)) = rest.split_at_checked(NO_DIGITS.len()) else { return Ok(false) };
        let mut checksum = crc32fast::Hasher::new();
        [before, NO_DIGITS.as_bytes(), after].into_iter().for_each(|part| checksum.update(part));
        let found = format!("{:08x}", checksum.finalize());
        if found.as_bytes() == written {
            return Ok(true);
        }
        let written = String::from_utf8_lossy(written);
        Err(format!("damaged: the checksum is {found}, the file says {written}"))
    }

    /// The tensors and the notes.
    pub fn parse(&self, path: &Path) -> Result<(SafeTensors<'_>, BTreeMap<String, String>)> {
        let wrong = |error: String| Error::Checkpoint {
            file: path.to_owned(),
            message: format!("not a whole safetensors file: {error}"),
        };
        self.check_offsets().map_err(wrong)?;
        let (_, metadata) =
            SafeTensors::read_metadata(&self.bytes).map_err(|error| wrong(error.to_string()))?;
        let notes = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|error| wrong(error.to_string()))?;
        Ok((tensors, notes))
    }

    /// That no tensor ends behind the end of the file: the reader adds up what the header says without a check, and
    /// huge sizes could add up to any sum.
    fn check_offsets(&self) -> Result<(), String> {
        let (length, rest) = self.bytes.split_first_chunk::<LENGTH>().ok_or("no header")?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (header, data) = rest.split_at_checked(length).ok_or("no header")?;
        let header: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(header).map_err(|error| format!("the header: {error}"))?;
        for (name, entry) in &header {
            let ends = entry.get("data_offsets").and_then(serde_json::Value::as_array);
            let ends = ends.into_iter().flatten().filter_map(serde_json::Value::as_u64);
            if ends.into_iter().any(|end| end > data.len() as u64) {
                return Err(format!("tensor {name} ends behind the end of the file"));
            }
        }
        Ok(())
    }
}
