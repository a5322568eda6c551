#!/usr/bin/env python3
"""Cuts the pictures that the demo's network was not trained on out of Fashion-MNIST's training set.

usage: hold_out.py DATASET_DIR OUT_DIR

The trainer uses the first 50,000 training pictures; the last 10,000 are what elimination is chosen on.
Writes held-out-images-idx3-ubyte.gz and held-out-labels-idx1-ubyte.gz, and the first 1,600 of them as few-*; each file
whole or not at all.
"""
import gzip
import os
import struct
import sys

TRAINED_ON = 50000
FEW = 1600


def cut(source, folder, name, header_bytes, item_bytes):
    with gzip.open(source) as stream:
        header = bytearray(stream.read(header_bytes))
        stream.read(TRAINED_ON * item_bytes)
        rest = stream.read()
    write(f"{folder}/held-out-{name}", header, rest, item_bytes)
    write(f"{folder}/few-{name}", header, rest[: FEW * item_bytes], item_bytes)


def write(target, header, rest, item_bytes):
    header[4:8] = struct.pack(">I", len(rest) // item_bytes)
    temporary = f"{target}.part"
    with open(temporary, "wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=1, mtime=0) as stream:
        stream.write(header + rest)
    os.rename(temporary, target)


def main(dataset, out):
    os.makedirs(out, exist_ok=True)
    cut(f"{dataset}/train-images-idx3-ubyte.gz", out, "images-idx3-ubyte.gz", 16, 28 * 28)
    cut(f"{dataset}/train-labels-idx1-ubyte.gz", out, "labels-idx1-ubyte.gz", 8, 1)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
