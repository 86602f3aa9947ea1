// Remainders of floating-point division.

// x - floor(x / y) * y, exactly, with the sign of y. NaN for y = 0 and for infinite x; for infinite y, x if the signs
// agree, and y if not, as in Python.
fn ag_rem(x: f32, y: f32) -> f32 {
    if !ag_is_finite(x) || ag_is_nan(y) || y == 0.0 {
        return ag_nan();
    }
    if ag_is_inf(y) {
        return select(x, y, x != 0.0 && (x < 0.0) != (y < 0.0));
    }
    let r = ag_fmod(x, y);
    return select(r, r + y, r != 0.0 && (r < 0.0) != (y < 0.0));
}

// The remainder that has the sign of x, for finite x and finite y other than 0, by long division of the digits: 8 binary
// places a round, so at most 35 rounds.
fn ag_fmod(x: f32, y: f32) -> f32 {
    let size = abs(x);
    let divisor = abs(y);
    if size < divisor {
        return x;
    }
    let a = ag_digits(size);
    let b = ag_digits(divisor);
    var digits = a.x % b.x;
    var places = a.y - b.y;
    while places >= 8u {
        digits = (digits << 8u) % b.x;
        places -= 8u;
    }
    digits = (digits << places) % b.x;
    // digits * 2^(b.y - 150), in two exact steps: the first factor alone may be below the smallest number
    let rest = ag_scale(f32(digits), i32(b.y) - 150);
    return select(rest, -rest, (bitcast<u32>(x) >> 31u) == 1u);
}

// (d, e) with x = d * 2^(e - 150), for finite x above 0: d has 24 bits at most.
fn ag_digits(x: f32) -> vec2<u32> {
    let bits = bitcast<u32>(x);
    let exponent = bits >> 23u;
    let digits = bits & 0x007fffffu;
    return select(vec2<u32>(digits | 0x00800000u, exponent), vec2<u32>(digits, 1u), exponent == 0u);
}
