use std::fmt;
use std::hash::{Hash, Hasher};

use anygrad_cpu::BlockFn;
use anygrad_layout::{DType, Shape, broadcast};

use crate::Tensor;
use crate::op::{Gradients, Kind, Meta, Op, Vjp};

/// The dtypes a row takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// f32, f64, f16.
    Float,
    /// f32, f64, f16, i32.
    Signed,
    /// f32, f64, f16, i32, u32.
    Number,
    /// i32, u32.
    Integer,
    /// i32, u32, bool.
    Bits,
    /// bool.
    Bool,
    /// Every dtype.
    Any,
    /// One dtype.
    Only(DType),
}

impl Class {
    /// Whether `dtype` belongs to the class.
    pub fn has(self, dtype: DType) -> bool {
        match self {
            Class::Float => dtype.is_float(),
            Class::Signed => dtype.is_float() || dtype == DType::I32,
            Class::Number => dtype != DType::Bool,
            Class::Integer => dtype.is_int(),
            Class::Bits => dtype.is_int() || dtype == DType::Bool,
            Class::Bool => dtype == DType::Bool,
            Class::Any => true,
            Class::Only(only) => dtype == only,
        }
    }
}

/// How the output's dtype follows from the inputs'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Types {
    /// All inputs have one dtype of the class, and so has the output.
    Same(Class),
    /// All inputs have one dtype of the class; the output is bool.
    Truth(Class),
    /// The first input is bool, the others have one dtype, and so has the output.
    Select,
    /// Inputs of the class become this dtype.
    To(Class, DType),
}

/// One elementwise op. It fuses on both backends with what stands around it.
///
/// A row of your own is a `static` of its own: two rows are the same op if they are the same place in memory.
///
/// ```
/// use anygrad_graph::extend::{Class, Row, Types, float1};
/// use anygrad_graph::{Device, Tensor, grad_check};
///
/// /// `x / (1 + x²)`.
/// static WITCH: Row = Row {
///     name: "witch",
///     arity: 1,
///     types: Types::Same(Class::Float),
///     cpu: |args, out| float1(args, out, |x| x / (1.0 + x * x), |x| x / (1.0 + x * x)),
///     wgsl: |_| "$0 / (1.0 + $0 * $0)",
///     // dy/dx = (1 − x²) / (1 + x²)²
///     vjp: Some(|v| {
///         let x2 = v.inputs[0].square();
///         vec![Some(v.grad * (1.0 - &x2) / (&x2 + 1.0).square())]
///     }),
///     probe: (-3.0, 3.0),
/// };
///
/// let x = Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu());
/// assert_eq!(WITCH.record(&[&x]).to_vec::<f32>()?, [0.5, 0.4]);
/// grad_check(|t| WITCH.record(&[&t[0]]), &[&x])?;
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
pub struct Row {
    /// Its name in programs and messages, and that of the method.
    pub name: &'static str,
    /// Number of inputs.
    pub arity: usize,
    /// The dtype rule.
    pub types: Types,
    /// The loop over a block on the CPU. No row but a conversion sees f16: see `crate::half`.
    pub cpu: BlockFn,
    /// The WGSL expression for inputs of a dtype, with `$0 $1 $2` for the inputs.
    pub wgsl: fn(DType) -> &'static str,
    /// The gradient; `None` where there is none.
    pub vjp: Option<fn(&Vjp<'_>) -> Gradients>,
    /// The range test inputs are drawn from.
    pub probe: (f64, f64),
}

impl Row {
    /// Records this op on its inputs, which broadcast.
    #[track_caller]
    pub fn record(&'static self, inputs: &[&Tensor]) -> Tensor {
        Tensor::record(Pointwise(self), inputs)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A row of the table as an [`Op`].
#[derive(Clone, Copy, Debug)]
pub struct Pointwise(pub &'static Row);

impl PartialEq for Pointwise {
    fn eq(&self, other: &Self) -> bool {
        // rows from outside this crate may have any name
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Pointwise {}

impl Hash for Pointwise {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl Op for Pointwise {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn kind(&self) -> Kind {
        Kind::Pointwise(self.0)
    }

    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        if inputs.len() != self.0.arity {
            return Err(format!("takes {} inputs, got {}", self.0.arity, inputs.len()));
        }
        let dtype = self.0.types.output(inputs)?;
        let mut shape = Shape::scalar();
        for input in inputs {
            shape = match broadcast(&shape, &input.shape) {
                Some(shape) => shape,
                None => {
                    let shapes: Vec<String> = inputs.iter().map(|m| m.shape.to_string()).collect();
                    return Err(format!("shapes do not broadcast: {}", shapes.join(" and ")));
                }
            };
        }
        Ok(Meta { shape, dtype })
    }

    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        self.0.vjp.map(|rule| rule(v))
    }

    fn label(&self, i: usize, count: usize) -> String {
        match (self.0.types, i) {
            (Types::Select, 0) => "condition".into(),
            (Types::Select, 1) => "if true".into(),
            (Types::Select, _) => "if false".into(),
            (_, _) if count == 1 => "input".into(),
            (_, 0) if count == 2 => "left".into(),
            (_, 1) if count == 2 => "right".into(),
            _ => format!("input {i}"),
        }
    }
}

impl Types {
    fn output(self, inputs: &[&Meta]) -> Result<DType, String> {
        let (class, same): (Class, &[&Meta]) = match self {
            Types::Same(class) | Types::Truth(class) | Types::To(class, _) => (class, inputs),
            Types::Select => {
                if inputs.first().is_some_and(|m| m.dtype != DType::Bool) {
                    return Err(format!("the condition is {}, not bool", inputs[0].dtype));
                }
                (Class::Any, inputs.get(1..).unwrap_or_default())
            }
        };
        let Some(first) = same.first() else { return Err("takes more inputs".into()) };
        if let Some(other) = same.iter().find(|m| m.dtype != first.dtype) {
            return Err(format!(
                "dtypes differ: {} and {}; convert one with to_dtype",
                first.dtype, other.dtype
            ));
        }
        if !class.has(first.dtype) {
            return Err(format!("does not take {}", first.dtype));
        }
        Ok(match self {
            Types::Same(_) | Types::Select => first.dtype,
            Types::Truth(_) => DType::Bool,
            Types::To(_, to) => to,
        })
    }
}

/// Writes table rows; see [`crate::pointwise`]. Each row gives a `Tensor` method of its name, whose first
/// input is `self`, and the list `ROWS`.
///
/// In `cpu` the inputs are numbers of the lane's type; in `vjp` they are tensors, with the gradient and the
/// output under the names given. `method` is `pub` for a method, or `hidden` where the method is written by hand.
macro_rules! pointwise {
    ($(
        $(#[$doc:meta])*
        $name:ident($x:ident $(, $more:ident)*) $types:expr => {
            cpu: $kind:ident [$($lane:ident)+] $cpu:expr,
            wgsl: [$($dtype:pat => $text:literal),+],
            vjp: $vjp:tt,
            probe: $probe:expr $(,)?
        }
    )+) => {
        pub(super) static ROWS: &[&$crate::pointwise::Row] = &[$(&$name::ROW),+];

        $(
            #[allow(non_snake_case, unused_imports)]
            pub(super) mod $name {
                use super::*;
                use $crate::pointwise::row::words;

                #[allow(clippy::unnecessary_cast)]
                fn cpu(args: &[anygrad_cpu::Lane<'_>], out: &mut anygrad_cpu::LaneMut<'_>) -> Option<()> {
                    lanes!(args, out, $kind, [$($lane)+], ($x $(, $more)*), $cpu)
                }

                pub static ROW: $crate::pointwise::Row = $crate::pointwise::Row {
                    name: stringify!($name),
                    arity: [stringify!($x) $(, stringify!($more))*].len(),
                    types: $types,
                    cpu,
                    wgsl: |dtype| match dtype { $($dtype => $text),+ },
                    vjp: gradient!(($x $(, $more)*) $vjp),
                    probe: $probe,
                };

                pub static OP: $crate::pointwise::Pointwise = $crate::pointwise::Pointwise(&ROW);
            }

            impl Tensor {
                $(#[$doc])*
                #[track_caller]
                pub fn $name(&self $(, $more: impl $crate::pointwise::Operand)*) -> Tensor {
                    $(let $more = $crate::pointwise::Operand::like($more, self);)*
                    Tensor::record($crate::op::OpRef::Static(&$name::OP), &[self $(, &$more)*])
                }
            }
        )+
    };
}

/// The gradient of a row as a function: `none`, or `{ |g, y| [a, b] }`.
macro_rules! gradient {
    (($($x:ident),+) none) => { None };
    (($($x:ident),+) { |$g:ident, $y:ident| [$($e:expr),+ $(,)?] }) => {
        Some(|v: &$crate::op::Vjp<'_>| -> $crate::op::Gradients {
            let ($g, $y) = (v.grad, v.output);
            let _ = ($g, $y);
            match v.inputs {
                [$($x),+] => { $(let _ = $x;)+ vec![$(Some($e)),+] }
                _ => Vec::new(),
            }
        })
    };
}

/// The types of the lanes, by the lanes' names.
#[allow(clippy::upper_case_acronyms)]
pub(super) mod words {
    pub type F32 = f32;
    pub type F64 = f64;
    pub type I32 = i32;
    pub type U32 = u32;
}

/// The loop of a row over lanes: `same` writes the input's type, `truth` a bool, `to_f32` that lane, `convert` any, and
/// `block` leaves all to a function.
///
/// The expression becomes a method that asks to be inlined: so it is compiled with the loop around it for each instruction
/// set.
macro_rules! lanes {
    ($args:expr, $out:expr, same, [$($lane:ident)+], $x:tt, $body:expr) => {
        match $out {
            $(anygrad_cpu::LaneMut::$lane(_) =>
                lanes!(@apply $args, $out, $x, words::$lane, words::$lane, $body),)+
            _ => None,
        }
    };
    ($args:expr, $out:expr, truth, [$($lane:ident)+], $x:tt, $body:expr) => {
        match $args.first()? {
            $(anygrad_cpu::Lane::$lane(_) =>
                lanes!(@apply $args, $out, $x, words::$lane, u32, u32::from($body)),)+
            _ => None,
        }
    };
    ($args:expr, $out:expr, to_f32, [$($lane:ident)+], $x:tt, $body:expr) => {
        match $args.first()? {
            $(anygrad_cpu::Lane::$lane(_) => lanes!(@apply $args, $out, $x, words::$lane, f32, $body),)+
            _ => None,
        }
    };
    ($args:expr, $out:expr, select, [$($lane:ident)+], ($c:ident, $x:ident, $y:ident), $body:expr) => {
        match $out {
            $(anygrad_cpu::LaneMut::$lane(_) => {
                struct Element;
                impl anygrad_cpu::Map3<u32, words::$lane, words::$lane, words::$lane> for Element {
                    #[inline(always)]
                    fn map(&self, $c: u32, $x: words::$lane, $y: words::$lane) -> words::$lane { $body }
                }
                anygrad_cpu::map3($args, $out, Element)
            })+
            _ => None,
        }
    };
    ($args:expr, $out:expr, convert, [$($lane:ident)+], ($x:ident), $body:expr) => {
        anygrad_cpu::convert($args, $out)
    };
    ($args:expr, $out:expr, block, [$($lane:ident)+], ($x:ident), $block:expr) => {
        $block($args, $out)
    };
    (@apply $args:expr, $out:expr, ($x:ident), $from:ty, $to:ty, $body:expr) => {{
        struct Element;
        impl anygrad_cpu::Map1<$from, $to> for Element {
            #[inline(always)]
            fn map(&self, $x: $from) -> $to { $body }
        }
        anygrad_cpu::map1($args, $out, Element)
    }};
    (@apply $args:expr, $out:expr, ($x:ident, $y:ident), $from:ty, $to:ty, $body:expr) => {{
        struct Element;
        impl anygrad_cpu::Map2<$from, $from, $to> for Element {
            #[inline(always)]
            fn map(&self, $x: $from, $y: $from) -> $to { $body }
        }
        anygrad_cpu::map2($args, $out, Element)
    }};
    (@apply $args:expr, $out:expr, ($x:ident, $y:ident, $z:ident), $from:ty, $to:ty, $body:expr) => {{
        struct Element;
        impl anygrad_cpu::Map3<$from, $from, $from, $to> for Element {
            #[inline(always)]
            fn map(&self, $x: $from, $y: $from, $z: $from) -> $to { $body }
        }
        anygrad_cpu::map3($args, $out, Element)
    }};
}

pub(super) use {gradient, lanes, pointwise};
