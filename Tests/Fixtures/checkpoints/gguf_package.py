#!/usr/bin/env python3
"""Makes package.gguf with the Python package `gguf` (0.19.0), whose description of the formats is not ours.

    python3 Tests/Fixtures/checkpoints/gguf_package.py

For each quantised type T of 32 elements a block: T [5, 160], the package's quantisation of `source` [5, 160]; for each of
256: T [2, 768], blocks of random bits with sensible scales. T.values are the package's dequantisation, float32. The half
types are quantised from `source`, too. Needs numpy and gguf.
"""
import os

import numpy as np
from gguf import GGMLQuantizationType as Q
from gguf import GGUFWriter, dequantize, quantize

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(3)
source = (rng.normal(size=(5, 160)) * np.exp(rng.normal(size=(5, 1)) * 2)).astype("f4")
source[1, :32] = 0
source[2, 32:64] = np.arange(-16, 16) / 2  # ties
source[3, 7] = -0.0
file = GGUFWriter(os.path.join(HERE, "package.gguf"), "none")
file.add_tensor("source", source)


def put(kind, raw):
    file.add_tensor(kind.name, raw, raw_dtype=kind)
    file.add_tensor(kind.name + ".values", dequantize(raw, kind).astype("f4"))


for kind in (Q.F16, Q.BF16, Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q8_0):
    put(kind, quantize(source, kind))
for kind, size, halves in ((Q.Q4_K, 144, (0, 2)), (Q.Q5_K, 176, (0, 2)), (Q.Q6_K, 210, (208,))):
    raw = rng.integers(0, 256, (2, 3, size), dtype="u1")
    for at in halves:
        raw[:, :, at:at + 2] = rng.uniform(-0.01, 0.01, (2, 3, 1)).astype("f2").view("u1")
    put(kind, raw.reshape(2, 3 * size))
file.write_header_to_file()
file.write_kv_data_to_file()
file.write_tensors_to_file()
file.close()
