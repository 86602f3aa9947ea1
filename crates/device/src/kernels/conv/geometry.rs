use std::sync::Arc;

use anygrad_layout::{Conv, DType, Layout, Shape, collapse};

use super::product::{self, Factors};
use crate::kernels::matmul::{divisor, within_words};
use crate::kernels::{Builder, Pointwise, invalid};
use crate::{DeviceError, Operand};

/// A convolution in the terms of the kernels: three spatial axes, the leading ones of size 1 where there are
/// fewer; a flipped kernel is a view with negative strides.
#[derive(Clone, Debug)]
pub(super) struct Geometry {
    pub batch: usize,
    pub groups: usize,
    /// Input channels of a group.
    pub group_inputs: usize,
    /// Output channels of a group.
    pub group_outputs: usize,
    pub input: [usize; 3],
    pub kernel: [usize; 3],
    pub output: [usize; 3],
    pub stride: [usize; 3],
    pub pad_lo: [isize; 3],
    pub dilation: [usize; 3],
    pub spread: [usize; 3],
    pub x: Planes,
    pub w: Planes,
    /// The matrix product that this convolution is, if it is one.
    pub product: Option<Factors>,
    /// Where the output goes.
    pub target: Target,
    /// The program that the outputs go through before they are stored.
    pub tail: Option<Arc<Pointwise>>,
}

/// Where the elements of an output lie: steps from sample to sample, from channel to channel, and along z, y and x.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub offset: usize,
    pub outer: usize,
    pub channel: usize,
    pub axes: [usize; 3],
    /// Whether there is more in the output than this convolution writes.
    pub is_part: bool,
}

impl Target {
    /// A dense `[N, O, z, y, x]`, or `[O, N, z, y, x]` if the two are `exchanged`.
    fn dense(batch: usize, channels: usize, [depth, height, width]: [usize; 3], exchanged: bool) -> Self {
        let plane = product_of(&[depth, height, width]);
        let (outer, channel) = match exchanged {
            true => (plane, plane.saturating_mul(batch)),
            false => (plane.saturating_mul(channels), plane),
        };
        Self { offset: 0, outer, channel, axes: [height.saturating_mul(width), width, 1], is_part: false }
    }

    /// Whether what lies side by side along x can be written in vectors, if a run of it starts at a multiple of 4.
    pub(super) fn takes_vectors(&self) -> bool {
        let steps = [self.offset, self.outer, self.channel, self.axes[0], self.axes[1]];
        self.axes[2] == 1 && steps.iter().all(|step| step.is_multiple_of(4))
    }
}

/// Where the elements of `[outer, channel, z, y, x]` lie.
#[derive(Clone, Debug)]
pub(super) struct Planes {
    pub offset: usize,
    pub outer: isize,
    pub channel: isize,
    pub axes: [isize; 3],
}

impl Planes {
    fn new(layout: &Layout) -> Self {
        let mut axes = [0; 3];
        let spatial = layout.strides.iter().zip(layout.shape.iter()).skip(2);
        axes.iter_mut().rev().zip(spatial.rev()).for_each(|(to, (&stride, &size))| {
            *to = if size == 1 { 0 } else { stride };
        });
        Self { offset: layout.offset, outer: layout.strides[0], channel: layout.strides[1], axes }
    }
}

/// A product that is too large to be right is the largest number; what needs it exact compares it with a limit.
fn product_of(sizes: &[usize]) -> usize {
    Shape::from(sizes).numel()
}

/// The spatial sizes, on the last entries of three.
fn spatial(layout: &Layout) -> [usize; 3] {
    let mut sizes = [1; 3];
    sizes.iter_mut().rev().zip(layout.shape.iter().skip(2).rev()).for_each(|(to, &size)| *to = size);
    sizes
}

impl Geometry {
    pub(super) fn new(x: &Layout, w: &Layout, conv: &Conv, exchanged: bool) -> Result<Self, DeviceError> {
        let wrong = |what: &str| {
            Err(invalid("conv", format!("{what}: input {}, weight {}, {conv:?}", x.shape, w.shape)))
        };
        let rank = conv.rank;
        let ranks = [x.rank(), x.strides.len(), w.rank(), w.strides.len()];
        if !(1..=3).contains(&rank) || ranks.iter().any(|r| *r != rank + 2) {
            return wrong("ranks differ");
        }
        let steps = conv.stride.iter().chain(&conv.dilation).chain(&conv.input_dilation);
        if conv.groups == 0 || steps.into_iter().any(|step| *step == 0) {
            return wrong("a step or the number of groups is 0");
        }
        let (groups, channels) = (conv.groups, w.shape[0]);
        if channels % groups != 0 || w.shape[1].checked_mul(groups) != Some(x.shape[1]) {
            return wrong("channels do not fit");
        }
        let (input, kernel) = (spatial(x), spatial(w));
        let output = [0, 1, 2].map(|axis| conv.output_size(axis, input[axis], kernel[axis]));
        let mut flipped = w.clone();
        if conv.flip && w.numel() > 0 {
            for axis in 2..rank + 2 {
                flipped = flipped.slice(axis, w.shape[axis] - 1, w.shape[axis], -1);
            }
        }
        let outputs = Shape::from(&[x.shape[0], channels, output[0], output[1], output[2]]);
        for elements in [outputs.checked_numel().unwrap_or(usize::MAX), x.extent(), w.extent()] {
            within_words(elements, "conv")?;
        }
        let mut geometry = Self {
            batch: x.shape[0],
            groups,
            group_inputs: w.shape[1],
            group_outputs: channels / groups,
            input,
            kernel,
            output,
            stride: conv.stride,
            pad_lo: conv.pad_lo,
            dilation: conv.dilation,
            spread: conv.input_dilation,
            x: Planes::new(x),
            w: Planes::new(&flipped),
            product: None,
            target: Target::dense(x.shape[0], channels, output, exchanged),
            tail: None,
        };
        geometry.product = product::factors(&geometry, x, &flipped, exchanged);
        Ok(geometry)
    }

    /// Output positions of one plane.
    pub(super) fn positions(&self) -> usize {
        product_of(&self.output)
    }

    /// Output channels of all groups.
    pub(super) fn channels(&self) -> usize {
        self.groups.saturating_mul(self.group_outputs)
    }

    pub(super) fn outputs(&self) -> usize {
        product_of(&[self.batch, self.channels(), self.positions()])
    }

    /// Terms of the sum of one output: the taps of all channels of a group.
    pub(super) fn taps(&self) -> usize {
        self.group_inputs.saturating_mul(product_of(&self.kernel))
    }

    pub(super) fn reads_nothing(&self) -> bool {
        self.taps() == 0 || self.input.contains(&0)
    }

    pub(super) fn flops(&self) -> u64 {
        (2 * self.outputs() as u64).saturating_mul(self.taps() as u64)
    }

    pub(super) fn bytes(&self) -> u64 {
        let inputs = product_of(&[self.batch, self.groups, self.group_inputs, product_of(&self.input)]);
        let weights = self.channels().saturating_mul(self.taps());
        (self.outputs().saturating_add(inputs).saturating_add(weights) as u64).saturating_mul(4)
    }

    /// Whether neighbouring taps of the weights lie closer together than neighbouring output channels.
    pub(super) fn weights_run_along_taps(&self) -> bool {
        let taps = self.kernel.iter().zip(&self.w.axes).rev().find(|(size, _)| **size > 1);
        let along = taps.map_or(self.w.channel, |(_, stride)| *stride);
        along.unsigned_abs() <= self.w.outer.unsigned_abs()
    }

    /// `w` and `weight(k)`, the position of tap k of output channel 0; `p.w_o` leads to the next channel.
    pub(super) fn weights(&self, builder: &mut Builder) {
        let [z, y, x] = self.kernel;
        let strides = [self.w.channel, self.w.axes[0], self.w.axes[1], self.w.axes[2]];
        let taps = Layout {
            shape: Shape::from(&[self.group_inputs, z, y, x]),
            strides: strides.iter().copied().collect(),
            offset: self.w.offset,
        };
        let taps_collapsed = collapse(&taps.shape, &[&taps]);
        let along = taps_collapsed.strides.first().map(|strides| strides.as_slice()).unwrap_or(&[]);
        builder.strided("weight", &taps_collapsed.sizes, along, self.w.offset);
        builder.signed_param("w_o", self.w.outer);
        builder.param("group_channels", self.group_outputs);
        builder.read("w", DType::F32, Operand::Input(1));
    }

    /// Params of where outputs lie: p.out_offset, and steps p.out_split, p.out_n, p.out_c, p.out_z, p.out_y, p.out_x.
    pub(super) fn outputs_at(&self, builder: &mut Builder) {
        let target = &self.target;
        builder.param("out_offset", target.offset);
        builder.param("out_split", self.outputs());
        builder.param("out_n", target.outer);
        builder.param("out_c", target.channel);
        for (field, step) in ["out_z", "out_y", "out_x"].into_iter().zip(target.axes) {
            builder.param(field, step);
        }
    }

    /// `x` and what reads it by output position and tap: params, `position(i)`, `tap(k)`, `origin(at)` and
    /// [`Geometry::gather`].
    pub(super) fn gathering(&self, builder: &mut Builder) {
        builder.param("batch", self.batch);
        builder.param("channels", self.channels());
        divisor(builder, "positions", self.positions());
        builder.param("taps", self.taps());
        builder.signed_param("x_n", self.x.outer);
        builder.signed_param("x_c", self.x.channel);
        builder.signed_param("x_group", self.x.channel.saturating_mul(self.group_inputs as isize));
        for axis in 0..3 {
            builder.param(&format!("stride{axis}"), self.stride[axis]);
            builder.signed_param(&format!("pad{axis}"), self.pad_lo[axis]);
            builder.param(&format!("dilation{axis}"), self.dilation[axis]);
        }
        let over_height = builder.divisor("height", self.output[1], "row");
        let over_width = builder.divisor("width", self.output[2], "i");
        builder.function(format!(
            "fn position(i: u32) -> vec3<u32> {{
    let row = {over_width};
    let z = {over_height};
    return vec3(z, row - z * p.height, i - row * p.width);
}}"
        ));
        let over_z = builder.divisor("kernel0", self.kernel[0], "plane");
        let over_y = builder.divisor("kernel1", self.kernel[1], "row");
        let over_x = builder.divisor("kernel2", self.kernel[2], "k");
        builder.function(format!(
            "fn tap(k: u32) -> vec4<u32> {{
    let row = {over_x};
    let plane = {over_y};
    let channel = {over_z};
    return vec4(channel, plane - channel * p.kernel0, row - plane * p.kernel1, k - row * p.kernel2);
}}"
        ));
        builder.function(
            "fn origin(at: vec3<u32>) -> vec3<u32> {
    return at * vec3(p.stride0, p.stride1, p.stride2) - vec3(p.pad0, p.pad1, p.pad2);
}",
        );
        self.gather(
            builder,
            "origin + tap.yzw * vec3(p.dilation0, p.dilation1, p.dilation2)",
            "base + tap.x * p.x_c",
        );
    }

    /// `x` and `gather(base, origin, tap)`: the input where the tap falls, 0 in the padding and between spread
    /// elements.
    pub(super) fn gather(&self, builder: &mut Builder, place: &str, plane: &str) {
        builder.param("x_offset", self.x.offset);
        for axis in 0..3 {
            let span = (self.input[axis].max(1) - 1).saturating_mul(self.spread[axis]) + 1;
            builder.param(&format!("span{axis}"), span);
            builder.signed_param(&format!("x_s{axis}"), self.x.axes[axis]);
        }
        builder.read("x", DType::F32, Operand::Input(0));
        // a position before the start wraps to a huge one, so one comparison checks both ends
        let spread = self.spread != [1; 3];
        let (elements, between) = if spread {
            for axis in 0..3 {
                builder.param(&format!("spread{axis}"), self.spread[axis]);
            }
            ("at / spread", " && all(at % spread == vec3<u32>())")
        } else {
            ("at", "")
        };
        let spread_line =
            if spread { "    let spread = vec3(p.spread0, p.spread1, p.spread2);\n" } else { "" };
        builder.function(format!(
            "fn gather(base: u32, origin: vec3<u32>, tap: vec4<u32>) -> f32 {{
    let at = {place};
{spread_line}    let inside = all(at < vec3(p.span0, p.span1, p.span2)){between};
    let element = {elements};
    let found = {plane} + element.x * p.x_s0 + element.y * p.x_s1 + element.z * p.x_s2;
    return select(0.0, x[select(base, found, inside)], inside);
}}"
        ));
    }
}
