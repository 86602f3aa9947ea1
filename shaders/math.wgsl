// Scalar functions that kernels may call. A kernel gets the ones it names, with those they call.
//
// WGSL lets an implementation assume that NaN and infinity do not occur, and Metal's fast mathematics does: so
// they are recognised by their bits, and made from bits in a variable, as a constant would be refused.

// Whether x is not a number.
fn ag_is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// Whether x is +inf or -inf.
fn ag_is_inf(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u;
}

// Whether x is neither infinite nor NaN.
fn ag_is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) < 0x7f800000u;
}

// A quiet NaN.
fn ag_nan() -> f32 {
    var bits = 0x7fc00000u;
    return bitcast<f32>(bits);
}

// +inf.
fn ag_inf() -> f32 {
    var bits = 0x7f800000u;
    return bitcast<f32>(bits);
}

// The smaller of two numbers; NaN if one is NaN.
fn ag_min(a: f32, b: f32) -> f32 {
    return select(select(min(a, b), b, ag_is_nan(b)), a, ag_is_nan(a));
}

// The larger of two numbers; NaN if one is NaN.
fn ag_max(a: f32, b: f32) -> f32 {
    return select(select(max(a, b), b, ag_is_nan(b)), a, ag_is_nan(a));
}

// x between low and high; NaN stays NaN.
fn ag_clamp(x: f32, low: f32, high: f32) -> f32 {
    return ag_min(ag_max(x, low), high);
}

// The sign of x: -1, 0 or 1; NaN stays NaN.
fn ag_sign(x: f32) -> f32 {
    let one = select(select(0.0, -1.0, x < 0.0), 1.0, x > 0.0);
    return select(one, x, ag_is_nan(x));
}

// The nearest whole number, halves to the even one.
fn ag_round(x: f32) -> f32 {
    return round(x);
}

// e^x: 0 at -inf, +inf at +inf, NaN stays NaN. The bounds are where f32 underflows and overflows.
fn ag_exp(x: f32) -> f32 {
    if ag_is_nan(x) {
        return x;
    }
    if x > 88.73 {
        return ag_inf();
    }
    if x < -103.98 {
        return 0.0;
    }
    return exp(x);
}

// Natural logarithm: -inf at 0, NaN below, +inf at +inf.
fn ag_log(x: f32) -> f32 {
    if ag_is_nan(x) {
        return x;
    }
    if x == 0.0 {
        return -ag_inf();
    }
    if x < 0.0 {
        return ag_nan();
    }
    if ag_is_inf(x) {
        return x;
    }
    return log(x);
}

// Hyperbolic tangent. Past 9.01 it is 1 in f32, and some drivers return NaN. Near 0 drivers subtract two
// exponentials, which leaves few digits, so a series serves there: x - x^3/3 + 2x^5/15 - 17x^7/315.
fn ag_tanh(x: f32) -> f32 {
    if ag_is_nan(x) {
        return x;
    }
    let s = x * x;
    if s < 0.0225 {
        return x * (1.0 + s * (-0.33333334 + s * (0.13333334 + s * -0.053968254)));
    }
    return tanh(clamp(x, -9.01, 9.01));
}

// 1 / (1 + e^-x), from e^-|x| so that nothing overflows.
fn ag_sigmoid(x: f32) -> f32 {
    let e = ag_exp(-abs(x));
    return select(1.0, e, x < 0.0) / (1.0 + e);
}

// x^y as C has it: negative bases with whole exponents, x^0 = 1, zeros, infinities and NaN.
fn ag_pow(x: f32, y: f32) -> f32 {
    if y == 0.0 || x == 1.0 {
        return 1.0;
    }
    if ag_is_nan(x) || ag_is_nan(y) {
        return ag_nan();
    }
    let size = abs(x);
    if ag_is_inf(y) {
        if size == 1.0 {
            return 1.0;
        }
        return select(0.0, ag_inf(), (size > 1.0) == (y > 0.0));
    }
    var power: f32;
    if size == 0.0 {
        power = select(0.0, ag_inf(), y < 0.0);
    } else if ag_is_inf(size) {
        power = select(ag_inf(), 0.0, y < 0.0);
    } else if size == 1.0 {
        power = 1.0;
    } else {
        power = pow(size, y);
    }
    if (bitcast<u32>(x) >> 31u) == 0u {
        return power;
    }
    if ag_is_odd(y) {
        return -power;
    }
    if trunc(y) == y || size == 0.0 || ag_is_inf(size) {
        return power;
    }
    return ag_nan();
}

// Whether x is an odd whole number. From 2^24 on every f32 is even.
fn ag_is_odd(x: f32) -> bool {
    if abs(x) >= 16777216.0 || trunc(x) != x {
        return false;
    }
    return (i32(x) & 1) != 0;
}

// x - floor(x / y)·y, with the sign of y. NaN for y = 0 and for infinite x. The quotient is rounded, so the
// remainder may be one divisor off, which is mended. Its product with y is taken in halves of 12 bits, which
// multiply exactly, as not every driver has a fused multiply-add. Good for |x / y| < 2^24.
fn ag_rem(x: f32, y: f32) -> f32 {
    if !ag_is_finite(x) || ag_is_nan(y) || y == 0.0 {
        return ag_nan();
    }
    if ag_is_inf(y) {
        return select(x, y, x != 0.0 && (x < 0.0) != (y < 0.0));
    }
    let q = trunc(x / y);
    let q_high = bitcast<f32>(bitcast<u32>(q) & 0xfffff000u);
    let y_high = bitcast<f32>(bitcast<u32>(y) & 0xfffff000u);
    let q_low = q - q_high;
    let y_low = y - y_high;
    var r = (((x - q_high * y_high) - q_high * y_low) - q_low * y_high) - q_low * y_low;
    // first the remainder that has the sign of x
    let step = select(abs(y), -abs(y), x < 0.0);
    if r != 0.0 && (r < 0.0) != (x < 0.0) {
        r += step;
    } else if abs(r) >= abs(y) {
        r -= step;
    }
    return select(r, r + y, r != 0.0 && (r < 0.0) != (y < 0.0));
}

// Remainder with the sign of b; 0 for b = 0.
fn ag_rem_i32(a: i32, b: i32) -> i32 {
    // dividing by -1 leaves no remainder, and would overflow for the least i32
    let d = select(b, 1, b == 0 || b == -1);
    let r = a % d;
    return select(r, r + d, r != 0 && (r < 0) != (d < 0));
}

// Remainder; 0 for b = 0.
fn ag_rem_u32(a: u32, b: u32) -> u32 {
    return a % select(b, 1u, b == 0u);
}

// Quotient rounded towards 0; 0 for b = 0, and the least i32 divided by -1 wraps to itself.
fn ag_idiv_i32(a: i32, b: i32) -> i32 {
    if b == -1 {
        return bitcast<i32>(0u - bitcast<u32>(a));
    }
    return select(a / select(b, 1, b == 0), 0, b == 0);
}

// Quotient; 0 for b = 0.
fn ag_idiv_u32(a: u32, b: u32) -> u32 {
    return select(a / select(b, 1u, b == 0u), 0u, b == 0u);
}

// Rounds towards 0; beyond the range the nearest end, NaN gives 0.
fn ag_f32_to_i32(x: f32) -> i32 {
    if ag_is_nan(x) {
        return 0;
    }
    if x >= 2147483648.0 {
        return 2147483647;
    }
    if x <= -2147483648.0 {
        return bitcast<i32>(0x80000000u);
    }
    return i32(x);
}

// Rounds towards 0; beyond the range the nearest end, NaN gives 0.
fn ag_f32_to_u32(x: f32) -> u32 {
    if ag_is_nan(x) || x <= 0.0 {
        return 0u;
    }
    if x >= 4294967296.0 {
        return 0xffffffffu;
    }
    return u32(x);
}

// The top 24 bits as a number in [0, 1): every one of them is exact.
fn ag_unit_float(bits: u32) -> f32 {
    return f32(bits >> 8u) * 5.9604644775390625e-8;
}

// The first word of the Threefry-2x32-20 block of counter (counter, 0) under the key (key0, key1): random bits
// that depend on nothing else. Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011).
fn ag_threefry(counter: u32, key0: u32, key1: u32) -> u32 {
    return ag_threefry_block(vec2<u32>(counter, 0u), vec2<u32>(key0, key1)).x;
}

// Threefry-2x32 with 20 rounds: a key word is added after every fourth.
fn ag_threefry_block(counter: vec2<u32>, key: vec2<u32>) -> vec2<u32> {
    let third = key.x ^ key.y ^ 0x1bd11bdau;
    var x = counter + key;
    x = ag_threefry_four(x, 13u, 15u, 26u, 6u) + vec2<u32>(key.y, third + 1u);
    x = ag_threefry_four(x, 17u, 29u, 16u, 24u) + vec2<u32>(third, key.x + 2u);
    x = ag_threefry_four(x, 13u, 15u, 26u, 6u) + vec2<u32>(key.x, key.y + 3u);
    x = ag_threefry_four(x, 17u, 29u, 16u, 24u) + vec2<u32>(key.y, third + 4u);
    return ag_threefry_four(x, 13u, 15u, 26u, 6u) + vec2<u32>(third, key.x + 5u);
}

// Four rounds of Threefry-2x32 with these rotations.
fn ag_threefry_four(x: vec2<u32>, r0: u32, r1: u32, r2: u32, r3: u32) -> vec2<u32> {
    return ag_threefry_round(ag_threefry_round(ag_threefry_round(ag_threefry_round(x, r0), r1), r2), r3);
}

// One round: add, rotate, exclusive or.
fn ag_threefry_round(x: vec2<u32>, turn: u32) -> vec2<u32> {
    let sum = x.x + x.y;
    return vec2<u32>(sum, ((x.y << turn) | (x.y >> (32u - turn))) ^ sum);
}

// i / d for i below 2^31, from the numbers that `Divisor` in kernels/builder.rs makes of d: with
// l = ceil(log2 d), magic = ceil(2^(31 + l) / d) and shift = l. GPUs divide integers slowly.
fn ag_divide(i: u32, magic: u32, shift: u32) -> u32 {
    return ag_mul_high(i << 1u, magic) >> shift;
}

// The high word of the 64-bit product, from products of 16-bit halves.
fn ag_mul_high(a: u32, b: u32) -> u32 {
    let a0 = a & 0xffffu;
    let a1 = a >> 16u;
    let b0 = b & 0xffffu;
    let b1 = b >> 16u;
    let middle = a1 * b0 + ((a0 * b0) >> 16u);
    let other = a0 * b1 + (middle & 0xffffu);
    return a1 * b1 + (middle >> 16u) + (other >> 16u);
}
