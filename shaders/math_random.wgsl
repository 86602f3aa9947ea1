// Random bits by counter: a function of key and counter, and of nothing else.

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
