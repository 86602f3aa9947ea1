//! Pointwise programs: what a fused chain computes at one position.

use anygrad_layout::{DType, Layout, Shape};
use smallvec::SmallVec;

use super::builder::value_type;
use super::{Builder, invalid};
use crate::DeviceError;

/// A pointwise program over one iteration space.
///
/// Value ids: the inputs first, then the numbers, then the steps. A bool is a WGSL `bool` in registers and
/// the `u32` 0 or 1 in buffers. An f16 is an `f32` in registers, already rounded by the step that made it, and half a
/// word in buffers.
#[derive(Clone, Debug)]
pub struct Pointwise {
    /// The iteration space, and the shape of every output.
    pub shape: Shape,
    /// What is read at each position.
    pub inputs: Vec<Source>,
    /// Run-time scalars: value id `inputs.len() + i` is the launch's number `i`.
    pub numbers: Vec<DType>,
    /// What is computed, each from values before it.
    pub steps: Vec<Step>,
    /// What is written, each densely in row-major order.
    pub outputs: Vec<Sink>,
}

/// One load of a [`Pointwise`] program.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where the value comes from.
    pub kind: SourceKind,
    /// Its type; `u32` for [`SourceKind::Iota`].
    pub dtype: DType,
    /// The view of the buffer; its shape is the program's.
    pub layout: Layout,
}

/// Where a [`Source`] takes its value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// The element of [`Operand::Input`](crate::Operand::Input) of this index at the position.
    Buffer(usize),
    /// The position itself: the layout's element position, as `u32`.
    Iota,
    /// What a kernel computed at the position; only in a program that a kernel runs over its outputs before it stores
    /// them. Its layout is contiguous.
    Computed,
}

/// One statement of a [`Pointwise`] program.
#[derive(Clone, Debug)]
pub struct Step {
    /// A WGSL expression in which `$0`, `$1`, `$2` are the arguments. It may call functions of
    /// `shaders/math*.wgsl`.
    pub wgsl: &'static str,
    /// Value ids of the arguments.
    pub args: SmallVec<[u32; 3]>,
    /// The type of the value.
    pub dtype: DType,
}

/// One output of a [`Pointwise`] program: [`Operand::Output`](crate::Operand::Output) of its place in the list.
#[derive(Clone, Debug)]
pub struct Sink {
    /// Id of the value to store.
    pub value: u32,
    /// Its type.
    pub dtype: DType,
    /// Index into the inputs: the output is written into that input's buffer. That input is contiguous and
    /// has elements of the same WGSL type; nothing else reads the buffer through another view.
    pub in_place: Option<usize>,
}

impl Pointwise {
    /// The program that reads one view of input 0 and writes it densely.
    pub fn copy(input: &Layout, dtype: DType) -> Self {
        Self {
            shape: input.shape.clone(),
            inputs: vec![Source { kind: SourceKind::Buffer(0), dtype, layout: input.clone() }],
            numbers: Vec::new(),
            steps: Vec::new(),
            outputs: vec![Sink { value: 0, dtype, in_place: None }],
        }
    }

    /// Number of positions.
    pub(super) fn numel(&self) -> usize {
        self.shape.numel()
    }

    /// Arithmetic operations, one for each step and position.
    pub(super) fn flops(&self) -> u64 {
        (self.numel() as u64).saturating_mul(self.steps.len() as u64)
    }

    /// The least bytes that the loads move: an axis of stride 0 repeats.
    pub(super) fn bytes_read(&self) -> u64 {
        let distinct = |layout: &Layout, size: u64| {
            let axes = layout.shape.iter().zip(&layout.strides);
            axes.filter(|(_, stride)| **stride != 0).map(|(n, _)| *n as u64).fold(size, u64::saturating_mul)
        };
        let loads = self.inputs.iter().filter(|s| matches!(s.kind, SourceKind::Buffer(_)));
        loads.map(|source| distinct(&source.layout, source.dtype.size() as u64)).fold(0, u64::saturating_add)
    }

    /// Bytes that the sinks take.
    pub(super) fn bytes_written(&self) -> u64 {
        let size: u64 = self.outputs.iter().map(|sink| sink.dtype.size() as u64).sum();
        (self.numel() as u64).saturating_mul(size)
    }

    /// The sink that is written into the buffer `index`, if there is one.
    pub(super) fn sink_in(&self, index: usize) -> Option<usize> {
        let writes_there = |sink: &Sink| {
            let source = sink.in_place.and_then(|i| self.inputs.get(i));
            source.is_some_and(|source| source.kind == SourceKind::Buffer(index))
        };
        self.outputs.iter().position(writes_there)
    }

    /// Checks everything that a wrong caller may get wrong.
    pub(super) fn check(&self, family: &'static str) -> Result<(), DeviceError> {
        if self.inputs.iter().any(|source| source.kind == SourceKind::Computed) {
            return Err(invalid(family, "nothing is computed before this program"));
        }
        self.check_parts(family)
    }

    /// As [`Pointwise::check`], for a program that follows `outputs` values of f32 that a kernel computed.
    pub(super) fn check_tail(&self, outputs: usize, family: &'static str) -> Result<(), DeviceError> {
        let fits = |source: &&Source| source.dtype == DType::F32 && source.layout.is_contiguous();
        let computed = self.inputs.iter().filter(|source| source.kind == SourceKind::Computed);
        if computed.clone().filter(fits).count() != 1 || computed.count() != 1 {
            return Err(invalid(family, "a program over outputs reads them once, as they lie"));
        }
        if self.shape.checked_numel() != Some(outputs) || self.outputs.is_empty() {
            return Err(invalid(family, format!("a program over {} for {outputs} outputs", self.shape)));
        }
        self.check_parts(family)
    }

    fn check_parts(&self, family: &'static str) -> Result<(), DeviceError> {
        if self.shape.checked_numel().is_none_or(|n| n > i32::MAX as usize) {
            return Err(DeviceError::TooLarge {
                bytes: (self.numel() as u64).saturating_mul(4),
                limit: 4 * i32::MAX as u64,
                what: format!("{family} over {}", self.shape),
            });
        }
        for (i, source) in self.inputs.iter().enumerate() {
            let layout = &source.layout;
            if layout.shape != self.shape || layout.strides.len() != self.shape.rank() {
                return Err(invalid(
                    family,
                    format!("input {i} has shape {}, the program {}", layout.shape, self.shape),
                ));
            }
            if source.kind == SourceKind::Iota && source.dtype != DType::U32 {
                return Err(invalid(family, format!("input {i}: positions are u32, not {}", source.dtype)));
            }
            value_type(source.dtype)?;
        }
        self.check_steps(family)?;
        self.outputs.iter().enumerate().try_for_each(|(k, sink)| self.check_sink(family, k, sink))
    }

    fn check_steps(&self, family: &'static str) -> Result<(), DeviceError> {
        let before = self.inputs.len() + self.numbers.len();
        for dtype in self.numbers.iter().chain(self.steps.iter().map(|step| &step.dtype)) {
            value_type(*dtype)?;
        }
        for (i, step) in self.steps.iter().enumerate() {
            if let Some(arg) = step.args.iter().find(|arg| **arg as usize >= before + i) {
                return Err(invalid(family, format!("step {i} reads value {arg}, which comes later")));
            }
            if let Some(n) = (step.args.len()..10).find(|n| step.wgsl.contains(&format!("${n}"))) {
                return Err(invalid(family, format!("step {i} (`{}`) has no argument {n}", step.wgsl)));
            }
        }
        Ok(())
    }

    fn check_sink(&self, family: &'static str, k: usize, sink: &Sink) -> Result<(), DeviceError> {
        let Some(dtype) = self.value_dtype(sink.value) else {
            return Err(invalid(
                family,
                format!("output {k} stores value {}, which does not exist", sink.value),
            ));
        };
        if dtype != sink.dtype {
            return Err(invalid(family, format!("output {k} is {}, its value {dtype}", sink.dtype)));
        }
        let Some(input) = sink.in_place else { return Ok(()) };
        let Some((source, SourceKind::Buffer(buffer))) = self.inputs.get(input).map(|s| (s, s.kind)) else {
            return Err(invalid(
                family,
                format!("output {k} is in place of input {input}, which is no buffer"),
            ));
        };
        if !source.layout.is_contiguous() || memory_type(source.dtype) != memory_type(sink.dtype) {
            let message =
                format!("output {k} ({}) cannot overwrite input {input} ({})", sink.dtype, source.dtype);
            return Err(invalid(family, message));
        }
        let clashes = |other: &&Source| {
            other.kind == source.kind
                && (!other.layout.is_contiguous() || memory_type(other.dtype) != memory_type(source.dtype))
        };
        if self.inputs.iter().find(clashes).is_some() || self.sink_in(buffer) != Some(k) {
            return Err(invalid(
                family,
                format!("output {k} overwrites input {input}, which is used otherwise"),
            ));
        }
        Ok(())
    }

    /// The type of a value.
    pub(super) fn value_dtype(&self, id: u32) -> Option<DType> {
        let inputs = self.inputs.iter().map(|s| s.dtype);
        let steps = self.steps.iter().map(|s| s.dtype);
        inputs.chain(self.numbers.iter().copied()).chain(steps).nth(id as usize)
    }

    /// Emits `struct Values` and `fn apply(x0: T, x1: T, .., n0: T, ..) -> Values`: all loads as they lie in buffers
    /// and all numbers to all outputs `y0`, `y1`, .. as they will lie there. `form` is added to both names.
    pub(super) fn emit_apply(&self, builder: &mut Builder, form: &str) -> Result<(), DeviceError> {
        let mut body = String::new();
        let mut parameters = Vec::new();
        let loads = self.inputs.iter().enumerate().map(|(i, source)| (format!("x{i}"), source.dtype));
        let numbers = self.numbers.iter().enumerate().map(|(i, dtype)| (format!("n{i}"), *dtype));
        for (v, (name, dtype)) in loads.chain(numbers).enumerate() {
            parameters.push(format!("{name}: {}", value_type(dtype)?));
            body += &format!("    let v{v} = {};\n", loaded(&name, dtype));
        }
        let first = self.inputs.len() + self.numbers.len();
        for (i, step) in self.steps.iter().enumerate() {
            let mut expression = step.wgsl.to_owned();
            for (n, arg) in step.args.iter().enumerate() {
                expression = expression.replace(&format!("${n}"), &format!("v{arg}"));
            }
            body += &format!("    let v{}: {} = {expression};\n", first + i, register_type(step.dtype)?);
        }
        let mut fields = String::new();
        let mut values = Vec::new();
        for (k, sink) in self.outputs.iter().enumerate() {
            fields += &format!("    y{k}: {},\n", value_type(sink.dtype)?);
            let value = format!("v{}", sink.value);
            values.push(if sink.dtype == DType::Bool { format!("select(0u, 1u, {value})") } else { value });
        }
        builder.function(format!("struct Values{form} {{\n{fields}}}"));
        builder.function(format!(
            "fn apply{form}({}) -> Values{form} {{\n{body}    return Values{form}({});\n}}",
            parameters.join(", "),
            values.join(", ")
        ));
        Ok(())
    }
}

/// The value in registers of what lies in a buffer.
fn loaded(name: &str, dtype: DType) -> String {
    if dtype == DType::Bool { format!("{name} != 0u") } else { name.to_owned() }
}

/// The dtype that says how elements lie in memory: a bool as a u32.
fn memory_type(dtype: DType) -> DType {
    if dtype == DType::Bool { DType::U32 } else { dtype }
}

/// The WGSL type of a value in registers.
fn register_type(dtype: DType) -> Result<&'static str, DeviceError> {
    if dtype == DType::Bool { Ok("bool") } else { value_type(dtype) }
}
