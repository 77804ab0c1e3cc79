"""One thing to answer, and what came in with it."""
from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import lorgnette_pb2 as wire
from .answer import Model, Tensor
from .failures import BadInput, BadPicture, Cancelled, Changed, PictureTooLarge

#: More is refused unread; no picture that anybody means to have described is larger.
MAX_PICTURE_BYTES = 2 << 30


class Picture:
    """The task's picture: a file here, or its bytes from far away."""

    def __init__(self, path: str = "", content: "bytes | None" = None, sha256: bytes = b"", byte_count: int = 0, name: str = ""):
        #: Absolute; "" if the bytes were sent.
        self.path = path
        #: For messages only: not a path.
        self.name = name or path or "the sent picture"
        self._content = content
        self._sha256 = sha256
        self._byte_count = byte_count
        self._kept: "bytes | None" = None

    def __repr__(self) -> str:
        return f"Picture({self.name!r})"

    def read(self) -> bytes:
        """The file's bytes, proved to be those that the coordinator hashed. Decode these, and the result is of that file
        even if it is written to meanwhile. Raises Changed, BadPicture, PictureTooLarge."""
        if self._kept is None:
            content = self._content if self._content is not None else self._read_file()
            if self._byte_count and len(content) != self._byte_count:
                raise Changed(f"{self.name}: expected {self._byte_count} bytes, found {len(content)}: it changed since it was hashed")
            if self._sha256 and hashlib.sha256(content).digest() != self._sha256:
                raise Changed(f"{self.name}: its SHA-256 is not the one of the task: it changed since it was hashed")
            if not content:
                raise BadPicture(f"{self.name}: expected a picture, found an empty file")
            self._kept = content
        return self._kept

    def _read_file(self) -> bytes:
        try:
            # Non-blocking: a FIFO that took the file's place must not hold us for ever.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise Changed(f"{self.name}: it was there when it was hashed, now there is none") from error
            raise BadPicture(f"{self.name}: {error.strerror}") from error
        with open(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise Changed(f"{self.name}: expected a plain file, found something else")
            if facts.st_size > MAX_PICTURE_BYTES:
                raise PictureTooLarge(f"{self.name}: {facts.st_size} bytes, at most {MAX_PICTURE_BYTES} are read")
            if self._byte_count and facts.st_size != self._byte_count:
                raise Changed(
                    f"{self.name}: expected {self._byte_count} bytes, found {facts.st_size}: it changed since it was hashed")
            try:
                return file.read(facts.st_size)
            except OSError as error:
                raise BadPicture(f"{self.name}: {error.strerror}") from error


@dataclass(frozen=True)
class Said:
    """What one stage found."""

    stage: str
    expert: str
    #: None says nothing; "" says "looked, found none".
    text: "str | None"
    confidence: "float | None"
    #: Text, box (x, y, width, height, or nothing) and confidence of each line.
    lines: "tuple[tuple[str, tuple[int, ...], float], ...]"
    #: The words made ready for a prompt: labelled, escaped, to be cut from the end.
    passage: "tuple[str, tuple[str, ...]] | None"
    tensors: "tuple[Tensor, ...]" = ()
    models: "tuple[Model, ...]" = ()

    @staticmethod
    def read(given: wire.Input, frames: Sequence[bytes]) -> Said:
        """Raises BadInput."""
        outcome = given.outcome
        return Said(
            given.stage, given.expert,
            outcome.text if outcome.HasField("text") else None,
            outcome.confidence if outcome.HasField("confidence") else None,
            tuple((line.text, tuple(line.box), line.confidence) for line in outcome.lines),
            (given.passage.label, tuple(given.passage.lines)) if given.HasField("passage") else None,
            tuple(Tensor.read(header, frames) for header in outcome.tensors),
            tuple(Model(model.role, model.name, model.fingerprint) for model in given.models))


class Words(tuple[Said, ...]):
    """What the stages at a port said, in the pipeline file's order."""

    @property
    def text(self) -> str:
        """The bare words, stages joined by newlines; "" if there are none."""
        return "\n".join(said.text for said in self if said.text is not None)


class Tensors(tuple[Tensor, ...]):
    """The tensors of the one stage at a port."""

    def named(self, name: str) -> Tensor:
        """Raises BadInput."""
        found = [tensor for tensor in self if tensor.name == name]
        if len(found) != 1:
            raise BadInput(f"expected a tensor {name!r}, found {', '.join(repr(tensor.name) for tensor in self) or 'none'}")
        return found[0]


class Task:
    """One thing to answer. May be used from any thread until the expert returns."""

    def __init__(
        self, header: wire.Task, frames: Sequence[bytes], report: "Callable[[str, float], None]", arrived: "float | None" = None):
        self._header = header
        self._frames = frames
        self._report = report
        self._cancelled = threading.Event()
        self._deadline = (time.monotonic() if arrived is None else arrived) + (header.lease_ms / 1000 or 86_400)

    @property
    def key(self) -> tuple[int, int]:
        """A task is the same only together with its attempt."""
        return self._header.id, self._header.attempt

    @property
    def item(self) -> str:
        """The input's name, for messages only: not a path."""
        return self._header.item

    @property
    def attempt(self) -> int:
        """From 1."""
        return self._header.attempt

    @property
    def question(self) -> str:
        return self._header.question

    @property
    def seed(self) -> int:
        return self._header.seed

    @property
    def picture(self) -> "Picture | None":
        if not self._header.HasField("picture"):
            return None
        given = self._header.picture
        sent = self._frames[given.frame] if given.HasField("frame") else None
        return Picture("" if sent is not None else given.path, sent, given.sha256, given.byte_count, self.item)

    def words(self, port: str) -> Words:
        """All that came in at a port that takes text."""
        return Words(Said.read(given, self._frames) for given in self._header.inputs if given.port == port)

    def tensors(self, port: str) -> Tensors:
        """What came in at a port that takes tensors, checked for size, NaN and infinity. Raises BadInput."""
        return Tensors(tensor for said in self.words(port) for tensor in said.tensors)

    def report(self, text: str = "", fraction: float = 0) -> None:
        """Streams newly written text, to append to what was reported before. `fraction` of the task is done, 0 if unknown."""
        self._report(text, fraction)

    @property
    def is_cancelled(self) -> bool:
        """True once the coordinator no longer wants the answer. Look now and then, and leave with `check_cancelled`."""
        return self._cancelled.is_set()

    def check_cancelled(self) -> None:
        """Raises Cancelled."""
        if self._cancelled.is_set():
            raise Cancelled()

    def cancel(self) -> None:
        self._cancelled.set()

    @property
    def remaining(self) -> float:
        """Seconds until the coordinator takes this worker for hung; not below zero."""
        return max(0.0, self._deadline - time.monotonic())
