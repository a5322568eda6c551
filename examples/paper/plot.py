#!/usr/bin/env python3
"""Draws results.json: one SVG a network into docs/plots/, points lost over multiply-adds and over measured speed-up."""
import json
import math
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
PLOTS = HERE.parents[1] / "docs" / "plots"
TITLES = {"fashion_vgg": "Fashion-MNIST VGG", "resnet20": "CIFAR-10 ResNet-20", "mnist8": "MNIST-8"}
TECHNIQUES = {"sve": "elimination alone, fp32", "both": "elimination and fission, DFP16"}
# What the paper reports for its own networks on GPUs: each technique alone, and both.
PAPERS_SPEEDUPS = ((1.5, "paper: each alone 1.5x"), (2.0, "paper: both 2x"))
TUNED = ", tuned"

WIDTH, HEIGHT = 960, 490
TOP, BOTTOM, PANEL, LEFTS = 112, 412, 400, (64, 530)
LOST_TICKS = (0, 0.5, 1, 2, 5, 10, 20, 50, 90)
RATIO_TICKS = (1, 1.25, 1.5, 2, 3, 4, 6, 8, 12)
STYLE = """
svg{--card:#fff;--ink:#141b2a;--soft:#5d687d;--line:#e1e6ee;--sve:#4f6bed;--both:#0b8a7d;--ndf:#b86a00;--mark:#98a2b5}
@media(prefers-color-scheme:dark){svg{--card:#171e2b;--ink:#e8edf5;--soft:#96a2b8;--line:#28324a;--sve:#7f96ff;--both:#2cc4b2;
--ndf:#e9a13b;--mark:#66728a}}
text{font:12.5px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;fill:var(--soft)}
.title{font-size:17px;font-weight:650;fill:var(--ink)}.axis{font-size:13px;fill:var(--ink)}.mid{text-anchor:middle}.end{text-anchor:end}
.grid{stroke:var(--line)}.mark{stroke:var(--mark);stroke-dasharray:2 4}.marktext{font-size:11.5px;fill:var(--soft)}
.card{fill:var(--card);stroke:var(--line)}path{fill:none;stroke-width:2;stroke-linejoin:round}.paper{stroke-dasharray:6 4}.tuned{stroke-width:1.3}
.sve{stroke:var(--sve)}.both{stroke:var(--both)}.ndf{stroke:var(--ndf)}
.dot{stroke-width:2;fill:var(--card)}.dot.sve.deftnn{fill:var(--sve)}.dot.both.deftnn{fill:var(--both)}.dot.ndf{fill:var(--ndf)}
.dot.deftnn.tuned.tuned{fill:var(--card)}
"""


def _compressed(lost):
    """Linear near 0, logarithmic beyond: tenths of a point and fifty points on one axis."""
    return math.asinh(lost / 0.3)


class Panel:
    """One plot: points lost downwards, a ratio to the right on a logarithmic axis."""

    def __init__(self, left, most_ratio, least_lost, most_lost):
        self.left, self.most_ratio = left, most_ratio
        self.least, self.most = _compressed(least_lost), _compressed(most_lost)
        self.parts = []

    def x(self, ratio):
        return self.left + PANEL * math.log(ratio / 0.95) / math.log(self.most_ratio / 0.95)

    def y(self, lost):
        return TOP + (BOTTOM - TOP) * (_compressed(lost) - self.least) / (self.most - self.least)

    def add(self, text):
        self.parts.append(text)

    def axes(self, name, marks):
        for tick in LOST_TICKS:
            if self.least <= _compressed(tick) <= self.most:
                self.add(f'<line class="grid" x1="{self.left}" x2="{self.left + PANEL}" y1="{self.y(tick):.1f}" y2="{self.y(tick):.1f}"/>')
                self.add(f'<text class="end" x="{self.left - 8}" y="{self.y(tick) + 4:.1f}">{tick:g}</text>')
        for tick in RATIO_TICKS:
            if tick <= self.most_ratio:
                self.add(f'<line class="grid" x1="{self.x(tick):.1f}" x2="{self.x(tick):.1f}" y1="{TOP}" y2="{BOTTOM}"/>')
                self.add(f'<text class="mid" x="{self.x(tick):.1f}" y="{BOTTOM + 18}">{tick:g}x</text>')
        for ratio, text in marks:
            if ratio <= self.most_ratio:
                at = self.x(ratio)
                self.add(f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{BOTTOM}"/>')
                self.add(f'<text class="marktext end" transform="translate({at + 4:.1f} {self.y(1.2):.1f}) rotate(-90)" dy="9">{text}</text>')
        self.add(f'<text class="axis mid" x="{self.left + PANEL / 2}" y="{BOTTOM + 42}">{name}</text>')

    def line(self, points, classes):
        if len(points) > 1:
            self.add(f'<path class="{classes}" d="M' + " L".join(f"{self.x(r):.1f} {self.y(v):.1f}" for r, v in points) + '"/>')

    def dot(self, ratio, lost, classes, title):
        self.add(marker(self.x(ratio), self.y(lost), classes, title))


def marker(x, y, classes, title=""):
    """A square for the paper's method, a circle for ours."""
    inside = f"<title>{title}</title>" if title else ""
    if "paper" in classes:
        return f'<rect class="dot {classes}" style="stroke-dasharray:none" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8">{inside}</rect>'
    return f'<circle class="dot {classes}" cx="{x:.1f}" cy="{y:.1f}" r="4.5">{inside}</circle>'


def classes_of(method, technique, ratio):
    words = ["ndf" if ratio == 1 else technique, "paper" if method.startswith("paper") else "deftnn"]
    return " ".join(words + ["tuned"] * method.endswith(TUNED))


def series_of(network):
    """(method, technique, [(ratio asked for, figures)])."""
    for method, techniques in network.items():
        for technique, ratios in techniques.items():
            points = sorted((float(ratio), figures) for ratio, figures in ratios.items())
            yield method, technique, points


def legend(every):
    """Two lines: colours, then shapes, of what there is."""
    parts, x = [], LEFTS[0]
    drawn = {classes_of(method, technique, ratio).split()[0] for method, technique, points in every for ratio, _ in points}
    for name, text in ("sve", TECHNIQUES["sve"]), ("ndf", "fission alone, DFP16"), ("both", TECHNIQUES["both"]):
        if name not in drawn:
            continue
        parts.append(f'<path class="{name}" d="M{x} 64h18"/><text x="{x + 25}" y="68">{text}</text>')
        x += 50 + 6.6 * len(text)
    x = LEFTS[0]
    names = {"paper": "the paper's: correlation, scale, one fraction for all layers", "deftnn": "DeftNN's: obs, least squares, measured allocation"}
    for method, text in names.items():
        line = "paper" if method == "paper" else ""
        parts.append(f'<path class="both {line}" d="M{x} 88h26"/>{marker(x + 13, 88, f"both {method}")}<text x="{x + 33}" y="92">{text}</text>')
        x += 56 + 6.3 * len(text)
    if any(method.endswith(TUNED) for method, _, _ in every):
        parts.append(f'<path class="both tuned" d="M{x} 88h26"/>{marker(x + 13, 88, "both deftnn tuned")}<text x="{x + 33}" y="92">tuned</text>')
    return parts


def draw(name, network):
    every = [(method, technique, points) for method, technique, points in series_of(network)]
    figures = [f for _, _, points in every for _, f in points]
    least = min([f["lost"] for f in figures] + [0]) - 0.05
    most = max([f["lost"] for f in figures] + [1]) * 1.08
    panels = []
    for left, key, axis, marks in ((LEFTS[0], "macs_ratio", "times fewer multiply-adds", ()),
                                   (LEFTS[1], "speedup", "measured speed-up over dense fp32, batch 1", PAPERS_SPEEDUPS)):
        panel = Panel(left, 1.06 * max([f[key] for f in figures if key in f] + [2.1]), least, most)
        panel.axes(axis, marks)
        for method, technique, points in every:
            here = [(f[key], f["lost"], ratio) for ratio, f in points if key in f]
            panel.line([(r, lost) for r, lost, ratio in here if ratio > 1], classes_of(method, technique, 2))
        for method, technique, points in every:
            for ratio, f in points:
                if key in f:
                    what = "fission alone" if ratio == 1 else f"{method}, {TECHNIQUES[technique]}"
                    panel.dot(f[key], f["lost"], classes_of(method, technique, ratio), f"{what}: {f[key]:.2f}x, {f['lost']:.2f} points")
        panels += panel.parts
    samples, dense = figures[0]["samples"], figures[0]["dense"]
    cpu = next((f"{f['cpu']}, {f['isa']}, {f['threads']} threads" for f in figures if "cpu" in f), "not timed")
    text = f"{TITLES[name]}: points lost ({dense:.2f} % dense, {samples:,} samples unseen by any choice)"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{TITLES[name]}: accuracy over speed">',
        f"<style>{STYLE}</style>", f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="12"/>',
        f'<text class="title" x="{LEFTS[0] - 38}" y="34">{text}</text>', *legend(every), *panels,
        f'<text class="end marktext" x="{WIDTH - 14}" y="{HEIGHT - 14}">{cpu}</text>', "</svg>", ""])


if __name__ == "__main__":
    PLOTS.mkdir(parents=True, exist_ok=True)
    for network_name, methods in json.loads((HERE / "results.json").read_text()).items():
        (PLOTS / f"paper_{network_name}.svg").write_text(draw(network_name, methods))
