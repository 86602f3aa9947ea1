//! The loads of a pointwise program at a position that one or two indices give, one element or four at a time.

use std::sync::Arc;

use super::address::Axes;
use anygrad_layout::DType;

use super::builder::value_type;
use super::{Builder, Pointwise, SourceKind};
use crate::{Access, DeviceError, Operand};

/// What the value of [`SourceKind::Computed`] is called in the text.
pub(super) const COMPUTED: &str = "computed";

/// The loads of a program. Its iteration space is split into groups of axes, each walked by an index of its own;
/// the last index may count fours of elements.
pub(super) struct Loads<'a> {
    program: &'a Pointwise,
    /// The merged axes of each index. In fours, the last coordinate counts them.
    pub axes: Vec<Axes>,
    /// For each source, the distance of neighbours along the last axis.
    inner: Vec<isize>,
    four: bool,
    /// The names of what is bound so far.
    pub bound: Vec<String>,
    part: Part,
}

/// Which of several programs of one kernel the loads are for.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// What the names of its params start with.
    pub prefix: String,
    /// The place of its first output and of its first number among those of the kernel.
    pub first_output: usize,
    pub first_number: usize,
    /// What the name of its `apply` ends with.
    pub form: String,
    /// For each buffer the kernel reads: where it is reached, if that is a block bound whole.
    pub homes: Arc<[Option<Home>]>,
}

/// Where a buffer lies in a block that is bound already.
#[derive(Clone, Debug)]
pub(super) struct Home {
    /// The name of the block.
    pub name: String,
    /// Elements before the buffer.
    pub offset: usize,
}

impl Part {
    pub fn home(&self, index: usize) -> Option<&Home> {
        self.homes.get(index)?.as_ref()
    }
}

impl<'a> Loads<'a> {
    /// Whether the last axis can be walked in fours.
    pub fn fours_fit(axes: &[Axes]) -> bool {
        axes.last().and_then(|a| a.sizes.last()).is_some_and(|n| n.is_multiple_of(4))
    }

    /// The loads of `program` over `axes`, each of which knows all the sources in order.
    pub fn new(program: &'a Pointwise, mut axes: Vec<Axes>, four: bool) -> Self {
        let mut inner = vec![0; program.inputs.len()];
        if let Some(last) = axes.last_mut() {
            for (inner, strides) in inner.iter_mut().zip(&mut last.strides) {
                if let Some(stride) = strides.last_mut() {
                    *inner = *stride;
                    *stride *= if four { 4 } else { 1 };
                }
            }
            if let (Some(size), true) = (last.sizes.last_mut(), four) {
                *size /= 4;
            }
        }
        Self { program, axes, inner, four, bound: Vec::new(), part: Part::default() }
    }

    /// The loads of one of several programs, where `bound` is bound already.
    pub fn of_part(self, part: Part, bound: Vec<String>) -> Self {
        Self { part, bound, ..self }
    }

    /// Statements `let x0 = ..; let x1 = ..;` that load every source at the coordinates of the axes, as vectors
    /// in fours. Binds the buffers, and makes the program's numbers params.
    pub fn emit(&mut self, builder: &mut Builder) -> Result<String, DeviceError> {
        for (i, dtype) in self.program.numbers.iter().enumerate() {
            let name = format!("{}number{i}", self.part.prefix);
            builder.number(&name, self.part.first_number + i, *dtype);
        }
        self.sources(builder)
    }

    /// As [`Loads::emit`], where the numbers are params already, or no params.
    pub fn sources(&mut self, builder: &mut Builder) -> Result<String, DeviceError> {
        let mut text = String::new();
        for i in 0..self.program.inputs.len() {
            let load = if self.four { self.load_four(builder, i)? } else { self.load_one(builder, i)? };
            text += &format!("    let x{i} = {load};\n");
        }
        Ok(text)
    }

    /// Statements `let r0 = apply(..);` .. `let r3`, or only `r0`: the program's values from what was loaded.
    pub fn apply(&self) -> String {
        let lanes: &[&str] = if self.four { &[".x", ".y", ".z", ".w"] } else { &[""] };
        let apply = |(lane, suffix): (usize, &&str)| {
            let loads = (0..self.program.inputs.len()).map(|i| format!("x{i}{suffix}"));
            let numbers = (0..self.program.numbers.len()).map(|i| format!("p.{}number{i}", self.part.prefix));
            let arguments: Vec<String> = loads.chain(numbers).collect();
            format!("    let r{lane} = apply{}({});\n", self.part.form, arguments.join(", "))
        };
        lanes.iter().enumerate().map(apply).collect()
    }

    /// The element a source reads.
    fn load_one(&mut self, builder: &mut Builder, i: usize) -> Result<String, DeviceError> {
        let kind = self.program.inputs[i].kind;
        if kind == SourceKind::Computed {
            return Ok(COMPUTED.into());
        }
        let position = self.position(builder, i, 1);
        match kind {
            SourceKind::Buffer(index) => self.element(builder, i, index, false, &position),
            _ => Ok(position),
        }
    }

    /// The four elements a source reads, as a vec4: one aligned load, one element repeated, or four loads.
    fn load_four(&mut self, builder: &mut Builder, i: usize) -> Result<String, DeviceError> {
        let source = &self.program.inputs[i];
        let inner = self.inner[i];
        let index = match source.kind {
            SourceKind::Iota => {
                let position = self.position(builder, i, 1);
                let inner = self.inner_param(builder, i, inner);
                return Ok(format!("vec4<u32>({position}) + vec4<u32>(0u, 1u, 2u, 3u) * vec4<u32>({inner})"));
            }
            SourceKind::Computed => return Ok(COMPUTED.into()),
            SourceKind::Buffer(index) => index,
        };
        let mut strides = self.axes.iter().flat_map(|axes| &axes.strides[i]);
        // a contiguous source passes here, so the buffer of an output in place is only bound in fours
        if inner == 1 && source.layout.offset.is_multiple_of(4) && strides.all(|s| s % 4 == 0) {
            let position = self.position(builder, i, 4);
            return self.element(builder, i, index, true, &position);
        }
        let ty = value_type(source.dtype)?;
        let position = self.position(builder, i, 1);
        if inner == 0 {
            return Ok(format!("vec4<{ty}>({})", self.element(builder, i, index, false, &position)?));
        }
        let inner = self.inner_param(builder, i, inner);
        let first = self.element(builder, i, index, false, &position)?;
        let mut at = |n: u32| self.element(builder, i, index, false, &format!("{position} + {n}u * {inner}"));
        Ok(format!("vec4<{ty}>({first}, {}, {}, {})", at(1)?, at(2)?, at(3)?))
    }

    /// The param of the distance of neighbours.
    fn inner_param(&self, builder: &mut Builder, i: usize, inner: isize) -> String {
        let name = format!("{}x{i}_inner", self.part.prefix);
        builder.signed_param(&name, inner);
        format!("p.{name}")
    }

    /// The position of source `i` at the coordinates, in elements or in groups of `unit`.
    fn position(&mut self, builder: &mut Builder, i: usize, unit: usize) -> String {
        let name = format!("{}x{i}", self.part.prefix);
        let home = match self.program.inputs[i].kind {
            SourceKind::Buffer(index) => self.part.home(index).map_or(0, |home| home.offset),
            SourceKind::Iota | SourceKind::Computed => 0,
        };
        builder.param(&format!("{name}_offset"), (self.program.inputs[i].layout.offset + home) / unit);
        let mut text = format!("p.{name}_offset");
        for axes in &mut self.axes {
            axes.strides[i].iter_mut().for_each(|s| *s /= unit as isize);
            text += &axes.terms(builder, &name, i);
        }
        text
    }

    /// The element at `position` of a buffer, or the four at four times it. Binds the buffer on first use; one that a
    /// sink overwrites is that sink's binding.
    fn element(
        &mut self,
        builder: &mut Builder,
        i: usize,
        index: usize,
        four: bool,
        position: &str,
    ) -> Result<String, DeviceError> {
        if let Some(home) = self.part.home(index) {
            return Ok(format!("{}[{position}]", home.name));
        }
        let dtype = self.program.inputs[i].dtype;
        let half = dtype == DType::F16;
        let ty = value_type(dtype)?;
        let sink = self.program.sink_in(index);
        let name = match sink {
            Some(sink) => format!("out{}", self.part.first_output + sink),
            None => format!("in{index}_{}{}", if half { "f16" } else { ty }, if four { "x4" } else { "" }),
        };
        if !self.bound.contains(&name) {
            match (sink, half, four) {
                (None, true, _) => builder.halves(&name, Operand::Input(index), Access::Read, four),
                (None, false, true) => builder.read_vec4(&name, dtype, Operand::Input(index)),
                (None, false, false) => builder.read(&name, dtype, Operand::Input(index)),
                (Some(_), ..) => {}
            }
            if half {
                builder.half_load(&name, four);
            }
            self.bound.push(name.clone());
        }
        Ok(if half { format!("{name}_at({position})") } else { format!("{name}[{position}]") })
    }
}
