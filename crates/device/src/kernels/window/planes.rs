use anygrad_layout::{Layout, Shape, collapse};
use smallvec::SmallVec;

use crate::DeviceError;
use crate::kernels::matmul::within_words;
use crate::kernels::{Builder, invalid};

/// A view as planes of three spatial axes, the leading ones of size 1 where there are fewer.
pub(super) struct Planes {
    pub count: usize,
    pub sizes: [usize; 3],
    axes: [isize; 3],
    leading: SmallVec<[usize; 6]>,
    leading_strides: SmallVec<[isize; 6]>,
    offset: usize,
}

impl Planes {
    pub(super) fn new(layout: &Layout, rank: usize) -> Result<Self, DeviceError> {
        let (all, strides) = (&layout.shape, &layout.strides);
        let Some(lead) = all.len().checked_sub(rank).filter(|_| strides.len() == all.len()) else {
            return Err(invalid("window", format!("{all} has fewer than {rank} axes")));
        };
        if !(1..=3).contains(&rank) {
            return Err(invalid("window", format!("{rank} spatial axes")));
        }
        within_words(layout.extent(), "window")?;
        let (mut sizes, mut axes) = ([1; 3], [0; 3]);
        sizes[3 - rank..].copy_from_slice(&all[lead..]);
        axes[3 - rank..].copy_from_slice(&strides[lead..]);
        for (axis, size) in axes.iter_mut().zip(sizes) {
            *axis = if size == 1 { 0 } else { *axis };
        }
        let leading = Shape::from(&all[..lead]);
        let planes =
            Layout { shape: leading.clone(), strides: strides[..lead].into(), offset: layout.offset };
        let collapsed = collapse(&leading, &[&planes]);
        Ok(Self {
            count: leading.numel(),
            sizes,
            axes,
            leading: collapsed.sizes,
            leading_strides: collapsed.strides.into_iter().next().unwrap_or_default(),
            offset: layout.offset,
        })
    }

    /// Whether a plane has no elements.
    pub(super) fn is_empty(&self) -> bool {
        self.sizes.contains(&0)
    }

    /// `plane_name(i)`, the position of the first element of plane i, and the params `p.name_s0` to `p.name_s2`.
    pub(super) fn strides(&self, builder: &mut Builder, name: &str) {
        builder.strided(&format!("plane_{name}"), &self.leading, &self.leading_strides, self.offset);
        for (axis, stride) in self.axes.into_iter().enumerate() {
            builder.signed_param(&format!("{name}_s{axis}"), stride);
        }
    }
}

/// `name(i)`, the position of element i of a view in row-major order.
pub(super) fn every(builder: &mut Builder, name: &str, layout: &Layout) {
    let collapsed = collapse(&layout.shape, &[layout]);
    let strides = collapsed.strides.into_iter().next().unwrap_or_default();
    builder.strided(name, &collapsed.sizes, &strides, layout.offset);
}

/// `name(i) -> (z, y, x)`, from the row-major index over `sizes`.
pub(super) fn unravel(builder: &mut Builder, name: &str, sizes: [usize; 3]) {
    let over_height = builder.divisor(&format!("{name}_height"), sizes[1], "row");
    let over_width = builder.divisor(&format!("{name}_width"), sizes[2], "i");
    builder.function(format!(
        "fn {name}(i: u32) -> vec3<u32> {{
    let row = {over_width};
    let z = {over_height};
    return vec3(z, row - z * p.{name}_height, i - row * p.{name}_width);
}}"
    ));
}
