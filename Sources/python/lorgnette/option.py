"""Options of a pipeline file: declared by a signature, checked before the expert sees them."""
from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import lorgnette_pb2 as wire
from .failures import BadOption, InternalFault

_TYPES: dict[type, int] = {
    str: wire.Option.TYPE_STRING, float: wire.Option.TYPE_NUMBER, int: wire.Option.TYPE_INTEGER, bool: wire.Option.TYPE_BOOL,
}
_WORDS: dict[int, str] = {
    wire.Option.TYPE_STRING: "a string", wire.Option.TYPE_NUMBER: "a number", wire.Option.TYPE_INTEGER: "an integer",
    wire.Option.TYPE_BOOL: "true or false", wire.Option.TYPE_STRING_LIST: "a list of strings",
    wire.Option.TYPE_INTEGER_MAP: "a map of integers",
}


@dataclass(frozen=True)
class Option:
    """What a signature cannot say of an option: ``dark: Annotated[float, Option("below this…", minimum=0)] = 100``."""

    about: str = ""
    minimum: "float | None" = None
    maximum: "float | None" = None
    choices: Sequence[str] = ()


@dataclass(frozen=True)
class Declared:
    """One option as Hello names it."""

    name: str
    type: int
    default: Any
    about: str = ""
    minimum: "float | None" = None
    maximum: "float | None" = None
    choices: tuple[str, ...] = ()
    required: bool = False

    @staticmethod
    def of(name: str, annotation: Any, default: Any, required: bool = False) -> Declared:
        """From a keyword of a signature. Raises TypeError for a type that no option can have."""
        more = Option()
        if typing.get_origin(annotation) is typing.Annotated:
            annotation, *notes = typing.get_args(annotation)
            for note in notes:
                more = note if isinstance(note, Option) else Option(note) if isinstance(note, str) else more
        if typing.get_origin(annotation) in (typing.Union, types.UnionType):
            kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
            annotation = kinds[0] if len(kinds) == 1 else annotation
        choices = tuple(more.choices)
        if typing.get_origin(annotation) is typing.Literal:
            choices, annotation = typing.get_args(annotation), str
        if annotation is None and default is not None:
            annotation = type(default)
        if typing.get_origin(annotation) in (list, Sequence) and typing.get_args(annotation) == (str,):
            kind: int = wire.Option.TYPE_STRING_LIST
        elif typing.get_origin(annotation) in (dict, Mapping) and typing.get_args(annotation) == (str, int):
            kind = wire.Option.TYPE_INTEGER_MAP
        elif isinstance(annotation, type) and annotation in _TYPES:
            kind = _TYPES[annotation]
        else:
            raise TypeError(f"option {name!r}: expected str, int, float, bool, list[str], dict[str, int] or Literal, found {annotation}")
        declared = Declared(name, kind, default, more.about, more.minimum, more.maximum, choices, required)
        if default is not None and (fault := declared.fault(default)):
            raise TypeError(f"option {name!r}: its default: {fault}")
        return declared

    def wire(self) -> wire.Option:
        return wire.Option(
            name=self.name, type=typing.cast(Any, self.type), about=self.about, default_text=self.default_text,
            minimum=self.minimum, maximum=self.maximum, choices=self.choices)

    @property
    def default_text(self) -> str:
        """As a person would write it in YAML."""
        if self.default is None:
            return ""
        if isinstance(self.default, str):
            return self.default
        if isinstance(self.default, (list, tuple)):
            return "[" + ", ".join(self.default) + "]"
        if isinstance(self.default, dict):
            return "{" + ", ".join(f"{key}: {value}" for key, value in sorted(self.default.items())) + "}"
        return "true" if self.default is True else "false" if self.default is False else _number(self.default)

    @property
    def usage(self) -> str:
        notes = [_WORDS[self.type]]
        if self.default is not None:
            notes.append(f"default {self.default_text}")
        if self.minimum is not None:
            notes.append(f"from {_number(self.minimum)}")
        if self.maximum is not None:
            notes.append(f"to {_number(self.maximum)}")
        if self.choices:
            notes.append(" | ".join(self.choices))
        return f"{self.about} ({', '.join(notes)})".strip()

    def fault(self, value: Any) -> str | None:
        """Why `value` cannot be this option's value."""
        kind = self.type
        if kind == wire.Option.TYPE_STRING and isinstance(value, str):
            return self._choice(value)
        if kind in (wire.Option.TYPE_NUMBER, wire.Option.TYPE_INTEGER) and _is_number(value):
            return self._range(value)
        if kind == wire.Option.TYPE_BOOL and isinstance(value, bool):
            return None
        if kind == wire.Option.TYPE_STRING_LIST and isinstance(value, (list, tuple)):
            bad = next((item for item in value if not isinstance(item, str)), None)
            if bad is not None:
                return f"expected a list of strings, found {_kind(bad)} in it"
            return next((fault for item in value if (fault := self._choice(item))), None)
        if kind == wire.Option.TYPE_INTEGER_MAP and isinstance(value, dict):
            for key, item in sorted(value.items()):
                if fault := self._range(item) if _is_number(item) else f"expected an integer, found {_kind(item)}":
                    return f"{key}: {fault}"
            return None
        return f"expected {_WORDS[kind]}, found {_kind(value)}: {json.dumps(value, default=str)[:80]}"

    def converted(self, value: Any) -> Any:
        """A value without fault as the signature wants it: all numbers of the wire are doubles."""
        if self.type == wire.Option.TYPE_INTEGER:
            return int(value)
        if self.type == wire.Option.TYPE_NUMBER:
            return float(value)
        if self.type == wire.Option.TYPE_INTEGER_MAP:
            return {key: int(item) for key, item in value.items()}
        return value

    def _choice(self, text: str) -> str | None:
        return None if not self.choices or text in self.choices else f"expected one of {', '.join(self.choices)}, found {text}"

    def _range(self, number: float) -> str | None:
        if not math.isfinite(number):
            return f"expected a finite number, found {number}"
        # Beyond 2⁵³ a double no longer holds every integer.
        if self.type != wire.Option.TYPE_NUMBER and (number != int(number) or abs(number) > 2**53):
            return f"expected an integer, found {_number(number)}"
        if self.minimum is not None and number < self.minimum:
            return f"expected at least {_number(self.minimum)}, found {_number(number)}"
        if self.maximum is not None and number > self.maximum:
            return f"expected at most {_number(self.maximum)}, found {_number(number)}"
        return None


def settle(given: Mapping[str, Any], declared: Sequence[Declared], service: str) -> dict[str, Any]:
    """The values of all options, defaults behind what was given. Raises BadOption naming every fault."""
    known = {option.name: option for option in declared}
    given = {name: value for name, value in given.items() if value is not None}
    faults = []
    for name, value in sorted(given.items()):
        if name not in known:
            names = ", ".join(sorted(known)) or "no options"
            faults.append(f'option "{name}": {service} has none of this name; it has {names}')
        elif fault := known[name].fault(value):
            faults.append(f'option "{name}": {fault}')
    for option in declared:
        if option.required and option.name not in given:
            faults.append(f'option "{option.name}": expected a value, found none and no default')
    if faults:
        raise BadOption("; ".join(faults))
    return {
        option.name: option.converted(given[option.name]) if option.name in given else option.default for option in declared}


def plain(value: Any, room: int) -> Any:
    """A google.protobuf.Value as Python has it. Raises InternalFault if it is nested deeper than `room` messages."""
    if room < 0:
        raise InternalFault("nested too deep")
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return {key: plain(item, room - 3) for key, item in value.struct_value.fields.items()}
    if kind == "list_value":
        return [plain(item, room - 2) for item in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", str: "a string", list: "a list", dict: "a map", type(None): "nothing"}
    return kinds.get(type(value), "a number" if _is_number(value) else type(value).__name__)


def _number(number: float) -> str:
    return str(int(number)) if math.isfinite(number) and number == int(number) else repr(float(number))
