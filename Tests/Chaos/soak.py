"""Runs 20,000 tiny pictures through several kinds of workers under every fault that --chaos knows, and kills the
coordinator, too, until the run has ended; then checks what a run promises.

First the same pictures are run without faults: every answer of the run under faults must be the same. The same seed
makes the same faults for the same tasks. It fails if fewer faults were really injected than asked for.
"""
import argparse
import collections
import json
import os
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import process

FAULTS = "kill=200,hang=500,crash=1500,slow=400,garbage=2000,drop=2000,dup=50,corrupt=80,full-disk=2048"
MARKER = "LORGNETTE_SOAK"


def make_inputs(folder, count):
    """Pictures of 2×2 pixels, no two alike, ten of them poison; beside them ten empty files and ten texts. Returns the
    number of files."""
    for number in range(count):
        if number % 1000 == 0:
            (folder / f"{number // 1000:03}").mkdir(parents=True)
        name = f"poison-{number:06}" if number % (count // 10) == 7 else f"{number:06}"
        pixels = struct.pack(">IQ", number, 0)
        (folder / f"{number // 1000:03}" / f"{name}.ppm").write_bytes(b"P6\n# %06d\n2 2 255\n" % number + pixels)
    for number in range(10):
        (folder / f"empty-{number}.png").write_bytes(b"")
        (folder / f"note-{number}.txt").write_text("no picture")
    return count + 20


class Soak:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.marker = f"{os.getpid()}-{options.seed}"
        self.starts = 0
        self.coordinator_kills = 0
        self.full_disks = 0
        self.faults = []
        self.began = time.monotonic()

    def say(self, text):
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def start(self, out, *more):
        self.starts += 1
        log = open(self.options.folder / f"run-{self.starts}.log", "wb")
        environment = dict(os.environ, XDG_RUNTIME_DIR=str(self.sockets), **{MARKER: self.marker})
        command = [self.options.lorgnette, "run", self.options.pipeline, self.options.folder / "pictures", "--out", out, *more]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def prepare(self):
        shutil.rmtree(self.options.folder, ignore_errors=True)
        self.inputs = make_inputs(self.options.folder / "pictures", self.options.count)
        # Sockets lie in a folder of our own, so that what is left over can be told from what others left.
        self.sockets = Path(tempfile.mkdtemp(prefix="soak-"))

    def left(self):
        """Our own processes that still run: every process that we started has the marker in its environment."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"{MARKER}={self.marker}".encode() in path.read_bytes().split(b"\0") and process.alive(int(path.parent.name)):
                    found.append(int(path.parent.name))
            except OSError:
                pass  # another's, or gone
        return found

    def await_none(self, what):
        """Waits until no process of a dead coordinator is left; those that stay are a fault, and are ended."""
        deadline = time.monotonic() + 20
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in left:
            self.faults.append(f"{what}: {process.name(pid)} outlived its coordinator")
            os.kill(pid, 9)

    def run_clean(self, out, *more):
        run = self.start(out, *more)
        status = run.wait(timeout=self.options.limit)
        self.await_none("run without faults")
        return status

    def run_under_fire(self, out):
        """Until it ends by itself; the exit status of the last coordinator."""
        results = out / "results.jsonl"
        kills = self.options.coordinator_kills
        points = [self.inputs * (number + self.random.random()) / kills for number in range(kills)]
        while True:
            run = self.start(out, "--chaos", self.options.faults, "--chaos-seed", str(self.options.seed))
            while run.poll() is None:
                time.sleep(0.02)
                if points and self.lines(results) >= points[0]:
                    points.pop(0)
                    run.kill()
                    run.wait()
                    self.coordinator_kills += 1
                    self.await_none("kill -9 of the coordinator")
                elif time.monotonic() - self.began > self.options.limit:
                    run.kill()
                    sys.exit(f"soak: gave up after {self.options.limit:.0f} s at {self.lines(results)} lines")
            if run.returncode == 4:
                self.full_disks += 1
            if run.returncode not in (4, -9):
                self.await_none("the run's end")
                return run.returncode

    def lines(self, file):
        """Number of lines, by counting those that came since the last look."""
        if not hasattr(self, "seen"):
            self.seen, self.offset = 0, 0
        try:
            with open(file, "rb") as opened:
                size = opened.seek(0, 2)
                if size < self.offset:
                    self.seen, self.offset = 0, 0
                opened.seek(self.offset)
                self.seen += opened.read(size - self.offset).count(b"\n")
                self.offset = size
        except FileNotFoundError:
            pass
        return self.seen

    def results(self, out, name):
        """Lines by item; a line twice or one that cannot be read is a fault, and so is another number than of inputs."""
        found = {}
        for number, line in enumerate((out / "results.jsonl").read_bytes().split(b"\n")[:-1], 1):
            result = json.loads(line)
            if result["item"] in found:
                self.faults.append(f"{name}: two lines for {result['item']}")
            found[result["item"]] = result
        statuses = collections.Counter(result["status"] for result in found.values())
        if sum(statuses.values()) != self.inputs or set(statuses) - {"ok", "partial", "failed", "skipped"}:
            self.faults.append(f"{name}: {self.inputs} inputs, lines {dict(statuses)}")
        with sqlite3.connect(out / "ledger.sqlite") as ledger:
            if ledger.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                self.faults.append(f"{name}: the ledger is damaged")
            if ledger.execute("SELECT count(*) FROM item").fetchone()[0] != len(found):
                self.faults.append(f"{name}: the ledger has another number of items than there are lines")
        return found, statuses

    def compare(self, whole, found, name):
        """Items that ended ok must have the answer, and the words of every stage, of the run without faults."""
        def words(result):
            stages = {key: stage.get("text") for key, stage in result["stages"].items()}
            return stages, (result["answer"] or {}).get("text")
        for item, result in found.items():
            if result["status"] == "ok" and words(result) != words(whole.get(item, {"stages": {}, "answer": None})):
                self.faults.append(f"{name}: {item}: {words(result)}, without faults {words(whole[item])}")

    def injected(self, out):
        """Faults by kind, and the kills by the workers' kinds."""
        experts = dict(re.findall(r"^  (\w+): +\{expert: (\w+)", Path(self.options.pipeline).read_text(), re.M))
        counts, kills = collections.Counter(), collections.Counter()
        for line in (out / "logs/chaos.log").read_text().splitlines():
            fault, stage = line.split(" ")[:2]
            counts[fault] += 1
            if fault == "kill":
                kills[experts[stage]] += 1
        kills["coordinator"] = self.coordinator_kills
        return counts, kills

    def check_counts(self, counts, kills):
        floors = self.options.floors
        for what, found, least in [
                ("kills", sum(kills.values()), floors[0]), ("hangs", counts["hang"], floors[1]),
                ("damaged messages", counts["corrupt"], floors[2]),
                *((f"kills of {kind}", kills[kind], 1) for kind in ["rehearsal", "barcode", "command", "ocr", "coordinator"]),
                *((fault.split("=")[0], counts[fault.split("=")[0]], 1) for fault in self.options.faults.split(","))]:
            if found < least:
                self.faults.append(f"{what}: {found}, at least {least} are needed to show anything")
        if counts["full-disk"] != self.full_disks:
            self.faults.append(f"{counts['full-disk']} full disks, but {self.full_disks} runs ended with 4")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lorgnette", help="the program")
    parser.add_argument("--pipeline", default="Tests/Chaos/soak.yaml")
    parser.add_argument("--folder", type=Path, default=Path(".build/chaos"), help="where pictures and results go")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", default=FAULTS, help="for --chaos")
    parser.add_argument("--coordinator-kills", type=int, default=12)
    parser.add_argument("--floors", type=int, nargs=3, default=[300, 100, 1000], help="kills, hangs, damaged messages")
    parser.add_argument("--limit", type=float, default=1500, help="seconds after which this gives up")
    options = parser.parse_args()
    soak = Soak(options)
    soak.prepare()
    try:
        status = soak.run_clean(options.folder / "whole")
        whole, _ = soak.results(options.folder / "whole", "without faults")
        soak.say(f"without faults: exit status {status}")
        out = options.folder / "out"
        status = soak.run_under_fire(out)
        soak.say(f"under faults: exit status {status} after {soak.coordinator_kills + soak.full_disks + 1} starts")
        found, statuses = soak.results(out, "under faults")
        if status != (1 if statuses["failed"] + statuses["partial"] else 0):
            soak.faults.append(f"exit status {status} with {dict(statuses)}")
        soak.compare(whole, found, "under faults")
        counts, kills = soak.injected(out)
        soak.check_counts(counts, kills)
        # What failed for the faults alone is taken up again; poison and empty files fail again.
        soak.run_clean(out, "--retry-failed")
        again, later = soak.results(out, "taken up again")
        soak.compare(whole, again, "taken up again")
        if later != collections.Counter(result["status"] for result in whole.values()):
            soak.faults.append(f"taken up again: {dict(later)}, not what it is without faults")
        leftover = [path.name for path in soak.sockets.glob("*")]
        if leftover:
            soak.faults.append(f"left over where the sockets were: {leftover}")
    finally:
        shutil.rmtree(soak.sockets, ignore_errors=True)
    retried = sum(any(stage.get("attempts", 1) > 1 for stage in result["stages"].values()) for result in found.values())
    named = lambda counter: ", ".join(f"{count} {name}" for name, count in sorted(counter.items()))
    print(f"""
seed                 {options.seed}
inputs               {soak.inputs}
lines                {len(found)}: {named(statuses)}
kills                {sum(kills.values())}: {named(kills)}
hangs                {counts['hang']}
damaged messages     {counts['corrupt']}; {counts['drop']} lost, {counts['dup']} repeated
other faults         {counts['crash']} crashes, {counts['slow']} slow, {counts['garbage']} noise, {counts['full-disk']} full disks
tried again          {retried} pictures
--retry-failed       {named(later)}
seconds              {time.monotonic() - soak.began:.0f}
faults in promises   {len(soak.faults)}""")
    for fault in soak.faults[:40]:
        print("  " + fault)
    sys.exit(1 if soak.faults else 0)


main()
