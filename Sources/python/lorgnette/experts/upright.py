"""A picture's bytes to upright pixels, with OpenCV."""
from __future__ import annotations

import os
import struct

# Read by OpenCV when it is loaded: more pixels are refused before they are decoded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 28))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

import cv2
import numpy as np

from lorgnette import BadPicture, Picture, PictureFacts, PictureTooLarge, UnsupportedPicture

_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"II*\0", "tiff"), (b"MM\0*", "tiff"), (b"GIF8", "gif"),
    (b"BM", "bmp"), (b"P1", "pnm"), (b"P2", "pnm"), (b"P3", "pnm"), (b"P4", "pnm"), (b"P5", "pnm"), (b"P6", "pnm"))
#: What makes a picture upright that has this EXIF orientation.
_TURNS = {
    2: lambda pixels: cv2.flip(pixels, 1), 3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0), 5: lambda pixels: cv2.transpose(pixels),
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE)}


def load(picture: Picture) -> tuple[np.ndarray, PictureFacts]:
    """Pixels [height, width, 3] of uint8 in the order blue, green, red, and what they were decoded from. Raises
    UnsupportedPicture, BadPicture, PictureTooLarge."""
    content = picture.read()
    kind = picture_format(content)
    if kind is None:
        raise UnsupportedPicture(f"{picture.name}: expected JPEG, PNG, TIFF, WebP, GIF, BMP or PNM, found something else")
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        if "MAX_IMAGE" in str(error):
            limit = os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"]
            raise PictureTooLarge(f"{picture.name}: more than {limit} pixels, or 2²⁰ in a row") from error
        raise BadPicture(f"{picture.name}: the {kind} cannot be decoded: {error.err}") from error
    if pixels is None:
        raise BadPicture(f"{picture.name}: the {kind} is cut off or damaged")
    turn = orientation(content, kind)
    if turn in _TURNS:
        pixels = _TURNS[turn](pixels)
    return pixels, PictureFacts(kind, pixels.shape[1], pixels.shape[0], turn)


def picture_format(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return next((name for start, name in _SIGNATURES if content.startswith(start)), None)


def orientation(content: bytes, kind: str) -> int:
    """EXIF 2.3, section 4.6.4: 1…8; 1 where there is none, or none that can be read."""
    try:
        return _tag(_exif(content, kind))
    except struct.error:
        return 1


def _exif(content: bytes, kind: str) -> bytes:
    """The EXIF block of a JPEG, PNG or WebP, as the TIFF structure that it is; b"" if there is none."""
    if kind == "jpeg":
        place = 2
        while content[place:place + 1] == b"\xff" and content[place + 1:place + 2] not in (b"", b"\xd9", b"\xda"):
            length, = struct.unpack_from(">H", content, place + 2)
            if content[place + 1:place + 2] == b"\xe1" and content[place + 4:place + 10] == b"Exif\0\0":
                return content[place + 10:place + 2 + length]
            place += 2 + length
    elif kind == "png":
        place = 8
        while content[place + 4:place + 8] not in (b"", b"IEND"):
            length, = struct.unpack_from(">I", content, place)
            if content[place + 4:place + 8] == b"eXIf":
                return content[place + 8:place + 8 + length]
            place += 12 + length
    elif kind == "webp":
        place = 12
        while place + 8 <= len(content):
            length, = struct.unpack_from("<I", content, place + 4)
            if content[place:place + 4] == b"EXIF":
                return content[place + 8:place + 8 + length].removeprefix(b"Exif\0\0")
            place += 8 + length + length % 2
    return b""


def _tag(block: bytes) -> int:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return 1
    offset, = struct.unpack_from(order + "I", block, 4)
    count, = struct.unpack_from(order + "H", block, offset)
    for index in range(count):
        tag, kind, values = struct.unpack_from(order + "HHI", block, offset + 2 + 12 * index)
        if tag == 0x0112 and kind in (3, 4) and values == 1:
            value, = struct.unpack_from(order + ("H" if kind == 3 else "I"), block, offset + 10 + 12 * index)
            return value if 1 <= value <= 8 else 1
    return 1
