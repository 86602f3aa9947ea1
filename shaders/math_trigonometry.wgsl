// Sines, their inverses, the hyperbolic functions and the error function. See `math_power.wgsl` for how the polynomials
// were made; odd ones are x * (1 + ...), which keeps the sign of 0.

// (r, q) with x = r + (4 n + q) * pi / 2 and |r| <= pi / 4, for finite x.
fn ag_quadrant(x: f32) -> vec2<f32> {
    if abs(x) < 8192.0 {
        // the first parts of pi / 2 have 11 bits at most, so that their products with k are exact (Cody & Waite)
        let k = floor(x * 0.63661977 + 0.5);
        let r = ((x - k * 1.5703125) - k * 0.00048375129699707031) - k * 7.5495336e-8 - k * 2.563344e-12;
        return vec2<f32>(r, f32(i32(k) & 3));
    }
    return ag_quadrant_of_huge(x);
}

// The same by multiplying with as many bits of 2 / pi as count (Payne & Hanek 1983), in fixed point.
fn ag_quadrant_of_huge(x: f32) -> vec2<f32> {
    let bits = bitcast<u32>(x);
    let digits = (bits << 8u) | 0x80000000u;
    let place = ((bits >> 23u) & 0xffu) - 126u;
    let word = place >> 5u;
    let shift = place & 31u;
    // three words of 2 / pi from there on
    let first = ag_two_over_pi(word);
    let second = ag_two_over_pi(word + 1u);
    let third = ag_two_over_pi(word + 2u);
    let high = ag_funnel(first, second, shift);
    let middle = ag_funnel(second, third, shift);
    let low = ag_funnel(third, ag_two_over_pi(word + 3u), shift);
    // digits * (high, middle, low), of which the upper 64 bits are wanted: 2 before the point, 62 behind
    let carried = ag_mul_high(digits, low);
    var lower = digits * middle + carried;
    var upper = ag_mul_high(digits, middle) + select(0u, 1u, lower < carried) + digits * high;
    var quadrant = upper >> 30u;
    upper = upper & 0x3fffffffu;
    var negative = false;
    if (upper & 0x20000000u) != 0u {
        // the nearer quadrant is the next one: 1 - fraction, and the other sign
        quadrant += 1u;
        negative = true;
        lower = ~lower + 1u;
        upper = (0x3fffffffu - upper) + select(0u, 1u, lower == 0u);
    }
    let fraction = f32(upper) * 9.3132257e-10 + f32(lower) * 2.1684043e-19;
    let r = fraction * 1.5707964;
    if ((bits >> 31u) == 1u) {
        return vec2<f32>(select(-r, r, negative), f32((4u - (quadrant & 3u)) & 3u));
    }
    return vec2<f32>(select(r, -r, negative), f32(quadrant & 3u));
}

// Word i of 2 / pi, after a word of zeros and two more bits of them.
fn ag_two_over_pi(i: u32) -> u32 {
    switch i {
        case 1u: { return 0x28be60dbu; }
        case 2u: { return 0x9391054au; }
        case 3u: { return 0x7f09d5f4u; }
        case 4u: { return 0x7d4d3770u; }
        case 5u: { return 0x36d8a566u; }
        case 6u: { return 0x4f10e410u; }
        case 7u: { return 0x7f9458eau; }
        default: { return 0u; }
    }
}

// The upper word of (high, low) << shift, for shift below 32.
fn ag_funnel(high: u32, low: u32, shift: u32) -> u32 {
    return select((high << shift) | (low >> (32u - shift)), high, shift == 0u);
}

// sin r for |r| <= pi / 4.
fn ag_sin_near(r: f32) -> f32 {
    let s = r * r;
    return r * (1.0 + s * (-0.16666667 + s * (0.0083333319 + s * (-0.00019840036 + s * 2.7243489e-6))));
}

// cos r for |r| <= pi / 4.
fn ag_cos_near(r: f32) -> f32 {
    let s = r * r;
    return (1.0 - 0.5 * s) + s * s * (0.041666668 + s * (-0.0013888888 + s * (2.4800558e-5 - s * 2.7295576e-7)));
}

// Sine of x in radians; NaN for infinities.
fn ag_sin(x: f32) -> f32 {
    if !ag_is_finite(x) {
        return ag_nan();
    }
    let reduced = ag_quadrant(x);
    let odd = reduced.y == 1.0 || reduced.y == 3.0;
    let value = select(ag_sin_near(reduced.x), ag_cos_near(reduced.x), odd);
    return select(value, -value, reduced.y >= 2.0);
}

// Cosine of x in radians; NaN for infinities.
fn ag_cos(x: f32) -> f32 {
    if !ag_is_finite(x) {
        return ag_nan();
    }
    let reduced = ag_quadrant(x);
    let odd = reduced.y == 1.0 || reduced.y == 3.0;
    let value = select(ag_cos_near(reduced.x), ag_sin_near(reduced.x), odd);
    return select(value, -value, reduced.y == 1.0 || reduced.y == 2.0);
}

// Tangent of x in radians; NaN for infinities.
fn ag_tan(x: f32) -> f32 {
    if !ag_is_finite(x) {
        return ag_nan();
    }
    let reduced = ag_quadrant(x);
    let sine = ag_sin_near(reduced.x);
    let cosine = ag_cos_near(reduced.x);
    if reduced.y == 1.0 || reduced.y == 3.0 {
        return -cosine / sine;
    }
    return sine / cosine;
}

// asin x for |x| <= 1 / 2.
fn ag_asin_near(x: f32) -> f32 {
    let s = x * x;
    let p = 0.044596538 + s * (0.031133037 + s * (0.017000079 + s * 0.033931166));
    return x * (1.0 + s * (0.16666666 + s * (0.075001031 + s * p)));
}

// Arc sine, from -pi/2 to pi/2; NaN beyond +-1.
fn ag_asin(x: f32) -> f32 {
    let size = abs(x);
    if ag_is_nan(x) || size > 1.0 {
        return ag_nan();
    }
    if size <= 0.5 {
        return ag_asin_near(x);
    }
    // asin x = pi/2 - 2 asin sqrt((1 - x) / 2)
    let angle = 1.5707963 - 2.0 * ag_asin_near(sqrt(0.5 * (1.0 - size)));
    return select(angle, -angle, x < 0.0);
}

// Arc cosine, from 0 to pi; NaN beyond +-1.
fn ag_acos(x: f32) -> f32 {
    let size = abs(x);
    if ag_is_nan(x) || size > 1.0 {
        return ag_nan();
    }
    if size <= 0.5 {
        // pi/2 in two parts
        return 1.5707963 - (ag_asin_near(x) + 4.3711388e-8);
    }
    let angle = 2.0 * ag_asin_near(sqrt(0.5 * (1.0 - size)));
    return select(angle, 3.1415927 - (angle + 8.7422777e-8), x < 0.0);
}

// atan x for x from 0 on, also +inf.
fn ag_atan_positive(x: f32) -> f32 {
    var base = 0.0;
    var rest = x;
    if x > 2.4142137 {
        base = 1.5707963;
        rest = select(-1.0 / x, 0.0, ag_is_inf(x));
    } else if x > 0.41421357 {
        base = 0.78539816;
        rest = (x - 1.0) / (x + 1.0);
    }
    let s = rest * rest;
    let p = -0.14264464 + s * (0.10748398 - s * 0.064652957);
    return base + (rest + rest * s * (-0.33333331 + s * (0.19999558 + s * p)));
}

// Arc tangent, from -pi/2 to pi/2.
fn ag_atan(x: f32) -> f32 {
    if ag_is_nan(x) {
        return x;
    }
    let angle = ag_atan_positive(abs(x));
    return select(angle, -angle, (bitcast<u32>(x) >> 31u) == 1u);
}

// The angle of the point (x, y), from -pi to pi, as C has it for zeros and infinities.
fn ag_atan2(y: f32, x: f32) -> f32 {
    if ag_is_nan(x) || ag_is_nan(y) {
        return ag_nan();
    }
    var across = abs(x);
    var up = abs(y);
    // quotients of very large and very small numbers are not exact on every device
    let largest = max(across, up);
    if largest < 1e-18 {
        across *= 1152921504606846976.0;
        up *= 1152921504606846976.0;
    } else if largest > 1e18 {
        across *= 8.673617379884035e-19;
        up *= 8.673617379884035e-19;
    }
    var angle: f32;
    if up == 0.0 {
        angle = 0.0;
    } else if ag_is_inf(up) {
        angle = select(1.5707963, 0.78539816, ag_is_inf(across));
    } else if ag_is_inf(across) {
        angle = 0.0;
    } else if up <= across {
        angle = ag_atan_positive(up / across);
    } else {
        angle = 1.5707963 - (ag_atan_positive(across / up) + 4.3711388e-8);
    }
    if (bitcast<u32>(x) >> 31u) == 1u {
        angle = 3.1415927 - (angle + 8.7422777e-8);
    }
    return select(angle, -angle, (bitcast<u32>(y) >> 31u) == 1u);
}

// Hyperbolic sine.
fn ag_sinh(x: f32) -> f32 {
    if abs(x) < 1.0 {
        let s = x * x;
        return x * (1.0 + s * (0.16666667 + s * (0.0083333394 + s * (0.00019838099 + s * 2.8063007e-6))));
    }
    // e^|x| / 2, and what is left of e^-|x| / 2
    let half = ag_exp_times(abs(x), -1);
    let value = half - 0.25 / half;
    return select(value, -value, x < 0.0);
}

// Hyperbolic cosine.
fn ag_cosh(x: f32) -> f32 {
    let half = ag_exp_times(abs(x), -1);
    return half + 0.25 / half;
}

// Hyperbolic tangent, in [-1, 1].
fn ag_tanh(x: f32) -> f32 {
    if ag_is_nan(x) {
        return x;
    }
    let size = abs(x);
    if size < 0.55 {
        let s = x * x;
        let p = -0.05396447 + s * (0.021815902 + s * (-0.0085152183 + s * 0.0025097735));
        return x * (1.0 + s * (-0.33333334 + s * (0.13333324 + s * p)));
    }
    // from 9.02 on it is 1 in f32
    let value = select(1.0 - 2.0 / (ag_exp(2.0 * min(size, 10.0)) + 1.0), 1.0, size > 9.02);
    return select(value, -value, x < 0.0);
}

// 1 / (1 + e^-x), from e^-|x| so that nothing overflows.
fn ag_sigmoid(x: f32) -> f32 {
    let e = ag_exp(-abs(x));
    return select(1.0, e, x < 0.0) / (1.0 + e);
}

// ln(1 + e^x), from e^-|x| so that nothing overflows.
fn ag_log1p_exp(x: f32) -> f32 {
    return max(x, 0.0) + ag_log1p(ag_exp(-abs(x)));
}

// Inverse hyperbolic sine.
fn ag_asinh(x: f32) -> f32 {
    if !ag_is_finite(x) {
        return x;
    }
    let size = abs(x);
    if size < 0.5 {
        let s = x * x;
        let p = -0.044630516 + s * (0.030161668 + s * (-0.020551674 + s * 0.0099760015));
        return x * (1.0 + s * (-0.16666667 + s * (0.074999742 + s * p)));
    }
    // the square would overflow, and the root is x itself long before
    let value = select(ag_log(size + sqrt(size * size + 1.0)), ag_log(size) + 0.6931472, size > 1e4);
    return select(value, -value, x < 0.0);
}

// Inverse hyperbolic cosine; NaN below 1.
fn ag_acosh(x: f32) -> f32 {
    if ag_is_nan(x) || x < 1.0 {
        return ag_nan();
    }
    if ag_is_inf(x) {
        return x;
    }
    let above = x - 1.0;
    if above < 0.5 {
        let high = -0.0078860875 + above * (0.0026511047 + above * (-0.00088023342 + above * 0.00020084175));
        return sqrt(above) * (1.4142135 + above * (-0.11785112 + above * (0.026516043 + above * high)));
    }
    return select(ag_log(x + sqrt(above * (x + 1.0))), ag_log(x) + 0.6931472, x > 1e4);
}

// Inverse hyperbolic tangent; infinite at +-1, NaN beyond.
fn ag_atanh(x: f32) -> f32 {
    let size = abs(x);
    if ag_is_nan(x) || size > 1.0 {
        return ag_nan();
    }
    if size < 0.5 {
        let s = x * x;
        let high = 0.11047255 + s * (0.097797282 + s * (0.039921548 + s * 0.15762611));
        return x * (1.0 + s * (0.33333334 + s * (0.19999956 + s * (0.14288494 + s * high))));
    }
    if size == 1.0 {
        return select(ag_inf(), -ag_inf(), x < 0.0);
    }
    let value = 0.5 * ag_log1p(2.0 * size / (1.0 - size));
    return select(value, -value, x < 0.0);
}

// The error function 2/sqrt(pi) * integral of e^(-t^2) from 0 to x.
fn ag_erf(x: f32) -> f32 {
    if ag_is_nan(x) {
        return x;
    }
    let size = abs(x);
    if size < 1.0 {
        let s = x * x;
        let high = -0.026854444 + s * (0.0051895352 + s * (-0.00080208411 + s * 7.8891193e-5));
        return x + x * (0.12837917 + s * (-0.37612626 + s * (0.112836 + s * high)));
    }
    // -ln(1 - erf t) is nearly a parabola
    let t = min(size, 4.1);
    let high = -0.025208255 + t * (0.004204561 + t * (-0.00044133628 + t * 2.1686841e-5));
    let slope = -0.00018803969 + t * (1.1295785 + t * (0.6332199 + t * (0.10841858 + t * high)));
    let value = 1.0 - ag_exp(-slope);
    return select(value, -value, x < 0.0);
}
