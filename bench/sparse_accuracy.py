#!/usr/bin/env python3
"""What a network loses when the same share of its weights goes one by one (sparse) or as entries of K (dense, smaller: ours).

The demo's network, each layer but the first at the same share. One by one by magnitude, the rest as it was; or by optimal brain
surgeon, the order of SparseGPT (Frantar & Alistarh 2023) in blocks of columns, and then each output's weights refitted to the original outputs
by least squares over what it kept. Writes into bench/results/sparse.json, and the table into docs/benchmarks.md.
"""
import argparse
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

import accuracy
import json_file
import models
import page
import sparse
import splits
from program import Program

MADE = models.ROOT / "build" / "bench" / "sparse"
PICTURES, POSITIONS, DAMPING, BLOCK = 4096, 8, 1e-2, 128
OURS = {"entries of K, one share for all": ("--allocation", "uniform", "--group", "synapse"), "channels and entries, measured shares": ()}


class Network:
    """An ONNX network whose products can be looked into and changed."""

    def __init__(self, path):
        self.model = onnx.load(path)
        self.graph = self.model.graph
        self.tensors = {tensor.name: tensor for tensor in self.graph.initializer}
        self.products = [node for node in self.graph.node if node.op_type in ("Conv", "Gemm")]

    def weights(self, node):
        """Outputs x K."""
        values = numpy_helper.to_array(self.tensors[node.input[1]])
        return values.reshape(len(values), -1)

    def set_weights(self, node, values):
        tensor = self.tensors[node.input[1]]
        tensor.CopyFrom(numpy_helper.from_array(values.reshape(tensor.dims).astype(np.float32), tensor.name))

    def run(self, x, output=None):
        """The value named `output`, or the network's own."""
        model = onnx.ModelProto.FromString(self.model.SerializeToString())
        if output:
            model.graph.output.append(onnx.ValueInfoProto(name=output))
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        parts = [session.run([output] if output else None, {self.graph.input[0].name: x[i:i + 500]})[0] for i in range(0, len(x), 500)]
        return np.concatenate(parts)

    def rows(self, node, x, rng):
        """Inputs of a product at drawn positions, a row each: what im2col would lay out."""
        inputs = self.run(x, node.input[0])
        if inputs.ndim == 2:
            return inputs
        padded = np.pad(inputs, ((0, 0), (0, 0), (1, 1), (1, 1)))
        top, left = (rng.integers(0, size, (POSITIONS, len(x))) for size in inputs.shape[2:])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
        return np.concatenate([windows[np.arange(len(x)), :, t, l].reshape(len(x), -1) for t, l in zip(top, left)])


def by_magnitude(weights, keep):
    order = np.argsort(np.abs(weights), axis=None)
    kept = np.ones(weights.size, bool)
    kept[order[:round((1 - keep) * weights.size)]] = False
    return weights * kept.reshape(weights.shape)


def _mask(weights, gram, keep):
    """Which weights stay, block of columns after block, those before making up for what went."""
    left = weights.copy()
    upper = np.linalg.cholesky(np.linalg.inv(gram)).T
    kept = np.ones(weights.shape, bool)
    for begin in range(0, weights.shape[1], BLOCK):
        end = min(begin + BLOCK, weights.shape[1])
        cost = (left[:, begin:end] / np.diag(upper)[begin:end]) ** 2
        kept[:, begin:end] = cost > np.quantile(cost, 1 - keep)
        for column in range(begin, end):
            error = np.where(kept[:, column], 0, left[:, column]) / upper[column, column]
            left[:, column:] -= np.outer(error, upper[column, column:])
    return kept


def by_obs(weights, keep, rows, original_rows):
    """`rows`: the inputs in the network as pruned so far; `original_rows`: the same in the original."""
    scale = 1 / len(rows)
    gram = (rows.T.astype(np.float64) @ rows) * scale
    gram[np.diag_indices_from(gram)] += DAMPING * np.mean(np.diag(gram))
    kept = _mask(weights.astype(np.float64), gram, keep)
    wanted = ((original_rows @ weights.T).T.astype(np.float64) @ rows) * scale + DAMPING * np.mean(np.diag(gram)) * weights
    refitted = np.zeros(weights.shape)
    for output, mask in enumerate(kept):
        refitted[output, mask] = np.linalg.solve(gram[np.ix_(mask, mask)], wanted[output, mask])
    return refitted


def points_lost(network, dense, x, y):
    return 100 * float(np.mean(dense.run(x).argmax(1) == y) - np.mean(network.run(x).argmax(1) == y))


def one_by_one(path, keep, obs, calibration, scoring):
    dense, network = Network(path), Network(path)
    for index, node in enumerate(network.products[1:], 1):
        weights = network.weights(node)
        if obs:
            rows, original = (n.rows(n.products[index], calibration[0][:PICTURES], np.random.default_rng(index)) for n in (network, dense))
            network.set_weights(node, by_obs(weights, keep, rows, original))
        else:
            network.set_weights(node, by_magnitude(weights, keep))
    return points_lost(network, dense, *scoring)


def reduced(program, path, keep, options):
    calibration, scoring = splits.write("fashion_vgg", 1, MADE)
    record = MADE / "reduced.json"
    program.call("optimize", path, "-o", MADE / "reduced.deft", "--calib", calibration, "--eval", scoring, "--reduce-macs", 1 / keep,
                 "--format", "fp32", "--json", record, "-q", *options)
    return json.loads(record.read_text())["accuracy_drop_points"]


def lines(record):
    names = ["one by one, magnitude", "one by one, obs and refit", *OURS]
    text = ["| weights gone | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    for keep in sparse.KEEPS:
        lost = record.get("accuracy", {}).get(str(keep), {})
        text.append(f"| {100 * (1 - keep):.0f} % | " + " | ".join(f"{lost[n]:.2f}" if n in lost else "-" for n in names) + " |")
    return text


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keeps", default=",".join(map(str, sparse.KEEPS)), help="shares of the weights, with commas; none: the table only")
    parser.add_argument("--only", choices=("sparse", "reduced"), help="one side")
    parser.add_argument("--program", default="build/release/deftnn")
    parser.add_argument("--threads", type=int, default=0, help="of the program (0: one a core)")
    parser.add_argument("--results", type=pathlib.Path, default=sparse.RESULTS)
    args = parser.parse_args(arguments)
    MADE.mkdir(parents=True, exist_ok=True)
    path = accuracy.SUBJECTS["fashion_vgg"][1]()
    for keep in [] if args.keeps == "none" else map(float, args.keeps.split(",")):
        lost = json_file.read(args.results).get("accuracy", {}).get(str(keep), {})
        if args.only != "reduced":
            data = splits.SPLITS["fashion_vgg"](1)
            lost["one by one, magnitude"] = one_by_one(path, keep, False, *data)
            lost["one by one, obs and refit"] = one_by_one(path, keep, True, *data)
        for name, options in OURS.items() if args.only != "sparse" else ():
            lost[name] = reduced(Program(args.program, args.threads), path, keep, options)
        json_file.put(args.results, ("accuracy", keep), lost)
        print(keep, lost, flush=True)
    table = lines(json_file.read(args.results))
    page.insert("sparse accuracy", table)
    print("\n".join(table))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
