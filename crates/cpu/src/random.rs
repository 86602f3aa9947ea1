//! Threefry-2x32, 20 rounds: the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
//! numbers: as easy as 1, 2, 3" (SC 2011). It needs 32-bit additions, rotations and exclusive-ors only, so every
//! backend gives the same bits.

/// Constant of the key schedule (Skein's C240 in 32 bits).
const PARITY: u32 = 0x1BD1_1BDA;

/// Rotations of the eight rounds between which two keys are injected.
const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];

/// Two words of random bits for a two-word counter.
#[inline(always)]
pub fn threefry2x32(counter: [u32; 2], key: [u32; 2]) -> [u32; 2] {
    let keys = [key[0], key[1], PARITY ^ key[0] ^ key[1]];
    let mut x = counter[0].wrapping_add(keys[0]);
    let mut y = counter[1].wrapping_add(keys[1]);
    for group in 0..5u32 {
        // Four rounds, then the next pair of keys and the number of the group.
        let half = (group as usize % 2) * 4;
        for &rotation in &ROTATIONS[half..half + 4] {
            x = x.wrapping_add(y);
            y = y.rotate_left(rotation) ^ x;
        }
        x = x.wrapping_add(keys[(group as usize + 1) % 3]);
        y = y.wrapping_add(keys[(group as usize + 2) % 3]).wrapping_add(group + 1);
    }
    [x, y]
}

/// Two words of random bits for element number `counter` of the stream `key`: the counter's second word is 0.
///
/// ```
/// assert_eq!(anygrad_cpu::threefry(0, [0, 0]), [0x6b200159, 0x99ba4efe]);
/// ```
#[inline(always)]
pub fn threefry(counter: u32, key: [u32; 2]) -> [u32; 2] {
    threefry2x32([counter, 0], key)
}

/// A multiple of 2⁻²⁴ in [0, 1) from the upper 24 bits, exact in `f32`.
#[inline(always)]
pub fn unit_float(bits: u32) -> f32 {
    (bits >> 8) as f32 * (1.0 / 16_777_216.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of Random123 (`tests/kat_vectors`, threefry2x32 20).
    #[test]
    fn known_answers() {
        let ones = [u32::MAX; 2];
        for (counter, key, answer) in [
            ([0, 0], [0, 0], [0x6b20_0159, 0x99ba_4efe]),
            (ones, ones, [0x1cb9_96fc, 0xbb00_2be7]),
            ([0x243f_6a88, 0x85a3_08d3], [0x1319_8a2e, 0x0370_7344], [0xc492_3a9c, 0x483d_f7a0]),
        ] {
            assert_eq!(threefry2x32(counter, key), answer);
        }
    }

    #[test]
    fn unit_floats_are_in_range_and_even() {
        assert_eq!((unit_float(0), unit_float(255)), (0.0, 0.0));
        assert_eq!(unit_float(u32::MAX), 1.0 - 2f32.powi(-24));
        let n = 100_000;
        let mean = (0..n).map(|i| f64::from(unit_float(threefry(i, [1, 2])[0]))).sum::<f64>() / f64::from(n);
        // standard deviation of the mean is 0.29/√n = 0.0009
        assert!((mean - 0.5).abs() < 0.004, "{mean}");
    }
}
