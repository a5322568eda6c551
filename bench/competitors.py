"""Who is measured: a name, a precision, and the command of its worker for a case."""
import dataclasses
import pathlib
import subprocess
import sys

import cut
import models
import optimised
import workers

PEERS = models.ROOT / "bench" / "peers"
DEFT = models.ROOT / "build" / "bench" / "deft"
CUT_SHARES = (0.75, 0.5, 0.25)


@dataclasses.dataclass(frozen=True)
class Competitor:
    peer: str  # "deftnn", "onnxruntime", "openvino", "ncnn"
    format: str  # "fp32", "bf16", "dfp16", "int8"
    keep: float = 1.0  # share of K that stays, in every layer but the first
    how: str = ""  # of a cut: DeftNN's grouping; a peer's "gather" or "slice"; "csr": single weights go, not entries of K
    package: bool = False  # DeftNN from a .deft: started, not timed
    file: pathlib.Path | None = None  # DeftNN on this file instead of the model's
    optimised: bool = False  # DeftNN on what `deftnn optimize` makes of a shared model

    @property
    def name(self):
        if self.file:
            return f"{self.peer} {self.file.name}"
        words = [self.peer, self.format]
        if self.keep < 1:
            words += [f"{round(100 * self.keep)} %", self.how]
        return " ".join(words + ["optimised"] * self.optimised + [".deft"] * self.package)

    @property
    def ours(self):
        return self.peer == "deftnn"


DENSE = [Competitor("deftnn", "fp32"), Competitor("deftnn", "dfp16"), Competitor("deftnn", "dfp16", package=True),
         Competitor("deftnn", "dfp16", optimised=True),
         Competitor("onnxruntime", "fp32"), Competitor("openvino", "fp32"), Competitor("openvino", "bf16"),
         Competitor("openvino", "int8"), Competitor("ncnn", "fp32")]
# What a cut is compared with in the same run: the dense networks of those that can run it.
CUT_BASE = [Competitor("deftnn", "fp32"), Competitor("deftnn", "dfp16"), Competitor("onnxruntime", "fp32"),
            Competitor("openvino", "fp32"), Competitor("openvino", "bf16")]
SCRIPTS = {"onnxruntime": "ort.py", "openvino": "ov.py", "ncnn": "ncnn_net.py"}
MODULES = {"onnxruntime": ["onnxruntime"], "openvino": ["openvino"], "ncnn": ["ncnn", "pnnx"], "scipy": ["scipy"],
           "mkl": ["mkl"]}


def dense_competitors(model, batch):
    """Who runs the whole network: int8 and what is optimised need one that was trained."""
    return [c for c in DENSE if (c.format != "int8" or model.file) and
            (not c.optimised or (batch == 1 and model.name in optimised.OPTIONS))]


def cut_competitors(keep):
    """Ours by each native grouping (32 channels: rows of matrix tiles, read in place); a peer's best is to gather, or to take the first of, its input channels."""
    return CUT_BASE + [Competitor("deftnn", "fp32", keep, "synapse"), Competitor("deftnn", "dfp16", keep, "pair"),
                       Competitor("deftnn", "dfp16", keep, "hardware32"), Competitor("openvino", "bf16", keep, "gather"), Competitor("openvino", "bf16", keep, "slice"),
                       Competitor("openvino", "fp32", keep, "slice"), Competitor("onnxruntime", "fp32", keep, "slice")]


def sparse_competitors(keep):
    """The same number of weights: as smaller dense products of ours, and as sparse matrices of others."""
    return [Competitor("deftnn", "fp32"), Competitor("openvino", "fp32"), Competitor("deftnn", "fp32", keep, "synapse"),
            Competitor("deftnn", "dfp16", keep, "pair"), Competitor("mkl", "fp32", keep, "csr"),
            Competitor("scipy", "fp32", keep, "csr"), Competitor("onnxruntime", "fp32", keep, "csr")]


def _write_package(worker, source, format):
    target = DEFT / f"{pathlib.Path(source).stem}.{format}.deft"
    newest = max(pathlib.Path(source).stat().st_mtime, pathlib.Path(worker).stat().st_mtime)
    if not target.exists() or target.stat().st_mtime < newest:
        target.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([worker, source, "--format", format, "--write", target], capture_output=True, text=True)
        if done.returncode != 0:
            raise workers.WorkerError((done.stdout or done.stderr).strip()[:300])
    return target


def command_of(competitor, model, case, worker):
    """The worker's command line. WorkerError says why this competitor cannot run that case."""
    path = competitor.file or model.path()
    tail = ["--format", competitor.format, "--threads", str(case.threads), "--batch", str(case.batch)]
    tail += ["--cold"] if case.cold else []
    if competitor.ours:
        if competitor.package:
            path = _write_package(worker, path, competitor.format)
        if competitor.optimised:
            path = optimised.package(model, worker)
        if competitor.keep < 1:
            tail += ["--keep", str(competitor.keep), "--group", competitor.how]
        return [str(worker), str(path), *tail]
    for module in MODULES[competitor.peer]:
        if not list(pathlib.Path(sys.prefix).glob(f"lib/python*/site-packages/{module}*")):
            raise workers.WorkerError(f"{module} is not installed (make peers)")
    if competitor.how == "csr":
        return [sys.executable, str(PEERS / "csr.py"), str(path), *tail, "--library", competitor.peer, "--keep", str(competitor.keep)]
    if competitor.keep < 1:
        path = cut.cut(path, competitor.keep, competitor.how)
    script = PEERS / SCRIPTS[competitor.peer]
    if competitor.format == "int8":
        path = _quantized(path)
    if competitor.peer == "ncnn" and case.batch == 1:
        _prepare([sys.executable, script, "--convert", path], "pnnx")
    return [sys.executable, str(script), str(path), *tail]


def _quantized(path):
    if not list(pathlib.Path(sys.prefix).glob("lib/python*/site-packages/nncf")):
        raise workers.WorkerError("nncf is not installed (make peers)")
    target = models.ROOT / "build" / "bench" / "int8" / f"{path.stem}.xml"
    if not target.exists() or target.stat().st_mtime < path.stat().st_mtime:
        _prepare([sys.executable, PEERS / "quantize.py", path, target], "nncf")
    return target


def _prepare(command, tool):
    """Runs what makes a peer's own file, once; it is not timed."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise workers.WorkerError(f"{tool}: {last.removeprefix('RuntimeError: ')[:200]}")
