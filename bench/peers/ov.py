#!/usr/bin/env python3
"""OpenVINO as a worker of `make bench`: see protocol.py. int8 takes a model that NNCF has quantized."""
import time

import openvino

import protocol

IMPORTED_AT = time.monotonic()
PRECISIONS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}


def load(args):
    core = openvino.Core()
    model = core.read_model(args.model)
    shapes = {}
    for port in model.inputs:
        declared = [dim.get_length() if dim.is_static else -1 for dim in port.get_partial_shape()]
        shapes[port] = protocol.shape_of(declared, args.batch)
    model.reshape(shapes)
    compiled = core.compile_model(model, "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": PRECISIONS[args.format],
        "INFERENCE_NUM_THREADS": args.threads, "NUM_STREAMS": 1})
    request = compiled.create_infer_request()
    for index, port in enumerate(compiled.inputs):
        array = protocol.random_input(list(port.shape), port.element_type.to_dtype())
        request.set_input_tensor(index, openvino.Tensor(array))
    # In the caller's thread and without copies: start_async() costs a small network 0.01 ms.
    return lambda: request.infer(share_outputs=True), compiled.inputs[0].shape[0]


if __name__ == "__main__":
    version = openvino.__version__.split("-")[0]
    protocol.serve("openvino", version, load, protocol.arguments(["fp32", "bf16", "int8"]).parse_args(), IMPORTED_AT)
