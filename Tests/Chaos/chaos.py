"""Runs a pipeline over a folder while workers and the coordinator are killed, then checks what a run promises.

Every two seconds one worker of the run is killed (SIGKILL), and at three points of the run the coordinator is, after
which the same command is given again. At the end: every input has one line, none has two, whole pictures succeeded,
damaged ones failed with their reason, no worker outlived its coordinator, and the exit status says what the lines say.
"""
import argparse
import collections
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote_to_bytes

import process

SUCCEEDED = {"ok", "partial"}
REFUSED = {"failed", "skipped"}


class Chaos:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.manifest = {os.fsencode(item): entry for item, entry in json.loads(options.manifest.read_text()).items()}
        self.results = options.out / "results.jsonl"
        self.killed = collections.Counter()
        self.coordinator_kills = 0
        self.orphans = []
        self.slowest_end = 0.0
        self.starts = 0
        self.began = time.monotonic()

    def command(self, *more):
        return [self.options.lorgnette, "run", str(self.options.pipeline), str(self.options.folder),
                "--out", str(self.options.out), *more]

    def seconds(self):
        return time.monotonic() - self.began

    def done(self):
        try:
            with open(self.results, "rb") as file:
                return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
        except FileNotFoundError:
            return 0

    def start(self, *more):
        self.starts += 1
        log = open(self.options.out.parent / f"run-{self.starts}.log", "wb")
        return subprocess.Popen(self.command(*more), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def workers(self, coordinator):
        return [pid for pid in process.descendants(coordinator.pid) if process.name(pid) != ""]

    def kill_worker(self, coordinator):
        workers = self.workers(coordinator)
        if workers:
            pid = self.random.choice(workers)
            word = process.name(pid)
            try:
                os.kill(pid, 9)
                self.killed[word] += 1
            except ProcessLookupError:
                pass  # it ended by itself

    def kill_coordinator(self, coordinator):
        """Kills it and waits for its workers to notice; those that are left after twenty seconds are orphans."""
        workers = self.workers(coordinator)
        coordinator.kill()
        coordinator.wait()
        self.coordinator_kills += 1
        killed = time.monotonic()
        while any(process.alive(pid) for pid in workers) and time.monotonic() < killed + 20:
            time.sleep(0.01)
        self.slowest_end = max(self.slowest_end, time.monotonic() - killed)
        self.orphans += self.end(workers)

    def end(self, workers):
        """Ends and names what is still alive of our own workers."""
        left = [(pid, process.name(pid)) for pid in workers if process.alive(pid)]
        for pid, _ in left:
            os.kill(pid, 9)
        return [name for _, name in left]

    def run(self):
        """The run under fire; returns the exit status of the last coordinator, or None if time ran out."""
        inputs, kills = len(self.manifest), self.options.coordinator_kills
        points = [inputs * (number + 1) // (kills + 1) for number in range(kills)]
        coordinator, seen = self.start(), []
        next_kill = time.monotonic() + self.options.every
        while coordinator.poll() is None:
            time.sleep(0.1)
            seen = self.workers(coordinator) or seen
            if self.seconds() > self.options.limit:
                workers = self.workers(coordinator)
                coordinator.kill()
                coordinator.wait()
                time.sleep(2)
                self.end(workers)
                return None
            if points and self.done() >= points[0]:
                points.pop(0)
                self.kill_coordinator(coordinator)
                self.say(f"killed the coordinator at {self.done()} of {inputs} lines")
                coordinator = self.start()
                next_kill = time.monotonic() + self.options.every
            elif time.monotonic() >= next_kill:
                self.kill_worker(coordinator)
                next_kill = time.monotonic() + self.options.every
        time.sleep(1)
        self.orphans += self.end(seen)
        return coordinator.returncode

    def say(self, text):
        print(f"{self.seconds():6.1f} s  {text}", flush=True)

    def lines(self, faults):
        """Results by item, the name as bytes."""
        found = collections.defaultdict(list)
        for number, line in enumerate(self.results.read_bytes().split(b"\n")[:-1], 1):
            try:
                result = json.loads(line)
                item = result["item"]
                found[unquote_to_bytes(item) if result.get("item_escaped") else item.encode()].append(result)
            except (ValueError, KeyError) as error:
                faults.append(f"{self.results}:{number}: not a result line: {error}")
        return found

    def check(self, status):
        faults = []
        found = self.lines(faults)
        for item in self.manifest.keys() - found.keys():
            faults.append(f"no line for {item!r}")
        for item in found.keys() - self.manifest.keys():
            faults.append(f"a line for {item!r}, which is no input")
        lost = []  # whole pictures that failed because every worker that had them was killed
        for item, results in found.items():
            if len(results) > 1:
                faults.append(f"{len(results)} lines for {item!r}")
            result, entry = results[0], self.manifest.get(item, {})
            error, what = result.get("error"), f"{item!r} ({', '.join(entry.get('changes', []))}): {result['status']}"
            if result["status"] in REFUSED and not (error and error.get("code") and error.get("message")):
                faults.append(f"{what} without a reason")
            if entry.get("expect") == "bad" and result["status"] in SUCCEEDED:
                faults.append(f"{what}, though it is damaged")
            if entry.get("expect") == "ok" and result["status"] != "ok":
                reason = f"{what}: {error or [s.get('error') for s in result['stages'].values()]}"
                if any(stage.get("attempts", 1) >= 3 for stage in result["stages"].values()):
                    lost.append(reason)
                else:
                    faults.append(reason)
        statuses = collections.Counter(result["status"] for results in found.values() for result in results)
        if sum(statuses.values()) != len(self.manifest):
            faults.append(f"{sum(statuses.values())} lines for {len(self.manifest)} inputs")
        expected = 1 if statuses["failed"] + statuses["partial"] else 0
        if status != expected:
            faults.append(f"exit status {status}, expected {expected} with {dict(statuses)}")
        if self.orphans:
            faults.append(f"outlived their coordinator: {self.orphans}")
        return faults, lost, statuses, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lorgnette", help="the program")
    parser.add_argument("pipeline", type=Path)
    parser.add_argument("folder", type=Path, help="made by make_pictures.py")
    parser.add_argument("--manifest", type=Path, help="default: FOLDER.json")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the results")
    parser.add_argument("--every", type=float, default=2, help="seconds between kills of a worker")
    parser.add_argument("--coordinator-kills", type=int, default=3)
    parser.add_argument("--limit", type=float, default=1500, help="seconds after which this gives up")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.manifest = options.manifest or options.folder.with_name(options.folder.name + ".json")

    chaos = Chaos(options)
    status = chaos.run()
    if status is None:
        sys.exit(f"chaos: gave up after {options.limit:.0f} s at {chaos.done()} of {len(chaos.manifest)} lines")
    chaos.say(f"finished with status {status}")
    faults, lost, statuses, found = chaos.check(status)
    if lost:
        chaos.say(f"{len(lost)} whole pictures failed after three killed workers each; once more with --retry-failed:")
        again = chaos.start("--retry-failed")
        status = again.wait(timeout=max(60, options.limit - chaos.seconds()))
        faults, lost, statuses, found = chaos.check(status)
        faults += lost
    retried = sum(any(stage.get("attempts", 1) > 1 for stage in results[0]["stages"].values()) for results in found.values())
    print(f"""
inputs               {len(chaos.manifest)}
lines                {sum(map(len, found.values()))}: {', '.join(f'{count} {name}' for name, count in sorted(statuses.items()))}
workers killed       {sum(chaos.killed.values())}: {', '.join(f'{count} {name}' for name, count in sorted(chaos.killed.items()))}
coordinators killed  {chaos.coordinator_kills}; their workers had ended {chaos.slowest_end:.2f} s later
tried again          {retried} pictures
seconds              {chaos.seconds():.0f}
exit status          {status}
faults               {len(faults)}""")
    for fault in faults[:40]:
        print("  " + fault)
    if sum(chaos.killed.values()) == 0 or chaos.coordinator_kills < options.coordinator_kills:
        sys.exit("chaos: fewer kills than asked for, so this run proves nothing")
    sys.exit(1 if faults else 0)


main()
