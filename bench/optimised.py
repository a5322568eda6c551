"""The shared models as `deftnn optimize` makes them, at the losses that the table allows, from the shared data."""
import dataclasses
import importlib.util
import io
import json
import subprocess
import tarfile

import numpy as np

import models
import workers

MADE = models.ROOT / "build" / "bench" / "optimised"
DATA = models.SHARED.parent


def _shared(name):
    spec = importlib.util.spec_from_file_location("make_npz", DATA / "make_npz.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x, y = getattr(module, name)()
    return np.ascontiguousarray(x, np.float32), np.asarray(y, np.int64)


def _halves(name):
    """Even samples to calibrate, odd ones to choose and to report by."""
    x, y = _shared(name)
    return (x[::2], y[::2]), (x[1::2], y[1::2])


def _cifar10():
    return _shared("cifar10_calib"), _shared("cifar10_score")


def _faces():
    """Pictures of anything, as UltraFace takes them; no labels."""
    from PIL import Image
    with tarfile.open(DATA / "data/ilsvrc12_val_650a.tar") as tar:
        members = [m for m in tar if m.name.lower().endswith((".jpg", ".jpeg"))][:400]
        pictures = [Image.open(io.BytesIO(tar.extractfile(m).read())).convert("RGB").resize((320, 240)) for m in members]
    x = np.stack([((np.asarray(p, np.float32) - 127) / 128).transpose(2, 0, 1) for p in pictures])
    return (x[::2], None), (x[1::2], None)


def _files():
    """The first and last 1024 bytes of files, white space stripped, 256 where there is none; pieces of them to calibrate."""
    def row(content):
        begin, end = content[:4096].lstrip()[:1024], content[-4096:].rstrip()[-1024:]
        return list(begin) + [256] * (2048 - len(begin) - len(end)) + list(end)

    with tarfile.open(DATA / "data/magika_basic.tar") as tar:
        contents = [tar.extractfile(m).read() for m in tar if m.isfile()]
    pieces = [c[at:at + 8192] for c in contents for at in range(0, min(len(c), 8 * 8192), 8192)]
    return ((np.array([row(c) for c in pieces], np.int32), None), (np.array([row(c) for c in contents], np.int32), None))


@dataclasses.dataclass(frozen=True)
class Recipe:
    data: object  # -> (x, y or None) to calibrate with, and to choose and report by
    options: tuple = ("--max-drop", "0.5")


RECIPES = {
    "mnist8": Recipe(lambda: _halves("mnist")),
    "resnet20": Recipe(_cifar10),
    "squeezenet": Recipe(lambda: _halves("squeezenet")),
    "dscnn": Recipe(lambda: _halves("kws")),
    "ultraface": Recipe(_faces, ("--metric", "relative-l2", "--max-drop", "1")),
    "magika": Recipe(_files, ("--metric", "agreement", "--max-drop", "0")),
}


def _save(path, x, y):
    np.savez(path, x=x, **({} if y is None else {"y": y}))
    return path


def package(model, worker):
    """The model's optimised .deft; its record lies beside it. Made where it is missing or older than the program.
    WorkerError says why it cannot be."""
    program = worker.parent / "deftnn"
    target = MADE / f"{model.name}.deft"
    if not program.exists():
        raise workers.WorkerError(f"{program} is not there")
    if target.exists() and target.stat().st_mtime > program.stat().st_mtime:
        return target
    MADE.mkdir(parents=True, exist_ok=True)
    recipe = RECIPES[model.name]
    try:
        calibration, scoring = recipe.data()
    except (ImportError, OSError) as error:
        raise workers.WorkerError(f"no data: {error}") from error
    command = [program, "optimize", model.path(), "-o", target, "--json", target.with_suffix(".json"), "--threads", "2",
               "--calib", _save(MADE / f"{model.name}.calib.npz", *calibration),
               "--eval", _save(MADE / f"{model.name}.eval.npz", *scoring), *recipe.options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        raise workers.WorkerError((done.stderr or done.stdout).strip().splitlines()[-1][:300])
    return target


def lost(model):
    """What the optimised file lost, by its record, in words."""
    record = json.loads((MADE / f"{model.name}.json").read_text())
    cut = record["baseline"]["macs"] / record["optimized"]["macs"]
    return (f"{cut:.2f}x fewer multiply-adds; {record['metric']} {record['baseline']['accuracy']:.2f} -> "
            f"{record['optimized']['accuracy']:.2f}, {record['accuracy_drop_points']:.2f} "
            f"+- {record['accuracy_drop_standard_error']:.2f} lost")
