"""The shared models as `deftnn optimize` makes them, at the losses that the table allows, from the shared data."""
import dataclasses
import json
import subprocess
import sys

import numpy as np

import models
import workers

MADE = models.ROOT / "build" / "bench" / "optimised"


def _shared_data():
    """tests/shared_data.py, which needs pillow: only where something is made."""
    sys.path.insert(0, str(models.ROOT / "tests"))
    import shared_data
    return shared_data


def _halves(name):
    """Even samples to calibrate, odd ones to choose and to report by."""
    x, y = _shared_data().made(name)
    return (x[::2], y[::2]), (x[1::2], y[1::2])


def _faces():
    x = _shared_data().ultraface(400)
    return (x[::2], None), (x[1::2], None)


def _files():
    """Pieces of the files to calibrate, the files themselves to choose and to report by."""
    data = _shared_data()
    contents = data.files()
    pieces = [c[at:at + 8192] for c in contents for at in range(0, min(len(c), 8 * 8192), 8192)]
    return (data.magika(pieces), None), (data.magika(contents), None)


@dataclasses.dataclass(frozen=True)
class Recipe:
    data: object  # -> (x, y or None) to calibrate with, and to choose and report by
    options: tuple = ("--max-drop", "0.5")


RECIPES = {
    "mnist8": Recipe(lambda: _halves("mnist")),
    "resnet20": Recipe(lambda: tuple(map(_shared_data().made, ("cifar10_calib", "cifar10_score")))),
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
