"""One random case of an operator, and what cases are made of."""

import numpy as np


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
