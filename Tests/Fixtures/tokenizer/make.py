#!/usr/bin/env python3
"""Makes small tokenizers and what the reference implementations make of nasty texts.

    python3 Tests/Fixtures/tokenizer/make.py

writes beside itself, always the same bytes:
  tokenizer.json     byte-level BPE, 256 bytes and some merges, digits cut out, special and added tokens
  gpt2.json          the same without digits cut out, a space put before the text, whole words taken from the vocabulary
  llama3.json        the same with Llama 3's pattern, whole words taken from the vocabulary, and its begin of sequence
  pieces.model       SentencePiece BPE with byte fallback, user-defined and unused pieces, equal scores
  plain.model        SentencePiece BPE without byte fallback and dummy prefix
  vectors.json       texts, and ids and decoded text for each tokenizer
  words.json         texts, and the words that Llama 3's pattern splits them into

Needs the packages tokenizers and sentencepiece (ids are theirs).
"""
import json
import os
import random
import struct

import sentencepiece
import tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
rng = random.Random(11)

# ---- texts ------------------------------------------------------------------------------------
ATOMS = list("aaabbcdehinorstt  \n\t'19.,!?-_") + [
    "'s", "'re", "'ll", "'d", "'M", "  ", "   ", " \n", "\r\n", "the", " the", " a", "and", "\u00a0", "\u3000", "\u2028",
    "\u0085", "é", "e\u0301", "ñ", "ß", "Ж", "中", "你好", "，", "ا", "न", "한", "😀", "👩\u200d👧", "²", "½", "Ⅷ", "٣", "①",
    "\u0000", "\u0001", "\u007f", "\ufeff", "\U000e0041", "\U0010ffff", "▁", "▁▁", "<|end|>", "<|e", "[X]", "[XX]", "<s>", "<0x41>"]
TEXTS = ["", " ", "a", "the", "1", "\n", "'", "  a", "a  ", "▁", "[X]", "<|end|>", "中", "abababab" * 20] + [
    "".join(rng.choice(ATOMS) for _ in range(rng.randint(1, 24))) for _ in range(120)]


# ---- byte-level BPE ---------------------------------------------------------------------------
def letters():
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    spare = iter(range(256, 512))
    return [chr(b) if b in keep else chr(next(spare)) for b in range(256)]


LETTERS = letters()
PAIRS = ["t h", "th e", "Ġ t", "Ġt he", "a b", "b a", "ab ab", "Ġ a", "a n", "an d", "' s", "' r", "'r e", "Ġ Ġ", "Ġ ĠĠ",
         "ĠĠ Ġ", "Ċ Ċ", "1 9", "Ã ©", "ä ¸", "ä¸ Ń", "ð Ł", "ðŁ ĺ", "ðŁĺ Ģ", "Â ²", "i n", "in g", "e r", "h e", "the r", "- -"]


LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")


def byte_level(path, digits, prefix, ignore, llama3=False):
    normal = ["<|end|>"] + LETTERS
    merges = []
    for pair in PAIRS:
        left, right = pair.split(" ")
        if left in normal and right in normal:
            merges.append(pair)
            if left + right not in normal:
                normal.append(left + right)
    normal += ["abababab", "zzz"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [{"id": 0, "content": "<|end|>", **flags, "special": True}]
    for content in ["[X]", "[XX]"]:
        added.append({"id": len(normal) + len(added) - 1, "content": content, **flags, "special": False})
    level = {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": not llama3}
    first = {"type": "Split", "pattern": {"Regex": LLAMA3}, "behavior": "Isolated", "invert": False} if llama3 else {
        "type": "Digits", "individual_digits": True}
    split = {"type": "Sequence", "pretokenizers": [first, level]}
    template = {"type": "TemplateProcessing", "special_tokens": {"<|end|>": {"id": "<|end|>", "ids": [0], "tokens": ["<|end|>"]}},
                "single": [{"SpecialToken": {"id": "<|end|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}]}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": ignore,
             "vocab": {token: i for i, token in enumerate(normal)},
             "merges": merges if digits else [m.split(" ") for m in merges]}
    data = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": split if digits or llama3 else level,
            "post_processor": {"type": "Sequence", "processors": [level, template]} if llama3 else None,
            "decoder": level, "model": model}
    with open(os.path.join(HERE, path), "w") as file:
        json.dump(data, file, ensure_ascii=path == "gpt2.json", indent=1)
    reference = tokenizers.Tokenizer.from_file(os.path.join(HERE, path))

    def run(text):
        ids = reference.encode(text, add_special_tokens=False).ids
        return ids, reference.decode(ids, skip_special_tokens=False)

    return run


# ---- SentencePiece ----------------------------------------------------------------------------
def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, payload):
    if isinstance(payload, (int, bool)):
        return varint(number << 3) + varint(int(payload) & 2**64 - 1)
    if isinstance(payload, float):
        return varint(number << 3 | 5) + struct.pack("<f", payload)
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | 2) + varint(len(payload)) + payload


NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
MERGED = [("th", -1.0), ("he", -1.0), ("the", -2.0), ("▁t", -3.0), ("▁the", -2.5), ("ab", -4.0), ("ba", -4.0), ("abab", -5.0),
          ("an", -6.0), ("and", -6.5), ("▁a", -7.0), ("in", -7.5), ("▁▁", -8.0), ("▁▁▁▁", -9.0), ("你好", -9.5), ("er", -10.0)]
SINGLE = list("abcdehinorst▁'.,!?19é中你好Ж\n")


def sentence_piece(path, fallback, prefix):
    pieces = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    if fallback:
        pieces += [(f"<0x{b:02X}>", 0.0, BYTE) for b in range(256)]
        pieces += [("[X]", 0.0, USER), ("[XX]", 0.0, USER)]
    unused = {"the", "abab"} if fallback else set()
    pieces += [(text, score, UNUSED if text in unused else NORMAL) for text, score in MERGED]
    pieces += [(text, -100.0 - i, NORMAL) for i, text in enumerate(SINGLE)]
    model = b"".join(field(1, field(1, text) + field(2, score) + field(3, kind)) for text, score, kind in pieces)
    model += field(2, field(3, 2) + field(35, fallback) + field(40, 0) + field(41, 1) + field(42, 2) + field(43, -1))
    model += field(3, field(1, "identity") + field(3, prefix) + field(4, False) + field(5, True))
    with open(os.path.join(HERE, path), "wb") as file:
        file.write(model)
    reference = sentencepiece.SentencePieceProcessor(model_file=os.path.join(HERE, path))

    def run(text):
        ids = reference.encode(text)
        return ids, reference.decode(ids)

    return run


RUNS = {
    "tokenizer.json": byte_level("tokenizer.json", True, False, False),
    "gpt2.json": byte_level("gpt2.json", False, True, True),
    "pieces.model": sentence_piece("pieces.model", True, True),
    "plain.model": sentence_piece("plain.model", False, False),
    "llama3.json": byte_level("llama3.json", False, False, True, llama3=True),
}
vectors = []
for text in TEXTS:
    row = {"text": text}
    for name, run in RUNS.items():
        ids, decoded = run(text)
        row[name] = {"ids": ids, "decoded": decoded}
    vectors.append(row)
with open(os.path.join(HERE, "vectors.json"), "w") as file:
    json.dump(vectors, file, ensure_ascii=True, separators=(",", ":"))
    file.write("\n")

# Anything at all, so that no branch of the pattern is missed.
split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(LLAMA3), "isolated")
ATOMS += ["'S", "'lL", "'Ve", "'RE", "'\u017f", "'D", "'x", "''", "\n\n", " \r", "\t\t", "12345", "a1b2", "!!\n", " ?\n\n", "\x0b", "\x85\n"]
WORDS = TEXTS + ["".join(rng.choice(ATOMS) for _ in range(rng.randint(1, 16))) for _ in range(300)]
with open(os.path.join(HERE, "words.json"), "w") as file:
    json.dump([[text, [word for word, _ in split.pre_tokenize_str(text)]] for text in WORDS], file, ensure_ascii=True,
              separators=(",", ":"))
    file.write("\n")
