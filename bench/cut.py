"""The best that a peer can do with a layer whose K is cut: fewer input channels, and smaller weights.

Before every product but the first (the only one is cut too), Gather takes channels drawn by chance, or Slice takes the
first ones; the product's weights lose the others. A peer has no way to drop single entries of K.
"""
import os
import zlib

import numpy as np
import onnx
from onnx import helper, numpy_helper

import models

FOLDER = models.ROOT / "build" / "bench" / "cut"


class _Cutter:
    def __init__(self, model, keep, how):
        self.graph, self.keep, self.how = model.graph, keep, how
        self.weights = {tensor.name: tensor for tensor in self.graph.initializer}
        self.rng = np.random.default_rng(zlib.crc32(self.graph.name.encode()))

    def axes(self, node):
        """(input channel axis of the data, of the weights), or nothing where `node` is no product to cut."""
        if len(node.input) < 2 or node.input[1] not in self.weights:
            return None
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Conv" and attributes.get("group", 1) == 1:
            return 1, 1
        if node.op_type == "Gemm" and not attributes.get("transA", 0):
            return 1, 1 if attributes.get("transB", 0) else 0
        if node.op_type == "MatMul" and len(self.weights[node.input[1]].dims) == 2:
            return -1, 0
        return None

    def constant(self, name, values):
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(values, np.int64), name))
        return name

    def cut(self, node):
        """The node that selects channels before `node`, which then reads them with smaller weights."""
        data_axis, weight_axis = self.axes(node)
        tensor = self.weights[node.input[1]]
        values = numpy_helper.to_array(tensor)
        channels = values.shape[weight_axis]
        count = max(1, round(self.keep * channels))
        kept = np.sort(self.rng.permutation(channels)[:count]) if self.how == "gather" else np.arange(count)
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(np.take(values, kept, weight_axis)), tensor.name))
        name = f"{node.output[0]}.kept"
        if self.how == "gather":
            select = helper.make_node("Gather", [node.input[0], self.constant(name + ".index", kept)], [name], axis=data_axis)
        else:
            bounds = [self.constant(f"{name}.{i}", [value]) for i, value in enumerate((0, count, data_axis))]
            select = helper.make_node("Slice", [node.input[0], *bounds], [name])
        node.input[0] = name
        return select

    def run(self):
        products = [node for node in self.graph.node if self.axes(node)]
        wanted = {id(node) for node in products[1:] or products}
        nodes = []
        for node in list(self.graph.node):
            if id(node) in wanted:
                nodes.append(self.cut(node))
            nodes.append(node)
        rebuilt = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del self.graph.node[:]
        self.graph.node.extend(rebuilt)


def cut(path, keep, how):
    """The path of `path`'s network with the share `keep` of each layer's input channels; made when it is missing."""
    target = FOLDER / f"{path.stem}.{how}{round(100 * keep)}.onnx"
    if not target.exists() or target.stat().st_mtime < path.stat().st_mtime:
        model = onnx.load(path)
        _Cutter(model, keep, how).run()
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        onnx.save(model, part)
        os.replace(part, target)
    return target
