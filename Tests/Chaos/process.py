"""Processes as /proc shows them."""
import os
import re
from pathlib import Path


def children(pid):
    """Process ids of the living children of a process."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in path.read_text().split()]
        except OSError:
            pass  # the thread is gone
    return [child for child in found if alive(child)]


def descendants(pid):
    found, edge = [], [pid]
    while edge:
        edge = [grandchild for child in edge for grandchild in children(child)]
        found += edge
    return found


def state(pid):
    """The letter of /proc/PID/stat, or None if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return None


def alive(pid):
    return state(pid) not in (None, "Z", "X")


def name(pid):
    """The program's file name, or "" if the process is gone."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)"))
    except OSError:
        return ""


def peak_memory(pid):
    """VmHWM in bytes, or None if the process is gone."""
    try:
        match = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return None
    return int(match[1]) * 1024 if match else None
