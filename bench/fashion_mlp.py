"""Trains an MLP 784-1024-512-256-10 on Fashion-MNIST the way examples/fashion_mnist/train.cc trains the demo's network:
the first 50,000 training pictures, moved by up to 2 pixels and mirrored, label smoothing 0.1, SGD with Nesterov momentum,
weight decay on the weights, a learning rate that rises over the first quarter and falls to 0 over the rest.

The seed fixes the first weights, the shuffling and the augmentation; another BLAS or number of threads sums in another order
and makes a network of like accuracy, not the same bytes.
"""
import os
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import splits

WIDTHS = (784, 1024, 512, 256, 10)
EPOCHS, BATCH, PEAK_RATE = 12, 128, 0.05
MOMENTUM, DECAY, SMOOTHING, MAX_SHIFT = 0.9, 5e-4, 0.1, 2


def _rate(step, steps):
    at = (step + 0.5) / steps
    return PEAK_RATE * (0.1 + 3.6 * at if at < 0.25 else (1 - at) / 0.75)


def _augmented(padded, chosen, rng):
    """Rows of 784: the chosen pictures moved and mirrored; `padded` has MAX_SHIFT black pixels around each."""
    top, left = rng.integers(0, 2 * MAX_SHIFT + 1, (2, len(chosen)))
    columns = np.arange(28) + np.zeros((len(chosen), 1), int)
    mirrored = rng.integers(0, 2, len(chosen)).astype(bool)
    columns[mirrored] = columns[mirrored, ::-1]
    rows = top[:, None, None] + np.arange(28)[None, :, None]
    return padded[chosen[:, None, None], rows, left[:, None, None] + columns[:, None, :]].reshape(len(chosen), 784)


def _outputs(weights, biases, x):
    """Of every layer, the first being x; ReLU but for the last."""
    values = [x]
    for index, (w, b) in enumerate(zip(weights, biases)):
        y = values[-1] @ w.T + b
        values.append(np.maximum(y, 0) if index + 1 < len(weights) else y)
    return values


def _gradients(weights, values, labels):
    """Of the mean smoothed cross-entropy, by weights and by biases."""
    logits = values[-1]
    shares = np.exp(logits - logits.max(1, keepdims=True))
    error = shares / shares.sum(1, keepdims=True) - SMOOTHING / logits.shape[1]
    error[np.arange(len(labels)), labels] -= 1 - SMOOTHING
    error /= np.float32(len(labels))
    by_weights, by_biases = [], []
    for index in reversed(range(len(weights))):
        by_weights.insert(0, error.T @ values[index])
        by_biases.insert(0, error.sum(0))
        if index:
            error = (error @ weights[index]) * (values[index] > 0)
    return by_weights, by_biases


def _train(seed):
    rng = np.random.default_rng(seed)
    x, y = splits.fashion("train")
    x, y = x[:splits.FASHION_TRAINED_ON, 0], y[:splits.FASHION_TRAINED_ON]
    margin = ((0, 0), (MAX_SHIFT, MAX_SHIFT), (MAX_SHIFT, MAX_SHIFT))
    padded = np.pad(x, margin, constant_values=-splits.FASHION_MEAN / splits.FASHION_STD)
    weights = [rng.standard_normal((o, i), np.float32) * np.float32(np.sqrt(2 / i)) for i, o in zip(WIDTHS, WIDTHS[1:])]
    biases = [np.zeros(o, np.float32) for o in WIDTHS[1:]]
    parameters = [(w, DECAY) for w in weights] + [(b, 0) for b in biases]
    momenta = [np.zeros_like(p) for p, _ in parameters]
    steps_an_epoch = len(x) // BATCH
    begin = time.monotonic()
    for epoch in range(EPOCHS):
        order = rng.permutation(len(x))
        for step in range(steps_an_epoch):
            chosen = order[step * BATCH:(step + 1) * BATCH]
            values = _outputs(weights, biases, _augmented(padded, chosen, rng))
            rate = np.float32(_rate(epoch * steps_an_epoch + step, EPOCHS * steps_an_epoch))
            by_weights, by_biases = _gradients(weights, values, y[chosen])
            for (parameter, decay), momentum, gradient in zip(parameters, momenta, by_weights + by_biases):
                gradient += np.float32(decay) * parameter
                momentum *= np.float32(MOMENTUM)
                momentum += gradient
                parameter -= rate * (gradient + np.float32(MOMENTUM) * momentum)
        print(f"fashion_mlp: epoch {epoch + 1} of {EPOCHS}, {time.monotonic() - begin:.0f} s", flush=True)
    return weights, biases


def _model(weights, biases):
    nodes, tensors, last = [helper.make_node("Flatten", ["image"], ["flat"], name="flatten", axis=1)], [], "flat"
    for index, (w, b) in enumerate(zip(weights, biases), 1):
        end = index == len(weights)
        tensors += [numpy_helper.from_array(w, f"w{index}"), numpy_helper.from_array(b, f"b{index}")]
        output = "logits" if end else f"y{index}"
        nodes.append(helper.make_node("Gemm", [last, f"w{index}", f"b{index}"], [output], name=f"fc{index}", transB=1))
        if not end:
            last = f"relu{index}"
            nodes.append(helper.make_node("Relu", [output], [last], name=last))
    graph = helper.make_graph(nodes, "fashion_mlp",
                              [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", WIDTHS[-1]])], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def write(path, seed=1):
    """Trains where the file is not there: a minute or two. Returns the path."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        onnx.save(_model(*_train(seed)), part)
        os.rename(part, path)
    return path
