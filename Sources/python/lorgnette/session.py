"""One side of the conversation of `protos/README.md`, as a pure state machine: events in, actions out, the clock is passed in."""
from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Union

from . import lorgnette_pb2 as wire
from .answer import Model
from .description import Description
from .failures import BadOption, Draining, Failure, InternalFault, ProtocolFault
from .option import plain, settle

PROTOCOL = 1
#: Seconds between two Hellos.
HELLO_INTERVAL = 1.0
#: How many answered tasks are known again if they come once more.
MEMORY = 64
#: One serialised Envelope, and its payload frames.
MAX_ENVELOPE_BYTES = 4 << 20
MAX_FRAMES = 64
MAX_MESSAGE_BYTES = 256 << 20
#: Nested messages in an Envelope.
MAX_DEPTH = 24

Key = tuple[int, int]


class ExitCode:
    """How a worker process ends."""
    DRAINED, USAGE, COORDINATOR_LOST, INTERNAL, UNANSWERED, REFUSED = 0, 64, 69, 70, 75, 76
    OF_FAILURES = {
        wire.FAILURE_CODE_WRONG_MODEL: 65, wire.FAILURE_CODE_MISSING_MODEL: 66, wire.FAILURE_CODE_OUT_OF_MEMORY: 71,
        wire.FAILURE_CODE_BAD_OPTION: 78,
    }


@dataclass(frozen=True)
class Send:
    envelope: wire.Envelope
    frames: Sequence[bytes] = ()


@dataclass(frozen=True)
class Load:
    options: dict[str, Any]


@dataclass(frozen=True)
class Run:
    task: wire.Task
    frames: Sequence[bytes]


@dataclass(frozen=True)
class Cancel:
    key: Key


@dataclass(frozen=True)
class Log:
    text: str


@dataclass(frozen=True)
class Exit:
    code: int


Action = Union[Send, Load, Run, Cancel, Log, Exit]


class Session:
    """`patience`: how long to say Hello to nobody, in seconds; None: for ever."""

    def __init__(self, description: Description, *, worker: str, pid: int, epoch: int, patience: "float | None", now: float):
        self._description = description
        self._epoch = epoch
        self._hello = description.hello(worker, pid)
        self._patience = patience
        self._state = "greeting"
        self._draining = False
        self._credit = 0
        self._held: dict[int, int] = {}
        self._answered: deque[Key] = deque(maxlen=MEMORY)
        self._heartbeat = self._liveness = 0.0
        self._last_sent = self._last_heard = now
        self._max_message_bytes = MAX_MESSAGE_BYTES
        self._actions: list[Action] = []

    @property
    def next_deadline(self) -> "float | None":
        """When `tick` has something to do; None if never."""
        if self._state == "over":
            return None
        if self._state == "greeting":
            hello = self._last_sent + HELLO_INTERVAL
            return hello if self._patience is None else min(hello, self._last_heard + self._patience)
        return min(self._last_sent + self._heartbeat, self._last_heard + self._liveness)

    def begin(self, now: float) -> list[Action]:
        self._send(now, hello=self._hello)
        return self._take()

    def tick(self, now: float) -> list[Action]:
        if self._state == "greeting":
            if self._patience is not None and now - self._last_heard >= self._patience:
                self._end(ExitCode.UNANSWERED, f"nobody answered Hello for {self._patience:g} seconds")
            elif now - self._last_sent >= HELLO_INTERVAL:
                self._send(now, hello=self._hello)
        elif self._state != "over":
            if now - self._last_heard >= self._liveness:
                self._abandon()
                self._end(ExitCode.COORDINATOR_LOST, f"the coordinator has been silent for {self._liveness:g} seconds")
            elif now - self._last_sent >= self._heartbeat:
                self._send(now, heartbeat=wire.Heartbeat())
        return self._take()

    # From the coordinator

    def receive(self, frames: Sequence[bytes], now: float) -> list[Action]:
        """A whole message; nothing about its bytes is trusted."""
        if self._state == "over":
            return []
        envelope = self._read(frames)
        if envelope is not None:
            self._receive(envelope, frames[1:], now)
        self._leave_if_drained(now)
        return self._take()

    def dropped(self, why: str) -> list[Action]:
        """A message that the reader did not keep."""
        return [Log(f"dropped a message: {why}")]

    def _read(self, frames: Sequence[bytes]) -> wire.Envelope | None:
        size = sum(map(len, frames))
        envelope = None
        if not frames or not frames[0]:
            why = "expected an Envelope frame, found none"
        elif len(frames[0]) > MAX_ENVELOPE_BYTES:
            why = f"Envelope of {len(frames[0])} bytes, at most {MAX_ENVELOPE_BYTES} are read"
        elif len(frames) - 1 > MAX_FRAMES:
            why = f"{len(frames) - 1} payload frames, at most {MAX_FRAMES} are read"
        elif size > self._max_message_bytes:
            why = f"message of {size} bytes, at most {self._max_message_bytes} are read"
        else:
            try:
                envelope = wire.Envelope.FromString(frames[0])
                if envelope.WhichOneof("body") is not None:
                    return envelope
                why = f"an Envelope (protocol {envelope.protocol}) without a body that protocol {PROTOCOL} knows"
            except Exception as error:  # DecodeError, or what another protobuf makes of it
                why = f"the Envelope is no protobuf of ours: {error}"
        self._log(f"dropped a message: {why}")
        return None

    def _receive(self, envelope: wire.Envelope, frames: Sequence[bytes], now: float) -> None:
        if envelope.epoch != self._epoch:
            # Meant for the process that had this endpoint before.
            return self._log(f"dropped a message of epoch {envelope.epoch}")
        body = envelope.WhichOneof("body")
        if envelope.protocol != PROTOCOL:
            found = f"expected protocol {PROTOCOL}, found {envelope.protocol}"
            if self._state == "greeting":
                return self._leave(ProtocolFault(found), ExitCode.REFUSED, now)
            return self._log(f"dropped a message: {found}")
        self._last_heard = now
        if body == "refuse":
            self._abandon()
            self._end(ExitCode.REFUSED, f"refused by the coordinator: {envelope.refuse.message}")
        elif body == "goodbye":
            self._abandon()
            self._end(ExitCode.DRAINED, f"the coordinator said Goodbye {envelope.goodbye.message}".strip())
        elif body == "welcome" and self._state == "greeting":
            self._welcome(envelope.welcome, now)
        elif body == "task" and self._state == "serving":
            self._accept(envelope.task, frames, now)
        elif body == "task" and self._state == "loading":
            self._refuse(_key(envelope.task), ProtocolFault("a Task before Ready", retryable=True), now)
        elif body == "cancel" and self._state == "serving":
            if self._held.get(envelope.cancel.task) == envelope.cancel.attempt:
                self._actions.append(Cancel((envelope.cancel.task, envelope.cancel.attempt)))
        elif body == "drain" and self._state != "greeting":
            self._drain(now)
        # A second Welcome answers a Hello that crossed the first; the rest says nothing new.
        elif body not in ("heartbeat", "welcome", "cancel"):
            self._log(f"dropped a message out of sequence: {body}")

    def _welcome(self, welcome: wire.Welcome, now: float) -> None:
        if not 0 < welcome.heartbeat_ms < welcome.liveness_ms:
            found = f"expected 0 < heartbeat_ms < liveness_ms, found {welcome.heartbeat_ms} and {welcome.liveness_ms}"
            return self._leave(ProtocolFault(found), ExitCode.REFUSED, now)
        try:
            # Envelope, Welcome, Struct and the entry of its map are above a value.
            given = {name: plain(value, MAX_DEPTH - 5) for name, value in welcome.options.fields.items()}
        except InternalFault as fault:
            return self._log(f"dropped a message: the options of Welcome are {fault}")
        self._heartbeat, self._liveness = welcome.heartbeat_ms / 1000, welcome.liveness_ms / 1000
        self._max_message_bytes = welcome.max_message_bytes or MAX_MESSAGE_BYTES
        self._state = "loading"
        try:
            options = settle(given, self._description.options, self._description.service)
        except BadOption as fault:
            return self._leave(fault, ExitCode.OF_FAILURES[fault.code], now)
        self._actions.append(Load(options))

    def _accept(self, task: wire.Task, frames: Sequence[bytes], now: float) -> None:
        key = _key(task)
        # Sent twice: it is being worked on, and its one answer will come, or has been given.
        if self._held.get(task.id) == task.attempt or key in self._answered:
            return
        fault: Failure | None
        if task.id == 0 or task.attempt == 0:
            fault = ProtocolFault(f"expected a task id and an attempt from 1, found {task.id} and {task.attempt}")
        elif task.id in self._held:
            fault = ProtocolFault(f"attempt {self._held[task.id]} of this task is still held", retryable=True)
        elif self._draining:
            fault = Draining("this worker is about to end")
        elif len(self._held) >= self._credit:
            fault = ProtocolFault(f"over the credit of {self._credit}", retryable=True)
        else:
            fault = self._description.fault(task, len(frames))
        if fault is not None:
            return self._refuse(key, fault, now)
        self._held[task.id] = task.attempt
        self._actions.append(Run(task, frames))

    # From the expert

    def loaded(self, credit: int, models: Sequence[Model], seconds: float, now: float) -> list[Action]:
        if self._state == "loading":
            self._state, self._credit = "serving", credit
            self._send(now, ready=wire.Ready(
                credit=credit, load_seconds=seconds,
                models=[wire.Model(role=model.role, name=model.name, fingerprint=model.fingerprint) for model in models]))
            self._leave_if_drained(now)
        return self._take()

    def load_failed(self, failure: Failure, now: float) -> list[Action]:
        if self._state == "loading":
            self._leave(failure, ExitCode.OF_FAILURES.get(failure.code, ExitCode.INTERNAL), now)
        return self._take()

    def progress(self, key: Key, text: str, fraction: float, now: float) -> list[Action]:
        if self._state == "serving" and self._held.get(key[0]) == key[1]:
            self._send(now, progress=wire.Progress(task=key[0], attempt=key[1], text=text, fraction=fraction))
        return self._take()

    def finished(self, key: Key, outcome: wire.Outcome, frames: Sequence[bytes], seconds: float, now: float) -> list[Action]:
        if self._release(key):
            result = self._envelope(result=wire.Result(task=key[0], attempt=key[1], outcome=outcome, seconds=seconds))
            size = result.ByteSize()
            if size > MAX_ENVELOPE_BYTES or len(frames) > MAX_FRAMES or size + sum(map(len, frames)) > self._max_message_bytes:
                self._refuse(key, InternalFault(f"the result is over a limit of the wire: {size} bytes, {len(frames)} frames"), now)
            else:
                self._last_sent = now
                self._actions.append(Send(result, frames))
            self._answered.append(key)
        self._leave_if_drained(now)
        return self._take()

    def failed(self, key: Key, failure: Failure, now: float) -> list[Action]:
        if self._release(key):
            self._refuse(key, failure, now)
        self._leave_if_drained(now)
        return self._take()

    def drain(self, now: float) -> list[Action]:
        """The process was asked to end (SIGTERM)."""
        self._drain(now)
        self._leave_if_drained(now)
        return self._take()

    def _release(self, key: Key) -> bool:
        """False for a stray of a former attempt, which changes nothing."""
        if self._state != "serving" or self._held.get(key[0]) != key[1]:
            return False
        del self._held[key[0]]
        return True

    # Endings

    def _drain(self, now: float) -> None:
        self._draining = True
        if self._state == "greeting":
            self._end(ExitCode.DRAINED, "asked to end before a coordinator answered")
        elif self._state == "loading":
            # Loading cannot be interrupted, and nobody waits for its end.
            self._bye("", ExitCode.DRAINED, now)

    def _leave_if_drained(self, now: float) -> None:
        if self._draining and not self._held and self._state == "serving":
            self._bye("", ExitCode.DRAINED, now)

    def _leave(self, failure: Failure, code: int, now: float) -> None:
        """A failure of the worker itself: said once, then over."""
        self._refuse((0, 0), failure, now)
        self._log(failure.message)
        self._bye(failure.message, code, now)

    def _bye(self, message: str, code: int, now: float) -> None:
        self._send(now, goodbye=wire.Goodbye(message=message))
        self._end(code)

    def _abandon(self) -> None:
        """Nobody wants what is held."""
        self._actions += [Cancel(key) for key in self._held.items()]
        self._held = {}

    def _end(self, code: int, log: str | None = None) -> None:
        self._state = "over"
        if log:
            self._log(log)
        self._actions.append(Exit(code))

    # Out

    def _refuse(self, key: Key, failure: Failure, now: float) -> None:
        if key[0]:
            self._answered.append(key)
        self._send(now, failure=wire.Failure(
            task=key[0], attempt=key[1], code=failure.code, retryable=failure.retryable, message=failure.message[:10_000]))

    def _send(self, now: float, **body: Any) -> None:
        self._last_sent = now
        self._actions.append(Send(self._envelope(**body)))

    def _envelope(self, **body: Any) -> wire.Envelope:
        return wire.Envelope(protocol=PROTOCOL, epoch=self._epoch, **body)

    def _log(self, text: str) -> None:
        self._actions.append(Log(text))

    def _take(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions


def _key(task: wire.Task) -> Key:
    return task.id, task.attempt
