#!/usr/bin/env python3
"""Makes qr.png beside it: a QR code (ISO/IEC 18004), version 1, level L, byte mode, mask 0, ten pixels a module."""
import struct
import zlib
from pathlib import Path

TEXT = b"lorgnette.example"
SIDE, DATA, CHECKS, PIXELS, QUIET = 21, 19, 7, 10, 4


def multiply(a, b):
    """In GF(256) with the polynomial of the standard."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = a << 1 ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return product


def checks(data):
    """The remainder of a division by the Reed-Solomon generator with CHECKS roots."""
    generator, root = [1], 1
    for _ in range(CHECKS):
        shifted = generator + [0]
        for index, factor in enumerate(generator):
            shifted[index + 1] ^= multiply(factor, root)
        generator, root = shifted, multiply(root, 2)
    rest = list(data) + [0] * CHECKS
    for index in range(len(data)):
        factor = rest[index]
        for offset, part in enumerate(generator):
            rest[index + offset] ^= multiply(part, factor)
    return rest[-CHECKS:]


def codewords():
    bits = "0100" + f"{len(TEXT):08b}" + "".join(f"{byte:08b}" for byte in TEXT) + "0000"
    data = [int(bits[at:at + 8], 2) for at in range(0, len(bits), 8)]
    while len(data) < DATA:
        data.append(0xEC if (DATA - len(data)) % 2 else 0x11)
    return data + checks(data)


def format_bits():
    """Level L, mask 0, with their BCH code, masked."""
    value = 0b01000 << 10
    rest = value
    for shift in range(4, -1, -1):
        if rest >> (10 + shift) & 1:
            rest ^= 0x537 << shift
    return (value | rest) ^ 0x5412


def modules():
    grid = [[None] * SIDE for _ in range(SIDE)]
    for top, left in ((0, 0), (0, SIDE - 7), (SIDE - 7, 0)):
        for y in range(-1, 8):
            for x in range(-1, 8):
                if 0 <= top + y < SIDE and 0 <= left + x < SIDE:
                    ring = max(abs(y - 3), abs(x - 3))
                    grid[top + y][left + x] = int(ring in (0, 1, 3))
    for at in range(8, SIDE - 8):
        grid[6][at] = grid[at][6] = 1 - at % 2
    grid[SIDE - 8][8] = 1
    form = [format_bits() >> shift & 1 for shift in range(14, -1, -1)]
    first = [(8, x) for x in (0, 1, 2, 3, 4, 5, 7, 8)] + [(y, 8) for y in (7, 5, 4, 3, 2, 1, 0)]
    second = [(SIDE - 1 - y, 8) for y in range(7)] + [(8, SIDE - 8 + x) for x in range(8)]
    for place in (first, second):
        for (y, x), bit in zip(place, form):
            grid[y][x] = bit
    bits = iter("".join(f"{word:08b}" for word in codewords()))
    upwards = True
    for right in (20, 18, 16, 14, 12, 10, 8, 5, 3, 1):
        for y in range(SIDE - 1, -1, -1) if upwards else range(SIDE):
            for x in (right, right - 1):
                if grid[y][x] is None:
                    grid[y][x] = int(next(bits, "0")) ^ int((y + x) % 2 == 0)
        upwards = not upwards
    return grid


def png(rows):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


grid = modules()
side = (SIDE + 2 * QUIET) * PIXELS
rows = [[255] * side for _ in range(side)]
for y in range(SIDE * PIXELS):
    for x in range(SIDE * PIXELS):
        if grid[y // PIXELS][x // PIXELS]:
            rows[y + QUIET * PIXELS][x + QUIET * PIXELS] = 0
(Path(__file__).parent / "qr.png").write_bytes(png(rows))
