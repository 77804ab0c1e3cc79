#!/usr/bin/env python3
"""Makes the tiny models that every test can count on, and what they must compute.

    python3 Tests/Fixtures/tiny/make.py

writes beside itself, always the same bytes:
  language.gguf        a LLaMA of 2 layers, width 64, 4 query and 2 key/value heads, Q4_1 and Q8_0, 320 tokens
  vision.onnx          a DINOv2 of 2 layers, width 64, 1 head, patch 14, positions 5 x 5, pictures of 56 x 56
  adapter.safetensors  a LLaMA-Adapter V2 for both: 1 visual block of 2 heads, 4 prompts, last layer adapted
  expected.safetensors features, visual query, logits and greedy tokens of the three, computed here in float64

The layouts, names and metadata are those of the real files. Weights are random; embeddings of tokens that are
not printable are small, so that the model babbles in printable text. Needs numpy and nothing else.
"""
import hashlib
import json
import math
import os
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(20231124)

# ---- sizes -------------------------------------------------------------------------------------
DIM, LAYERS, HEADS, KV, FFN, CONTEXT = 64, 2, 4, 2, 128, 2048
HEAD = DIM // HEADS
THETA, RMS_EPS = 10000.0, 1e-5
VW, VLAYERS, VHEADS, VFFN, PATCH, GRID, IMAGE = 64, 2, 1, 32, 14, 5, 56
AW, AHEADS, AFFN, QUERIES, ADAPTED = 32, 2, 64, 4, 1
CHAT = ("{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}"
        "{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
MERGES = """Ġ t|Ġ a|i n|h e|r e|o n|e r|Ġt he|Ġ s|a t|Ġ c|Ġ w|o u|n d|Ġ p|i s|i t|Ġ o|Ġ f|e s|Ġ b|e n|Ġo f|Ġ in|in g|Ġa nd|
a l|a n|Ġ m|o r|Ġt o|Ġ d|i c|Ġ h|a r|Ġ is|Ġ on|Ġ re|Ġt h|l e|Ġ g|s t|Ġ l|Ġ n|r o|e d|Ġ e|Ġw it|Ġwit h|Ġ T|T he|
Ġp ic|t u|tu re|Ġpic ture|e x|ex t|Ġt ext|Ġ I|Ġ A|Ġ S""".replace("\n", "").split("|")


# ---- byte-level vocabulary ---------------------------------------------------------------------
def byte_letters():
    """The printable stand-in of each byte, as byte-level BPE has it."""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    letters, spare = {}, 256
    for b in range(256):
        if b in keep:
            letters[b] = chr(b)
        else:
            letters[b] = chr(spare)
            spare += 1
    return letters


LETTERS = byte_letters()
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + [LETTERS[b] for b in range(256)] + [m.replace(" ", "") for m in MERGES]
VOCABULARY = len(TOKENS)
assert VOCABULARY == 320 and len(set(TOKENS)) == 320, (VOCABULARY, len(set(TOKENS)))


def speakable(i):
    if i == 2:
        return True
    return i >= 3 and (33 <= i - 3 < 127 or i - 3 == 32 or i >= 259)


# ---- quantisation: each returns (bytes, the values they stand for) -----------------------------
def q8_0(w):
    b = w.reshape(-1, 32).astype(np.float32)
    d = (np.abs(b).max(1, keepdims=True) / 127).astype(np.float16)
    q = np.clip(np.round(b / np.maximum(d.astype(np.float32), 1e-9)), -127, 127).astype(np.int8)
    raw = np.concatenate([d.view(np.uint8), q.view(np.uint8)], 1).tobytes()
    return raw, (q * d.astype(np.float64)).reshape(w.shape)


def q4_1(w):
    b = w.reshape(-1, 32).astype(np.float32)
    low = b.min(1, keepdims=True).astype(np.float16)
    d = ((b.max(1, keepdims=True) - low.astype(np.float32)) / 15).astype(np.float16)
    q = np.clip(np.round((b - low.astype(np.float32)) / d.astype(np.float32)), 0, 15).astype(np.uint8)
    raw = np.concatenate([d.view(np.uint8), low.view(np.uint8), q[:, :16] | (q[:, 16:] << 4)], 1).tobytes()
    return raw, (q * d.astype(np.float64) + low.astype(np.float64)).reshape(w.shape)


def f32(w):
    w = w.astype("<f4")
    return w.tobytes(), w.astype(np.float64)


def f16(w):
    w = w.astype("<f2")
    return w.tobytes(), w.astype(np.float64)


# ---- writers -----------------------------------------------------------------------------------
def write(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)
    return hashlib.sha256(data).hexdigest()


def gguf(metadata, tensors):
    """metadata: [(key, type, value)], tensors: {name: (type number, shape, bytes)}"""
    def string(s):
        s = s.encode()
        return struct.pack("<Q", len(s)) + s

    def value(kind, v):
        if kind == "string":
            return struct.pack("<I", 8) + string(v)
        if kind == "strings":
            return struct.pack("<IIQ", 9, 8, len(v)) + b"".join(string(s) for s in v)
        if kind == "i32s":
            return struct.pack("<IIQ", 9, 5, len(v)) + struct.pack(f"<{len(v)}i", *v)
        number, code = {"u32": (4, "I"), "f32": (6, "f"), "bool": (7, "?")}[kind]
        return struct.pack("<I" + code, number, v)

    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, kind, v in metadata:
        out += string(key) + value(kind, v)
    offset, body = 0, b""
    for name, (number, shape, raw) in tensors.items():
        out += string(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", n) for n in reversed(shape))
        out += struct.pack("<IQ", number, offset)
        raw += b"\0" * (-len(raw) % 32)
        body += raw
        offset += len(raw)
    return out + b"\0" * (-len(out) % 32) + body


def safetensors(tensors, metadata):
    """tensors: {name: (dtype, shape, bytes)}"""
    header, offset = {"__metadata__": metadata}, 0
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(raw)]}
        offset += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(raw for _, _, raw in tensors.values())


def varint(n):
    out = b""
    while True:
        out += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            return out


def field(number, v):
    if isinstance(v, int):
        return varint(number << 3) + varint(v)
    v = v.encode() if isinstance(v, str) else v
    return varint(number << 3 | 2) + varint(len(v)) + v


def onnx(initialisers, nodes, size, properties):
    """initialisers: {name: (data type number, shape, bytes)}, nodes: [(op, name, inputs)]"""
    graph = b""
    for op, name, inputs in nodes:
        graph += field(1, b"".join(field(1, i) for i in inputs) + field(2, name + "_output_0") + field(3, name) + field(4, op))
    graph += field(2, "main_graph")
    for name, (kind, shape, raw) in initialisers.items():
        graph += field(5, b"".join(field(1, n) for n in shape) + field(2, kind) + field(8, name) + field(9, raw))
    dims = b"".join(field(1, field(1, n)) for n in (1, 3, size, size))
    graph += field(11, field(1, "input_image") + field(2, field(1, field(1, 1) + field(2, dims))))
    model = field(1, 7) + field(2, "lorgnette") + field(7, graph) + field(8, field(2, 14))
    return model + b"".join(field(14, field(1, k) + field(2, v)) for k, v in properties.items())


# ---- the language model ------------------------------------------------------------------------
language, lm = {}, {}


def keep(name, w, code):
    encode = {0: f32, 3: q4_1, 8: q8_0}[code]
    raw, lm[name] = encode(w)
    language[name] = (code, w.shape, raw)


embedding = rng.normal(0, 0.1, (VOCABULARY, DIM))
embedding[[not speakable(i) for i in range(VOCABULARY)]] *= 0.1
embedding[2] *= 1.25  # the end of a turn comes now and then
keep("token_embd.weight", embedding, 8)
for i in range(LAYERS):
    p = f"blk.{i}."
    keep(p + "attn_norm.weight", 1 + rng.normal(0, 0.1, DIM), 0)
    keep(p + "attn_q.weight", rng.normal(0, DIM ** -0.5, (DIM, DIM)), 3)
    keep(p + "attn_k.weight", rng.normal(0, DIM ** -0.5, (KV * HEAD, DIM)), 3)
    keep(p + "attn_v.weight", rng.normal(0, DIM ** -0.5, (KV * HEAD, DIM)), 3)
    keep(p + "attn_output.weight", rng.normal(0, DIM ** -0.5, (DIM, DIM)), 3)
    keep(p + "ffn_norm.weight", 1 + rng.normal(0, 0.1, DIM), 0)
    keep(p + "ffn_gate.weight", rng.normal(0, DIM ** -0.5, (FFN, DIM)), 3)
    keep(p + "ffn_up.weight", rng.normal(0, DIM ** -0.5, (FFN, DIM)), 3)
    keep(p + "ffn_down.weight", rng.normal(0, FFN ** -0.5, (DIM, FFN)), 3)
keep("output_norm.weight", 1 + rng.normal(0, 0.1, DIM), 0)
base_sha256 = write("language.gguf", gguf([
    ("general.architecture", "string", "llama"), ("general.name", "string", "tiny"),
    ("llama.block_count", "u32", LAYERS), ("llama.context_length", "u32", CONTEXT),
    ("llama.embedding_length", "u32", DIM), ("llama.feed_forward_length", "u32", FFN),
    ("llama.attention.head_count", "u32", HEADS), ("llama.attention.head_count_kv", "u32", KV),
    ("llama.rope.freq_base", "f32", THETA), ("llama.rope.dimension_count", "u32", HEAD),
    ("llama.attention.layer_norm_rms_epsilon", "f32", RMS_EPS), ("llama.vocab_size", "u32", VOCABULARY),
    ("general.file_type", "u32", 3), ("general.quantization_version", "u32", 2),
    ("tokenizer.ggml.model", "string", "gpt2"), ("tokenizer.ggml.pre", "string", "smollm"),
    ("tokenizer.ggml.add_space_prefix", "bool", False), ("tokenizer.ggml.add_bos_token", "bool", False),
    ("tokenizer.ggml.tokens", "strings", TOKENS), ("tokenizer.ggml.token_type", "i32s", [3] * 3 + [1] * (VOCABULARY - 3)),
    ("tokenizer.ggml.merges", "strings", MERGES),
    ("tokenizer.ggml.bos_token_id", "u32", 1), ("tokenizer.ggml.eos_token_id", "u32", 2),
    ("tokenizer.ggml.unknown_token_id", "u32", 0), ("tokenizer.ggml.padding_token_id", "u32", 2),
    ("tokenizer.chat_template", "string", CHAT),
], language))

# ---- the vision transformer --------------------------------------------------------------------
initialisers, nodes, vit = {}, [], {}


def named(name, w, half=False):
    raw, vit[name] = (f16 if half else f32)(w)
    initialisers[name] = (10 if half else 1, w.shape, raw)


def matmul(node, w):
    """w: output x input, as the maths has it; the file holds input x output under a number."""
    name = f"onnx::MatMul_{1900 + len(nodes)}"
    raw, values = f16(np.ascontiguousarray(w.T))
    vit[node] = values.T
    initialisers[name] = (10, w.T.shape, raw)
    nodes.append(("MatMul", node, [node + "_input", name]))


named("backbone.embeddings.cls_token", rng.normal(0, 0.5, (1, 1, VW)))
named("backbone.embeddings.patch_embeddings.projection.weight", rng.normal(0, 588 ** -0.5, (VW, 3, PATCH, PATCH)), half=True)
named("backbone.embeddings.patch_embeddings.projection.bias", rng.normal(0, 0.1, VW))
nodes.append(("Conv", "/backbone/embeddings/patch_embeddings/projection/Conv",
              ["input_image", "backbone.embeddings.patch_embeddings.projection.weight", "backbone.embeddings.patch_embeddings.projection.bias"]))
for i in range(VLAYERS):
    p, n = f"backbone.encoder.layer.{i}.", f"/backbone/encoder/layer.{i}/"
    named(p + "norm1.weight", 1 + rng.normal(0, 0.1, VW))
    named(p + "norm1.bias", rng.normal(0, 0.1, VW))
    for part in ("query", "key", "value"):
        matmul(n + f"attention/attention/{part}/MatMul", rng.normal(0, VW ** -0.5, (VW, VW)))
        named(p + f"attention.attention.{part}.bias", rng.normal(0, 0.1, VW))
    matmul(n + "attention/output/dense/MatMul", rng.normal(0, VW ** -0.5, (VW, VW)))
    named(p + "attention.output.dense.bias", rng.normal(0, 0.1, VW))
    named(p + "layer_scale1.lambda1", rng.normal(0.5, 0.1, VW))
    named(p + "norm2.weight", 1 + rng.normal(0, 0.1, VW))
    named(p + "norm2.bias", rng.normal(0, 0.1, VW))
    matmul(n + "mlp/fc1/MatMul", rng.normal(0, VW ** -0.5, (VFFN, VW)))
    named(p + "mlp.fc1.bias", rng.normal(0, 0.1, VFFN))
    matmul(n + "mlp/fc2/MatMul", rng.normal(0, VFFN ** -0.5, (VW, VFFN)))
    named(p + "mlp.fc2.bias", rng.normal(0, 0.1, VW))
    named(p + "layer_scale2.lambda1", rng.normal(0.5, 0.1, VW))
named("backbone.layernorm.weight", 1 + rng.normal(0, 0.1, VW))
named("backbone.layernorm.bias", rng.normal(0, 0.1, VW))
named("onnx::Concat_1957", rng.normal(0, 0.3, (1, 1, VW)))
named("onnx::Reshape_1962", rng.normal(0, 0.3, (1, GRID * GRID, VW)))
nodes.append(("Reshape", "/backbone/embeddings/Reshape_1", ["onnx::Reshape_1962", "shape"]))
nodes.append(("Concat", "/backbone/embeddings/Concat_6", ["onnx::Concat_1957", "/backbone/embeddings/Reshape_2_output_0"]))
vision_sha256 = write("vision.onnx", onnx(initialisers, nodes, IMAGE, {"heads": str(VHEADS), "image_size": str(IMAGE)}))

# ---- the adapter -------------------------------------------------------------------------------
adapter, ad = {}, {}


def adapt(name, w, half=False):
    raw, ad[name] = (f16 if half else f32)(w)
    adapter[name] = ("F16" if half else "F32", w.shape, raw)


def linear(name, rows, columns):
    adapt(name + ".weight", rng.normal(0, columns ** -0.5, (rows, columns)), half=True)
    adapt(name + ".bias", rng.normal(0, 0.1, rows))


def norm(name, width):
    adapt(name + ".weight", 1 + rng.normal(0, 0.1, width))
    adapt(name + ".bias", rng.normal(0, 0.1, width))


linear("clip_proj", AW, VW)
norm("clip_proj_norm", AW)
adapt("visual_query.weight", rng.normal(0, 1, (QUERIES, AW)), half=True)
norm("visual_blocks.0.norm1", AW)
linear("visual_blocks.0.attn.qkv", 3 * AW, AW)
linear("visual_blocks.0.attn.proj", AW, AW)
norm("visual_blocks.0.norm2", AW)
linear("visual_blocks.0.mlp.fc1", AFFN, AW)
linear("visual_blocks.0.mlp.fc2", AW, AFFN)
linear("visual_proj", DIM, AW)
norm("visual_proj_norm", DIM)
adapt("adapter_query.weight", rng.normal(0, 1, (ADAPTED * QUERIES, DIM)), half=True)
for i in range(LAYERS):
    p = f"llama.layers.{i}."
    adapt(p + "attention.wq.bias", rng.normal(0, 0.1, DIM))
    adapt(p + "attention.wo.bias", rng.normal(0, 0.1, DIM))
    adapt(p + "feed_forward.w1.bias", rng.normal(0, 0.1, FFN))
    adapt(p + "feed_forward.w2.bias", rng.normal(0, 0.1, DIM))
    adapt(p + "feed_forward.w3.bias", rng.normal(0, 0.1, FFN))
    adapt(p + "attention_norm.weight", 1 + rng.normal(0, 0.1, DIM))
    adapt(p + "ffn_norm.weight", 1 + rng.normal(0, 0.1, DIM))
    if i >= LAYERS - ADAPTED:
        adapt(p + "attention.gate", rng.normal(0, 1, (1, HEADS, 1, 1)))
adapt("llama.norm.weight", 1 + rng.normal(0, 0.1, DIM))
write("adapter.safetensors", safetensors(adapter, {
    "format": "lorgnette.adapter/1", "role": "captioner", "wiring": "released",
    "base": "tiny", "base_sha256": base_sha256, "vision": "tiny", "vision_sha256": vision_sha256,
    "image": "resize to 56x56 without keeping the aspect, PIL bicubic, mean 0.485 0.456 0.406, std 0.229 0.224 0.225",
    "query_len": str(QUERIES), "query_layer": str(ADAPTED), "v_num_heads": str(AHEADS), "layer_norm_eps": "1e-5",
    "prompt": "Caption:", "stop": "<|im_end|>",
}))


# ---- what they compute, in float64 -------------------------------------------------------------
def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def layer_norm(x, w, b, eps):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps) * w + b


erf = np.vectorize(math.erf)


def gelu(x):
    return x * (1 + erf(x / math.sqrt(2))) / 2


def attention(q, k, v, heads):
    split = lambda t: t.reshape(len(t), heads, -1).transpose(1, 0, 2)
    q, k, v = split(q), split(k), split(v)
    out = softmax(q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])) @ v
    return out.transpose(1, 0, 2).reshape(out.shape[1], -1)


def cubic(n_in, n_out):
    """[n_out, n_in] weights of a cubic resize: half pixels, a = -0.75, edges repeated, no antialiasing."""
    def weight(t):
        t, a = abs(t), -0.75
        if t <= 1:
            return (a + 2) * t ** 3 - (a + 3) * t ** 2 + 1
        return a * t ** 3 - 5 * a * t ** 2 + 8 * a * t - 4 * a if t < 2 else 0.0

    m = np.zeros((n_out, n_in))
    for o in range(n_out):
        x = (o + 0.5) * n_in / n_out - 0.5
        for tap in range(math.floor(x) - 1, math.floor(x) + 3):
            m[o, min(max(tap, 0), n_in - 1)] += weight(x - tap)
    return m


def see(pixels):
    side = IMAGE // PATCH
    patches = pixels.reshape(3, side, PATCH, side, PATCH).transpose(1, 3, 0, 2, 4).reshape(side * side, -1)
    w = vit["backbone.embeddings.patch_embeddings.projection.weight"].reshape(VW, -1)
    x = patches @ w.T + vit["backbone.embeddings.patch_embeddings.projection.bias"]
    x = np.concatenate([vit["backbone.embeddings.cls_token"][0], x])
    r = cubic(GRID, side)
    grid = np.einsum("yi,xj,ijd->yxd", r, r, vit["onnx::Reshape_1962"].reshape(GRID, GRID, VW)).reshape(-1, VW)
    x = x + np.concatenate([vit["onnx::Concat_1957"][0], grid])
    for i in range(VLAYERS):
        p, n = f"backbone.encoder.layer.{i}.", f"/backbone/encoder/layer.{i}/"
        h = layer_norm(x, vit[p + "norm1.weight"], vit[p + "norm1.bias"], 1e-6)
        q, k, v = (h @ vit[n + f"attention/attention/{part}/MatMul"].T + vit[p + f"attention.attention.{part}.bias"]
                   for part in ("query", "key", "value"))
        h = attention(q, k, v, VHEADS) @ vit[n + "attention/output/dense/MatMul"].T + vit[p + "attention.output.dense.bias"]
        x = x + vit[p + "layer_scale1.lambda1"] * h
        h = layer_norm(x, vit[p + "norm2.weight"], vit[p + "norm2.bias"], 1e-6)
        h = gelu(h @ vit[n + "mlp/fc1/MatMul"].T + vit[p + "mlp.fc1.bias"])
        x = x + vit[p + "layer_scale2.lambda1"] * (h @ vit[n + "mlp/fc2/MatMul"].T + vit[p + "mlp.fc2.bias"])
    return layer_norm(x, vit["backbone.layernorm.weight"], vit["backbone.layernorm.bias"], 1e-6)


def query(features):
    lin = lambda name, x: x @ ad[name + ".weight"].T + ad[name + ".bias"]
    nrm = lambda name, x: layer_norm(x, ad[name + ".weight"], ad[name + ".bias"], 1e-5)
    x = np.concatenate([ad["visual_query.weight"], nrm("clip_proj_norm", lin("clip_proj", features))])
    p = "visual_blocks.0."
    q, k, v = np.split(lin(p + "attn.qkv", nrm(p + "norm1", x)), 3, axis=1)
    x = x + lin(p + "attn.proj", attention(q, k, v, AHEADS))
    x = x + lin(p + "mlp.fc2", gelu(lin(p + "mlp.fc1", nrm(p + "norm2", x))))
    return nrm("visual_proj_norm", lin("visual_proj", x[:QUERIES]))


def rope(x, heads):
    """Interleaved pairs, as a GGUF stores them."""
    t = x.reshape(len(x), heads, HEAD // 2, 2)
    angle = np.arange(len(x))[:, None] * THETA ** (-np.arange(0, HEAD, 2) / HEAD)[None]
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return np.stack([t[..., 0] * c - t[..., 1] * s, t[..., 0] * s + t[..., 1] * c], -1).reshape(len(x), heads, HEAD)


def read(tokens, visual=None):
    """Logits [T, vocabulary] and the hidden states; with `visual` [Q, width] through the adapter."""
    w = lambda name, key: ad[key] if visual is not None else lm[name]
    b = lambda key: ad[key] if visual is not None else 0
    rms = lambda x, g: x / np.sqrt((x * x).mean(-1, keepdims=True) + RMS_EPS) * g
    x, T = lm["token_embd.weight"][tokens], len(tokens)
    hidden = [x]
    for i in range(LAYERS):
        p, a = f"blk.{i}.", f"llama.layers.{i}."
        h = rms(x, w(p + "attn_norm.weight", a + "attention_norm.weight"))
        q = rope(h @ lm[p + "attn_q.weight"].T + b(a + "attention.wq.bias"), HEADS)
        k = rope(h @ lm[p + "attn_k.weight"].T, KV)
        v = (h @ lm[p + "attn_v.weight"].T).reshape(T, KV, HEAD)
        out = np.zeros((T, HEADS, HEAD))
        for head in range(HEADS):
            g = head * KV // HEADS
            scores = q[:, head] @ k[:, g].T / math.sqrt(HEAD) + np.triu(np.full((T, T), -np.inf), 1)
            out[:, head] = softmax(scores) @ v[:, g]
            first = LAYERS - ADAPTED
            if visual is not None and i >= first:
                prompt = ad["adapter_query.weight"].reshape(ADAPTED, QUERIES, DIM)[i - first] + visual
                ak = (prompt @ lm[p + "attn_k.weight"].T).reshape(QUERIES, KV, HEAD)[:, g]
                av = (prompt @ lm[p + "attn_v.weight"].T).reshape(QUERIES, KV, HEAD)[:, g]
                gate = math.tanh(ad[a + "attention.gate"][0, head, 0, 0])
                out[:, head] += gate * softmax(q[:, head] @ ak.T / math.sqrt(HEAD)) @ av
        x = x + out.reshape(T, DIM) @ lm[p + "attn_output.weight"].T + b(a + "attention.wo.bias")
        h = rms(x, w(p + "ffn_norm.weight", a + "ffn_norm.weight"))
        gate = h @ lm[p + "ffn_gate.weight"].T + b(a + "feed_forward.w1.bias")
        up = h @ lm[p + "ffn_up.weight"].T + b(a + "feed_forward.w3.bias")
        x = x + (gate / (1 + np.exp(-gate)) * up) @ lm[p + "ffn_down.weight"].T + b(a + "feed_forward.w2.bias")
        hidden.append(x)
    return rms(x, w("output_norm.weight", "llama.norm.weight")) @ lm["token_embd.weight"].T, hidden


def encode(text):
    """Every byte its own token, no merging: enough for a test."""
    return [3 + b for b in text.encode()]


def greedy(tokens, visual, count):
    tokens, start = list(tokens), len(tokens)
    for _ in range(count):
        tokens.append(int(read(tokens, visual)[0][-1].argmax()))
        if tokens[-1] == 2:
            break
    return tokens[start:]


pixels = np.sin(0.07 * np.arange(3 * IMAGE * IMAGE)).reshape(3, IMAGE, IMAGE).astype(np.float32).astype(np.float64)
features = see(pixels)
visual = query(features)
tokens = encode("Caption: a tiny model")
plain, hidden = read(tokens)
adapted, adapted_hidden = read(tokens, visual)
result = {}


def expect(name, values, integer=False):
    values = np.asarray(values).astype("<i4" if integer else "<f4")
    result[name] = ("I32" if integer else "F32", values.shape, values.tobytes())


expect("features", features)
expect("visual_query", visual)
expect("tokens", tokens, integer=True)
for name, logits, states, image in (("plain", plain, hidden, None), ("adapted", adapted, adapted_hidden, visual)):
    expect(name + ".logits", logits[-4:])
    expect(name + ".hidden.0", states[0][-1])
    expect(f"{name}.hidden.{LAYERS}", states[-1][-1])
    expect(name + ".greedy", greedy(tokens, image, 24), integer=True)
write("expected.safetensors", safetensors(result, {"pixels": "sin(0.07 i), i = 0 … 3·56·56 − 1", "logits": "last 4 rows"}))

if __name__ == "__main__":
    for image in (None, visual):
        for start in ("Caption:", "A dog", "text"):
            ids = greedy(encode(start), image, 32)
            print(repr("".join(TOKENS[i] for i in ids)))
    total = 0
    for name in sorted(os.listdir(HERE)):
        if name != "make.py":
            size = os.path.getsize(os.path.join(HERE, name))
            total += size
            print(f"{size:8} {name}")
    print(f"{total:8} together")
