"""What a worker of `make bench` speaks on stdin and stdout, one line each way.

    -> {"ready": true, "peer": ..., "version": ..., "batch": ..., "imported_at": ..., "first_output_at": ..., "peak_kib": ...}
    <- run SECONDS     -> {"samples_ms": [...], "cpu_s": ..., "wall_s": ...}   runs for at least so long, at least once
    <- quit, or the end of the input

An error is one line {"error": ...} and exit code 1. Moments are of the monotonic clock, which all processes share. The
worker is its own process, so that nobody's threads and memory are another's. bench/worker.cc is the same for DeftNN.
"""
import argparse
import json
import os
import sys
import time

import numpy as np

SWEEP_BYTES = 256 << 20


def arguments(formats):
    """The parser of a worker's command line; `formats`: the precisions that this peer has."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--format", choices=formats, default=formats[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--cold", action="store_true", help="empty the caches before each run")
    return parser


def shape_of(declared, batch):
    """A concrete shape: an open first dimension is the batch, other open ones are 1; a fixed batch stays."""
    return [dim if isinstance(dim, int) and dim > 0 else (batch if axis == 0 else 1) for axis, dim in enumerate(declared)]


def random_input(shape, dtype):
    """What DeftNN's worker feeds: the standard normal, or integers that are small enough to index with."""
    rng = np.random.default_rng(1)
    if np.issubdtype(dtype, np.floating):
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, 2, shape).astype(dtype)


def _answer(stream, **values):
    stream.write(json.dumps(values) + "\n")
    stream.flush()


def _peak_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def _group(run, seconds, sweep):
    samples, cpu, begin = [], time.process_time(), time.monotonic()
    while True:
        if sweep is not None:
            sweep.max()  # reads only: lines that have to be written back would slow what is measured
        start = time.perf_counter()
        run()
        samples.append(round((time.perf_counter() - start) * 1e3, 5))
        if time.monotonic() - begin >= seconds:
            return {"samples_ms": samples, "cpu_s": time.process_time() - cpu, "wall_s": time.monotonic() - begin}


def serve(peer, version, load, args, imported_at):
    """`load(args)` returns a function that runs the network once, and the batch size. Ends the process."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the peer's library prints is not part of the conversation
    try:
        run, batch = load(args)
        run()
        first_output_at = time.monotonic()
        _answer(answers, ready=True, peer=peer, version=version, format=args.format, batch=batch, imported_at=imported_at,
                first_output_at=first_output_at, peak_kib=_peak_kib())
        sweep = np.ones(SWEEP_BYTES // 8, np.int64) if args.cold else None
        for line in sys.stdin:
            if line.startswith("run "):
                _answer(answers, **_group(run, float(line[4:]), sweep))
            else:
                break
    except Exception as error:  # a peer's library may raise anything; the bench prints one line of it
        kind = "" if type(error) is RuntimeError else f"{type(error).__name__}: "
        _answer(answers, error=" ".join(f"{kind}{error}".split())[:300])
        sys.exit(1)
    sys.exit(0)
