"""Works out the first initial values of a parameter, written separately from the crate, for tests/store.rs.

    python crates/nn/tests/golden/first_values.py

Threefry-2x32-20 as in Salmon et al. 2011. A draw is block(counter, key) with the key in two words, low first.
"""

import struct

MASK = 0xFFFFFFFF
ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24]


def block(key, counter):
    k = [key & MASK, key >> 32, 0x1BD11BDA ^ (key & MASK) ^ (key >> 32)]
    x = [((counter & MASK) + k[0]) & MASK, ((counter >> 32) + k[1]) & MASK]
    for i in range(20):
        x[0] = (x[0] + x[1]) & MASK
        r = ROTATIONS[i % 8]
        x[1] = ((x[1] << r | x[1] >> (32 - r)) & MASK) ^ x[0]
        if i % 4 == 3:
            s = i // 4 + 1
            x = [(x[0] + k[s % 3]) & MASK, (x[1] + k[(s + 1) % 3] + s) & MASK]
    return x


def key_of(seed, path):
    key, name = seed, path.encode()
    for at in range(0, len(name), 8):
        words = block(key, int.from_bytes(name[at : at + 8].ljust(8, b"\0"), "little"))
        key = words[0] | words[1] << 32
    words = block(key, len(name))
    return words[0] | words[1] << 32


key = key_of(42, "fc.bias")
bound = 1 / 5**0.5
draws = [(block(key, i // 2)[i % 2] >> 8) * 2.0**-24 for i in range(3)]
print([struct.unpack("<I", struct.pack("<f", -bound + 2 * bound * u))[0] for u in draws])
