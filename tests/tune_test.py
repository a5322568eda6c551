#!/usr/bin/env python3
"""Fine-tuning through the command line: a kill and a resume, two processes, and what is refused.

usage: tune_test.py DEFTNN SOURCE_DIR      77 (skipped) without LibTorch or Fashion-MNIST
"""
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from product import (FASHION_MNIST, SKIPPED, Product, cut_fashion_mnist, normalised_pictures, npy_bytes,  # noqa: E402
                     read_npy, write_npz)

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else os.environ["DEFTNN_BIN"]
SOURCE = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ".").resolve()
EXAMPLE = SOURCE / "examples/fashion_mnist"
MODEL, PREPROCESS = EXAMPLE / "fashion_vgg.onnx", EXAMPLE / "preprocess.json"
PICTURES = 96
# SGD in fp32: the smallest difference between one process and two stays as small as it was.
EXACT = ["--format", "fp32", "--optimizer", "sgd", "--lr", "0.001"]


class Tune(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.product = Product(BINARY, cls.folder.name)
        cls.data = cut_fashion_mnist("train", cls.folder.name, "tune", 50000, PICTURES)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def path(self, name):
        return pathlib.Path(self.folder.name) / name

    def arguments(self, output, *more):
        return ["tune", MODEL, "-o", output, "--data", self.data, "--preprocess", PREPROCESS, "--threads", 1, "-q",
                "--tune-batch", 16, "--epochs", 2, *more]

    def tune(self, output, *more, **environment):
        return self.product.run(*self.arguments(output, *more), **environment)

    def check_refused(self, result, *words):
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def outputs(self, model):
        """The logits of some pictures."""
        count = 8
        pixels = normalised_pictures(FASHION_MNIST / "t10k-images-idx3-ubyte.gz", count)
        self.path("x.npy").write_bytes(npy_bytes(pixels, (count, 1, 28, 28)))
        result = self.product.run("run", model, "--input", "x.npy", "--output", "outputs")
        self.assertEqual(result.returncode, 0, result.stderr)
        return read_npy(self.path("outputs/logits.npy"))[0]

    def test_killed_and_resumed_is_as_if_nothing_had_happened(self):
        more = ["--teacher", MODEL, "--format", "dfp16", "--lr", "0.0003", "--flip", "--crop", "2",
                "--checkpoint-steps", "1"]
        whole = self.tune("whole.deft", *more)
        self.assertEqual(whole.returncode, 0, whole.stderr)
        process = subprocess.Popen([self.product.binary, *map(str, self.arguments("killed.deft", *more))],
                                   cwd=self.folder.name, stderr=subprocess.DEVNULL)
        checkpoint = self.path("killed.deft.checkpoint")
        # The step is behind the magic, three checksums and a flag.
        taken = 0
        while taken < 3 and process.poll() is None:
            time.sleep(0.01)
            if checkpoint.exists():
                taken = struct.unpack_from("<q", checkpoint.read_bytes(), 24)[0]
        process.send_signal(signal.SIGKILL)
        self.assertEqual(process.wait(), -signal.SIGKILL)
        self.assertFalse(self.path("killed.deft").exists())
        taken = struct.unpack_from("<q", checkpoint.read_bytes(), 24)[0]
        self.assertTrue(3 <= taken < 2 * ((PICTURES - 9) // 16), taken)
        # Another run's checkpoint is not taken for this one's.
        other = self.tune("other.deft", *more, "--seed", 2, "--checkpoint", checkpoint)
        self.check_refused(other, "checkpoint of another run", "killed.deft.checkpoint")
        resumed = self.tune("killed.deft", *more)
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.assertFalse(checkpoint.exists())
        self.assertEqual(self.path("whole.deft").read_bytes(), self.path("killed.deft").read_bytes())

    def in_two_processes(self, *arguments):
        """Runs the same command as ranks 0 and 1 on the loopback."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        command = [self.product.binary, *map(str, arguments)]
        processes = [subprocess.Popen(command, cwd=self.folder.name, stderr=subprocess.PIPE, text=True,
                                      env={**environment, "RANK": str(rank)}) for rank in range(2)]
        for process in processes:
            errors = process.communicate(timeout=240)[1]
            self.assertEqual(process.returncode, 0, errors)

    def record(self, name):
        return json.loads(self.path(name).read_text())

    def test_two_processes_give_the_result_of_one(self):
        one = self.tune("one.deft", *EXACT, "--json", "one.json")
        self.assertEqual(one.returncode, 0, one.stderr)
        self.in_two_processes(*self.arguments("two.deft", *EXACT, "--json", "two.json"))
        ours, theirs = self.record("one.json")["fine_tune"], self.record("two.json")["fine_tune"]
        self.assertEqual(theirs["processes"], 2)
        self.assertGreater(ours["best_step"], 0)
        self.assertLess(ours["loss_after"], ours["loss_before"])
        self.assertAlmostEqual(ours["loss_after"], theirs["loss_after"], delta=1e-5)
        ours, theirs = self.outputs("one.deft"), self.outputs("two.deft")
        largest = max(map(abs, ours))
        for a, b in zip(ours, theirs):
            self.assertLessEqual(abs(a - b), 1e-5 * largest)

    def test_two_processes_share_the_statistics(self):
        calibration = cut_fashion_mnist("train", self.folder.name, "shared", 50800, 300)
        arguments = ["optimize", MODEL, "--calib", calibration, "--preprocess", PREPROCESS, "--reduce-macs", 3,
                     "--format", "fp32", "--calib-samples", 128, "--calib-rows", 4096, "--group", "channel", "--threads", 1, "-q"]
        one = self.product.run(*arguments, "-o", "alone.deft", "--json", "alone.json")
        self.assertEqual(one.returncode, 0, one.stderr)
        self.in_two_processes(*arguments, "-o", "shared.deft", "--json", "shared.json")
        for ours, theirs in zip(self.record("alone.json")["layers"], self.record("shared.json")["layers"]):
            self.assertEqual((ours["k_kept"], ours["outputs_kept"]), (theirs["k_kept"], theirs["outputs_kept"]))
            self.assertAlmostEqual(ours["relative_error"], theirs["relative_error"], delta=1e-5)

    def test_distillation_needs_no_labels(self):
        pixels = normalised_pictures(FASHION_MNIST / "t10k-images-idx3-ubyte.gz", 48)
        write_npz(self.path("bare.npz"), x=npy_bytes(pixels, (48, 1, 28, 28)))
        arguments = ["tune", MODEL, "-o", "bare.deft", "--data", "bare.npz", "--threads", 1, "-q", "--lr", "0.0001"]
        self.check_refused(self.product.run(*arguments), "no labels", "bare.npz")
        result = self.product.run(*arguments, "--teacher", MODEL, "--format", "dfp16", "--json", "bare.json")
        self.assertEqual(result.returncode, 0, result.stderr)
        record = json.loads(self.path("bare.json").read_text())
        self.assertEqual(record["fine_tune"]["loss"], "teacher")
        self.assertLessEqual(record["fine_tune"]["loss_after"], record["fine_tune"]["loss_before"])

    def test_what_does_not_fit_is_one_clear_line(self):
        self.path("short.npy").write_bytes(npy_bytes([0, 1, 2], (3,), "<i8"))
        self.check_refused(self.tune("no.deft", "--labels", "short.npy"), "labels")
        self.path("eleven.npy").write_bytes(npy_bytes([10] * PICTURES, (PICTURES,), "<i8"))
        self.check_refused(self.tune("no.deft", "--labels", "eleven.npy"), "label 10", "10 classes")
        self.check_refused(self.tune("no.deft", "--lr", "100", "--optimizer", "sgd"), "step", "learning rate")
        self.path("not.deft.checkpoint").write_text("a shopping list")
        self.check_refused(self.tune("not.deft"), "is no checkpoint", "not.deft.checkpoint")
        self.check_refused(self.tune("no.deft", RANK="2", WORLD_SIZE="2"), "process 2 of 2")
        self.assertFalse(self.path("no.deft").exists())

    def test_optimize_trains_what_it_has_reduced(self):
        calibration = cut_fashion_mnist("train", self.folder.name, "calib", 50200, 600)
        result = self.product.run("optimize", MODEL, "-o", "reduced.deft", "--calib", calibration, "--preprocess",
                                  PREPROCESS, "--reduce-macs", 2, "--format", "fp32",
                                  "--calib-samples", 256, "--calib-rows", 4096,
                                  "--criterion", "magnitude", "--compensation", "none", "--fine-tune", calibration,
                                  "--distill", "--lr", "0.0005", "--tune-batch", 16, "--json", "reduced.json", "-q")
        self.assertEqual(result.returncode, 0, result.stderr)
        record = json.loads(self.path("reduced.json").read_text())
        tuned = record["fine_tune"]
        # Nothing made up for what was eliminated, so that there is much to win back.
        self.assertLess(tuned["loss_after"], 0.7 * tuned["loss_before"])
        # None of the samples that the report rests on was trained on.
        self.assertLessEqual(tuned["samples"] + tuned["held_out_samples"] + record["evaluation_samples"], 600)
        self.assertFalse(self.path("reduced.deft.checkpoint").exists())

    def test_rounds_share_out_the_goal_and_the_epochs(self):
        calibration = cut_fashion_mnist("train", self.folder.name, "calib", 50200, 600)
        arguments = ["optimize", MODEL, "-o", "rounds.deft", "--calib", calibration, "--preprocess", PREPROCESS, "--format",
                     "fp32", "--calib-samples", 256, "--calib-rows", 4096, "--fine-tune", calibration, "--distill", "--rounds",
                     2, "-q"]
        self.check_refused(self.product.run(*arguments), "--rounds", "--reduce-macs")
        result = self.product.run(*arguments, "--reduce-macs", 4, "--tune-batch", 16, "--json", "rounds.json")
        self.assertEqual(result.returncode, 0, result.stderr)
        record = json.loads(self.path("rounds.json").read_text())
        ratio = record["baseline"]["macs"] / record["optimized"]["macs"]
        self.assertGreaterEqual(ratio, 4)
        self.assertLess(ratio, 4.5)
        tuned = record["fine_tune"]
        self.assertEqual((tuned["rounds"], tuned["epochs"]), (2, 1))
        self.assertLessEqual(tuned["steps"], tuned["samples"] // 16)
        self.assertFalse(self.path("rounds.deft.checkpoint").exists())


if __name__ == "__main__":
    if not (pathlib.Path(BINARY).resolve().parent / "libdeftnn_tune.so").exists():
        print("skipped: built without LibTorch")
        sys.exit(SKIPPED)
    if not FASHION_MNIST.exists():
        print("skipped: no Fashion-MNIST")
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
