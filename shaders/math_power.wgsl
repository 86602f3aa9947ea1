// Exponentials, logarithms and powers.
//
// Drivers' own exp, log and pow are off by 8 to 60 units in the last place, and each in its own way. These are made of
// + - * / and bits alone, and are within 3 units everywhere. Polynomials are least-squares fits, made minimax by
// reweighting, of the function with its leading terms taken off; the comments say of what.

// x without its last 12 bits: products of two such numbers are exact. The digits that a sum loses are found by taking
// such a number off again, not the sum itself: compilers may turn (a + b) - a into b.
fn ag_upper(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}

// x * 2^k for k from -252 to 254, in two steps, as one factor may be out of range.
fn ag_scale(x: f32, k: i32) -> f32 {
    let half = k >> 1u;
    let first = bitcast<f32>(bitcast<u32>(half + 127) << 23u);
    return x * first * bitcast<f32>(bitcast<u32>(k - half + 127) << 23u);
}

// e^r - 1 for |r| <= 0.35: r * (1 + r * P(r)), which keeps the sign of 0.
fn ag_exp_tail(r: f32) -> f32 {
    let p = 0.041666456 + r * (0.0083332844 + r * (0.0013934535 + r * 0.00019908889));
    return r * (1.0 + r * (0.5 + r * (0.16666667 + r * p)));
}

// x - k * ln 2, where k is the nearest whole number to x / ln 2. The first part of ln 2 has 9 bits, so its product
// with k is exact.
fn ag_exp_rest(x: f32, k: f32) -> f32 {
    return (x - k * 0.693359375) + k * 0.00021219444;
}

// e^x: 0 at -inf, +inf at +inf, NaN stays NaN. The bounds are where f32 underflows and overflows.
fn ag_exp(x: f32) -> f32 {
    return ag_exp_times(x, 0);
}

// e^x * 2^shift, for a small shift.
fn ag_exp_times(x: f32, shift: i32) -> f32 {
    if ag_is_nan(x) {
        return x;
    }
    if x > 90.0 {
        return ag_inf();
    }
    if x < -105.0 {
        return 0.0;
    }
    let k = floor(x * 1.442695 + 0.5);
    return ag_scale(1.0 + ag_exp_tail(ag_exp_rest(x, k)), i32(k) + shift);
}

// 2^x.
fn ag_exp2(x: f32) -> f32 {
    if ag_is_nan(x) {
        return x;
    }
    if x >= 128.0 {
        return ag_inf();
    }
    if x < -151.0 {
        return 0.0;
    }
    let k = floor(x + 0.5);
    return ag_scale(1.0 + ag_exp_tail((x - k) * 0.6931472), i32(k));
}

// e^x - 1, with all digits near 0.
fn ag_expm1(x: f32) -> f32 {
    if ag_is_nan(x) {
        return x;
    }
    if abs(x) < 0.34 {
        return ag_exp_tail(x);
    }
    if x > 90.0 {
        return ag_inf();
    }
    if x < -18.0 {
        return -1.0;
    }
    let k = floor(x * 1.442695 + 0.5);
    let tail = ag_exp_tail(ag_exp_rest(x, k));
    // 2^k * (tail + 1 - 2^-k)
    return ag_scale(tail + (1.0 - ag_scale(1.0, -i32(k))), i32(k));
}

// ln(1 + f) - f for f from sqrt(1/2) - 1 to sqrt(2) - 1: f^3 * P(f) - f^2 / 2.
fn ag_log_tail(f: f32) -> f32 {
    let high = 0.14218456 + f * (-0.12383845 + f * (0.11874255 + f * (-0.11793678 + f * 0.069169246)));
    let p = 0.3333331 + f * (-0.24999987 + f * (0.20002236 + f * (-0.1666927 + f * high)));
    let square = f * f;
    return f * square * p - 0.5 * square;
}

// (m, e) with x = m * 2^e and m from sqrt(1/2) to sqrt(2), for finite x above 0, by its bits alone: a subnormal is a
// whole number times 2^-149.
fn ag_mantissa(x: f32) -> vec2<f32> {
    var bits = bitcast<u32>(x);
    var e = -127;
    if bits < 0x00800000u {
        bits = bitcast<u32>(f32(bits));
        e = -276;
    }
    let digits = bits & 0x007fffffu;
    e += i32(bits >> 23u);
    if digits > 0x003504f3u {
        return vec2<f32>(bitcast<f32>(digits | 0x3f000000u), f32(e + 1));
    }
    return vec2<f32>(bitcast<f32>(digits | 0x3f800000u), f32(e));
}

// What a logarithm is where it is not a finite number, and 1 elsewhere: -inf at 0, NaN below, +inf at +inf.
fn ag_log_edge(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    if (bits & 0x7fffffffu) == 0u {
        return -ag_inf();
    }
    if ag_is_nan(x) || (bits >> 31u) == 1u {
        return ag_nan();
    }
    return select(1.0, x, ag_is_inf(x));
}

// Natural logarithm: -inf at 0, NaN below, +inf at +inf.
fn ag_log(x: f32) -> f32 {
    let edge = ag_log_edge(x);
    if !(edge == 1.0) {
        return edge;
    }
    let parts = ag_mantissa(x);
    let f = parts.x - 1.0;
    return ((ag_log_tail(f) - parts.y * 0.00021219444) + f) + parts.y * 0.693359375;
}

// Logarithm to base 2.
fn ag_log2(x: f32) -> f32 {
    let edge = ag_log_edge(x);
    if !(edge == 1.0) {
        return edge;
    }
    let parts = ag_mantissa(x);
    let f = parts.x - 1.0;
    return (ag_log_tail(f) + f) * 1.442695 + parts.y;
}

// ln(1 + x), with all digits near 0.
fn ag_log1p(x: f32) -> f32 {
    if x > -0.29 && x < 0.41 {
        return ag_log_tail(x) + x;
    }
    return ag_log(1.0 + x);
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
        power = ag_pow_positive(size, y);
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

// x^y = e^(y * ln x) for finite x > 0 and finite y. The exponent multiplies the error of the logarithm by up to 128, so
// ln x and the product are sums of two numbers, good to about 2^-35.
fn ag_pow_positive(x: f32, y: f32) -> f32 {
    let log = ag_log_pair(x);
    if y * log.x > 120.0 {
        return ag_inf();
    }
    if y * log.x < -120.0 {
        return 0.0;
    }
    // exactly: both have 12 bits
    let y_upper = ag_upper(y);
    let product = y_upper * log.x;
    let rest = (y - y_upper) * log.x + y * log.y;
    // of the product alone: where a compiler knows product + rest, it uses that for r too
    let k = floor(product * 1.442695 + 0.5);
    let r = ((product - k * 0.693359375) + rest) + k * 0.00021219444;
    return ag_scale(1.0 + ag_exp_tail(r), i32(k));
}

// ln x as a sum of two numbers, of which the first has 12 bits. x = m * 2^e, and m * j / 16 = 1 + f with |f| < 0.05:
// ln x = e ln 2 - ln(j / 16) + f - f^2 / 2 + f^3 * P(f).
fn ag_log_pair(x: f32) -> vec2<f32> {
    let parts = ag_mantissa(x);
    let j = clamp(floor(16.0 / parts.x + 0.5), 11.0, 23.0);
    let center = j * 0.0625;
    // each half of m has 12 bits, and the center 5, so both products are exact
    let m_upper = ag_upper(parts.x);
    let whole = m_upper * center - 1.0;
    let part = (parts.x - m_upper) * center;
    let f = whole + part;
    let f_upper = ag_upper(f);
    let f_rest = (whole - f_upper) + part;
    let square = 0.5 * f_upper * f_upper;
    let square_rest = f_rest * (f_upper + 0.5 * f_rest);
    let head = ag_upper(f_upper - square);
    let head_rest = (f_upper - head) - square;
    let p = 0.33333334 + f * (-0.24999876 + f * (0.19999713 + f * (-0.16754974 + f * 0.14395750)));
    let table = ag_log_center(i32(j));
    let scale = parts.y * 0.693359375;
    let sum = ag_upper((scale + table.x) + head);
    let sum_rest = ((scale - sum) + table.x) + head;
    let rest = (f * f * f * p + (f_rest - square_rest)) + (table.y - parts.y * 0.00021219444);
    return vec2<f32>(sum, sum_rest + (head_rest + rest));
}

// -ln(j / 16) as a sum of two numbers, for j from 11 to 23.
fn ag_log_center(j: i32) -> vec2<f32> {
    switch j {
        case 11: { return vec2<f32>(0.374693453, -3.87050969e-9); }
        case 12: { return vec2<f32>(0.287682086, -1.37775436e-8); }
        case 13: { return vec2<f32>(0.207639366, -1.61007641e-9); }
        case 14: { return vec2<f32>(0.133531392, 1.00388664e-9); }
        case 15: { return vec2<f32>(0.0645385236, -2.41723086e-9); }
        case 17: { return vec2<f32>(-0.0606246218, -7.90594239e-12); }
        case 18: { return vec2<f32>(-0.117783032, -3.29869065e-9); }
        case 19: { return vec2<f32>(-0.171850264, 7.1457591e-9); }
        case 20: { return vec2<f32>(-0.223143548, -3.5408485e-9); }
        case 21: { return vec2<f32>(-0.271933705, -1.08690026e-8); }
        case 22: { return vec2<f32>(-0.318453729, -1.96585526e-9); }
        case 23: { return vec2<f32>(-0.362905502, 8.62996785e-9); }
        default: { return vec2<f32>(0.0, 0.0); }
    }
}
