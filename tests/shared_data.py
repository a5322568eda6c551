"""The development data of $DEFTNN_DATA (default: ../shared beside the checkout) as the models there take it."""
import importlib.util
import io
import os
import pathlib
import tarfile

import numpy as np
from PIL import Image

DATA = pathlib.Path(os.environ.get("DEFTNN_DATA") or pathlib.Path(__file__).resolve().parents[2] / "shared")


def made(set_name):
    """x and y of a set of make_npz.py."""
    spec = importlib.util.spec_from_file_location("make_npz", DATA / "make_npz.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x, y = getattr(module, set_name)()
    return np.ascontiguousarray(x, np.float32), np.asarray(y, np.int64)


def pictures(count):
    """The first ImageNet pictures, RGB."""
    with tarfile.open(DATA / "data/ilsvrc12_val_650a.tar") as tar:
        members = [m for m in tar if m.name.lower().endswith((".jpg", ".jpeg"))][:count]
        return [Image.open(io.BytesIO(tar.extractfile(m).read())).convert("RGB") for m in members]


def ultraface(count):
    """Pictures of anything, as UltraFace takes them."""
    resized = [np.asarray(p.resize((320, 240)), np.float32) for p in pictures(count)]
    return np.stack([((r - 127) / 128).transpose(2, 0, 1) for r in resized])


def files(count=None):
    """The contents of the first files of many types."""
    with tarfile.open(DATA / "data/magika_basic.tar") as tar:
        return [tar.extractfile(m).read() for m in [m for m in tar if m.isfile()][:count]]


def magika(contents):
    """The first and last 1024 bytes of each, white space stripped, 256 where there is none."""
    def row(content):
        begin, end = content[:4096].lstrip()[:1024], content[-4096:].rstrip()[-1024:]
        return list(begin) + [256] * (2048 - len(begin) - len(end)) + list(end)

    return np.array([row(content) for content in contents], np.int32)
