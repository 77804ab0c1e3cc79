#!/usr/bin/env python3
"""Makes pictures of text with a question each, or the same without pictures, to train on.

    text_questions.py FOLDER [--count 100] [--seed 1] [--split test]
    text_questions.py --text-only FILE.jsonl [--count 100] [--seed 1] [--split train] [--noise 0.01] ...

FOLDER gets PNG pictures and questions.jsonl: {"item", "question", "answer", "kind", "lines"}, where `lines` are the rows
of the picture. Needs Pillow; with the fonts DejaVu (fonts-dejavu-core) and Liberation (fonts-liberation), where they are
installed, pictures are more varied. The same seed makes the same content everywhere, and the same pixels where Pillow and
the fonts are the same. With --text-only the lines are as OCR might read them, and Pillow is not needed.
"""
import argparse
import json
import random
from pathlib import Path

import text_samples

FONTS = ["dejavu/DejaVuSans.ttf", "dejavu/DejaVuSans-Bold.ttf", "dejavu/DejaVuSerif.ttf", "dejavu/DejaVuSerif-Bold.ttf",
         "dejavu/DejaVuSansMono.ttf", "liberation/LiberationSans-Regular.ttf", "liberation/LiberationSerif-Regular.ttf",
         "liberation/LiberationSansNarrow-Regular.ttf"]
# Ink, paper and an accent for titles and frames.
COLOURS = [("#101010", "#ffffff", "#101010"), ("#202020", "#f6f0e0", "#8a2010"), ("#102040", "#eef4fa", "#1040a0"),
           ("#f4f4ee", "#204030", "#f0d860"), ("#ffffff", "#183070", "#ffffff"), ("#fff8e8", "#2a2a2a", "#ffc040"),
           ("#3a1a08", "#ffe8c0", "#a03000"), ("#083018", "#e4f4e4", "#086030"), ("#ffffff", "#a01818", "#ffffff"),
           ("#181818", "#f8d838", "#181818")]
# What OCR takes for each other.
ALIKE = {"0": "O", "O": "0", "1": "l", "l": "1", "I": "l", "5": "S", "S": "5", "8": "B", "B": "8", "e": "c", "c": "e",
         "a": "o", "n": "r", "m": "rn", "i": "j", "t": "f", "u": "v", "v": "u", ".": ",", ",": ".", ":": ".", "g": "q"}
TABULAR = {"prices", "receipt", "hours", "timetable", "ticket"}


class Painter:
    """Draws samples; the layout, fonts and colours come from `rng`."""

    def __init__(self, rng):
        from PIL import Image, ImageDraw, ImageFont
        self.rng, self.image, self.draw, self.font = rng, Image, ImageDraw, ImageFont
        self.fonts = [path for path in (Path("/usr/share/fonts/truetype", name) for name in FONTS) if path.exists()]

    def letters(self, path, size):
        return self.font.truetype(str(path), size) if path else self.font.load_default(size)

    def paint(self, sample):
        rng = self.rng
        path = rng.choice(self.fonts) if self.fonts else None
        size = rng.randint(20, 34)
        plain, large = self.letters(path, size), self.letters(path, int(size * rng.uniform(1.15, 1.6)))
        ink, paper, accent = rng.choice(COLOURS)
        title = 0 if sample.kind == "sign" else 1  # rows in large letters
        tabular = sample.kind in TABULAR or rng.random() < 0.4
        centred = not tabular and rng.random() < 0.6
        step, margin = int(size * rng.uniform(1.5, 2.1)), rng.randint(24, 48)
        gap = rng.randint(2, 6) * size // 2
        columns = max(len(row) for row in sample.rows)
        widths = [max((plain.getlength(row[i]) for row in sample.rows[title:] if len(row) > i and len(row) > 1), default=0)
                  for i in range(columns)]
        table = sum(widths) + gap * (columns - 1)
        whole = [(large if i < title else plain).getlength(line) for i, line in enumerate(sample.lines)]
        width = int(max([table, *whole])) + 2 * margin
        height = 2 * margin + step * len(sample.rows) + (size if title else 0)
        picture = self.image.new("RGB", (width, height), paper)
        pen = self.draw.Draw(picture)
        if rng.random() < 0.4:
            pen.rectangle([margin // 3, margin // 3, width - margin // 3, height - margin // 3], outline=accent, width=3)
        y, dots = margin, tabular and rng.random() < 0.3
        for index, (row, length) in enumerate(zip(sample.rows, whole)):
            letters, colour = (large, accent) if index < title else (plain, ink)
            if len(row) == 1 or not tabular:
                x = (width - length) / 2 if centred or (index < title and rng.random() < 0.5) else margin
                pen.text((x, y), " ".join(row), font=letters, fill=colour)
            else:
                self.row(pen, row, widths, (margin, y), width - 2 * margin, letters, colour, dots)
            y += step + (size if index < title else 0)
        return self.place(picture, paper)

    def row(self, pen, row, widths, at, width, letters, colour, dots):
        """Cells at the left edges of their columns, the last one at the right edge of the paper."""
        x, y = at
        space = (width - sum(widths)) / max(1, len(widths) - 1)
        for index, cell in enumerate(row):
            length = letters.getlength(cell)
            left = at[0] + width - length if index == len(row) - 1 else x
            pen.text((left, y), cell, font=letters, fill=colour)
            if dots and index == len(row) - 2:
                end = at[0] + width - letters.getlength(row[-1])
                count = int((end - left - length - 12) / letters.getlength("."))
                pen.text((left + length + 6, y), "." * max(0, count), font=letters, fill=colour)
            x += widths[index] + space

    def place(self, picture, paper):
        """The paper, slightly turned or not, on a ground of another colour or its own."""
        rng = self.rng
        ground = paper if rng.random() < 0.5 else rng.choice(["#c8c0b0", "#909890", "#b8c4d0", "#d8d0c8"])
        if rng.random() < 0.5:
            picture = picture.rotate(rng.uniform(-3, 3), expand=True, fillcolor=ground,
                                     resample=self.image.Resampling.BICUBIC)
        border = rng.randint(0, 40)
        scene = self.image.new("RGB", (picture.width + 2 * border, picture.height + 2 * border), ground)
        scene.paste(picture, (border, border))
        return scene


def read_by_ocr(sample, rng, options):
    """The sample's lines with the faults of OCR; where the answer was to be read, it still is, word for word."""
    for _ in range(20):
        rows = [list(row) for row in sample.rows]
        draw = rng.random()
        if draw < options.columns:  # the columns are read one after the other
            depth = max(map(len, rows))
            lines = [row[i] for i in range(depth) for row in rows if len(row) > i]
        elif draw < options.columns + options.cells:  # every cell is a line of its own
            lines = [cell for row in rows for cell in row]
        else:
            if draw < options.columns + options.cells + options.drop:  # cells are missed
                for row in rows[1:]:
                    if len(row) > 1 and sample.answer not in " ".join(row) and rng.random() < 0.5:
                        row.pop(rng.randrange(len(row)))
            leader = f" {'.' * rng.randint(2, 20)} " if rng.random() < options.dots else " "
            lines = [leader.join(row) for row in rows]
        faulty = [damaged(line, rng, options.noise) for line in lines]
        if all(sample.answer in after for before, after in zip(lines, faulty) if sample.answer in before):
            return faulty
    return sample.lines


def damaged(line, rng, rate):
    return "".join(ALIKE.get(letter, "") if rng.random() < rate else letter for letter in line)


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="where pictures and questions.jsonl are written")
    parser.add_argument("--text-only", type=Path, metavar="FILE", help="write samples without pictures to this file")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--split", choices=["train", "test"], help="half of the words; test for pictures, train for text")
    parser.add_argument("--noise", type=float, default=0, help="share of characters that are misread (text only)")
    parser.add_argument("--drop", type=float, default=0, help="share of samples with cells missing (text only)")
    parser.add_argument("--dots", type=float, default=0, help="share of samples with dots between cells (text only)")
    parser.add_argument("--cells", type=float, default=0, help="share of samples with one cell a line (text only)")
    parser.add_argument("--columns", type=float, default=0, help="share of samples read column by column (text only)")
    options = parser.parse_args()
    if (options.folder is None) == (options.text_only is None):
        parser.error("expected a FOLDER or --text-only FILE, one of them")
    return options


def main():
    options = parsed()
    split = options.split or ("train" if options.text_only else "test")
    rng, kinds = random.Random(f"{options.seed} {split}"), list(text_samples.KINDS)
    # Layout has a generator of its own: content does not depend on the fonts of a machine.
    layout = random.Random(f"{options.seed} {split} layout")
    painter = None if options.text_only else Painter(layout)
    lines = []
    for index in range(options.count):
        sample = text_samples.sample(rng, split, kinds[index % len(kinds)])
        line = {"question": sample.question, "answer": sample.answer, "kind": sample.kind}
        if painter:
            options.folder.mkdir(parents=True, exist_ok=True)
            item = f"{index:03}-{sample.kind}.png"
            painter.paint(sample).quantize(64).save(options.folder / item, optimize=True)
            line = {"item": item, **line, "lines": sample.lines}
        else:
            line["lines"] = read_by_ocr(sample, layout, options)
        lines.append(json.dumps(line) + "\n")
    path = options.text_only or options.folder / "questions.jsonl"
    path.write_text("".join(lines))


main()
