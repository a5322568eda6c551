#!/usr/bin/env python3
"""Compares every operator with ONNX Runtime.

For each operator and each opset in which its form changes, random one-node graphs are put side by side
in one model, which ONNX Runtime and `deftnn run` both execute. Floats must agree to 1e-5 of the largest
magnitude of the output, everything else exactly.

    python3 tests/ops_vs_onnxruntime.py [--seed N] [--cases N] [--only Op,Op] [--list]

DEFTNN_BIN names the program (default build/release/deftnn). Exit code: 0, 1 (something differs), 2 (usage).
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from op_cases import elementwise, products, reductions, shapes
from op_cases.case import Random

TOLERANCE = 1e-5
ROOT = pathlib.Path(__file__).resolve().parent.parent
onnxruntime.set_default_logger_severity(4)

# Operator -> (generator in op_cases/, the opsets to try).
OPERATORS = {
    "Conv": (products.conv, [7, 11, 21]),
    "Gemm": (products.gemm, [7, 9, 11, 13, 21]),
    "MatMul": (products.matmul, [7, 9, 13, 21]),
    "BatchNormalization": (elementwise.batch_normalization, [7, 9, 14, 15, 21]),
    "LRN": (reductions.lrn, [7, 13, 21]),
    "Softmax": (reductions.softmax, [7, 11, 13, 21]),
    "LogSoftmax": (reductions.softmax, [7, 11, 13, 21]),
    "Relu": (elementwise.plain, [7, 13, 14, 21]),
    "LeakyRelu": (elementwise.unary(alpha=[None, 0.3]), [7, 16, 21]),
    "PRelu": (elementwise.prelu, [7, 9, 16, 21]),
    "Clip": (elementwise.clip, [7, 11, 12, 13, 21]),
    "Sigmoid": (elementwise.plain, [7, 13, 21]),
    "HardSigmoid": (elementwise.unary(alpha=[None, 0.3], beta=[None, 0.4]), [7, 21]),
    "HardSwish": (elementwise.plain, [14, 21]),
    "Tanh": (elementwise.plain, [7, 13, 21]),
    "Gelu": (elementwise.unary(approximate=[None, "none", "tanh"]), [20, 21]),
    "Abs": (elementwise.plain, [7, 13, 21]),
    "Neg": (elementwise.plain, [7, 13, 21]),
    "Erf": (elementwise.plain, [9, 13, 21]),
    "Exp": (elementwise.plain, [7, 13, 21]),
    "Sqrt": (elementwise.unary("positive"), [7, 13, 21]),
    "Add": (elementwise.binary(), [7, 13, 14, 21]),
    "Sub": (elementwise.binary(), [7, 13, 14, 21]),
    "Mul": (elementwise.binary(), [7, 13, 14, 21]),
    "Div": (elementwise.binary(values="positive"), [7, 13, 14, 21]),
    "Pow": (elementwise.pow_, [7, 12, 13, 15, 21]),
    "Max": (elementwise.variadic, [8, 12, 13, 21]),
    "Min": (elementwise.variadic, [8, 12, 13, 21]),
    "Sum": (elementwise.variadic, [8, 13, 21]),
    "MaxPool": (reductions.pool(False), [7, 8, 10, 11, 12, 21]),
    "AveragePool": (reductions.pool(True), [7, 10, 11, 19, 21]),
    "GlobalMaxPool": (reductions.global_pool, [7, 21]),
    "GlobalAveragePool": (reductions.global_pool, [7, 21]),
    "ReduceMax": (reductions.reduce(18), [7, 11, 12, 13, 18, 20, 21]),
    "ReduceMean": (reductions.reduce(18), [7, 11, 13, 18, 21]),
    "ReduceSum": (reductions.reduce(13), [7, 11, 13, 21]),
    "ArgMax": (reductions.arg_max, [7, 11, 12, 13, 21]),
    "Identity": (elementwise.plain, [7, 13, 14, 16, 19, 21]),
    "Dropout": (elementwise.dropout, [7, 10, 12, 13, 21]),
    "DequantizeLinear": (elementwise.dequantize_linear, [10, 13, 19, 21]),
    "OneHot": (shapes.one_hot, [9, 11, 21]),
    "Concat": (shapes.concat, [7, 11, 13, 21]),
    "Split": (shapes.split, [7, 11, 13, 18, 21]),
    "Slice": (shapes.slice_, [7, 10, 11, 13, 21]),
    "Pad": (shapes.pad, [7, 11, 13, 18, 19, 21]),
    "Reshape": (shapes.reshape, [7, 13, 14, 19, 21]),
    "Flatten": (shapes.flatten, [7, 9, 11, 13, 21]),
    "Transpose": (shapes.transpose, [7, 13, 21]),
    "Squeeze": (shapes.squeeze, [7, 11, 13, 21]),
    "Unsqueeze": (shapes.unsqueeze, [7, 11, 13, 21]),
    "Gather": (shapes.gather, [7, 11, 13, 21]),
    "Cast": (elementwise.cast, [7, 9, 13, 19, 21]),
    "Shape": (shapes.shape_, [7, 13, 15, 19, 21]),
    "Expand": (shapes.expand, [8, 13, 21]),
}

# What ONNX allows, ONNX Runtime does not implement either, and we refuse: operator -> generator, opsets, part of the message.
REFUSED = {
    "Gemm": (products.integer_gemm, [9, 13, 21], "Gemm does not take"),
}


def build(op, opset, cases):
    """One model with every case side by side; returns it, its feeds, and each case's output names."""
    nodes, inputs, initializers, outputs, feeds, names = [], [], [], [], {}, []
    for index, case in enumerate(cases):
        node_inputs = []
        for position, item in enumerate(case.inputs):
            if item is None:
                node_inputs.append("")
                continue
            kind, array = item
            name = f"case{index}_in{position}"
            node_inputs.append(name)
            if kind == "x":
                dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
                inputs.append(helper.make_tensor_value_info(name, dtype, array.shape))
                feeds[name] = array
            else:
                initializers.append(numpy_helper.from_array(array, name))
        own = [f"case{index}_out{k}" for k in range(case.outputs)]
        nodes.append(helper.make_node(op, node_inputs, own, name=f"case{index}", **case.attributes))
        names.append(own)
        outputs += [helper.make_empty_tensor_value_info(name) for name in own]
    graph = helper.make_graph(nodes, op, inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    # Output types are needed by ONNX Runtime, shapes are not.
    inferred = onnx.shape_inference.infer_shapes(model)
    return inferred, feeds, names


def run_deftnn(binary, folder, model, feeds):
    """The outputs by name, or the program's error line."""
    path, out = folder / "model.onnx", folder / "out"
    onnx.save(model, path)
    out.mkdir(exist_ok=True)
    command = [binary, "run", str(path), "--output", str(out)]
    for name, array in feeds.items():
        np.save(folder / f"{name}.npy", array)
        command += ["--input", f"{name}={folder / name}.npy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return {path.stem: np.load(path) for path in out.glob("*.npy")}, ""


def difference(ours, theirs):
    """"" when equal enough, else what differs."""
    if ours is None:
        return "the output is missing"
    if ours.shape != theirs.shape:
        return f"shape {ours.shape}, expected {theirs.shape}"
    if ours.dtype != theirs.dtype:
        return f"type {ours.dtype}, expected {theirs.dtype}"
    if not np.issubdtype(theirs.dtype, np.floating):
        return "" if np.array_equal(ours, theirs) else f"{int((ours != theirs).sum())} elements differ"
    if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return "NaN in different places"
    finite = np.isfinite(theirs)
    if not np.array_equal(ours[~finite & ~np.isnan(theirs)], theirs[~finite & ~np.isnan(theirs)]):
        return "infinities differ"
    if not finite.any():
        return ""
    error = np.abs(ours[finite] - theirs[finite]).max()
    scale = np.abs(theirs[finite]).max()
    if error > TOLERANCE * max(scale, 1e-30):
        return f"relative difference {error / max(scale, 1e-30):.2e}"
    return ""


def check(op, opset, cases, binary):
    """Messages of what went wrong, one per failing case."""
    model, feeds, names = build(op, opset, cases)
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        expected = dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds)))
    except Exception as error:  # one case that ONNX Runtime refuses hides the others: a fault of the generator
        return [f"ONNX Runtime: {str(error).splitlines()[0][:300]}"] * len(cases)
    with tempfile.TemporaryDirectory() as folder:
        ours, error = run_deftnn(binary, pathlib.Path(folder), model, feeds)
    if ours is None:
        return [error] * len(cases)
    problems = []
    for index, own in enumerate(names):
        for name in own:
            message = difference(ours.get(name), expected[name])
            if message:
                problems.append(f"case {index} {describe(cases[index])}: {message}")
                break
    return problems


def check_refused(op, opset, case, reason, binary):
    """"" when `deftnn run` refuses the case with one line that names the node and the reason."""
    model, feeds, _ = build(op, opset, [case])
    with tempfile.TemporaryDirectory() as folder:
        ours, error = run_deftnn(binary, pathlib.Path(folder), model, feeds)
    if ours is not None:
        return "is taken: compare it with ONNX Runtime, or refuse it"
    return "" if "'case0'" in error and reason in error else f"is refused with: {error}"


def describe(case):
    shapes = ["absent" if item is None else f"{item[1].dtype}{list(item[1].shape)}" for item in case.inputs]
    return f"{', '.join(shapes)} {case.attributes}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=12, help="random graphs per operator and opset")
    parser.add_argument("--only", default="", help="operators, comma-separated")
    parser.add_argument("--list", action="store_true", help="print the operators and stop")
    arguments = parser.parse_args()
    wanted = [name for name in arguments.only.split(",") if name] or list(OPERATORS)
    unknown = [name for name in wanted if name not in OPERATORS]
    if unknown:
        parser.error(f"unknown operators: {', '.join(unknown)}")
    if arguments.list:
        print("\n".join(OPERATORS))
        return 0
    binary = os.environ.get("DEFTNN_BIN", str(ROOT / "build/release/deftnn"))
    if not os.access(binary, os.X_OK):
        print(f"{binary} is not there: build it, or set DEFTNN_BIN", file=sys.stderr)
        return 1
    print(f"seed {arguments.seed}, {arguments.cases} cases per opset, ONNX Runtime {onnxruntime.__version__}")
    failed = 0
    for op in wanted:
        generate, opsets = OPERATORS[op]
        passed = total = 0
        problems = []
        for opset in opsets:
            # Each operator and opset has a stream of its own, so that --only repeats the same cases.
            random = Random([arguments.seed, opset] + list(op.encode()))
            cases = [generate(random, opset) for _ in range(arguments.cases)]
            messages = check(op, opset, cases, binary)
            total += len(cases)
            passed += len(cases) - len(messages)
            problems += [f"opset {opset}: {message}" for message in dict.fromkeys(messages)]
        if op in REFUSED:
            generate, opsets, reason = REFUSED[op]
            for opset in opsets:
                case = generate(Random([arguments.seed, opset] + list(op.encode())), opset)
                problem = check_refused(op, opset, case, reason, binary)
                total += 1
                passed += not problem
                problems += [f"opset {opset}: {describe(case)} {problem}"] if problem else []
        print(f"{op:<20} {passed:>4} of {total:<4} {'ok' if passed == total else 'FAILED'}", flush=True)
        for problem in problems:
            print(f"    {problem}")
        failed += total - passed
    print(f"{failed} of the cases differ" if failed else "every case agrees")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
