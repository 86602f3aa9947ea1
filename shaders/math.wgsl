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
