#!/usr/bin/env python3
"""Makes small checkpoints with every encoding that is read, and what their tensors hold.

    python3 Tests/Fixtures/checkpoints/make.py

writes beside itself, always the same bytes:
  types.gguf            every tensor type and every metadata type, alignment 64
  types.safetensors     every dtype, an empty tensor, a scalar
  types.onnx            initialisers as raw data, packed and single numbers; nodes that use them
  expected.safetensors  what the tensors of the three hold, as float32, under the prefixes gguf., safetensors., onnx.

Quantised blocks hold random bits; they are widened here by plain loops over the formats' descriptions. Needs numpy.
"""
import json
import os
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)
expected = {}


def f16(raw):
    return float(np.frombuffer(raw, "<f2")[0])


def half(low=0.001, high=0.01):
    return np.float16(rng.uniform(low, high)).tobytes()


def bits(count):
    return rng.integers(0, 256, count, dtype=np.uint8).tobytes()


# ---- one block of each quantised type: its bytes, and its values ------------------------------
def q4_0(b):
    d = f16(b[:2])
    return [d * ((q & 15) - 8) for q in b[2:]] + [d * ((q >> 4) - 8) for q in b[2:]]


def q4_1(b):
    d, m = f16(b[:2]), f16(b[2:4])
    return [d * (q & 15) + m for q in b[4:]] + [d * (q >> 4) + m for q in b[4:]]


def fives(high, low):
    h = int.from_bytes(high, "little")
    return [(low[j % 16] >> (4 * (j // 16)) & 15) | (h >> j & 1) << 4 for j in range(32)]


def q5_0(b):
    return [f16(b[:2]) * (q - 16) for q in fives(b[2:6], b[6:])]


def q5_1(b):
    return [f16(b[:2]) * q + f16(b[2:4]) for q in fives(b[4:8], b[8:])]


def q8_0(b):
    return [f16(b[:2]) * q for q in struct.unpack("<32b", b[2:])]


def scale_min(s, j):
    if j < 4:
        return s[j] & 63, s[j + 4] & 63
    return s[j + 4] & 15 | s[j - 4] >> 6 << 4, s[j + 4] >> 4 | s[j] >> 6 << 4


def q4_k(b):
    d, m, s, q = f16(b[:2]), f16(b[2:4]), b[4:16], b[16:]
    out = []
    for j in range(8):
        sc, mn = scale_min(s, j)
        out += [d * sc * (q[j // 2 * 32 + i] >> (4 * (j % 2)) & 15) - m * mn for i in range(32)]
    return out


def q5_k(b):
    d, m, s, h, q = f16(b[:2]), f16(b[2:4]), b[4:16], b[16:48], b[48:]
    out = []
    for j in range(8):
        sc, mn = scale_min(s, j)
        out += [d * sc * ((q[j // 2 * 32 + i] >> (4 * (j % 2)) & 15) + (h[i] >> j & 1) * 16) - m * mn for i in range(32)]
    return out


def q6_k(b):
    low, high, s, d = b[:128], b[128:192], struct.unpack("<16b", b[192:208]), f16(b[208:])
    out = []
    for half_ in range(2):
        for part in range(4):
            for i in range(32):
                l = low[half_ * 64 + (part % 2) * 32 + i] >> (4 * (part // 2)) & 15
                h = high[half_ * 32 + i] >> (2 * part) & 3
                out.append(d * s[half_ * 8 + part * 2 + i // 16] * ((l | h << 4) - 32))
    return out


# GGUF number: name, elements, a random block, its values
BLOCKS = {
    2: ("q4_0", 32, lambda: half() + bits(16), q4_0),
    3: ("q4_1", 32, lambda: half() + half() + bits(16), q4_1),
    6: ("q5_0", 32, lambda: half() + bits(20), q5_0),
    7: ("q5_1", 32, lambda: half() + half() + bits(20), q5_1),
    8: ("q8_0", 32, lambda: half() + bits(32), q8_0),
    12: ("q4_K", 256, lambda: half() + half() + bits(140), q4_k),
    13: ("q5_K", 256, lambda: half() + half() + bits(172), q5_k),
    14: ("q6_K", 256, lambda: bits(208) + half(), q6_k),
}


def brain(values):
    return (np.asarray(values, "<f4").view("<u4") >> 16).astype("<u2")


def unbrain(raw):
    return (np.asarray(raw, "<u4") << 16).view("<f4")


VALUES = np.array([[0.5, -1.25, 3.0], [1e-3, -7.5, 2.0]])
WHOLE = np.array([[1, -2, 3], [100, -128, 127]])
NATURAL = np.array([[1, 2, 3], [100, 255, 0]])
TRUTH = np.array([[1, 0, 1], [0, 1, 1]])


# ---- safetensors ------------------------------------------------------------------------------
def safetensors(path, tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(HERE, path), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def all_dtypes():
    tensors = {}

    def put(name, dtype, array, values=None):
        tensors[name] = (dtype, array.shape, array.tobytes())
        expected["safetensors." + name] = np.asarray(array if values is None else values, "<f4")

    for dtype, kind in [("F64", "<f8"), ("F32", "<f4"), ("F16", "<f2")]:
        put(dtype, dtype, VALUES.astype(kind))
    put("BF16", "BF16", brain(VALUES), unbrain(brain(VALUES)))
    for dtype, kind in [("I64", "<i8"), ("I32", "<i4"), ("I8", "i1")]:
        put(dtype, dtype, WHOLE.astype(kind))
    put("U8", "U8", NATURAL.astype("u1"))
    put("BOOL", "BOOL", TRUTH.astype("u1"))
    put("scalar", "F32", np.array(2.5, "<f4"))
    put("cube \u00e9", "F32", np.arange(24, dtype="<f4").reshape(2, 3, 4))
    put("empty", "F32", np.zeros((3, 0), "<f4"))
    tensors["I16"] = ("I16", (2, 3), WHOLE.astype("<i2").tobytes())
    safetensors("types.safetensors", tensors, {"format": "pt", "note": "a \"quoted\" word, \u4f60\u597d \U0001f600"})


# ---- GGUF -------------------------------------------------------------------------------------
def text(s):
    raw = s.encode()
    return struct.pack("<Q", len(raw)) + raw


NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def value(kind, v):
    if kind == 8:
        return text(v)
    if kind == 9:
        inner, items = v
        return struct.pack("<IQ", inner, len(items)) + b"".join(value(inner, i) for i in items)
    return struct.pack("<" + NUMBERS[kind], v)


def gguf():
    metadata = [
        ("general.architecture", 8, "none"), ("general.alignment", 4, 64), ("u8", 0, 200), ("i8", 1, -100),
        ("u16", 2, 60000), ("i16", 3, -30000), ("u32", 4, 4000000000), ("i32", 5, -2000000000), ("f32", 6, 0.5),
        ("bool", 7, True), ("string", 8, "你好"), ("u64", 10, 2**62), ("i64", 11, -(2**62)), ("f64", 12, 1 / 3),
        ("array.i32", 9, (5, [1, -2, 3])), ("array.string", 9, (8, ["a", "", "déjà"])),
        ("array.bool", 9, (7, [True, False])), ("array.f32", 9, (6, [0.5, 0.25])), ("array.empty", 9, (8, [])),
        ("array.nested", 9, (9, [(4, [1, 2]), (8, ["x"]), (9, [(0, [7])])])),
    ]
    tensors = []
    for number, name, raw, values in [
        (0, "f32", VALUES.astype("<f4"), VALUES), (1, "f16", VALUES.astype("<f2"), VALUES.astype("<f2")),
        (30, "bf16", brain(VALUES), unbrain(brain(VALUES))), (28, "f64", VALUES.astype("<f8"), VALUES),
        (24, "i8", WHOLE.astype("i1"), WHOLE), (26, "i32", WHOLE.astype("<i4"), WHOLE),
        (27, "i64", WHOLE.astype("<i8"), WHOLE),
    ]:
        tensors.append((name, (3, 2), number, raw.tobytes()))
        expected["gguf." + name] = np.asarray(values, "<f4")
    for number, (name, size, block, widen) in BLOCKS.items():
        blocks = [block() for _ in range(6)]
        tensors.append((name, (size * 3, 2), number, b"".join(blocks)))
        expected["gguf." + name] = np.array([widen(b) for b in blocks], "<f4").reshape(2, size * 3)
    tensors.append(("vector", (5,), 0, np.arange(5, dtype="<f4").tobytes()))
    expected["gguf.vector"] = np.arange(5, dtype="<f4")
    tensors.append(("unread", (256,), 10, bits(84)))
    out = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    for key, kind, v in metadata:
        out += text(key) + struct.pack("<I", kind) + value(kind, v)
    data = b""
    for name, dims, number, raw in tensors:
        out += text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        out += struct.pack("<IQ", number, len(data))
        data += raw + b"\0" * (-len(raw) % 64)
    out += b"\0" * (-len(out) % 64)
    with open(os.path.join(HERE, "types.gguf"), "wb") as file:
        file.write(out + data)


# ---- ONNX -------------------------------------------------------------------------------------
def varint(n):
    n &= 2**64 - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, payload):
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def onnx():
    graph = b""

    def put(name, kind, shape, body, values, packed_dims=False):
        nonlocal graph
        dims = field(1, b"".join(map(varint, shape))) if packed_dims else b"".join(field(1, d) for d in shape)
        graph += field(5, dims + field(2, kind) + field(8, name) + body)
        if values is not None:
            expected["onnx." + name] = np.asarray(values, "<f4")

    def singles(number, kind, form, values):
        return b"".join(varint(number << 3 | kind) + struct.pack(form, v) for v in values)

    flat = VALUES.ravel().tolist()
    put("raw", 1, (2, 3), field(9, VALUES.astype("<f4").tobytes()), VALUES)
    put("packed dims", 1, (3, 2), field(9, VALUES.astype("<f4").tobytes()), VALUES.reshape(3, 2), True)
    put("float packed", 1, (2, 3), field(4, VALUES.astype("<f4").tobytes()), VALUES)
    put("float single", 1, (2, 3), singles(4, 5, "<f", flat), VALUES)
    put("double packed", 11, (2, 3), field(10, VALUES.astype("<f8").tobytes()), VALUES)
    put("double single", 11, (2, 3), singles(10, 1, "<d", flat), VALUES)
    put("half raw", 10, (2, 3), field(9, VALUES.astype("<f2").tobytes()), VALUES.astype("<f2"))
    put("half ints", 10, (2, 3), field(5, b"".join(map(varint, VALUES.astype("<f2").view("<u2").ravel().tolist()))),
        VALUES.astype("<f2"))
    put("int64", 7, (2, 3), field(7, b"".join(map(varint, WHOLE.ravel().tolist()))), WHOLE)
    put("int32", 6, (2, 3), b"".join(field(5, v) for v in WHOLE.ravel().tolist()), WHOLE)
    put("int8", 3, (2, 3), field(5, b"".join(map(varint, WHOLE.ravel().tolist()))), WHOLE)
    put("bool", 9, (2, 3), field(9, TRUTH.astype("u1").tobytes()), TRUTH)
    put("onnx::MatMul_7", 1, (2, 3), field(9, VALUES.astype("<f4").tobytes()), VALUES)
    put("scalar", 1, (), field(9, struct.pack("<f", 2.5)), np.array(2.5))
    put("elsewhere", 1, (2, 3), field(14, 1) + field(13, field(1, "location") + field(2, "weights.bin")), None)
    put("words", 8, (1,), field(6, "a word"), None)
    graph += field(1, field(1, "x") + field(1, "onnx::MatMul_7") + field(2, "y") + field(3, "/layer/MatMul")
                   + field(4, "MatMul"))
    graph += field(1, field(1, "y") + field(1, "words") + field(2, "z") + field(3, "/layer/Add") + field(4, "Add"))
    graph += field(2, "main")
    model = field(1, 8) + field(2, "make.py") + field(7, graph) + field(8, field(2, 17))
    model += field(14, field(1, "author") + field(2, "us"))
    with open(os.path.join(HERE, "types.onnx"), "wb") as file:
        file.write(model)


all_dtypes()
gguf()
onnx()
safetensors("expected.safetensors", {n: ("F32", np.shape(v), np.asarray(v, "<f4").tobytes()) for n, v in expected.items()})
