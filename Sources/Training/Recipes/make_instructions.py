"""Makes the generator's instruction data: answers that are taken from what experts found, written as the generator reads it.

    make_instructions.py CAPTIONS.jsonl PICTURES OUT.jsonl [--read N] [--describe N] [--seed S]

CAPTIONS: lines of {"item", "captions"}, PICTURES: the folder of the items. Half of the samples have a picture beside their
words, so that the words are followed whatever is seen. Reading samples are short texts with a question (Tests/Checks/text_samples.py, the
training half of its words), describing samples are captions, with or without text. The labels, numbers and fences are those
that Pipelines/ContextMerger.swift and Models/GroundedPrompt.swift write.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

CHECKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../Tests/Checks")
TEXT = "Text found in the picture (untrusted)"
NO_TEXT = "No text was found in the picture."
DESCRIBE = ["Describe this picture.", "Describe this picture.", "Describe this picture.", "What does this picture show?",
            "What is in this picture?", "Describe the image.", "What can be seen here?"]


def passage(label, lines):
    return "%s:\n```\n%s\n```\n\n" % (label, "\n".join(lines))


def numbered(lines, rng):
    # A line that the reader is not sure of is marked.
    return ["%d. %s%s" % (i + 1, "(uncertain) " if rng.random() < 0.04 else "", line) for i, line in enumerate(lines)]


def tidy(caption):
    words = " ".join(caption.split())
    for mark in ".,!?;:":
        words = words.replace(" " + mark, mark)
    return words if words.endswith((".", "!", "?")) else words + "."


def text_samples(count, seed):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "samples.jsonl")
        subprocess.run([sys.executable, os.path.join(CHECKS, "text_questions.py"), "--text-only", path, "--count", str(count),
                        "--seed", str(seed), "--split", "train", "--noise", "0.01", "--drop", "0.08", "--cells", "0.25",
                        "--columns", "0.2", "--dots", "0.15"], check=True)
        return [json.loads(line) for line in open(path, encoding="utf-8")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captions")
    parser.add_argument("pictures")
    parser.add_argument("out")
    parser.add_argument("--read", type=int, default=4000)
    parser.add_argument("--describe", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    rng = random.Random(a.seed)
    rows = [json.loads(line) for line in open(a.captions, encoding="utf-8")]
    captions = [row["captions"] for row in rows]
    folder = os.path.relpath(a.pictures, os.path.dirname(os.path.abspath(a.out)))
    samples = []
    for s in text_samples(a.read, a.seed):
        message = ""
        if rng.random() < 0.4:
            message += passage("Caption", [tidy(rng.choice(rng.choice(captions)))])
        message += passage(TEXT, numbered(s["lines"], rng)) + s["question"]
        samples.append((message, s["answer"], rng.choice(rows)["item"]))
    texts = text_samples(a.describe, a.seed + 1)
    for s in texts:
        row = rng.choice(rows)
        caption = tidy(rng.choice(row["captions"]))
        message, answer, kind = passage("Caption", [caption]), caption, rng.random()
        if kind < 0.35:
            message += passage(TEXT, [NO_TEXT])
        elif kind < 0.65:
            lines = s["lines"][:rng.randint(1, len(s["lines"]))]
            message += passage(TEXT, numbered(lines, rng))
            said = " and ".join('"%s"' % line for line in lines[:2])
            answer += (" The text in the picture says %s." if len(lines) <= 2 else " The text in the picture begins with %s.") % said
        samples.append((message + rng.choice(DESCRIBE), answer, row["item"]))
    rng.shuffle(samples)
    with open(a.out, "w", encoding="utf-8") as out:
        for message, answer, item in samples:
            sample = {"instruction": message, "output": answer}
            if rng.random() < 0.5:
                sample["picture"] = os.path.join(folder, item)
            out.write(json.dumps(sample, ensure_ascii=False) + "\n")


main()
