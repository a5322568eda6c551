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
from onnx import TensorProto, helper, numpy_helper

TOLERANCE = 1e-5
ROOT = pathlib.Path(__file__).resolve().parent.parent
onnxruntime.set_default_logger_severity(4)


class Case:
    """One node: inputs in order (("x", array) fed, ("c", array) an initializer, None absent)."""

    def __init__(self, inputs, outputs=1, **attributes):
        self.inputs, self.outputs = inputs, outputs
        self.attributes = {name: value for name, value in attributes.items() if value is not None}


def fed(array):
    return ("x", np.asarray(array))


def const(array):
    return ("c", np.asarray(array))


def ints(*values):
    return const(np.array(values, np.int64))


class Random:
    """The generator's vocabulary: shapes, values and choices."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def between(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def choice(self, options):
        return options[self.between(0, len(options) - 1)]

    def chance(self, p=0.5):
        return bool(self.rng.random() < p)

    def shape(self, low=1, high=4, largest=5):
        return [self.between(1, largest) for _ in range(self.between(low, high))]

    def normal(self, *shape, dtype=np.float32):
        return self.rng.normal(size=shape).astype(dtype)

    def positive(self, *shape, dtype=np.float32):
        return (self.rng.random(size=shape) * 2 + 0.1).astype(dtype)

    def integers(self, low, high, *shape, dtype=np.int64):
        return self.rng.integers(low, high + 1, size=shape).astype(dtype)

    def axis(self, rank, opset=21, negative_since=11):
        axis = self.between(0, rank - 1)
        return axis - rank if opset >= negative_since and self.chance() else axis

    def broadcastable(self, shape):
        """A shape that broadcasts to `shape`."""
        kept = shape[self.between(0, len(shape)):]
        return [1 if self.chance(0.3) else extent for extent in kept]


# ---- generators: (Random, opset) -> Case -----------------------------------------------------------


def unary(values="normal", **choices):
    def make(r, opset):
        attributes = {name: r.choice(options) for name, options in choices.items()}
        return Case([fed(getattr(r, values)(*r.shape(0)))], **attributes)

    return make


def binary(integer_since=7, values="normal"):
    def make(r, opset):
        shape = r.shape(0)
        shapes = [shape, r.broadcastable(shape)]
        if r.chance():
            shapes.reverse()
        if opset >= integer_since and r.chance(0.3):
            dtype = r.choice([np.int64, np.int32])
            return Case([fed(r.integers(1, 9, *s, dtype=dtype)) for s in shapes])
        return Case([fed(getattr(r, values)(*s)) for s in shapes])

    return make


def variadic(r, opset):
    shape = r.shape(0)
    return Case([fed(r.normal(*shape))] + [fed(r.normal(*r.broadcastable(shape))) for _ in range(r.between(0, 3))])


def pow_(r, opset):
    shape = r.shape(0)
    if opset >= 12 and r.chance(0.3):
        return Case([fed(r.integers(-4, 4, *shape)), fed(r.integers(0, 4, *shape))])
    if opset >= 12 and r.chance(0.3):
        return Case([fed(r.positive(*shape)), fed(r.integers(-3, 3, *r.broadcastable(shape)))])
    return Case([fed(r.positive(*shape)), fed(r.normal(*r.broadcastable(shape)))])


def clip(r, opset):
    x = r.normal(*r.shape(0))
    low = np.float32(-0.5) if r.chance(0.7) else None
    high = np.float32(0.7) if r.chance(0.7) else None
    if opset < 11:
        limits = {"min": low, "max": high}
        return Case([fed(x)], **{name: None if v is None else float(v) for name, v in limits.items()})
    if opset >= 12 and r.chance(0.2):
        return Case([fed(r.integers(-9, 9, 2, 3)), const(np.int64(-3)), const(np.int64(5))])
    return Case([fed(x), None if low is None else const(low), None if high is None else const(high)])


def prelu(r, opset):
    shape = r.shape(1)
    return Case([fed(r.normal(*shape)), const(r.normal(*r.broadcastable(shape)))])


def window(r, sizes, dilated=True, ceil=False, same=True):
    """Attributes of a window that fits `sizes`."""
    kernel = [r.between(1, min(3, size)) for size in sizes]
    attributes = {"kernel_shape": kernel, "strides": [r.between(1, 3) for _ in sizes]}
    if dilated and r.chance():
        attributes["dilations"] = [r.between(1, 2) if (k - 1) * 2 + 1 <= s else 1 for k, s in zip(kernel, sizes)]
    if r.chance():
        attributes["pads"] = [r.between(0, k - 1) for k in kernel] + [r.between(0, k - 1) for k in kernel]
    elif same and r.chance(0.6):
        attributes["auto_pad"] = r.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
        if attributes["auto_pad"] != "VALID":
            attributes.pop("dilations", None)
    if ceil and attributes.get("auto_pad") is None and r.chance():
        attributes["ceil_mode"] = 1
    return attributes


def conv(r, opset):
    sizes = [r.between(5, 9) for _ in range(r.between(1, 2))]
    groups = r.choice([1, 1, 2, 3, 4])
    channels, outputs = (1, 1) if groups == 4 else (r.between(1, 3), r.between(1, 3))
    attributes = window(r, sizes)
    w = r.normal(groups * outputs, channels, *attributes["kernel_shape"])
    if r.chance():
        del attributes["kernel_shape"]
    inputs = [fed(r.normal(r.between(1, 2), groups * channels, *sizes)), const(w)]
    if r.chance():
        inputs.append(const(r.normal(groups * outputs)))
    return Case(inputs, group=groups, **attributes)


def gemm(r, opset):
    m, n, k = r.between(1, 5), r.between(1, 5), r.between(1, 5)
    trans_a, trans_b = r.between(0, 1), r.between(0, 1)
    inputs = [fed(r.normal(*([k, m] if trans_a else [m, k]))), const(r.normal(*([n, k] if trans_b else [k, n])))]
    if opset < 11 or r.chance(0.7):
        inputs.append(const(r.normal(*r.choice([[m, n], [n], [1, n], [m, 1], [1]]))))
    return Case(inputs, transA=trans_a, transB=trans_b, alpha=r.choice([None, 0.5]), beta=r.choice([None, 2.0]))


def integer_gemm(r, opset):
    m, n, k = r.between(1, 5), r.between(1, 5), r.between(1, 5)
    dtype = r.choice([np.int64, np.int32, np.uint32])
    return Case([fed(r.integers(0, 9, m, k, dtype=dtype)), const(r.integers(0, 9, k, n, dtype=dtype))])


def matmul(r, opset):
    m, n, k = r.between(1, 4), r.between(1, 4), r.between(1, 4)
    kind = r.between(0, 3)
    if kind == 0:
        shapes = [k], [k, n]
    elif kind == 1:
        shapes = [m, k], [k]
    elif kind == 2:
        shapes = [m, k], [k, n]
    else:
        batch = r.shape(1, 2, 3)
        shapes = batch + [m, k], r.broadcastable(batch) + [k, n]
    if opset >= 9 and r.chance(0.2):
        return Case([fed(r.integers(-9, 9, *s, dtype=np.int64)) for s in shapes])
    return Case([fed(r.normal(*s)) for s in shapes])


def batch_normalization(r, opset):
    shape = r.shape(2, 4)
    c = shape[1]
    tail = [const(r.normal(c)), const(r.normal(c)), const(r.normal(c)), const(r.positive(c))]
    return Case([fed(r.normal(*shape))] + tail, epsilon=r.choice([None, 1e-3]))


def pool(average):
    def make(r, opset):
        sizes = [r.between(4, 9) for _ in range(r.between(1, 3) if average else r.between(1, 2))]
        dilated = opset >= (19 if average else 10)
        attributes = window(r, sizes, dilated, ceil=opset >= 10)
        if attributes.get("auto_pad", "").startswith("SAME"):  # ONNX Runtime refuses gaps between windows
            attributes["strides"] = [min(s, k) for s, k in zip(attributes["strides"], attributes["kernel_shape"])]
        if average and r.chance():
            attributes["count_include_pad"] = 1
        x = r.normal(r.between(1, 2), r.between(1, 3), *sizes)
        if not average and opset >= 12 and len(sizes) == 2 and r.chance(0.2):
            return Case([fed((x * 40).clip(-128, 127).astype(np.int8))], **attributes)
        return Case([fed(x)], **attributes)

    return make


def global_pool(r, opset):
    return Case([fed(r.normal(*r.shape(3, 4)))])


def lrn(r, opset):
    return Case([fed(r.normal(*r.shape(4, 4)))], size=r.choice([1, 3, 5]), alpha=r.choice([None, 0.3]),
                beta=r.choice([None, 0.5]), bias=r.choice([None, 2.0]))


def softmax(r, opset):
    shape = r.shape(2, 4)
    axis = r.axis(len(shape), opset) if r.chance(0.7) else None
    return Case([fed(r.normal(*shape) * 3)], axis=axis)


def reduce(axes_input_since, integers=True):
    def make(r, opset):
        shape = r.shape(1, 4)
        axes = sorted(int(a) for a in r.rng.permutation(len(shape))[: r.between(1, len(shape))])
        if opset >= 11 and r.chance():
            axes[0] -= len(shape)
        # Off zero: a sum that cancels is as inexact in ONNX Runtime as its float32 terms are.
        x = r.normal(*shape) + np.float32(0.5)
        if integers and r.chance(0.3):
            x = r.integers(-9, 9, *shape, dtype=r.choice([np.int64, np.int32]))
        keep = r.choice([None, 0, 1])
        if r.chance(0.2):
            return Case([fed(x)], keepdims=keep)
        if opset < axes_input_since:
            return Case([fed(x)], axes=axes, keepdims=keep)
        if r.chance(0.2):
            return Case([fed(x), ints()], keepdims=keep, noop_with_empty_axes=r.between(0, 1))
        return Case([fed(x), ints(*axes)], keepdims=keep)

    return make


def arg_max(r, opset):
    shape = r.shape(1, 4)
    x = r.integers(0, 3, *shape).astype(np.float32)
    last = r.choice([None, 1]) if opset >= 12 else None
    return Case([fed(x)], axis=r.axis(len(shape), opset), keepdims=r.choice([None, 0, 1]), select_last_index=last)


def dropout(r, opset):
    x = fed(r.normal(*r.shape(1)))
    if opset < 12:
        return Case([x], ratio=r.choice([None, 0.3]))
    tail = [const(np.float32(0.4))] if r.chance() else []
    return Case([x] + tail, outputs=r.between(1, 2))


def dequantize_linear(r, opset):
    shape = r.shape(2, 4)
    dtype = r.choice([np.int8, np.uint8, np.int32])
    limits = np.iinfo(dtype if dtype != np.int32 else np.int16)
    x = r.integers(limits.min, limits.max, *shape, dtype=dtype)
    per_axis = opset >= 13 and r.chance()
    axis = r.axis(len(shape)) if per_axis else None
    count = [shape[axis]] if per_axis else []
    inputs = [fed(x), const(r.positive(*count))]
    if dtype != np.int32 and r.chance(0.7):
        inputs.append(const(r.integers(limits.min, limits.max, *count, dtype=dtype)))
    return Case(inputs, axis=axis)


def one_hot(r, opset):
    shape = r.shape(1, 3)
    depth = r.between(2, 5)
    dtype = r.choice([np.float32, np.int64])
    axis = r.between(-1, len(shape)) if r.chance() else None
    return Case([fed(r.integers(-depth, depth - 1, *shape)), const(np.int64(depth)),
                 const(np.array([r.between(-2, 0), r.between(1, 3)], dtype))], axis=axis)


def concat(r, opset):
    shape = r.shape(1, 4)
    axis = r.axis(len(shape), opset)
    arrays = []
    for _ in range(r.between(1, 4)):
        part = list(shape)
        part[axis] = r.between(1, 4)
        arrays.append(fed(r.normal(*part)))
    return Case(arrays, axis=axis)


def split(r, opset):
    shape = r.shape(1, 4)
    axis = r.axis(len(shape), opset)
    parts = [r.between(1, 3) for _ in range(r.between(1, 4))]
    if r.chance(0.3):
        parts = [parts[0]] * len(parts)
        shape[axis] = sum(parts)
        if opset >= 18:
            return Case([fed(r.normal(*shape))], len(parts), axis=axis, num_outputs=len(parts))
        return Case([fed(r.normal(*shape))], len(parts), axis=axis)
    shape[axis] = sum(parts)
    if opset < 13:
        return Case([fed(r.normal(*shape))], len(parts), axis=axis, split=parts)
    return Case([fed(r.normal(*shape)), ints(*parts)], len(parts), axis=axis)


def slice_(r, opset):
    shape = [r.between(2, 6) for _ in range(r.between(1, 4))]
    axes = sorted(int(a) for a in r.rng.permutation(len(shape))[: r.between(1, len(shape))])
    starts = [r.between(0, shape[a] - 1) for a in axes]
    ends = [r.between(s + 1, shape[a]) for s, a in zip(starts, axes)]
    ends = [r.choice([e, 2**31 - 1, e - shape[a] if e < shape[a] else e]) for e, a in zip(ends, axes)]
    starts = [s - shape[a] if r.chance(0.3) else s for s, a in zip(starts, axes)]
    x = fed(r.normal(*shape))
    if opset < 10:
        return Case([x], axes=axes, starts=starts, ends=ends)
    if r.chance(0.3):
        return Case([x, ints(-1), ints(-(2**31)), ints(axes[0]), ints(-r.between(1, 2))])
    return Case([x, ints(*starts), ints(*ends), ints(*axes), ints(*[r.between(1, 2) for _ in axes])])


def pad(r, opset):
    shape = [r.between(3, 5) for _ in range(r.between(1, 4))]
    mode = r.choice(["constant", "constant", "reflect", "edge"])
    pads = [r.between(0, 2) for _ in range(2 * len(shape))]
    x = fed(r.normal(*shape))
    if opset < 11:
        return Case([x], mode=mode, pads=pads, value=1.5 if mode == "constant" else None)
    tail = [const(np.float32(-2.5))] if mode == "constant" and r.chance() else []
    return Case([x, ints(*pads)] + tail, mode=mode)


def reshape(r, opset):
    shape = r.shape(2, 4)
    total = int(np.prod(shape))
    target = r.choice([[-1], [0, -1], [1, total], [shape[0], 1, -1], [total]])
    return Case([fed(r.normal(*shape)), ints(*target)])


def flatten(r, opset):
    shape = r.shape(2, 4)
    return Case([fed(r.normal(*shape))], axis=r.choice([None, 0, r.axis(len(shape), opset)]))


def transpose(r, opset):
    shape = r.shape(1, 4)
    return Case([fed(r.normal(*shape))], perm=r.choice([None, [int(a) for a in r.rng.permutation(len(shape))]]))


def squeeze(r, opset):
    shape = r.shape(1, 3)
    axis = r.between(0, len(shape))
    shape.insert(axis, 1)
    if opset < 13:
        return Case([fed(r.normal(*shape))], axes=[axis])
    if r.chance(0.3):
        return Case([fed(r.normal(*shape))])
    return Case([fed(r.normal(*shape)), ints(axis - len(shape) if r.chance() else axis)])


def unsqueeze(r, opset):
    shape = r.shape(0, 3)
    axes = sorted({r.between(0, len(shape)), r.between(0, len(shape))})
    if opset < 13:
        return Case([fed(r.normal(*shape))], axes=axes)
    return Case([fed(r.normal(*shape)), ints(*axes)])


def gather(r, opset):
    shape = r.shape(1, 4)
    axis = r.axis(len(shape), opset)
    low = -shape[axis] if opset >= 11 else 0
    indices = r.integers(low, shape[axis] - 1, *r.shape(0, 2), dtype=r.choice([np.int64, np.int32]))
    return Case([fed(r.normal(*shape)), r.choice([fed, const])(indices)], axis=axis)


def cast(r, opset):
    source = r.choice([np.float32, np.int64, np.int32, np.uint8, np.bool_, np.float64])
    target = r.choice([TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL, TensorProto.DOUBLE])
    return Case([fed((r.normal(*r.shape()) * 9).clip(0 if source == np.uint8 else -99, 99).astype(source))], to=target)


def shape_(r, opset):
    shape = r.shape(1, 4)
    if opset >= 15 and r.chance():
        return Case([fed(r.normal(*shape))], start=r.between(-2, 1), end=r.choice([None, len(shape), -1]))
    return Case([fed(r.normal(*shape))])


def expand(r, opset):
    shape = r.shape(1, 4)
    return Case([fed(r.normal(*r.broadcastable(shape))), ints(*shape)])


def plain(r, opset):
    return Case([fed(r.normal(*r.shape(0)))])


# Operator -> (generator, the opsets to try).
OPERATORS = {
    "Conv": (conv, [7, 11, 21]),
    "Gemm": (gemm, [7, 9, 11, 13, 21]),
    "MatMul": (matmul, [7, 9, 13, 21]),
    "BatchNormalization": (batch_normalization, [7, 9, 14, 15, 21]),
    "LRN": (lrn, [7, 13, 21]),
    "Softmax": (softmax, [7, 11, 13, 21]),
    "LogSoftmax": (softmax, [7, 11, 13, 21]),
    "Relu": (plain, [7, 13, 14, 21]),
    "LeakyRelu": (unary(alpha=[None, 0.3]), [7, 16, 21]),
    "PRelu": (prelu, [7, 9, 16, 21]),
    "Clip": (clip, [7, 11, 12, 13, 21]),
    "Sigmoid": (plain, [7, 13, 21]),
    "HardSigmoid": (unary(alpha=[None, 0.3], beta=[None, 0.4]), [7, 21]),
    "HardSwish": (plain, [14, 21]),
    "Tanh": (plain, [7, 13, 21]),
    "Gelu": (unary(approximate=[None, "none", "tanh"]), [20, 21]),
    "Abs": (plain, [7, 13, 21]),
    "Neg": (plain, [7, 13, 21]),
    "Erf": (plain, [9, 13, 21]),
    "Exp": (plain, [7, 13, 21]),
    "Sqrt": (unary("positive"), [7, 13, 21]),
    "Add": (binary(), [7, 13, 14, 21]),
    "Sub": (binary(), [7, 13, 14, 21]),
    "Mul": (binary(), [7, 13, 14, 21]),
    "Div": (binary(values="positive"), [7, 13, 14, 21]),
    "Pow": (pow_, [7, 12, 13, 15, 21]),
    "Max": (variadic, [8, 12, 13, 21]),
    "Min": (variadic, [8, 12, 13, 21]),
    "Sum": (variadic, [8, 13, 21]),
    "MaxPool": (pool(False), [7, 8, 10, 11, 12, 21]),
    "AveragePool": (pool(True), [7, 10, 11, 19, 21]),
    "GlobalMaxPool": (global_pool, [7, 21]),
    "GlobalAveragePool": (global_pool, [7, 21]),
    "ReduceMax": (reduce(18), [7, 11, 12, 13, 18, 20, 21]),
    "ReduceMean": (reduce(18), [7, 11, 13, 18, 21]),
    "ReduceSum": (reduce(13), [7, 11, 13, 21]),
    "ArgMax": (arg_max, [7, 11, 12, 13, 21]),
    "Identity": (plain, [7, 13, 14, 16, 19, 21]),
    "Dropout": (dropout, [7, 10, 12, 13, 21]),
    "DequantizeLinear": (dequantize_linear, [10, 13, 19, 21]),
    "OneHot": (one_hot, [9, 11, 21]),
    "Concat": (concat, [7, 11, 13, 21]),
    "Split": (split, [7, 11, 13, 18, 21]),
    "Slice": (slice_, [7, 10, 11, 13, 21]),
    "Pad": (pad, [7, 11, 13, 18, 19, 21]),
    "Reshape": (reshape, [7, 13, 14, 19, 21]),
    "Flatten": (flatten, [7, 9, 11, 13, 21]),
    "Transpose": (transpose, [7, 13, 21]),
    "Squeeze": (squeeze, [7, 11, 13, 21]),
    "Unsqueeze": (unsqueeze, [7, 11, 13, 21]),
    "Gather": (gather, [7, 11, 13, 21]),
    "Cast": (cast, [7, 9, 13, 19, 21]),
    "Shape": (shape_, [7, 13, 15, 19, 21]),
    "Expand": (expand, [8, 13, 21]),
}

# What ONNX allows, ONNX Runtime does not implement either, and we refuse: operator -> generator, opsets, part of the message.
REFUSED = {
    "Gemm": (integer_gemm, [9, 13, 21], "Gemm does not take"),
}


# ---- running -----------------------------------------------------------------------------------------


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
