"""A million files in one folder, nearly all empty, and a hundred thousand pictures done before: memory and time.

The first run lists and ends a million inputs; the coordinator's peak memory is bounded. The second part runs many tiny
pictures through a trivial expert and then gives the same command again, which must find out quickly that nothing is left.
"""
import argparse
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import process

PIPELINE = "pipeline: million\nstages:\n  echo: {expert: rehearsal, credit: 256}\nanswer: echo\n"


def picture(number):
    """A PNM picture of 2×2 pixels, no two alike."""
    return b"P6 2 2 255\n" + struct.pack(">IQ", number, 0)


def run(options, folder, name):
    """One run; seconds, the coordinator's peak memory in MB, exit status and its last words."""
    log = options.folder / f"{name}.log"
    began, peak = time.monotonic(), 0
    with open(log, "wb") as file:
        out = options.folder / f"out-{folder.name}"
        command = [options.lorgnette, "run", options.folder / "million.yaml", folder, "--out", out]
        coordinator = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        while coordinator.poll() is None:
            peak = max(peak, process.peak_memory(coordinator.pid) or 0)
            if time.monotonic() - began > options.limit:
                coordinator.terminate()
                sys.exit(f"million: gave up after {options.limit:.0f} s; the run's log is {log}")
            time.sleep(0.01)
    seconds = time.monotonic() - began
    words = [line for line in log.read_text().splitlines() if " inputs: " in line]
    print(f"{name}: {seconds:.1f} s, peak memory {peak / 1e6:.0f} MB, exit status {coordinator.returncode}; {words[-1:]}",
          flush=True)
    return seconds, peak / 1e6, coordinator.returncode, " ".join(words[-1:])


def count_lines(path):
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lorgnette", help="the program")
    parser.add_argument("--files", type=int, default=1_000_000, help="in one folder")
    parser.add_argument("--pictures", type=int, default=100_000, help="done before")
    parser.add_argument("--folder", type=Path, default=Path(".build/million"), help="where files and results go")
    parser.add_argument("--most-memory", type=float, default=200, help="MB of the coordinator")
    parser.add_argument("--most-seconds", type=float, default=5, help="of a run with nothing left to do")
    parser.add_argument("--limit", type=float, default=1800, help="seconds after which a run is given up")
    options = parser.parse_args()

    shutil.rmtree(options.folder, ignore_errors=True)
    many, done = options.folder / "many", options.folder / "done"
    many.mkdir(parents=True)
    (options.folder / "million.yaml").write_text(PIPELINE)
    for number in range(options.files):
        (many / f"{number:07}").touch()
    for number in range(10):
        (many / f"{number * options.files // 10:07}.ppm").write_bytes(picture(number))
    faults = []
    for name in ("a million files", "the same again"):
        seconds, memory, status, words = run(options, many, name)
        expected = f"{options.files + 10} inputs: 10 ok, 0 partial, 0 failed, {options.files} skipped"
        if status != 0 or not words.startswith(expected):
            faults.append(f"{name}: expected exit status 0 and {expected}")
        if memory > options.most_memory:
            faults.append(f"{name}: expected at most {options.most_memory:.0f} MB")
    if count_lines(options.folder / "out-many" / "results.jsonl") != options.files + 10:
        faults.append("a million files: expected a line for each")

    for number in range(options.pictures):
        if number % 1000 == 0:
            (done / f"{number // 1000:04}").mkdir(parents=True)
        (done / f"{number // 1000:04}" / f"{number:06}.ppm").write_bytes(picture(number))
    for name in ("pictures", "resumed, with nothing left"):
        seconds, memory, status, words = run(options, done, name)
        if status != 0 or not words.startswith(f"{options.pictures} inputs: {options.pictures} ok"):
            faults.append(f"{name}: expected exit status 0 and {options.pictures} ok")
    if f"{options.pictures} of them done before" not in words:
        faults.append("resumed: expected that all were done before")
    if seconds > options.most_seconds:
        faults.append(f"resumed: expected at most {options.most_seconds:.0f} s, took {seconds:.1f}")
    if count_lines(options.folder / "out-done" / "results.jsonl") != options.pictures:
        faults.append("resumed: expected one line for each picture")
    if not faults:
        shutil.rmtree(options.folder)
    for fault in faults:
        print("million: " + fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


main()
