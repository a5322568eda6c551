"""The shared models as `deftnn optimize` makes them, at the losses that the table allows, from the shared data."""
import json
import subprocess

import models
import splits
import workers

MADE = models.ROOT / "build" / "bench" / "optimised"
# Of `deftnn optimize`, by the model's name in bench/splits.py.
OPTIONS = {
    "mnist8": ("--max-drop", "0.5"),
    "resnet20": ("--max-drop", "0.5"),
    "squeezenet": ("--max-drop", "0.5"),
    "dscnn": ("--max-drop", "0.5"),
    "ultraface": ("--metric", "relative-l2", "--max-drop", "1"),
    "magika": ("--metric", "agreement", "--max-drop", "0.5"),
}


def package(model, worker):
    """The model's optimised .deft; its record lies beside it. Made where it is missing or older than the program.
    WorkerError says why it cannot be."""
    program = worker.parent / "deftnn"
    target = MADE / f"{model.name}.deft"
    if not program.exists():
        raise workers.WorkerError(f"{program} is not there")
    if target.exists() and target.stat().st_mtime > program.stat().st_mtime:
        return target
    try:
        calibration, scoring = splits.write(model.name, 1, MADE)
    except (ImportError, OSError) as error:
        raise workers.WorkerError(f"no data: {error}") from error
    command = [program, "optimize", model.path(), "-o", target, "--json", target.with_suffix(".json"), "--threads", "2",
               "--calib", calibration, "--eval", scoring, *OPTIONS[model.name]]
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
