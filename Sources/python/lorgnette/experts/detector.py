"""The expert `detector`: faces and people, or what a model of yours knows, with their places.

Faces: the Haar cascade `haarcascade_frontalface_default` (Viola and Jones 2001); people: the HOG detector (Dalal and
Triggs 2005) on the whole figure, standing. Both come with OpenCV. They are quick and need no model, and they miss much: turned
faces, people who sit.
"""
from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import cv2
import numpy as np

from lorgnette import Answer, MissingModel, Model, Option, Picture, Region, expert

from .upright import load as upright
from .yolo import YOLO, regions

#: What a weight of the two detectors is worth: 1 − exp(−weight / scale) is called its confidence. Found on photographs;
#: it orders what was found and is no probability.
_FACE_SCALE, _PERSON_SCALE = 4.0, 1.0
_PLURALS = {"person": "people", "face": "faces"}


@expert(name="detector", version=f"0.1.0 (opencv {cv2.__version__})")
class Detector:
    """Finds faces and people, or what an ONNX model of yours finds, with boxes; says how many."""

    models: tuple[Model, ...] = ()

    def load(
        self, *,
        find: Annotated[list[str], Option("what to look for without a model", choices=("faces", "people"))] = ["faces", "people"],
        confidence: Annotated[float, Option("what is less sure is left out", minimum=0, maximum=1)] = 0.55,
        max_side: Annotated[int, Option("larger pictures are scaled down to look for faces and people", minimum=64, maximum=8192)] = 1280,
        model: Annotated[str | None, Option("an ONNX detector in YOLOv8's layout: a path, or a file among the models")] = None,
        labels: Annotated[list[str] | None, Option("the names of the model's classes, in its order")] = None,
        size: Annotated[int, Option("side of the model's square input, in pixels", minimum=32, maximum=4096)] = 640,
        threads: Annotated[int, Option("of the processor", minimum=1, maximum=2)] = 1,
    ) -> None:
        cv2.setNumThreads(threads)
        self._find, self._least, self._max_side = find, confidence, max_side
        self._yolo = YOLO(model, labels or [], size) if model is not None else None
        if self._yolo is not None:
            self.models = (self._yolo.model,)
            return
        # Where OpenCV's package keeps them.
        path = os.path.join(cv2.data.haarcascades, "haarcascade_frontalface_default.xml")
        self._faces = cv2.CascadeClassifier(path)
        if self._faces.empty():
            raise MissingModel(f"expected OpenCV's cascade {path}, found none that can be read")
        self._people = cv2.HOGDescriptor()
        self._people.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def warm_up(self) -> None:
        self._look(np.zeros((128, 64, 3), np.uint8))

    def answer(self, picture: Picture) -> Answer:
        pixels, facts = upright(picture)
        found = self._look(pixels)
        return Answer(counts([region.text for region in found]), regions=found, picture=facts)

    def _look(self, pixels: np.ndarray) -> list[Region]:
        if self._yolo is not None:
            return self._yolo.find(pixels, self._least)
        height, width = pixels.shape[:2]
        scale = min(1.0, self._max_side / max(height, width))
        if scale < 1:
            pixels = cv2.resize(pixels, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
        found = self._look_for_faces(pixels) if "faces" in self._find else []
        if "people" in self._find:
            found += self._look_for_people(pixels)
        sure = [(label, [value / scale for value in box], score) for label, box, score in found if score >= self._least]
        return regions(sure, width, height)

    def _look_for_faces(self, pixels: np.ndarray) -> list[tuple[str, Sequence[float], float]]:
        if min(pixels.shape[:2]) < 24:  # the cascade's window
            return []
        grey = cv2.equalizeHist(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))
        boxes, _, weights = self._faces.detectMultiScale3(grey, 1.1, 5, minSize=(24, 24), outputRejectLevels=True)
        return [("face", box, score(weight, _FACE_SCALE)) for box, weight in zip(boxes, weights)]

    def _look_for_people(self, pixels: np.ndarray) -> list[tuple[str, Sequence[float], float]]:
        if pixels.shape[0] < 128 or pixels.shape[1] < 64:  # the descriptor's window
            return []
        boxes, weights = self._people.detectMultiScale(pixels, winStride=(8, 8), padding=(8, 8), scale=1.05)
        return [("person", box, score(weight, _PERSON_SCALE)) for box, weight in zip(boxes, np.ravel(weights))]


def score(weight: float, scale: float) -> float:
    return 1 - math.exp(-max(0.0, float(weight)) / scale)


def counts(labels: Sequence[str]) -> str:
    """`2 faces, 1 person`: the most frequent first; "" if there is nothing."""
    return ", ".join(
        f"{number} {label if number == 1 else _PLURALS.get(label, label + 's')}" for label, number in Counter(labels).most_common())


main = Detector.main

if __name__ == "__main__":
    main()
