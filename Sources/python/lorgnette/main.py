"""The `main` of a worker: its command line, its signals, its bond with the coordinator's process."""
from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
from typing import NoReturn

from .expert import Expert
from .session import ExitCode

_LOOPBACK = re.compile(r"tcp://(localhost|127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}):(\d{1,5})")


class UsageFault(Exception):
    pass


def endpoint(text: str) -> str:
    """As libzmq takes it. Everything stays on this machine. Raises UsageFault."""
    if text.startswith("ipc://"):
        path = text[len("ipc://"):]
        if path.startswith("/") and len(os.fsencode(path)) <= 107:
            return text
        raise UsageFault(f"endpoint {text}: expected an absolute path of at most 107 bytes after ipc://")
    match = _LOOPBACK.fullmatch(text)
    if match and 1 <= int(match[2]) <= 65535:
        return text.replace("localhost", "127.0.0.1")
    raise UsageFault(f"endpoint {text}: expected ipc:///path or tcp://127.0.0.1:port; for other machines use an ssh tunnel")


def run(expert: Expert, arguments: "list[str]") -> NoReturn:
    """Ends the process with an ExitCode."""
    name = f"lorgnette-{expert.description.service}"
    try:
        meeting, parent = _request(arguments)
    except UsageFault as fault:
        print(f"{name}: {fault}\nTry --help.", file=sys.stderr)
        sys.exit(ExitCode.USAGE)
    if meeting is None:
        print(expert.description.usage, end="")
        sys.exit(0)
    code = ExitCode.INTERNAL
    try:
        code = _serve(expert, meeting, parent)
    except Exception as error:
        print(f"{name}: {error}", file=sys.stderr)
    # Not sys.exit: it would wait for what a compute thread has not come to the end of.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            pass
    os._exit(code)


def _request(arguments: "list[str]") -> "tuple[dict[str, str] | None, int | None]":
    """How to meet the coordinator (None: only to say what this is), and the process to die with."""
    if arguments and arguments[0] in ("--help", "-h"):
        return None, None
    if arguments and arguments[0] in ("--connect", "--bind"):
        if len(arguments) != 2:
            raise UsageFault(f"expected {arguments[0]} ENDPOINT")
        return {arguments[0][2:]: endpoint(arguments[1])}, None
    if arguments:
        raise UsageFault(f"unknown argument {arguments[0]}")
    if not (connect := os.environ.get("LORGNETTE_CONNECT")):
        return None, None
    parent = os.environ.get("LORGNETTE_PARENT", "")
    if parent and not (parent.isascii() and parent.isdigit() and int(parent) > 0):
        raise UsageFault(f'LORGNETTE_PARENT: expected a process number, found "{parent}"')
    return {"connect": endpoint(connect)}, int(parent) if parent else None


def _serve(expert: Expert, meeting: "dict[str, str]", parent: "int | None") -> int:
    if parent is not None and not _die_with(parent):
        return ExitCode.COORDINATOR_LOST
    # What a library prints on stdout is a log like any other, whole lines at once.
    sys.stdout.flush()
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]

    from .worker import Worker

    worker = Worker(expert, **meeting, worker=os.environ.get("LORGNETTE_WORKER", ""))
    counts = {signal.SIGTERM: 0, signal.SIGINT: 0}

    def count(number: int, _: object) -> None:
        counts[signal.Signals(number)] += 1
        # A second one means now.
        if counts[signal.Signals(number)] >= 2:
            os._exit(128 + number)
        worker.ring()

    for number in counts:
        signal.signal(number, count)
    # A child begins with the mask of the thread that started it, and some threads block nearly everything.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, counts)
    # A first Ctrl-C goes to the whole group: a worker that a coordinator started leaves the decision to it.
    return worker.run(lambda: counts[signal.SIGTERM] > 0 or parent is None and counts[signal.SIGINT] > 0)


def _die_with(parent: int) -> bool:
    """Asks the kernel to kill this process when its parent ends, even if it is stopped or hangs. False if it has ended."""
    if sys.platform == "linux":
        death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None, use_errno=True).prctl(death_signal, signal.SIGKILL, 0, 0, 0)
    # It may have ended before the line above. Behind a wrapper our parent is another, living process.
    if os.getppid() == parent:
        return True
    try:
        os.kill(parent, 0)
    except ProcessLookupError:
        return False
    except OverflowError:
        return False
    except PermissionError:
        pass
    return True
