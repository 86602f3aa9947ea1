use super::Geometry;
use super::direct::{Manner, add, direct, pack_input, reads, unpadded};
use super::geometry::Target;
use crate::{Caps, DeviceError, Lowered};

/// A convolution of an input that is spread by `s` reads zeros at all but one of `s` neighbouring places. Of the
/// outputs with the same remainder by `s` along each axis, all read the same taps, every s-th of the kernel: they are a
/// convolution without any spreading. `None` where stride or dilation make it less regular, or there is one phase.
pub(super) fn phases(geometry: &Geometry) -> Option<Vec<Geometry>> {
    let spread = geometry.spread;
    let regular =
        |axis: usize| spread[axis] == 1 || (geometry.stride[axis], geometry.dilation[axis]) == (1, 1);
    let count = spread.iter().try_fold(1usize, |product, size| product.checked_mul(*size))?;
    if count == 1 || count > MOST || !(0..3).all(regular) {
        return None;
    }
    let mut all = Vec::with_capacity(count);
    for i in 0..count {
        let of = [i / (spread[1] * spread[2]), i / spread[2] % spread[1], i % spread[2]];
        all.extend(phase(geometry, of)?);
    }
    Some(all)
}

// each phase is a launch or two
const MOST: usize = 64;

/// The outputs `i * spread + of`, or nothing inside if there are none.
fn phase(geometry: &Geometry, of: [usize; 3]) -> Option<Option<Geometry>> {
    let steps = geometry.target.axes;
    let mut part = geometry.clone();
    let mut target = Target { is_part: true, ..geometry.target.clone() };
    for axis in 0..3 {
        let s = geometry.spread[axis];
        if s == 1 {
            continue;
        }
        if of[axis] >= geometry.output[axis] {
            return Some(None);
        }
        let (step, at) = (isize::try_from(s).ok()?, isize::try_from(of[axis]).ok()?);
        // output i * s + of reads the place i * s + of + tap - pad, which has an element if s divides it
        let first = geometry.pad_lo[axis].checked_sub(at)?.rem_euclid(step);
        let taps = geometry.kernel[axis].saturating_sub(first as usize).div_ceil(s);
        part.pad_lo[axis] = geometry.pad_lo[axis].checked_sub(at)?.checked_sub(first)? / step;
        part.kernel[axis] = taps;
        part.output[axis] = (geometry.output[axis] - of[axis]).div_ceil(s);
        part.spread[axis] = 1;
        if taps > 0 {
            part.w.offset = part.w.offset.checked_add_signed(first.checked_mul(geometry.w.axes[axis])?)?;
        } else {
            part.pad_lo[axis] = 0; // it reads nothing
        }
        part.w.axes[axis] = geometry.w.axes[axis].checked_mul(step)?;
        target.offset = target.offset.checked_add(of[axis].checked_mul(steps[axis])?)?;
        target.axes[axis] = s.checked_mul(steps[axis])?;
    }
    part.product = None;
    part.target = target;
    Some(Some(part))
}

/// How each phase runs, if all of them do.
fn manner(part: &Geometry, caps: &Caps) -> Option<Manner> {
    Manner::shared(part, caps, false)
        .filter(|manner| manner.fills_subgroups(part))
        .or_else(|| Manner::alone(part, false))
}

/// Whether the phases can run one by one.
pub(super) fn runs(geometry: &Geometry, caps: &Caps) -> bool {
    phases(geometry).is_some_and(|parts| parts.iter().all(|part| manner(part, caps).is_some()))
}

pub(super) fn phased(geometry: &Geometry, caps: &Caps) -> Result<Lowered, DeviceError> {
    let unsupported = || DeviceError::Unsupported { what: "this convolution, variant phased".into() };
    let parts = phases(geometry).ok_or_else(unsupported)?;
    let mut runs = Vec::with_capacity(parts.len());
    for part in parts {
        let manner = manner(&part, caps).ok_or_else(unsupported)?;
        runs.push((part, manner));
    }
    let mut lowered = Lowered::default();
    let Some((first, _)) = runs.first() else { return Ok(lowered) };
    // phases with the same padding in front read the same copy of the input, as far as any of them reads
    let alike = runs.iter().all(|(part, _)| part.pad_lo == first.pad_lo);
    let copied = runs.iter().any(|(part, manner)| unpadded(part, manner.tile()).is_none());
    if alike && copied {
        let each = runs.iter().map(|(part, manner)| reads(part, manner.tile()));
        let far = each.fold([0; 3], |far, reads| [0, 1, 2].map(|axis| reads[axis].max(far[axis])));
        let source = pack_input(first, far, caps, &mut lowered)?;
        for (part, manner) in &runs {
            add(part, *manner, &source, caps, &mut lowered)?;
        }
        return Ok(lowered);
    }
    for (part, manner) in &runs {
        direct(part, *manner, caps, &mut lowered)?;
    }
    Ok(lowered)
}
