#!/usr/bin/env python3
"""One network in DeftNN and its peers, with further files of it, in turns: `deftnn optimize`'s results, mostly.

Prints a table; writes nothing.
"""
import argparse
import pathlib
import sys

import competitors
import measure
import models
import report
import run
import workers


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--models", required=True, help="paths to .onnx files, or the bench's own names, with commas")
    add("--also", action="append", default=[], type=pathlib.Path, metavar="FILE", help="a .deft (or .onnx) of the same network")
    add("--batch", default="1")
    add("--threads", default="2")
    add("--peers", default="all", help="of onnxruntime,openvino,ncnn; all; none")
    add("--rounds", type=int, default=8)
    add("--worker", default="build/release/deftnn_bench_worker")
    return parser.parse_args(arguments)


def main(arguments):
    args = parse(arguments)
    try:
        worker = run.worker_at(args.worker)
        absent = [file for file in args.also if not file.exists()]
        if absent:
            raise ValueError(f"{absent[0]} is not there")
        peers = run.peers_of(args.peers)
        wanted = [c for c in competitors.DENSE if c.peer in peers and not (c.package or c.optimised) and c.format != "int8"]
        wanted += [competitors.Competitor("deftnn", "dfp16", file=file.resolve()) for file in args.also]
        effort = measure.Effort(args.rounds, starts=1)
        for model in models.chosen(args.models):
            for threads in run.numbers(args.threads, "--threads"):
                peaks = run.peaks_of(worker, threads)
                for batch in run.numbers(args.batch, "--batch"):
                    case = measure.Case(batch, threads)
                    table = {"title": f"{model.title}, {peaks['cpu']}", "case": case.title,
                             "rows": measure.measure(model, case, wanted, worker, effort)}
                    print("\n".join(report.table_lines(table, peaks)), flush=True)
    except (ValueError, FileNotFoundError, workers.WorkerError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
