//! Sums over intervals of an axis: what adaptive pooling and resizing are made of.

use anygrad_layout::{DType, Intervals, Layout, Shape, collapse};

use super::matmul::{LONGEST, divisor, within_words, zeros};
use super::{Builder, fold_groups, invalid, storage_type};
use crate::{Caps, DeviceError, Lowered, Operand};

const FAMILY: &str = "interval_sum";
const GROUP: u32 = 64; // threads of a workgroup

/// `out[.., o, ..] = Σ_{i in intervals.of(o)} x[.., i, ..]` along `axis`, which gets `outputs` positions; one thread
/// an output, which adds in ascending order. The output is contiguous.
///
/// # Errors
/// [`DeviceError::Validation`] for an axis that does not exist or intervals that do not fit the sizes,
/// [`DeviceError::Unsupported`] for `f64` and bool, and for an interval of tens of thousands of elements on a
/// software adapter, [`DeviceError::TooLarge`] beyond 31-bit positions.
pub fn interval_sum(
    x: &Layout,
    dtype: DType,
    axis: usize,
    outputs: usize,
    intervals: Intervals,
    caps: &Caps,
) -> Result<Lowered, DeviceError> {
    let (Some(&inputs), Some(&step)) = (x.shape.get(axis), x.strides.get(axis)) else {
        return Err(invalid(FAMILY, format!("{} has no axis {axis}", x.shape)));
    };
    if dtype == DType::Bool || !intervals.fits(inputs, outputs) {
        return Err(invalid(FAMILY, format!("{intervals:?} from {inputs} to {outputs} of {dtype}")));
    }
    // llvmpipe counts loop turns; see `LONGEST`
    if caps.software && intervals.longest(inputs, outputs) > LONGEST {
        return Err(DeviceError::Unsupported { what: format!("an interval of {inputs} in software") });
    }
    // x as if the first input of each interval were input 0: it has the shape of the result, and does not move
    let mut fixed = x.clone();
    fixed.shape[axis] = outputs;
    fixed.strides[axis] = 0;
    let count = fixed.shape.checked_numel().unwrap_or(usize::MAX);
    within_words(count, FAMILY)?;
    within_words(x.extent(), FAMILY)?;
    if count == 0 {
        return Ok(Lowered::default());
    }
    if x.numel() == 0 {
        return zeros(FAMILY, dtype, count, caps);
    }
    let mut builder = Builder::new(FAMILY, "thread");
    builder.constant("GROUP", GROUP);
    builder.alias("T", storage_type(dtype)?);
    builder.param("count", count);
    divisor(&mut builder, "inner", Shape::from(x.shape.get(axis + 1..).unwrap_or_default()).numel());
    divisor(&mut builder, "outputs", outputs);
    builder.param("inputs", inputs);
    builder.signed_param("step", step);
    let collapsed = collapse(&fixed.shape, &[&fixed]);
    let strides = collapsed.strides.into_iter().next().unwrap_or_default();
    builder.strided("start_of", &collapsed.sizes, &strides, x.offset);
    borders(&mut builder, intervals);
    builder.read("x", dtype, Operand::Input(0));
    builder.read_write("out", dtype, Operand::Output(0));
    let grid = fold_groups(count.div_ceil(GROUP as usize), caps)?;
    let words = count.saturating_add(x.numel());
    let launch = builder.finish(
        anygrad_shaders::INTERVAL_SUM,
        grid,
        words as u64,
        (words as u64).saturating_mul(4),
    )?;
    Ok(Lowered { launches: vec![launch], scratch: Vec::new() })
}

/// `interval(o)`, as [`Intervals::of`]. No number in it reaches 2^31, so divisions of `u32` that were held at 0
/// are floors.
fn borders(builder: &mut Builder, intervals: Intervals) {
    let text = match intervals {
        Intervals::Adaptive => {
            "fn interval(o: u32) -> vec2<u32> {
    let n = p.inputs;
    return vec2(over_outputs(o * n), over_outputs((o + 1u) * n + p.outputs - 1u));
}"
        }
        Intervals::Pick { step, first, over } => {
            pick_params(builder, step, first);
            divisor(builder, "pick_over", over as usize);
            // without inputs the interval is empty
            "fn interval(o: u32) -> vec2<u32> {
    let at = over_pick_over(u32(max(i32(p.pick_step * o) + bitcast<i32>(p.pick_first), 0)));
    let input = min(at, max(p.inputs, 1u) - 1u);
    return vec2(input, min(input + 1u, p.inputs));
}"
        }
        Intervals::Picked { step, first, over } => {
            builder.param("pick_over", over as usize);
            builder.signed_param("pick_first", first as isize);
            divisor(builder, "pick_step", step as usize);
            "fn border(j: u32) -> u32 {
    let rest = u32(max(i32(p.pick_over * j) - bitcast<i32>(p.pick_first), 0));
    return min(over_pick_step(rest + p.pick_step - 1u), p.inputs);
}
fn interval(o: u32) -> vec2<u32> {
    let start = select(border(o), 0u, o == 0u);
    return vec2(start, max(start, select(border(o + 1u), p.inputs, o + 1u >= p.outputs)));
}"
        }
    };
    builder.function(text);
}

fn pick_params(builder: &mut Builder, step: u32, first: i32) {
    builder.param("pick_step", step as usize);
    builder.signed_param("pick_first", first as isize);
}
