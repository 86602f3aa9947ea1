//! Picks from the `shaders/math*.wgsl` files the functions a kernel calls.

use std::sync::OnceLock;

use anygrad_shaders::MATH;

struct Function {
    name: &'static str,
    text: &'static str,
    /// Indices of the functions this one calls.
    calls: Vec<usize>,
}

/// Appends the library functions that `source` calls, and those that they call, in the order of the library.
pub(super) fn append_called(source: &mut String) {
    let library = library();
    let mut wanted = vec![false; library.len()];
    let mut pending: Vec<usize> = called(source, library.iter().map(|f| f.name)).collect();
    while let Some(i) = pending.pop() {
        if !std::mem::replace(&mut wanted[i], true) {
            pending.extend(&library[i].calls);
        }
    }
    for (function, wanted) in library.iter().zip(wanted) {
        if wanted {
            source.push_str(function.text);
        }
    }
}

fn library() -> &'static [Function] {
    static LIBRARY: OnceLock<Vec<Function>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let parts: Vec<(&'static str, &'static str)> = all().collect();
        let names = || parts.iter().map(|(name, _)| *name);
        let calls = |name: &str, text: &str| {
            called(text, names()).filter(|i| parts[*i].0 != name).collect::<Vec<usize>>()
        };
        parts.iter().map(|&(name, text)| Function { name, text, calls: calls(name, text) }).collect()
    })
}

fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    MATH.into_iter().flat_map(functions)
}

/// The functions of a library file: each starts with `fn` and ends with `}` at the start of a line.
fn functions(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.match_indices("\nfn ").filter_map(move |(at, _)| {
        let start = text.get(at + 1..)?;
        let function = start.get(..start.find("\n}")? + 2)?;
        let name = function.get(3..function.find('(')?)?;
        // with the line break that precedes it, so that the pieces stand apart
        Some((name, text.get(at..at + 1 + function.len())?))
    })
}

/// The indices of the `names` that occur as whole words in `text`.
fn called<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = usize> {
    let mut words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("ag_"))
        .collect();
    words.sort_unstable();
    names
        .enumerate()
        .filter(|(_, name)| words.binary_search(name).is_ok())
        .map(|(i, _)| i)
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_brings_what_it_calls_once_and_in_order() {
        let mut text = String::from("let y = ag_max(a, b) + ag_is_nan(c); let ag_maximum = 1;");
        append_called(&mut text);
        let found: Vec<_> =
            all().map(|(name, _)| name).filter(|n| text.contains(&format!("fn {n}("))).collect();
        assert_eq!(found, ["ag_is_nan", "ag_max"]);
        assert_eq!(text.matches("fn ag_is_nan(").count(), 1);
    }

    #[test]
    fn the_whole_library_is_found() {
        assert_eq!(all().count(), MATH.concat().matches("fn ag_").count());
        let mut text: String = all().map(|(name, _)| format!("{name}(")).collect::<Vec<_>>().join(" ");
        append_called(&mut text);
        assert_eq!(text.matches("\nfn ").count(), all().count());
    }

    #[test]
    fn nothing_called_nothing_added() {
        let mut text = String::from("fn main() {}");
        append_called(&mut text);
        assert_eq!(text, "fn main() {}");
    }
}
