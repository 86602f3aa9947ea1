//! Numbers as lines of text: "name: 1 2 3". Rust writes the shortest digits that are read back as the same number.

use crate::{DataError, Result};

/// A line of `values`.
pub(super) fn line<T: ToString>(name: &str, values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(T::to_string).collect();
    format!("{name}: {}\n", values.join(" "))
}

/// The values of the line `name` in `text`.
pub(super) fn values<T: std::str::FromStr>(text: &str, file: &'static str, name: &str) -> Result<Vec<T>> {
    let mut lines = text.lines().zip(1..).filter_map(|(line, number)| {
        let (found, values) = line.split_once(':')?;
        (found.trim() == name).then_some((values, number))
    });
    let Some((values, number)) = lines.next() else {
        return Err(DataError::format(file, format!("a line \"{name}: ..\""), "none"));
    };
    let parse = |word: &str| {
        word.parse()
            .map_err(|_| DataError::line(file, number, format!("numbers for {name}"), format!("{word:?}")))
    };
    values.split_whitespace().map(parse).collect()
}

/// The one value of the line `name`.
pub(super) fn value<T: std::str::FromStr>(text: &str, file: &'static str, name: &str) -> Result<T> {
    let all = values::<T>(text, file, name)?;
    let count = all.len();
    match all.into_iter().next() {
        Some(value) if count == 1 => Ok(value),
        _ => Err(DataError::format(file, format!("one value for {name}"), format!("{count}"))),
    }
}

/// Fails unless two lists that go together are equally long.
pub(super) fn check_pair(file: &'static str, names: [&str; 2], lengths: [usize; 2]) -> Result<()> {
    if lengths[0] == lengths[1] {
        return Ok(());
    }
    let found = format!("{} and {}", lengths[0], lengths[1]);
    Err(DataError::format(file, format!("as many numbers for {} as for {}", names[0], names[1]), found))
}
