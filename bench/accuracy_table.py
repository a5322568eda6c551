"""The table of bench/accuracy.py."""
import dataclasses
import math
import statistics

LEAST_SHARE = 0.9  # of what the multiply-adds promise
LEAST_CUT = 1.01  # fewer multiply-adds than this: the network was left as it was
HEAD = ["row", "goal", "multiply-adds", "points lost", "spread", "error of one", "seeds", "", "layers, of promised", ""]


@dataclasses.dataclass
class Verdict:
    row: dict
    title: str
    runs: list  # by seed
    layers: dict | None
    seeds: int = 1  # runs that a whole row has
    lost: float = math.nan
    ratio: float = math.nan
    word: str = ""

    def judge(self):
        if "at_most" not in self.row:
            self.word = "curve"
            return
        if "at_least" not in self.row and self.ratio < LEAST_CUT:
            self.word = "nothing cut"
            return
        held = self.lost <= self.row["at_most"] and self.ratio >= self.row.get("at_least", 1)
        self.word = ("held" if held else "missed") + ("" if len(self.runs) == self.seeds else " so far")

    @property
    def fails(self):
        return "at_most" in self.row and self.word != "held"

    @property
    def goal(self):
        ratio = f"{self.row['at_least']:g}x at " if "at_least" in self.row else ""
        against = f" more than {self.row['against']}" if "against" in self.row else ""
        return f"{ratio}<= {self.row['at_most']:g}{against}" if "at_most" in self.row else "-"

    def cells(self):
        cells = [f"{self.title}, `{self.row['name']}`", self.goal]
        if math.isnan(self.lost):
            return cells + ["-"] * 5 + [self.word, "-", "-"]
        spread = f"{statistics.stdev(run['lost'] for run in self.runs):.2f}" if len(self.runs) > 1 else "-"
        error = statistics.mean(run["standard_error"] or 0 for run in self.runs)
        word = f"**{self.word}**" if self.fails else self.word
        cells += [f"{self.ratio:.2f}x", f"{self.lost:.2f}", spread, f"{error:.2f}", str(len(self.runs)), word]
        if not self.layers:
            return cells + ["-", "-"]
        share = self.layers["share"]
        return cells + [f"{self.layers['got']:.2f}x of {self.layers['promised']:.2f}x, {100 * share:.0f} %",
                        "held" if share >= LEAST_SHARE else "**missed**"]


def lines(verdicts):
    rows = [HEAD] + [verdict.cells() for verdict in verdicts]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    return [text[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *text[1:]]
