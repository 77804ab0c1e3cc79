#!/usr/bin/env python3
"""Draws upright pages of text with Leptonica's own letters, as a scanner at 150 dots an inch would see them: FOLDER COUNT"""
import ctypes
import ctypes.util
import random
import sys

WORDS = """the of and to in that it is was for on are as with his they at be this from have or by one had not but what all were
when we there can an your which their said if do will each about how up out them then she many some so these would other into has
more her two like him see time could no make than first been its who now people my made over did down only way find use may water
long little very after words called just where most know""".split()


def main():
    folder, count = sys.argv[1], int(sys.argv[2])
    leptonica = ctypes.CDLL(ctypes.util.find_library("lept") or ctypes.util.find_library("leptonica"))
    for name in ["bmfCreate", "pixCreate"]:
        getattr(leptonica, name).restype = ctypes.c_void_p
    font = ctypes.c_void_p(leptonica.bmfCreate(None, 12))
    random.seed(7)
    for number in range(count):
        page = ctypes.c_void_p(leptonica.pixCreate(1240, 900, 8))
        leptonica.pixSetAll(page)
        text = " ".join(random.choice(WORDS) for _ in range(170)).capitalize() + "."
        end = ctypes.c_int32()
        overflow = ctypes.c_int32()
        leptonica.pixSetTextblock(page, font, text.encode(), ctypes.c_uint32(0), 100, 90, 1040, 0, ctypes.byref(end),
                                  ctypes.byref(overflow))
        if leptonica.pixWrite(f"{folder}/page-{number:03}.png".encode(), page, 3) != 0:
            sys.exit(f"{folder}: not written")
        leptonica.pixDestroy(ctypes.byref(page))


if __name__ == "__main__":
    main()
