"""The thin loop around a Session: owns the socket, never computes, and so beats while the expert loads or works."""
from __future__ import annotations

import functools
import os
import queue
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import zmq

from .expert import Expert
from .session import MAX_FRAMES, MAX_MESSAGE_BYTES, Action, Cancel, Exit, ExitCode, Load, Log, Run, Send, Session
from .task import Task
from .workshop import Workshop

#: Seconds for which a worker says Hello to a coordinator that was there when it was started.
PATIENCE = 60.0
#: Seconds that the last words may take.
FAREWELL = 1.0
#: Progress is dropped while more than this waits to be sent: the Result has the whole text anyway.
MAX_WAITING_FOR_PROGRESS = 64


class Worker:
    """Make and run it on the main thread: there Python runs signal handlers."""

    def __init__(self, expert: Expert, *, connect: "str | None" = None, bind: "str | None" = None, worker: str = ""):
        self.bell, self._rung = os.pipe()
        os.set_blocking(self.bell, False)
        os.set_blocking(self._rung, False)
        self._events: "queue.SimpleQueue[tuple[str, tuple[Any, ...]]]" = queue.SimpleQueue()
        self._socket: "zmq.Socket[bytes]" = zmq.Context.instance().socket(zmq.DEALER)
        for option, value in (
            # The defaults: frames of any size, queues to nobody, waiting for ever at exit.
            (zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES), (zmq.SNDHWM, 1000), (zmq.RCVHWM, 1000), (zmq.IMMEDIATE, 1), (zmq.LINGER, 0),
            (zmq.HANDSHAKE_IVL, 5000), (zmq.RECONNECT_IVL, 50), (zmq.RECONNECT_IVL_MAX, 2000)):
            self._socket.setsockopt(option, value)
        if connect is not None:
            self._socket.connect(connect)
        else:
            self._socket.bind(bind)
        self._label = f"lorgnette-{expert.description.service}" + (f" [{worker}]" if worker else "")
        self._workshop = Workshop(expert, self._tell)
        self._outbox: list[Send] = []
        self._code: "int | None" = None
        self._poller = zmq.Poller()
        self._poller.register(self.bell, zmq.POLLIN)
        self._session = Session(
            expert.description, worker=worker, pid=os.getpid(), epoch=secrets.randbelow(2**64 - 1) + 1,
            patience=PATIENCE if connect is not None else None, now=time.monotonic())

    def ring(self) -> None:
        """Wakes the loop. May be called by any thread, and by a signal handler."""
        try:
            os.write(self._rung, b"!")
        except OSError:
            pass  # the pipe is full: it will wake anyway

    def run(self, is_asked_to_end: Callable[[], bool] = lambda: False) -> int:
        """Serves until the conversation ends; returns the exit code."""
        asked = False
        self._perform(self._session.begin(time.monotonic()))
        while self._code is None:
            self._wait(self._session.next_deadline)
            # All that waits is read before the clock is asked about silence. Bounded, so that heartbeats go out under any flood.
            for _ in range(256):
                frames, why = self._receive()
                if frames is None and why is None:
                    break
                now = time.monotonic()
                self._perform(self._session.dropped(why or "") if frames is None else self._session.receive(frames, now))
            while not self._events.empty():
                name, values = self._events.get()
                self._perform(getattr(self._session, name)(*values, time.monotonic()))
            if not asked and is_asked_to_end():
                asked = True
                self._perform(self._session.drain(time.monotonic()))
            self._perform(self._session.tick(time.monotonic()))
            self._flush()
        deadline = time.monotonic() + FAREWELL
        while self._outbox and time.monotonic() < deadline:
            self._wait(deadline)
            self._flush()
        self._socket.close(linger=int(FAREWELL * 1000))
        zmq.Context.instance().term()
        return self._code

    def _tell(self, name: str, *values: Any) -> None:
        self._events.put((name, values))
        self.ring()

    def _wait(self, deadline: "float | None") -> None:
        self._poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if self._outbox else 0))
        timeout = None if deadline is None else max(0, int((deadline - time.monotonic()) * 1000) + 1)
        if dict(self._poller.poll(timeout)).get(self.bell):
            try:
                os.read(self.bell, 4096)
            except BlockingIOError:
                pass

    def _receive(self) -> "tuple[Sequence[bytes] | None, str | None]":
        """The frames of a message, or why it was dropped; neither if none is waiting."""
        frames: list[bytes] = []
        size = 0
        try:
            while True:
                frame = self._socket.recv(zmq.NOBLOCK)
                size += len(frame)
                # What is over a limit is read to its end and not kept.
                if len(frames) <= MAX_FRAMES + 1 and size <= MAX_MESSAGE_BYTES:
                    frames.append(frame)
                if not self._socket.getsockopt(zmq.RCVMORE):
                    break
        except zmq.Again:
            return None, None
        if size > MAX_MESSAGE_BYTES:
            return None, f"message of {size} bytes, at most {MAX_MESSAGE_BYTES} are read"
        return frames, ""

    def _perform(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self._send(action)
            elif isinstance(action, Load):
                self._workshop.load(action.options)
            elif isinstance(action, Run):
                key = action.task.id, action.task.attempt
                self._workshop.run(Task(
                    action.task, action.frames, functools.partial(self._tell, "progress", key)))
            elif isinstance(action, Cancel):
                self._workshop.cancel(action.key)
            elif isinstance(action, Log):
                print(f"{self._label}: {action.text}", file=sys.stderr, flush=True)
            elif isinstance(action, Exit):
                self._code = action.code

    def _send(self, message: Send) -> None:
        body = message.envelope.WhichOneof("body")
        # One Hello or Heartbeat waits for the link, and is enough.
        if body in ("hello", "heartbeat") and self._outbox or body == "progress" and len(self._outbox) > MAX_WAITING_FOR_PROGRESS:
            return
        self._outbox.append(message)
        self._flush()

    def _flush(self) -> None:
        """In order: what follows a message that does not fit waits behind it."""
        while self._outbox:
            message = self._outbox[0]
            try:
                self._socket.send_multipart([message.envelope.SerializeToString(), *message.frames], zmq.NOBLOCK)
            except zmq.Again:
                return
            self._outbox.pop(0)


__all__ = ["ExitCode", "Worker"]
