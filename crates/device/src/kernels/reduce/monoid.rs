//! What a reduction accumulates, as WGSL.

use anygrad_layout::DType;

use super::Reduce;

/// The accumulated state of a reduction over elements of one type.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Monoid {
    pub kind: Reduce,
    pub dtype: DType,
}

impl Monoid {
    /// `State` with `fn identity() -> State` and `fn combine(a: State, b: State) -> State`: one accumulator
    /// `One`, or four of them side by side.
    pub fn declarations(self, four: bool) -> String {
        let each = |of: &dyn Fn(usize) -> String| (0..4).map(of).collect::<Vec<_>>().join(", ");
        let (state, identity, combine) = if four {
            (
                format!("struct State {{\n    {},\n}}", each(&|k| format!("s{k}: One"))),
                format!("State({})", each(&|_| "identity_one()".into())),
                format!("State({})", each(&|k| format!("combine_one(a.s{k}, b.s{k})"))),
            )
        } else {
            ("alias State = One;".into(), "identity_one()".into(), "combine_one(a, b)".into())
        };
        format!(
            "{}\n{state}\nfn identity() -> State {{\n    return {identity};\n}}\n\
             fn combine(a: State, b: State) -> State {{\n    return {combine};\n}}",
            self.one()
        )
    }

    /// `One`, `fn identity_one() -> One` and `fn combine_one(a: One, b: One) -> One`.
    fn one(self) -> String {
        let element = self.dtype.name();
        let (identity, combine) = (self.identity(), self.combined());
        if !self.kind.is_index() {
            return format!(
                "alias One = {element};\n\
                 fn identity_one() -> One {{\n    return {identity};\n}}\n\
                 fn combine_one(a: One, b: One) -> One {{\n    return {combine};\n}}"
            );
        }
        // The order of terms is by value, then by index; an index of all ones means no term yet.
        let nan = match self.dtype {
            DType::F32 => {
                "    let nan_a = ag_is_nan(a.value);\n    let nan_b = ag_is_nan(b.value);\n    \
                 if nan_a || nan_b {\n        \
                 if nan_b && (!nan_a || b.index < a.index) {\n            return b;\n        }\n        \
                 return a;\n    }\n"
            }
            _ => "",
        };
        format!(
            "struct One {{\n    value: {element},\n    index: u32,\n}}\n\
             fn identity_one() -> One {{\n    return One({identity}, 0xffffffffu);\n}}\n\
             fn combine_one(a: One, b: One) -> One {{\n    \
             if a.index == 0xffffffffu {{\n        return b;\n    }}\n    \
             if b.index == 0xffffffffu {{\n        return a;\n    }}\n{nan}    \
             if {combine} || (a.value == b.value && b.index < a.index) {{\n        return b;\n    }}\n    \
             return a;\n}}"
        )
    }

    /// `a` and `b` combined; for an index, whether `b` comes before `a`.
    pub fn combined(self) -> &'static str {
        match (self.kind, self.dtype) {
            (Reduce::Sum, _) => "a + b",
            (Reduce::Prod, _) => "a * b",
            (Reduce::Max, DType::F32) => "ag_max(a, b)",
            (Reduce::Min, DType::F32) => "ag_min(a, b)",
            (Reduce::Max, _) => "max(a, b)",
            (Reduce::Min, _) => "min(a, b)",
            (Reduce::ArgMax, _) => "b.value > a.value",
            (Reduce::ArgMin, _) => "b.value < a.value",
        }
    }

    /// What changes nothing when combined; the value of an empty sum or product.
    pub fn identity(self) -> &'static str {
        match (self.kind, self.dtype) {
            (Reduce::Sum, DType::F32) => "0.0",
            (Reduce::Sum, DType::I32) => "0i",
            (Reduce::Sum, _) => "0u",
            (Reduce::Prod, DType::F32) => "1.0",
            (Reduce::Prod, DType::I32) => "1i",
            (Reduce::Prod, _) => "1u",
            (Reduce::Max | Reduce::ArgMax, DType::F32) => "-ag_inf()",
            (Reduce::Max | Reduce::ArgMax, DType::I32) => "bitcast<i32>(0x80000000u)",
            (Reduce::Max | Reduce::ArgMax, _) => "0u",
            (Reduce::Min | Reduce::ArgMin, DType::F32) => "ag_inf()",
            (Reduce::Min | Reduce::ArgMin, DType::I32) => "2147483647i",
            (Reduce::Min | Reduce::ArgMin, _) => "0xffffffffu",
        }
    }

    /// A term as a `One`, from the expressions of its value and index.
    pub fn term(self, value: &str, index: &str) -> String {
        if self.kind.is_index() { format!("One({value}, {index})") } else { value.to_owned() }
    }
}
