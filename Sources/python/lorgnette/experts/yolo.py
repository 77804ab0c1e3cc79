"""Detectors in ONNX files, in one layout: what YOLOv8's and YOLO11's `export format=onnx` writes.

Input: one tensor [1, 3, size, size] of float32, red, green and blue in 0…1, the picture scaled to fit and centred on grey.
Output: one tensor [1, 4 + classes, places]: centre x, centre y, width and height in pixels of the input, then the score of
each class in 0…1.
"""
from __future__ import annotations

import os
from collections.abc import Sequence

import cv2
import numpy as np

from lorgnette import BadOption, MissingModel, Model, Region, WrongModel

#: Boxes of one class that share more of their area are one thing.
OVERLAP = 0.45
_GREY = 114


class YOLO:
    """Raises MissingModel, WrongModel for another layout, BadOption."""

    def __init__(self, file: str, labels: Sequence[str], size: int):
        if not labels:
            raise BadOption(f"labels: expected the names of the classes of {file}, in its order, found none")
        self.path = model_path(file)
        self.model = Model.of_file("detector", self.path)
        self._labels = list(labels)
        self._size = size
        try:
            self._net = cv2.dnn.readNetFromONNX(self.path)
            outputs = self._net.getUnconnectedOutLayersNames()
            found = [self._forward(np.zeros((size, size, 3), np.uint8), name).shape for name in outputs]
        except cv2.error as error:
            raise WrongModel(f"{self.path}: expected an ONNX model that OpenCV {cv2.__version__} can compute with an input of "
                             f"[1, 3, {size}, {size}], found: {error.err}") from error
        rows = 4 + len(self._labels)
        if len(found) != 1 or len(found[0]) != 3 or found[0][:2] != (1, rows):
            shapes = " and ".join(str(list(shape)) for shape in found)
            raise WrongModel(f"{self.path}: expected one output [1, {rows}, places] for {len(self._labels)} labels, found {shapes}")

    def _forward(self, square: np.ndarray, name: "str | None" = None) -> np.ndarray:
        self._net.setInput(cv2.dnn.blobFromImage(square, 1 / 255, swapRB=True))
        return np.asarray(self._net.forward(name) if name else self._net.forward())

    def find(self, pixels: np.ndarray, least: float) -> list[Region]:
        """What it finds with at least this score, boxes in pixels of `pixels`, the surest first."""
        height, width = pixels.shape[:2]
        scale = self._size / max(height, width)
        scaled = cv2.resize(pixels, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
        left, top = (self._size - scaled.shape[1]) // 2, (self._size - scaled.shape[0]) // 2
        square = np.full((self._size, self._size, 3), _GREY, np.uint8)
        square[top:top + scaled.shape[0], left:left + scaled.shape[1]] = scaled
        table = self._forward(square)[0].T
        classes = table[:, 4:].argmax(axis=1)
        scores = table[:, 4:].max(axis=1)
        boxes = np.stack([table[:, 0] - table[:, 2] / 2 - left, table[:, 1] - table[:, 3] / 2 - top, table[:, 2], table[:, 3]], 1) / scale
        good = np.isfinite(table).all(axis=1) & (scores >= least)
        boxes, scores, classes = boxes[good], scores[good], classes[good]
        if not len(boxes):
            return []
        kept = cv2.dnn.NMSBoxesBatched(boxes.tolist(), scores.tolist(), classes.tolist(), least, OVERLAP)
        found = [(self._labels[classes[index]], boxes[index], float(scores[index])) for index in np.asarray(kept).flatten()]
        return regions(found, width, height)


def model_path(file: str) -> str:
    """`file` itself if it is a path with a slash, else the file of that name among the models. Raises MissingModel."""
    home = os.environ.get("LORGNETTE_HOME") or os.path.join(
        os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "lorgnette")
    path = file if "/" in file else os.path.join(home, "models", file)
    if not os.access(path, os.R_OK):
        raise MissingModel(f"expected the model file {path}, found none that can be read")
    return path


def regions(found: Sequence[tuple[str, Sequence[float], float]], width: int, height: int) -> list[Region]:
    """Boxes of x, y, width and height as whole pixels inside the picture; what lies outside of it is left out."""
    inside = []
    for label, (x, y, w, h), score in found:
        left, top = max(0, round(x)), max(0, round(y))
        right, bottom = min(width, round(x + w)), min(height, round(y + h))
        if right > left and bottom > top:
            inside.append(Region(label, (left, top, right - left, bottom - top), score))
    return sorted(inside, key=lambda region: -region.confidence)
