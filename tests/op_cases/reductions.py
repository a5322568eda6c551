"""Cases of operators that make one number of several: pooling, reductions, softmax, normalisation across channels.

A generator takes (Random, opset) and gives a Case; some are made by a function of their variants.
"""

import numpy as np

from op_cases.case import Case, fed, ints
from op_cases.products import window


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
