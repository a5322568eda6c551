#!/usr/bin/env python3
"""ncnn as a worker of `make bench`: see protocol.py.

pnnx, ncnn's own converter, makes the .param and .bin once and leaves them beside build/bench/ncnn; its time is not
counted. ncnn runs one sample; there is no batch.
"""
import ast
import importlib.metadata
import pathlib
import subprocess
import sys
import sysconfig
import time

import ncnn
import numpy as np

import protocol

IMPORTED_AT = time.monotonic()
BUILT = pathlib.Path(__file__).resolve().parents[2] / "build" / "bench" / "ncnn"


def inputs_of(model):
    """Shapes for one sample and types, from the .onnx."""
    import onnx  # only where something is converted: a user of ncnn has no need of it
    graph = onnx.load(model, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    kinds = {onnx.TensorProto.FLOAT: "f32", onnx.TensorProto.INT32: "i32", onnx.TensorProto.INT64: "i64"}
    return [(protocol.shape_of([dim.dim_value for dim in value.type.tensor_type.shape.dim], 1),
             kinds[value.type.tensor_type.elem_type]) for value in inputs]


def convert(model):
    """The .param of `model`, converted where that is missing. RuntimeError where pnnx fails."""
    source = pathlib.Path(model).resolve()
    folder = BUILT / source.stem
    param = folder / "net.ncnn.param"
    if param.exists() and param.stat().st_mtime >= source.stat().st_mtime:
        return param
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "net.onnx"
    link.unlink(missing_ok=True)
    link.symlink_to(source)
    inputs = inputs_of(model)
    shapes = ",".join(f"[{','.join(map(str, shape))}]{kind}" for shape, kind in inputs)
    (folder / "inputs.txt").write_text(repr(inputs))
    pnnx = pathlib.Path(sysconfig.get_paths()["purelib"]) / "pnnx" / "pnnx"
    if not pnnx.exists():
        raise RuntimeError("pnnx is not installed")
    done = subprocess.run([pnnx, "net.onnx", f"inputshape={shapes}", "fp16=0"], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0 or not param.exists():
        raise RuntimeError(f"cannot convert it (exit code {done.returncode})")
    return param


def load(args):
    if args.batch != 1:
        raise RuntimeError("ncnn has no batch")
    param = convert(args.model)
    net = ncnn.Net()
    net.opt.num_threads = args.threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    if net.load_param(str(param)) != 0 or net.load_model(str(param.with_suffix(".bin"))) != 0:
        raise RuntimeError("ncnn cannot load what pnnx made: a layer is unknown")
    feeds = []
    for index, (shape, kind) in enumerate(ast.literal_eval((param.parent / "inputs.txt").read_text())):
        if kind != "f32":
            raise RuntimeError(f"ncnn takes floats, input {index} is {kind}")
        feeds.append((net.input_names()[index], ncnn.Mat(protocol.random_input(shape[1:], np.float32))))
    outputs = net.output_names()

    def run():
        extractor = net.create_extractor()
        for name, mat in feeds:
            extractor.input(name, mat)
        for name in outputs:
            status, _ = extractor.extract(name)
            if status != 0:
                raise RuntimeError(f"ncnn cannot compute '{name}': status {status}")

    return run, 1


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--convert":
        convert(sys.argv[2])
        sys.exit(0)
    protocol.serve("ncnn", importlib.metadata.version("ncnn"), load, protocol.arguments(["fp32"]).parse_args(), IMPORTED_AT)
