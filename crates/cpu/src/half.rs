//! Between f16 and f32, a block at a time.
//!
//! Without branches, so that compilers make vector code of the loops. Results are those of the `half` crate to the bit,
//! NaNs' signs and upper bits included. After F. Giesen, "Float->half variants" and "half_to_float_fast5" (2012).

use half::f16;

/// Bits of 2¹⁶, from which on everything is too large.
const TOO_LARGE: u32 = (127 + 16) << 23;
/// Bits of 2⁻¹⁴, the smallest normal half.
const NORMAL: u32 = (127 - 14) << 23;
const INFINITE: u32 = 255 << 23;
/// Bits of ½, whose last place is 2⁻²⁴, as that of subnormal halves: adding it rounds to them.
const ONE_HALF: u32 = (127 - 1) << 23;

/// Each element as f32, which is exact. Lists of one length.
pub(crate) fn widen(from: &[f16], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = single(from.to_bits());
    }
}

/// Each element rounded to the nearest half, ties to even; infinite from 65520 on. Lists of one length.
pub(crate) fn narrow(from: &[f32], to: &mut [f16]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = f16::from_bits(half(from.to_bits()));
    }
}

#[inline(always)]
fn single(bits: u16) -> f32 {
    let bits = u32::from(bits);
    let sign = (bits & 0x8000) << 16;
    // the exponent's bias is 112 too small; a subnormal becomes one of f32, and the product is exact
    let scaled = f32::from_bits((bits & 0x7fff) << 13) * f32::from_bits((127 + 112) << 23);
    let special = if scaled.to_bits() >= TOO_LARGE { INFINITE } else { 0 };
    // a NaN is quiet, as processors make it
    let quiet = if (bits & 0x7fff) > 0x7c00 { 0x0040_0000 } else { 0 };
    f32::from_bits(scaled.to_bits() | special | quiet | sign)
}

#[inline(always)]
fn half(bits: u32) -> u16 {
    let sign = (bits >> 16) & 0x8000;
    let rest = bits & 0x7fff_ffff;
    let nan = 0x7e00 | ((rest >> 13) & 0x01ff);
    let special = if rest > INFINITE { nan } else { 0x7c00 };
    let subnormal =
        (f32::from_bits(rest) + f32::from_bits(ONE_HALF)).to_bits().wrapping_sub(ONE_HALF) & 0xffff;
    // the carry of rounding may go up to the exponent, and make it infinite
    let odd = (rest >> 13) & 1;
    let normal = rest.wrapping_add(0x0fff + odd).wrapping_sub(112 << 23) >> 13;
    let finite = if rest < NORMAL { subnormal } else { normal };
    let magnitude = if rest >= TOO_LARGE { special } else { finite };
    (sign | magnitude) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_widens_as_in_the_half_crate() {
        for bits in 0..=u16::MAX {
            let want = f16::from_bits(bits).to_f32();
            assert_eq!(single(bits).to_bits(), want.to_bits(), "{bits:#06x}");
        }
    }

    #[test]
    fn singles_narrow_as_in_the_half_crate() {
        // every exponent, the last bits that count and those that decide ties, and a walk over everything
        let near_ties = (0..512u32).flat_map(|high| {
            (0..1024).step_by(31).flat_map(move |significand| {
                [0, 1, 0x0fff, 0x1000, 0x1001, 0x1fff].map(|low| (high << 23) | (significand << 13) | low)
            })
        });
        let walk = (0..1u32 << 20).map(|i| i.wrapping_mul(4099));
        for bits in near_ties.chain(walk) {
            let want = f16::from_f32(f32::from_bits(bits));
            assert_eq!(half(bits), want.to_bits(), "{bits:#010x}");
        }
    }
}
