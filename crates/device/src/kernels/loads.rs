//! The loads of a pointwise program at a position that one or two indices give, one element or four at a time.

use super::address::Axes;
use super::{Builder, Pointwise, SourceKind, storage_type};
use crate::{DeviceError, Operand};

/// The loads of a program. Its iteration space is split into groups of axes, each walked by an index of its own;
/// the last index may count fours of elements.
pub(super) struct Loads<'a> {
    program: &'a Pointwise,
    /// The merged axes of each index. In fours, the last coordinate counts them.
    pub axes: Vec<Axes>,
    /// For each source, the distance of neighbours along the last axis.
    inner: Vec<isize>,
    four: bool,
    /// What is bound: buffer, element type, whether in fours.
    bound: Vec<(usize, &'static str, bool)>,
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
        Self { program, axes, inner, four, bound: Vec::new() }
    }

    /// Statements `let x0 = ..; let x1 = ..;` that load every source at the coordinates of the axes, as vectors
    /// in fours. Binds the buffers.
    pub fn emit(&mut self, builder: &mut Builder) -> Result<String, DeviceError> {
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
            let loads: Vec<String> =
                (0..self.program.inputs.len()).map(|i| format!("x{i}{suffix}")).collect();
            format!("    let r{lane} = apply({});\n", loads.join(", "))
        };
        lanes.iter().enumerate().map(apply).collect()
    }

    /// The element a source reads.
    fn load_one(&mut self, builder: &mut Builder, i: usize) -> Result<String, DeviceError> {
        let position = self.position(builder, i, 1);
        Ok(match self.program.inputs[i].kind {
            SourceKind::Iota => position,
            SourceKind::Buffer(index) => format!("{}[{position}]", self.binding(builder, i, index, false)?),
        })
    }

    /// The four elements a source reads, as a vec4: one aligned load, one element repeated, or four loads.
    fn load_four(&mut self, builder: &mut Builder, i: usize) -> Result<String, DeviceError> {
        let source = &self.program.inputs[i];
        let inner = self.inner[i];
        let index = match source.kind {
            SourceKind::Iota => {
                let position = self.position(builder, i, 1);
                builder.signed_param(&format!("x{i}_inner"), inner);
                return Ok(format!(
                    "vec4<u32>({position}) + vec4<u32>(0u, 1u, 2u, 3u) * vec4<u32>(p.x{i}_inner)"
                ));
            }
            SourceKind::Buffer(index) => index,
        };
        let mut strides = self.axes.iter().flat_map(|axes| &axes.strides[i]);
        // a contiguous source passes here, so the buffer of an output in place is only bound in fours
        if inner == 1 && source.layout.offset.is_multiple_of(4) && strides.all(|s| s % 4 == 0) {
            let position = self.position(builder, i, 4);
            return Ok(format!("{}[{position}]", self.binding(builder, i, index, true)?));
        }
        let ty = storage_type(source.dtype)?;
        let position = self.position(builder, i, 1);
        let name = self.binding(builder, i, index, false)?;
        if inner == 0 {
            return Ok(format!("vec4<{ty}>({name}[{position}])"));
        }
        builder.signed_param(&format!("x{i}_inner"), inner);
        let at = |n: u32| format!("{name}[{position} + {n}u * p.x{i}_inner]");
        Ok(format!("vec4<{ty}>({name}[{position}], {}, {}, {})", at(1), at(2), at(3)))
    }

    /// The position of source `i` at the coordinates, in elements or in groups of `unit`.
    fn position(&mut self, builder: &mut Builder, i: usize, unit: usize) -> String {
        let name = format!("x{i}");
        builder.param(&format!("{name}_offset"), self.program.inputs[i].layout.offset / unit);
        let mut text = format!("p.{name}_offset");
        for axes in &mut self.axes {
            axes.strides[i].iter_mut().for_each(|s| *s /= unit as isize);
            text += &axes.terms(builder, &name, i);
        }
        text
    }

    /// The name under which a buffer is bound, in fours or as single elements; binds it on first use. A buffer
    /// that a sink overwrites is that sink's binding.
    fn binding(
        &mut self,
        builder: &mut Builder,
        i: usize,
        index: usize,
        four: bool,
    ) -> Result<String, DeviceError> {
        if let Some(sink) = self.program.sink_in(index) {
            return Ok(format!("out{sink}"));
        }
        let dtype = self.program.inputs[i].dtype;
        let ty = storage_type(dtype)?;
        let name = format!("in{index}_{ty}{}", if four { "x4" } else { "" });
        if !self.bound.contains(&(index, ty, four)) {
            self.bound.push((index, ty, four));
            if four {
                builder.read_vec4(&name, dtype, Operand::Input(index));
            } else {
                builder.read(&name, dtype, Operand::Input(index));
            }
        }
        Ok(name)
    }
}
