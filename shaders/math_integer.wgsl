// Integer arithmetic that is defined for every operand.

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

// a << b; 0 once every bit is out, which is so for a negative count too.
fn ag_shl_u32(a: u32, b: u32) -> u32 {
    return select(a << (b & 31u), 0u, b > 31u);
}

// a >> b; 0 once every bit is out.
fn ag_shr_u32(a: u32, b: u32) -> u32 {
    return select(a >> (b & 31u), 0u, b > 31u);
}

// a << b for i32; 0 for counts from 32 on and for negative ones.
fn ag_shl_i32(a: i32, b: i32) -> i32 {
    return select(a << (bitcast<u32>(b) & 31u), 0, bitcast<u32>(b) > 31u);
}

// a >> b with the sign filled in; all sign for counts from 32 on and for negative ones.
fn ag_shr_i32(a: i32, b: i32) -> i32 {
    return a >> min(bitcast<u32>(b), 31u);
}
