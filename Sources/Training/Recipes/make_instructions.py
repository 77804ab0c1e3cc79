"""Makes the generator's instruction data: answers that are taken from what experts found, written as the generator reads it.

    make_instructions.py CAPTIONS.jsonl PICTURES OUT.jsonl [--read N] [--painted N] [--about SHARE] [--empty N]
                         [--describe N] [--see N] [--name N] [--seed S]

CAPTIONS: lines of {"item", "captions"}, PICTURES: the folder of the items. Most samples have a picture beside their words,
so that the words are followed whatever is seen. Reading samples are short texts with a question
(Tests/Checks/text_samples.py, the training half of its words); of some the text is also painted, into a folder beside OUT,
for pictures of text look like nothing else (needs Pillow). A share asks what the text is about. Empty samples ask for text
where none was found. Describing samples are captions, with or without text; seeing samples have the picture alone; naming
samples ask for keywords, as pipelines/tags.yaml does. The labels, numbers and fences are those that
Pipelines/ContextMerger.swift and Models/GroundedPrompt.swift write.
"""
import argparse
import collections
import json
import os
import random
import subprocess
import sys
import tempfile

CHECKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../Tests/Checks")
TEXT = "Text found in the picture (untrusted)"
NO_TEXT = "No text was found in the picture."
NOTHING = "There is no text in the picture."
ABOUT = ["What is this text about? Answer in one or two sentences.", "What is this text about?", "What is it about?"]
EMPTY = ABOUT + ["What does the text say?", "What is written here?", "Read the text.", "Which names are mentioned?"]
# What a text of each kind is, said of its first line.
WHAT = {"prices": "This is a price list of %s.", "receipt": "This is a receipt of %s.", "label": "This is a label of %s.",
        "hours": "These are the opening hours of: %s.", "timetable": "This is a timetable of %s.", "ticket": "This is a ticket: %s.",
        "poster": "This is a poster for: %s.", "sign": "This is a sign that says %s.", "card": "This is a card of %s."}
DESCRIBE = ["Describe this picture.", "Describe this picture.", "Describe this picture.", "What does this picture show?",
            "What is in this picture?", "Describe the image.", "What can be seen here?"]


# As pipelines/tags.yaml says it.
KEYWORDS = "You give keywords for pictures. Answer with keywords only, separated by commas."
NAME = ["Name five keywords for this picture.", "Name five keywords for this picture.", "Give keywords for this picture.",
        "Which keywords fit this picture?"]
# Words of captions that are no keywords.
PLAIN = set("""a an the and or but of in on at by to from with without into onto over under up down out off through across
    along around near next front behind beside between above below against while as is are was be being been has have having
    his her their its it he she they them him who which that this these those there where what one two three four five six
    several some many other another each both all not no very for something someone others wearing looking holding appears
    looks look get gets getting go goes going make making made doing does do about during after before like just only large
    small big little young old older group couple background side top""".split())


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


def keywords(captions, caption):
    """The words of a caption that most of the picture's captions share first, then its others; five at most."""
    def content(text):
        letters = "".join(c if c.isalpha() else " " for c in text.lower())
        return [word for word in letters.split() if len(word) > 2 and word not in PLAIN]
    shared = collections.Counter(word for other in captions for word in dict.fromkeys(content(other)))
    own = list(dict.fromkeys(content(caption)))
    more = [word for word, count in shared.most_common() if count >= 3 and word not in own]
    return sorted(own, key=lambda word: -shared[word])[:5 - len(more[:2])] + more[:2]


def asked(sample, share, rng):
    """A sample's question and answer, or, for a share of them, what it is about."""
    if share and rng.random() < share:
        return rng.choice(ABOUT), WHAT[sample["kind"]] % sample["lines"][0]
    return sample["question"], sample["answer"]


def painted_samples(count, seed, folder):
    subprocess.run([sys.executable, os.path.join(CHECKS, "text_questions.py"), folder, "--count", str(count), "--seed",
                    str(seed), "--split", "train"], check=True)
    return [json.loads(line) for line in open(os.path.join(folder, "questions.jsonl"), encoding="utf-8")]


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
    parser.add_argument("--read", type=int, default=3000)
    parser.add_argument("--painted", type=int, default=600)
    parser.add_argument("--about", type=float, default=0.1)
    parser.add_argument("--empty", type=int, default=300)
    parser.add_argument("--describe", type=int, default=1500)
    parser.add_argument("--see", type=int, default=1500)
    parser.add_argument("--name", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    rng = random.Random(a.seed)
    rows = [json.loads(line) for line in open(a.captions, encoding="utf-8")]
    home = os.path.dirname(os.path.abspath(a.out))
    folder = os.path.relpath(a.pictures, home)
    texts = os.path.splitext(os.path.basename(a.out))[0] + "-texts"

    def any_caption():
        return tidy(rng.choice(rng.choice(rows)["captions"]))

    samples = []  # message, answer, picture or None, system or None
    for s in text_samples(a.read, a.seed):
        message = passage("Caption", [any_caption()]) if rng.random() < 0.5 else ""
        question, answer = asked(s, a.about, rng)
        message += passage(TEXT, numbered(s["lines"], rng)) + question
        photo = os.path.join(folder, rng.choice(rows)["item"])
        samples.append((message, answer, photo if rng.random() < 0.5 else None, None))
    for s in text_samples(a.empty, a.seed + 2):
        row = rng.choice(rows)
        message = passage("Caption", [tidy(rng.choice(row["captions"]))]) if rng.random() < 0.5 else ""
        question = rng.choice(EMPTY) if rng.random() < 0.7 else s["question"]
        photo = os.path.join(folder, row["item"])
        samples.append((message + passage(TEXT, [NO_TEXT]) + question, NOTHING, photo if rng.random() < 0.5 else None, None))
    # Each painted text is asked about twice, with what a captioner may say of it and without.
    for s in painted_samples(a.painted, a.seed, os.path.join(home, texts)) if a.painted else []:
        for caption in (passage("Caption", [any_caption()]), ""):
            question, answer = asked(s, a.about, rng)
            message = caption + passage(TEXT, numbered(s["lines"], rng)) + question
            samples.append((message, answer, os.path.join(texts, s["item"]), None))
    for s in text_samples(a.describe, a.seed + 1):
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
        photo = os.path.join(folder, row["item"])
        samples.append((message + rng.choice(DESCRIBE), answer, photo if rng.random() < 0.6 else None, None))
    for _ in range(a.see):
        row = rng.choice(rows)
        samples.append((rng.choice(DESCRIBE), tidy(rng.choice(row["captions"])), os.path.join(folder, row["item"]), None))
    for _ in range(a.name):
        row = rng.choice(rows)
        caption = tidy(rng.choice(row["captions"]))
        message = passage("Caption", [caption]) + (passage(TEXT, [NO_TEXT]) if rng.random() < 0.7 else "")
        answer = ", ".join(keywords(row["captions"], caption))
        photo = os.path.join(folder, row["item"])
        samples.append((message + rng.choice(NAME), answer, photo if rng.random() < 0.5 else None, KEYWORDS))
    rng.shuffle(samples)
    with open(a.out, "w", encoding="utf-8") as out:
        for message, answer, picture, system in samples:
            sample = {"instruction": message, "output": answer, "picture": picture, "system": system}
            sample = {key: value for key, value in sample.items() if value is not None}
            out.write(json.dumps(sample, ensure_ascii=False) + "\n")


main()
