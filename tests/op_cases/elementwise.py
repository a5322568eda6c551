"""Cases of operators that work on each element by itself.

A generator takes (Random, opset) and gives a Case; some are made by a function of their variants.
"""

import numpy as np
from onnx import TensorProto

from op_cases.case import Case, const, fed


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


def batch_normalization(r, opset):
    shape = r.shape(2, 4)
    c = shape[1]
    tail = [const(r.normal(c)), const(r.normal(c)), const(r.normal(c)), const(r.positive(c))]
    return Case([fed(r.normal(*shape))] + tail, epsilon=r.choice([None, 1e-3]))


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


def cast(r, opset):
    source = r.choice([np.float32, np.int64, np.int32, np.uint8, np.bool_, np.float64])
    target = r.choice([TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL, TensorProto.DOUBLE])
    return Case([fed((r.normal(*r.shape()) * 9).clip(0 if source == np.uint8 else -99, 99).astype(source))], to=target)


def plain(r, opset):
    return Case([fed(r.normal(*r.shape(0)))])
