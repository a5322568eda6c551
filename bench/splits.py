"""Data to calibrate with and data to score by, of each model that is made faster here: no sample is in both."""
import gzip
import os
import pathlib
import sys

import numpy as np

import models

FASHION = pathlib.Path(os.environ.get("FASHION_MNIST_DIR", "/usr/share/datasets/fashion-mnist"))
FASHION_TRAINED_ON = 50000  # the first training pictures; the last 10,000 are held out
FASHION_MEAN, FASHION_STD = 0.2860, 0.3530  # examples/fashion_mnist/preprocess.json
STRETCHES, LONGEST = 16, 8192  # of each file, for magika


def _shared_data():
    """tests/shared_data.py, which needs pillow: only where something is made."""
    sys.path.insert(0, str(models.ROOT / "tests"))
    import shared_data
    return shared_data


def fashion(part):
    """Pictures (N x 1 x 28 x 28, as the demo's networks take them) and labels of "train" or "t10k"."""
    with gzip.open(FASHION / f"{part}-images-idx3-ubyte.gz") as images, gzip.open(FASHION / f"{part}-labels-idx1-ubyte.gz") as labels:
        pixels = np.frombuffer(images.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
        return (((pixels / np.float32(255)) - FASHION_MEAN) / FASHION_STD).astype(np.float32), np.frombuffer(
            labels.read(), np.uint8, offset=8).astype(np.int64)


def _fashion_halves(_seed):
    x, y = fashion("train")
    return (x[FASHION_TRAINED_ON:], y[FASHION_TRAINED_ON:]), fashion("t10k")


def _halves(name, seed):
    x, y = _shared_data().made(name)
    order = np.random.default_rng(seed).permutation(len(x))
    half = len(x) // 2
    return (x[order[:half]], y[order[:half]]), (x[order[half:]], y[order[half:]])


def _faces(seed):
    x = _shared_data().ultraface(400)[np.random.default_rng(seed).permutation(400)]
    return (x[:200], None), (x[200:], None)


def _files(seed):
    """Stretches that begin inside the files to calibrate, the files themselves to score."""
    data, rng = _shared_data(), np.random.default_rng(seed)
    contents = [content for content in data.files() if content]
    stretches = []
    for content in contents:
        for begin in rng.integers(1, max(2, len(content)), STRETCHES):
            stretches.append(content[begin:begin + int(np.exp(rng.uniform(np.log(64), np.log(LONGEST))))])
    return (data.magika(stretches), None), (data.magika(contents), None)


SPLITS = {
    "fashion_vgg": _fashion_halves,
    "fashion_mlp": _fashion_halves,
    "mnist8": lambda seed: _halves("mnist", seed),
    "resnet20": lambda _seed: tuple(map(_shared_data().made, ("cifar10_calib", "cifar10_score"))),
    "squeezenet": lambda seed: _halves("squeezenet", seed),
    "dscnn": lambda seed: _halves("kws", seed),
    "ultraface": _faces,
    "magika": _files,
}


def _fashion_trained_on():
    x, y = fashion("train")
    return x[:FASHION_TRAINED_ON], y[:FASHION_TRAINED_ON]


# Labelled samples to fine-tune on: what the network was trained on, or as much of it as there is.
TRAINED_ON = {
    "fashion_vgg": _fashion_trained_on,
    "fashion_mlp": _fashion_trained_on,
    "resnet20": lambda: _shared_data().made("cifar10_calib"),
}


def _save(path, x, y):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with open(part, "wb") as stream:
        np.savez(stream, x=x, **({} if y is None else {"y": y}))
    os.rename(part, path)  # whole or not at all: others may be reading
    return path


def first(path, count):
    """A file beside `path` with its first samples."""
    part = np.load(path)
    return _save(path.with_suffix(".few.npz"), part["x"][:count], part["y"][:count] if "y" in part else None)


def write_trained_on(name, folder):
    return _save(folder / f"{name}.train.npz", *TRAINED_ON[name]())


def write(name, seed, folder):
    """The paths of both parts as .npz files: `x`, and `y` where there are labels. OSError or ImportError where there is no data."""
    return [_save(folder / f"{name}.{part}.npz", x, y) for part, (x, y) in zip(("calib", "score"), SPLITS[name](seed))]
