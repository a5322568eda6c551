"""The architectures that the bench measures, as ONNX graphs with seeded random weights.

Batch normalization is folded into the convolutions, as exporters do. The batch is left open. The same name gives the
same file, byte for byte. The time of a product does not depend on its values.
"""
import os
import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 13


class Network:
    """Nodes in a row: each method adds one after the named value (default: the latest) and returns its output's name."""

    def __init__(self, name, shape):
        self.name, self.rng = name, np.random.default_rng(zlib.crc32(name.encode()))
        self.nodes, self.weights = [], []
        self.input = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", *shape])
        self.last, self.channels = "input", shape[0]

    def add(self, op, inputs, **attributes):
        output = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        self.last = output
        return output

    def weight(self, *shape):
        """He-normal over all dimensions but the first; for one dimension, a small bias."""
        scale = np.sqrt(2.0 / np.prod(shape[1:])) if len(shape) > 1 else 0.01
        values = self.rng.standard_normal(shape, dtype=np.float32) * np.float32(scale)
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def conv(self, outputs, kernel, stride=1, pad=None, groups=1, source=None, channels=None):
        channels = channels or self.channels
        pad = kernel // 2 if pad is None else pad
        inputs = [source or self.last, self.weight(outputs, channels // groups, kernel, kernel), self.weight(outputs)]
        self.channels = outputs
        return self.add("Conv", inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)

    def relu(self):
        return self.add("Relu", [self.last])

    def relu6(self):
        if "zero" not in {w.name for w in self.weights}:
            self.weights += [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(np.float32(6), "six")]
        return self.add("Clip", [self.last, "zero", "six"])

    def pool(self, kernel, stride, pad=0):
        return self.add("MaxPool", [self.last], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def plus(self, a, b):
        return self.add("Add", [a, b])

    def flatten(self, features):
        self.channels = features
        return self.add("Flatten", [self.last], axis=1)

    def dense(self, outputs, activation=None):
        inputs = [self.last, self.weight(outputs, self.channels), self.weight(outputs)]
        self.channels = outputs
        self.add("Gemm", inputs, transB=1)
        return self.add(activation, [self.last]) if activation else self.last

    def model(self):
        output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", self.channels])
        self.nodes[-1].output[0] = "output"
        graph = helper.make_graph(self.nodes, self.name, [self.input], [output], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def _bottleneck(net, width, stride, project):
    start, channels = net.last, net.channels
    net.conv(width, 1)
    net.relu()
    net.conv(width, 3, stride)
    net.relu()
    body = net.conv(width * 4, 1)
    skip = net.conv(width * 4, 1, stride, source=start, channels=channels) if project else start
    net.plus(body, skip)
    net.relu()


def _basic(net, width, stride, project):
    start, channels = net.last, net.channels
    net.conv(width, 3, stride)
    net.relu()
    body = net.conv(width, 3)
    skip = net.conv(width, 1, stride, source=start, channels=channels) if project else start
    net.plus(body, skip)
    net.relu()


def _resnet(name, block, expansion, depths):
    net = Network(name, [3, 224, 224])
    net.conv(64, 7, 2)
    net.relu()
    net.pool(3, 2, 1)
    for stage, depth in enumerate(depths):
        for index in range(depth):
            width, stride = 64 << stage, 2 if stage > 0 and index == 0 else 1
            block(net, width, stride, index == 0 and (stride > 1 or net.channels != width * expansion))
    net.add("GlobalAveragePool", [net.last])
    net.flatten(net.channels)
    net.dense(1000)
    return net


def resnet50():
    return _resnet("resnet50", _bottleneck, 4, [3, 4, 6, 3])


def resnet18():
    return _resnet("resnet18", _basic, 1, [2, 2, 2, 2])


def vgg16():
    net = Network("vgg16", [3, 224, 224])
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            net.conv(width, 3)
            net.relu()
        net.pool(2, 2)
    net.flatten(512 * 7 * 7)
    net.dense(4096, "Relu")
    net.dense(4096, "Relu")
    net.dense(1000)
    return net


def mobilenetv2():
    net = Network("mobilenetv2", [3, 224, 224])
    net.conv(32, 3, 2)
    net.relu6()
    rows = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for expansion, width, depth, first_stride in rows:
        for index in range(depth):
            start, channels, stride = net.last, net.channels, first_stride if index == 0 else 1
            if expansion > 1:
                net.conv(channels * expansion, 1)
                net.relu6()
            net.conv(net.channels, 3, stride, groups=net.channels)
            net.relu6()
            net.conv(width, 1)
            if stride == 1 and channels == width:
                net.plus(start, net.last)
    net.conv(1280, 1)
    net.relu6()
    net.add("GlobalAveragePool", [net.last])
    net.flatten(1280)
    net.dense(1000)
    return net


def alexnet():
    net = Network("alexnet", [3, 224, 224])
    net.conv(64, 11, 4, 2)
    net.relu()
    net.pool(3, 2)
    net.conv(192, 5)
    net.relu()
    net.pool(3, 2)
    for width in (384, 256, 256):
        net.conv(width, 3)
        net.relu()
    net.pool(3, 2)
    net.flatten(256 * 6 * 6)
    net.dense(4096, "Relu")
    net.dense(4096, "Relu")
    net.dense(1000)
    return net


def lenet5():
    net = Network("lenet5", [1, 28, 28])
    net.conv(6, 5)
    net.relu()
    net.pool(2, 2)
    net.conv(16, 5, pad=0)
    net.relu()
    net.pool(2, 2)
    net.flatten(16 * 5 * 5)
    net.dense(120, "Relu")
    net.dense(84, "Relu")
    net.dense(10)
    return net


def mlp():
    net = Network("mlp", [784])
    net.dense(4096, "Relu")
    net.dense(4096, "Relu")
    net.dense(10)
    return net


def fc4096():
    net = Network("fc4096", [4096])
    net.dense(4096)
    return net


def conv64():
    net = Network("conv64", [64, 56, 56])
    net.conv(64, 3)
    return net


def conv256():
    net = Network("conv256", [256, 14, 14])
    net.conv(256, 3)
    return net


def vgg_fc6():
    net = Network("vgg_fc6", [25088])
    net.dense(4096)
    return net


def write(build, path):
    """Writes the network that `build` makes, unless the file is there already."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        onnx.save(build().model(), part)
        os.replace(part, path)
    return path
