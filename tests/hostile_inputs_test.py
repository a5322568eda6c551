#!/usr/bin/env python3
"""Bad input of every kind, through the command line: one clear line and exit code 1, or 2 for bad usage.

usage: hostile_inputs_test.py DEFTNN_BINARY SOURCE_DIR

For each case the program must end by itself within 20 s, not by a signal; say exactly one line on stderr,
"deftnn: error: ...", that names the file at fault; and leave no output file behind, whole or half-written.
Exits 1 with the cases that failed, 77 (a skip) without Fashion-MNIST.
"""
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

import product

SECONDS = 20
CHANGED_BYTES = 60
SEED = 7
OUT = "out.deft"


class Hostile:
    def __init__(self, binary, source, folder):
        self.folder = pathlib.Path(folder)
        self.product = product.Product(binary, folder)
        self.rng = random.Random(SEED)
        self.failures, self.count = [], 0
        self.source_model = pathlib.Path(source).resolve() / "examples/fashion_mnist/fashion_vgg.onnx"
        shutil.copy(self.source_model, self.folder / "net.onnx")
        shutil.copy(self.source_model.parent / "preprocess.json", self.folder / "good.json")
        product.cut_fashion_mnist("train", folder, "few", product.TRAINED_ON, 80)
        self.data = "few-images-idx3-ubyte.gz"
        self.pixels = product.normalised_pictures(self.folder / self.data, 80)
        self.npz("good.npz", self.pixels, [i % 10 for i in range(80)])
        self.npy("x.npy", self.pixels[:product.PIXELS], (1, 1, 28, 28))

    def write(self, name, content):
        (self.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def npy(self, name, values, shape, descr="<f4"):
        return self.write(name, product.npy_bytes(values, shape, descr))

    def npz(self, name, pixels, labels):
        members = {"x": product.npy_bytes(pixels, (len(pixels) // product.PIXELS, 1, 28, 28))}
        if labels is not None:
            members["y"] = product.npy_bytes(labels, (len(labels),), "<i8")
        product.write_npz(self.folder / name, **members)
        return name

    def fail(self, what, reason):
        self.failures.append(what)
        print(f"FAILED: {what}: {reason}", file=sys.stderr, flush=True)

    def listing(self):
        return {str(p.relative_to(self.folder)) for p in self.folder.rglob("*")}

    def finish(self, what, arguments):
        """The finished process, or None where it hung; checks what every case must keep to."""
        self.count += 1
        before = self.listing()
        try:
            done = self.product.run(*arguments, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.fail(what, f"still runs after {SECONDS} s")
            return None
        left = sorted(self.listing() - before)
        if left:
            self.fail(what, f"left {left}")
            for name in left:
                if (self.folder / name).is_file():
                    (self.folder / name).unlink()
        if done.returncode < 0 or "broken invariant" in done.stderr:
            self.fail(what, f"crashed: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
            return None
        return done

    def refused(self, what, name, *arguments):
        """Exit code 1 and one line that holds `name`. Quiet, for a slow machine's progress would be further lines."""
        done = self.finish(what, arguments if "-q" in arguments else (*arguments, "-q"))
        if done is None:
            return
        lines = done.stderr.strip().split("\n")
        if done.returncode != 1:
            self.fail(what, f"exit code {done.returncode}, not 1: {done.stderr.strip()[-300:]}")
        elif len(lines) != 1 or not lines[0].startswith("deftnn: error: "):
            self.fail(what, f"not one error line: {done.stderr.strip()[-500:]}")
        elif name not in lines[0]:
            self.fail(what, f"does not name {name}: {lines[0]}")

    def misused(self, what, *arguments):
        """Exit code 2 and something on stderr or stdout that says why."""
        done = self.finish(what, arguments)
        if done is not None and (done.returncode != 2 or not (done.stderr + done.stdout).strip()):
            self.fail(what, f"exit code {done.returncode}, not 2: {done.stderr.strip()[-300:]}")

    def optimize(self, model="net.onnx", data=None, out=OUT, **flags):
        options = [part for name, value in flags.items() for part in (f"--{name.replace('_', '-')}", value)]
        return ["optimize", model, "-o", out, "--calib", data or self.data, "--calib-samples", "16",
                "--calib-rows", "256", "--reduce-macs", "1.2", "--threads", "1", "-q", *options]

    def models(self):
        whole = (self.folder / "net.onnx").read_bytes()
        for share in (0.01, 0.3, 0.9, 0.9999):
            self.write("cut.onnx", whole[:int(len(whole) * share)])
            self.refused(f"{share:.2%} of an ONNX", "cut.onnx", "inspect", "cut.onnx")
        self.write("garbage.onnx", self.rng.randbytes(5000))
        self.write("empty.onnx", b"")
        self.write("foreign.onnx", "<html>not a network</html>\n" * 50)
        os.mkdir(self.folder / "folder.onnx")
        for name in ("garbage.onnx", "empty.onnx", "foreign.onnx", "folder.onnx", "missing.onnx"):
            self.refused(f"inspect {name}", name, "inspect", name)
            self.refused(f"bench {name}", name, "bench", name, "--iterations", "1")
            self.refused(f"run {name}", name, "run", name, "--input", "x.npy", "--output", "o")
            self.refused(f"eval {name}", name, "eval", name, "--data", "good.npz")
            self.refused(f"optimize {name}", name, *self.optimize(name, "good.npz"))
        self.refused("bench --against", "garbage.onnx", "bench", "net.onnx", "--against", "garbage.onnx", "--iterations", "1")
        done = self.finish("bench with 500 threads", ("bench", "net.onnx", "--iterations", "1", "--threads", "500"))
        if done is not None and done.returncode != 0:
            self.fail("bench with 500 threads", done.stderr.strip()[-300:])
        self.refused("eval --reference", "missing.onnx", "eval", "net.onnx", "--data", "good.npz", "--metric",
                     "agreement", "--reference", "missing.onnx")

    def nan_weights(self):
        whole = bytearray((self.folder / "net.onnx").read_bytes())
        middle = len(whole) // 2  # inside a convolution's weights, which are most of the file
        whole[middle:middle + 16] = b"\xff" * 16
        self.write("nan.onnx", bytes(whole))
        self.refused("NaN weights", "nan.onnx", *self.optimize("nan.onnx", "good.npz"))

    def changed_onnx(self):
        """A changed ONNX may still be a network; it must only never crash, hang or say more than a line."""
        whole = bytearray((self.folder / "net.onnx").read_bytes())
        for position in [self.rng.randrange(200) for _ in range(15)] + [len(whole) - 1 - self.rng.randrange(900) for _ in range(25)]:
            changed = bytearray(whole)
            changed[position] ^= 1 << self.rng.randrange(8)
            self.write("changed.onnx", bytes(changed))
            done = self.finish(f"byte {position} of an ONNX changed", ["inspect", "changed.onnx"])
            if done is not None and done.returncode not in (0, 1):
                self.fail(f"byte {position} of an ONNX changed", f"exit code {done.returncode}")

    def inputs(self):
        def run(what, name, *spec):
            self.refused(what, name, "run", "net.onnx", "--input", *spec, "--output", "o")
        run("wrong rank", "image", self.npy("rank.npy", [0.0] * 784, (28, 28)))
        run("wrong size", "image", self.npy("size.npy", [0.0] * 27 * 28, (1, 1, 27, 28)))
        run("wrong dtype", "image", self.npy("dtype.npy", [0] * 784, (1, 1, 28, 28), "<i8"))
        run("unknown name", "nothing", "nothing=x.npy")
        run("missing .npy", "missing.npy", "missing.npy")
        run("empty .npy name", "name of a file", "image=")
        run("folder as .npy", "folder.onnx", "image=folder.onnx")
        run("twice", "image", "image=x.npy", "--input", "image=x.npy")
        good = (self.folder / "x.npy").read_bytes()
        run("cut .npy", "cut.npy", self.write("cut.npy", good[:-100]))
        run("cut header", "head.npy", self.write("head.npy", good[:40]))
        run("garbage .npy", "bad.npy", self.write("bad.npy", self.rng.randbytes(500)))
        run("lying shape", "lie.npy", self.write("lie.npy", good.replace(b"(1, 1, 28, 28, )", b"(9999999999999,)")))
        run("negative shape", "minus.npy", self.write("minus.npy", good.replace(b"(1, 1, 28, 28, )", b"(-1, 1, 28, 28,)")))
        run("pickled", "object.npy", self.write("object.npy", good.replace(b"'<f4'", b"'|O' ")))

    def data_sets(self):
        def both(what, name, data, *more):
            self.refused(f"eval: {what}", name, "eval", "net.onnx", "--data", data, *more)
            self.refused(f"optimize: {what}", name, *self.optimize(data=data), *more)
        both("missing data", "missing.npz", "missing.npz")
        both("empty file", "empty.npz", self.write("empty.npz", b""))
        both("garbage", "garbage.npz", self.write("garbage.npz", self.rng.randbytes(3000)))
        both("no samples", "zero.npz", self.npz("zero.npz", [], []))
        os.mkdir(self.folder / "no_pictures")
        both("empty folder", "no_pictures", "no_pictures")
        self.npz("unlabelled.npz", self.pixels, None)
        both("no labels for top1", "labels", "unlabelled.npz", "--metric", "top1")
        both("fewer labels than samples", "few_labels.npz", self.npz("few_labels.npz", self.pixels, [1, 2, 3]))
        self.npy("three.npy", [1, 2, 3], (3,), "<i8")
        both("fewer --labels", "unlabelled.npz", "unlabelled.npz", "--labels", "three.npy")
        both("missing --labels", "missing.npy", "unlabelled.npz", "--labels", "missing.npy")
        both("labels out of range", "label", self.npz("high.npz", self.pixels, [10 ** 6] * 80))
        both("negative labels", "low.npz", self.npz("low.npz", self.pixels, [-3] * 80))
        self.refused("a class too many for the network", "ten.npz",
                     *self.optimize(data=self.npz("ten.npz", self.pixels, [10] * 80)))
        self.refused("labels of --eval out of range, before the work", "ten.npz", *self.optimize(data="good.npz"), "--eval", "ten.npz")
        self.refused("one sample to calibrate on", "one.npz",
                     *self.optimize(data=self.npz("one.npz", self.pixels[:product.PIXELS], [1])))
        self.refused("two samples to calibrate on", "two.npz",
                     *self.optimize(data=self.npz("two.npz", self.pixels[:2 * product.PIXELS], [1, 2])))
        self.refused("no labels for --metric top1 in --eval", "unlabelled.npz", *self.optimize(data="good.npz"), "--eval",
                     "unlabelled.npz", "--metric", "top1")
        self.refused("values that overflow", "huge.npz",
                     *self.optimize(data=self.npz("huge.npz", [3e38] * len(self.pixels), [i % 10 for i in range(80)])))
        self.refused("a failing metric command", "good.npz", *self.optimize(data="good.npz"), "--metric-cmd", "false")
        self.refused("a metric command that prints no number", "good.npz", "eval", "net.onnx", "--data", "good.npz",
                     "--metric-cmd", "echo nothing; :")
        self.refused("a metric that compares, with nothing to compare", "good.npz", "eval", "net.onnx", "--data", "good.npz",
                     "--metric", "cosine")
        self.refused("a reference for a metric that compares with none", "net.onnx", "eval", "net.onnx", "--data", "good.npz",
                     "--metric", "top1", "--reference", "net.onnx")
        nan = list(self.pixels)
        nan[5] = float("nan")
        self.refused("NaN in calibration data", "nan.npz", *self.optimize(data=self.npz("nan.npz", nan, [i % 10 for i in range(80)])))
        nan[5] = float("inf")
        self.refused("infinity in calibration data", "inf.npz", *self.optimize(data=self.npz("inf.npz", nan, [i % 10 for i in range(80)])))
        pictures = (self.folder / self.data).read_bytes()
        both("cut IDX", "cut-images-idx3-ubyte.gz", self.write("cut-images-idx3-ubyte.gz", pictures[:len(pictures) // 2]))
        lie = struct.pack(">IIII", 0x803, 2 ** 31, 28, 28) + bytes(784)
        both("lying IDX", "lie-images-idx3-ubyte", self.write("lie-images-idx3-ubyte", lie))
        both("labels as data", "few-labels", "few-labels-idx1-ubyte.gz")

    def side_files(self):
        for what, content in (("not JSON", "{"), ("unknown key", '{"sclae": 1}'), ("wrong type", '{"mean": "x"}'),
                              ("zero std", '{"std": [0]}'), ("a list", "[1]"), ("empty", ""), ("huge", '{"resize": [1000000, 1000000]}')):
            self.write("bad.json", content)
            self.refused(f"preprocess: {what}", "bad.json", "eval", "net.onnx", "--data", self.data, "--preprocess", "bad.json")
        self.refused("preprocess: missing", "missing.json", "eval", "net.onnx", "--data", self.data, "--preprocess", "missing.json")
        for what, content in (("not JSON", "]"), ("a list", "[]"), ("garbage", self.rng.randbytes(100)), ("wrong fields", '{"a": 1}')):
            self.write("costs.json", content)
            arguments = self.optimize(data="good.npz", costs="costs.json")
            place = arguments.index("--reduce-macs")
            arguments[place:place + 2] = ["--speedup", "1.1"]
            self.refused(f"cost table: {what}", "costs.json", *arguments)

    def outputs(self):
        self.refused("optimize into no folder", "nowhere", *self.optimize(data="good.npz", out="nowhere/out.deft"))
        self.refused("output is a folder", "folder.onnx", *self.optimize(data="good.npz", out="folder.onnx"))
        self.refused("--json into no folder", "nowhere", "inspect", "net.onnx", "--json", "nowhere/i.json")
        self.refused("run into a file", "x.npy", "run", "net.onnx", "--input", "x.npy", "--output", "x.npy")
        read_only = self.folder / "read_only"
        read_only.mkdir()
        read_only.chmod(0o555)
        if os.access(read_only, os.W_OK):  # root writes anywhere; /proc refuses even root
            read_only = pathlib.Path("/proc/deftnn")
        self.refused("read-only output folder", str(read_only.name), *self.optimize(data="good.npz", out=str(read_only / OUT)))
        self.refused("run into a read-only folder", str(read_only.name), "run", "net.onnx", "--input", "x.npy", "--output", str(read_only / "o"))

    def packages(self):
        done = self.product.run(*self.optimize(data="good.npz", out="good.deft", criterion="magnitude", group="channel"))
        if done.returncode != 0:
            self.fail("a .deft to change", f"optimize failed: {done.stderr.strip()[-300:]}")
            return
        whole = (self.folder / "good.deft").read_bytes()
        positions = [0, 1, 7, 8, 12, 16, 24, 32, 63, 64, len(whole) - 1]
        positions += [self.rng.randrange(4096) for _ in range(20)]
        positions += [self.rng.randrange(len(whole)) for _ in range(CHANGED_BYTES - len(positions))]
        for position in positions:
            changed = bytearray(whole)
            changed[position] ^= 1 << self.rng.randrange(8)
            self.write("changed.deft", bytes(changed))
            self.refused(f"byte {position} of {len(whole)} of a .deft changed", "changed.deft", "bench", "changed.deft", "--iterations", "1")
        for length in (1, 7, 16, 63, 200, len(whole) // 2, len(whole) - 64, len(whole) - 1):
            self.write("cut.deft", whole[:length])
            self.refused(f"{length} of {len(whole)} bytes of a .deft", "cut.deft", "run", "cut.deft", "--input", "x.npy", "--output", "o")
        self.write("long.deft", whole + b"\0" * 64)
        self.refused("a .deft with bytes added", "long.deft", "inspect", "long.deft")
        self.write("foreign.deft", "<html>not a network</html>\n" * 50)
        self.write("garbage.deft", self.rng.randbytes(5000))
        self.write("empty.deft", b"")
        for name in ("foreign.deft", "garbage.deft", "empty.deft", "missing.deft"):
            self.refused(f"{name} as a package", name, "inspect", name)

    def usage(self):
        self.misused("nothing")
        self.misused("unknown verb", "speedup", "net.onnx")
        self.misused("unknown flag", "inspect", "net.onnx", "--fast")
        self.misused("no model", "inspect")
        self.misused("no output", "optimize", "net.onnx", "--calib", "good.npz")
        self.misused("no data", "eval", "net.onnx")
        self.misused("unknown format", "bench", "net.onnx", "--format", "fp8")
        self.misused("unknown metric", "eval", "net.onnx", "--data", "good.npz", "--metric", "bleu")
        self.misused("negative threads", "bench", "net.onnx", "--threads", "-1")
        self.misused("batch of 0", "bench", "net.onnx", "--batch", "0")
        self.misused("iterations not a number", "bench", "net.onnx", "--iterations", "many")
        self.misused("two goals", *self.optimize(data="good.npz"), "--speedup", "2")
        self.misused("drop over 100", "optimize", "net.onnx", "-o", OUT, "--calib", "good.npz", "--max-drop", "101")
        self.misused("quiet and verbose", "inspect", "net.onnx", "-q", "-v")
        self.misused("metric and metric command", "eval", "net.onnx", "--data", "good.npz", "--metric", "top1", "--metric-cmd", "true")
        self.misused("seconds and runs", "bench", "net.onnx", "--duration", "1", "--iterations", "1")
        self.misused("an empty model name", "inspect", "")
        self.misused("an empty output name", *self.optimize(data="good.npz", out=""))
        done = self.finish("the model after --input", ("run", "--input", "x.npy", "net.onnx", "--output", "x.npy/o"))
        if done is not None and done.returncode != 1:
            self.fail("the model after --input", done.stderr.strip()[-300:])
        self.misused("an empty input", "run", "net.onnx", "--input", "", "--output", "o")

    def all(self):
        for part in (self.models, self.nan_weights, self.changed_onnx, self.inputs, self.data_sets, self.side_files, self.outputs,
                     self.packages, self.usage):
            part()
        print(f"{self.count} cases, {len(self.failures)} failed")
        return 1 if self.failures else 0


def main(binary, source):
    if not product.FASHION_MNIST.exists():
        print(f"skipped: no Fashion-MNIST in {product.FASHION_MNIST} (Debian package dataset-fashion-mnist)")
        return product.SKIPPED
    with tempfile.TemporaryDirectory(prefix="deftnn_hostile_") as folder:
        return Hostile(binary, source, folder).all()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
