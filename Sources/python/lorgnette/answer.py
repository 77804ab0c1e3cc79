"""What an expert found, and how the wire has it."""
from __future__ import annotations

import hashlib
import math
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

from . import lorgnette_pb2 as wire
from .failures import BadInput, InternalFault, MissingModel

#: Bytes of one element, and how `struct` names it.
_ELEMENTS = {"f32": (4, "f"), "f16": (2, "e")}


@dataclass
class Region:
    """Something at a place: a line of text, a face. ``box`` is x, y, width, height in pixels of the upright picture."""

    text: str
    box: "Sequence[int] | None" = None
    confidence: float = 1.0


@dataclass
class Tensor:
    """A named tensor, row-major; ``data`` is little endian, ``dtype`` is "f32" or "f16"."""

    name: str
    shape: Sequence[int]
    data: bytes
    dtype: str = "f32"

    @staticmethod
    def of(name: str, array: Any) -> Tensor:
        """From anything with the buffer protocol and elements of float32 or float16: a numpy array."""
        view = memoryview(array)
        kinds = {"f": "f32", "e": "f16", "<f": "f32", "<e": "f16"}
        if view.format not in kinds:
            raise InternalFault(f"tensor {name!r}: expected elements of float32 or float16, found {view.format!r}")
        return Tensor(name, view.shape or (), view.tobytes(), kinds[view.format])

    def floats(self) -> tuple[float, ...]:
        """All elements in order."""
        return struct.unpack(f"<{len(self.data) // _ELEMENTS[self.dtype][0]}{_ELEMENTS[self.dtype][1]}", self.data)

    def fault(self) -> str | None:
        """Why no reader would take it."""
        if self.dtype not in _ELEMENTS:
            return f"tensor {self.name!r}: expected dtype f32 or f16, found {self.dtype!r}"
        if not 1 <= len(self.shape) <= 8 or any(size < 1 for size in self.shape):
            return f"tensor {self.name!r}: expected 1 to 8 dimensions, none of them 0, found {list(self.shape)}"
        needed = math.prod(self.shape) * _ELEMENTS[self.dtype][0]
        if len(self.data) != needed:
            return f"tensor {self.name!r}: shape {list(self.shape)} needs {needed} bytes, found {len(self.data)}"
        for index, value in enumerate(self.floats()):
            if not math.isfinite(value):
                return f"tensor {self.name!r}: element {index} is no finite number"
        return None

    @staticmethod
    def read(header: wire.Tensor, frames: Sequence[bytes]) -> Tensor:
        """What a message names, checked. Raises BadInput."""
        if header.frame >= len(frames):
            raise BadInput(f"tensor {header.name!r}: expected payload frame {header.frame}, found {len(frames)} payload frames")
        tensor = Tensor(header.name, tuple(header.shape), frames[header.frame], header.dtype)
        if fault := tensor.fault():
            raise BadInput(fault)
        return tensor


@dataclass
class PictureFacts:
    """Of a picture as it was decoded: width and height are of the upright picture, orientation is EXIF's 1…8."""

    format: str
    width: int
    height: int
    orientation: int = 1
    pages: int = 1


@dataclass
class Answer:
    """Only what is set is sent. An empty text says "looked, found none". Without a text, the regions' words are the text."""

    text: "str | None" = None
    confidence: "float | None" = None
    regions: Sequence[Region] = ()
    tensors: Sequence[Tensor] = ()
    #: Anything else that a person should see.
    facts: Mapping[str, str] = field(default_factory=dict)
    picture: "PictureFacts | None" = None


#: What a function may return: None says "looked, found none".
Returned = Union[str, Answer, Region, Iterable[Region], None]


@dataclass(frozen=True)
class Model:
    """A file that an expert loaded, for the provenance of answers."""

    role: str
    name: str
    fingerprint: str

    @staticmethod
    def of_file(role: str, path: "str | os.PathLike[str]") -> Model:
        """Raises MissingModel."""
        digest = hashlib.sha256()
        try:
            with open(path, "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise MissingModel(f"expected the model file {path}, found none that can be read: {error.strerror}") from error
        return Model(role, os.path.basename(path), f"sha256:{digest.hexdigest()}")


def as_answer(returned: Any) -> Answer:
    """Raises InternalFault for what is no answer."""
    if isinstance(returned, Answer):
        return returned
    if returned is None:
        return Answer("")
    if isinstance(returned, str):
        return Answer(returned)
    regions = [returned] if isinstance(returned, Region) else list(returned) if isinstance(returned, Iterable) else None
    if regions is None or not all(isinstance(region, Region) for region in regions):
        raise InternalFault(f"expected a str, Answer, Region or list of Regions from the expert, found {type(returned).__name__}")
    return Answer(regions=regions, text="\n".join(region.text for region in regions))


def pack(answer: Answer) -> tuple[wire.Outcome, list[bytes]]:
    """As the wire has it. Raises InternalFault for what no reader would take."""
    outcome = wire.Outcome()
    text = answer.text
    if text is None and answer.regions:
        text = "\n".join(region.text for region in answer.regions)
    if text is not None:
        outcome.text = _utf8(text, "the text")
    if answer.confidence is not None:
        outcome.confidence = _confidence(answer.confidence, "the answer's confidence")
    for region in answer.regions:
        place = f"the region {region.text[:40]!r}"
        outcome.lines.add(
            text=_utf8(region.text, place), box=_box(region, answer.picture, place),
            confidence=_confidence(region.confidence, f"{place}: confidence"))
    for key, fact in answer.facts.items():
        outcome.facts[_utf8(key, "a fact")] = _utf8(str(fact), f"the fact {key!r}")
    if answer.picture is not None:
        facts = answer.picture
        outcome.picture.CopyFrom(wire.PictureFacts(
            format=facts.format, width=facts.width, height=facts.height, orientation=facts.orientation, pages=facts.pages))
    frames: list[bytes] = []
    for tensor in answer.tensors:
        if fault := tensor.fault():
            raise InternalFault(f"the answer's {fault}")
        outcome.tensors.add(name=tensor.name, dtype=tensor.dtype, shape=tensor.shape, frame=len(frames))
        frames.append(bytes(tensor.data))
    return outcome, frames


def _utf8(text: str, place: str) -> str:
    if not isinstance(text, str):
        raise InternalFault(f"{place}: expected a str, found {type(text).__name__}")
    # A lone surrogate, as os.fsdecode makes them, has no UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8")


def _confidence(value: float, place: str) -> float:
    if not math.isfinite(value):
        raise InternalFault(f"{place}: expected 0…1, found {value}")
    return min(max(float(value), 0.0), 1.0)


def _box(region: Region, picture: PictureFacts | None, place: str) -> list[int]:
    if region.box is None:
        return []
    box = [int(value) for value in region.box]
    if len(box) != 4 or min(box[:2]) < 0 or min(box[2:]) < 1 or max(box) > 0x7FFFFFFF:
        raise InternalFault(f"{place}: expected x, y ≥ 0 and width, height ≥ 1, found {box}")
    if picture is not None and (box[0] + box[2] > picture.width or box[1] + box[3] > picture.height):
        raise InternalFault(f"{place}: expected a box inside {picture.width} × {picture.height}, found {box}")
    return box
