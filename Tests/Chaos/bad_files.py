"""Runs encoder and OCR over the files of make_bad_files.py: each ends as its manifest says, and no worker grows.

Looks at /proc while it runs: the peak memory of every worker (VmHWM), and that the two that decode have taken the
network, core dumps and large files from themselves.
"""
import argparse
import collections
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import process

PIPELINE = """pipeline: files
stages:
  visual: {expert: encoder%s}
  text:   {expert: ocr}
  last:   {expert: rehearsal, context: [text]}
answer: last
"""
DECODERS = {"lorgnette-encoder", "lorgnette-ocr"}


def read(pid, file):
    try:
        return Path(f"/proc/{pid}/{file}").read_text()
    except OSError:
        return ""


class Watch:
    """What was seen of each program's processes."""

    def __init__(self):
        self.peak, self.processes, self.confined = collections.Counter(), collections.defaultdict(set), {}

    def look(self, coordinator):
        for pid in process.descendants(coordinator):
            name, peak = process.name(pid), process.peak_memory(pid)
            if not name.startswith("lorgnette") or not peak:
                continue
            self.peak[name] = max(self.peak[name], peak)
            self.processes[name].add(pid)
            filtered = re.search(r"^Seccomp:\s*2$", read(pid, "status"), re.M) is not None
            limits = read(pid, "limits")
            core = re.search(r"^Max core file size\s+0\s+0\s", limits, re.M) is not None
            size = re.search(r"^Max file size\s+\d+\s", limits, re.M) is not None
            data = re.search(r"^Max data size\s+\d+\s", limits, re.M) is not None
            former = self.confined.get((name, pid), (False,) * 4)
            # Taken on by the process itself, so not from its first moment.
            self.confined[name, pid] = tuple(a or b for a, b in zip((filtered, core, size, data), former))


def faults_of(item, entry, result):
    """What a result line should say and does not."""
    error = result.get("error") or {}
    found = result["status"] if result["status"] == "ok" else f"{result['status']} {error.get('code')}"
    wanted = [entry["run"]] if isinstance(entry["run"], str) else entry["run"]
    if found not in wanted:
        yield f"expected {' or '.join(wanted)}, found {found}: {error.get('message')}"
        return
    if found != "ok":
        if result["status"] == "failed" and not error.get("message"):
            yield f"{found} without a reason"
        return
    picture = result.get("picture") or {}
    size = f"{picture.get('width')}x{picture.get('height')}"
    if picture.get("orientation", 1) != 1:
        size += f" orientation {picture['orientation']}"
    if picture.get("pages", 1) != 1:
        size += f" pages {picture['pages']}"
    if size not in entry["load"]:
        yield f"expected {entry['load']}, found {size}"
    text = result["stages"]["text"].get("text")
    if entry.get("text") == "" and text != "":
        yield f"expected no text, found {text!r}"
    elif "text" in entry and entry["text"] not in (text or ""):
        yield f"expected {entry['text']!r} in its text, found {text!r}"
    elif len(text or "") < entry.get("long", 0):
        yield f"expected {entry['long']} characters of text or more, found {len(text or '')}"
    for line in result["stages"]["text"].get("lines") or []:
        x, y, width, height = line["box"]
        if x < 0 or y < 0 or x + width > picture["width"] or y + height > picture["height"]:
            yield f"box {line['box']} outside the picture"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lorgnette", help="the program")
    parser.add_argument("--folder", type=Path, default=Path(".build/files"), help="where files and results go")
    parser.add_argument("--vision", help="the encoder's model; the starter model if not given")
    parser.add_argument("--light", action="store_true", help="without what takes long")
    parser.add_argument("--most-memory", type=float, default=600, help="MB of any worker")
    parser.add_argument("--limit", type=float, default=900, help="seconds after which this gives up")
    options = parser.parse_args()

    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    make = [sys.executable, Path(__file__).with_name("make_bad_files.py"), options.folder / "bad"]
    subprocess.run(make + ["--light"] * options.light, check=True)
    manifest = json.loads((options.folder / "bad.json").read_text())
    pipeline = options.folder / "files.yaml"
    pipeline.write_text(PIPELINE % (f", model: {json.dumps(options.vision)}, blocks: [1]" if options.vision else ""))
    out, log, watch = options.folder / "out", open(options.folder / "run.log", "wb"), Watch()
    began = time.monotonic()
    run = subprocess.Popen([options.lorgnette, "run", pipeline, options.folder / "bad", "--out", out],
                           stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    while run.poll() is None:
        watch.look(run.pid)
        if time.monotonic() - began > options.limit:
            run.terminate()
            sys.exit(f"files: gave up after {options.limit:.0f} s; the run's log is {log.name}")
        time.sleep(0.005)

    faults, results = [], {}
    for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines():
        result = json.loads(line)
        if results.setdefault(result["item"], result) is not result:
            faults.append(f"two lines for {result['item']}")
    for item, entry in manifest.items():
        if item in results:
            faults += [f"{item}: {fault}" for fault in faults_of(item, entry, results[item])]
        else:
            faults.append(f"no line for {item}")
    faults += [f"a line for {item}, which is no input" for item in results.keys() - manifest.keys()]
    if run.returncode != 1:
        faults.append(f"expected exit status 1, found {run.returncode}")
    for name, peak in watch.peak.items():
        if peak > options.most_memory * 1e6 and name != "lorgnette":
            faults.append(f"{name}: a peak of {peak / 1e6:.0f} MB")
        if name in DECODERS and len(watch.processes[name]) > 1:
            faults.append(f"{name} died {len(watch.processes[name]) - 1} times")
    for (name, pid), (filtered, core, size, data) in watch.confined.items():
        if name in DECODERS and not (filtered and core and size and data):
            faults.append(f"{name}: no network {filtered}, no core dumps {core}, no large files {size}, no more memory {data}")
        if name == "lorgnette-rehearsal" and filtered:
            faults.append(f"{name}: without network, though it decodes nothing")
    if not DECODERS <= watch.processes.keys():
        faults.append(f"saw only {sorted(watch.processes)}")
    counts = collections.Counter(result["status"] for result in results.values())
    print(f"{len(results)} lines: {', '.join(f'{count} {name}' for name, count in sorted(counts.items()))}; "
          f"{time.monotonic() - began:.0f} s; peak memory "
          + ", ".join(f"{name} {peak / 1e6:.0f} MB" for name, peak in sorted(watch.peak.items())))
    for fault in faults:
        print("files: " + fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


main()
