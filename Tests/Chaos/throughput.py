"""Runs 10,000 tiny pictures through a trivial expert: items a second, and the coordinator's peak memory.

Fails under 1,000 items a second or over 150 MB; both can be set.
"""
import argparse
import collections
import json
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import process

PIPELINE = """pipeline: throughput
stages:
  echo: {expert: rehearsal, workers: %d}
answer: echo
"""


def make_pictures(folder, count):
    """PNM pictures of 2×2 pixels, no two alike, a thousand to a folder."""
    for number in range(count):
        if number % 1000 == 0:
            (folder / f"{number // 1000:03}").mkdir(parents=True, exist_ok=True)
        pixels = struct.pack(">IQ", number, 0)
        (folder / f"{number // 1000:03}" / f"{number:06}.ppm").write_bytes(b"P6 2 2 255\n" + pixels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lorgnette", help="the program")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(".build/throughput"), help="where pictures and results go")
    parser.add_argument("--least-rate", type=float, default=1000, help="items a second")
    parser.add_argument("--most-memory", type=float, default=150, help="MB of the coordinator")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which this gives up")
    options = parser.parse_args()

    shutil.rmtree(options.folder, ignore_errors=True)
    make_pictures(options.folder / "pictures", options.count)
    pipeline = options.folder / "throughput.yaml"
    pipeline.write_text(PIPELINE % options.workers)
    out = options.folder / "out"
    log = open(options.folder / "run.log", "wb")
    began = time.monotonic()
    command = [options.lorgnette, "run", pipeline, options.folder / "pictures", "--out", out]
    run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    peak = 0
    while run.poll() is None:
        peak = max(peak, process.peak_memory(run.pid) or 0)
        if time.monotonic() - began > options.limit:
            run.terminate()
            sys.exit(f"throughput: gave up after {options.limit:.0f} s; the run's log is {log.name}")
        time.sleep(0.01)
    seconds = time.monotonic() - began

    statuses, items = collections.Counter(), set()
    with open(out / "results.jsonl", encoding="utf-8") as file:
        for line in file:
            result = json.loads(line)
            statuses[result["status"]] += 1
            items.add(result["item"])
    rate, memory = options.count / seconds, peak / 1e6
    print(f"{options.count} pictures, {dict(statuses)}, {seconds:.2f} s from start to end: {rate:.0f} a second; "
          f"the coordinator's peak memory {memory:.1f} MB; exit status {run.returncode}")
    faults = []
    if run.returncode != 0 or statuses != {"ok": options.count} or len(items) != options.count:
        faults.append(f"expected {options.count} different items, all ok, and exit status 0; the log is {log.name}")
    if rate < options.least_rate:
        faults.append(f"expected at least {options.least_rate:.0f} items a second")
    if memory > options.most_memory:
        faults.append(f"expected at most {options.most_memory:.0f} MB")
    for fault in faults:
        print("throughput: " + fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


main()
