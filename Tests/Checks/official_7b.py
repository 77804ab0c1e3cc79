"""A LLaMA-7B that says nothing, to see what a model of that size takes.

    python3 Tests/Checks/official_7b.py make HOME          random weights in the official shapes, 5 GB in HOME/models
    python3 Tests/Checks/official_7b.py measure HOME LORGNETTE PICTURE [MORE WORDS]

`make` writes the files that pipelines/official-7b.yaml names: a q4_0 GGUF, BIAS-7B.pth and ViT-L-14.pt. `measure` asks
about a picture and prints the largest memory that all processes together had, every shared page counted once (PSS).
Only the standard library is needed, and little memory: weights are written as they are drawn.
"""
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

WIDTH, LAYERS, HEADS, HIDDEN, VOCABULARY = 4096, 32, 32, 11008, 32000
places = random.Random(1)


def cut(pool, width, count):
    """`count` units of `width` bytes in pieces that begin anywhere in the pool: to draw billions of weights one by one
    would take longer than to use them."""
    units = len(pool) // width // 2
    while count > 0:
        piece = min(count, units)
        at = places.randrange(units) * width
        yield memoryview(pool)[at:at + piece * width]
        count -= piece


def pool_of_blocks(scale, size):
    """Quantised blocks: a half as scale, then 32 weights."""
    return b"".join(struct.pack("<e", scale) + places.randbytes(size) for _ in range(1 << 16))


def pool_of_numbers(width):
    """Small numbers of either sign, float16 or float32."""
    if width == 2:
        return b"".join(bytes((b, 0x24 | (b & 0x80))) for b in places.randbytes(1 << 17))
    return b"".join(bytes((0, b, b & 0x7F, 0x3C | (b & 0x80))) for b in places.randbytes(1 << 17))


# Q4_0 and Q8_0 with deviations of about 0.02.
BLOCKS = {2: (pool_of_blocks(0.0043, 16), 18), 8: (pool_of_blocks(0.00027, 32), 34)}
NUMBERS = {2: pool_of_numbers(2), 4: pool_of_numbers(4)}


def product(shape):
    result = 1
    for size in shape:
        result *= size
    return result


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def vocabulary():
    """Pieces, scores and kinds: unknown, begin, end, all bytes, then syllables."""
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    kinds = [2, 3, 3] + [6] * 256
    pieces += ["\u2581"] + [chr(c) for c in range(33, 127)]
    letters = "abcdefghijklmnopqrstuvwxyz"
    for size in (2, 3, 4):
        for number in range(len(letters) ** size):
            if len(pieces) == VOCABULARY:
                break
            word = ""
            for _ in range(size):
                word += letters[number % 26]
                number //= 26
            pieces.append(word)
    kinds += [1] * (VOCABULARY - len(kinds))
    return pieces, [-float(i) for i in range(VOCABULARY)], kinds


def language(path):
    numbers = {
        "llama.vocab_size": VOCABULARY, "llama.context_length": 2048, "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS, "llama.feed_forward_length": HIDDEN, "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": HEADS, "llama.rope.dimension_count": WIDTH // HEADS,
        "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2,
    }
    pieces, scores, kinds = vocabulary()
    facts = [text(k) + struct.pack("<II", 4, v) for k, v in numbers.items()]
    facts += [text(k) + struct.pack("<I", 8) + text(v)
              for k, v in {"general.architecture": "llama", "tokenizer.ggml.model": "llama"}.items()]
    facts.append(text("llama.attention.layer_norm_rms_epsilon") + struct.pack("<If", 6, 1e-6))
    facts.append(text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, VOCABULARY) + b"".join(map(text, pieces)))
    facts.append(text("tokenizer.ggml.scores") + struct.pack(f"<IIQ{VOCABULARY}f", 9, 6, VOCABULARY, *scores))
    facts.append(text("tokenizer.ggml.token_type") + struct.pack(f"<IIQ{VOCABULARY}i", 9, 5, VOCABULARY, *kinds))

    tensors = [("token_embd.weight", (VOCABULARY, WIDTH), 2)]
    for i in range(LAYERS):
        tensors += [(f"blk.{i}.{name}.weight", shape, 2 if len(shape) == 2 else 0) for name, shape in (
            ("attn_norm", (WIDTH,)), ("attn_q", (WIDTH, WIDTH)), ("attn_k", (WIDTH, WIDTH)), ("attn_v", (WIDTH, WIDTH)),
            ("attn_output", (WIDTH, WIDTH)), ("ffn_norm", (WIDTH,)), ("ffn_gate", (HIDDEN, WIDTH)),
            ("ffn_down", (WIDTH, HIDDEN)), ("ffn_up", (HIDDEN, WIDTH)))]
    tensors += [("output_norm.weight", (WIDTH,), 0), ("output.weight", (VOCABULARY, WIDTH), 8)]

    header, at = b"", 0
    for name, shape, kind in tensors:
        header += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, at)
        at += product(shape) * {0: 128, 2: 18, 8: 34}[kind] // 32
        at += -at % 32
    with open(path, "wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(facts)) + b"".join(facts) + header)
        file.write(bytes(-file.tell() % 32))
        for _, shape, kind in tensors:
            if kind == 0:
                file.write(struct.pack("<f", 1) * product(shape))
            else:
                for piece in cut(*BLOCKS[kind], product(shape) // 32):
                    file.write(piece)
            file.write(bytes(-file.tell() % 32))


def pytorch(path, tensors, inside=None):
    """A file as torch.save writes it, {name: tensor}, each tensor with a storage of its own."""
    def word(value):
        data = value.encode()
        return b"X" + struct.pack("<I", len(data)) + data

    def sizes(values):
        return b"(" + b"".join(b"J" + struct.pack("<i", v) for v in values) + b"t"

    out = b"\x80\x02" + (b"}" + word(inside) if inside else b"") + b"}("
    for i, (name, shape, width) in enumerate(tensors):
        strides = [product(shape[j + 1:]) for j in range(len(shape))]
        kind = b"ctorch\nHalfStorage\n" if width == 2 else b"ctorch\nFloatStorage\n"
        storage = b"(" + word("storage") + kind + word(str(i)) + word("cpu") + sizes([product(shape)])[1:-1] + b"tQ"
        out += word(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + sizes(shape) + sizes(strides)
        out += b"\x89ccollections\nOrderedDict\n)RtR"
    out += b"u" + (b"s" if inside else b"") + b"."
    root = os.path.basename(path).rsplit(".", 1)[0]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        def entry(name, count, pieces):
            info = zipfile.ZipInfo(f"{root}/{name}")
            # Storages begin at multiples of 64, as PyTorch writes them.
            start = archive.fp.tell() + 30 + len(info.filename) + 4
            info.extra = b"FB" + struct.pack("<H", -start % 64) + bytes(-start % 64)
            info.file_size = count
            with archive.open(info, "w") as to:
                for piece in pieces:
                    to.write(piece)

        entry("data.pkl", len(out), [out])
        entry("version", 2, [b"3\n"])
        for i, (_, shape, width) in enumerate(tensors):
            entry(f"data/{i}", product(shape) * width, cut(NUMBERS[width], width, product(shape)))


def adapter(path):
    E, D = 768, WIDTH
    tensors = [("adapter_query.weight", (310, D)), ("visual_query.weight", (10, E)), ("clip_proj.weight", (E, 768)),
               ("clip_proj.bias", (E,)), ("clip_proj_norm.weight", (E,)), ("clip_proj_norm.bias", (E,)),
               ("visual_proj.weight", (D, E)), ("visual_proj.bias", (D,)), ("visual_proj_norm.weight", (D,)),
               ("visual_proj_norm.bias", (D,)), ("llama.norm.weight", (D,))]
    for i in range(8):
        for name, shape in (("attn.qkv", (3 * E, E)), ("attn.proj", (E, E)), ("mlp.fc1", (4 * E, E)), ("mlp.fc2", (E, 4 * E))):
            tensors += [(f"visual_blocks.{i}.{name}.weight", shape), (f"visual_blocks.{i}.{name}.bias", shape[:1])]
        for name in ("norm1", "norm2"):
            tensors += [(f"visual_blocks.{i}.{name}.{part}", (E,)) for part in ("weight", "bias")]
    for i in range(LAYERS):
        tensors.append((f"llama.layers.{i}.attention.gate", (1, HEADS, 1, 1)))
        tensors += [(f"llama.layers.{i}.{name}", (size,)) for name, size in (
            ("attention.wq.bias", D), ("attention.wo.bias", D), ("feed_forward.w1.bias", HIDDEN),
            ("feed_forward.w2.bias", D), ("feed_forward.w3.bias", HIDDEN), ("attention_norm.weight", D),
            ("ffn_norm.weight", D))]
    pytorch(path, [(name, shape, 4) for name, shape in tensors], inside="model")


def vision(path):
    tensors = [("visual.conv1.weight", (1024, 3, 14, 14)), ("visual.class_embedding", (1024,)),
               ("visual.positional_embedding", (257, 1024)), ("visual.proj", (1024, 768)),
               ("positional_embedding", (77, 768)), ("text_projection", (768, 768)), ("logit_scale", ()),
               ("token_embedding.weight", (49408, 768))]
    norms = [("visual.ln_pre", 1024), ("visual.ln_post", 1024), ("ln_final", 768)]
    for prefix, width, layers in (("visual.transformer", 1024, 24), ("transformer", 768, 12)):
        for i in range(layers):
            at = f"{prefix}.resblocks.{i}"
            norms += [(f"{at}.ln_1", width), (f"{at}.ln_2", width)]
            tensors += [(f"{at}.attn.in_proj_weight", (3 * width, width)), (f"{at}.attn.in_proj_bias", (3 * width,))]
            for name, rows, columns in (("attn.out_proj", width, width), ("mlp.c_fc", 4 * width, width),
                                        ("mlp.c_proj", width, 4 * width)):
                tensors += [(f"{at}.{name}.weight", (rows, columns)), (f"{at}.{name}.bias", (rows,))]
    tensors += [(f"{name}.{part}", (width,)) for name, width in norms for part in ("weight", "bias")]
    pytorch(path, [(name, shape, 2) for name, shape in tensors])


def make(home):
    models = os.path.join(home, "models")
    os.makedirs(models, exist_ok=True)
    for name, write in (("BIAS-7B.pth", adapter), ("ViT-L-14.pt", vision), ("llama-7b.q4_0.gguf", language)):
        path = os.path.join(models, name)
        write(path)
        print(f"{name}: {os.path.getsize(path) / 1e9:.2f} GB", flush=True)


def memory(pid):
    """PSS of a process and of those that it started, in bytes: {name: bytes}."""
    found = {}
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            size = sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
        with open(f"/proc/{pid}/comm") as file:
            found[f"{file.read().strip()} {pid}"] = size
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in file.read().split():
                    found.update(memory(child))
    except OSError:
        pass  # it has ended meanwhile
    return found


def measure(home, lorgnette, picture, *words):
    out = tempfile.mkdtemp(prefix="official-7b-")
    pipeline = os.path.join(os.path.dirname(__file__), "../../pipelines/official-7b.yaml")
    start = time.time()
    run = subprocess.Popen([lorgnette, "run", pipeline, picture, "--out", out, *words],
                           env={**os.environ, "LORGNETTE_HOME": home})
    most = {}
    while run.poll() is None:
        now = memory(run.pid)
        if sum(now.values()) > sum(most.values()):
            most = now
        time.sleep(0.2)
    with open(os.path.join(out, "results.jsonl")) as file:
        print(file.read().strip())
    shutil.rmtree(out)
    for name, size in sorted(most.items()):
        print(f"{name}: {size / 2**30:.2f} GiB")
    print(f"all together: {sum(most.values()) / 2**30:.2f} GiB, {time.time() - start:.0f} s")
    return run.returncode


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"] and len(sys.argv) == 3:
        make(sys.argv[2])
    elif sys.argv[1:2] == ["measure"] and len(sys.argv) >= 5:
        sys.exit(measure(*sys.argv[2:]))
    else:
        sys.exit(__doc__)
