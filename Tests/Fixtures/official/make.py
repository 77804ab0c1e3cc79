#!/usr/bin/env python3
"""Makes tiny models in the layouts that were released, and what they must compute.

    python3 Tests/Fixtures/official/make.py [FOLDER [SEED]]

writes beside itself, or into a folder with sizes that the seed draws:
  llama/               a LLaMA as it was released, in two shards, with a SentencePiece tokenizer
  BIAS-7B.pth          a LLaMA-Adapter V2 multimodal, as BIAS was released; LORA-BIAS-7B.pth: with low-rank changes
  v1.pth, dialog.pth   a LLaMA-Adapter V1 and a V2 dialog
  clip.pt, clip-state.pt  a CLIP as OpenAI releases them, TorchScript, and its state dict
  dinov2/              a DINOv2 as Hugging Face has it, for pictures of another size than its grid
  photo.png            noise with edges
  hparams.json         what the adapters' files do not say
  expected.safetensors tokens; pixels, hidden states, features and queries of the picture; hidden states, logits and
                       greedy tokens of every adapter, computed here in float64

Needs numpy, torch, pillow and safetensors. Nothing here is taken from the released code; what it computes is.
"""
import json
import math
import os
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENIZER = os.path.join(HERE, "..", "tokenizer", "pieces.model")
MEAN = {"clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        "dinov2": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}
LINEARS = {"attention.wq": "qd", "attention.wk": "kd", "attention.wv": "kd", "attention.wo": "dq",
           "feed_forward.w1": "fd", "feed_forward.w2": "df", "feed_forward.w3": "fd"}
# Along which axis a larger LLaMA is dealt out.
SHARDED = {"wq": 0, "wk": 0, "wv": 0, "w1": 0, "w3": 0, "output": 0, "wo": 1, "w2": 1, "tok_embeddings": 1}

COMMITTED = SimpleNamespace(
    seed=20230428, vocabulary=0, dim=32, heads=4, kv=4, layers=3, ffn=88, multiple=8, eps=1e-6, theta=10000.0, shards=2,
    half=torch.float16, queries=3, adapted=2, v1=(4, 2), rank=2, visual=(24, 2, 4), clip=(64, 2, 7, 3, 40), extra=3,
    dino=(32, 2, 4, 8, 5, 27, 32), photo=(75, 52), tokens=11, greedy=12)


def drawn(seed):
    """Sizes at random, odd ones on purpose."""
    rng = np.random.default_rng(seed)
    pick = lambda *values: values[rng.integers(len(values))]
    heads, head = int(pick(1, 2, 3, 4, 5, 6, 8)), int(pick(2, 6, 8, 10, 12, 14, 16, 18, 30, 34))
    shards = int(pick(*[n for n in (1, 1, 2, 4, 8) if heads % n == 0 and heads * head % n == 0]))
    kv = int(pick(*[n for n in range(1, heads + 1) if heads % n == 0 and n % shards == 0]))
    layers, queries = int(rng.integers(1, 6)), int(pick(1, 2, 3, 5, 7, 10, 16, 33))
    visual_heads, visual_head = int(pick(1, 2, 3, 4, 7)), int(pick(3, 4, 5, 8, 12))
    patch, grid = int(pick(2, 3, 7, 8, 14)), int(rng.integers(2, 8))
    dino_heads, dino_patch = int(pick(1, 2, 3, 6)), int(pick(4, 5, 7, 14))
    dino_image = int(rng.integers(2, 7)) * dino_patch + int(pick(0, 0, 1, 3))
    return SimpleNamespace(
        seed=seed, vocabulary=int(pick(0, 1, 5, 64)), dim=heads * head, heads=heads, kv=kv, layers=layers,
        ffn=shards * int(rng.integers(3, 60)), multiple=int(pick(1, 8, 32, 256)), eps=float(pick(1e-5, 1e-6)),
        theta=float(pick(10000.0, 500000.0)), shards=shards, half=pick(torch.float16, torch.bfloat16, torch.float32),
        queries=queries, adapted=int(rng.integers(1, layers + 1)),
        v1=(int(pick(1, 2, 5, 10, 20)), int(rng.integers(1, layers + 1))), rank=int(pick(1, 2, 3, 8, 16)),
        visual=(visual_heads * visual_head, int(rng.integers(0, 4)), visual_heads),
        clip=(int(pick(64, 128, 130, 160)), int(rng.integers(1, 4)), patch, grid, int(pick(1, 7, 40, 65))),
        extra=int(pick(0, 0, patch - 1)),
        dino=(dino_heads * int(pick(4, 8, 10)), int(rng.integers(1, 4)), dino_heads, dino_patch,
              int(rng.integers(2, 7)), dino_image, dino_image + int(pick(0, 5, 31))),
        photo=(int(rng.integers(5, 400)), int(rng.integers(5, 400))), tokens=int(pick(1, 2, 17, 70, 300)), greedy=12)


# ---- random weights ------------------------------------------------------------------------------
class Weights:
    def __init__(self, seed):
        self.random = torch.Generator().manual_seed(seed)

    def __call__(self, *shape, scale=None, mean=0.0, type=torch.float32):
        """Values as `type` holds them."""
        scale = scale or 1 / math.sqrt(shape[-1] if len(shape) > 1 else 25)
        return (mean + scale * torch.randn(*shape, generator=self.random, dtype=torch.float64)).to(type)

    def linear(self, tensors, key, rows, columns, type=torch.float32):
        tensors[key + ".weight"] = self(rows, columns, type=type)
        tensors[key + ".bias"] = self(rows, scale=0.1, type=type)

    def norm(self, tensors, key, width):
        tensors[key + ".weight"] = self(width, mean=1, scale=0.1)
        tensors[key + ".bias"] = self(width, scale=0.1)


def shape(c, key):
    sizes = {"d": c.dim, "q": c.dim, "k": c.dim // c.heads * c.kv, "f": c.ffn}
    return [sizes[letter] for letter in LINEARS[key]]


def llama(w, c):
    tensors = {"tok_embeddings.weight": w(c.vocabulary, c.dim, scale=1), "norm.weight": w(c.dim, mean=1, scale=0.1),
               "output.weight": w(c.vocabulary, c.dim, scale=0.5)}
    for i in range(c.layers):
        for key in LINEARS:
            tensors[f"layers.{i}.{key}.weight"] = w(*shape(c, key), scale=1.5 / math.sqrt(c.dim))
        for norm in ("attention_norm", "ffn_norm"):
            tensors[f"layers.{i}.{norm}.weight"] = w(c.dim, mean=1, scale=0.1)
    tensors["rope.freqs"] = torch.ones(c.dim // c.heads // 2)
    return {key: value.to(c.half) for key, value in tensors.items()}


def shard(tensors, n, count):
    def part(key, value):
        axis = SHARDED.get(key.split(".")[-2])
        return value if axis is None else value.chunk(count, dim=axis)[n].clone()
    return {key: part(key, value) for key, value in tensors.items()}


def multimodal(w, c, rank):
    """As BIAS was released, with a rank as LORA-BIAS."""
    half = torch.float16 if rank else torch.float32
    (width, blocks, _), (_, _, _, _, features) = c.visual, c.clip
    tensors = {"visual_query.weight": w(c.queries, width, scale=1),
               "adapter_query.weight": w(c.queries * c.adapted, c.dim, scale=1)}
    w.linear(tensors, "clip_proj", width, features)
    w.norm(tensors, "clip_proj_norm", width)
    w.linear(tensors, "visual_proj", c.dim, width)
    w.norm(tensors, "visual_proj_norm", c.dim)
    for i in range(blocks):
        key = f"visual_blocks.{i}."
        w.norm(tensors, key + "norm1", width)
        w.norm(tensors, key + "norm2", width)
        w.linear(tensors, key + "attn.qkv", 3 * width, width)
        w.linear(tensors, key + "attn.proj", width, width)
        w.linear(tensors, key + "mlp.fc1", 4 * width, width)
        w.linear(tensors, key + "mlp.fc2", width, 4 * width)
    for i in range(c.layers):
        key = f"llama.layers.{i}."
        tensors[key + "attention.gate"] = w(1, c.heads, 1, 1, scale=0.8, type=half)
        for norm in ("attention_norm", "ffn_norm"):
            tensors[f"{key}{norm}.weight"] = w(c.dim, mean=1, scale=0.1)
        for linear in LINEARS:
            room, name = linear.split(".")
            rows, columns = shape(c, linear)
            if name not in ("wk", "wv"):
                tensors[f"{key}{linear}.bias"] = w(rows, scale=0.1)
            if rank:
                tensors[f"{key}{room}.lora_{name}_l1.weight"] = w(rank, columns, type=half)
                tensors[f"{key}{room}.lora_{name}_l2.weight"] = w(rows, rank, scale=0.3, type=half)
        if rank:
            tensors[key + "attention.new_gate"] = w(1, 1, 1, 1, mean=1, scale=0.3, type=half)
    tensors["llama.norm.weight"] = w(c.dim, mean=1, scale=0.1)
    return tensors


def v1(w, c):
    tensors = {f"layers.{i}.attention.gate": w(1, c.heads, 1, 1, scale=0.8) for i in range(c.layers)}
    tensors["adapter_query.weight"] = w(c.v1[0] * c.v1[1], c.dim, scale=1)
    return tensors


def dialog(w, c):
    tensors = {}
    for i in range(c.layers):
        for key in LINEARS:
            rows, columns = shape(c, key)
            tensors[f"layers.{i}.{key}_bias"] = w(rows, scale=0.1)
            tensors[f"layers.{i}.{key}_scale"] = w(columns, mean=1, scale=0.2)
        for norm in ("attention_norm", "ffn_norm"):
            tensors[f"layers.{i}.{norm}.weight"] = w(c.dim, mean=1, scale=0.1)
    return tensors


def clip(w, c):
    width, layers, patch, grid, features = c.clip
    half, tensors = torch.float16, {}
    tensors["visual.class_embedding"] = w(width, scale=0.5)
    tensors["visual.positional_embedding"] = w(grid * grid + 1, width, scale=0.5)
    tensors["visual.proj"] = w(width, features, type=half)
    tensors["visual.conv1.weight"] = w(width, 3, patch, patch, scale=1 / math.sqrt(3 * patch * patch), type=half)
    for key in ("ln_pre", "ln_post"):
        w.norm(tensors, "visual." + key, width)
    for i in range(layers):
        key = f"visual.transformer.resblocks.{i}."
        tensors[key + "attn.in_proj_weight"] = w(3 * width, width, type=half)
        tensors[key + "attn.in_proj_bias"] = w(3 * width, scale=0.1, type=half)
        w.linear(tensors, key + "attn.out_proj", width, width, half)
        w.norm(tensors, key + "ln_1", width)
        w.linear(tensors, key + "mlp.c_fc", 2 * width, width, half)
        w.linear(tensors, key + "mlp.c_proj", width, 2 * width, half)
        w.norm(tensors, key + "ln_2", width)
    return tensors


def dinov2(w, c):
    width, layers, heads, patch, grid, _, _ = c.dino
    tensors = {"embeddings.cls_token": w(1, 1, width), "embeddings.mask_token": w(1, width),
               "embeddings.position_embeddings": w(1, grid * grid + 1, width, scale=0.5),
               "embeddings.patch_embeddings.projection.weight": w(width, 3, patch, patch, scale=0.1),
               "embeddings.patch_embeddings.projection.bias": w(width, scale=0.1)}
    w.norm(tensors, "layernorm", width)
    for i in range(layers):
        key = f"encoder.layer.{i}."
        for name in ("query", "key", "value"):
            w.linear(tensors, f"{key}attention.attention.{name}", width, width)
        w.linear(tensors, key + "attention.output.dense", width, width)
        w.linear(tensors, key + "mlp.fc1", 4 * width, width)
        w.linear(tensors, key + "mlp.fc2", width, 4 * width)
        for n in "12":
            w.norm(tensors, key + "norm" + n, width)
            tensors[f"{key}layer_scale{n}.lambda1"] = w(width, mean=0.5, scale=0.2)
    return tensors


# ---- files ---------------------------------------------------------------------------------------
class Holder(torch.nn.Module):
    def forward(self, x: torch.Tensor):
        return x


def archive(tensors, path):
    """Tensors by dotted names as a TorchScript archive."""
    root = Holder()
    for key, value in tensors.items():
        *rooms, name = key.split(".")
        at = root
        for room in rooms:
            if not hasattr(at, room):
                at.add_module(room, Holder())
            at = getattr(at, room)
        if value.is_floating_point():
            at.register_parameter(name, torch.nn.Parameter(value, requires_grad=False))
        else:
            at.register_buffer(name, value)
    torch.jit.save(torch.jit.script(root), path)


def write(folder, name, value):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


def photo(c):
    rng, (width, height) = np.random.default_rng(c.seed), c.photo
    small = rng.integers(0, 256, (max(2, height // 9), max(2, width // 9), 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.NEAREST)


# ---- what they compute, in float64 ----------------------------------------------------------------
def layer_norm(x, tensors, key, eps):
    return torch.nn.functional.layer_norm(x, x.shape[-1:], tensors[key + ".weight"], tensors[key + ".bias"], eps)


def linear(x, tensors, key):
    return x @ tensors[key + ".weight"].T + tensors[key + ".bias"]


def attention(q, k, v, heads):
    split = lambda x: x.reshape(len(x), heads, -1).transpose(0, 1)
    q, k, v = split(q), split(k), split(v)
    scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    return (scores.softmax(-1) @ v).transpose(0, 1).flatten(1)


def pixels(picture, side, crop, kind, rounding):
    """[3, crop, crop]: the shorter side resized, the other one cut to whole pixels, the middle, normalised."""
    width, height = picture.size
    size = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
    if size != picture.size:
        picture = picture.resize(size, Image.BICUBIC)
    left, top = rounding((size[0] - crop) / 2), rounding((size[1] - crop) / 2)
    values = np.asarray(picture.crop((left, top, left + crop, top + crop)), np.float64) / 255
    return torch.tensor(((values - MEAN[kind][0]) / MEAN[kind][1]).transpose(2, 0, 1))


def patches(picture, weight, bias=None):
    width = len(weight)
    return torch.nn.functional.conv2d(picture[None], weight, bias, stride=weight.shape[-1])[0].reshape(width, -1).T


def see_clip(t, c, picture):
    width, layers, _, _, _ = c.clip
    x = torch.cat([t["visual.class_embedding"][None], patches(picture, t["visual.conv1.weight"])])
    x = layer_norm(x + t["visual.positional_embedding"], t, "visual.ln_pre", 1e-5)
    hidden = [x]
    for i in range(layers):
        key = f"visual.transformer.resblocks.{i}."
        n = layer_norm(x, t, key + "ln_1", 1e-5)
        qkv = n @ t[key + "attn.in_proj_weight"].T + t[key + "attn.in_proj_bias"]
        x = x + linear(attention(*qkv.chunk(3, -1), width // 64), t, key + "attn.out_proj")
        f = linear(layer_norm(x, t, key + "ln_2", 1e-5), t, key + "mlp.c_fc")
        x = x + linear(f * torch.sigmoid(1.702 * f), t, key + "mlp.c_proj")
        hidden.append(x)
    return hidden, layer_norm(x, t, "visual.ln_post", 1e-5) @ t["visual.proj"]


def see_dinov2(t, c, picture):
    width, layers, heads, patch, grid, _, _ = c.dino
    embedded = patches(picture, *(t["embeddings.patch_embeddings.projection." + n] for n in ("weight", "bias")))
    positions = t["embeddings.position_embeddings"][0]
    now = picture.shape[1] // patch, picture.shape[2] // patch
    if now != (grid, grid):
        square = positions[1:].reshape(1, grid, grid, width).permute(0, 3, 1, 2)
        square = torch.nn.functional.interpolate(square, size=now, mode="bicubic", align_corners=False)
        positions = torch.cat([positions[:1], square[0].reshape(width, -1).T])
    x = torch.cat([t["embeddings.cls_token"][0], embedded]) + positions
    hidden = [x]
    for i in range(layers):
        key = f"encoder.layer.{i}."
        n = layer_norm(x, t, key + "norm1", 1e-6)
        qkv = [linear(n, t, f"{key}attention.attention.{name}") for name in ("query", "key", "value")]
        a = linear(attention(*qkv, heads), t, key + "attention.output.dense")
        x = x + t[key + "layer_scale1.lambda1"] * a
        f = torch.nn.functional.gelu(linear(layer_norm(x, t, key + "norm2", 1e-6), t, key + "mlp.fc1"))
        x = x + t[key + "layer_scale2.lambda1"] * linear(f, t, key + "mlp.fc2")
        hidden.append(x)
    return hidden, layer_norm(x, t, "layernorm", 1e-6)


def visual_query(t, c, features):
    _, blocks, heads = c.visual
    x = layer_norm(linear(features, t, "clip_proj"), t, "clip_proj_norm", 1e-5)
    x = torch.cat([t["visual_query.weight"], x])
    for i in range(blocks):
        key = f"visual_blocks.{i}."
        qkv = linear(layer_norm(x, t, key + "norm1", 1e-5), t, key + "attn.qkv")
        x = x + linear(attention(*qkv.chunk(3, -1), heads), t, key + "attn.proj")
        f = torch.nn.functional.gelu(linear(layer_norm(x, t, key + "norm2", 1e-5), t, key + "mlp.fc1"))
        x = x + linear(f, t, key + "mlp.fc2")
    return layer_norm(linear(x[:c.queries], t, "visual_proj"), t, "visual_proj_norm", 1e-5)


def rotate(x, heads, theta):
    """Neighbours turn together."""
    T, size = len(x), x.shape[1] // heads
    angles = torch.arange(T)[:, None] * theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    pairs = x.reshape(T, heads, size // 2, 2)
    turned = torch.view_as_complex(pairs.contiguous()) * torch.polar(torch.ones_like(angles), angles)[:, None]
    return torch.view_as_real(turned).reshape(T, heads, size)


def read(t, c, tokens, a, prompts=0, query=None, gate=torch.tanh):
    """Hidden states, last norm and logits of a LLaMA with adapter `a`, with so many prompts in an adapted layer."""
    head, each = c.dim // c.heads, c.heads // c.kv
    own = "llama." if "llama.norm.weight" in a else ""
    adapted = len(a["adapter_query.weight"]) // prompts if prompts else 0
    rms = lambda x, w: x / torch.sqrt((x * x).mean(-1, keepdim=True) + c.eps) * w

    def product(x, i, key):
        room, name = key.split(".")
        at = f"{own}layers.{i}."
        y = (x * a.get(f"{at}{key}_scale", torch.ones(()))) @ t[f"layers.{i}.{key}.weight"].T
        y = y + a.get(f"{at}{key}_bias", a.get(f"{at}{key}.bias", torch.zeros(())))
        down, up = (f"{at}{room}.lora_{name}_l{n}.weight" for n in "12")
        return y + x @ a[down].T @ a[up].T if down in a else y

    x = t["tok_embeddings.weight"][tokens]
    T, hidden = len(tokens), [x]
    for i in range(c.layers):
        key = f"{own}layers.{i}."
        n = rms(x, a.get(key + "attention_norm.weight", t[f"layers.{i}.attention_norm.weight"]))
        q = rotate(product(n, i, "attention.wq"), c.heads, c.theta).transpose(0, 1)
        k = rotate(product(n, i, "attention.wk"), c.kv, c.theta).repeat_interleave(each, 1).transpose(0, 1)
        v = product(n, i, "attention.wv").reshape(T, c.kv, head).repeat_interleave(each, 1).transpose(0, 1)
        unseen = torch.full((T, T), -math.inf, dtype=torch.float64).triu(1)
        out = (q @ k.transpose(1, 2) / math.sqrt(head) + unseen).softmax(-1) @ v
        late = i - (c.layers - adapted)
        if prompts and late >= 0:
            prompt = a["adapter_query.weight"][late * prompts:(late + 1) * prompts]
            prompt = prompt + (0 if query is None else query)
            ak, av = ((prompt @ t[f"layers.{i}.attention.w{n}.weight"].T).reshape(prompts, c.kv, head)
                      .repeat_interleave(each, 1).transpose(0, 1) for n in "kv")
            factor = gate(a[key + "attention.gate"][0])
            # As released, a single prompt of V2 leaves the second gate out.
            if prompts > 1 and key + "attention.new_gate" in a:
                factor = factor * a[key + "attention.new_gate"][0]
            out = out + factor * ((q @ ak.transpose(1, 2) / math.sqrt(head)).softmax(-1) @ av)
        x = x + product(out.transpose(0, 1).flatten(1), i, "attention.wo")
        n = rms(x, a.get(key + "ffn_norm.weight", t[f"layers.{i}.ffn_norm.weight"]))
        gated = torch.nn.functional.silu(product(n, i, "feed_forward.w1")) * product(n, i, "feed_forward.w3")
        x = x + product(gated, i, "feed_forward.w2")
        hidden.append(x)
    last = rms(x, a.get("llama.norm.weight", t["norm.weight"]))
    return hidden, last, last @ t["output.weight"].T


def write_on(tokens, count, ends, reading):
    """Greedy tokens, and the smallest gap between the two best logits on the way."""
    tokens, gap, start = list(tokens), math.inf, len(tokens)
    while len(tokens) < start + count:
        best = reading(tokens)[2][-1].topk(2)
        gap = min(gap, float(best.values[0] - best.values[1]))
        tokens.append(int(best.indices[0]))
        if tokens[-1] in ends:
            break
    return tokens[start:], gap


def main(folder, c):
    pieces = 0
    import sentencepiece
    pieces = sentencepiece.SentencePieceProcessor(model_file=TOKENIZER).get_piece_size()
    c.vocabulary += pieces
    w = Weights(c.seed)
    models = {"llama": llama(w, c), "bias": multimodal(w, c, 0), "lora": multimodal(w, c, c.rank), "v1": v1(w, c),
              "dialog": dialog(w, c), "clip": clip(w, c), "dinov2": dinov2(w, c)}
    path = lambda name: os.path.join(folder, name)
    params = {"dim": c.dim, "multiple_of": c.multiple, "n_heads": c.heads, "n_layers": c.layers, "norm_eps": c.eps,
              "vocab_size": -1}
    write(folder, "llama/7B/params.json", params | ({} if c.kv == c.heads else {"n_kv_heads": c.kv})
          | ({} if c.theta == 10000 else {"rope_theta": c.theta}))
    for n in range(c.shards):
        torch.save(shard(models["llama"], n, c.shards), path(f"llama/7B/consolidated.{n:02}.pth"))
    shutil.copy(TOKENIZER, path("llama/tokenizer.model"))
    for name, key, rank in (("BIAS-7B.pth", "bias", 0), ("LORA-BIAS-7B.pth", "lora", c.rank)):
        config = {"w_bias": True, "w_lora": rank > 0, "lora_rank": rank or 16}
        torch.save({"model": models[key], "config": config}, path(name))
    torch.save(models["v1"], path("v1.pth"))
    torch.save({"model": models["dialog"]}, path("dialog.pth"))
    image = c.clip[2] * c.clip[3]
    # A state dict has no room for a picture that is larger than its patches.
    buffers = {"input_resolution": image + c.extra, "context_length": 8, "vocab_size": 16}
    archive(models["clip"] | {key: torch.tensor(value) for key, value in buffers.items()}, path("clip.pt"))
    torch.save(models["clip"], path("clip-state.pt"))
    width, layers, heads, patch, grid, crop, side = c.dino
    write(folder, "dinov2/config.json", {
        "model_type": "dinov2", "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
        "patch_size": patch, "image_size": grid * patch, "mlp_ratio": 4, "layer_norm_eps": 1e-6, "hidden_act": "gelu"})
    write(folder, "dinov2/preprocessor_config.json", {
        "do_resize": True, "size": {"shortest_edge": side}, "do_center_crop": True, "resample": 3,
        "crop_size": {"height": crop, "width": crop}, "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": MEAN["dinov2"][0], "image_std": MEAN["dinov2"][1]})
    save_file(models["dinov2"], path("dinov2/model.safetensors"))
    picture = photo(c)
    picture.save(path("photo.png"))
    write(folder, "hparams.json", {
        "v_num_heads": c.visual[2], "adapters": [{"file": "v1.pth", "adapter_len": c.v1[0], "adapter_layer": c.v1[1]}]})

    exact = {name: {key: value.double() for key, value in model.items()} for name, model in models.items()}
    out = {}
    for name, size in (("clip", image + c.extra), ("clip-state", image)):
        out[name + ".pixels"] = pixels(picture, size, size, "clip", round)
        hidden, out[name + ".features"] = see_clip(exact["clip"], c, out[name + ".pixels"])
        out |= {f"{name}.hidden.{i}": x for i, x in enumerate(hidden)}
    out["dinov2.pixels"] = pixels(picture, side, crop, "dinov2", math.floor)
    hidden, out["dinov2.features"] = see_dinov2(exact["dinov2"], c, out["dinov2.pixels"])
    out |= {f"dinov2.hidden.{i}": x for i, x in enumerate(hidden)}
    tokens = np.random.default_rng(c.seed).integers(3, c.vocabulary, c.tokens).tolist()
    out["tokens"] = torch.tensor(tokens)
    gaps = {}
    for name, key, prompts, gate in (
        ("plain", None, 0, None), ("v1.raw", "v1", c.v1[0], lambda g: g), ("v1.tanh", "v1", c.v1[0], torch.tanh),
        ("dialog", "dialog", 0, None), ("bias", "bias", c.queries, torch.tanh), ("lora", "lora", c.queries, torch.tanh),
    ):
        adapter, query = exact[key] if key else {}, None
        if key in ("bias", "lora"):
            query = out[name + ".visual_query"] = visual_query(adapter, c, out["clip.features"])
        reading = lambda tokens: read(exact["llama"], c, tokens, adapter, prompts, query, gate)
        hidden, out[name + ".final_norm"], out[name + ".logits"] = reading(tokens)
        out |= {f"{name}.hidden.{i}": x for i, x in enumerate(hidden)}
        ends = {2} if name in ("plain", "bias", "lora") else {}
        greedy, gaps[name] = write_on(tokens, c.greedy, ends, reading)
        out[name + ".greedy"] = torch.tensor(greedy)
    save_file({key: (value.float() if value.is_floating_point() else value.int()).contiguous()
               for key, value in out.items()}, path("expected.safetensors"))
    return gaps


if __name__ == "__main__":
    where, sizes = (sys.argv[1:2] or [HERE])[0], drawn(int(sys.argv[2])) if len(sys.argv) > 2 else COMMITTED
    print(main(where, sizes))
