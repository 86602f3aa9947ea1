//! Outputs as places on lines: where one is along an axis, and where its line starts in the inputs.

use anygrad_layout::Layout;

use crate::kernels::Builder;
use crate::kernels::address::Axes;

/// A kernel whose outputs have `size` positions along an axis, while views of the same other sizes are walked along
/// theirs by the body.
pub(super) struct Lines {
    left: Axes,
    right: Axes,
    after: usize,
    size: usize,
    offsets: Vec<usize>,
}

impl Lines {
    /// The views agree in all sizes but that of `axis`.
    pub fn new(axis: usize, size: usize, views: &[&Layout]) -> Self {
        let part = |axes: std::ops::Range<usize>, letter: char| {
            let axes: Vec<usize> = axes.collect();
            let views: Vec<Layout> = views.iter().map(|view| view.permute(&axes)).collect();
            let shape = views.first().map(|view| view.shape.clone()).unwrap_or_default();
            Axes::new(letter, &shape, &views.iter().collect::<Vec<_>>())
        };
        let shape = views.first().map_or(&[][..], |view| &view.shape);
        Self {
            left: part(0..axis, 'l'),
            right: part(axis + 1..shape.len(), 'r'),
            after: shape.iter().skip(axis + 1).product(),
            size,
            offsets: views.iter().map(|view| view.offset).collect(),
        }
    }

    /// Number of outputs.
    pub fn count(&self) -> usize {
        self.left.count().saturating_mul(self.size).saturating_mul(self.right.count())
    }

    /// `struct Place { j, <name>, .. }` and `fn place(slot) -> Place`: the position along the axis, and for each view
    /// that of the first element of its line.
    pub fn emit(&self, builder: &mut Builder, names: &[&str]) {
        let rest = builder.divisor("after", self.after, "slot");
        let line = builder.divisor("size", self.size, "rest");
        let mut text = format!(
            "    let rest = {rest};\n    let right = slot - rest * p.after;\n    let left = {line};\n    \
             let j = rest - left * p.size;\n"
        );
        text += &self.left.coordinates(builder, "left");
        text += &self.right.coordinates(builder, "right");
        let (mut fields, mut values) = (String::from("    j: u32,\n"), String::from("j"));
        for (i, name) in names.iter().enumerate() {
            builder.param(&format!("{name}_offset"), self.offsets.get(i).copied().unwrap_or(0));
            let terms = self.left.terms(builder, name, i) + &self.right.terms(builder, name, i);
            fields += &format!("    {name}: u32,\n");
            values += &format!(", p.{name}_offset{terms}");
        }
        builder.function(format!("struct Place {{\n{fields}}}"));
        builder.function(format!("fn place(slot: u32) -> Place {{\n{text}    return Place({values});\n}}"));
    }
}
