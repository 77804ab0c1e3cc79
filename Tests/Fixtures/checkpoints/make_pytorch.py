#!/usr/bin/env python3
"""Makes small PyTorch archives with every kind of tensor that is read, and what they hold.

    python3 Tests/Fixtures/checkpoints/make_pytorch.py

writes beside itself, always the same bytes for the same PyTorch:
  types.pth                    torch.save of {"model": state dict, "config": ..., "optimizer": ...}
  modules.pt                   a TorchScript archive of modules in modules; its code is compressed
  expected-pytorch.safetensors what their tensors hold, as float32, under the prefixes pth. and script.

Needs torch and numpy.
"""
import json
import os
import struct
import tempfile
import zipfile
from collections import OrderedDict

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
expected = {}


def keep(prefix, tensors):
    for name, tensor in tensors.items():
        expected[prefix + name] = tensor.detach().to(torch.float32).numpy()


def rewritten(source, target):
    """The same archive without what differs from run to run: dates, an id, paths, the code. The latter is compressed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if not name.endswith((".debug_pkl", "/serialization_id")):
                if "/code/" in name:
                    new.writestr(zipfile.ZipInfo(name), "# not read\n" * 9, zipfile.ZIP_DEFLATED)
                else:
                    new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_STORED)


def types():
    values = torch.tensor([[0.5, -1.25, 3.0], [1e-3, -7.5, 2.0]])
    whole = torch.tensor([[1, -2, 3], [100, -128, 127]])
    read = OrderedDict()
    for kind in ["float64", "float32", "float16", "bfloat16"]:
        read[kind] = values.to(getattr(torch, kind))
    for kind in ["int64", "int32", "int8"]:
        read[kind] = whole.to(getattr(torch, kind))
    read["uint8"] = torch.tensor([[1, 2, 3], [100, 255, 0]], dtype=torch.uint8)
    read["bool"] = torch.tensor([[True, False, True], [False, True, True]])
    read["scalar"] = torch.tensor(2.5)
    read["cube \u00e9"] = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    read["empty"] = torch.zeros(3, 0)
    read["parameter"] = torch.nn.Parameter(values.clone())
    long = torch.arange(20, dtype=torch.float32)
    read["window"] = long[5:11].reshape(2, 3)
    read["shared"] = long
    read["thin"] = torch.arange(6, dtype=torch.float32).reshape(3, 2).t()[:1, :].contiguous().as_strided((1, 3), (7, 1))
    keep("pth.", read)
    model = OrderedDict(read)
    model["inner"] = {"weight": values * 2, "list": [values * 3]}
    keep("pth.inner.", {"weight": values * 2, "list.0": values * 3})
    model["turned"] = values.t()
    model["int16"] = whole.to(torch.int16)
    model._metadata = OrderedDict(version=1)
    config = {
        "w_bias": True, "lora_rank": 8, "rate": 0.25, "name": "\u4f60\u597d", "none": None, "large": -(2**40),
        "size": torch.Size([2, 3]), "list": [1, [2, "x"]], 7: "seven",
    }
    optimizer = {"state": {0: {"exp_avg": values}}, "lr": 0.5}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "types.pth")
        torch.save({"model": model, "config": config, "optimizer": optimizer}, path)
        rewritten(path, os.path.join(HERE, "types.pth"))


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 2).half()
        self.register_buffer("count", torch.tensor(5))
        self.sizes = [1, 2, 3]

    def forward(self, x):
        return self.linear(x)


class Outer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor([1.5, -2.0]))
        self.blocks = torch.nn.Sequential(Inner(), torch.nn.LayerNorm(2))
        self.name = "outer"

    def forward(self, x):
        return self.blocks(x) * self.scale


def modules():
    torch.manual_seed(3)
    module = Outer()
    keep("script.", module.state_dict())
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "modules.pt")
        torch.jit.save(torch.jit.script(module), path)
        rewritten(path, os.path.join(HERE, "modules.pt"))


def safetensors(path, tensors):
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(HERE, path), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


types()
modules()
safetensors("expected-pytorch.safetensors", expected)
