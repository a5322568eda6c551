#!/usr/bin/env python3
"""DeftNN and its peers, side by side: prints a table for each case, and writes bench/results/<cpu>.md and .json.

Each competitor is a process that loads once; their groups of runs alternate; groups in which other processes used the
machine are dropped. docs/benchmarks.md says what the figures mean.
"""
import argparse
import datetime
import operator
import os
import pathlib
import sys

import competitors
import measure
import models
import report
import workers

REDUCED = "resnet50,fc4096"  # default of --reduced: the networks of bench/thresholds.toml
PEAK_TRIES = 5
COLD = "fc4096"  # measured with cold caches too


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--worker", default="build/release/deftnn_bench_worker", help="DeftNN's worker")
    add("--models", default="all", help=f"all, none, or of {','.join(models.BY_NAME)}, or a path to an .onnx")
    add("--batch", default="1,16")
    add("--threads", default="2,1", help="the first is that of the cut networks")
    add("--peers", default="all", help="of onnxruntime,openvino,ncnn; all; none")
    add("--reduced", default=None, help=f"networks with K cut, batch 1 (default {REDUCED} where --models has them); all; none")
    add("--rounds", type=int, default=8, help="clean groups of each competitor")
    add("--update", action="store_true", help="keep the tables of the files that are there, but for those measured now")
    add("--quick", action="store_true", help="2 rounds, one start, batch 1, the first number of threads, no cut networks")
    add("--output", type=pathlib.Path, default=report.RESULTS, help="folder of the .md and .json")
    args = parser.parse_args(arguments)
    if args.quick:
        args.rounds, args.batch, args.threads = 2, args.batch.split(",")[0], args.threads.split(",")[0]
        args.reduced = args.reduced or "none"
    return args


def numbers(text, option):
    try:
        values = [int(word) for word in text.split(",")]
    except ValueError:
        values = [0]
    if min(values) < 1:
        raise ValueError(f"{option} {text}: numbers from 1, with commas")
    return values


def peers_of(text):
    known = list(competitors.SCRIPTS)
    wanted = known if text == "all" else [] if text == "none" else text.split(",")
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"no peer '{unknown[0]}': one of {', '.join(known)}")
    return [*wanted, "deftnn"]


def plan(args):
    """(model, case, competitors) in the order in which they are measured. ValueError says what is wrong with args."""
    batches, threads, peers = numbers(args.batch, "--batch"), numbers(args.threads, "--threads"), peers_of(args.peers)
    dense = [] if args.models == "none" else models.chosen(args.models)
    reduced_names = args.reduced
    if reduced_names is None:
        reduced_names = ",".join(name for name in REDUCED.split(",") if models.BY_NAME[name] in dense) or "none"
    reduced = [] if reduced_names == "none" else models.chosen(reduced_names)
    plans = []
    for model in dense:
        for case in [measure.Case(batch, count) for count in threads for batch in batches]:
            wanted = [c for c in competitors.dense_competitors(model, case.batch) if c.peer in peers]
            plans.append((model, case, wanted))
    for model in reduced:
        for cold in ([False, True] if model.name in COLD.split(",") else [False]):
            for keep in competitors.CUT_SHARES:
                wanted = [c for c in competitors.cut_competitors(keep) if c.peer in peers]
                plans.append((model, measure.Case(1, threads[0], keep, cold), wanted))
    return plans


def worker_at(path):
    worker = pathlib.Path(path).resolve()
    if not worker.exists():
        raise ValueError(f"{path} is not there: make bench-worker builds it")
    return worker


def peaks_of(worker, threads):
    """The machine's measured peaks with so many threads: the best of several, for a peak is what nothing has disturbed."""
    with workers.Worker([worker, models.BY_NAME["lenet5"].path(), "--threads", str(threads)]) as process:
        tries = [process.ask("peaks") for _ in range(PEAK_TRIES)]
    peaks = dict(tries[0])
    for key in ("fp32_gflops", "dfp16_gflops"):
        peaks[key] = max(one[key] for one in tries)
    peaks["read_gbps"] = [max(rates) for rates in zip(*(one["read_gbps"] for one in tries))]
    return peaks


def disturbed(table):
    """True where a competitor had no clean group."""
    return any(row.get("clean") == 0 for row in table["rows"])


class Bench:
    def __init__(self, args, command):
        self.args, self.worker = args, worker_at(args.worker)
        self.record = {"command": command, "date": datetime.date.today().isoformat(), "cpu": "", "isa": "", "peaks": {},
                       "versions": {}, "tables": [], "missing": {}}

    def measure_peaks(self, threads):
        for count in threads:
            peaks = peaks_of(self.worker, count)
            self.record.update(cpu=peaks["cpu"], isa=peaks["isa"])
            self.record["peaks"][str(count)] = peaks

    def keep_earlier(self):
        """Takes over what is in the results file of this machine. Each table is a measurement of its own."""
        earlier = report.read(self.record, self.args.output)
        for key in ("versions", "peaks", "missing"):
            self.record[key] = {**earlier.get(key, {}), **self.record[key]}
        self.record["tables"] = earlier.get("tables", [])

    def add_table(self, table):
        """Adds it, in place of an earlier one of the same case, unless that was measured in peace and this one was not."""
        key = operator.itemgetter("model", "case")
        order = list(models.BY_NAME)
        if disturbed(table) and any(key(other) == key(table) and not disturbed(other) for other in self.record["tables"]):
            print("The machine was busy: the earlier figures of this case stay.\n")
            return
        tables = [other for other in self.record["tables"] if key(other) != key(table)] + [table]
        self.record["tables"] = sorted(tables, key=lambda t: (
            order.index(t["model"]) if t["model"] in order else len(order), t["cold"], -t["keep"], -t["threads"], t["batch"]))

    def table(self, model, case, wanted, first):
        """Measures one case. How long it takes to start does not depend on the batch: asked of a model's first case only."""
        effort = measure.Effort(self.args.rounds, starts=3 if first and not self.args.quick else 1)
        rows = measure.measure(model, case, [c for c in wanted if first or not c.package], self.worker, effort)
        self.record["versions"].update({row["peer"]: row["version"] for row in rows if "version" in row})
        table = {"model": model.name, "title": model.title, "case": case.title, "batch": case.batch, "threads": case.threads,
                 "keep": case.keep, "cold": case.cold, "date": self.record["date"], "rows": rows}
        self.add_table(table)
        print("\n".join(report.table_lines(table, self.record["peaks"].get(str(case.threads)))), flush=True)

    def run(self, plans):
        """Measures, and writes the files after each table: what is there survives an interruption."""
        self.measure_peaks(sorted({case.threads for _, case, _ in plans}, reverse=True))
        if self.args.update:
            self.keep_earlier()
        begun = set()
        for model, case, wanted in plans:
            try:
                model.path()
            except FileNotFoundError as error:
                if model.title not in self.record["missing"]:
                    print(f"{model.title}: {error}\n", flush=True)
                self.record["missing"][model.title] = str(error)
                continue
            fixed = model.fixed_batch()
            if fixed not in (0, case.batch):
                self.record["missing"][f"{model.title}, batch {case.batch}"] = f"its file fixes the batch to {fixed}"
                continue
            self.table(model, case, wanted, model.name not in begun)
            begun.add(model.name)
            self.record["missing"].pop(model.title, None)
            report.write(self.record, self.args.output)
        return report.write(self.record, self.args.output)


def main(arguments):
    args = parse(arguments)
    try:
        plans = plan(args)
        path = Bench(args, " ".join(["bench/run.py", *arguments])).run(plans)
    except (ValueError, workers.WorkerError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(f"wrote {os.path.relpath(path)} and .json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
