#!/usr/bin/env python3
"""Quantizes an .onnx to int8 with NNCF, for OpenVINO. usage: quantize.py MODEL.onnx OUT.xml

For timing only: calibrated on random inputs.
"""
import logging
import os
import pathlib
import sys

import nncf
import openvino

import protocol

SAMPLES = 16


def main(source, target):
    nncf.set_log_level(logging.ERROR)
    model = openvino.Core().read_model(source)
    shapes = {}
    for port in model.inputs:
        declared = [dim.get_length() if dim.is_static else -1 for dim in port.get_partial_shape()]
        shapes[port.any_name] = protocol.shape_of(declared, 1), port.element_type.to_dtype()
    sample = {name: protocol.random_input(shape, dtype) for name, (shape, dtype) in shapes.items()}
    quantized = nncf.quantize(model, nncf.Dataset([sample] * SAMPLES), subset_size=SAMPLES)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"part.{target.name}")
    openvino.save_model(quantized, part, compress_to_fp16=False)
    os.replace(part.with_suffix(".bin"), target.with_suffix(".bin"))
    os.replace(part, target)


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
