#!/usr/bin/env python3
"""Holds the bench's figures against bench/thresholds.toml. Exit code 1 where a row is missed by more than its own noise,
or where it could not be judged.

Without --from, what the rows need is measured now, into build/bench/check/. A row's noise is the median absolute deviation
of the ratios of its groups, which were taken in turns.
"""
import argparse
import dataclasses
import json
import math
import pathlib
import sys
import tomllib

import competitors
import measure
import models
import report
import run
import workers

THRESHOLDS = models.ROOT / "bench" / "thresholds.toml"
KEYS = {"name", "models", "ours", "against", "batch", "threads", "keep", "cold", "at_most", "geometric_mean", "none_above",
        "speedup", "fits_cache", "first_output_s", "peak_mib", "waits_for"}


@dataclasses.dataclass
class Verdict:
    row: str
    goal: str
    got: str = "-"
    noise: str = "-"
    word: str = "held"  # "held", "missed", "missed within noise", "in the mean", "waits", "not judged", "does not apply"
    note: str = ""

    @property
    def fails(self):
        return self.word in ("missed", "not judged")


class NotJudged(Exception):
    """One line: what there is no figure of."""


def rows_of(path):
    rows = tomllib.loads(path.read_text()).get("row", [])
    for row in rows:
        unknown = set(row) - KEYS
        if unknown or not {"name", "models", "ours"} <= set(row):
            raise ValueError(f"{path.name}: row '{row.get('name', '?')}': unknown or missing keys {', '.join(sorted(unknown))}")
    return rows


def case_of(row):
    return measure.Case(row.get("batch", 1), row.get("threads", 2), row.get("keep", 1.0), row.get("cold", False))


def find_table(record, row, model):
    case = case_of(row)
    for table in record["tables"]:
        found = measure.Case(table["batch"], table["threads"], table["keep"], table["cold"])
        if table["model"] == model and found == case:
            return table
    raise NotJudged(record["missing"].get(models.BY_NAME[model].title, "was not measured"))


def named(table, names):
    """The fastest (or only) row of these competitors."""
    rows = [row for row in table["rows"] if row["competitor"] in names]
    good = [row for row in rows if "error" not in row]
    if not good:
        raise NotJudged(rows[0]["error"] if rows else f"no {names[0]}")
    return min(good, key=lambda row: row.get("ms", 0))


def ratio_of(record, row, model):
    """(ours / theirs, noise, who they are)."""
    table = find_table(record, row, model)
    ours = named(table, row["ours"])
    theirs = named(table, row["against"]) if "against" in row else report.best(table["rows"])
    if theirs is None:
        raise NotJudged("no peer has a figure")
    if min(ours["clean"], theirs["clean"]) == 0:
        raise NotJudged("no group was undisturbed")
    return *measure.paired_ratio(ours, theirs), theirs["competitor"]


def cut_fits_cache(record, row, model):
    """True where the dense weights of 16 bits exceed the last-level cache and the cut ones fit."""
    table = find_table(record, row, model)
    threads = table["threads"]
    cache = record["peaks"][str(threads)]["cache_bytes"][2] * threads
    dense, cut = (2 * named(table, names)["macs"] for names in (row["against"], row["ours"]))
    return dense >= cache > cut


def judged(title, goal, value, noise, bound, at_least=False, note=""):
    excess = bound - value if at_least else value - bound
    word = "held" if excess <= 0 else "missed within noise" if excess <= noise else "missed"
    return Verdict(title, goal, f"{value:.3g}", f"{noise:.2g}", word, note)


def judge_each(record, row, model):
    """The verdicts of one model that stand for themselves."""
    title = f"{row['name']}: {models.BY_NAME[model].title}, {case_of(row).title}"
    if "speedup" in row:
        goal = f">= {row['speedup']}x"
        if row.get("fits_cache") and not cut_fits_cache(record, row, model):
            return [Verdict(title, goal, word="does not apply")]
        ratio, noise, who = ratio_of(record, row, model)
        return [judged(title, goal, 1 / ratio, noise / ratio ** 2, row["speedup"], True, f"over {who}")]
    if "at_most" in row:
        ratio, noise, who = ratio_of(record, row, model)
        return [judged(title, f"<= {row['at_most']}", ratio, noise, row["at_most"], note=f"to {who}")]
    ours, verdicts = named(find_table(record, row, model), row["ours"]), []
    for key, noise in (("first_output_s", ours["first_output_mad_s"]), ("peak_mib", 0.0)):
        if key in row:
            verdicts.append(judged(f"{title}, {key}", f"<= {row[key]}", ours[key], noise, row[key]))
    return verdicts


def judge_mean(record, row):
    """Each model, against none_above where the row has one, and the geometric mean of all."""
    verdicts, ratios, noises = [], [], []
    for model in row["models"]:
        ratio, noise, who = ratio_of(record, row, model)
        ratios.append(ratio)
        noises.append(noise / ratio)
        title = f"{row['name']}: {models.BY_NAME[model].title}, {case_of(row).title}"
        if "none_above" in row:
            verdicts.append(judged(title, f"<= {row['none_above']}", ratio, noise, row["none_above"], note=f"to {who}"))
        else:
            verdicts.append(Verdict(title, "-", f"{ratio:.3g}", f"{noise:.2g}", "in the mean", f"to {who}"))
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    noise = mean * math.hypot(*noises) / len(noises)
    return verdicts + [judged(f"{row['name']}: geometric mean", f"<= {row['geometric_mean']}", mean, noise,
                              row["geometric_mean"])]


def judge(record, rows):
    verdicts = []
    for row in rows:
        goal = " ".join(f"{key} {row[key]}" for key in ("at_most", "geometric_mean", "speedup", "first_output_s") if key in row)
        if "waits_for" in row:
            verdicts.append(Verdict(f"{row['name']}, {case_of(row).title}", goal, word="waits", note=row["waits_for"]))
        elif "geometric_mean" in row:
            try:
                verdicts += judge_mean(record, row)
            except NotJudged as why:
                verdicts.append(Verdict(row["name"], goal, word="not judged", note=str(why)))
        else:
            for model in row["models"]:
                try:
                    verdicts += judge_each(record, row, model)
                except NotJudged as why:
                    verdicts.append(Verdict(f"{row['name']}: {model}, {case_of(row).title}", goal, word="not judged",
                                            note=str(why)))
    return verdicts


def measured_now(args, rows):
    """The record of the cases that the rows need, each measured once."""
    wanted = {}
    for row in rows:
        for model in row["models"] if "waits_for" not in row else []:
            wanted[model, case_of(row)] = None
    plans = []
    for model, case in wanted:
        listed = (competitors.dense_competitors(models.BY_NAME[model], case.batch) if case.keep == 1
                  else competitors.cut_competitors(case.keep))
        plans.append((models.BY_NAME[model], case, listed))
    options = run.parse(["--worker", args.worker, "--rounds", str(args.rounds),
                         "--output", str(models.ROOT / "build" / "bench" / "check")])
    bench = run.Bench(options, "make bench-check")
    bench.run(plans)
    return bench.record


def print_verdicts(verdicts):
    table = [("row", "goal", "got", "noise", "", "")]
    table += [(v.row, v.goal, v.got, v.noise, v.word, v.note) for v in verdicts]
    widths = [max(len(line[i]) for line in table) for i in range(5)]
    for line in table:
        print("  ".join([*(text.ljust(width) for text, width in zip(line, widths)), line[5]]).rstrip())


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=pathlib.Path, metavar="JSON", help="a record of run.py, measured before")
    parser.add_argument("--partial", action="store_true", help="rows without a figure do not fail")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--worker", default="build/release/deftnn_bench_worker")
    args = parser.parse_args(arguments)
    try:
        rows = rows_of(THRESHOLDS)
        record = json.loads(args.source.read_text()) if args.source else measured_now(args, rows)
    except (OSError, ValueError, workers.WorkerError) as error:
        print(f"bench-check: {error}", file=sys.stderr)
        return 2
    verdicts = judge(record, rows)
    print_verdicts(verdicts)
    failed = [v for v in verdicts if v.fails and not (args.partial and v.word == "not judged")]
    words = ("held", "missed", "missed within noise", "not judged", "does not apply", "waits")
    count = {word: sum(v.word == word for v in verdicts) for word in words}
    print(", ".join(f"{number} {word}" for word, number in count.items() if number))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
