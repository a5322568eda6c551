"""Cases of products.

A generator takes (Random, opset) and gives a Case; some are made by a function of their variants.
"""

import numpy as np

from op_cases.case import Case, const, fed


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
