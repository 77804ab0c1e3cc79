#!/usr/bin/env python3
"""How many of the words that the `tesseract` program finds in a picture our OCR expert finds, too.

    ocr_words.py LORGNETTE PICTURE...

Needs the program (Debian: tesseract-ocr); it is installed for this check only. Words are runs of letters and digits,
compared as multisets in lower case. Exit status 1 if a picture is under 90%.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

PIPELINE = "pipeline: ocr_words\nstages:\n  text: {expert: ocr}\nanswer: text\n"


def words(text):
    return Counter(re.findall(r"[^\W_]+", text.lower()))


def main():
    lorgnette, pictures = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    worst = 1.0
    with tempfile.TemporaryDirectory() as folder:
        pipeline = Path(folder, "ocr_words.yaml")
        pipeline.write_text(PIPELINE)
        command = [lorgnette, "run", str(pipeline), *map(str, pictures), "--out", f"{folder}/out"]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        lines = Path(folder, "out", "results.jsonl").read_text().splitlines()
        ours = {line["item"]: (line["answer"] or {}).get("text", "") for line in map(json.loads, lines)}
        for picture in pictures:
            program = subprocess.run(
                ["tesseract", str(picture), "-", "--psm", "3"], check=True, capture_output=True, text=True,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"})
            theirs, found = words(program.stdout), words(ours[picture.name])
            both = (theirs & found).total()
            share = both / theirs.total() if theirs else 1.0
            worst = min(worst, share)
            print(f"{picture.name}: {both} of {theirs.total()} words ({share:.0%}); ours in all: {found.total()}")
    return worst < 0.9


sys.exit(main())
