"""Makes a folder of copies-with-changes of some pictures, a tenth of them damaged, and a manifest of what was done.

The same seed makes the same folder. The manifest (JSON, beside the folder) maps each path in the folder to
{"source", "changes", "expect"}: "ok" for a whole picture, "bad" for one that cannot be described, "any" where it
depends on the decoder (a flipped bit may or may not show). Needs Pillow.
"""
import argparse
import io
import json
import random
import struct
import sys
import zlib
from pathlib import Path

from PIL import Image

FOLDERS = ["", "", "", "a", "a/b", "with space", "Straße", "写真", "-dash"]
NAMES = ["{n:03}", "picture {n:03}", "IMG_{n:03}", "café {n:03}", "図{n:03}", "-{n:03}", ".{n:03}", "a'b\"c{n:03}", "100% {n:03}"]
ODD_NAMES = ["two\nlines", "not UTF-8 \udcff", "cafe\u0301 000", "n" * 240]
TRANSPOSED = {  # EXIF orientation: what to do to an upright picture so that this orientation shows it upright
    1: [],
    2: [Image.Transpose.FLIP_LEFT_RIGHT],
    3: [Image.Transpose.ROTATE_180],
    4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.TRANSPOSE],
    6: [Image.Transpose.ROTATE_90],
    7: [Image.Transpose.TRANSVERSE],
    8: [Image.Transpose.ROTATE_270],
}


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width, height, depth, colour):
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png_16_bit(picture):
    """16 bits a channel, which Pillow does not write for colour."""
    picture = picture.convert("RGB")
    row = picture.width * 3
    samples = picture.tobytes()
    rows = b"".join(
        b"\0" + bytes(b for s in samples[y * row : (y + 1) * row] for b in (s, s)) for y in range(picture.height))
    header = png_header(picture.width, picture.height, 16, 2)
    return header + png_chunk(b"IDAT", zlib.compress(rows, 1)) + png_chunk(b"IEND", b"")


def saved(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def with_orientation(picture, orientation, kind, **options):
    for step in TRANSPOSED[orientation]:
        picture = picture.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(picture, kind, exif=exif, **options)


def alpha(picture, seed):
    mask = Image.linear_gradient("L").rotate(90 * (seed % 4)).resize(picture.size)
    picture = picture.copy()
    picture.putalpha(mask)
    return picture


def encoders(picture, draw):
    """Name of the change -> (bytes, extension), computed only for the one drawn."""
    quality = draw.randint(40, 95)
    orientation = draw.randint(1, 8)
    other = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return {
        "jpeg": lambda: (saved(picture, "JPEG", quality=quality), "jpg"),
        "jpeg progressive": lambda: (saved(picture, "JPEG", quality=quality, progressive=True), "jpeg"),
        "jpeg grey": lambda: (saved(picture.convert("L"), "JPEG", quality=quality), "JPG"),
        "jpeg CMYK": lambda: (saved(picture.convert("CMYK"), "JPEG", quality=quality), "jpg"),
        f"jpeg orientation {orientation}": lambda: (with_orientation(picture, orientation, "JPEG"), "jpg"),
        f"webp orientation {orientation}": lambda: (with_orientation(picture, orientation, "WEBP"), "webp"),
        "png": lambda: (saved(picture, "PNG"), "png"),
        "png palette": lambda: (saved(picture.quantize(64), "PNG"), "png"),
        "png grey": lambda: (saved(picture.convert("L"), "PNG"), "png"),
        "png bilevel": lambda: (saved(picture.convert("1"), "PNG"), "png"),
        "png alpha": lambda: (saved(alpha(picture, quality), "PNG"), "png"),
        "png grey alpha": lambda: (saved(alpha(picture.convert("L"), quality), "PNG"), "png"),
        "png 16 bit": lambda: (png_16_bit(picture), "png"),
        "png 16 bit grey": lambda: (saved(picture.convert("L").convert("I;16"), "PNG"), "png"),
        "tiff": lambda: (saved(picture, "TIFF"), "tif"),
        "tiff lzw": lambda: (saved(picture, "TIFF", compression="tiff_lzw"), "tiff"),
        "tiff CMYK": lambda: (saved(picture.convert("CMYK"), "TIFF"), "tif"),
        "tiff two pages": lambda: (saved(picture, "TIFF", save_all=True, append_images=[other]), "tif"),
        "webp": lambda: (saved(picture, "WEBP", quality=quality), "webp"),
        "webp lossless": lambda: (saved(picture, "WEBP", lossless=True), "webp"),
        "webp alpha": lambda: (saved(alpha(picture, quality), "WEBP"), "webp"),
        "gif": lambda: (saved(picture.quantize(128), "GIF"), "gif"),
        "gif animated": lambda: (saved(picture, "GIF", save_all=True, append_images=[other], duration=80), "gif"),
        "bmp": lambda: (saved(picture, "BMP"), "bmp"),
        "bmp palette": lambda: (saved(picture.quantize(16), "BMP"), "bmp"),
        "ppm": lambda: (saved(picture, "PPM"), "ppm"),
        "pgm": lambda: (saved(picture.convert("L"), "PPM"), "pgm"),
        "png named jpg": lambda: (saved(picture, "PNG"), "jpg"),
        "jpeg named png": lambda: (saved(picture, "JPEG"), "png"),
    }


def flipped(data, draw):
    data = bytearray(data)
    for _ in range(draw.randint(1, 20)):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(data)


def damages(picture, draw):
    """Name of the damage -> (bytes, extension, what to expect)."""
    jpeg, png = saved(picture, "JPEG"), saved(picture, "PNG")
    noise = draw.randbytes(4096)
    return {
        "empty": (b"", "jpg", "bad"),
        "jpeg cut to its first bytes": (jpeg[: draw.randint(1, 20)], "jpg", "bad"),
        "jpeg cut in the middle": (jpeg[: len(jpeg) // draw.randint(2, 4)], "jpg", "bad"),
        "jpeg with flipped bits": (flipped(jpeg, draw), "jpg", "any"),
        "png cut in the middle": (png[: len(png) // 2], "png", "bad"),
        "png with flipped bits": (flipped(png, draw), "png", "any"),
        "tiff cut in the middle": (saved(picture, "TIFF")[:-2000], "tif", "bad"),
        "webp cut in the middle": (saved(picture, "WEBP")[:-500], "webp", "bad"),
        "gif cut in the middle": (saved(picture.quantize(64), "GIF")[:700], "gif", "bad"),
        "bmp cut in the middle": (saved(picture, "BMP")[:-3000], "bmp", "bad"),
        "text named jpg": (b"This is a letter, not a picture.\n" * 40, "jpg", "bad"),
        "html named png": (b"<!DOCTYPE html><title>404</title><p>Not found", "png", "bad"),
        "noise": (noise, "jpg", "bad"),
        "zeros": (bytes(8192), "png", "bad"),
        "png header of 3,600,000,000 pixels": (
            png_header(60000, 60000, 8, 2) + png_chunk(b"IDAT", zlib.compress(bytes(4096))) + png_chunk(b"IEND", b""),
            "png", "bad"),
        "png without pixels": (png_header(64, 64, 8, 2) + png_chunk(b"IEND", b""), "png", "bad"),
    }


def odd_shapes(picture):
    return {
        "one pixel": picture.resize((1, 1)),
        "a long strip": picture.resize((1500, 3)),
        "a tall strip": picture.resize((2, 900)),
    }


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("sources", type=Path, help="folder of whole pictures")
    options.add_argument("folder", type=Path, help="new folder to fill")
    options.add_argument("--count", type=int, default=500)
    options.add_argument("--damaged", type=float, default=0.1)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--side", type=int, default=320, help="longest side in pixels, at most")
    options = options.parse_args()
    draw = random.Random(options.seed)
    sources = []
    for path in sorted(options.sources.iterdir()):
        with Image.open(path) as picture:
            sources.append((path.name, picture.convert("RGB")))
    if not sources:
        sys.exit(f"no pictures in {options.sources}")

    damaged = set(draw.sample(range(options.count), round(options.count * options.damaged)))
    manifest = {}
    for number in range(options.count):
        name, picture = sources[number % len(sources)]
        side = draw.randint(options.side // 3, options.side)
        scale = side / max(picture.size)
        picture = picture.resize([max(1, round(length * scale)) for length in picture.size], Image.Resampling.LANCZOS)
        changes = [f"{picture.width}x{picture.height}"]
        if number % 50 == 7:
            shape, picture = list(odd_shapes(picture).items())[number // 50 % 3]
            changes.append(shape)
        if number in damaged:
            choices = damages(sources[number % len(sources)][1].resize((160, 120)), draw)
            change = list(choices)[len(manifest) % len(choices)] if draw.random() < 0.5 else draw.choice(list(choices))
            data, extension, expect = choices[change]
        else:
            choices = encoders(picture, draw)
            change = draw.choice(list(choices))
            (data, extension), expect = choices[change](), "ok"
        stem = ODD_NAMES[number] if number < len(ODD_NAMES) else draw.choice(NAMES).format(n=number)
        file = Path(draw.choice(FOLDERS)) / (stem + "." + extension)
        (options.folder / file).parent.mkdir(parents=True, exist_ok=True)
        (options.folder / file).write_bytes(data)
        manifest[str(file)] = {"source": name, "changes": changes + [change], "expect": expect}
    path = options.folder.parent / (options.folder.name + ".json")
    path.write_text(json.dumps(manifest, indent=1))
    counts = {expect: sum(entry["expect"] == expect for entry in manifest.values()) for expect in ("ok", "bad", "any")}
    print(f"{len(manifest)} files in {options.folder}: {counts['ok']} whole, {counts['bad']} damaged beyond use, "
          f"{counts['any']} with flipped bits")


main()
