//! The text of what is carried along a line.

use anygrad_layout::DType;

use super::Scan;

impl Scan {
    /// Whether the result is an index.
    pub(super) fn is_index(self) -> bool {
        matches!(self, Scan::MaxIndex | Scan::MinIndex)
    }

    /// Words of a state in a scratch buffer.
    pub(super) fn words(self) -> usize {
        match self {
            Scan::Sum | Scan::Prod => 1,
            _ => 2,
        }
    }

    /// `State` with `fn identity`, and `fn combine(a, b)` where `a` is of the terms before those of `b`.
    pub(super) fn declarations(self, dtype: DType) -> String {
        let element = dtype.name();
        let (state, identity, combine) = match self {
            Scan::Sum => {
                (format!("alias State = {element};"), format!("{element}(0)"), "    return a + b;\n")
            }
            Scan::Prod => {
                (format!("alias State = {element};"), format!("{element}(1)"), "    return a * b;\n")
            }
            Scan::Linear => (
                format!("struct State {{\n    factor: {element},\n    value: {element},\n}}"),
                "State(1.0, 0.0)".into(),
                // a 0 contributes nothing, though the product of the factors may have become infinite
                "    let none = a.value == 0.0 || b.factor == 0.0;\n    \
                 let kept = select(b.factor * a.value, 0.0, none);\n    \
                 return State(a.factor * b.factor, kept + b.value);\n",
            ),
            Scan::MaxIndex | Scan::MinIndex => (
                format!("struct State {{\n    value: {element},\n    index: u32,\n}}"),
                format!("State({element}(0), 0xffffffffu)"),
                match (self, dtype) {
                    (Scan::MaxIndex, DType::F32) => LATER_LARGEST_FLOAT,
                    (Scan::MaxIndex, _) => LATER_LARGEST,
                    (_, DType::F32) => LATER_SMALLEST_FLOAT,
                    _ => LATER_SMALLEST,
                },
            ),
        };
        format!(
            "{state}\nfn identity() -> State {{\n    return {identity};\n}}\n\
             fn combine(a: State, b: State) -> State {{\n{combine}}}"
        )
    }

    /// A term at `i` from the elements of the inputs.
    pub(super) fn term(self) -> &'static str {
        match self {
            Scan::Sum | Scan::Prod => "x0",
            Scan::Linear => "State(x0, x1)",
            Scan::MaxIndex | Scan::MinIndex => "State(x0, i)",
        }
    }

    /// What a place of the result gets of its state.
    pub(super) fn result(self) -> &'static str {
        match self {
            Scan::Sum | Scan::Prod => "s",
            Scan::Linear => "s.value",
            Scan::MaxIndex | Scan::MinIndex => "s.index",
        }
    }

    /// The words of state `s`.
    pub(super) fn packed(self) -> Vec<&'static str> {
        match self {
            Scan::Sum | Scan::Prod => vec!["bitcast<u32>(s)"],
            Scan::Linear => vec!["bitcast<u32>(s.factor)", "bitcast<u32>(s.value)"],
            Scan::MaxIndex | Scan::MinIndex => vec!["bitcast<u32>(s.value)", "s.index"],
        }
    }

    /// A state from the words at `at` of a buffer.
    pub(super) fn unpacked(self, dtype: DType, buffer: &str) -> String {
        let element = dtype.name();
        match self {
            Scan::Sum | Scan::Prod => format!("bitcast<{element}>({buffer}[at])"),
            Scan::Linear => {
                format!("State(bitcast<{element}>({buffer}[at]), bitcast<{element}>({buffer}[at + 1u]))")
            }
            Scan::MaxIndex | Scan::MinIndex => {
                format!("State(bitcast<{element}>({buffer}[at]), {buffer}[at + 1u])")
            }
        }
    }
}

macro_rules! later {
    ($numbers:literal, $wins:literal) => {
        concat!(
            "    if b.index == 0xffffffffu {\n        return a;\n    }\n",
            "    if a.index == 0xffffffffu {\n        return b;\n    }\n",
            $numbers,
            "    if ",
            $wins,
            " {\n        return b;\n    }\n    return a;\n"
        )
    };
}

const LATER_LARGEST: &str = later!("", "b.value >= a.value");
const LATER_SMALLEST: &str = later!("", "b.value <= a.value");
const LATER_LARGEST_FLOAT: &str = later!(
    "    if ag_is_nan(a.value) || ag_is_nan(b.value) {\n        if ag_is_nan(b.value) {\n            return b;\n        }\n        return a;\n    }\n",
    "b.value >= a.value"
);
const LATER_SMALLEST_FLOAT: &str = later!(
    "    if ag_is_nan(a.value) || ag_is_nan(b.value) {\n        if ag_is_nan(b.value) {\n            return b;\n        }\n        return a;\n    }\n",
    "b.value <= a.value"
);
