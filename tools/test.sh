#!/usr/bin/env bash
# Format, the release build with its unit, layer and end-to-end tests, clang-tidy on changed files. Prints what ran;
# exits non-zero at the first failure. The unit tests under ASan and UBSan are `make test-asan`.
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}

step() { printf '\n== %s\n' "$*"; }

step "format"
git ls-files -co --exclude-standard '*.cc' '*.h' | xargs clang-format-16 --dry-run --Werror

step "release: build and all tests"
cmake --preset release >/dev/null
cmake --build --preset release -j "$jobs"
ctest --preset release -j "$jobs"

step "clang-tidy on changed files"
tools/lint.sh changed
