//! Tables of text, a row a line: CSV, and its relatives with other separators.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use ::csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};

use super::{file_error, open, unpacked};
use crate::table::{Column, ColumnValues, Table};
use crate::{DataError, Result};

/// How a table is written; what is not named keeps its default.
///
/// ```
/// use anygrad_data::csv::CsvSettings;
/// let settings = CsvSettings { header: false, delimiter: b';', ..CsvSettings::default() };
/// assert!(settings.missing.contains(&"?".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvSettings {
    /// Whether the first line holds the names of the columns; true. Without it they are "0", "1", ..
    pub header: bool,
    /// The byte between two values; `b','`. With `b' '` it is any run of spaces and tabs.
    pub delimiter: u8,
    /// A byte that begins a line to be left out, such as `b'#'`; none.
    pub comment: Option<u8>,
    /// What stands for a missing value; "", "?", "NA", "N/A", "NaN", "nan", "null".
    pub missing: Vec<String>,
    /// Columns that hold numbers: any other value is an error. Of the rest, those are numbers whose values all are; none.
    pub numeric: Vec<String>,
    /// Columns that hold categories, though their values look like numbers; none.
    pub categorical: Vec<String>,
}

impl Default for CsvSettings {
    fn default() -> Self {
        Self {
            header: true,
            delimiter: b',',
            comment: None,
            missing: ["", "?", "NA", "N/A", "NaN", "nan", "null"].map(str::to_owned).to_vec(),
            numeric: vec![],
            categorical: vec![],
        }
    }
}

/// Reads the table at `path`, plain or gzipped.
///
/// # Errors
/// [`DataError::Io`] if it cannot be read, [`DataError::Line`] names the line that has another number of values than the
/// first, is not UTF-8, or has no number where one must be; [`DataError::Needs`] if a column named in the settings is
/// missing or two have one name.
pub fn read(path: &Path, settings: &CsvSettings) -> Result<Table> {
    table(open(path)?, &path.display().to_string(), settings)
}

/// As [`read`], of a file that is already in memory; `name` is what errors call it.
///
/// ```
/// use anygrad_data::csv::{self, CsvSettings};
/// let error = csv::parse(b"a,b\n1,2\n3\n", "short", &CsvSettings::default()).unwrap_err();
/// assert_eq!(error.to_string(), "short, line 3: wanted 2 values, found 1");
/// ```
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], name: &str, settings: &CsvSettings) -> Result<Table> {
    table(unpacked(bytes).map_err(|error| file_error(name, error))?, name, settings)
}

fn table(mut source: impl Read, name: &str, settings: &CsvSettings) -> Result<Table> {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes).map_err(|error| file_error(name, error))?;
    // the mark that some programs put before UTF-8
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let text = if settings.delimiter == b' ' { Cow::Owned(single_spaces(text)) } else { Cow::Borrowed(text) };
    let text = Text { bytes: &text, name, comment: settings.comment };
    let mut reader = ReaderBuilder::new()
        .has_headers(settings.header)
        .delimiter(settings.delimiter)
        .comment(settings.comment)
        .trim(Trim::All)
        .from_reader(text.bytes);
    let mut names: Vec<String> = Vec::new();
    if settings.header {
        names.extend(reader.headers().map_err(|error| text.row_error(error))?.iter().map(str::to_owned));
    }
    let (mut cells, mut starts) = (Vec::new(), Vec::new());
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| text.row_error(error))? {
        starts.push(record.position().map_or(0, |position| position.byte()));
        cells.resize_with(record.len().max(cells.len()), Vec::new);
        for (column, cell) in cells.iter_mut().zip(&record) {
            column.push(cell.to_owned());
        }
    }
    if !settings.header {
        names = (0..cells.len()).map(|number| number.to_string()).collect();
    }
    cells.resize_with(names.len(), Vec::new);
    for wanted in settings.numeric.iter().chain(&settings.categorical) {
        if !names.contains(wanted) {
            let found = format!("the columns {}", names.join(", "));
            return Err(DataError::needs("CsvSettings", format!("a column named {wanted:?}"), found));
        }
    }
    let columns = names.into_iter().zip(&cells).map(|(column, cells)| {
        let values = values(&column, cells, &starts, &text, settings)?;
        Ok(Column { name: column, values })
    });
    Table::new(columns.collect::<Result<_>>()?)
}

/// `text` with one space for each run of spaces and tabs, and none at the ends of a line; what stands in double quotes
/// stays as it is.
fn single_spaces(text: &[u8]) -> Vec<u8> {
    let (mut single, mut quoted, mut space) = (Vec::with_capacity(text.len()), false, false);
    for &byte in text {
        if !quoted && matches!(byte, b' ' | b'\t' | b'\r') {
            space = true;
            continue;
        }
        if space && byte != b'\n' && !matches!(single.last(), None | Some(b'\n')) {
            single.push(b' ');
        }
        space = false;
        quoted ^= byte == b'"';
        single.push(byte);
    }
    single
}

/// What the cells of one column are.
fn values(
    column: &String,
    cells: &[String],
    starts: &[u64],
    text: &Text<'_>,
    settings: &CsvSettings,
) -> Result<ColumnValues> {
    let is_missing = |cell: &String| settings.missing.contains(cell);
    let number = |cell: &String| match is_missing(cell) {
        true => Some(f64::NAN),
        false => cell.parse::<f64>().ok().filter(|x| x.is_finite()),
    };
    if !settings.categorical.contains(column) {
        let numbers: Vec<Option<f64>> = cells.iter().map(number).collect();
        match numbers.iter().position(Option::is_none) {
            None => return Ok(ColumnValues::Numbers(numbers.into_iter().flatten().collect())),
            Some(row) if settings.numeric.contains(column) => {
                let (line, cell) = (text.line(starts.get(row).copied().unwrap_or(0)), cells.get(row));
                let found = format!("{:?}", cell.map_or("", String::as_str));
                return Err(DataError::line(
                    text.name,
                    line,
                    format!("a number in column {column:?}"),
                    found,
                ));
            }
            Some(_) => {}
        }
    }
    let words: Vec<Option<&str>> =
        cells.iter().map(|cell| (!is_missing(cell)).then_some(cell.as_str())).collect();
    Ok(ColumnValues::from_words(&words))
}

/// The whole file, for the numbers of its lines.
struct Text<'a> {
    bytes: &'a [u8],
    name: &'a str,
    comment: Option<u8>,
}

impl Text<'_> {
    /// The number of the line, from 1, on which the record stands that the parser met at byte `start`. The parser takes
    /// the empty lines and the comments before a record for its beginning.
    fn line(&self, start: u64) -> u64 {
        let (before, rest) = self.bytes.split_at(self.bytes.len().min(start as usize));
        let newlines = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let is_left_out = |line: &&[u8]| match line.first() {
            None | Some(b'\r') => true,
            Some(first) => Some(*first) == self.comment,
        };
        1 + newlines(before) + rest.split(|&byte| byte == b'\n').take_while(is_left_out).count() as u64
    }

    fn row_error(&self, error: ::csv::Error) -> DataError {
        let line = error.position().map_or(0, |position| self.line(position.byte()));
        match error.into_kind() {
            ErrorKind::Io(error) => file_error(self.name, error),
            ErrorKind::UnequalLengths { expected_len, len, .. } => {
                DataError::line(self.name, line, format!("{expected_len} values"), len.to_string())
            }
            ErrorKind::Utf8 { err, .. } => DataError::line(self.name, line, "UTF-8 text", err.to_string()),
            other => DataError::line(self.name, line, "a row of a table", format!("{other:?}")),
        }
    }
}
