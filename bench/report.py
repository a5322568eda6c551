"""The bench's figures as a table: on the terminal, and in bench/results/<cpu>.md beside the .json."""
import json
import re

import models

RESULTS = models.ROOT / "bench" / "results"
HEAD = ["", "ms", "to best peer", "to best fp32 peer", "over dense", "of peak", "MiB", "first output s", "clean groups"]


def slug(cpu, isa):
    return re.sub(r"[^a-z0-9]+", "_", f"{cpu} {isa}".lower()).strip("_")


def best(rows, keep=1.0, formats=None):
    """The fastest peer's row at this share of K, of these formats; None where no peer has a figure."""
    timed = [row for row in rows if row["peer"] != "deftnn" and "ms" in row and row["keep"] == keep and
             (not formats or row["format"] in formats)]
    return min(timed, key=lambda row: row["ms"], default=None)


def over_dense(rows, row):
    """How many times faster the cut or optimised network is than the same competitor's dense one; None for a dense row."""
    dense = [other for other in rows if other["competitor"] == f"{row['peer']} {row['format']}" and "ms" in other]
    return dense[0]["ms"] / row["ms"] if dense and (row["keep"] < 1 or "lost" in row) else None


def share_of_peak(row, macs, peaks):
    """Of the measured arithmetic peak of the row's precision; None where that is not measured (int8)."""
    if macs is None or peaks is None or row["format"] == "int8":
        return None
    gflops = peaks["fp32_gflops" if row["format"] == "fp32" else "dfp16_gflops"]
    return 2 * macs / (row["ms"] * 1e6) / gflops


def macs_of(table, row):
    """Multiply-adds of a row's network: our own count, at the same share of K where the row is a peer's."""
    if "macs" in row:
        return row["macs"]
    return next((other["macs"] for other in table["rows"] if "macs" in other and other["keep"] == row["keep"]), None)


def _significant(value):
    return f"{value:#.3g}".rstrip(".") if value is not None else "-"


def _cells(table, row, peaks):
    if "error" in row:
        return [row["competitor"], row["error"]]
    cells = [row["competitor"]]
    if "ms" in row:
        share = share_of_peak(row, macs_of(table, row), peaks)
        peers = best(table["rows"], row["keep"]), best(table["rows"], row["keep"], ["fp32"])
        ratios = [row["ms"] / peer["ms"] if peer else None for peer in peers]
        gain = over_dense(table["rows"], row)
        cells += [_significant(value) for value in (row["ms"], *ratios)] + [f"{gain:.2f}x" if gain else "-"]
        cells.append(f"{100 * share:.0f} %" if share is not None else "-")
    else:
        cells += ["-"] * 5
    start = _significant(row["first_output_s"]) + ("" if row["start_clean"] else " (disturbed)")
    return cells + [f"{row['peak_mib']:.0f}", start, f"{row['clean']}/{row['groups']}" if "clean" in row else "-"]


def table_lines(table, peaks):
    """One case as a Markdown table."""
    rows = [HEAD] + [_cells(table, row, peaks) for row in table["rows"]]
    full = [row for row in rows if len(row) == len(HEAD)]
    widths = [max(len(row[i]) for row in full) for i in range(len(HEAD))]
    widths[0] = max(len(row[0]) for row in rows)
    lines = [f"### {table['title']}, {table['case']}", ""]
    for index, row in enumerate(rows):
        if len(row) == len(HEAD):
            cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        else:
            cells = [row[0].ljust(widths[0]), row[1].replace("|", "/")]
        lines.append("| " + " | ".join(cells) + " |")
        if index == 0:
            lines.append("|" + "|".join(["-" * (widths[0] + 2)] + ["-" * (width + 1) + ":" for width in widths[1:]]) + "|")
    lost = [f"{row['competitor']}: {row['lost']}." for row in table["rows"] if "lost" in row]
    return lines + [""] + [line for text in lost for line in (text, "")]


def _peaks_line(threads, peaks):
    levels = ", ".join(f"{name} {rate:.0f}" for name, rate in zip(("L1", "L2", "L3", "memory"), peaks["read_gbps"]))
    return (f"Measured peaks, {threads} thread(s): fp32 {peaks['fp32_gflops']:.0f} GFLOP/s, dfp16 and bf16 "
            f"{peaks['dfp16_gflops']:.0f} GFLOP/s; reading {levels} GB/s.")


def markdown(record):
    versions = ", ".join(f"{peer} {version}" for peer, version in sorted(record["versions"].items()))
    lines = [f"# {record['cpu']}, {record['isa']}", "",
             f"Measured until {record['date']}, last by `{record['command']}`. {versions}.", ""]
    lines += [_peaks_line(threads, peaks) for threads, peaks in record["peaks"].items()] + [
        "", "Medians over clean groups, taken in turns (docs/benchmarks.md). A ratio is the row's time by the best "
        "peer's at the same share of K; MiB is the worker's peak at its first output, and that output's moment counts from the start of its "
        "process.", ""]
    for table in record["tables"]:
        lines += table_lines(table, record["peaks"].get(str(table["threads"])))
    if record["missing"]:
        lines += ["### Not measured", ""] + [f"- {title}: {why}" for title, why in record["missing"].items()] + [""]
    return "\n".join(lines)


def read(record, folder):
    """The earlier record of the same machine; empty where there is none."""
    path = folder / f"{slug(record['cpu'], record['isa'])}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write(record, folder):
    """Writes both files; returns the path of the .md."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{slug(record['cpu'], record['isa'])}.md"
    path.write_text(markdown(record))
    path.with_suffix(".json").write_text(_compact(record))
    return path


def _compact(record):
    """JSON with one row a line, so that a difference between two runs can be read."""
    text = json.dumps(record, indent=1)
    return re.sub(r"\{[^{}]*\"competitor\"[^{}]*\}", lambda match: re.sub(r"\s*\n\s*", " ", match.group()), text) + "\n"
