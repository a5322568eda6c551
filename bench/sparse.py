#!/usr/bin/env python3
"""The same number of weights, gone as entries of K (dense, smaller: ours) or one by one (sparse: libraries that have such a product).

Times each layer in turns, as bench/run.py does, keeps the figures in bench/results/sparse.json, and writes the table into
docs/benchmarks.md.
"""
import argparse
import pathlib
import re
import sys

import competitors
import json_file
import measure
import models
import networks
import page
import run
import workers

RESULTS = models.ROOT / "bench" / "results" / "sparse.json"
LAYERS = {
    "fc4096": ("FC 4096x4096", networks.fc4096, (1, 16)),
    "conv256": ("conv 3x3x256x256 at 14x14", networks.conv256, (1,)),
    "conv64": ("conv 3x3x64x64 at 56x56", networks.conv64, (1,)),
}
KEEPS = (0.5, 0.25, 0.1)
# Columns of the table: the competitor's name where the share of weights that stays is left out.
COLUMNS = {"deftnn fp32": "dense", "openvino fp32": "dense, OpenVINO", "deftnn fp32 synapse": "reduced, fp32",
           "deftnn dfp16 pair": "reduced, dfp16", "mkl fp32 csr": "MKL CSR", "scipy fp32 csr": "SciPy CSR",
           "onnxruntime fp32 csr": "ONNX Runtime sparse"}
OURS, SPARSE = "deftnn fp32 synapse", ("mkl fp32 csr", "scipy fp32 csr", "onnxruntime fp32 csr")


def cases_of(names):
    for name in names:
        title, build, batches = LAYERS[name]
        for batch in batches:
            for keep in KEEPS:
                yield name, models.Model(name, title, build), batch, keep


def case_name(name, batch, keep):
    return f"{name}, batch {batch}, {keep}"


def figures(rows):
    """Milliseconds, or the reason why there are none, by column."""
    return {re.sub(r" \d+ %", "", row["competitor"]): row.get("ms", row.get("error")) for row in rows}


def lines(record):
    """The table, one row a case."""
    head = ["layer", "weights gone", *COLUMNS.values(), "sparse over reduced"]
    text = ["| " + " | ".join(head) + " |", "|---|---|" + "---:|" * (len(head) - 2)]
    for name, _, batch, keep in cases_of(LAYERS):
        case = record["cases"].get(case_name(name, batch, keep))
        if case is None:
            continue
        times = case["ms"]
        cells = [f"{case['title']}, batch {case['batch']}", f"{100 * (1 - case['keep']):.0f} %"]
        cells += [f"{times[c]:#.3g}".rstrip(".") if isinstance(times.get(c), float) else "-" for c in COLUMNS]
        sparse = [times[c] for c in SPARSE if isinstance(times.get(c), float)]
        both = sparse and isinstance(times.get(OURS), float)
        text.append("| " + " | ".join(cells + [f"{min(sparse) / times[OURS]:.2f}x" if both else "-"]) + " |")
    return text


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--layers", default=",".join(LAYERS), help="with commas; what is not named keeps its figures; none: the table only")
    add("--threads", type=int, default=2)
    add("--rounds", type=int, default=6)
    add("--worker", default="build/release/deftnn_bench_worker")
    add("--results", type=pathlib.Path, default=RESULTS)
    return parser.parse_args(arguments)


def main(arguments):
    args = parse(arguments)
    names = [] if args.layers == "none" else args.layers.split(",")
    if unknown := set(names) - set(LAYERS):
        print(f"sparse: no layer '{unknown.pop()}': of {', '.join(LAYERS)}", file=sys.stderr)
        return 2
    record = json_file.read(args.results)
    try:
        worker = run.worker_at(args.worker)
        for name, model, batch, keep in cases_of(names):
            rows = measure.measure(model, measure.Case(batch, args.threads), competitors.sparse_competitors(keep), worker,
                                   measure.Effort(args.rounds, 0.2, starts=1))
            record = json_file.put(args.results, ("cases", case_name(name, batch, keep)), {
                "cpu": run.peaks_of(worker, args.threads)["cpu"], "title": model.title, "batch": batch, "keep": keep, "threads": args.threads, "ms": figures(rows),
                "clean": {row["competitor"]: f"{row['clean']}/{row['groups']}" for row in rows if "clean" in row}})
            print(model.title, batch, keep, figures(rows), flush=True)
    except (ValueError, FileNotFoundError, workers.WorkerError) as error:
        print(f"sparse: {error}", file=sys.stderr)
        return 2
    page.insert("sparse", lines(record))
    print("\n".join(lines(record)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
