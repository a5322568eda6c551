"""What the whole-product tests share: running the program, and writing the files that it reads."""
import array
import ast
import gzip
import os
import pathlib
import struct
import subprocess
import zipfile

FASHION_MNIST = pathlib.Path(os.environ.get("FASHION_MNIST_DIR", "/usr/share/datasets/fashion-mnist"))
SKIPPED = 77  # exit code that ctest shows as a skip
TRAINED_ON = 50000  # training pictures that the demo's network has seen
PIXELS = 28 * 28


class Product:
    """The program under test, run in one folder."""

    def __init__(self, binary, folder):
        self.binary, self.folder = os.path.abspath(binary), str(folder)

    def run(self, *arguments, timeout=300, **environment):
        """The finished process: returncode (negative: a signal), stdout, stderr."""
        return subprocess.run([self.binary, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True,
                              errors="replace", timeout=timeout, env={**os.environ, **environment})


def cut_idx(source, target, header_bytes, item_bytes, begin, count):
    """Writes items [begin, begin + count) of an IDX .gz file as another."""
    with gzip.open(source) as stream:
        header = bytearray(stream.read(header_bytes))
        stream.read(begin * item_bytes)
        items = stream.read(count * item_bytes)
    header[4:8] = struct.pack(">I", count)
    with gzip.open(target, "wb", compresslevel=1) as stream:
        stream.write(bytes(header) + items)


def cut_fashion_mnist(kind, folder, name, begin, count):
    """Pictures and labels of `kind` (train or t10k); returns the pictures' path."""
    pictures = pathlib.Path(folder) / f"{name}-images-idx3-ubyte.gz"
    cut_idx(FASHION_MNIST / f"{kind}-images-idx3-ubyte.gz", pictures, 16, PIXELS, begin, count)
    cut_idx(FASHION_MNIST / f"{kind}-labels-idx1-ubyte.gz", pathlib.Path(folder) / f"{name}-labels-idx1-ubyte.gz",
            8, 1, begin, count)
    return pictures


def npy_bytes(values, shape, descr="<f4"):
    """A .npy file of a flat list of float32 (or, by descr, float64 '<f8', int64 '<i8', uint8 '|u1')."""
    code = {"<f4": "f", "<f8": "d", "<i8": "q", "|u1": "B"}[descr]
    dims = "".join(f"{d}, " for d in shape)
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + array.array(code, values).tobytes()


def write_npz(path, **members):
    """An .npz of .npy bytes by name."""
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


def read_npy(path):
    """Values and shape of a float32 .npy file."""
    content = pathlib.Path(path).read_bytes()
    size = struct.unpack_from("<H", content, 8)[0]
    header = ast.literal_eval(content[10:10 + size].decode())
    assert header["descr"] == "<f4" and not header["fortran_order"], header
    return array.array("f", content[10 + size:]), header["shape"]


def normalised_pictures(path, count):
    """The first pictures of an IDX .gz as the demo's preprocess.json makes them: a flat list of floats."""
    with gzip.open(path) as stream:
        stream.read(16)
        return [(byte / 255 - 0.2860) / 0.3530 for byte in stream.read(count * PIXELS)]
