#!/usr/bin/env python3
"""ONNX Runtime as a worker of `make bench`: see protocol.py."""
import time

import numpy as np
import onnxruntime

import protocol

IMPORTED_AT = time.monotonic()
TYPES = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(int64)": np.int64}


def load(args):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    feeds = {}
    for value in session.get_inputs():
        shape = protocol.shape_of(value.shape, args.batch)
        feeds[value.name] = protocol.random_input(shape, TYPES[value.type])
    batch = next(iter(feeds.values())).shape[0]
    # Bound to fixed memory: no output is allocated or copied for Python in a run.
    binding = session.io_binding()
    for name, array in feeds.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    for output in session.get_outputs():
        binding.bind_output(output.name)
    return lambda: session.run_with_iobinding(binding), batch


if __name__ == "__main__":
    protocol.serve("onnxruntime", onnxruntime.__version__, load, protocol.arguments(["fp32", "int8"]).parse_args(), IMPORTED_AT)
