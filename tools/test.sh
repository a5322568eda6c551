#!/usr/bin/env bash
# Every test: format, release build with unit, layer and end-to-end tests, unit tests under ASan and UBSan,
# clang-tidy on changed files. Prints what ran; exits non-zero at the first failure.
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

step "asan: build and unit tests"
cmake --preset asan >/dev/null
cmake --build --preset asan -j "$jobs"
ctest --preset asan -j "$jobs" -L unit

step "clang-tidy on changed files"
tools/lint.sh changed
