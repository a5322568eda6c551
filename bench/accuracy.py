#!/usr/bin/env python3
"""What `deftnn optimize` loses on real models, over several seeds, against the goals of bench/accuracy.toml.

Each run is kept in bench/results/accuracy.json as soon as it ends, and is not repeated while the program and the options stay
as they are: a run that was cut off goes on where it was. The table goes into docs/benchmarks.md. Exit code 1 where a
goal is missed or has no figure.
"""
import argparse
import json
import pathlib
import statistics
import sys
import tomllib

import accuracy_table
import fashion_mlp
import json_file
import models
import page
import splits
from program import NoFigure, Program

ROWS = models.ROOT / "bench" / "accuracy.toml"
RESULTS = models.ROOT / "bench" / "results" / "accuracy.json"
MADE = models.ROOT / "build" / "bench" / "accuracy"
KEYS = {"name", "model", "options", "at_most", "at_least", "against"}
SUBJECTS = {
    "fashion_vgg": ("Fashion-MNIST VGG", lambda: models.ROOT / "examples/fashion_mnist/fashion_vgg.onnx"),
    "fashion_mlp": ("Fashion-MNIST MLP", lambda: fashion_mlp.write(models.BUILT / "fashion_mlp.onnx")),
    **{name: (models.BY_NAME[name].title, models.BY_NAME[name].path)
       for name in ("resnet20", "squeezenet", "dscnn", "mnist8", "magika", "ultraface")},
}
DOMINATES = 0.05  # of the dense network's multiply-adds: a layer that its time is judged by
LAYER_RUNS = 5


def rows_of(path):
    """(seeds, rows). ValueError names a row that cannot be read."""
    table = tomllib.loads(path.read_text())
    names = [row.get("name") for row in table["row"]]
    for row in table["row"]:
        wrong = set(row) - KEYS or {"name", "model", "options"} - set(row)
        if wrong or row["model"] not in SUBJECTS or row.get("against", row["name"]) not in names:
            raise ValueError(f"{path.name}: row '{row.get('name', '?')}': unknown or missing: {', '.join(sorted(wrong)) or 'model, against'}")
    return table["seeds"], table["row"]


def stem_of(row, seed):
    return MADE / f"{row['name']}-{seed}"


def optimize(program, row, seed):
    """One run's figures: what was lost, and what it is faster by."""
    calibration, scoring = splits.write(row["model"], seed, MADE / "data")
    options = [splits.write_trained_on(row["model"], MADE / "data") if option == "@train" else option for option in row["options"]]
    stem = stem_of(row, seed)
    program.call("optimize", SUBJECTS[row["model"]][1](), "-o", f"{stem}.deft", "--calib", calibration, "--eval", scoring,
                 "--seed", seed, "--costs", MADE / f"{row['model']}-{program.digest}.costs", "--json", f"{stem}.json", "-q", *options)
    record = json.loads(pathlib.Path(f"{stem}.json").read_text())
    return {
        "program": program.digest, "options": row["options"], "metric": record["metric"],
        "lost": record["accuracy_drop_points"], "standard_error": record["accuracy_drop_standard_error"],
        "dense": record["baseline"]["accuracy"], "samples": record["evaluation_samples"],
        "macs_ratio": record["baseline"]["macs"] / record["optimized"]["macs"],
        "speedup": record["speedup"], "format": record["optimized"]["format"], "given_up": record["given_up"],
        "elapsed_s": round(record["elapsed_s"], 1),
    }


def measure_layers(program, row, seed):
    """The times of one run's file beside the dense network's in the same format, and the share of what the multiply-adds promise
    that the layers which dominate the dense one keep: the medians of LAYER_RUNS runs."""
    stem = stem_of(row, seed)
    if not pathlib.Path(f"{stem}.deft").exists():
        raise NoFigure(f"{stem}.deft is not there any more (--again)")
    record = json.loads(pathlib.Path(f"{stem}.json").read_text())
    mixed = record["optimized"]["format"] == "mixed"  # then only layers in 16 bits are compared
    common = "dfp16" if mixed else record["optimized"]["format"]
    benches = []
    for _ in range(LAYER_RUNS):
        program.call("bench", f"{stem}.deft", "--against", SUBJECTS[row["model"]][1](), "--format", common,
                     "--per-layer", "--duration", 1, "--json", f"{stem}.bench.json", "-q")
        benches.append(json.loads(pathlib.Path(f"{stem}.bench.json").read_text()))
    timed = {layer["name"] for layer in benches[0]["layers"]}
    total = sum(layer["macs"] for layer in record["layers"])
    large = [layer for layer in record["layers"]
             if layer["macs"] >= DOMINATES * total and layer["weight_format"] == common and layer["name"] in timed]
    if not large:
        raise NoFigure("no layer dominates, or none in the common format")
    promised = sum(layer["macs"] for layer in large) / sum(layer["macs_after"] for layer in large)
    names = {layer["name"] for layer in large}

    def ms(side):
        return sum(layer["latency_ms"] for layer in side["layers"] if layer["name"] in names)

    got = statistics.median(ms(bench["against"]) / ms(bench) for bench in benches)
    device = benches[0]["device"]
    return {"program": program.digest, "cpu": device["cpu"], "isa": device["isa"],
            "format": common, "faster_than_dense_in_format": statistics.median(bench["ratio"] for bench in benches), "layers": len(large),
            "promised": promised, "got": got, "share": got / promised}


class Results:
    """The JSON file: by row, its runs by seed and its times."""

    def __init__(self, path):
        self.path = path
        self.rows = json_file.read(path)

    def runs(self, row, seeds):
        """The runs with these seeds that have the row's own options."""
        kept = self.rows.get(row["name"], {}).get("runs", {})
        return {s: kept[str(s)] for s in seeds if str(s) in kept and kept[str(s)]["options"] == row["options"]}

    def put(self, row, *keys, values):
        self.rows = json_file.put(self.path, (row["name"], *keys), values)


def measure(program, rows, seeds, results, args):
    for row in rows:
        if lacking := program.lacks(row["options"]):
            print(f"{row['name']}: waits for {lacking}")
            continue
        try:
            for seed in seeds if "optimize" in args.steps else []:
                known = results.runs(row, seeds).get(seed)
                if known and not args.again and (args.keep_old or known["program"] == program.digest):
                    continue
                run = optimize(program, row, seed)
                results.put(row, "runs", seed, values=run)
                print(f"{row['name']}, seed {seed}: {run['macs_ratio']:.2f}x, {run['lost']:.2f} +- {run['standard_error']:.2f} lost, "
                      f"{run['elapsed_s']:.0f} s", flush=True)
            if "layers" in args.steps:
                times = measure_layers(program, row, seeds[0])
                results.put(row, "layers", values=times)
                print(f"{row['name']}: layers {times['got']:.2f}x of {times['promised']:.2f}x promised", flush=True)
        except (NoFigure, ImportError, OSError) as why:
            print(f"{row['name']}: no figure: {why}", flush=True)


def judge(program, rows, all_rows, seeds, results):
    """One Verdict a row."""
    by_name = {row["name"]: row for row in all_rows}
    verdicts = []
    for row in rows:
        runs = list(results.runs(row, seeds).values())
        verdict = accuracy_table.Verdict(row, SUBJECTS[row["model"]][0], runs, results.rows.get(row["name"], {}).get("layers"),
                                         len(seeds))
        lacking = program.lacks(row["options"])
        others = list(results.runs(by_name[row["against"]], seeds).values()) if "against" in row else []
        if not runs or ("against" in row and not others):
            verdict.word = f"waits for {lacking}" if lacking else "not measured"
        else:
            verdict.lost = statistics.mean(run["lost"] for run in runs)
            verdict.lost -= statistics.mean(run["lost"] for run in others) if others else 0
            verdict.ratio = statistics.mean(run["macs_ratio"] for run in runs)
            verdict.judge()
        verdicts.append(verdict)
    return verdicts


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rows", default="all", help="names, with commas")
    add("--seeds", help="numbers, with commas (default: those of the rows' file)")
    add("--steps", default="optimize,layers", help="optimize, layers (their times: on a quiet machine); none: the table only")
    add("--again", action="store_true", help="repeat what is there")
    add("--keep-old", action="store_true", help="runs of an older program count")
    add("--program", default="build/release/deftnn")
    add("--threads", type=int, default=0, help="of the program (0: one a core)")
    add("--results", type=pathlib.Path, default=RESULTS)
    return parser.parse_args(arguments)


def main(arguments):
    args = parse(arguments)
    try:
        seeds, all_rows = rows_of(ROWS)
        names = [row["name"] for row in all_rows] if args.rows == "all" else args.rows.split(",")
        if unknown := set(names) - {row["name"] for row in all_rows}:
            raise ValueError(f"no row '{unknown.pop()}' in {ROWS.name}")
        rows = [row for row in all_rows if row["name"] in names]
        program, results = Program(args.program, args.threads), Results(args.results)
        measured_seeds = [int(seed) for seed in args.seeds.split(",")] if args.seeds else seeds
    except (OSError, ValueError) as error:
        print(f"accuracy: {error}", file=sys.stderr)
        return 2
    measure(program, rows, measured_seeds, results, args)
    page.insert("accuracy", accuracy_table.lines(judge(program, all_rows, all_rows, seeds, results)))
    verdicts = judge(program, rows, all_rows, measured_seeds, results)
    print("\n".join(accuracy_table.lines(verdicts)))
    return 1 if any(verdict.fails for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
