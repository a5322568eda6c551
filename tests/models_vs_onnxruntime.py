#!/usr/bin/env python3
"""Compares `deftnn run` with ONNX Runtime on the six models of the development data.

usage: models_vs_onnxruntime.py [MODEL.onnx ...]      (needs onnxruntime, numpy and pillow)

Every model gets random inputs and real ones. An output agrees when max|a-b| / max|b| <= 1e-4 and it
holds no NaN. Prints a table; exits 1 where one disagrees, and prints how many were skipped where
the data is missing (with DEFTNN_REQUIRE_DATA=1 that fails too).

DEFTNN_DATA  the folder of models and data   (default: ../shared beside the checkout)
DEFTNN_BIN   the program                     (default: build/release/deftnn)
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

import shared_data

SOURCE = pathlib.Path(__file__).resolve().parent.parent
DATA = shared_data.DATA
BIN = os.environ.get("DEFTNN_BIN", str(SOURCE / "build/release/deftnn"))
TOLERANCE = 1e-4
COUNT = 4  # real inputs of each model


def squeezenet():
    crops = [np.asarray(p.crop(((p.width - 224) // 2, (p.height - 224) // 2, (p.width - 224) // 2 + 224,
                                (p.height - 224) // 2 + 224)), np.float32) for p in shared_data.pictures(COUNT)]
    return np.stack([(c[:, :, ::-1] - np.array([104, 117, 123], np.float32)).transpose(2, 0, 1) for c in crops])


def normal(rng, shape):
    return rng.standard_normal(shape).astype(np.float32)


# model -> (random input of a shape, real inputs)
MODELS = {
    "mnist-8.onnx": (lambda rng, s: (rng.random(s) * 255).astype(np.float32), lambda: shared_data.made("mnist")[0][:COUNT]),
    "cifar10_resnet20.onnx": (normal, lambda: shared_data.made("cifar10_ic01")[0][:COUNT]),
    "squeezenet_fp32.onnx": (lambda rng, s: 60 * normal(rng, s), squeezenet),
    "kws_dscnn.onnx": (lambda rng, s: 20 * normal(rng, s), lambda: shared_data.made("kws")[0][:COUNT]),
    "ultraface_rfb320.onnx": (normal, lambda: shared_data.ultraface(COUNT)),
    "magika_v3_3.onnx": (lambda rng, s: rng.integers(0, 257, s).astype(np.int32),
                         lambda: shared_data.magika(shared_data.files(COUNT))),
}


def run_deftnn(model, name, x, folder):
    np.save(f"{folder}/x.npy", x)
    out = pathlib.Path(folder) / "out"
    done = subprocess.run([BIN, "run", str(model), "--input", f"{name}={folder}/x.npy", "--output", str(out)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"exit code {done.returncode}")
    return lambda output: np.load(out / f"{output}.npy")


def compare(model, session, kind, x):
    """Prints a line per output; returns how many disagree."""
    info = session.get_inputs()[0]
    names = [o.name for o in session.get_outputs()]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        expected = dict(zip(names, session.run(None, {info.name: x})))
        try:
            got = run_deftnn(model, info.name, x, folder)
            for name, b in expected.items():
                a = got(name)
                if a.shape != b.shape:
                    raise RuntimeError(f"output {name} has shape {a.shape}, not {b.shape}")
                error = float(np.max(np.abs(a.astype(np.float64) - b)) / max(float(np.max(np.abs(b))), 1e-30))
                good = error <= TOLERANCE and not np.isnan(a).any()
                wrong += not good
                print(f"{model.name:24} {kind:8} {name:24} {'x'.join(map(str, b.shape)):12} {error:9.2e} "
                      f"{'ok' if good else 'WRONG'}")
        except (RuntimeError, OSError) as reason:
            print(f"{model.name:24} {kind:8} FAILED: {reason}")
            wrong += 1
    return wrong


def batches(x, dims):
    """The whole where the batch is open, else pieces of what the model takes."""
    size = dims[0] if isinstance(dims[0], int) else len(x)
    return [x[i:i + size] for i in range(0, len(x) - size + 1, size)]


def main():
    onnxruntime.set_default_logger_severity(3)  # errors only
    wanted = sys.argv[1:] or list(MODELS)
    wrong = skipped = 0
    for name in wanted:
        model = DATA / "models" / name
        if not model.exists():
            skipped += 1
            continue
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        dims = session.get_inputs()[0].shape
        make_random, make_real = MODELS[name]
        shape = [d if isinstance(d, int) else 2 for d in dims]
        wrong += compare(model, session, "random", make_random(np.random.default_rng(1), shape))
        for i, x in enumerate(batches(make_real().reshape([-1] + shape[1:]), dims)):
            wrong += compare(model, session, f"real {i}", x)
    if skipped:
        print(f"skipped {skipped} of {len(wanted)} models: not in {DATA} (set DEFTNN_DATA)")
    print(f"{wrong} disagree" if wrong else "all that ran agree")
    required = os.environ.get("DEFTNN_REQUIRE_DATA") == "1"
    return 1 if wrong or (skipped and required) else 0


if __name__ == "__main__":
    sys.exit(main())
