#!/usr/bin/env python3
"""Makes expected.json and words.jsonl beside it with the COCO evaluation code (pip: pycocoevalcap; its tokenizer needs
Java). The tests need only what it wrote."""
import contextlib
import io
import json
from pathlib import Path

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

HERE = Path(__file__).parent


def lines(name):
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def tokenized(texts):
    return PTBTokenizer().tokenize({key: [{"caption": text} for text in values] for key, values in texts.items()})


def caption(line):
    return line["caption"] if "caption" in line else line["stages"]["caption"]["text"]


written = {line["item"]: line["captions"] for line in lines("references.jsonl")}
results = {line["item"].split("/")[-1]: [caption(line)] for line in lines("results.jsonl")}
results = {item: texts for item, texts in results.items() if item in written}
candidates, references = tokenized(results), tokenized({item: written[item] for item in results})
with contextlib.redirect_stdout(io.StringIO()):
    scores = {"n": len(results), "BLEU-4": Bleu(4).compute_score(references, candidates)[0][3],
              "CIDEr-D": float(Cider().compute_score(references, candidates)[0]),
              "ROUGE-L": float(Rouge().compute_score(references, candidates)[0])}
(HERE / "expected.json").write_text(json.dumps(scores, indent=1) + "\n")

# Each by itself: at the end of a line the tokenizer looks at the line after it.
sentences = (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()
words = [tokenized({0: [sentence]})[0][0].split() for sentence in sentences]
with open(HERE / "words.jsonl", "w", encoding="utf-8") as file:
    for sentence, parts in zip(sentences, words):
        file.write(json.dumps({"caption": sentence, "words": parts}, ensure_ascii=False) + "\n")
