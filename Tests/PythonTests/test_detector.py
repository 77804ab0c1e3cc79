"""The expert `detector`, on a real photograph where it is there, and on drawn pictures."""
import os
import struct
import tempfile
import unittest
import zlib

import cv2
import numpy as np

from lorgnette import BadOption, BadPicture, Failure, MissingModel, PictureTooLarge, Rehearsal, UnsupportedPicture, WrongModel
from lorgnette.experts.detector import Detector, counts
from lorgnette.experts.upright import orientation
from lorgnette.experts.yolo import regions

import onnx_file

HOME = os.environ.get("LORGNETTE_HOME") or os.path.join(
    os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "lorgnette")
ASTRONAUT = os.path.join(HOME, "demo", "astronaut.png")


def encoded(pixels, kind=".png"):
    return cv2.imencode(kind, pixels)[1].tobytes()


def turned(jpeg, value):
    """A JPEG with an EXIF block that has this orientation."""
    block = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, value, 0, 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


@unittest.skipUnless(os.path.exists(ASTRONAUT), "astronaut.png is not in the demo folder: make setup")
class Faces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = Rehearsal(Detector, find=["faces"])
        cls.pixels = cv2.imread(ASTRONAUT)

    def centre(self, region):
        x, y, width, height = region.box
        return x + width / 2, y + height / 2

    def test_the_face_is_found_where_it_is(self):
        answer = self.stage.answer(ASTRONAUT)
        self.assertEqual(answer.text, "1 face")
        x, y = self.centre(answer.regions[0])
        # Between the eyes and the mouth: measured in the picture.
        self.assertTrue(200 < x < 245 and 95 < y < 140, (x, y))
        self.assertGreater(answer.regions[0].confidence, 0.55)
        self.assertEqual((answer.picture.format, answer.picture.width, answer.picture.height), ("png", 512, 512))

    def test_two_faces_are_counted(self):
        answer = self.stage.answer(encoded(np.hstack([self.pixels, self.pixels])))
        self.assertEqual(answer.text, "2 faces")
        apart = abs(self.centre(answer.regions[0])[0] - self.centre(answer.regions[1])[0])
        self.assertAlmostEqual(apart, 512, delta=12)

    def test_boxes_are_of_the_upright_picture(self):
        # As a camera writes it: what is stored lies on its side, and the tag says how to turn it.
        stored = cv2.rotate(self.pixels[:400], cv2.ROTATE_90_COUNTERCLOCKWISE)
        answer = self.stage.answer(turned(encoded(stored, ".jpg"), 6))
        self.assertEqual((answer.picture.width, answer.picture.height, answer.picture.orientation), (512, 400, 6))
        self.assertEqual(answer.text, "1 face")
        x, y = self.centre(answer.regions[0])
        self.assertTrue(200 < x < 245 and 95 < y < 140, (x, y))

    def test_large_pictures_are_scaled_down_and_boxes_up_again(self):
        large = cv2.resize(self.pixels, (2048, 2048))
        answer = Rehearsal(Detector, find=["faces"], max_side=512).answer(encoded(large))
        x, y = self.centre(answer.regions[0])
        self.assertTrue(800 < x < 980 and 380 < y < 560, (x, y))


class Pictures(unittest.TestCase):
    def test_every_orientation_becomes_upright(self):
        import lorgnette
        from lorgnette.experts.upright import load
        # Dark, but for the corner that is at the upper left of the upright picture.
        corners = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (-1, 0), 7: (-1, -1), 8: (0, -1)}
        for value, (row, column) in corners.items():
            stored = np.zeros((32, 64, 3), np.uint8)
            stored[slice(0, 16) if row == 0 else slice(16, 32), slice(0, 16) if column == 0 else slice(48, 64)] = 255
            pixels, facts = load(lorgnette.Picture(content=turned(encoded(stored, ".jpg"), value)))
            self.assertEqual(pixels.shape[:2], (32, 64) if value < 5 else (64, 32), value)
            self.assertEqual((facts.orientation, facts.width), (value, pixels.shape[1]))
            self.assertGreater(pixels[4, 4, 0], 200, value)
            self.assertLess(pixels[-5, -5, 0], 50, value)

    def test_malformed_orientations_are_none(self):
        jpeg = encoded(np.zeros((8, 8, 3), np.uint8), ".jpg")
        good = turned(jpeg, 6)
        self.assertEqual(orientation(good, "jpeg"), 6)
        self.assertEqual(orientation(turned(jpeg, 9), "jpeg"), 1)
        for end in range(len(good)):
            self.assertIn(orientation(good[:end], "jpeg"), (1, 6))
        for kind in ("jpeg", "png", "webp"):
            for seed in range(200):
                self.assertEqual(orientation(np.random.default_rng(seed).bytes(100), kind), 1)

    def test_bad_pictures_are_typed(self):
        stage = Rehearsal(Detector)
        whole = encoded(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))
        large = bytearray(whole)
        large[16:24] = struct.pack(">II", 100_000, 100_000)
        large[29:33] = struct.pack(">I", zlib.crc32(bytes(large[12:29])))
        for content, kind in [(b"", BadPicture), (b"hello", UnsupportedPicture), (whole[:len(whole) // 2], BadPicture),
                              (whole[:20], BadPicture), (bytes(large), PictureTooLarge)]:
            with self.assertRaises(kind):
                stage.answer(content)
        for size in ((1, 1), (1, 300), (300, 1), (23, 500), (127, 64)):
            self.assertEqual(stage.answer(encoded(np.zeros((*size, 3), np.uint8))).text, "")

    def test_damaged_pictures_end_nothing(self):
        stage = Rehearsal(Detector)
        random = np.random.default_rng(2)
        for kind in (".png", ".jpg", ".webp", ".bmp", ".ppm"):
            whole = bytearray(encoded(random.integers(0, 255, (40, 40, 3), np.uint8), kind))
            for _ in range(20):
                damaged = bytearray(whole)
                for place in random.integers(0, len(whole), 5):
                    damaged[place] = random.integers(0, 256)
                try:
                    stage.answer(bytes(damaged))
                except Failure as failure:
                    self.assertNotEqual(type(failure).__name__, "InternalFault", failure)

    def test_counts(self):
        self.assertEqual(counts(["face", "person", "face"]), "2 faces, 1 person")
        self.assertEqual(counts(["person"] * 2), "2 people")
        self.assertEqual(counts([]), "")

    def test_regions_stay_inside(self):
        found = regions([("a", (-5, -5, 20, 20), 0.5), ("b", (90, 40, 30, 30), 0.9), ("c", (200, 0, 5, 5), 1)], 100, 50)
        self.assertEqual([(region.text, region.box) for region in found], [("b", (90, 40, 10, 10)), ("a", (0, 0, 15, 15))])


class Models(unittest.TestCase):
    SIZE, PLACES = 64, 8

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "tiny.onnx")
        table = np.zeros((6, self.PLACES), np.float32)
        # A cat where it always is, the same cat once more, and a lamp that is seen when the picture is bright.
        for place, column in enumerate([(32, 32, 16, 8, 0.9, 0), (33, 32, 16, 8, 0.8, 0), (16, 40, 8, 8, 0, 0)]):
            table[:, place] = column
        onnx_file.detector(self.path, self.SIZE, 6, self.PLACES, table.flatten().tolist(), 5 * self.PLACES + 2)

    def stage(self, **options):
        return Rehearsal(Detector, **{"model": self.path, "labels": ["cat", "lamp"], "size": self.SIZE} | options)

    def test_boxes_come_back_to_the_picture(self):
        stage = self.stage()
        dark = stage.answer(encoded(np.zeros((200, 400, 3), np.uint8)))
        self.assertEqual(dark.text, "1 cat")
        # 400 × 200 fits as 64 × 32, with 16 rows of grey above: (24, 28, 16, 8) is (150, 75, 100, 50).
        self.assertEqual(dark.regions[0].box, (150, 75, 100, 50))
        self.assertAlmostEqual(dark.regions[0].confidence, 0.9, places=4)
        bright = stage.answer(encoded(np.full((200, 400, 3), 255, np.uint8)))
        self.assertEqual(bright.text, "1 cat, 1 lamp")
        self.assertEqual(bright.regions[1].box, (75, 125, 50, 50))

    def test_other_layouts_and_missing_files_are_refused(self):
        with self.assertRaisesRegex(WrongModel, r"expected one output \[1, 5, places\] for 1 labels, found \[1, 6, 8\]"):
            self.stage(labels=["cat"])
        with self.assertRaises(BadOption):
            self.stage(labels=[])
        with self.assertRaises(WrongModel):
            self.stage(size=96)
        with self.assertRaises(MissingModel):
            self.stage(model="/no/such.onnx")
        with open(self.path, "r+b") as file:
            file.write(b"no model at all")
        with self.assertRaises(WrongModel):
            self.stage()


if __name__ == "__main__":
    unittest.main()
