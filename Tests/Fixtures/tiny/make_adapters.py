#!/usr/bin/env python3
"""Makes tiny adapters without pictures for language.gguf, in the layouts that were released, and what they must compute.

    python3 Tests/Fixtures/tiny/make_adapters.py

writes beside itself, always the same bytes:
  v1.pth                         a LLaMA-Adapter V1: 10 prompts, last layer adapted, gates in both layers
  v1-short.pth                   another: 3 prompts in each of both layers, which its file does not say
  dialog.pth                     a LLaMA-Adapter V2 dialog: bias and scale on every linear, the norms of every layer
  expected-adapters.safetensors  hidden states, logits and greedy tokens of each, computed here in float64

The PyTorch archives are written without PyTorch. Makes the files of make.py, too. Needs numpy and nothing else.
"""
import collections
import io
import math
import os
import pickle
import sys
import types
import zipfile

import numpy as np

import make
from make import DIM, FFN, HEAD, HEADS, HERE, KV, LAYERS, RMS_EPS, encode, lm, rope, softmax

rng = np.random.default_rng(20230328)

# ---- PyTorch's archives ------------------------------------------------------------------------
torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")


class FloatStorage:
    pass


def _rebuild_tensor_v2():
    pass


FloatStorage.__module__, _rebuild_tensor_v2.__module__ = "torch", "torch._utils"
torch.FloatStorage, torch._utils, utils._rebuild_tensor_v2 = FloatStorage, utils, _rebuild_tensor_v2
sys.modules["torch"], sys.modules["torch._utils"] = torch, utils


class Storage:
    def __init__(self, key, count):
        self.key, self.count = str(key), count


class Pickler(pickle.Pickler):
    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.storages = []

    def persistent_id(self, value):
        return ("storage", FloatStorage, value.key, "cpu", value.count) if isinstance(value, Storage) else None

    def reducer_override(self, value):
        if not isinstance(value, np.ndarray):
            return NotImplemented
        storage = Storage(len(self.storages), value.size)
        self.storages.append(value.astype("<f4").tobytes())
        strides = tuple(math.prod(value.shape[i + 1:]) for i in range(value.ndim))
        return _rebuild_tensor_v2, (storage, 0, value.shape, strides, False, collections.OrderedDict())


def pth(name, value):
    """torch.save(value, name), with float32 arrays for tensors; their data begin at multiples of 64 bytes."""
    file = io.BytesIO()
    pickler = Pickler(file)
    pickler.dump(value)
    entries = [("data.pkl", file.getvalue()), ("byteorder", b"little")]
    entries += [(f"data/{i}", data) for i, data in enumerate(pickler.storages)] + [("version", b"3\n")]
    with open(os.path.join(HERE, name), "wb") as out, zipfile.ZipFile(out, "w") as archive:
        for entry, data in entries:
            info = zipfile.ZipInfo(f"{name.removesuffix('.pth')}/{entry}")
            padding = -(out.tell() + 30 + len(info.filename) + 4) % 64
            info.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
            archive.writestr(info, data)


# ---- the adapters ------------------------------------------------------------------------------
def v1(prompts, adapted):
    tensors = collections.OrderedDict()
    for i in range(LAYERS):
        tensors[f"layers.{i}.attention.gate"] = rng.normal(0, 1, (1, HEADS, 1, 1))
    tensors["adapter_query.weight"] = rng.normal(0, 1, (prompts * adapted, DIM))
    return rounded(tensors)


def dialog():
    tensors = collections.OrderedDict()
    for i in range(LAYERS):
        for room, name, rows, columns in (
            ("attention", "wq", DIM, DIM), ("attention", "wk", KV * HEAD, DIM), ("attention", "wv", KV * HEAD, DIM),
            ("attention", "wo", DIM, DIM), ("feed_forward", "w1", FFN, DIM), ("feed_forward", "w2", DIM, FFN),
            ("feed_forward", "w3", FFN, DIM),
        ):
            tensors[f"layers.{i}.{room}.{name}_bias"] = rng.normal(0, 0.1, rows)
            tensors[f"layers.{i}.{room}.{name}_scale"] = 1 + rng.normal(0, 0.2, columns)
        tensors[f"layers.{i}.attention_norm.weight"] = 1 + rng.normal(0, 0.1, DIM)
        tensors[f"layers.{i}.ffn_norm.weight"] = 1 + rng.normal(0, 0.1, DIM)
    return rounded(tensors)


def rounded(tensors):
    """As float32 holds them."""
    return collections.OrderedDict((key, value.astype(np.float32).astype(np.float64)) for key, value in tensors.items())


# ---- what they compute, in float64 -------------------------------------------------------------
NAMES = {"attn_q": "attention.wq", "attn_k": "attention.wk", "attn_v": "attention.wv", "attn_output": "attention.wo",
         "ffn_gate": "feed_forward.w1", "ffn_down": "feed_forward.w2", "ffn_up": "feed_forward.w3"}


def read(tokens, adapter, prompts=0, gate=float):
    """Logits [T, vocabulary] and hidden states, with so many prompts in an adapted layer, each head's times gate(g)."""
    rms = lambda x, g: x / np.sqrt((x * x).mean(-1, keepdims=True) + RMS_EPS) * g
    adapted = len(adapter["adapter_query.weight"]) // prompts if prompts else 0
    x, T = lm["token_embd.weight"][tokens], len(tokens)
    hidden = [x]
    for i in range(LAYERS):
        def linear(x, name):
            key = f"layers.{i}.{NAMES[name]}"
            x = x * adapter.get(key + "_scale", 1)
            return x @ lm[f"blk.{i}.{name}.weight"].T + adapter.get(key + "_bias", 0)

        def norm(x, name, own):
            return rms(x, adapter.get(f"layers.{i}.{own}.weight", lm[f"blk.{i}.{name}.weight"]))

        h = norm(x, "attn_norm", "attention_norm")
        q, k = rope(linear(h, "attn_q"), HEADS), rope(linear(h, "attn_k"), KV)
        v = linear(h, "attn_v").reshape(T, KV, HEAD)
        out = np.zeros((T, HEADS, HEAD))
        for head in range(HEADS):
            g = head * KV // HEADS
            scores = q[:, head] @ k[:, g].T / math.sqrt(HEAD) + np.triu(np.full((T, T), -np.inf), 1)
            out[:, head] = softmax(scores) @ v[:, g]
            late = i - (LAYERS - adapted)
            if late >= 0:
                prompt = adapter["adapter_query.weight"][late * prompts:(late + 1) * prompts]
                ak = (prompt @ lm[f"blk.{i}.attn_k.weight"].T).reshape(prompts, KV, HEAD)[:, g]
                av = (prompt @ lm[f"blk.{i}.attn_v.weight"].T).reshape(prompts, KV, HEAD)[:, g]
                factor = gate(adapter[f"layers.{i}.attention.gate"][0, head, 0, 0])
                out[:, head] += factor * softmax(q[:, head] @ ak.T / math.sqrt(HEAD)) @ av
        x = x + linear(out.reshape(T, DIM), "attn_output")
        h = norm(x, "ffn_norm", "ffn_norm")
        a = linear(h, "ffn_gate")
        x = x + linear(a / (1 + np.exp(-a)) * linear(h, "ffn_up"), "ffn_down")
        hidden.append(x)
    return rms(x, lm["output_norm.weight"]) @ lm["token_embd.weight"].T, hidden


def greedy(tokens, count, *how):
    tokens, start, gap = list(tokens), len(tokens), math.inf
    for _ in range(count):
        row = read(tokens, *how)[0][-1]
        gap = min(gap, np.diff(np.sort(row)[-2:])[0])
        tokens.append(int(row.argmax()))
    return tokens[start:], gap


adapters = {"v1": v1(10, 1), "v1-short": v1(3, 2), "dialog": dialog()}
pth("v1.pth", adapters["v1"])
pth("v1-short.pth", adapters["v1-short"])
pth("dialog.pth", {"model": adapters["dialog"]})

result = {}


def expect(name, values, integer=False):
    values = np.asarray(values).astype("<i4" if integer else "<f4")
    result[name] = ("I32" if integer else "F32", values.shape, values.tobytes())


tokens = encode("### Response: a tiny model")
expect("tokens", tokens, integer=True)
for name, how in {
    "v1.raw": (adapters["v1"], 10, float), "v1.tanh": (adapters["v1"], 10, math.tanh),
    "v1-short.raw": (adapters["v1-short"], 3, float), "dialog": (adapters["dialog"],),
}.items():
    logits, hidden = read(tokens, *how)
    expect(name + ".logits", logits[-4:])
    for i, states in enumerate(hidden):
        expect(f"{name}.hidden.{i}", states[-4:])
    ids, gap = greedy(tokens, 24, *how)
    expect(name + ".greedy", ids, integer=True)
    if __name__ == "__main__":
        print(f"{name}: greedy tokens at least {gap:.3f} ahead")
make.write("expected-adapters.safetensors", make.safetensors(result, {"logits": "last 4 rows", "hidden": "last 4 rows"}))
