"""Makes digits-images-idx3-ubyte.gz and digits-labels-idx1-ubyte.gz, which the crate embeds.

    python3 make_digits.py digits.csv.gz

The argument is the CSV of the UCI "Optical Recognition of Handwritten Digits" test set (E. Alpaydin and C. Kaynak,
1998, https://doi.org/10.24432/C50P49, CC BY 4.0) as scikit-learn 1.9.1 ships it in sklearn/datasets/data: 1,797 rows,
64 pixels in 0..16 and the digit last, no header. The pixels are stored unchanged, one byte each, in the IDX format of
MNIST, so the crate needs no reader of its own for them. The output is the same bytes on every run (no time, no name).
"""

import gzip
import pathlib
import struct
import sys
import zlib


def deflate(payload: bytes) -> bytes:
    """The smallest gzip member that zlib finds: filtered data with few values likes other strategies."""
    best = None
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, strategy)
        body = packer.compress(payload) + packer.flush()
        if best is None or len(body) < len(best):
            best = body
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return header + best + struct.pack("<II", zlib.crc32(payload), len(payload))


def main() -> None:
    with gzip.open(sys.argv[1], "rt") as file:
        rows = [[int(float(cell)) for cell in line.split(",")] for line in file]
    assert len(rows) == 1797 and all(len(row) == 65 for row in rows)
    assert all(0 <= pixel <= 16 for row in rows for pixel in row[:64])
    assert all(0 <= row[64] <= 9 for row in rows)

    images = struct.pack(">BBBBIII", 0, 0, 8, 3, len(rows), 8, 8) + bytes(p for row in rows for p in row[:64])
    labels = struct.pack(">BBBBI", 0, 0, 8, 1, len(rows)) + bytes(row[64] for row in rows)
    folder = pathlib.Path(__file__).parent
    for name, payload in (("digits-images-idx3-ubyte.gz", images), ("digits-labels-idx1-ubyte.gz", labels)):
        (folder / name).write_bytes(deflate(payload))
        print(name, len((folder / name).read_bytes()), "bytes")


main()
