#!/usr/bin/env python3
"""Reads pictures with Tesseract's own interface in a bare loop, one process for each share: PROCESSES PICTURE…

What a person would write instead of an expert: the library's C interface (capi.h), the pictures as Leptonica opens them, the
text of each, nothing else. Pages are segmented as our stage and the program `tesseract` do it, columns and all; the interface's own
default takes a page for one block of text. LORGNETTE_SEGMENTATION=6: that.
"""
import ctypes
import ctypes.util
import multiprocessing
import os
import sys


def read(pictures):
    os.environ["OMP_THREAD_LIMIT"] = "1"
    leptonica = ctypes.CDLL(ctypes.util.find_library("lept") or ctypes.util.find_library("leptonica"))
    tesseract = ctypes.CDLL(ctypes.util.find_library("tesseract"))
    leptonica.pixRead.restype = ctypes.c_void_p
    tesseract.TessBaseAPICreate.restype = ctypes.c_void_p
    tesseract.TessBaseAPIGetUTF8Text.restype = ctypes.c_void_p
    api = ctypes.c_void_p(tesseract.TessBaseAPICreate())
    if tesseract.TessBaseAPIInit3(api, None, b"eng") != 0:
        sys.exit("tesseract has no English")
    tesseract.TessBaseAPISetPageSegMode(api, int(os.environ.get("LORGNETTE_SEGMENTATION", "3")))
    letters = 0
    for picture in pictures:
        pix = ctypes.c_void_p(leptonica.pixRead(picture.encode()))
        if not pix:
            sys.exit(f"{picture}: not read")
        tesseract.TessBaseAPISetImage2(api, pix)
        text = ctypes.c_void_p(tesseract.TessBaseAPIGetUTF8Text(api))
        letters += len(ctypes.string_at(text))
        tesseract.TessDeleteText(text)
        leptonica.pixDestroy(ctypes.byref(pix))
    return letters


def main():
    processes, pictures = int(sys.argv[1]), sys.argv[2:]
    shares = [pictures[i::processes] for i in range(processes)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        print(sum(pool.map(read, shares)))


if __name__ == "__main__":
    main()
