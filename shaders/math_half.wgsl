// Half precision (f16) in 32-bit words: by bits, since drivers may flush what is subnormal in f16, and not all know
// the type.

// The value of the half in the lower 16 bits of a word; exact.
fn ag_half(word: u32) -> f32 {
    let sign = (word & 0x8000u) << 16u;
    let rest = word & 0x7fffu;
    if rest < 0x0400u {
        // zero and subnormals: multiples of 2^-24
        return bitcast<f32>(bitcast<u32>(f32(rest) * 5.9604644775390625e-8) | sign);
    }
    if rest >= 0x7c00u {
        return bitcast<f32>(0x7f800000u | ((rest & 0x03ffu) << 13u) | sign);
    }
    return bitcast<f32>(((rest << 13u) + 0x38000000u) | sign);
}

// The half nearest to a value, ties to even, in the lower 16 bits. From 65520 on it is infinite; NaN keeps its sign.
fn ag_to_half(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    let sign = (bits >> 16u) & 0x8000u;
    let rest = bits & 0x7fffffffu;
    if rest > 0x7f800000u {
        return sign | 0x7e00u | ((rest >> 13u) & 0x01ffu);
    }
    if rest >= 0x47800000u {
        return sign | 0x7c00u;
    }
    if rest >= 0x38800000u {
        // normal: the lower 13 bits are rounded off, and a carry may go up to the exponent
        return sign | ((rest + 0x0fffu + ((rest >> 13u) & 1u) - 0x38000000u) >> 13u);
    }
    if rest <= 0x33000000u {
        // up to 2^-25, half of the smallest, which is a tie with 0
        return sign;
    }
    let significand = (rest & 0x007fffffu) | 0x00800000u;
    let shift = 126u - (rest >> 23u);
    let half = 1u << (shift - 1u);
    let odd = (significand >> shift) & 1u;
    return sign | ((significand + half - 1u + odd) >> shift);
}

// A value rounded to half precision.
fn ag_round_half(x: f32) -> f32 {
    return ag_half(ag_to_half(x));
}

// Two halves in a word, the first in the lower bits.
fn ag_two_halves(first: f32, second: f32) -> u32 {
    return ag_to_half(first) | (ag_to_half(second) << 16u);
}
