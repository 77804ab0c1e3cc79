"""Prints a results.jsonl as a table: picture, caption, text found, answer."""
import json
import shutil
import sys
import textwrap
import unicodedata

LINES = 8  # of one cell; the whole text is in the file


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def cell(text, columns):
    lines = []
    for line in text.splitlines():
        lines += textwrap.wrap(line, columns if width(line) == len(line) else columns // 2)  # wide letters: two columns
    if len(lines) > LINES:
        lines = lines[: LINES - 1] + ["…"]
    return lines or [""]


def words(result, expert):
    for stage in result.get("stages", {}).values():
        if stage.get("expert") == expert:
            return stage.get("text") or ("(none)" if stage.get("status") == "ok" else f"({stage.get('status')})")
    return ""


def answer(result):
    if result.get("error"):
        return f"{result['status']}: {result['error'].get('message', '')}"
    return (result.get("answer") or {}).get("text", "")


def main(path):
    with open(path, encoding="utf-8") as file:
        results = sorted((json.loads(line) for line in file), key=lambda result: result["item"])
    rows = [(r["item"], words(r, "captioner"), words(r, "ocr"), answer(r)) for r in results]
    total = min(max(shutil.get_terminal_size((118, 24)).columns, 80), 160)
    first = min(max([len(row[0]) for row in rows], default=7) + 1, 24)
    other = (total - first - 9) // 5
    columns = (first, other, 2 * other, 2 * other)
    rule = "-+-".join("-" * column for column in columns)
    for row in [("picture", "caption", "text found", "answer"), *rows]:
        cells = [cell(text, column) for text, column in zip(row, columns)]
        for line in range(max(map(len, cells))):
            parts = [texts[line] if line < len(texts) else "" for texts in cells]
            print(" | ".join(part + " " * (column - width(part)) for part, column in zip(parts, columns)).rstrip())
        print(rule)
    print(f"{len(rows)} results, whole, in {path}")


main(sys.argv[1])
