#!/usr/bin/env python3
"""Checks who includes whom: each module of deftnn/ may include only the modules below it.

usage: check_layers.py SOURCE_DIR      exit 1 and one line per violation otherwise
"""
import pathlib
import re
import sys

BELOW_PIPELINE = ("base report data graph ops onnx passes analysis sve ndf kernels package runtime tune").split()
ALLOWED = {
    "base": [],
    "report": ["base"],
    "data": ["base"],
    "graph": ["base"],
    "ops": ["base", "graph"],
    "onnx": ["base", "report", "graph", "ops"],
    "passes": ["base", "report", "graph", "ops"],
    "analysis": ["base", "report", "graph", "ops"],
    "sve": ["base", "report", "graph", "ops", "analysis"],
    "ndf": ["base", "report", "graph", "ops", "analysis"],
    "kernels": ["base", "ndf/formats"],
    "package": ["base", "graph", "ndf"],
    "runtime": ["base", "report", "graph", "ops", "passes", "ndf", "kernels", "package"],
    "tune": ["base", "report", "data", "graph", "ops", "analysis", "sve", "ndf", "runtime"],
    "pipeline": BELOW_PIPELINE,
    "api": ["base", "report", "graph", "ndf", "runtime", "pipeline"],
    "cli": ["base", "report", "pipeline"],
    "python": ["base", "report", "runtime", "pipeline"],
}
TESTS_MAY_REACH = [m for m in ALLOWED if m not in ("tune", "pipeline", "api", "cli", "python")]
INCLUDE = re.compile(r'^\s*#\s*include\s+"deftnn/([^"]+)"', re.M)


def violations(root):
    for path in sorted((root / "deftnn").rglob("*")):
        if path.suffix not in (".h", ".cc", ".inc", ".cu", ".cuh"):
            continue
        module = path.relative_to(root / "deftnn").parts[0]
        if module not in ALLOWED:
            yield f"{path}: folder '{module}' is not in the list of modules"
            continue
        allowed = ALLOWED[module] + [module]
        if path.stem.endswith(("_test", "_bench")):
            allowed = allowed + TESTS_MAY_REACH
        for included in INCLUDE.findall(path.read_text()):
            if not (root / "deftnn" / included).exists():
                continue  # a public header of include/deftnn
            if not any(included.startswith(a + "/") for a in allowed):
                yield f"{path}: '{module}' may not include deftnn/{included}"


if __name__ == "__main__":
    found = list(violations(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
    print("\n".join(found) or "layers: every include goes down")
    sys.exit(1 if found else 0)
