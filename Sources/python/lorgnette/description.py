"""What an expert is, takes, gives and can be set to, read from the signature of its function."""
from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import lorgnette_pb2 as wire
from .failures import BadInput
from .option import Declared
from .task import Picture, Task, Tensors, Words

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_RESERVED = {"expert", "command", "at", "workers", "optional", "deadline"}
_TASK = 0


@dataclass(frozen=True)
class Port:
    """A parameter: where something comes in. `kind` 0 is the task itself."""

    name: str
    kind: int
    required: bool

    def value(self, task: Task) -> Any:
        if self.kind == _TASK:
            return task
        if self.kind == wire.KIND_PICTURE:
            return task.picture
        if self.kind == wire.KIND_QUESTION:
            return task.question
        return task.words(self.name) if self.kind == wire.KIND_TEXT else task.tensors(self.name)


@dataclass(frozen=True)
class Description:
    service: str
    software: str
    about: str
    parameters: tuple[Port, ...]
    options: tuple[Declared, ...]
    tensors: "str | None"
    concurrency: int

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.service):
            raise ValueError(f"expected a name of a-z, 0-9, - and _ that begins with a letter, found {self.service!r}")
        names = [port.name for port in self.inputs] + [option.name for option in self.options]
        for name in names:
            if not _NAME.fullmatch(name) or name in _RESERVED:
                raise ValueError(f"{self.service}: a stage's key cannot be named {name!r}")
        if len(set(names)) < len(names):
            raise ValueError(f"{self.service}: an input and an option have the same name")
        for kind in (wire.KIND_PICTURE, wire.KIND_QUESTION):
            if sum(port.kind == kind for port in self.parameters) > 1:
                raise ValueError(f"{self.service}: a task has one picture and one question")

    @property
    def inputs(self) -> list[Port]:
        return [port for port in self.parameters if port.kind != _TASK]

    def hello(self, worker: str, pid: int) -> wire.Hello:
        outputs = [wire.Port(name="text", kind=wire.KIND_TEXT, required=self.tensors is None)]
        if self.tensors is not None:
            outputs.append(wire.Port(name=self.tensors, kind=wire.KIND_TENSOR))
        return wire.Hello(
            service=self.service, software=self.software, worker=worker, about=self.about, pid=pid, outputs=outputs,
            inputs=[wire.Port(name=port.name, kind=typing.cast(Any, port.kind), required=port.required) for port in self.inputs],
            options=[option.wire() for option in self.options], concurrency=self.concurrency)

    def fault(self, task: wire.Task, frames: int) -> BadInput | None:
        """What keeps a task from fitting the inputs. Tensors are checked when they are read."""
        for port in self.inputs:
            given = sum(item.port == port.name for item in task.inputs)
            if port.kind == wire.KIND_PICTURE and port.required and not task.HasField("picture"):
                return BadInput("expected a picture, found none")
            if port.kind == wire.KIND_TENSOR and given > 1:
                return BadInput(f'input "{port.name}": expected one stage, found {given}')
            if port.kind in (wire.KIND_TENSOR, wire.KIND_TEXT) and port.required and given == 0:
                return BadInput(f'input "{port.name}": expected an outcome, found none')
        ports = {port.name for port in self.inputs}
        for item in task.inputs:
            if item.port not in ports:
                return BadInput(f'input "{item.port}": {self.service} has no such port')
        if task.HasField("picture") and task.picture.HasField("frame") and task.picture.frame >= frames:
            return BadInput(f"picture: expected payload frame {task.picture.frame}, found {frames} payload frames")
        return None

    @property
    def usage(self) -> str:
        """What `--help` prints."""
        kinds: dict[int, str] = {
            wire.KIND_PICTURE: "the picture", wire.KIND_QUESTION: "the user's question",
            wire.KIND_TENSOR: "tensors of one stage", wire.KIND_TEXT: "words of one or more stages"}

        def table(title: str, rows: list[tuple[str, str]]) -> str:
            width = max((len(name) for name, _ in rows), default=0)
            return f"\n{title}:\n" + "".join(f"  {name:{width}}  {what}\n" for name, what in rows) if rows else ""

        return (
            f"{self.software}\n{self.about}\n"
            + table("Inputs", [
                (port.name, kinds[port.kind] + ("" if port.required else ", optional")) for port in self.inputs])
            + table("Options, set in a pipeline file", [(option.name, option.usage) for option in self.options])
            + f"\nThis is a worker: a coordinator (`lorgnette run PIPELINE PICTURES…`) starts it for a stage like\n"
            f"  {self.service}: {{expert: {self.service}}}\n"
            "By hand, for a stage with `at:` or under a debugger:\n"
            "  --connect ENDPOINT  serve the coordinator that listens there (or LORGNETTE_CONNECT=ENDPOINT)\n"
            "  --bind ENDPOINT     listen, and serve the coordinator that connects\n"
            "  --help              this text\n"
            "ENDPOINT is ipc:///path or tcp://127.0.0.1:port.\n")


def ports(function: Callable[..., Any], *, batch: bool, skip: int = 0) -> tuple[Port, ...]:
    """Parameters that can be given by position are inputs. Raises TypeError for one that cannot be an input."""
    found = []
    for name, annotation, parameter in _parameters(function, skip):
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            continue
        if batch and typing.get_origin(annotation) in (list, Sequence):
            annotation = typing.get_args(annotation)[0]
        optional = parameter.default is not parameter.empty
        if typing.get_origin(annotation) in (typing.Union, types.UnionType):
            kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
            optional = optional or len(kinds) < len(typing.get_args(annotation))
            annotation = kinds[0] if len(kinds) == 1 else annotation
        by_name = {"task": Task, "picture": Picture, "question": str}
        kind = by_name.get(name, Words) if annotation is None else annotation
        kinds_of_ports = {Task: _TASK, Picture: wire.KIND_PICTURE, str: wire.KIND_QUESTION, Words: wire.KIND_TEXT, Tensors: wire.KIND_TENSOR}
        if kind not in kinds_of_ports:
            raise TypeError(
                f"{name}: expected a Picture, str (the question), Words, Tensors or Task, found {kind}; options stand behind a *")
        found.append(Port(name, kinds_of_ports[kind], not optional and kind is not Task))
    return tuple(found)


def options(function: Callable[..., Any], skip: int = 0) -> tuple[Declared, ...]:
    """Keyword-only parameters are options. Raises TypeError for one that cannot be an option."""
    found = []
    for name, annotation, parameter in _parameters(function, skip):
        if parameter.kind == parameter.KEYWORD_ONLY:
            missing = parameter.default is parameter.empty
            found.append(Declared.of(name, annotation, None if missing else parameter.default, missing))
    return tuple(found)


def _parameters(function: Callable[..., Any], skip: int) -> list[tuple[str, Any, inspect.Parameter]]:
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.items())[skip:]
    for name, parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{name}: an expert's parameters have names; found a * parameter")
    return [(name, hints.get(name), parameter) for name, parameter in parameters]
