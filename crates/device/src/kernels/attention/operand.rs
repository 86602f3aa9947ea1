use anygrad_layout::{DType, Layout, Shape, collapse};

use super::FAMILY;
use crate::kernels::{Builder, invalid};
use crate::{DeviceError, Operand};

/// A matrix for each of the batch, read by rows.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub name: &'static str,
    operand: Operand,
    batch: Layout,
    row: isize,
    column: isize,
    /// Elements of a row.
    pub width: usize,
}

impl Rows {
    pub fn new(
        name: &'static str,
        operand: Operand,
        layout: &Layout,
        lead: &Shape,
        sizes: [usize; 2],
    ) -> Result<Self, DeviceError> {
        let axes = lead.rank();
        let fits = layout.rank() == axes + 2
            && layout.shape.get(..axes) == Some(&lead[..])
            && layout.shape.get(axes..) == Some(&sizes);
        let strides = layout.strides.get(axes..);
        let (true, Some(&[row, column])) = (fits, strides) else {
            return Err(invalid(FAMILY, format!("{name} is {}, not {lead} of {sizes:?}", layout.shape)));
        };
        let batch = Layout {
            shape: lead.clone(),
            strides: layout.strides.iter().copied().take(axes).collect(),
            offset: layout.offset,
        };
        // the stride of an axis of one element says nothing, and must not spoil alignment
        let meant = |size: usize, stride: isize| if size == 1 { 0 } else { stride };
        let [rows, width] = sizes;
        Ok(Self { name, operand, batch, row: meant(rows, row), column: meant(width, column), width })
    }

    /// `name_base(batch)`, and `name_at(base, row, c)`: elements 4c to 4c + 3 of a row, those past the end 0.
    pub fn emit(&self, builder: &mut Builder) {
        let name = self.name;
        let merged = collapse(&self.batch.shape, &[&self.batch]);
        let strides = merged.strides.into_iter().next().unwrap_or_default();
        let aligned = self.column == 1
            && self.width.is_multiple_of(4)
            && self.batch.offset.is_multiple_of(4)
            && self.row % 4 == 0
            && strides.iter().all(|stride| stride % 4 == 0);
        let unit = if aligned { 4 } else { 1 };
        let strides: Vec<isize> = strides.iter().map(|stride| stride / unit).collect();
        builder.strided(&format!("{name}_base"), &merged.sizes, &strides, self.batch.offset / unit as usize);
        builder.signed_param(&format!("{name}_row"), self.row / unit);
        let text = if aligned {
            builder.read_vec4(name, DType::F32, self.operand);
            format!("    return {name}[base + row * p.{name}_row + c];\n")
        } else {
            builder.read(name, DType::F32, self.operand);
            builder.signed_param(&format!("{name}_column"), self.column);
            let mut text = format!("    let at = base + row * p.{name}_row;\n");
            let ragged = !self.width.is_multiple_of(4);
            if ragged {
                builder.param(&format!("{name}_width"), self.width);
            }
            let element = |i: usize| {
                let column = format!("4u * c + {i}u");
                if !ragged {
                    return format!("{name}[at + ({column}) * p.{name}_column]");
                }
                let width = format!("p.{name}_width");
                format!(
                    "select(0.0, {name}[at + min({column}, {width} - 1u) * p.{name}_column], {column} < {width})"
                )
            };
            let elements: Vec<String> = (0..4).map(element).collect();
            text += &format!("    return vec4(\n        {},\n    );\n", elements.join(",\n        "));
            text
        };
        builder.function(format!("fn {name}_at(base: u32, row: u32, c: u32) -> vec4<f32> {{\n{text}}}"));
    }

    /// `name_base(batch)`, and `name_at(base, row, column)`: one element.
    pub fn emit_elements(&self, builder: &mut Builder, dtype: DType) {
        let name = self.name;
        let merged = collapse(&self.batch.shape, &[&self.batch]);
        let strides = merged.strides.into_iter().next().unwrap_or_default();
        builder.strided(&format!("{name}_base"), &merged.sizes, &strides, self.batch.offset);
        builder.signed_param(&format!("{name}_row"), self.row);
        builder.signed_param(&format!("{name}_column"), self.column);
        builder.read(name, dtype, self.operand);
        let ty = if dtype == DType::Bool { "u32" } else { "f32" };
        builder.function(format!(
            "fn {name}_at(base: u32, row: u32, column: u32) -> {ty} {{\n    return {name}[base + row * \
             p.{name}_row + column * p.{name}_column];\n}}"
        ));
    }
}
