#!/usr/bin/env python3
"""Makes the pictures of text beside it. Needs Pillow and the fonts DejaVu Sans (fonts-dejavu-core) and WenQuanYi Zen Hei
(fonts-wqy-zenhei); the tests need only the pictures."""
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
LATIN = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
CHINESE = "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"
LINES = ["Pack my box with five dozen", "liquor jugs on Tuesday.", "Invoice 4711: total 128.50 EUR"]


PRICES = ["Cafe Lindner", "Espresso 2.50", "Cappuccino 3.40", "Hot chocolate 3.80", "Green tea 2.20", "Apple cake 4.10"]


def page(name, lines, ink="black", paper="white", font=LATIN, size=22, turn=0):
    letters = ImageFont.truetype(font, size)
    picture = Image.new("RGB", (420, 30 + len(lines) * size * 2), paper)
    pen = ImageDraw.Draw(picture)
    for index, line in enumerate(lines):
        pen.text((20, 15 + index * size * 2), line, font=letters, fill=ink)
    if turn:
        picture = picture.rotate(turn, expand=True, fillcolor=paper, resample=Image.Resampling.BICUBIC)
    picture.quantize(32).save(HERE / name, optimize=True)


page("page.png", LINES)
page("dark.png", LINES, ink="#f0f0e0", paper="#202848")
page("skewed.png", LINES, turn=3)
page("small.png", LINES, size=11)
page("chinese.png", ["今天天气很好", "我们去公园散步"], font=CHINESE, size=32)
page("prices.png", PRICES, ink="#083018", paper="#e4f4e4", size=26)
