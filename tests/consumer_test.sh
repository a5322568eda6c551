#!/usr/bin/env bash
# usage: consumer_test.sh BUILD_DIR SOURCE_DIR
# Installs BUILD_DIR to an empty folder, builds tests/consumer against it, and runs it on the demo's model.
set -euo pipefail
build=$(realpath "$1")
source=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >/dev/null

# The installed files name no folder of this tree.
if grep -rlF -e "$source" -e "$build" "$work/prefix/include" "$work/prefix/lib/"*/cmake "$work/prefix/lib/cmake" 2>/dev/null; then
  echo "consumer_test: the files above name the source or the build tree" >&2
  exit 1
fi
# A public header includes the standard library and other public headers only, and asks for no macro.
if grep -rnE '^#\s*(include "(deftnn/.*/|[^d])|include <[^>]*[./]|if|ifdef|ifndef)' "$work/prefix/include"; then
  echo "consumer_test: the lines above do not belong in a public header" >&2
  exit 1
fi

compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
cmake -S "$source/tests/consumer" -B "$work/build" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_CXX_COMPILER="$compiler" >/dev/null
cmake --build "$work/build"
"$work/build/consumer" "$source/examples/fashion_mnist/fashion_vgg.onnx"
"$work/prefix/bin/deftnn" --version
