"""Prints the order that tests freeze (`permutation(10, 42, 0)`), from a second, separate Threefry-2x32-20."""

M = 0xFFFFFFFF


def threefry(key, counter):
    extended = [key[0], key[1], 0x1BD11BDA ^ key[0] ^ key[1]]
    x, y = (counter[0] + key[0]) & M, (counter[1] + key[1]) & M
    for i, r in enumerate([13, 15, 26, 6, 17, 29, 16, 24] * 2 + [13, 15, 26, 6]):
        x = (x + y) & M
        y = ((y << r | y >> (32 - r)) & M) ^ x
        if i % 4 == 3:
            n = i // 4 + 1
            x, y = (x + extended[n % 3]) & M, (y + extended[(n + 1) % 3] + n) & M
    return x, y


def permutation(length, seed, stream):
    key = threefry((seed & M, seed >> 32), (stream & M, stream >> 32))
    order = list(range(length))
    for last in range(length - 1, 0, -1):
        low, high = threefry(key, (last & M, last >> 32))
        other = ((low | high << 32) * (last + 1)) >> 64
        order[last], order[other] = order[other], order[last]
    return order


assert threefry((0, 0), (0, 0)) == (0x6B200159, 0x99BA4EFE)
print(permutation(10, 42, 0))
