#!/usr/bin/env python3
"""Latency of a model in DeftNN and in ONNX Runtime, measured in turns in one run.

usage: against_onnxruntime.py [--deftnn BINARY] [--threads N] [--batch N] [--rounds N] MODEL.onnx [FAST.deft]

Each round times one peer for a quarter of a second in its own process (DeftNN) or session (ONNX Runtime);
the rounds alternate, so that a disturbance meets all alike. Prints medians and ratios to ONNX Runtime.
Needs onnxruntime and numpy (`make venv`).
"""
import argparse
import json
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime as ort

ROUND_SECONDS = 0.25


def session_of(path, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def inputs_of(session, batch):
    rng = np.random.default_rng(1)
    kinds = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(int64)": np.int64}
    feeds = {}
    for value in session.get_inputs():
        shape = [dim if isinstance(dim, int) else (batch if axis == 0 else 1) for axis, dim in enumerate(value.shape)]
        feeds[value.name] = rng.standard_normal(shape).astype(kinds[value.type])
    return feeds


def time_onnxruntime(session, feeds):
    times, begin = [], time.perf_counter()
    while time.perf_counter() - begin < ROUND_SECONDS:
        start = time.perf_counter()
        session.run(None, feeds)
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def time_deftnn(binary, model, form, threads, batch):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [binary, "bench", model, "--format", form, "--threads", str(threads), "--batch", str(batch),
                   "--duration", str(ROUND_SECONDS), "-q", "--json", file.name]
        subprocess.run(command, check=True)
        with open(file.name) as stream:
            return json.load(stream)["latency_ms"]["median"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deftnn", default="build/release/deftnn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    args = parser.parse_args()
    model = args.models[0]
    session = session_of(model, args.threads)
    feeds = inputs_of(session, args.batch)
    time_onnxruntime(session, feeds)  # warm-up
    rows = {"ONNX Runtime fp32": lambda: time_onnxruntime(session, feeds)}
    for form in ("fp32", "dfp16"):
        rows[f"DeftNN dense {form}"] = lambda form=form: time_deftnn(args.deftnn, model, form, args.threads, args.batch)
    for other in args.models[1:]:
        rows[f"DeftNN {other}"] = lambda other=other: time_deftnn(args.deftnn, other, "fp32", args.threads, args.batch)
    times = {name: [] for name in rows}
    for _ in range(args.rounds):
        for name, measure in rows.items():
            times[name].append(measure())
    base = statistics.median(times["ONNX Runtime fp32"])
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    print(f"{model}, batch {args.batch}, {args.threads} threads, {cpu}, median of {args.rounds} rounds")
    for name, samples in times.items():
        median = statistics.median(samples)
        print(f"  {name:<32} {median:9.4f} ms   {median / base:6.3f} of ONNX Runtime's time")


if __name__ == "__main__":
    main()
