#!/usr/bin/env python3
"""A layer with weights of small magnitude gone, as a sparse matrix times a dense one, by a library that has such a product.

A worker of `make bench-sparse`: see protocol.py. The model is an .onnx of one Gemm or Conv. A convolution is the product of its
weights with the windows that im2col lays out; laying them out is not timed, which flatters the sparse side.
"""
import ctypes
import importlib.metadata
import pathlib
import sys
import time

import numpy as np
import onnx
import scipy.sparse
from onnx import TensorProto, helper, numpy_helper

import protocol

IMPORTED_AT = time.monotonic()


def layer_of(path, batch):
    """Its weights, outputs x K, and how many columns it is multiplied with: samples times output positions."""
    graph = onnx.load(path).graph
    weights = numpy_helper.to_array(next(t for t in graph.initializer if t.name == graph.node[0].input[1]))
    shape = [dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim]
    return weights.reshape(len(weights), -1), batch * int(np.prod(shape[2:])) if len(shape) > 2 else batch


def pruned(weights, keep):
    """The weights of largest magnitude, the rest zero."""
    order = np.argsort(np.abs(weights), axis=None)
    sparse = weights.copy()
    sparse.flat[order[:round((1 - keep) * weights.size)]] = 0
    return sparse


def by_scipy(weights, right, _threads):
    matrix = scipy.sparse.csr_array(weights)
    return lambda: matrix @ right


class _Descr(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("mode", ctypes.c_int), ("diag", ctypes.c_int)]


def by_mkl(weights, right, threads):
    """The inspector-executor interface: told what is coming, then optimised, then run."""
    library = ctypes.CDLL(str(next(pathlib.Path(sys.prefix).glob("lib/libmkl_rt.so*"))))
    library.MKL_Set_Num_Threads(threads)
    csr = scipy.sparse.csr_array(weights)
    ends = csr.indptr[1:].copy()
    pointer = lambda array: array.ctypes.data_as(ctypes.c_void_p)
    general = _Descr(20, 0, 0)
    plain, row_major, one, zero = 10, 101, ctypes.c_float(1), ctypes.c_float(0)
    handle = ctypes.c_void_p()
    rows, columns = weights.shape
    width = right.shape[1]
    out = np.empty((rows, width), np.float32)

    def checked(status):
        if status != 0:
            raise RuntimeError(f"MKL's status {status}")

    checked(library.mkl_sparse_s_create_csr(ctypes.byref(handle), 0, rows, columns, pointer(csr.indptr), pointer(ends),
                                            pointer(csr.indices), pointer(csr.data)))
    if width == 1:
        library.mkl_sparse_set_mv_hint(handle, plain, general, 1000)
        run = lambda: (library.mkl_sparse_s_mv(plain, one, handle, general, pointer(right), zero, pointer(out)), out)[1]
    else:
        library.mkl_sparse_set_mm_hint(handle, plain, general, row_major, width, 1000)
        run = lambda: (library.mkl_sparse_s_mm(plain, one, handle, general, row_major, pointer(right), width, width, zero,
                                               pointer(out), width), out)[1]
    checked(library.mkl_sparse_optimize(handle))
    run.keeps = csr, ends  # MKL points into them
    return run


def by_onnxruntime(weights, right, threads):
    """Its contributed operator SparseToDenseMatMul."""
    import onnxruntime
    csr = scipy.sparse.csr_array(weights)
    sparse_type = helper.make_sparse_tensor_type_proto(TensorProto.FLOAT, list(weights.shape))
    graph = helper.make_graph(
        [helper.make_node("SparseToDenseMatMul", ["w", "x"], ["y"], domain="com.microsoft")], "sparse",
        [helper.make_value_info("w", sparse_type), helper.make_tensor_value_info("x", TensorProto.FLOAT, list(right.shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [weights.shape[0], right.shape[1]])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    device = onnxruntime.OrtDevice.make("cpu", 0)
    matrix = onnxruntime.SparseTensor.sparse_csr_from_numpy(
        np.array(weights.shape, np.int64), csr.data, csr.indices.astype(np.int64), csr.indptr.astype(np.int64), device)
    feeds = {"w": onnxruntime.OrtValue.ort_value_from_sparse_tensor(matrix), "x": onnxruntime.OrtValue.ortvalue_from_numpy(right)}
    return lambda: session.run_with_ort_values(["y"], feeds)[0].numpy()


LIBRARIES = {"scipy": by_scipy, "mkl": by_mkl, "onnxruntime": by_onnxruntime}


def load(args):
    """The run, its first result compared with the dense product, and the batch size."""
    weights, columns = layer_of(args.model, args.batch)
    weights = pruned(weights, args.keep)
    right = protocol.random_input([weights.shape[1], columns], np.float32)
    run = LIBRARIES[args.library](weights, right, args.threads)
    got, wanted = run().copy(), weights @ right
    if not np.allclose(got, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max()):
        raise RuntimeError(f"{args.library}'s result is wrong by up to {np.abs(got - wanted).max():.3g}")
    return run, args.batch


if __name__ == "__main__":
    parser = protocol.arguments(["fp32"])
    parser.add_argument("--library", choices=LIBRARIES, required=True)
    parser.add_argument("--keep", type=float, required=True, help="share of the weights that stays")
    arguments = parser.parse_args()
    protocol.serve(arguments.library, importlib.metadata.version(arguments.library), load, arguments, IMPORTED_AT)
