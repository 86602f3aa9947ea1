//! Views cut into lines along an axis, for kernels that walk them.

use anygrad_layout::Layout;

use super::address::Axes;
use super::{Builder, invalid};
use crate::DeviceError;

/// The lines of views of one shape along an axis. The result has the same shape and is dense.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    /// Elements of a line.
    pub length: usize,
    /// Number of lines.
    pub rows: usize,
    /// Lines that lie side by side in the result.
    pub right: usize,
    /// Of each view: offset, and step along the axis.
    views: Vec<(usize, isize)>,
    /// The other axes, along which lines are numbered.
    axes: Axes,
}

impl Lines {
    pub fn new(family: &'static str, views: &[&Layout], axis: usize) -> Result<Self, DeviceError> {
        let Some(first) = views.first() else { return Err(invalid(family, "no inputs")) };
        let shape = &first.shape;
        if axis >= shape.rank() {
            return Err(invalid(family, format!("axis {axis} of shape {shape} does not exist")));
        }
        if let Some(other) = views.iter().find(|view| view.shape != *shape) {
            return Err(invalid(family, format!("shape {} beside shape {shape}", other.shape)));
        }
        match shape.checked_numel() {
            Some(n) if n <= i32::MAX as usize => {}
            _ => {
                return Err(DeviceError::TooLarge {
                    bytes: (shape.numel() as u64).saturating_mul(4),
                    limit: 4 * i32::MAX as u64,
                    what: format!("{family} over {shape}"),
                });
            }
        }
        let kept: Vec<usize> = (0..shape.rank()).filter(|&other| other != axis).collect();
        let starts: Vec<Layout> = views.iter().map(|view| view.permute(&kept)).collect();
        let sizes: Vec<usize> = kept.iter().map(|&other| shape[other]).collect();
        Ok(Self {
            length: shape[axis],
            rows: sizes.iter().product(),
            right: shape[axis + 1..].iter().product(),
            views: views.iter().map(|view| (view.offset, view.strides[axis])).collect(),
            axes: Axes::new('o', &sizes, &starts.iter().collect::<Vec<_>>()),
        })
    }

    /// Elements in all.
    pub fn numel(&self) -> usize {
        self.rows * self.length
    }

    /// Whether neighbouring lines lie side by side in the first view, and elements of a line do not.
    pub fn columns(&self) -> bool {
        let beside = self.axes.strides.first().and_then(|strides| strides.last()) == Some(&1);
        beside && self.views.first().is_some_and(|&(_, step)| step != 1)
    }

    /// `struct Place` and `fn place(row) -> Place`: where line `row` starts in each view (`x0`, `x1`) and in the
    /// result (`out`). Steps along a line are `p.x0_step`, `p.x1_step` and `p.right`.
    pub fn emit_place(&self, builder: &mut Builder) {
        let mut fields = String::new();
        let mut values = Vec::new();
        let mut text = self.axes.coordinates(builder, "row");
        for (i, &(offset, step)) in self.views.iter().enumerate() {
            let name = format!("x{i}");
            builder.param(&format!("{name}_offset"), offset);
            builder.signed_param(&format!("{name}_step"), step);
            fields += &format!("    {name}: u32,\n");
            values.push(format!("p.{name}_offset{}", self.axes.terms(builder, &name, i)));
        }
        let left = builder.divisor("right", self.right, "row");
        builder.param("block", self.length.saturating_mul(self.right));
        text += &format!("    let left = {left};\n");
        values.push("left * p.block + (row - left * p.right)".into());
        builder.function(format!("struct Place {{\n{fields}    out: u32,\n}}"));
        builder.function(format!(
            "fn place(row: u32) -> Place {{\n{text}    return Place({});\n}}",
            values.join(", ")
        ));
    }
}
