"""Cases of operators that move elements or tell about them.

A generator takes (Random, opset) and gives a Case; some are made by a function of their variants.
"""

import numpy as np

from op_cases.case import Case, const, fed, ints


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


def shape_(r, opset):
    shape = r.shape(1, 4)
    if opset >= 15 and r.chance():
        return Case([fed(r.normal(*shape))], start=r.between(-2, 1), end=r.choice([None, len(shape), -1]))
    return Case([fed(r.normal(*shape))])


def expand(r, opset):
    shape = r.shape(1, 4)
    return Case([fed(r.normal(*r.broadcastable(shape))), ints(*shape)])
