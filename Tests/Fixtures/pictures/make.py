#!/usr/bin/env python3
"""Makes the test pictures beside this file. Needs Pillow 12 or earlier and numpy; the results are committed.

One scene of 21 x 13 pixels is saved in every format and colour kind. `NAME.rgb` holds the raw pixels that a reader
must get for `NAME.*` where they are not those of `scene.rgb`.
"""
import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
W, H = 21, 13

y, x = np.mgrid[0:H, 0:W]
scene = np.dstack([x * 12, y * 20, (x * y * 3) % 256]).astype(np.uint8)
scene[2:5, 3:9] = (250, 30, 40)
scene[7:11, 12:15] = (20, 60, 240)
rgb = Image.fromarray(scene)
grey = rgb.convert("L")
alpha = Image.fromarray(((x + y) * 8).clip(0, 255).astype(np.uint8))
rgba = rgb.copy()
rgba.putalpha(alpha)
grey_alpha = grey.copy()
grey_alpha.putalpha(alpha)
palette = rgb.quantize(11)
bit = rgb.convert("1")


def on_white(image):
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    white.paste(image, mask=image.split()[3])
    return white.convert("RGB")


def expect(name, image):
    (HERE / f"{name}.rgb").write_bytes(np.array(image.convert("RGB")).tobytes())


def save(name, image, expected=None, **options):
    image.save(HERE / name, **options)
    if expected is not None:
        expect(name.split(".")[0], expected)


def lossy(name, image, **options):
    image.save(HERE / name, **options)
    expect(name.split(".")[0], Image.open(HERE / name))


expect("scene", rgb)
# Lossless, the same pixels
for name in ("rgb.png", "rgb.bmp", "rgb.ppm"):
    save(name, rgb)
for kind in ("raw", "tiff_lzw", "tiff_deflate", "packbits"):
    save(f"rgb-{kind}.tif", rgb, compression=kind)
save("rgb-lossless.webp", rgb, lossless=True)
# Lossy
lossy("jpeg.jpg", rgb, quality=90)
lossy("jpeg-progressive.jpg", rgb, quality=90, progressive=True)
lossy("jpeg-grey.jpg", grey, quality=90)
lossy("jpeg-cmyk.jpg", rgb.convert("CMYK"), quality=90)  # with an Adobe marker, stored inverted
lossy("webp-lossy.webp", rgb, quality=80)
# The same without the marker
data = (HERE / "jpeg-cmyk.jpg").read_bytes()
at = data.index(b"\xff\xee")
data = data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0] :]
(HERE / "jpeg-cmyk-plain.jpg").write_bytes(data)
expect("jpeg-cmyk-plain", Image.open(HERE / "jpeg-cmyk.jpg"))
# Colour kinds
grey16 = Image.fromarray(np.array(grey).astype(np.uint16) * 256 + 77)
for ending in ("png", "tif"):
    save(f"grey-{ending}.{ending}", grey, grey)
    save(f"grey16-{ending}.{ending}", grey16, grey)
    save(f"bit-{ending}.{ending}", bit, bit)
    save(f"palette-{ending}.{ending}", palette, palette)
    save(f"rgba-{ending}.{ending}", rgba, on_white(rgba))
    save(f"grey-alpha-{ending}.{ending}", grey_alpha, on_white(grey_alpha))
save("grey-pgm.pgm", grey, grey)
save("bit-pbm.pbm", bit, bit)
save("bit-fax.tif", bit, bit, compression="group4")
save("cmyk-tiff.tif", rgb.convert("CMYK"), rgb.convert("CMYK").convert("RGB"))
save("palette-bmp.bmp", palette, palette)
save("rgba-webp.webp", rgba, on_white(rgba), lossless=True, exact=True)
save("palette-clear.png", palette, on_white(Image.open((palette.save(b := io.BytesIO(), "PNG", transparency=2), b)[1])),
     transparency=2)
save("key.png", rgb, None, transparency=(250, 30, 40))
expect("key", on_white(Image.open(HERE / "key.png")))
# Pages and frames
save("pages.tif", rgb, None, save_all=True, append_images=[grey, rgb.rotate(180)])
expect("pages", rgb)
save("frames.gif", palette, None, save_all=True, append_images=[palette.rotate(180), palette.transpose(0)], duration=50)
expect("frames", palette)
save("frames-webp.webp", rgb, None, save_all=True, append_images=[rgb.rotate(180)], lossless=True, duration=50)
expect("frames-webp", rgb)
save("still.gif", palette, palette, transparency=3)
expect("still", on_white(Image.open(HERE / "still.gif")))
# Orientation: stored so that the upright picture is the scene
stored = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # PIL.Image.Transpose that undoes each
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = rgb if orientation == 1 else rgb.transpose(Image.Transpose(stored[orientation]))
    for ending, options in {
        "jpg": {"quality": 100, "subsampling": 0}, "png": {}, "tif": {"compression": "tiff_lzw"},
        "webp": {"lossless": True},
    }.items():
        turned.save(HERE / f"orientation-{orientation}.{ending}", exif=exif, **options)

# Resampling: width, height and Pillow's pixels, one after another
packed = bytearray()
for width, height in [(1, 1), (5, 7), (7, 5), (20, 12), (21, 6), (40, 6), (6, 40), (22, 14), (56, 56), (64, 3), (3, 64),
                      (10, 13), (21, 26), (42, 13)]:
    packed += bytes([width, height]) + rgb.resize((width, height), Image.Resampling.BICUBIC).tobytes()
(HERE / "resize.bin").write_bytes(packed)
