#!/usr/bin/env python3
"""The paper's method beside DeftNN's own, on real networks: accuracy over multiply-adds and over measured speed-up.

For each network, method, technique and ratio of multiply-adds, `deftnn optimize` makes one network: in fp32 (synapse vector elimination
alone) or in DFP16 (with near-compute data fission). The dense network in DFP16 is data fission alone.
Figures go into results.json as they come; what the same program made already is not made again. plot.py draws them.
"""
import argparse
import json
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "bench"))

import accuracy  # noqa: E402
import json_file  # noqa: E402
import models  # noqa: E402
import splits  # noqa: E402
from program import NoFigure, Program  # noqa: E402

RESULTS = HERE / "results.json"
MADE = models.ROOT / "build" / "paper"
NETWORKS = ("fashion_vgg", "resnet20", "mnist8")
PAPER = ("--criterion", "correlation", "--compensation", "scale", "--allocation", "uniform", "--group", "synapse")
# By network: how both methods' results are trained, the rows of bench/accuracy.toml that are tuned. MNIST-8's training data is not at hand.
TUNED = {
    "fashion_vgg": ("--fine-tune", "@train", "--epochs", "1", "--lr", "0.001", "--distill"),
    "resnet20": ("--fine-tune", "@train", "--epochs", "12", "--lr", "0.0004", "--distill", "--temperature", "4", "--label-weight", "0",
                 "--tune-batch", "32", "--flip", "--crop", "2"),
}
# By method: options of `deftnn optimize`, and the ratios of multiply-adds. 1: the dense network, data fission alone.
METHODS = {
    "paper": (PAPER, (1.1, 1.25, 1.5, 2)),
    "deftnn": ((), (1, 1.5, 2, 3, 4, 6)),
    "paper, tuned": (PAPER + ("@tuned",), (1.5, 2, 3)),
    "deftnn, tuned": (("@tuned",), (2, 3, 4, 6)),
}
TECHNIQUES = {"sve": "fp32", "both": "dfp16"}  # by name: the format
SEED = 1
FEW = 256  # samples for a file that nothing is fitted in


class Points:
    """The JSON file: by network, method, technique and ratio, what was lost and how much faster it is."""

    def __init__(self, path):
        self.path = path
        self.all = json_file.read(path)

    def get(self, *keys):
        found = self.all
        for key in keys:
            found = found.get(str(key), {})
        return found

    def put(self, *keys, **values):
        self.all = json_file.put(self.path, keys, values)


def options_of(method, network):
    """Of `deftnn optimize`; None where the network is not trained."""
    options = METHODS[method][0]
    if "@tuned" not in options:
        return options
    return options[:-1] + TUNED[network] if network in TUNED else None


def stem_of(network, method, technique, ratio):
    return MADE / f"{network}-{method.replace(', ', '-')}-{technique}-{ratio}"


def reduce(program, network, method, technique, ratio):
    """Writes the network; what it loses."""
    options = [splits.write_trained_on(network, MADE / "data") if o == "@train" else o for o in options_of(method, network)]
    calibration, scoring = splits.write(network, SEED, MADE / "data")
    stem = stem_of(network, method, technique, ratio)
    program.call("optimize", accuracy.SUBJECTS[network][1](), "-o", f"{stem}.deft", "--calib", calibration, "--eval", scoring,
                 "--seed", SEED, "--reduce-macs", ratio, "--format", TECHNIQUES[technique], "--json", f"{stem}.json", "-q", *options)
    record = json.loads(pathlib.Path(f"{stem}.json").read_text())
    return {"program": program.digest, "macs_ratio": record["baseline"]["macs"] / record["optimized"]["macs"],
            "dense": record["baseline"]["accuracy"], "samples": record["evaluation_samples"],
            "lost": record["accuracy_drop_points"], "standard_error": record["accuracy_drop_standard_error"]}


def fission_alone(program, network, method, technique, ratio):
    """Writes the dense network in DFP16, to which no sample matters; what it loses."""
    calibration, scoring = splits.write(network, SEED, MADE / "data")
    stem, model = stem_of(network, method, technique, ratio), accuracy.SUBJECTS[network][1]()
    program.call("optimize", model, "-o", f"{stem}.deft", "--calib", splits.first(calibration, FEW), "--reduce-macs", 1, "--format", "dfp16",
                 "--calib-samples", FEW // 4, "-q")
    scores = {}
    for format in ("fp32", "dfp16"):
        program.call("eval", model, "--data", scoring, "--format", format, "--json", f"{stem}.json", "-q")
        scores[format] = json.loads(pathlib.Path(f"{stem}.json").read_text())
    return {"program": program.digest, "macs_ratio": 1, "dense": scores["fp32"]["value"], "samples": scores["fp32"]["n"],
            "lost": scores["fp32"]["value"] - scores["dfp16"]["value"]}


def time_file(program, known, network, method, technique, ratio):
    """How many times as fast as the dense network in fp32 the file is: the median of this time and of those before it on this CPU."""
    stem = stem_of(network, method, technique, ratio)
    if not pathlib.Path(f"{stem}.deft").exists():
        raise NoFigure(f"{stem}.deft is not there any more (--again)")
    program.call("bench", f"{stem}.deft", "--against", accuracy.SUBJECTS[network][1](), "--duration", 1, "--json",
                 f"{stem}.bench.json", "-q")
    record = json.loads(pathlib.Path(f"{stem}.bench.json").read_text())
    device = record["device"]
    machine = {key: device[key] for key in ("cpu", "isa", "threads")}
    before = known.get("speedups", []) if machine.items() <= known.items() else []
    speedups = before + [record["ratio"]]
    return machine | {"speedups": speedups, "speedup": statistics.median(speedups)}


def measure(program, points, args, network, method, ratio):
    for technique in args.techniques.split(","):
        if ratio == 1 and technique == "sve":
            continue  # the dense network in fp32 is what all is compared with
        keys = network, method, technique, ratio
        known = points.get(*keys)
        done = known and not args.again and (args.keep_old or known["program"] == program.digest)
        try:
            if "reduce" in args.steps and not done:
                points.put(*keys, **(fission_alone if ratio == 1 else reduce)(program, *keys))
            if "time" in args.steps and points.get(*keys):
                known = points.get(*keys)
                points.put(*keys, **(known | time_file(program, known, *keys)))
            print(*keys, points.get(*keys), flush=True)
        except (NoFigure, ImportError, OSError, KeyError) as why:
            print(f"{', '.join(map(str, keys))}: no figure: {why}", flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--networks", default=",".join(NETWORKS), help="with commas")
    add("--methods", default=";".join(METHODS), help="with semicolons")
    add("--techniques", default=",".join(TECHNIQUES), help="with commas")
    add("--ratios", help="with commas (default: each method's own)")
    add("--steps", default="reduce,time", help="reduce, time (on a quiet machine; repeat it: medians count)")
    add("--again", action="store_true", help="repeat what is there")
    add("--keep-old", action="store_true", help="figures of an older program count")
    add("--program", default="build/release/deftnn")
    add("--threads", type=int, default=0, help="of the program (0: one a core)")
    return parser.parse_args(arguments)


def main(arguments):
    args = parse(arguments)
    MADE.mkdir(parents=True, exist_ok=True)
    program, points = Program(args.program, args.threads), Points(RESULTS)
    for network in args.networks.split(","):
        for method in args.methods.split(";"):
            options, ratios = options_of(method, network), METHODS[method][1]
            if options is None:
                continue
            if lacking := program.lacks(options):
                print(f"{network}, {method}: waits for {lacking}")
                continue
            for ratio in map(float, args.ratios.split(",")) if args.ratios else ratios:
                measure(program, points, args, network, method, int(ratio) if ratio == int(ratio) else ratio)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
