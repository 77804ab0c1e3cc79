"""An expert in this process, without a socket: for its author's tests. Checks what the wire would check."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from . import lorgnette_pb2 as wire
from .answer import Answer, pack
from .expert import Expert
from .failures import Failure
from .option import settle
from .task import Task


class Rehearsal:
    """Loads and warms up once; then `answer` as often as you like. Raises BadOption, and what the expert raises."""

    def __init__(self, expert: Expert, **options: Any):
        self._expert = expert
        self._loaded = expert.open(settle(options, expert.description.options, expert.description.service))
        #: All that the last task reported.
        self.reported = ""

    def answer(
        self, picture: "str | os.PathLike[str] | bytes | None" = None, *, question: str = "", item: str = "rehearsal", seed: int = 0,
        inputs: "Mapping[str, str | Answer | Sequence[str | Answer]] | None" = None) -> Answer:
        """`picture` is a path or a file's bytes; `inputs` what other stages said, by port. Raises the task's Failure."""
        header = wire.Task(id=1, attempt=1, item=item, question=question, seed=seed)
        frames: list[bytes] = []
        if isinstance(picture, bytes):
            header.picture.frame = len(frames)
            frames.append(picture)
        elif picture is not None:
            header.picture.path = os.path.abspath(picture)
        for port, said in (inputs or {}).items():
            for number, one in enumerate([said] if isinstance(said, (str, Answer)) else said):
                outcome, more = pack(one if isinstance(one, Answer) else Answer(one))
                for tensor in outcome.tensors:
                    tensor.frame += len(frames)
                frames += more
                header.inputs.add(port=port, stage=f"{port}{number or ''}", outcome=outcome)
        if fault := self._expert.description.fault(header, len(frames)):
            raise fault
        self.reported = ""
        # The wire's own form: what cannot be sent fails here, too.
        header = wire.Task.FromString(header.SerializeToString())
        found = self._loaded.answer([Task(header, frames, self._report)])[0]
        if isinstance(found, Failure):
            raise found
        outcome, _ = pack(found)
        if found.text is None and outcome.HasField("text"):
            found.text = outcome.text
        return found

    def _report(self, text: str, _: float) -> None:
        self.reported += text


def rehearse(
    expert: Expert, picture: "str | os.PathLike[str] | bytes | None" = None, *, question: str = "", item: str = "rehearsal",
    seed: int = 0, inputs: "Mapping[str, str | Answer | Sequence[str | Answer]] | None" = None, **options: Any) -> Answer:
    """One answer of an expert, loaded with these options."""
    return Rehearsal(expert, **options).answer(picture, question=question, item=item, seed=seed, inputs=inputs)
